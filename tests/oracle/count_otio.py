#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts clips and media references of timelines straight from their JSON.

usage: count_otio.py DIR

Prints a line for each .otio, .otioz and .json file below DIR, sorted by path:
path, clips, clips that play, external, image sequence, missing, generator, other references,
clips without one; tab-separated; or path and "refused". It shares no code with the reader that it
checks: a plain recursion over the parsed file.
"""

import json
import os
import re
import sys
import zipfile

ROOTS = {"Timeline", "Stack", "Track", "Sequence", "Clip", "SerializableCollection",
         "SerializeableCollection"}
KINDS = ["ExternalReference", "ImageSequenceReference", "MissingReference", "GeneratorReference"]
LEAVES = {"Gap", "Filler", "Transition"}


def schema(obj):
    """The schema's name without its version."""
    return obj["OTIO_SCHEMA"].split(".")[0]


def references(clip):
    """Every media reference of a clip, whatever the clip's version."""
    refs = [clip.get("media_reference")]
    refs += (clip.get("media_references") or {}).values()
    return [r for r in refs if r is not None]


def count(obj, plays, table):
    """Adds what `obj` holds to `table`."""
    kind = schema(obj)
    plays = plays and obj.get("enabled") is not False
    if kind == "Clip":
        table["clips"] += 1
        table["plays"] += plays
        refs = references(obj)
        table["none"] += not refs
        for ref in refs:
            name = schema(ref)
            table[name if name in KINDS else "other"] += 1
    elif kind == "Timeline":
        if obj.get("tracks") is not None:
            count(obj["tracks"], plays, table)
    elif kind not in LEAVES:
        for child in obj.get("children") or []:
            if child is not None:
                count(child, plays, table)


def content(path):
    """The file's text, or that of the timeline in a bundle."""
    if path.endswith(".otioz"):
        with zipfile.ZipFile(path) as bundle:
            return bundle.read("content.otio").decode("utf-8-sig")
    with open(path, encoding="utf-8-sig") as f:
        return f.read()


def line(path):
    """The table's line for one file, without its path."""
    table = dict.fromkeys(["clips", "plays", *KINDS, "other", "none"], 0)
    try:
        text = re.sub(r"(?<=[:\[,\s])(-?)Inf(?=[\s,\]}])", r"\1Infinity", content(path))
        root = json.loads(text)
        if schema(root) not in ROOTS:
            return "refused"
        count(root, True, table)
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return "refused"
    return "\t".join(str(v) for v in table.values())


def main():
    top = sys.argv[1]
    paths = []
    for folder, _, files in os.walk(top):
        paths += [os.path.join(folder, f) for f in files
                  if f.endswith((".otio", ".otioz", ".json"))]
    for path in sorted(paths, key=os.fsencode):
        print(f"{path}\t{line(path)}")


if __name__ == "__main__":
    main()
