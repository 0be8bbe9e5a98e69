"""What shotlake must answer, said as plainly as Python can.

Written from the contract, not from the program: dictionaries, sets, and a look at everything for
every question.  It matches media, keeps grants and access lists, and knows who sees what when.
"""

import re
from urllib.parse import unquote

PRIVATE = ".shotlake/"
EDITS = "ShotLocker/Edits/"


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


def folder_of(key):
    return key[:key.rfind("/") + 1]


def name_of(key):
    return key[key.rfind("/") + 1:]


def covers(path, key):
    """Does the access list of `path` ("" is the root, folders end in '/') reach the object?"""
    return key == path or path == "" or (path.endswith("/") and key.startswith(path))


class Model:
    def __init__(self, address):
        self.address = address  # what the address of every object begins with: s3://bucket/
        self.objects = {}  # key -> size, as the last scan saw it
        self.edits = {}  # edit id -> set of keys
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

    def grant_reaches(self, edit, key, span, t):
        start, end = span
        return start <= t < end and key in self.edits[edit]

    def readers(self, path):
        """Whom the access list of exactly this path lets read."""
        return {("group:" if e["principalType"] == "GROUP" else "user:") + e["principal"]
                for e in self.acls.get(path, []) if "read" in e["accessTypes"]}

    def visible(self, principal, t, showable=None):
        """Every path that the principal sees at the moment `t`; folders end in '/'."""
        names = self.acts_as(principal)
        showable = self.showable() if showable is None else showable
        held = [edit for (edit, who), (start, end) in self.grants.items()
                if who in names and start <= t < end]
        granted = [self.edits[edit] for edit in held]
        readable = [path for path in self.acls if names & self.readers(path)]
        seen = set()
        for path in {path for edit in held for path in self.folder_names(edit, showable)}:
            seen.add(path)
            seen.update(folders_above(path))
        for key in showable:
            if any(key in keys for keys in granted) or any(covers(p, key) for p in readable):
                seen.add(key)
                seen.update(folders_above(key))
        return seen

    def who(self, key, t):
        """Every principal that a grant or an access list lets see the object."""
        found = {who for (edit, who), span in self.grants.items()
                 if self.grant_reaches(edit, key, span, t)}
        for path in self.acls:
            if covers(path, key):
                found |= self.readers(path)
        return found

    def moments(self):
        """Every moment at which a grant begins or ends."""
        return {moment for span in self.grants.values() for moment in span}

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


def decoded(text):
    """Percent signs decoded once; "%04d" counts frames and stays. A text with a stray percent sign
    was never encoded."""
    if re.search(r"%(?![0-9A-Fa-f]{2}|0[1-9]d)", text):
        return text
    parts = re.split(r"(%0[1-9]d)", text)
    return "".join(p if i % 2 else unquote(p, errors="surrogateescape")
                   for i, p in enumerate(parts))


NOTATIONS = [
    # text in the name, where its padding and its range stand in the match
    (re.compile(r"\[(\d+)-(\d+)\]"), lambda m: (len(m[1]), range(int(m[1]), int(m[2]) + 1))),
    (re.compile(r"%0(\d)d"), lambda m: (int(m[1]), None)),
    (re.compile(r"%d"), lambda m: (1, None)),
    (re.compile(r"##+|@@+"), lambda m: (len(m[0]), None)),
    (re.compile(r"(?<![0-9A-Za-z#])#(?![0-9A-Za-z#])|(?<![0-9A-Za-z@])@(?![0-9A-Za-z@])"),
     lambda m: (None, None)),
    (re.compile(r"\$F(\d)"), lambda m: (int(m[1]), None)),
    (re.compile(r"\{:0(\d)d\}"), lambda m: (int(m[1]), None)),
]


def sequence_of(name):
    """(prefix, suffix, padding, frames) of a name that stands for a sequence, or None. A padding
    of None: not said. Frames of None: all there are."""
    hits = [(m, how) for pattern, how in NOTATIONS for m in pattern.finditer(name)]
    if len(hits) != 1:
        return None
    m, how = hits[0]
    prefix, suffix = name[:m.start()], name[m.end():]
    padding, frames = how(m)
    tail = re.fullmatch(r"(.*) (\d+)-(\d+)", suffix, re.S)
    if tail and frames is None:
        suffix, frames = tail[1], range(int(tail[2]), int(tail[3]) + 1)
    return prefix, suffix, padding, frames


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


