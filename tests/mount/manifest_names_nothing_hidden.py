"""What a vendor gets of an edit, the manifest and the list of shots as read from the mount, names
nothing that the edit does not hold: no clip without found media, no candidate of an ambiguity, no
marker, no metadata, no name of a track and no path of the editor's. What is the studio's is not in
the mount. The manifest conformed again, in every form of address, finds the same objects."""

import csv
import io
import json

import common
from common import check, equal

FRAMES = [f"show/sh010/plate_v002.{n}.exr" for n in range(1001, 1041)]
USED = [k for k in FRAMES if 1008 <= int(k[-8:-4]) <= 1021]  # 1010 to 1019 and two handles
MOVIE = "show/sh020/ref+1%.mov"
UNUSED = ["secretshow/a/twice.mov", "othershow/b/twice.mov", "show/sh010/plate_v001.1010.exr",
          "show/sh010/plate_v002.1010.mov", "show/sh030/off.mov"]
SECRET = "zq7"  # is in everything that is no vendor's business


def time(value):
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": 24, "value": value}


def span(start, frames):
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start), "duration": time(frames)}


def secrets():
    return {"metadata": {SECRET: {"path": f"/vol/{SECRET}/x.mov"}}, SECRET: 1,
            "markers": [{"OTIO_SCHEMA": "Marker.2", "name": SECRET, "comment": SECRET,
                         "marked_range": span(0, 1)}]}


def clip(name, ref, **more):
    return {"OTIO_SCHEMA": "Clip.1", "name": name, "source_range": span(1010, 10),
            "media_reference": ref, **secrets(), **more}


def external(url):
    return {"OTIO_SCHEMA": "ExternalReference.1", "target_url": url, **secrets()}


def timeline():
    frames = {"OTIO_SCHEMA": "ImageSequenceReference.1", "target_url_base": f"/vol/{SECRET}/",
              "name_prefix": "plate_v002.", "name_suffix": ".exr", "start_frame": 1001,
              "frame_step": 1, "rate": 24, "frame_zero_padding": 4, "missing_frame_policy": "error",
              "available_range": span(1001, 200), **secrets()}
    dissolve = {"OTIO_SCHEMA": "Transition.1", "transition_type": "SMPTE_Dissolve",
                "in_offset": time(0), "out_offset": time(0), **secrets()}
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "name": SECRET, **secrets(), "children": [
        clip("sh010", frames), dissolve,
        clip(f"lost {SECRET}", external(f"file:///{SECRET}/lost.mov")),
        clip(f"twice {SECRET}", external(f"file:///{SECRET}/twice.mov")),
        clip(f"off {SECRET}", external(f"file:///{SECRET}/off.mov"), enabled=False),
        clip("sh020", external(f"/vol/{SECRET}/ref+1%.mov"))]}
    return {"OTIO_SCHEMA": "Timeline.1", "name": SECRET, **secrets(), "global_start_time": time(86400),
            "tracks": {"OTIO_SCHEMA": "Stack.1", "name": SECRET, **secrets(), "children": [track]}}


# Numbers that no parser gives back as they were, and a token that JSON has not.
ODD = ('"odd": [0.1, 24.0, 1e3, 1E+3, -0.0, NaN, -Infinity, 123456789012345678901234567890, '
       '"\\u00e9\\/"],\n   "twice":   [ ]')


def write_cut(world):
    text = json.dumps(timeline(), indent=3)
    text = text.replace('"name": "sh010"', '"name": "sh010",\n' + ODD, 1)
    world.write("cut.otio", text)
    return world.path("cut.otio"), text


def references(text):
    """The places of all media references: Python's own parser says where each ends."""
    decoder, key, at = json.JSONDecoder(), '"media_reference": ', 0
    while (at := text.find(key, at)) >= 0:
        at += len(key)
        _, end = decoder.raw_decode(text, at)
        yield at, end
        at = end


def around(text):
    """The text without its media references."""
    parts, at = [], 0
    for start, end in references(text):
        parts.append(text[at:start])
        at = end
    return parts + [text[at:]]


def check_studio(world, edit, text):
    studio = world.host.run("edit", "manifest", edit, "--studio")
    check(ODD in studio, "numbers and tokens are spelled as they were")
    equal(around(studio), around(text), "the text around the media references")
    for start, end in references(text):
        check(text[start:end] in studio, f"the original reference is kept: {text[start:end]}")
    check(json.loads(studio)["metadata"] == json.loads(text)["metadata"], "it parses")


def objects(value):
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, (dict, list)):
            yield from objects(child)


