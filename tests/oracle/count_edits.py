#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts edits and clips of EDL, Final Cut Pro 7 XML and FCPXML files straight from their text.

usage: count_edits.py [--rate N] DIR|FILE ...

Prints a line for each .edl, .xml, .fcpxml and .fcpxmld below DIR, sorted by path: path, edits,
clips, transitions, clips that name media by a path; tab-separated; or path and "refused".

  edits  of an EDL: its edit lines, once a channel; of XML: its clip elements, compounds expanded
         wherever they are used
  clips  what is left of them when lines that continue a clip are joined to it

It shares no code with the readers that it checks: regular expressions and ElementTree, whole
seconds and frames in Python's own fractions.
"""

import argparse
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

TIME = r"(\d+(?:[:;.,]\d+){3}|\d{1,9})"
EDIT = re.compile(r"\s*(\d+[A-Za-z]?)\s+(.+?)\s+(\S+)\s+(C|D|K[BO]?|W\d+)(?:\s+(\d+))?\s+"
                  + r"\s+".join([TIME] * 4) + r"\s*$", re.I)
MEDIA = re.compile(r"\.(mov|mxf|mp4|m4v|avi|mkv|exr|dpx|tiff?|png|jpe?g|wav|aiff?|r3d|braw|mp3)$",
                   re.I)


class Refused(Exception):
    """The file is not what its name says, or holds what cannot be."""


# EDL

def frames(text, rate):
    """Frames of a timecode or a plain number; drop-frame where it has a semicolon."""
    if text.isdigit():
        return int(text)
    h, m, s, f = (int(x) for x in re.split("[:;.,]", text))
    if f >= rate or m > 59 or s > 59:
        raise Refused
    minutes = h * 60 + m
    drop = rate // 15 * (minutes - minutes // 10) if ";" in text else 0
    return (minutes * 60 + s) * rate + f - drop


def channels(text):
    """How many tracks an edit is on."""
    if not re.fullmatch(r"([VABvab]\d*|/)+", text):
        return 1
    return sum(2 if c in "Bb" else 1 for c in re.findall("[VABvab]", text))


def note(lines, *keys):
    """The value of the first note with one of the keys."""
    for key in keys:
        for line in lines:
            m = re.match(r"[*\s]*" + key + r"\s*:\s*(.*?)\s*$", line, re.I)
            if m and m.group(1) and m.group(1).upper() != "(NULL)":
                return m.group(1)
    return None


def read_edits(text, rate):
    """The edit lines as dictionaries, each with the notes behind it."""
    edits = []
    for line in re.split("\r\n|\r|\n", text):
        m = EDIT.match(line)
        if m:
            times = [frames(t, rate) for t in m.groups()[5:]]
            kind = m.group(4).upper()
            edits.append({"number": m.group(1), "reel": m.group(2), "channels": m.group(3),
                          "moves": kind[0] in "DW", "time": times, "notes": []})
        elif edits:
            edits[-1]["notes"].append(line.strip())
    return edits


def name_edits(edits):
    """Gives each edit its clip name, path and whether it plays at another speed."""
    for i, edit in enumerate(edits):
        before = edits[i - 1] if i else None
        pair = before and edit["moves"] and (before["number"] == edit["number"]
                                             or before["time"][2] == before["time"][3])
        source = before if pair else edit
        for part, who in (("FROM", source), ("TO", edit)):
            if part == "TO" and not pair:
                continue
            who.setdefault("name", None)
            who.setdefault("path", None)
            who["name"] = who["name"] or note(edit["notes"], part + " CLIP NAME")
            who["path"] = who["path"] or note(edit["notes"], part + " CLIP", part + " FILE")
        file = note(edit["notes"], "SOURCE FILE")
        if file and ("/" in file or "\\" in file or MEDIA.search(file)):
            source["path"] = source["path"] or file
        edit["speed"] = any(re.match(r"M2\s", n) or re.search(r"FREEZE FRAME|IS A STILL", n)
                            for n in edit["notes"])
    for edit in edits:
        if not edit["path"] and edit["name"] and MEDIA.search(edit["name"]):
            edit["path"] = edit["name"]
        if edit["reel"].upper() in ("BL", "BLACK", "BARS"):
            edit["path"] = None


def joins(clip, edit):
    """True where `edit` is the next frames of `clip`."""
    if clip is None or edit["moves"] or clip["speed"] or edit["speed"]:
        return False
    a, b = clip["time"], edit["time"]
    empty = b[2] == b[3]
    if not (empty or clip["moves"]) or a[1] - a[0] != a[3] - a[2] or b[1] - b[0] != b[3] - b[2]:
        return False
    same = all(not clip[k] or not edit[k] or clip[k] == edit[k] for k in ("name", "path"))
    return (a[1] == b[0] and a[3] == b[2] and clip["reel"] == edit["reel"]
            and clip["channels"] == edit["channels"] and same)


def count_edl(data, rate):
    text = data.replace(b"\0", b" ").replace(b"\x1a", b" ").decode("latin-1")
    edits = read_edits(text, rate)
    if not edits:
        raise Refused
    name_edits(edits)
    lines = clips = moves = paths = 0
    clip = None
    for edit in edits:
        n = channels(edit["channels"])
        lines += n
        moves += n * edit["moves"]
        if joins(clip, edit):
            clip["time"] = [clip["time"][0], edit["time"][1], clip["time"][2], edit["time"][3]]
            continue
        clip = edit
        clips += n
        paths += n * bool(edit["path"])
    return lines, clips, moves, paths


# Final Cut Pro 7

def plays(track):
    """The items of a track."""
    return [c for c in track if c.tag in ("clipitem", "generatoritem", "transitionitem")]


def media(track):
    """The ids that the clips of a track name."""
    return {e.get("id") for c in track.findall("clipitem") for e in c
            if e.tag in ("file", "sequence")}


def kept(tracks):
    """All but the further channels of a track that name nothing new."""
    first = None
    for track in tracks:
        if track.get("currentExplodedTrackIndex", "0") != "0" and first is not None \
                and media(track) <= media(first):
            continue
        first = track
        yield track


def defined(root):
    """(tag, id) -> the element that defines it."""
    table = {}
    for e in root.iter():
        if e.get("id") and len(e):
            table.setdefault((e.tag, e.get("id")), e)
    return table


def count_sequence(sequence, table, kinds):
    total = [0, 0, 0, 0]
    for kind in kinds:
        for track in kept(sequence.findall(f"media/{kind}/track")):
            for item in plays(track):
                nested = item.find("sequence")
                if item.tag == "transitionitem":
                    total[2] += 1
                elif nested is not None:
                    nested = table.get(("sequence", nested.get("id")), nested)
                    total = [a + b for a, b in zip(total, count_sequence(nested, table, [kind]))]
                else:
                    file = item.find("file")
                    if file is not None:
                        file = table.get(("file", file.get("id")), file)
                    total[0] += 1
                    total[1] += 1
                    total[3] += file is not None and bool(file.findtext("pathurl"))
    return total


def count_fcp(root):
    if root.tag != "xmeml":
        raise Refused
    table, total = defined(root), [0, 0, 0, 0]
    inner = {s for c in root.iter("clipitem") for s in c.iter("sequence")}
    top = [s for s in root.iter("sequence") if s not in inner]
    if not top:
        raise Refused
    for sequence in top:
        got = count_sequence(sequence, table, ["video", "audio"])
        total = [a + b for a, b in zip(total, got)]
    return total


# FCPXML

LEAVES = {"asset-clip", "video", "audio", "title"}
INNER = LEAVES | {"clip", "sync-clip", "ref-clip", "mc-clip", "gap", "spine", "audition"}


def seconds(text):
    return Fraction(text.rstrip("s")) if text else Fraction(0)


class Story:
    """Counts what a sequence shows: `want` is "all", "video" or "audio"."""

    def __init__(self, root):
        self.by_id = {(e.tag, e.get("id")): e for e in root.find("resources") or []}
        self.total = [0, 0, 0, 0]

    def leaf(self, e, want, shown):
        asset = self.by_id.get(("asset", e.get("ref")))
        picture, sound = e.tag != "audio", e.tag == "audio"
        if e.tag == "asset-clip" and asset is not None:
            sound = asset.get("hasAudio") == "1"
            picture = asset.get("hasVideo") == "1" or not sound
        own = e.get("srcEnable", "all")
        if not shown or not any(has and own in ("all", kind) and want in ("all", kind)
                                for has, kind in ((picture, "video"), (sound, "audio"))):
            return
        source = asset is not None and (asset.get("src") or asset.find("media-rep") is not None)
        self.total[0] += 1
        self.total[1] += 1
        self.total[3] += bool(source)

    def compound(self, e, want):
        own = e.get("srcEnable", "all")
        if own != "all" and want not in ("all", own):
            return
        sequence = self.by_id[("media", e.get("ref"))].find("sequence")
        self.walk(sequence.find("spine"), own if want == "all" else want, None)

    def walk(self, parent, want, window):
        """`window`: what of the parent's time is shown, or None for all."""
        for e in parent:
            if e.tag == "transition":
                self.total[2] += 1
            if e.tag not in INNER:
                continue
            at, start = seconds(e.get("offset")), seconds(e.get("start"))
            length = seconds(e.get("duration"))
            shown = window is None or (at < window[1] and at + length > window[0])
            if e.tag in LEAVES:
                self.leaf(e, want, shown)
            elif e.tag in ("ref-clip", "mc-clip") and shown:
                self.compound(e, want)
            if e.tag in ("clip", "sync-clip"):
                self.walk(e, want, (start, start + length))
            elif e.tag == "audition":
                self.walk([c for c in e if c.tag in INNER][:1], want, window)
            elif window is None or e.tag == "spine":
                self.walk(e, want, None)
            else:
                self.walk(e, want, (window[0] - at + start, window[1] - at + start))