class Matcher:
    """One media reference against every object of the lake."""

    def __init__(self, model):
        self.model = model
        self.is_sequence = False  # what was found last
        self.objects = model.showable()
        self.media = [k for k in self.objects if not k.startswith(EDITS)]

    def targets(self, reference):
        """What links lead to: the object, or the folder of a sequence's frames."""
        self.is_sequence = False
        found = sorted(self.match(reference)[1])
        folder = folder_of(found[0]) if found and self.is_sequence else ""
        return [folder] if folder else found

    def match(self, reference):
        """("found" | "partly" | "missing" | "ambiguous" | "none", keys)"""
        schema = reference["OTIO_SCHEMA"].split(".")[0]
        if schema == "ImageSequenceReference":
            return self.image_sequence(reference)
        if schema == "MissingReference":
            url = reference["metadata"].get("Resolve_OTIO", {}).get("Media Url")
        else:
            url = reference.get("target_url")
        return self.url(url) if url else ("none", set())

    def readings(self, url):
        """The paths that a text may mean, the likelier first: percent signs are decoded in file:
        URLs, and stand for themselves in paths and in s3: URLs."""
        if url.startswith("s3://"):
            return [url[5:]]
        if url.startswith("file://"):
            path = url[7:].removeprefix("localhost")
            return [decoded(path), path]
        return [url, decoded(url)]

    def key_at(self, url, path):
        """The key that is addressed in this very lake, or None."""
        lake = self.model.address
        if lake.startswith("s3://"):
            inside = url.startswith("s3://") and path.startswith(lake[5:])
            return path[len(lake) - 5:] if inside else None
        top = unquote(lake[7:])
        inside = not url.startswith("s3://") and path.startswith(top)
        return path[len(top):] if inside else None

    def url(self, url):
        paths = self.readings(url)
        key = self.key_at(url, paths[0])
        if key is not None and key.startswith(PRIVATE):
            return "missing", set()
        if key in self.objects:
            return "found", {key}
        return self.by_names(paths, None if key is None else folder_of(key))

    def by_names(self, paths, folder):
        names = list(dict.fromkeys(name_of(p) for p in paths))
        first = sequence_of(names[0])
        verdict = ("missing", set())
        if first and folder is not None and self.has_folder(folder):
            verdict = self.frames(*first, folder)
        for name in names:
            if verdict[0] == "missing":
                verdict = self.name(name)
        for name in names:
            if verdict[0] == "missing" and sequence_of(name):
                verdict = self.frames(*sequence_of(name), None)
        return verdict

    def has_folder(self, folder):
        return folder == "" or any(k.startswith(folder) for k in self.objects)

    def name(self, name):
        """By file name: one object, or an ambiguity."""
        keys = {k for k in self.media if name_of(k) == name}
        if len(keys) > 1:
            return "ambiguous", set()
        return ("found", keys) if keys else ("missing", set())

    def frames(self, prefix, suffix, padding, wanted, folder):
        """By sequence: frames of one folder, each number once, all named with one padding."""
        hits = []  # (folder, number as text, key)
        pattern = re.compile(re.escape(prefix) + r"([0-9]+)" + re.escape(suffix), re.S)
        for key in self.media if folder is None else self.objects:
            m = pattern.fullmatch(name_of(key))
            if not m or (folder is not None and folder_of(key) != folder):
                continue
            number = int(m[1])
            if wanted is not None and number not in wanted:
                continue
            if padding is None or m[1] == str(number).zfill(padding):
                hits.append((folder_of(key), m[1], key))
        if not hits:
            return "missing", set()
        numbers = [int(text) for _, text, _ in hits]
        least = min(len(text) for _, text, _ in hits)
        if (len({where for where, _, _ in hits}) > 1 or len(set(numbers)) < len(numbers) or
                any(text != str(int(text)).zfill(least) for _, text, _ in hits if not padding)):
            return "ambiguous", set()
        self.is_sequence = True
        partly = wanted is not None and set(wanted) - set(numbers)
        return "partly" if partly else "found", {key for _, _, key in hits}

    def image_sequence(self, r):
        base, prefix, suffix = r["target_url_base"], r["name_prefix"], r["name_suffix"]
        wanted = None
        if r["available_range"]:
            step = r["frame_step"]
            count = round(r["available_range"]["duration"]["value"] / step)
            wanted = [r["start_frame"] + i * step for i in range(count)]
        key = self.key_at(base, self.readings(base)[0])
        if key is not None and key.startswith(PRIVATE):
            return "missing", set()
        spellings = [(prefix, suffix), (decoded(prefix), decoded(suffix))]
        if base.startswith("s3://"):
            spellings = spellings[:1]
        elif base.startswith("file://"):
            spellings.reverse()
        here = key is not None and self.has_folder(key)
        verdict = ("missing", set())
        for folder in ([key] if here else []) + [None]:
            for a, b in spellings:
                if verdict[0] == "missing":
                    verdict = self.frames(a, b, r["frame_zero_padding"] or 1, wanted, folder)
        return verdict