NEEDED = {  # by OpenTimelineIO's readers
    "Timeline.1": {"tracks"}, "Stack.1": {"children"}, "Track.1": {"children", "kind"},
    "Clip.1": {"media_reference"}, "Gap.1": {"source_range"}, "TimeRange.1": {"start_time", "duration"},
    "Transition.1": {"in_offset", "out_offset", "transition_type"},
    "RationalTime.1": {"rate", "value"}, "ExternalReference.1": {"target_url"},
    "ImageSequenceReference.1": {
        "target_url_base", "name_prefix", "name_suffix", "start_frame", "frame_step", "rate",
        "frame_zero_padding", "missing_frame_policy", "available_range"}}


def check_vendor(text, edit):
    manifest = json.loads(text)
    equal(manifest["name"], "R1", "the timeline's name is the edit's")
    for value in objects(manifest):
        schema = value.get("OTIO_SCHEMA")
        if schema is not None:
            check(NEEDED[schema] <= set(value), f"{schema} has only {sorted(value)}")
            ours = value.get("metadata", {"shotlake": 0})
            check(not ours or list(ours) == ["shotlake"], f"metadata: {ours}")
    children = manifest["tracks"]["children"][0]["children"]
    equal([c["OTIO_SCHEMA"] for c in children],
          ["Clip.1", "Transition.1", "Gap.1", "Gap.1", "Gap.1", "Clip.1"], "the track")
    equal([c["source_range"]["duration"]["value"] for c in children if "source_range" in c],
          [10] * 5, "everything keeps its length")
    granted = children[0]["media_reference"]
    equal((granted["start_frame"], granted["available_range"]["duration"]["value"]), (1008, 14),
          "the range is that of the granted frames")
    equal(manifest["metadata"], {"shotlake": {"edit": edit}}, "its metadata")


def test(world):
    world.ready(*FRAMES, MOVIE, *UNUSED)
    cut, text = write_cut(world)
    answer = world.host.json("conform", cut, "--name", "R1", "--handles", "2", status=4)
    edit = answer["edit"]
    world.grant(edit, "acme")
    at = world.mount("acme")
    held = {*USED, MOVIE, *common.made_of(answer["manifest"])}
    folder = common.with_parents(f"edits/R1-{edit}/{name}" for name in (
        "cut.otio", "shots.csv", "sh010/sh010", "sh020/ref+1%.mov"))
    equal(set(common.tree(at)), common.with_parents(held) | folder, "the mount")
    check_studio(world, edit, text)

    manifest = common.read(f"{at}/{answer['manifest']}").decode()
    shots = common.read(f"{at}/{answer['shots']}").decode()
    equal(world.host.run("edit", "manifest", edit), manifest, "edit manifest")
    check_vendor(manifest, edit)
    rows = list(csv.DictReader(io.StringIO(shots, newline="")))
    equal([(r["shot"], r["plate"], r["first"], r["last"], r["objects"], r["bytes"]) for r in rows],
          [("sh010", "show/sh010/plate_v002.%04d.exr", "1008", "1021", "14", "70000"),
           ("sh020", MOVIE, "", "", "1", "5000")], "the list of shots")
    equal(world.host.json("edit", "shots", edit), rows, "edit shots")
    for told in (manifest, shots):
        for word in (SECRET, "lost", "twice", "off.mov", "secretshow", "othershow", "v001", "/vol/",
                     "Marker", "original", *UNUSED):
            check(word not in told, f"'{word}' is told: {told}")

    relative = json.loads(world.host.run("edit", "manifest", edit, "--urls", "relative"))
    urls = [v["target_url"] for v in objects(relative) if "target_url" in v]
    equal([common.read(f"{at}/edits/R1-{edit}/{url}") for url in urls],
          [common.content(MOVIE, 5000)], "relative addresses, from the edit's folder")

    for form in ("s3", "mount", "file", "relative"):
        for more in ([], ["--studio"]):
            path = world.path(f"{form}{len(more)}.otio")
            world.host.run("edit", "manifest", edit, *more, "--urls", form, "-o", path)
            again = world.host.json("conform", path, "--handles", "2", "--urls", form,
                                    status=4 if more else 0)
            keys = {k for k in world.host.json("edit", "show", again["edit"])["keys"]}
            equal(keys - set(common.made_of(again["manifest"])), {*USED, MOVIE},
                  f"the objects of the manifest as {form} {more}")
            equal(world.host.run("edit", "manifest", again["edit"], "--studio"),
                  common.read(path).decode(), f"the manifest as {form} {more}, conformed again")


if __name__ == "__main__":
    common.run(test)
