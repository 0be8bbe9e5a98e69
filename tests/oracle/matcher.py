"""Which objects a media reference means: the ladder of rules, said as plainly as Python can.

Written from the contract, not from the program: every rule looks at every object.
"""

import re
import unicodedata
from urllib.parse import unquote

PRIVATE = ".shotlake/"
EDITS = "ShotLocker/Edits/"
CLASSES = [{".exr", ".dpx", ".tif", ".jpg", ".png"}, {".mov", ".mxf", ".mp4"}, {".wav", ".aif"}]


def folder_of(key):
    return key[:key.rfind("/") + 1]


def name_of(key):
    return key[key.rfind("/") + 1:]


def folded(text):
    """NFC, without regard to case. What is not UTF-8 is compared as it is."""
    if not text.isprintable() and any("\udc80" <= c <= "\udcff" for c in text):
        return text
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text.casefold()))


def split_extension(name):
    """("plate", ".exr"); a name that only starts with a dot has no extension."""
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if dot > 0 else (name, "")


def media_class(extension):
    return next((i for i, c in enumerate(CLASSES) if extension.lower() in c), None)


def shared(a, b):
    """How many components the ends of two folders share."""
    n = 0
    for x, y in zip(reversed(a.rstrip("/").split("/")), reversed(b.rstrip("/").split("/"))):
        if x != y or x == "":
            break
        n += 1
    return n


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


def index_sees(prefix, suffix):
    """Is the frame the last number before the extension? Only then names are compared folded."""
    stem, dot, _ = f"{prefix}1{suffix}".rpartition(".")
    stem = stem if dot else f"{prefix}1{suffix}"
    if len(stem) <= len(prefix):
        return False
    tail = re.sub(r"^[0-9]+", "", stem[len(prefix):])
    return not re.search("[0-9]", tail) and "#" not in prefix + suffix


