"""A lake full of trouble, drawn from a seed: what it holds, and timelines, people and access lists
that fit it."""

import os
import re
import sys
import unicodedata
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import world  # noqa: E402

WORDS = ["plate", "comp", "bg", "fg", "sky", "take", "beauty", "matte", "grade", "mix", "edit",
         "A001", "C017", "slate", "roto"]
ODD = [" ", "+", "%", "%20", "%2F", "é", "e\u0301", ";", "#", "?", "*", "[x]", "[", "]", "'", '"',
       "\\", "&", "=", "~", "$", "日本", "😀", "\t", ":", "<b>", "|", "..", "\n", "@", "^", "`", "{",
       "}", ",", " - ", "!", "İ", "\u200b", "\u00ad"]
SUFFIXES = [".mov", ".exr", ".dpx", ".wav", ".tif", "", ".mxf", ".tar.gz"]
ACCESS = ["read", "write", "delete", "modify_all_access", "list"]

# Keys that S3 can hold and no path can be.
NO_PATHS = ["x//y.mov", "/top.mov", "dir/./a.mov", "dir/../b.mov", "..", ".", "folder/", "show/",
            "a" * 256 + ".mov", "deep/" + "é" * 128 + "/c.mov", "trail/a.mov/", "//", "show/1//"]
# Beside the folders of edits.
BESIDE = ["edits/own plate.mov", "edits/own/deep.mov"]
# An object beside a folder of its own name.
SHADOWS = ["both", "both/in", "both/in/deep.mov", "show1/x.mov", "show1/x.mov/y.mov",
           "ghost", "ghost//z.mov"]


class Sequence:
    def __init__(self, folder, prefix, suffix, padding, start, count):
        self.folder, self.prefix, self.suffix = folder, prefix, suffix
        self.padding, self.start, self.count = padding, start, count

    def name(self, frame):
        return f"{self.prefix}{str(frame).zfill(self.padding)}{self.suffix}"

    def counts_last(self):
        """Is the frame the last number before the extension? Elsewhere shotlake finds frames only
        where the timeline states their range (frame_pattern() in policy/index.h)."""
        stem, dot, _ = self.name(1).rpartition(".")
        tail = (stem if dot else self.name(1))[len(self.prefix):]
        return len(stem if dot else self.name(1)) > len(self.prefix) and \
            len([c for c in re.split(r"[0-9]+", tail)]) == 2

    def keys(self):
        return [self.folder + self.name(self.start + i) for i in range(self.count)]


