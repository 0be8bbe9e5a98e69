"""What shotlake must answer, said as plainly as Python can.

Written from the contract, not from the program: dictionaries, sets, and a look at everything for
every question.  It matches media, keeps grants and access lists, and knows who sees what when.
"""

from matcher import EDITS, PRIVATE, Matcher, folder_of, name_of


# Keys and paths


def can_be_path(key):
    """Has every component a name that a file can have?"""
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return all(part not in ("", ".", "..") and len(part.encode()) <= 255
               for part in key.split("/"))


def folders_above(key):
    """"a/b/c" is in "a/b/" and "a/"."""
    parts = key.split("/")[:-1]
    return ["/".join(parts[:i]) + "/" for i in range(len(parts), 0, -1)]


def covers(path, key):
    """Does the access list of `path` ("" is the root, folders end in '/') reach the object?"""
    return key == path or path == "" or (path.endswith("/") and key.startswith(path))


class Model:
    def __init__(self, address):
        self.address = address  # what the address of every object begins with: s3://bucket/
        self.objects = {}  # key -> size, as the last scan saw it
        self.edits = {}  # edit id -> set of keys; not those that were removed
        self.disabled = set()  # edit ids
        self.retired = []  # (edit id, set of keys, end): what an update lost, until then
        self.folders = {}  # edit id -> what it has below edits/: path -> key, or "-> " and a link
        self.grants = {}  # (edit id, principal) -> (from, until)
        self.acls = {}  # path -> entries
        self.people = {"users": [], "groups": []}  # the principals file

    # What there is to see at all

    def showable(self):
        """Objects that can be shown: those whose key can be a path, and which no folder of the
        same name hides."""
        good = [k for k in self.objects if can_be_path(k) and not k.startswith(PRIVATE)]
        folders = {folder for key in good for folder in folders_above(key)}
        return {k for k in good if k + "/" not in folders}

    def paths(self):
        """Every path that somebody could see."""
        shown = self.showable()
        return shown | {folder for key in shown for folder in folders_above(key)}

    # What an edit has of its own

    def add_folder(self, edit, name, files, timeline):
        """The edit's folder: `files` (name -> key) under other names, and a folder a shot."""
        top = f"edits/{cut_short(usable(name), 200)}-{edit}/"
        paths = {top + name: key for name, key in files.items()}
        shots = {}  # shot -> {target: name of the link}
        matcher = Matcher(self)
        for reference, _, clip in references(timeline["tracks"]):
            for target in matcher.targets(reference):
                shot = usable(clip.get("name") or "untitled")
                shot = "untitled" if shot in (".", "..") else cut_short(shot, 200)
                links = shots.setdefault(shot + "-2" * (shot in files), {})
                if target not in links:
                    links[target] = another_name(target, set(links.values()))
        for shot, links in shots.items():
            for target, name in links.items():
                paths[f"{top}{shot}/{name}"] = "-> ../../../" + target.rstrip("/")
        self.folders[edit] = paths

    def folder_names(self, edit, showable):
        """Those of its paths that are there: a name of an object goes with the object."""
        return {path for path, what in self.folders.get(edit, {}).items()
                if what.startswith("-> ") or what in showable}

    def entry(self, path):
        """What a walk finds at a visible path: a size, a link's text, or None for a folder."""
        for paths in self.folders.values():
            if path in paths:
                what = paths[path]
                return what if what.startswith("-> ") else self.objects[what]
        return self.objects.get(path)

    def key_of(self, path):
        """The object that reading a visible path reads; None for a link."""
        for paths in self.folders.values():
            if path in paths:
                return None if paths[path].startswith("-> ") else paths[path]
        return path

    # Who sees what

    def acts_as(self, principal):
        """The principal itself, its groups and its roles."""
        names = {principal}
        for user in self.people["users"]:
            if "user:" + user["id"] == principal:
                names |= {"group:" + g for g in user.get("groups", [])}
                names |= {"role:" + r for r in user.get("roles", [])}
        for group in self.people["groups"]:
            if principal in ["user:" + m for m in group.get("members", [])]:
                names.add("group:" + group["id"])
        return names

    def shown_by(self, edit, t):
        """The keys that an edit shows to those who hold it."""
        if edit in self.disabled:
            return set()
        kept = [keys for e, keys, end in self.retired if e == edit and t < end]
        return self.edits[edit].union(*kept)

    def grant_reaches(self, edit, key, span, t):
        start, end = span
        return start <= t < end and key in self.shown_by(edit, t)

    def readers(self, path):
        """Whom the access list of exactly this path lets read."""
        return {("group:" if e["principalType"] == "GROUP" else "user:") + e["principal"]
                for e in self.acls.get(path, []) if "read" in e["accessTypes"]}

    def visible(self, principal, t, showable=None):
        """Every path that the principal sees at the moment `t`; folders end in '/'."""
        names = self.acts_as(principal)
        showable = self.showable() if showable is None else showable
        held = [edit for (edit, who), (start, end) in self.grants.items()
                if who in names and start <= t < end and edit not in self.disabled]
        granted = [self.shown_by(edit, t) for edit in held]
        readable = [path for path in self.acls if names & self.readers(path)]
        seen = set()
        for key in showable:
            if any(key in keys for keys in granted) or any(covers(p, key) for p in readable):
                seen.add(key)
                seen.update(folders_above(key))
        named = {path for edit in held for path in self.folder_names(edit, showable)
                 if self.leads_to(edit, path) & seen}
        for path in named:
            seen.add(path)
            seen.update(folders_above(path))
        return seen

    def leads_to(self, edit, path):
        """What a name below edits/ stands for: a key, or maybe a folder's."""
        what = self.folders[edit][path]
        target = what.removeprefix("-> ../../../") if what.startswith("-> ") else what
        return {target, target + "/"}

    def who(self, key, t):
        """Every principal that a grant or an access list lets see the object."""
        found = {who for (edit, who), span in self.grants.items()
                 if self.grant_reaches(edit, key, span, t)}
        for path in self.acls:
            if covers(path, key):
                found |= self.readers(path)
        return found

    def moments(self):
        """Every moment at which a grant begins or ends, or retired objects go."""
        return ({moment for span in self.grants.values() for moment in span} |
                {end for _, _, end in self.retired})

    # What becomes of an edit

    def update(self, edit, keys, until=None):
        """The next version has `keys`; what it lost stays until then, or goes at once."""
        lost = self.edits[edit] - keys
        self.retired = [(e, kept - keys if e == edit else kept, end)
                        for e, kept, end in self.retired]
        if until is not None:
            self.retired.append((edit, lost, until))
        self.edits[edit] = keys

    def remove(self, edit):
        del self.edits[edit]
        self.folders.pop(edit, None)
        self.disabled.discard(edit)
        self.retired = [row for row in self.retired if row[0] != edit]
        self.grants = {key: span for key, span in self.grants.items() if key[0] != edit}

    # Conforming

    def conform(self, timeline):
        """What a timeline uses: (keys, is anything missing, is anything ambiguous)."""
        keys, missing, ambiguous = set(), False, False
        matcher = Matcher(self)
        for reference, plays, _ in references(timeline["tracks"]):
            verdict, found = matcher.match(reference)
            keys |= found
            missing |= plays and verdict in ("missing", "partly")
            ambiguous |= verdict == "ambiguous"
        return keys, missing, ambiguous


