"""`scan` finds reel and timecode in EXR headers, object metadata and Avid logs, once for each
object, and `media` tells them."""

import struct

import common
from common import check, equal

LOG = ("Heading\nFIELD_DELIM\tTABS\nFPS\t25\n\nColumn\nName\tTape\tStart\tEnd\tSource File\n\nData\n"
       "one\tB007\t10:00:00:00\t10:00:04:00\tB007C001.mxf\n")


def exr(reel, timecode):
    """A frame that is all header: `timecode` is 0xHHMMSSFF in decimal digits."""
    def attribute(name, kind, data):
        return f"{name}\0{kind}\0".encode() + struct.pack("<I", len(data)) + data

    return (b"\x76\x2f\x31\x01\x02\0\0\0"
            + attribute("reelName", "string", reel.encode())
            + attribute("timeCode", "timecode", struct.pack("<II", timecode, 0))
            + attribute("framesPerSecond", "rational", struct.pack("<iI", 24000, 1001))
            + b"\0" + bytes(200000))


def facts(host, key):
    return host.json("media", key)["media"]


def headers(world):
    host = world.host
    for frame in (1003, 1001, 1002):
        world.lake.put(f"show/sh010/plate.{frame}.exr", exr("A118_C029", 0x01000000 + frame - 1001))
    media = host.json("scan")["media"]
    equal((media["looked"], media["known"], media["failed"]), (1, 1, 0), "one read for a sequence")
    want = {"from": "exr", "reel": "A118_C029", "start": 86400, "rate": [24000, 1001]}
    equal(facts(host, "show/sh010/plate.1001.exr"), want, "the lowest frame")
    told = host.json("media", "show/sh010/plate.1003.exr")
    equal(told, {"object": "show/sh010/plate.1001.exr", "media": want}, "another frame")
    check("01:00:00:00" in host.run("media", "show/sh010/plate.1002.exr"), "timecode as text")


def metadata(world):
    host = world.host
    with_metadata = {"shotlake-reel": "A001C002", "shotlake-timecode": "00:00:59;29",
                     "shotlake-rate": "29.97", "shotlake-frames": "7", "colour": "red"}
    world.lake.put("rushes/a.mov", b"a movie", metadata=with_metadata)
    world.lake.put("rushes/b.mov", b"another")
    equal(host.json("scan")["media"]["looked"], 2, "movies looked at")
    equal(facts(host, "rushes/a.mov"),
          {"from": "metadata", "reel": "A001C002", "start": 1799, "drop": True, "frames": 7,
           "rate": [30000, 1001]}, "metadata of a movie")
    equal(facts(host, "rushes/b.mov"), {"from": "none"}, "a movie that tells nothing")


def logs(world):
    host = world.host
    world.lake.put("rushes/day7/B007C001.mxf", b"a movie")
    world.lake.put("rushes/day7/day7.ALE", LOG.replace("\n", "\r").encode())
    scanned = host.json("scan")["media"]
    equal((scanned["looked"], scanned["logs"]), (1, 1), "one movie, one log")
    equal(facts(host, "rushes/day7/B007C001.mxf"),
          {"from": "ale:rushes/day7/day7.ALE", "reel": "B007", "start": 900000, "frames": 100,
           "rate": [25, 1]}, "what a log says")


def test(world):
    host, other = world.host, world.another_host()
    host.run("init")
    headers(world)
    metadata(world)
    logs(world)
    records = len(host.json("ledger"))
    media = host.json("scan")["media"]
    equal((media["looked"], media["logs"], media["failed"]), (0, 0, 0), "nothing is looked at twice")
    equal(len(host.json("ledger")), records, "and nothing is recorded")
    equal(facts(other, "rushes/a.mov"), facts(host, "rushes/a.mov"), "another host knows it too")

    world.lake.put("rushes/a.mov", b"a new movie")
    host.run("scan", "--media", "off")
    equal(host.json("media", "rushes/a.mov"), {"object": None, "media": None}, "facts of old bytes")
    equal(host.json("scan", "rushes/day7")["media"]["looked"], 0, "it lies elsewhere")
    equal(host.json("scan", "rushes", "--jobs", "2")["media"]["looked"], 1, "the changed one")
    equal(facts(host, "rushes/a.mov"), {"from": "none"}, "its new facts")
    equal(host.json("scan", "--media=all")["media"]["looked"], 4, "all again")

    host.run("media", "rushes/absent.mov", status=5)
    host.run("media", "rushes", status=5)


if __name__ == "__main__":
    common.run(test, mounts=False)
