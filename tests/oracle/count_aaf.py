#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts tracks, clips, transitions and retimes of AAF files straight from their property streams.

usage: count_aaf.py DIR|FILE ...

Prints a line for each .aaf below DIR, sorted by path: path, picture tracks, sound tracks, picture
clips, sound clips, transitions, retimes, clips that name media by an address, and the sum of the
first source frames of all picture clips that are played at their own speed; tab-separated; or path
and "refused".

It shares no code with the reader that it checks: olefile finds the streams, struct takes them
apart, and compositions are expanded here by rules of their own.
"""
import os
import struct
import sys
from fractions import Fraction

import olefile

CLASSES = {0x05: "EssenceGroup", 0x09: "Filler", 0x0A: "OperationGroup", 0x0B: "NestedScope",
           0x0C: "Pulldown", 0x0D: "ScopeReference", 0x0E: "Selector", 0x0F: "Sequence",
           0x11: "SourceClip", 0x14: "Timecode", 0x17: "Transition", 0x2D: "Film", 0x2E: "Tape",
           0x35: "Composition", 0x36: "Master", 0x37: "Source", 0x3B: "Slot", 0x4A: "Import"}
TOP_LEVEL = bytes.fromhex("0201010d01010007060e2b3404010101")


class Refused(Exception):
    """The file is no AAF, or holds no edit."""


def text(data):
    return data.decode("utf-16-le", "replace").split("\0")[0]


class Thing:
    """An object: a storage and its properties by their numbers."""

    def __init__(self, ole, entry):
        self.ole, self.entry = ole, entry
        self.kids = {k.name: k for k in entry.kids}
        clsid = entry.clsid.replace("-", "")
        known = clsid[:12] == "0D0101010101" and clsid[14:16] == "00"
        self.kind = CLASSES.get(int(clsid[12:14], 16)) if known else None
        data = self.stream("properties")
        self.values, at = {}, 4 + 6 * struct.unpack_from("<H", data, 2)[0]
        for i in range(struct.unpack_from("<H", data, 2)[0]):
            pid, _form, size = struct.unpack_from("<HHH", data, 4 + 6 * i)
            self.values.setdefault(pid, data[at:at + size])
            at += size

    def stream(self, name):
        entry = self.kids[name]
        return self.ole._open(entry.isectStart, entry.size).read()

    def one(self, pid):
        if pid not in self.values:
            return None
        return Thing(self.ole, self.kids[text(self.values[pid])])

    def many(self, pid):
        """(id, object) of a set; (None, object) of a vector."""
        if pid not in self.values:
            return
        stem = text(self.values[pid])
        index = self.stream(stem + " index")
        count = struct.unpack_from("<I", index)[0]
        width = index[14] if len(index) != 12 + 4 * count else 0
        for i in range(count):
            at = 15 + i * (8 + width) if width else 12 + 4 * i
            key = struct.unpack_from("<I", index, at)[0]
            name = index[at + 8:at + 8 + width] if width else None
            yield name, Thing(self.ole, self.kids[f"{stem}{{{key:x}}}"])

    def integer(self, pid, default=0):
        data = self.values.get(pid)
        return default if data is None else int.from_bytes(data, "little", signed=len(data) == 8)

    def ratio(self, pid):
        top, bottom = struct.unpack("<ii", self.values[pid])
        return Fraction(top, bottom)


class Counter:
    def __init__(self, path):
        ole = olefile.OleFileIO(path)
        header = Thing(ole, ole.root).one(2)
        if header is None:
            raise Refused
        self.mobs = dict(header.one(0x3B03).many(0x1901))
        dictionary = header.one(0x3B04)
        self.operations = dict(dictionary.many(0x2603))
        self.data = {k: text(v.values[0x1B02]) for k, v in dictionary.many(0x2605)}
        self.total = dict.fromkeys(("pictures", "sounds", "picture", "sound", "over", "warp",
                                    "path", "first"), 0)

    def slot(self, mob, number):
        for _, slot in mob.many(0x4403):
            if slot.integer(0x4801) == number:
                return slot
        return None

    def warps(self, group):
        operation = self.operations.get(group.values[0x0B01][-16:])
        return operation is not None and operation.integer(0x1E02) != 0

    def inner(self, thing):
        """Without sequences of one and effects that change no time."""
        while thing is not None and thing.kind in ("Sequence", "OperationGroup"):
            parts = list(thing.many(0x1001 if thing.kind == "Sequence" else 0x0B02))
            if len(parts) != 1 or (thing.kind == "OperationGroup" and self.warps(thing)):
                break
            thing = parts[0][1]
        return thing

    def chain(self, clip, skip, rate):
        """Places along the mobs of a clip: (mob, slot, edit unit), and whether a file is named."""
        places, named = [], False
        at = clip.integer(0x1201) + skip
        while clip is not None and clip.values.get(0x1101) in self.mobs:
            mob = self.mobs[clip.values[0x1101]]
            slot = self.slot(mob, clip.integer(0x1102))
            if slot is None:
                break
            own = slot.ratio(0x4B01)
            if round(own) != round(rate):
                at = at * own / rate
            at, rate = at + slot.integer(0x4B02), own
            places.append((mob, slot, at))
            for _, tag in mob.many(0x4406):
                named |= text(tag.values[0x5001]) == "UNC Path"
            descriptor = mob.one(0x4701)
            if descriptor is not None and descriptor.kind not in ("Tape", "Film"):
                named |= any(True for _, locator in descriptor.many(0x2F01)
                             if 0x4001 in locator.values or 0x4101 in locator.values)
            clip, at = self.leaf(slot.one(0x4803), at)
            if clip is not None:
                at += clip.integer(0x1201)
        return places, named

    def leaf(self, thing, at):
        """The source clip that plays at an edit unit of a segment."""
        while thing is not None and thing.kind != "SourceClip":
            if thing.kind == "Sequence":
                for _, thing in thing.many(0x1001):
                    if at < thing.integer(0x0202):
                        break
                    at -= thing.integer(0x0202)
                continue
            pids = {"OperationGroup": 0x0B02, "EssenceGroup": 0x0501}
            if thing.kind in pids:
                thing = next((t for _, t in thing.many(pids[thing.kind])), None)
            elif thing.kind in ("Pulldown", "Selector"):
                thing = thing.one(0x0D01 if thing.kind == "Pulldown" else 0x0F01)
            else:
                thing = None
        return thing, at

    def first_frame(self, places):
        """In the timecode of the last mob that has some, else from the file's start."""
        frame = None
        for mob, slot, at in places:
            if mob.kind != "Source":
                continue
            clocks = [s.one(0x4803) for _, s in mob.many(0x4403)]
            clocks = [self.inner(t) for t in clocks if t is not None]
            clocks = [t for t in clocks if t.kind == "Timecode"]
            same = [t for t in clocks if t.integer(0x1502) == round(slot.ratio(0x4B01))]
            for clock in (same or clocks)[:1]:
                frame = at + clock.integer(0x1501)
        if frame is None:
            files = [p[2] for p in places if p[0].kind == "Source"]
            frame = (files or [places[0][2]])[0]
        return frame

    def clip(self, clip, kind, head, rate, warped):
        """How many items it makes."""
        if not any(clip.values.get(0x1101, b"")):
            return 0
        mob = self.mobs.get(clip.values[0x1101])
        slot = mob and self.slot(mob, clip.integer(0x1102))
        if slot and mob.kind == "Composition":
            segment = slot.one(0x4803)
            if self.inner(segment).kind != "SourceClip":
                return min(1, self.segment(segment, kind, 0, slot.ratio(0x4B01), warped))
        places, named = self.chain(clip, head, rate)
        self.total[kind] += 1
        self.total["path"] += named
        if kind == "picture" and not warped and places:
            self.total["first"] += round(self.first_frame(places))
        return 1

    def sequence(self, sequence, kind, rate, warped):
        items, head = 0, 0
        for _, part in sequence.many(0x1001):
            if part.kind == "Transition":
                self.total["over"] += 1
                items, head = items + 1, part.integer(0x1802)
            else:
                items += self.segment(part, kind, head, rate, warped)
                head = 0
        return items

    def segment(self, thing, kind, head, rate, warped):
        """How many items it makes on its track."""
        if thing.kind == "SourceClip":
            return self.clip(thing, kind, head, rate, warped)
        if thing.kind == "Sequence":
            parts = list(thing.many(0x1001))
            if len(parts) == 1 and parts[0][1].kind != "Transition":
                return self.segment(parts[0][1], kind, head, rate, warped)
            return self.sequence(thing, kind, rate, warped)
        if thing.kind == "OperationGroup":
            inputs, warps = list(thing.many(0x0B02)), self.warps(thing)
            if not inputs:
                self.total[kind] += 1
                return 1
            head = head if len(inputs) == 1 else 0
            items = sum(self.segment(t, kind, head, rate, warped or warps) for _, t in inputs)
            self.total["warp"] += warps and items > 0
            return items
        if thing.kind == "NestedScope":
            return sum(self.segment(t, kind, 0, rate, warped) for _, t in thing.many(0x0C01))
        if thing.kind == "Selector":
            choice = thing.one(0x0F01)
            if choice is None or choice.kind in ("Filler", "ScopeReference"):
                choice = next((t for _, t in thing.many(0x0F02)), None)
            return self.segment(choice, kind, head, rate, warped) if choice else 0
        if thing.kind == "EssenceGroup":
            choice = next((t for _, t in thing.many(0x0501)), None)
            return self.segment(choice, kind, head, rate, warped) if choice else 0
        return 0

    def edit(self, mob):
        for _, slot in mob.many(0x4403):
            segment = slot.one(0x4803)
            if slot.kind != "Slot" or segment is None:
                continue
            name = self.data.get(segment.values.get(0x0201, b"")[-16:], "")
            kind = "picture" if "Picture" in name else "sound" if "Sound" in name else None
            if kind is None:
                continue
            top = self.inner(segment)
            lanes = [t for _, t in top.many(0x0C01)] if top.kind == "NestedScope" else [top]
            for lane in lanes:
                items = self.segment(lane, kind, 0, slot.ratio(0x4B01), False)
                self.total[kind + "s"] += items > 0

    def run(self):
        chosen = [m for m in self.mobs.values()
                  if m.kind == "Composition" and m.values.get(0x4408) == TOP_LEVEL]
        for kind in ("Composition", "Master"):
            chosen = chosen or [m for m in self.mobs.values() if m.kind == kind]
        if not chosen:
            raise Refused
        for mob in chosen:
            self.edit(mob)
        return "\t".join(str(n) for n in self.total.values())


def count(path):
    if not olefile.isOleFile(path):
        return "refused"
    try:
        return Counter(path).run()
    except Refused:
        return "refused"


def find(top):
    if not os.path.isdir(top):
        yield top
    for folder, _, files in os.walk(top):
        yield from (os.path.join(folder, f) for f in files if f.lower().endswith(".aaf"))


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: count_aaf.py DIR|FILE ...")
    for path in sorted((p for top in sys.argv[1:] for p in find(top)), key=os.fsencode):
        print(f"{path}\t{count(path)}")


if __name__ == "__main__":
    sys.exit(main())
