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
            action in d.get("actions", [action]) and id in d.get("edits", [id]) and
            "locations" not in d for d in details)

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

    def with_place(self, place):
        """May the asker say who may do what there? Of a place that is not there, only a superuser
        whose token leaves it the whole lake."""
        if place[0] == "edit":
            return self.with_lake("modify_all_access") and \
                self.with_edit("modify_all_access", place[1])
        if place[1] not in self.living():
            return self.asker.superuser and self.asker.details is None
        if place[1] == "" or place[1].endswith("/"):
            return self.with_folder("modify_all_access", place[1])
        return self.asker.allow("modify_all_access", place[1], self.t)

    def living(self):
        names = {path for _, path, _ in self.lake.names(self.rules.showable)}
        return self.rules.showable | {folder for path in self.rules.showable | names
                                      for folder in above(path)}

    def with_lake(self, action):
        """The lake's own list stands before whatever happens in it."""
        return self.asker.superuser or self.asker.lake_lets(action)

    def whole(self, action):
        """Does the token leave the asker that action everywhere? What is about no object and no
        edit is outside of a token that is about some."""
        return self.asker.details is None or any(
            action in d.get("actions", [action]) and "edits" not in d and "locations" not in d
            for d in self.asker.details)

    # Records

    def allowed(self, body, t):
        """May the asker append that record at `t`?"""
        self.t = t
        return bool(self.asker.names) and getattr(self, "op_" + body["op"])(body)

    def may_share(self, id):
        return self.with_place(("edit", id))

    def may_write(self, id):
        return self.with_lake("write") and self.with_edit("write", id)

    def reads_media(self, id):
        """Who hands out what an edit shows must see all of it himself, now."""
        edit = self.lake.edits[id]
        held = edit.keys.union(*(keys for keys, until in edit.retired if self.t < until))
        return self.asker.superuser or all(
            self.asker.allow("list", key, self.t) for key in held if key in self.rules.showable)

    def op_grant(self, body):
        return self.has("access_write") and self.may_share(body["edit"]) and \
            self.reads_media(body["edit"])

    def op_revoke(self, body):
        return (self.has("access_write") or self.has("access_delete")) and \
            self.may_share(body["edit"])

    def op_acl(self, body):
        if "lake" not in body:
            opens = any(set(e["accessTypes"]) - {"write", "modify_all_access", "modify_acl_access"}
                        for e in body["entries"])
            return self.has("access_write") and self.with_place(place_of(body)) and \
                (not opens or "edit" not in body or self.reads_media(body["edit"]))
        return self.has("storage_write") and self.whole("modify_all_access") and \
            (self.asker.superuser or self.asker.listed(("lake",), "modify_all_access"))

    def op_metadata(self, body):
        return self.may_say(body) and \
            (not body["fields"] or "edit" not in body or self.reads_media(body["edit"]))

    def may_say(self, body):
        return self.has("access_write") and self.with_place(place_of(body))

    def classes_with(self, place, own):
        """What is of effect at a place that has that set of its own, or None."""
        if own is not None:
            return set(own)
        if place[0] == "edit":
            return set()
        sets = [self.lake.classes.get(("path", folder)) for folder in above(place[1])]
        found = set(next((s for s in sets if s is not None), []))
        for id, edit in self.lake.edits.items():
            if edit.state == "enabled" and place[1] in edit.keys:
                found |= set(self.lake.classes.get(("edit", id), []))
        return found

    def op_class(self, body):
        """Who gives a class, or takes it, must be able to write what is of the class; also where
        it is an own set that takes away what was inherited."""
        place = place_of(body)
        changed = self.classes_with(place, self.lake.classes.get(place)) ^ \
            self.classes_with(place, body["classes"])
        writable = {name for (principal, name), actions in self.lake.policies.items()
                    if principal in self.asker.names and "write" in actions}
        return self.may_say(body) and (self.asker.superuser or changed <= writable) and \
            (not body["classes"] or "edit" not in body or self.reads_media(body["edit"]))

    def op_policy(self, _):
        return self.asker.superuser and self.whole("modify_all_access")

    op_role = op_settings = op_init = op_policy

    def op_ranges(self, _):
        return self.whole("modify_all_access") and \
            self.has("settings_write", "settings_write_all", "settings_read", "settings_read_all")

    def is_admin(self, site, group):
        rules = self.lake.groups.get((site, group))
        return rules is not None and self.asker.has_name() and \
            self.asker.is_one_of(rules.get("admins") or [])

    def op_access_group(self, body):
        """An admin changes what is there; with a first group a site begins, and with its last one
        it ends, which is more than that."""
        return self.has("access_write") and self.whole("modify_all_access") and \
            (self.asker.superuser or
             body["rules"] is not None and self.is_admin(body["site"], body["group"]))

    def op_protect(self, body):
        place = place_of(body)
        group = self.lake.protected.get(place[1])
        if group is None or place[1] not in self.living():
            return self.has("access_write") and self.with_place(place)
        inside = place[1] == "" or place[1].endswith("/")
        site = self.rules.site(place[1] if inside else above(place[1])[0])
        return self.has("access_write") and self.whole("modify_all_access") and \
            (self.asker.superuser or self.is_admin(site, group))

    def op_edit(self, body):
        """Who ingests an edit owns it: nobody else is made its owner."""
        if not self.has("asset_write", "timespan_write"):
            return False
        if body["edit"] in self.lake.edits:
            return self.may_write(body["edit"])
        return self.with_lake("write") and self.whole("write") and \
            (self.asker.superuser or body.get("owner", "") in ("", self.asker.names[0]))

    def op_disable(self, body):
        return self.has("asset_write") and self.may_write(body["edit"])

    op_enable = op_disable

    def op_remove(self, body):
        return self.has("asset_delete") and self.may_share(body["edit"])

    def op_tagged(self, _):
        return self.has("asset_write") and self.with_lake("write") and self.whole("write")

    def op_inventory(self, _):
        return self.has("storage_file_write") and self.with_lake("write") and self.whole("write")

    op_media = op_inventory
