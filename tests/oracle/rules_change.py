"""Who may change what, said as plainly as rules.py says who may see what: the record that somebody
wants to append, held against what that one has now."""

from rules import lies_in
from rules_lake import above, place_of


class Changer:
    """An Asker as somebody who changes things."""

    def __init__(self, asker):
        self.asker, self.rules, self.lake = asker, asker.rules, asker.lake

    def has(self, *permissions):
        return set(permissions) <= self.asker.permissions

    # Edits and folders as things of their own

    def owns(self, id):
        edit = self.lake.edits.get(id)
        return edit is not None and edit.state != "removed" and edit.owner in self.asker.names

    def token_lets_edit(self, action, id):
        details = self.asker.details
        return details is None or any(
            action in d.get("actions", [action]) and id in d.get("edits", [id]) and "locations" not in d for d in details)

    def with_edit(self, action, id):
        """May the asker do `action` with the edit itself? What it may do at all is asked apart."""
        edit = self.lake.edits.get(id)
        if not self.asker.names or edit is None or not self.token_lets_edit(action, id):
            return False
        listed = self.lake.settings["acl.enabled"] and self.asker.listed(("edit", id), action)
        return self.asker.superuser or edit.state != "removed" and (self.owns(id) or listed)

    def token_lets_folder(self, action, folder):
        details = self.asker.details
        return details is None or any(
            action in d.get("actions", [action]) and "edits" not in d and
            ("locations" not in d or any(lies_in(folder, at) for at in d["locations"]))
            for d in details)

    def with_folder(self, action, folder):
        """May the asker do `action` with a folder as a collection? Its key ends in '/'; "" is the
        root. A folder has no class, and there is nothing in it to open."""
        if not self.asker.names or not self.token_lets_folder(action, folder):
            return False
        return self.asker.superuser or (
            self.asker.permitted("list" if action == "read" else action, folder) and
            self.asker.lake_lets(action) and
            self.asker.guards_admit(folder) and self.asker.by_list(action, folder))

    def with_place(self, action, place):
        """The same of a place: an object, a folder, an edit or the lake."""
        if place == ("lake",):
            return bool(self.asker.names) and (self.asker.superuser or
                                               self.asker.listed(place, action))
        if place[0] == "edit":
            return self.with_edit(action, place[1])
        if place[1] == "" or place[1].endswith("/"):
            return self.with_folder(action, place[1])
        return self.asker.allow(action, place[1], self.t)

    # Records

    def allowed(self, body, t):
        """May the asker append that record at `t`?"""
        self.t = t
        if not self.asker.names:
            return False
        return self.asker.superuser or getattr(self, "op_" + body["op"])(body)

    def may_share(self, id):
        return self.with_edit("modify_all_access", id)

    def op_grant(self, body):
        return self.has("access_write") and self.may_share(body["edit"])

    def op_revoke(self, body):
        return (self.has("access_write") or self.has("access_delete")) and \
            self.may_share(body["edit"])

    def op_acl(self, body):
        place = place_of(body)
        permission = "storage_write" if place == ("lake",) else "access_write"
        return self.has(permission) and self.with_place("modify_all_access", place)

    def op_metadata(self, body):
        return self.has("access_write") and self.with_place("modify_all_access", place_of(body))

    def op_class(self, body):
        """Who gives a class away, or takes it, must be able to write what is of the class."""
        before = set(self.lake.classes.get(place_of(body)) or [])
        changed = before ^ set(body["classes"] or [])
        writable = {name for (principal, name), actions in self.lake.policies.items()
                    if principal in self.asker.names and "write" in actions}
        return self.op_metadata(body) and changed <= writable

    def op_policy(self, _):
        return False

    op_role = op_settings = op_init = op_policy

    def op_ranges(self, _):
        return self.has("settings_write", "settings_write_all", "settings_read",
                        "settings_read_all")

    def is_admin(self, site, group):
        rules = self.lake.groups.get((site, group))
        return rules is not None and self.asker.has_name() and \
            self.asker.is_one_of(rules.get("admins") or [])

    def op_access_group(self, body):
        return self.has("access_write") and self.is_admin(body["site"], body["group"])

    def op_protect(self, body):
        place = place_of(body)
        group = self.lake.protected.get(place[1])
        if group is None:
            return self.has("access_write") and self.with_place("modify_all_access", place)
        inside = place[1] == "" or place[1].endswith("/")
        return self.is_admin(self.rules.site(place[1] if inside else above(place[1])[0]), group)

    def op_edit(self, body):
        if not self.has("asset_write", "timespan_write"):
            return False
        return body["edit"] not in self.lake.edits or self.with_edit("write", body["edit"])

    def op_disable(self, body):
        return self.with_edit("write", body["edit"])

    op_enable = op_disable

    def op_remove(self, body):
        return self.has("asset_delete") and self.may_share(body["edit"])

    def op_tagged(self, _):
        return self.has("asset_write")

    def op_inventory(self, _):
        return self.has("storage_file_write")

    op_media = op_inventory
