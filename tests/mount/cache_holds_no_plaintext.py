"""Nobody finds bytes or names of objects in the folder of a cache, which is open to its owner alone."""

import os
import stat

import cached
import common
from common import check, equal

SIZE = 2 * cached.MIB
KEYS = ["show/sh010/secret_creature.0001.exr", "show/secret_title.mov"]


def pieces(key):
    data = common.content(key, SIZE)
    return [data[at:at + 16] for at in range(0, SIZE, 16384)]


def test(world):
    world.ready(*KEYS, size=SIZE)
    edit, _ = world.granted("acme", *KEYS)
    at = world.mount("acme", *cached.option(world))
    cached.read_all(at, KEYS, SIZE)
    cached.filled(world, len(KEYS) * SIZE)

    stored = world.lake.get(KEYS[0])
    check(all(piece in stored for piece in pieces(KEYS[0])), "the pieces are those of the object")
    files = cached.files(world)
    check(sum(map(len, files.values())) > len(KEYS) * SIZE, f"the cache is there: {list(files)}")
    for name, data in files.items():
        for key in KEYS:
            found = sum(piece in data for piece in pieces(key))
            equal(found, 0, f"pieces of {key} in {name}")
            for text in ("secret", "sh010", edit):
                check(text.encode() not in data, f"'{text}' is in {name}")
        mode = stat.S_IMODE(os.stat(world.path("cache", name)).st_mode)
        equal(mode & 0o077, 0, f"what others may with {name}")
    equal(stat.S_IMODE(os.stat(world.path("cache")).st_mode), 0o700, "the folder's mode")


if __name__ == "__main__":
    common.run(test)
