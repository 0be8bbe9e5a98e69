"""What was warmed is kept before anybody may see it; with the end of its edit it goes from the cache of a
running mount, but for what somebody sees by other means."""

import cached
import common
from common import equal, eventually

SIZE = cached.MIB
WARMED, BOTH, OWN = ["show/a.mov", "show/b.mov"], "show/both.mov", "show/own.mov"
GONE = "show/gone.mov"


def objects(world):
    return cached.holds(world)["objects"]


def test(world):
    world.ready(*WARMED, BOTH, OWN, GONE, size=SIZE)
    world.granted("acme", BOTH, OWN)
    brief, _ = world.granted("acme", GONE)
    edit, manifest = world.edit(*WARMED, BOTH, name="to come")
    n = len(WARMED) + 1 + len(common.made_of(manifest))
    world.host.run("cache", "warm", edit, "--cache", cached.folder(world))
    equal(objects(world), n, "what was warmed")

    at = world.mount("acme", *cached.option(world))
    cached.read_all(at, [OWN, GONE], SIZE)
    eventually(lambda: objects(world) == n + 2, "what acme read is there, too")
    world.unmount(at)
    world.host.run("revoke", brief, "acme")
    at = world.mount("acme", *cached.option(world))
    eventually(lambda: objects(world) == n + 1, "the next mount erases what was lost, and no more")

    world.host.run("edit", "disable", edit)
    eventually(lambda: objects(world) == 2, f"what acme sees stays: {objects(world)}")
    cached.read_all(at, [BOTH, OWN], SIZE)
    equal(cached.figures(world, at)[0], 0, "bytes from the store of what stayed")


if __name__ == "__main__":
    common.run(test)