def count_fcpx(root):
    if root.tag != "fcpxml":
        raise Refused
    story = Story(root)
    sequences = root.findall(".//project/sequence")
    for sequence in sequences:
        story.walk(sequence.find("spine"), "all", None)
    if not sequences:
        for shelf in [root, *root.iter("event")]:
            story.walk([e for e in shelf if e.tag in INNER], "all", None)
    return story.total


# Files

def count(path, rate):
    """The columns of one file."""
    try:
        if os.path.isdir(path):
            path = os.path.join(path, "Info.fcpxml")
        with open(path, "rb") as f:
            data = f.read()
        if path.endswith(".edl"):
            got = count_edl(data, rate)
        else:
            root = ElementTree.fromstring(data)
            got = count_fcpx(root) if path.endswith(".fcpxml") else count_fcp(root)
    except (Refused, ElementTree.ParseError):
        return "refused"
    return "\t".join(str(n) for n in got)


def find(top):
    if not os.path.isdir(top) or top.endswith(".fcpxmld"):
        yield top
        return
    for folder, folders, files in os.walk(top):
        yield from (os.path.join(folder, d) for d in folders if d.endswith(".fcpxmld"))
        folders[:] = [d for d in folders if not d.endswith(".fcpxmld")]
        yield from (os.path.join(folder, f) for f in files
                    if f.endswith((".edl", ".xml", ".fcpxml")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=24)
    parser.add_argument("tops", nargs="+")
    args = parser.parse_args()
    for path in sorted((p for top in args.tops for p in find(top)), key=os.fsencode):
        print(f"{path}\t{count(path, args.rate)}")


if __name__ == "__main__":
    sys.exit(main())
