"""Sixteen readers at once, of one file and of many, with a cache much smaller than what they read:
every byte is right, on a mount of one principal and on a shared one."""

import os
import random

import common
import patterns
from common import check

READERS, READS, ACME = 16, 25, 61001
SIZE = 24 << 20
KEYS = [f"show/plate.{n:04}.exr" for n in range(4)]


def read_at_random(top, number):
    """Reads ranges of all files; some overlap those of the others, some follow on each other."""
    chance = random.Random(number)
    fds = [os.open(f"{top}/{k}", os.O_RDONLY) for k in KEYS]
    offset = 0
    for i in range(READS):
        fd, length = chance.choice(fds), chance.choice((4096, 100001, 1 << 20, 3 << 20))
        offset = (offset + length) % SIZE if i % 3 else chance.randrange(SIZE)
        data = os.pread(fd, length, offset)
        check(len(data) == min(length, SIZE - offset), f"reader {number}: {len(data)} of {length}")
        wrong = patterns.wrong_at(data, offset)
        check(wrong is None, f"reader {number}: wrong byte at {wrong}")
    for fd in fds:
        os.close(fd)
    return READS


def all_at_once(at, uid):
    readers = [common.Helper(uid) for _ in range(READERS)]
    try:
        for number, reader in enumerate(readers):
            reader.start(read_at_random, at, number)
        check(sum(r.answer(120) for r in readers) == READERS * READS, "all have read")
    finally:
        for reader in readers:
            reader.close()


def test(world):
    for key in KEYS:
        world.lake.put_parts(key, patterns.parts(SIZE))
    world.ready()
    world.granted("acme", *KEYS)
    all_at_once(world.mount("acme", "-o", "mem=16M"), None)
    at = world.mount_per_caller(*world.principals(acme=ACME), "-o", "mem=16M")
    all_at_once(at, ACME)


if __name__ == "__main__":
    common.run(test)
