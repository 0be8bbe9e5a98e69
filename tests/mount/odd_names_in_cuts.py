"""A cut finds media by names with '+', '%', blanks and brackets, in folders with brackets, however
its application wrote them; an EDL may end its lines with CR alone."""

import urllib.parse

import common
from common import check, equal

PLUS, PERCENT, HUNDRED = "show/take+1.mov", "show/a%20b.mov", "show/100%+.mov"
PLAIN, BRACKETS = "show/take 1.mov", "show/take[1-2].mov"
FRAMES = [f"show/[2020-2021]/pl+ate%/x.{n}.exr" for n in range(1001, 1006)]
# Frames in two folders with brackets that only differ in what the brackets say.
TWINS = ["show/[1-2]/y.0001.exr", "show/[1-3]/y.0001.exr"]


def quoted(path):
    return "file:///Volumes/raid/" + urllib.parse.quote(path)


def found(world, url, status=0):
    answer = world.host.json("conform", world.timeline_of_urls([url]), status=status)
    keys = []
    for entry in answer["found"]:
        keys += entry.get("objects", [entry["key"]])
    return answer, keys


def names(world):
    for key in (PLUS, PERCENT, HUNDRED, PLAIN, BRACKETS):
        name = key.split("/")[-1]
        for url in (name, quoted(name), f"C:\\media\\{name}", world.lake.address(key)):
            answer, keys = found(world, url)
            equal(keys, [key], f"what {url} finds")
            equal(world.lake.tags(key)[-1:], [answer["edit"]], f"the tag of {key}")
    # '+' is no blank, and a sign is decoded once
    equal(found(world, "/x/take%2B1.mov")[1], [PLUS], "a coded plus")
    equal(found(world, "file:///x/take%201.mov")[1], [PLAIN], "a coded blank")
    equal(found(world, "file:///x/a%252520b.mov", 3)[1], [], "coded three times")


def sequences(world):
    top = FRAMES[0].rsplit("/", 1)[0]
    for url in ("/Volumes/[9-10]/x.[1001-1005].exr", "file:///x/x.%5B1001-1005%5D.exr",
                world.lake.address(f"{top}/x.1001.exr").replace("x.1001", "x.[1001-1005]")):
        equal(found(world, url)[1], FRAMES, f"what {url} finds")
    answer, keys = found(world, "/x/y.[0001-0001].exr", 4)
    equal(keys, [], "of two places nothing")
    equal([c["key"] for c in answer["ambiguous"][0]["candidates"]], TWINS, "the candidates")


def edl(world):
    lines = ["TITLE: CR", "FCM: NON-DROP FRAME", "",
             "001  AX V C 01:00:00:00 01:00:01:00 00:00:00:00 00:00:01:00",
             "* FROM CLIP NAME: take+1.mov",
             "002  AX V C 01:00:00:00 01:00:01:00 00:00:01:00 00:00:02:00",
             "* FROM CLIP NAME: a%20b.mov", ""]
    for end in ("\r", "\n", "\r\n"):
        path = world.path("cut.edl")
        with open(path, "w", encoding="ascii", newline="") as f:
            f.write(end.join(lines))
        answer = world.host.json("conform", path)
        equal(answer["clips"], 2, f"clips of an EDL with {end!r}")
        equal(sorted(f["key"] for f in answer["found"]), sorted([PLUS, PERCENT]), f"with {end!r}")
        check(not answer["missing"] and not answer["ambiguous"], "nothing else")


def test(world):
    world.ready(PLUS, PERCENT, HUNDRED, PLAIN, BRACKETS, *FRAMES, *TWINS)
    names(world)
    sequences(world)
    edl(world)


if __name__ == "__main__":
    common.run(test, mounts=False)
