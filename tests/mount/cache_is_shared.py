"""Mounts of one host share a cache while they run; what may be read is still each one's own.  One with
another key or size is refused while the cache is in use."""

import os

import cached
import common
from common import check, equal

SIZE = 2 * cached.MIB + 777
BOTH, ACME = ["show/a.mov", "show/b.mov"], ["show/acme.mov"]


def test(world):
    world.ready(*BOTH, *ACME, size=SIZE)
    world.granted("acme", *BOTH, *ACME)
    world.granted("bravo", *BOTH)
    cache = cached.option(world)
    acme, bravo = (world.mount(name, *cache) for name in ("acme", "bravo"))
    cached.read_all(acme, BOTH + ACME, SIZE)
    cached.filled(world, 3 * SIZE)

    cached.read_all(bravo, BOTH, SIZE)
    equal(cached.figures(world, bravo)[0], 0, "bytes that the second mount got from the store")
    equal(common.errno_of(os.open, f"{bravo}/{ACME[0]}", os.O_RDONLY), 2, "what bravo may not see")

    world.mountpoint("third")
    for option, word in ((cached.option(world, cache_size="128M"), "size"),
                         (cached.option(world, cache_key=world.path("other.key")), "key")):
        done = world.host.call("mount", world.path("mnt", "third"), "--as", "acme", *option)
        equal(done.returncode, 1, f"a mount with another {word}: {done}")
        check(word in done.stderr, f"the sentence names the {word}: {done.stderr}")
    cached.read_all(bravo, BOTH, SIZE)
    equal(cached.holds(world)["held_bytes"] >= 3 * SIZE, True, "the refused ones changed nothing")

    world.host.run("cache", "clear", cached.folder(world))
    equal(cached.holds(world)["objects"], 0, "objects after clear, under two mounts")
    acme = cached.remount(world, acme, "acme", *cache)
    cached.read_all(acme, BOTH, SIZE)
    check(cached.figures(world, acme)[0] >= 2 * SIZE, "fetched again after clear")


if __name__ == "__main__":
    common.run(test)
