"""Every byte of a 1 GiB object is right, read from the front, at 200 random ranges, past the cached
pages, backwards, and at its end."""

import os
import random
import time

import common
import patterns
from common import check, equal

KEY = "show/large.mov"
SIZE = 1 << 30


def sequentially(path):
    began, at = time.monotonic(), 0
    with open(path, "rb", buffering=0) as f:
        while data := f.read(1 << 20):
            wrong = patterns.wrong_at(data, at)
            check(wrong is None, f"read from the front: wrong byte at {wrong}")
            at += len(data)
    equal(at, SIZE, "bytes to the end")
    return SIZE / (time.monotonic() - began) / 1e6


def at_random(path, drop):
    chance = random.Random(7)
    with open(path, "rb", buffering=0) as f:
        for _ in range(200):
            length = chance.choice((1, 100, 4096, 65537, 1 << 20, 5 << 20))
            offset = chance.randrange(SIZE)
            if drop:
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            data = os.pread(f.fileno(), length, offset)
            equal(len(data), min(length, SIZE - offset), f"length of {length} at {offset}")
            check(patterns.wrong_at(data, offset) is None, f"wrong bytes in {length} at {offset}")


def backwards(path):
    step = 3 << 20
    with open(path, "rb", buffering=0) as f:
        for offset in range(SIZE - step, SIZE - 30 * step, -step):
            wrong = patterns.wrong_at(os.pread(f.fileno(), step, offset), offset)
            check(wrong is None, f"read backwards: wrong byte at {wrong}")


def ends(path):
    fd = os.open(path, os.O_RDONLY)
    for offset, length, want in ((SIZE - 1, 10, 1), (SIZE, 10, 0), (SIZE + 1, 10, 0),
                                 (1 << 40, 4096, 0), (SIZE - 4096, 8192, 4096)):
        data = os.pread(fd, length, offset)
        equal(len(data), want, f"{length} bytes at {offset}")
        check(not data or patterns.wrong_at(data, offset) is None, f"bytes at {offset}")
    os.close(fd)


def test(world):
    world.lake.put_parts(KEY, patterns.parts(SIZE))
    world.ready()
    world.granted("acme", KEY)
    path = f"{world.mount('acme', '-o', 'mem=64M')}/{KEY}"
    equal(os.stat(path).st_size, SIZE, "the size")
    print(f"sequentially, cold, checked: {sequentially(path):.0f} MB/s")
    for drop in (False, True):
        at_random(path, drop)
    backwards(path)
    ends(path)


if __name__ == "__main__":
    common.run(test)