def references(composition, enabled=True):
    """Every media reference of what is switched on, whether the timeline plays it, its clip."""
    for child in composition["children"]:
        on = enabled and child.get("enabled", True)
        if "children" in child:
            yield from references(child, on)
        elif on and "media_references" in child:
            for name, reference in child["media_references"].items():
                yield reference, name == child["active_media_reference_key"], child
        elif on and child.get("media_reference"):
            yield child["media_reference"], True, child


# Names of folders and links


def usable(text):
    """As a file's name: slashes and control characters become '_'."""
    return "".join("_" if c == "/" or ord(c) < 32 or ord(c) == 127 else c for c in text)


def cut_short(text, limit):
    """At most `limit` bytes, of whole characters."""
    return text.encode()[:limit].decode(errors="ignore")


def another_name(target, taken):
    """What a link to the target is called beside others: with the least number that is free."""
    is_folder = target.endswith("/")
    name = usable(name_of(target.rstrip("/")))
    stem, dot, extension = name.rpartition(".") if "." in name[1:] and not is_folder else ("",) * 3
    if not stem:
        stem, extension = name, ""
    extension = dot + extension
    number, wanted = 1, name
    while wanted in taken:
        number += 1
        tail = f"-{number}{extension}"
        wanted = cut_short(stem, 255 - len(tail.encode())) + tail
    return wanted
