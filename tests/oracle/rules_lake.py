"""What ledger records make of a lake, for rules.py: objects, edits, every rule as it was said last.

Written from the contract: what the seeds call sites, classes and collections are entries of
dictionaries here, kept under the very text that a record has.
"""

import calendar
import time

from model import can_be_path, cut_short, folders_above, usable

EDITS = "ShotLocker/Edits/"
DEFAULTS = {"acl.enabled": True, "acl.storage.enabled": True, "acl.propagate.filter": "",
            "protect.compose": "all", "roles.default": ["viewer"], "users.scope": ""}


class Edit:
    def __init__(self, name, owner):
        self.name, self.owner = name, owner
        self.version, self.state = 0, "enabled"
        self.keys = set()  # what the present version has, its own manifest and shots among it
        self.retired = []  # (keys, until)
        self.ever = set()  # all that any version had: files of before name it still
        self.names = {}  # below edits/: path -> the object's key, or a folder's with '/' at its end
        self.links = set()  # those of them that are links, which do not go with what they lead to

    def shown(self, t):
        """The objects that it shows to its holders."""
        if self.state != "enabled":
            return set()
        return self.keys.union(*(keys for keys, until in self.retired if t < until))

    def ever_shown(self):
        """With what is retired, however long ago."""
        return self.keys.union(*(keys for keys, _ in self.retired))


class Lake:
    def __init__(self):
        self.objects = set()
        self.edits = {}
        self.grants = {}  # (edit, principal) -> (from, until, names of ranges)
        # by place: ("path", key), ("edit", id) or ("lake",)
        self.acl, self.classes, self.metadata = {}, {}, {}
        self.policies = {}  # (principal, class) -> actions
        self.groups = {}  # (site, group) -> rules
        self.protected = {}  # path -> group
        self.ranges, self.roles = {}, {}
        self.settings = dict(DEFAULTS)

    # Records

    def apply(self, body, payload):
        """One record; `payload` are its rows."""
        getattr(self, "op_" + body["op"])(body, payload)

    def op_inventory(self, _, payload):
        for row in payload:
            if row[0] == "+":
                self.objects.add(row[1])
            else:
                self.objects.discard(row[1])

    def op_edit(self, body, payload):
        edit = self.edits.get(body["edit"])
        if edit and edit.state == "removed" or \
                body.get("version", 1) != (edit.version if edit else 0) + 1:
            return
        if not edit:
            edit = self.edits[body["edit"]] = Edit(body["name"], body.get("owner", ""))
        files = [body["manifest"]] + ([body["shots"]] if "shots" in body else [])
        self.objects.update(files)
        keys = {row[0] for row in payload if len(row) == 1} | set(files)
        edit.retired = [(kept - keys, until) for kept, until in edit.retired]
        lost = edit.keys - keys
        if "retire_until" in body:
            edit.retired.append((lost, moment(body["retire_until"])))
        edit.ever |= keys | {row[1] for row in payload if len(row) == 2}
        edit.name, edit.version, edit.keys = body["name"], edit.version + 1, keys
        self.name_files(edit, body, payload)

    def name_files(self, edit, body, payload):
        """The edit's folder below edits/: other names of its files, and links in shots' folders."""
        top = f"edits/{cut_short(usable(edit.name), 200)}-{body['edit']}/"
        edit.names = {top + body["manifest"].rpartition("/")[2]: body["manifest"]}
        if "shots" in body:
            edit.names[top + "shots.csv"] = body["shots"]
        edit.links = set()
        for row in payload:
            if len(row) == 3:
                path = f"{top}{row[0]}/{row[1]}"
                edit.names[path] = row[2]
                edit.links.add(path)

    def op_tagged(self, body, _):
        pass  # of the store's tags alone

    def op_disable(self, body, _):
        self.set_state(body["edit"], "disabled")

    def op_enable(self, body, _):
        self.set_state(body["edit"], "enabled")

    def set_state(self, edit, state):
        if self.edits[edit].state != "removed":
            self.edits[edit].state = state

    def op_remove(self, body, _):
        edit = self.edits[body["edit"]]
        if edit.state == "removed":
            return
        edit.state = "removed"
        edit.keys, edit.retired, edit.names, edit.links = set(), [], {}, set()
        self.grants = {k: v for k, v in self.grants.items() if k[0] != body["edit"]}

    def op_grant(self, body, _):
        if self.edits[body["edit"]].state != "removed":
            self.grants[body["edit"], body["principal"]] = (
                moment(body["from"]), moment(body["until"]), body.get("ranges", []))

    def op_revoke(self, body, _):
        self.grants.pop((body["edit"], body["principal"]), None)

    def op_acl(self, body, _):
        put(self.acl, place_of(body), body["entries"] or None)

    def op_class(self, body, _):
        put(self.classes, place_of(body), body["classes"])

    def op_metadata(self, body, _):
        put(self.metadata, place_of(body), body["fields"] or None)

    def op_policy(self, body, _):
        put(self.policies, (body["principal"], body["class"]), body["actions"] or None)

    def op_access_group(self, body, _):
        put(self.groups, (body["site"], body["group"]), body["rules"])

    def op_protect(self, body, _):
        put(self.protected, place_of(body)[1], body["group"])

    def op_ranges(self, body, _):
        put(self.ranges, body["name"], body["ranges"])

    def op_role(self, body, _):
        put(self.roles, body["role"], body["gives"])

    def op_settings(self, body, _):
        for key, value in body["set"].items():
            self.settings[key] = DEFAULTS[key] if value is None else value

    # What there is

    def showable(self):
        """Objects that can be shown: their key can be a path, and no folder has their name."""
        good = {k for k in self.objects if can_be_path(k) and not k.startswith(".shotlake/")}
        folders = {folder for key in good for folder in folders_above(key)}
        folders |= {folder for edit in self.edits.values() for path in edit.names
                    for folder in folders_above(path)
                    if path in edit.links or edit.names[path] in good}
        return {k for k in good if k + "/" not in folders}

    def names(self, showable):
        """Of every edit, what it has below edits/ that the lake does not have itself."""
        folders = {folder for key in showable for folder in folders_above(key)}
        for edit in self.edits.values():
            for path, target in edit.names.items():
                if path not in showable and path + "/" not in folders and \
                        (path in edit.links or target in showable):
                    yield edit, path, target


def moment(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def moment_text(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


def put(table, key, value):
    """None takes the entry away."""
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def place_of(body):
    """What a list stands on; the root is ""."""
    if "edit" in body:
        return "edit", body["edit"]
    return ("lake",) if "lake" in body else ("path", "" if body["path"] == "/" else body["path"])


def edit_of_file(key):
    """The edit below whose folder in ShotLocker/Edits/ an object lies, or ""."""
    name, slash, _ = key.removeprefix(EDITS).partition("/")
    good = len(name) == 10 and name.isascii() and name.isalnum() and name == name.lower()
    return name if slash and key.startswith(EDITS) and good else ""


def above(key):
    """The folders that a key is in, the nearest first and the root last; itself is none of them."""
    return folders_above(key.rstrip("/")) + [""] if key else []