class RandomWorld:
    """Draws everything from `rng`; the same seed makes the same world."""

    def __init__(self, rng, lake):
        self.rng, self.lake = rng, lake
        self.folders = [""]
        self.sequences = []

    # Objects

    def word(self):
        text = self.rng.choice(WORDS)
        if self.rng.random() < 0.5:
            text += self.rng.choice(ODD) + self.rng.choice(WORDS)
        return text

    def make_folders(self, n):
        for show in range(1, 4):
            self.folders.append(f"show{show}/")
        while len(self.folders) < n:
            above = self.rng.choice(self.folders)
            if above.count("/") < 6:
                self.folders.append(f"{above}{self.word()}{self.rng.randrange(100)}/")

    def file_name(self):
        r = self.rng.random()
        if r < 0.02:
            name = self.rng.choice(["n" * 255, "é" * 127 + "x", "日" * 85])
            return name[:-3] + f"{self.rng.randrange(1000):03}" if name.isascii() else name
        number = f"{self.rng.choice('._- v')}{self.rng.randrange(300)}" if r < 0.6 else ""
        return f"{self.word()}{number}{self.rng.choice(SUFFIXES)}"

    def make_sequence(self):
        padding = self.rng.choice([0, 3, 4, 4, 4, 6])
        separator = self.rng.choice([".", "_", "", " ", "-"])
        prefix = self.word() + self.rng.choice(["", "_v2", "7"]) + separator
        suffix = self.rng.choice([".exr", ".dpx", ".v2.exr", "", "%.tif", "_x.jpg"])
        return Sequence(self.rng.choice(self.folders), prefix, suffix, padding,
                        self.rng.choice([1, 8, 95, 1001]), self.rng.randrange(3, 14))

    def make_objects(self, n):
        """{key: bytes} of about n objects, all of which the lake can hold."""
        found = {}

        def add(key):
            if len(key.encode("utf-8", "surrogateescape")) <= 1024 and key not in found and \
                    self.lake.can_hold(key, found):
                found[key] = self.bytes()

        self.make_folders(max(10, n // 12))
        for key in NO_PATHS + SHADOWS + BESIDE + ["raw\udcff.mov", ("p" * 80 + "/") * 12 + "deep.mov"]:
            add(key)
        while len(found) < n * 0.4:
            sequence = self.make_sequence()
            self.sequences.append(sequence)
            if self.rng.random() < 0.25:  # the same names once more, elsewhere
                twin = Sequence(self.rng.choice(self.folders), sequence.prefix, sequence.suffix,
                                sequence.padding, sequence.start + self.rng.choice([0, 2]),
                                sequence.count)
                self.sequences.append(twin)
            for each in self.sequences[-2:]:
                for key in each.keys():
                    if self.rng.random() < 0.97:
                        add(key)
        while len(found) < n:
            name = self.file_name()
            for _ in range(1 if self.rng.random() < 0.85 else 2):
                add(self.rng.choice(self.folders) + name)
        return found

    def bytes(self):
        size = self.rng.choice([0, 3, 17, 500, 4096, self.rng.randrange(10000)])
        return self.rng.randbytes(size)

    def new_key(self, keys, ruled):
        """A key that is not in the lake and that it can hold; often in one of the folders `ruled`,
        which have an access list."""
        while True:
            r = self.rng.random()
            if r < 0.3 and ruled:
                folder = self.rng.choice(ruled)
            elif r < 0.5 and keys:
                folder = self.rng.choice(sorted(keys))
                folder = folder[:folder.rfind("/") + 1]
            elif r < 0.7 and keys:  # below an object: it becomes a folder where the lake allows
                folder = self.rng.choice(sorted(keys)) + "/"
            else:
                folder = self.rng.choice(self.folders)
            key = folder + self.file_name()
            if key not in keys and len(key.encode("utf-8", "surrogateescape")) <= 1024 and \
                    self.lake.can_hold(key, keys):
                return key

    # Timelines

    def reference(self, keys):
        """One media reference: by name, by address or by sequence; at times to nothing."""
        r = self.rng.random()
        if r < 0.40 and self.sequences:
            return self.sequence_reference(self.rng.choice(self.sequences))
        if r < 0.47:
            return world.external(f"file:///Volumes/raid/{quote(self.file_name())}-gone")
        key = self.rng.choice(keys)
        if r < 0.60:
            return world.external(self.lake.address(key))
        name = key[key.rfind("/") + 1:]
        where = self.rng.choice(["/Volumes/raid/day 1/", "/mnt/x/", "/a%20b/",
                                 "/mnt/" + self.altered(key[:key.rfind("/") + 1])])
        name = self.altered(name)
        if self.rng.random() < 0.5 or not name.isprintable():
            make = world.external
            return make(f"file://{self.rng.choice(['', 'localhost'])}{quote(where + name)}")
        make = self.rng.choice([world.external, world.missing])
        return make(where + name)

    def altered(self, text):
        """At times another spelling, or another extension."""
        r = self.rng.random()
        if r < 0.08:
            return text.swapcase()
        if r < 0.14:
            return unicodedata.normalize(self.rng.choice(["NFC", "NFD"]), text)
        stem, dot, _ = text.rpartition(".")
        return stem + self.rng.choice([".mxf", ".MP4", ".tif", ".aif"]) if dot and r < 0.20 else text

    def base(self, folder):
        r = self.rng.random()
        if r < 0.35:
            return self.lake.address(folder)
        if r < 0.5:
            return "/mnt/" + self.altered(folder)
        return self.rng.choice(["file:///Volumes/raid/day%201/", "/mnt/x/", "s3://elsewhere/a/"])

    def sequence_reference(self, s):
        start = s.start + self.rng.choice([0, 0, 0, 1, -1 if s.start > 1 else 0])
        count = max(1, s.count - self.rng.choice([0, 0, 0, 1, 2, -1]))
        padding = self.rng.choice([s.padding] * 9 + [s.padding + 1])
        base = self.base(s.folder)
        prefix, suffix = self.altered(s.prefix), self.altered(s.suffix)
        if self.rng.random() < 0.5:
            code = base.startswith("file://") and self.rng.random() < 0.5
            spell = quote if code else str
            stated = self.rng.choice([count] * 3 + [None] * s.counts_last())
            return world.image_sequence(base, spell(prefix), spell(suffix), start, stated,
                                        padding, self.rng.choice([1, 1, 1, 2]))
        stated = f"[{str(start).zfill(padding)}-{str(start + count - 1).zfill(padding)}]"
        # "%0d" beside other percent signs of a name would be read in several ways
        kinds = ["brackets", "hashes", "dollar"] + ["printf"] * ("%" not in prefix + suffix)
        kind = self.rng.choice(kinds) if s.counts_last() else "brackets"
        text = {"brackets": stated, "hashes": "#" * padding if padding > 1 else stated,
                "dollar": f"$F{padding}" if padding else stated,
                "printf": f"%0{padding}d" if padding else "%d"}[kind]
        spell = quote if base.startswith("file://") else str
        return world.external(base + spell(prefix) + text + spell(suffix))

    def timeline(self, name, keys):
        """A timeline over some of `keys` (sorted, so that the seed decides)."""
        keys = [k for k in keys if not k.startswith(world.EDITS)]
        tracks = [[] for _ in range(self.rng.choice([1, 2, 3]))]
        for i in range(self.rng.randrange(2, 14)):
            clip = world.clip(f"clip {i}", self.reference(keys),
                              enabled=self.rng.random() > 0.08)
            if self.rng.random() < 0.15:
                both = {"DEFAULT_MEDIA": self.reference(keys), "proxy": self.reference(keys)}
                clip = world.clip_2(f"clip {i}", both, "DEFAULT_MEDIA")
            self.rng.choice(tracks).append(clip)
        return world.timeline(name, *tracks)

    def next_cut(self, before, keys):
        """A timeline that has most clips of another, in another order at times, and a few more."""
        fresh = self.timeline(before["name"], keys)
        tracks = []
        for track in before["tracks"]["children"] + fresh["tracks"]["children"]:
            share = 0.75 if track in before["tracks"]["children"] else 0.25
            kept = [c for c in track["children"] if self.rng.random() < share]
            if self.rng.random() < 0.2:
                self.rng.shuffle(kept)
            tracks.append(kept)
        return world.timeline(before["name"], *tracks)

    # People

    def people(self, n):
        """The principals file: n users with a uid each, in groups and roles."""
        names = ["müller studio", "a.b+c@example.org", "read"]
        names += [f"vendor-{i:02}" for i in range(1, n - 2)]
        groups = ["vendors", "Content viewers", "北", "qc", "editors", "nobody-in-it"]
        users = []
        for i, name in enumerate(names):
            users.append({"id": name, "uid": 20001 + i,
                          "groups": self.rng.sample(groups[:5], self.rng.choice([0, 1, 1, 2])),
                          "roles": self.rng.sample(["viewer", "farm", "lead"],
                                                   self.rng.choice([0, 0, 1]))})
        return {"users": users,
                "groups": [{"id": g, "name": g, "members": self.rng.sample(
                    names, 0 if g == "nobody-in-it" else self.rng.randrange(4))} for g in groups]}

    def entries(self, people):
        """An access list, at times an empty one."""
        found = []
        for _ in range(self.rng.choice([0, 1, 1, 2, 3])):
            kind, pool = self.rng.choice([("USER", people["users"]), ("GROUP", people["groups"])])
            found.append({"principalType": kind, "principal": self.rng.choice(pool)["id"],
                          "accessTypes": ["read"] * (self.rng.random() < 0.6) +
                          self.rng.sample(ACCESS[1:], self.rng.randrange(3))})
        return found
