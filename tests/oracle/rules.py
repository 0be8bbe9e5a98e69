"""The rule language, said as plainly as Python can: who may do what with which object, and when.

    allow = not anonymous, and within the token, and
            ( superuser, or role and list of the lake and every guard and some way in )

Every question looks at every rule; nothing is compiled, sorted or indexed.  Written from the
contract and from what Accurate Video, the BBC, Boston University and Shot Locker say of their own.
"""

import functools
import ipaddress
import re

from rules_lake import above, edit_of_file

# ---- roles: Accurate Video's permissions, the BBC's scopes and bundles of scopes ----------------

KINDS = ("asset", "metadata", "metadata_group", "timespan", "access", "storage",
         "storage_metadata", "storage_file", "file", "file_metadata", "job", "settings")
PERMISSIONS = {f"{kind}_{verb}" for kind in KINDS for verb in ("read", "write", "delete")} | {
    "timespan_export", "file_read_original", "job_view", "poster_create", "render", "usage_read",
    "settings_read_all", "settings_write_all", "analysis_write"}
# Single types of settings: known as roles, and no permission of this program.
TYPED = re.compile("settings_(read|write)_.+")
SCOPES = {
    "read": {p for p in PERMISSIONS if p.endswith("_read")} | {"job_view"},
    "write": {p for p in PERMISSIONS if p.endswith(("_write", "_export"))} |
             {"poster_create", "render"},
    "delete": {p for p in PERMISSIONS if p.endswith("_delete")}}
BUNDLES = {"administrator": ("read", "write", "delete"), "viewer": ("read",),
           "editor": ("read", "write"), "store-writer": ("write",),
           "store-cleanup-system": ("delete",)}
SUPERUSER = "superuser"
ACTIONS = ("read", "write", "modify_all_access")
EVERYONE = ("authenticated", "entire-bu-community")


def builtin(name):
    """The permissions of a name that needs no record; None: not such a name."""
    if name == SUPERUSER:
        return PERMISSIONS | {SUPERUSER}
    if name in PERMISSIONS:
        return {name}
    if TYPED.fullmatch(name):
        return set()
    if name in BUNDLES:
        return set().union(*(SCOPES[scope] for scope in BUNDLES[name]))
    return SCOPES.get(re.sub("^(tams-api|shotlake)/", "", name))


def right(action):
    """The right of which the permission to list is a part."""
    return "read" if action == "list" else action


# ---- what holds for everybody ------------------------------------------------------------------


class Rules:
    """The rules of a lake at one position; the lake must not change meanwhile."""

    def __init__(self, lake):
        self.lake = lake
        self.showable = lake.showable()
        self.classes = functools.cache(self.classes)
        self.guards = functools.cache(self.guards)
        self.propagates = functools.cache(self.propagates)
        self.lists_over = functools.cache(self.lists_over)
        self.shown = functools.cache(lambda edit, t: self.lake.edits[edit].shown(t))

    # Classes: set on a collection they hold for all in it, unless set again below.

    def classes(self, key):
        own = self.lake.classes.get(("path", key))
        if own is not None:
            return set(own)
        sets = [self.lake.classes.get(("path", folder)) for folder in above(key)]
        found = set(next((s for s in sets if s is not None), []))
        for id, edit in self.lake.edits.items():
            if edit.state == "enabled" and key in edit.keys:
                found |= set(self.lake.classes.get(("edit", id), []))
        return found

    # Collections: they hand their access list down where their metadata fit the filter.

    def propagates(self, place):
        text = self.lake.settings["acl.propagate.filter"]
        fields = self.lake.metadata.get(place, {})
        for condition in re.split(r"(?<!\\),", text) if text else []:
            field, _, value = condition.partition("=")
            field, _, op = field.rpartition(":")
            values = re.split(r"\\+,", value) if op == "string_in" else [value]
            if fields.get(field) not in values:
                return False
        return True

    def lists_over(self, key):
        """The access lists that reach an object or a folder: its own, and those of the folders
        above from which on every folder down to it hands down."""
        places = [("path", key)]
        for folder in above(key):
            if not self.propagates(("path", folder)):
                break
            places.append(("path", folder))
        return [place for place in places if place in self.lake.acl]

    # Guards: folders __restricted/GROUP/, and places that are protected as a whole.

    def guards(self, key):
        """What guards an object, or a folder: (place, group, site of the group or None)."""
        found = []
        parts = key.split("/")
        for i in range(len(parts) - 2):
            if parts[i] == "__restricted":
                found.append(("/".join(parts[:i + 2]) + "/", parts[i + 1],
                              self.site("/".join(parts[:i] + [""]))))
        for place, group in self.lake.protected.items():
            if place == key or place in above(key):
                inside = place == "" or place.endswith("/")
                found.append((place, group, self.site(place if inside else above(place)[0])))
        if self.lake.settings["protect.compose"] == "most_specific" and found:
            deepest = max(len(place) for place, _, _ in found)
            found = [guard for guard in found if len(guard[0]) == deepest]
        return found

    def site(self, folder):
        """The nearest site at or above a folder: one for which there is any access group."""
        for candidate in [folder] + above(folder):
            site = candidate.rstrip("/")
            if any(site == s for s, _ in self.lake.groups):
                return site
        return None


