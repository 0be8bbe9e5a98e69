"""Bytes of the cache that were changed on the disk are never answered: they are fetched again, and put
right, wherever the damage is."""

import os
import random

import cached
import common
from common import check, equal

SIZE = 5 * cached.MIB
KEYS = [f"show/{i}.mov" for i in range(3)]


HEADER = 4096  # of the table
READS_MOST = 10


def damage(path, chance, every, start=0):
    """Turns one bit of each stretch of `every` bytes that is no hole."""
    with open(path, "r+b") as f:
        for at in range(start, os.fstat(f.fileno()).st_size, every):
            place = at + chance.randrange(every)
            byte = os.pread(f.fileno(), 1, place)
            if byte:
                os.pwrite(f.fileno(), bytes([byte[0] ^ 1 << chance.randrange(8)]), place)


def read_twice(world, at, options, what):
    """Right bytes over the damage; afterwards the cache becomes whole: what is written behind the
    reader's back counts once it is there, and what the damage left of old entries counts, too."""
    at = world.mount("acme", *options) if not common.is_mounted(at) else at
    cached.read_all(at, KEYS, SIZE)
    fetched, disk = cached.figures(world, at)
    cached.filled(world, len(KEYS) * SIZE)
    for _ in range(READS_MOST):
        at = cached.remount(world, at, "acme", *options)
        cached.read_all(at, KEYS, SIZE)
        again = cached.figures(world, at)[0]
        if again == 0:
            break
    equal(again, 0, f"{what}: fetched once it was put right")
    world.unmount(at)
    return fetched, disk


def test(world):
    world.ready(*KEYS, size=SIZE)
    world.granted("acme", *KEYS)
    options = cached.option(world, cache_size="64M")
    at = world.mountpoint("acme")
    fetched, _ = read_twice(world, at, options, "new")
    check(fetched >= len(KEYS) * SIZE, "all is fetched at first")

    chance = random.Random(3)
    damage(world.path("cache", "data"), chance, cached.UNIT)
    fetched, disk = read_twice(world, at, options, "data")
    check(disk["damaged"] > 0 and fetched > 0, f"damage of the data is noticed: {fetched}, {disk}")

    for start in (HEADER, 0):
        damage(world.path("cache", "table"), chance, 90, start)
        fetched, _ = read_twice(world, at, options, "table")
        check(fetched > 0, f"damage of the table from {start} on is noticed")

    for name in ("table", "data"):
        os.truncate(world.path("cache", name), 5000)
        fetched, _ = read_twice(world, at, options, f"{name} cut off")
        check(fetched > 0, f"{name} cut off: fetched again")


if __name__ == "__main__":
    common.run(test)