class Find:
    """A candidate: an object, or the frames of one folder."""

    def __init__(self, reading, folder, same_name, keys, wanted=None, twins=None):
        self.is_sequence = twins is not None
        self.keys, self.same_name, self.twins = keys, same_name, twins
        alike = shared(folded(reading), folded(folder))
        self.score = 1 + alike
        self.same_path = same_name and shared(reading, folder) == alike
        self.complete = wanted is None or len(keys) >= len(set(wanted))
        self.partly = not self.complete


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
        paths = list(dict.fromkeys(self.readings(url)))
        key = self.key_at(url, paths[0])
        if key is not None and key.startswith((PRIVATE, EDITS)):
            return "missing", set()
        if key in self.objects:
            return "found", {key}
        asked = [(folder_of(p), name_of(p), sequence_of(name_of(p))) for p in paths]
        return self.ladder(asked, None if key is None else folder_of(key))

    def image_sequence(self, r):
        base, prefix, suffix = r["target_url_base"], r["name_prefix"], r["name_suffix"]
        wanted = None
        if r["available_range"]:
            step = r["frame_step"]
            count = round(r["available_range"]["duration"]["value"] / step)
            wanted = [r["start_frame"] + i * step for i in range(count)]
        paths = self.readings(base)
        key = self.key_at(base, paths[0])
        if key is not None and key.startswith((PRIVATE, EDITS)):
            return "missing", set()
        spellings = [(prefix, suffix), (decoded(prefix), decoded(suffix))]
        if base.startswith("s3://"):
            spellings = spellings[:1]
        elif base.startswith("file://"):
            spellings.reverse()
        asked = []
        for path, (a, b) in zip(paths, spellings):
            reading = (path, None, (a, b, r["frame_zero_padding"] or 1, wanted))
            if reading not in asked:
                asked.append(reading)
        return self.ladder(asked, key)

    def has_folder(self, folder):
        return folder == "" or any(k.startswith(folder) for k in self.objects)

    def ladder(self, asked, folder):
        """`asked`: (folder, name or None, sequence or None) of each reading."""
        if folder is not None and self.has_folder(folder):
            for _, _, sequence in asked:
                verdict = self.pick(self.frames(sequence, "", folder)) if sequence else None
                if verdict:
                    return verdict
        alike = [self.named(n, f) for f, n, _ in asked]
        alike += [self.frames(s, f) + self.variants(s, f, same_stem=False) for f, _, s in asked]
        for stage in (lambda f: f.score >= 2, lambda f: f.same_name, lambda f: not f.same_name):
            for finds in alike:
                verdict = self.pick([f for f in finds if stage(f)])
                if verdict:
                    return verdict
        for f, name, sequence in asked:
            verdict = self.pick(self.stems(name, f) + self.variants(sequence, f, same_stem=True))
            if verdict:
                return verdict
        return "missing", set()

    def named(self, name, reading):
        """Objects of that name after folding."""
        return [Find(reading, folder_of(k), name_of(k) == name, {k})
                for k in self.media if name and folded(name_of(k)) == folded(name)]

    def stems(self, name, reading):
        """Objects of that name with another extension of its class."""
        if not name or media_class(split_extension(name)[1]) is None:
            return []
        stem, extension = split_extension(name)
        found = []
        for key in self.media:
            other, ext = split_extension(name_of(key))
            if folded(other) == folded(stem) and folded(name_of(key)) != folded(name) and \
                    media_class(ext) == media_class(extension):
                found.append(Find(reading, folder_of(key), False, {key}))
        return found

    def frames(self, sequence, reading, folder=None):
        """Frames of that very name in one folder each; in `folder`, or anywhere but among edits."""
        if not sequence:
            return []
        prefix, suffix, padding, wanted = sequence
        pattern = re.compile(re.escape(prefix) + r"([0-9]+)" + re.escape(suffix), re.S)
        hits = {}  # folder -> [(number as text, key)]
        for key in self.media if folder is None else self.objects:
            m = pattern.fullmatch(name_of(key))
            if not m or (folder is not None and folder_of(key) != folder):
                continue
            if wanted is not None and int(m[1]) not in wanted:
                continue
            if padding is None or m[1] == str(int(m[1])).zfill(padding):
                hits.setdefault(folder_of(key), []).append((m[1], key))
        return [Find(reading, where, True, {k for _, k in found}, wanted,
                     self.are_twins(found, padding)) for where, found in hits.items()]

    def are_twins(self, found, padding):
        """Nobody can say which frames are meant: a number twice, or different widths."""
        numbers = [int(text) for text, _ in found]
        least = min(len(text) for text, _ in found)
        return len(set(numbers)) < len(numbers) or \
            (not padding and any(t != str(int(t)).zfill(least) for t, _ in found))

    def variants(self, sequence, reading, same_stem):
        """Sequences of another spelling, or (`same_stem`) with another extension of the class."""
        if not sequence or not index_sees(*sequence[:2]):
            return []
        prefix, suffix, padding, wanted = sequence
        dot = suffix.rfind(".")
        extension = suffix[dot:] if dot >= 0 else ""
        spelled = set()
        for name in {name_of(k) for k in self.media}:
            for m in re.finditer("[0-9]+", name):
                text = m[0]
                for a in range(m.start(), m.end()):  # the number may touch other digits
                    for b in range(a + 1, m.end() + 1):
                        spelled.add((name[:a], name[b:]))
        found = []
        for a, b in sorted(spelled - {(prefix, suffix)}):
            if not index_sees(a, b) or not self.same_digits((prefix, suffix), (a, b)):
                continue
            other = b[b.rfind("."):] if "." in b else ""
            same = folded(f"{a}#{b}") == folded(f"{prefix}#{suffix}")
            stem = folded(a + "#" + b[:len(b) - len(other)]) == \
                folded(prefix + "#" + suffix[:len(suffix) - len(extension)])
            akin = media_class(extension) is not None and \
                media_class(extension) == media_class(other)
            if same if not same_stem else stem and akin and not same:
                found += self.frames((a, b, padding, wanted), reading)
        for f in found:
            f.same_name = f.same_path = False
        return found

    def same_digits(self, one, two):
        """What touches the number on either side is compared as it is."""
        def touching(prefix, suffix):
            return re.search("[0-9]*$", prefix)[0], re.match("[0-9]*", suffix)[0]
        return touching(*one) == touching(*two)

    def pick(self, finds):
        """The verdict of one rule, or None where it finds nothing."""
        if not finds:
            return None
        best = max(f.score for f in finds)
        left = [f for f in finds if f.score == best]
        for better in (lambda f: f.same_path, lambda f: f.complete):
            left = [f for f in left if better(f)] or left
        if len(left) > 1 and all(self.are_copies(left[0], f) for f in left[1:]):
            least = min(left, key=lambda f: (len(min(f.keys).encode()), min(f.keys).encode()))
            left = [least]
        if len(left) > 1 or left[0].twins:
            return "ambiguous", set()
        self.is_sequence = left[0].is_sequence
        return "partly" if left[0].partly else "found", left[0].keys

    def are_copies(self, a, b):
        """Only empty objects are, and only where the store's ETags tell the bytes: the world draws
        its bytes at random, and in a directory an ETag tells the file."""
        sizes = {self.model.objects[k] for k in a.keys | b.keys}
        names = [sorted(re.findall("[0-9]+", name_of(k)) for k in f.keys) for f in (a, b)]
        return self.model.address.startswith("s3://") and sizes == {0} and names[0] == names[1]