# ---- somebody who asks -------------------------------------------------------------------------


class Asker:
    """`who`: {"as": names, itself first, "affiliation", "entitlements", "address", "superuser",
    "details": what its token is narrowed to}; each may be absent."""

    def __init__(self, rules, who):
        self.rules, self.lake = rules, rules.lake
        self.names = who.get("as", [])
        self.affiliation = who.get("affiliation")
        self.entitlements = who.get("entitlements", [])
        self.address = who.get("address")
        self.details = who.get("details")
        self.permissions = self.find_permissions()
        self.superuser = who.get("superuser", False) or SUPERUSER in self.permissions
        if self.superuser:
            self.permissions = PERMISSIONS | {SUPERUSER}
        self.admitted = functools.cache(self.admitted)
        self.denied = functools.cache(self.denied)
        self.names_denied = functools.cache(self.names_denied)
        self.within = functools.cache(self.within)
        self.reads_through = functools.cache(self.reads_through)
        self.allow = functools.cache(self.allow)

    # Roles

    def find_permissions(self):
        roles = [n.partition(":")[2] for n in self.names if n.startswith(("group:", "role:"))]
        roles = [r for r in roles if builtin(r) is not None or r in self.lake.roles]
        todo, done, found = roles or list(self.lake.settings["roles.default"]), set(), set()
        while todo:
            role = todo.pop()
            if role not in done:
                done.add(role)
                found |= builtin(role) or set()
                todo += self.lake.roles.get(role, [])
        return found

    def permitted(self, action, key):
        if action == "list":
            return "asset_read" in self.permissions
        if action == "read":
            original = "original" in self.rules.classes(key)
            return {"asset_read", "file_read_original" if original else "file_read"} <= \
                self.permissions
        needed = {"write": "file_write", "modify_all_access": "access_write"}
        return action not in needed or needed[action] in self.permissions

    # Access lists

    def listed(self, place, action):
        """Does an entry of this place's list give the asker that?"""
        types = {action} | ({"modify_acl_access"} if action == "modify_all_access" else set())
        for entry in self.lake.acl.get(place, []):
            kind = "group:" if entry["principalType"] == "GROUP" else "user:"
            if kind + entry["principal"] in self.names and types & set(entry["accessTypes"]):
                return True
        return False

    def lake_lets(self, action):
        on = self.lake.settings["acl.storage.enabled"] and self.lake.acl.get(("lake",))
        return not on or right(action) not in ACTIONS or self.listed(("lake",), right(action))

    # Guards and their access groups

    def in_ranges(self, names):
        if not self.address:
            return False
        address = ipaddress.ip_address(self.address)
        for span in [s for name in names for s in self.lake.ranges.get(name, [])]:
            start, end = (ipaddress.ip_address(span[k]) for k in ("start", "end"))
            if start.version == address.version == end.version and start <= address <= end:
                return True
        return False

    def is_one_of(self, listed):
        """Do names of users, as an access group lists them, mean the asker?"""
        kind, _, name = self.names[0].partition(":")
        scope = self.lake.settings["users.scope"]
        for each in listed:
            if each.startswith("group:"):
                if each in self.names:
                    return True
            elif kind == "arn":
                if each == self.names[0]:
                    return True
            elif each == name or scope and "@" not in each and name == f"{each}@{scope}" or \
                    scope and "@" not in name and each == f"{name}@{scope}":
                return True
        return False

    def has_name(self):
        kind, _, name = self.names[0].partition(":")
        return kind == "arn" or kind == "user" and name.partition("@")[0].strip() != ""

    def admitted(self, guard):
        _, group, site = guard
        if not self.names:
            return False
        rules = self.lake.groups.get((site, group))
        if rules is None:
            return group in EVERYONE
        lists = {k: rules.get(k) or [] for k in
                 ("users", "admins", "states", "entitlements", "ranges")}
        user = self.has_name() and (
            self.is_one_of(lists["users"] + lists["admins"]) or
            bool(self.affiliation) and self.affiliation in lists["states"] or
            any(e in lists["entitlements"] for e in self.entitlements))
        network = self.in_ranges(lists["ranges"])
        return user and network if rules.get("satisfy_all") else user or network

    def guards_admit(self, key):
        return all(self.admitted(guard) for guard in self.rules.guards(key))

    # The token

    def within(self, action, key):
        """Is an object within what the token is narrowed to?"""
        if self.details is None:
            return True
        return any(right(action) in d.get("actions", [right(action)]) and
                   ("edits" not in d or any(self.of_edit(id, key) for id in d["edits"])) and
                   ("locations" not in d or any(lies_in(key, at) for at in d["locations"]))
                   for d in self.details)

    def leaves_names(self, id):
        """A token that is for some edits leaves what only these have below edits/, one that is for
        some locations nothing of that, unless it says so."""
        return self.details is None or any(
            "read" in d.get("actions", ["read"]) and
            (id in d["edits"] if "edits" in d else
             "locations" not in d or {"/", "edits/"} & set(d["locations"]))
            for d in self.details)

    def of_edit(self, id, key):
        edit = self.lake.edits.get(id)
        return edit is not None and (edit_of_file(key) == id or key in edit.ever_shown())

    # Files of an edit: they name its media

    def denied(self, action, key):
        guarded = not self.superuser and not self.guards_admit(key)
        return guarded or not self.within(action, key)

    def tainted(self, action, id, file):
        """Would that file of an edit name what is denied? The present manifest and shots name what
        the edit has; any other may name whatever it ever had."""
        edit = self.lake.edits.get(id)
        if edit is None:
            return False
        return self.names_denied(action, id, file in edit.keys)

    def names_denied(self, action, id, now):
        edit = self.lake.edits[id]
        return any(self.denied(action, key) for key in (edit.keys if now else edit.ever)
                   if key in self.rules.showable)

    # Ways in

    def holds(self, id, t):
        return any(edit == id and principal in self.names and start <= t < end and
                   (not ranges or self.in_ranges(ranges))
                   for (edit, principal), (start, end, ranges) in self.lake.grants.items())

    def edit_lists(self, id, action):
        """Does the access list of the edit give the asker that on the edit's objects?"""
        return right(action) not in ("write", "modify_all_access") and \
            self.lake.settings["acl.enabled"] and self.rules.propagates(("edit", id)) and \
            self.listed(("edit", id), right(action))

    def reads_through(self, id, t):
        return self.holds(id, t) or self.edit_lists(id, "read")

    def by_grant(self, action, key, t):
        return right(action) == "read" and any(
            key in self.rules.shown(id, t) and self.holds(id, t) for id in self.lake.edits)

    def by_list(self, action, key):
        return self.lake.settings["acl.enabled"] and any(
            self.listed(place, right(action)) for place in self.rules.lists_over(key))

    def by_edit_list(self, action, key, t):
        return any(key in self.rules.shown(id, t) and self.edit_lists(id, action)
                   for id in self.lake.edits)

    def by_class(self, action, key):
        classes = self.rules.classes(key)
        return any(principal in self.names and name in classes and right(action) in actions
                   for (principal, name), actions in self.lake.policies.items())

    def by_owner(self, action, key):
        edit = self.lake.edits.get(edit_of_file(key))
        return right(action) == "read" and edit is not None and edit.state != "removed" and \
            edit.owner in self.names

    # The decision

    def allow(self, action, key, t):
        """May the asker do `action` with an object that can be shown? "list": see that it is there,
        which is what can be done without opening it of "read"."""
        if not self.names or not self.within(right(action), key) or \
                self.tainted(right(action), edit_of_file(key), key):
            return False
        return self.superuser or (
            self.permitted(action, key) and self.lake_lets(action) and self.guards_admit(key) and
            (self.by_grant(action, key, t) or self.by_list(action, key) or
             self.by_edit_list(action, key, t) or self.by_class(action, key) or
             self.by_owner(action, key)))

    def derive(self, action, key, t):
        """The same for people: every part of it."""
        return {"allow": self.allow(action, key, t), "superuser": self.superuser,
                "within": self.within(right(action), key),
                "tainted": self.tainted(right(action), edit_of_file(key), key),
                "role": self.permitted(action, key), "lake": self.lake_lets(action),
                "guards": [[*guard, self.admitted(guard)] for guard in self.rules.guards(key)],
                "classes": sorted(self.rules.classes(key)),
                "grant": self.by_grant(action, key, t), "acl": self.by_list(action, key),
                "edit-acl": self.by_edit_list(action, key, t),
                "class": self.by_class(action, key), "owner": self.by_owner(action, key)}

    def visible(self, t):
        """Every path that is shown: objects, what edits have below edits/ where what it stands
        for is visible too, and the folders above."""
        objects = {key for key in self.rules.showable if self.allow("list", key, t)}
        seen = objects | {folder for key in objects for folder in above(key)}
        for edit, path, target in self.lake.names(self.rules.showable):
            id = path.split("/")[1][-10:]
            if target in seen and self.leaves_names(id) and (self.superuser or
                                   edit.state == "enabled" and self.reads_through(id, t)):
                objects.add(path)
        return objects | {folder for path in objects for folder in above(path)}


def lies_in(key, location):
    """Is an object at or below a location: a folder's key, which ends in '/', or an object's?"""
    return location == "/" or key == location or \
        location.endswith("/") and key.startswith(location)
