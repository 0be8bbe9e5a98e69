"""A second implementation checks the bytes: fio writes blocks with checksums of their own into a file,
which becomes an object; sixteen of its jobs verify them on the mount, at random and in order, past
the page cache and through it, from the store, from memory and from the disk cache."""

import os
import subprocess

import cached
import common
from common import check, equal

BLOCK, SIZE, JOBS = "64k", 10 << 20, 16
KEY, SPOILT = "show/reel.mov", "show/spoilt.mov"


def fio(path, *options):
    return subprocess.run(
        ["fio", "--name=job", f"--filename={path}", f"--bs={BLOCK}", f"--size={SIZE}",
         "--verify=crc32c", "--output-format=terse", *options], capture_output=True, text=True,
        check=False, cwd=os.path.dirname(path) if "--readonly" not in options else "/")


def verify(path, way, direct):
    return fio(path, f"--rw={way}", f"--direct={direct}", "--readonly", "--verify_fatal=1",
               f"--numjobs={JOBS}")


def written(world):
    path = os.path.join(world.dir, "written")
    made = fio(path, "--rw=write", "--do_verify=0")
    equal(made.returncode, 0, f"fio writes: {made.stderr}")
    with open(path, "rb") as f:
        return f.read()


def all_ways(at, what):
    for way, direct in (("randread", 1), ("read", 1), ("randread", 0), ("read", 0)):
        done = verify(f"{at}/{KEY}", way, direct)
        equal(done.returncode, 0, f"{what}, {way}, direct={direct}: {done.stderr[:300]}")


def test(world):
    data = written(world)
    world.lake.put(KEY, data)
    world.lake.put(SPOILT, data[:5000000] + bytes([data[5000000] ^ 1]) + data[5000001:])
    world.ready()
    world.granted("acme", KEY, SPOILT)
    options = (*cached.option(world, cache_size="64M"), "-o", "mem=4M")
    at = world.mount("acme", *options)
    all_ways(at, "new")
    check(verify(f"{at}/{SPOILT}", "read", 0).returncode != 0, "one wrong bit is found")
    at = cached.remount(world, at, "acme", *options)
    all_ways(at, "from the disk")
    check(cached.figures(world, at)[1]["hits_bytes"] > 0, "the disk was read")


if __name__ == "__main__":
    common.run(test)
