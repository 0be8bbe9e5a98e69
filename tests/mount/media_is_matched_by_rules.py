"""The ladder as users meet it: reels of an EDL, other extensions, spellings; ties that options and
pins break; sidecars that their rules add; and a manifest that conforms to the same objects."""

import json

import common
from common import check, equal
from media_facts_are_found import exr

EDL = """TITLE: reels
001  A001C002 V     C        01:00:01:00 01:00:02:00 00:00:00:00 00:00:01:00
002  A118_C02 V     C        01:00:00:01 01:00:00:03 00:00:01:00 00:00:01:02
003  A001C002 V     C        05:00:00:00 05:00:01:00 00:00:01:02 00:00:02:02
004  AX       V     C        00:00:00:00 00:00:01:00 00:00:02:02 00:00:03:02
"""

RULES = [{"name": "grade", "for": "plate", "path": "{stem}.cdl"},
         {"name": "look", "for": "*", "path": "../lut/*.cube"}]


def conform(world, urls, *options, status=0):
    cut = world.timeline_of_urls(urls)
    return world.host.json("conform", cut, *options, status=status)


def found(answer):
    return [(f["rule"], f["key"]) for f in answer["found"]]


def reels(world):
    answer = world.host.json("conform", world.write("reels.edl", EDL), "--handles", "0", status=3)
    equal(found(answer), [("reel", "rushes/first.mov"),
                          ("reel", "show/sh010/plate.[1002-1003].exr")], "found by reel")
    equal([m["clip"] for m in answer["missing"]], ["A001C002", "AX"], "no media has that timecode")
    check("reel" in answer["missing"][0]["reason"], "the reason names the reel")
    for manifest, status in (("studio", 3), ("manifest", 0)):  # its holders see what was found
        again = world.write("again.otio", world.lake.get(answer[manifest]).decode())
        twice = world.host.json("conform", again, "--handles", "0", status=status)
        keys = [set(world.host.json("edit", "show", a["edit"])["keys"]) - {a["manifest"], a["shots"]}
                for a in (answer, twice)]
        equal(keys[0], keys[1], f"the {manifest} conforms to the same objects")
        equal({f["rule"] for f in twice["found"]}, {"address"}, "by their addresses")


def names(world):
    answer = conform(world, ["file:///x/TAKE.mp4", "/Volumes/x/a/twin.mov", "C:\\x\\cafe\u0301.mov"])
    equal(found(answer), [("stem", "rushes/take.mov"), ("path", "a/twin.mov"),
                          ("name", "rushes/caf\u00e9.mov")], "names")
    check("spelling" in answer["found"][2]["note"], "another spelling is noted")


def ties(world):
    asked = ["/x/twin.mov", "/x/shot.mov"]
    answer = conform(world, asked, status=4)
    equal(answer["objects"], 0, "nothing ambiguous is granted")
    candidates = answer["ambiguous"][0]["candidates"]
    equal([c["key"] for c in candidates], ["a/twin.mov", "b/twin.mov"], "candidates")
    check(all(c["size"] and c["etag"] and c["mtime"] for c in candidates), "what tells them apart")
    preferred = conform(world, asked, "--prefer", "none/", "--prefer", "b/", "--newest-version")
    equal([f["key"] for f in preferred["found"]], ["b/twin.mov", "v/pl_v010/shot.mov"], "options")
    pins = {"pins": [{**a, "key": a["candidates"][-1]["key"]} for a in answer["ambiguous"]]}
    pinned = conform(world, asked, "--pin", world.write("pins.json", json.dumps(pins)))
    equal(found(pinned), [("pin", "b/twin.mov"), ("pin", "v/pl_v9/shot.mov")], "pins")
    rooted = conform(world, asked, "--media-root", "/x=a", status=4)
    equal(found(rooted), [("address", "a/twin.mov")], "a root")
    world.host.run("conform", world.timeline_of_urls(asked), "--pin",
                   world.write("bad.json", '{"pins": [{"clip": "x"}]}'), status=1)


def sidecars(world):
    host = world.host
    urls = [world.lake.address("show/sh010/plate.%04d.exr"), "file:///x/take.mov"]
    equal(conform(world, urls)["sidecars"], [], "no rules, no sidecars")
    rules = ["--sidecars", world.write("rules.json", json.dumps(RULES))]
    answer = conform(world, urls, *rules)
    plate = "show/sh010/plate.[1001-1003].exr"
    equal([(s["rule"], s["key"], s["of"]) for s in answer["sidecars"]],
          [("grade", "show/sh010/plate.cdl", plate), ("look", "show/lut/show.cube", plate)],
          "each is told with its rule and its media")
    keys = host.json("edit", "show", answer["edit"])["keys"]
    check({"show/sh010/plate.cdl", "show/lut/show.cube"} <= set(keys), "they are in the edit")
    check("show/sh010/notes.txt" not in keys, "and nothing else of the folder")
    world.grant(answer["edit"], "acme")
    equal(host.json("explain", "acme", "show/lut/show.cube")["allow"], True, "they are granted")


def test(world):
    put = world.lake.put
    for frame in (1001, 1002, 1003):
        put(f"show/sh010/plate.{frame}.exr", exr("A118_C029_LONG", 0x01000000 + frame - 1001))
    world.put("show/sh010/plate.cdl", "show/sh010/notes.txt", "show/lut/show.cube", "a/twin.mov",
              "b/twin.mov", "v/pl_v9/shot.mov", "v/pl_v010/shot.mov", "rushes/take.mov",
              "rushes/take.cdl", "rushes/caf\u00e9.mov")
    put("b/twin.mov", b"of another length")
    put("rushes/first.mov", b"a movie", metadata={
        "shotlake-reel": "A001C002_220101", "shotlake-timecode": "01:00:00:00",
        "shotlake-rate": "24", "shotlake-frames": "240"})
    world.host.run("init")
    world.host.run("scan")
    reels(world)
    names(world)
    ties(world)
    sidecars(world)


if __name__ == "__main__":
    common.run(test, mounts=False)
