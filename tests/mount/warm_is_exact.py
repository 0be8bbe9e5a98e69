"""`cache warm` fetches exactly the objects of an edit, or what of it a principal may open; a mount then
reads them from the disk alone."""

import os

import cached
import common
from common import check, equal

SIZE = 3 * cached.MIB + 5
CUT = [f"show/sh010/plate.{i:04}.exr" for i in range(5)] + ["show/a.mov"]
OTHER = ["show/sh010/plate.0099.exr", "show/b.mov"]


def warm(world, edit, *options, status=0):
    return world.host.json("cache", "warm", edit, "--cache", cached.folder(world), *options,
                           status=status)


def refusals(world, edit):
    host = world.host
    host.run("cache", "warm", edit, status=2)
    host.run("cache", "warm", "--cache", cached.folder(world), status=2)
    host.run("cache", "warm", "nosuchedit", "--cache", cached.folder(world), status=5)


def too_large(world, edit, *sizes):
    """It is refused, and no cache is made, or made anew, for it."""
    for size in sizes:
        done = world.host.call("cache", "warm", edit, "--cache", cached.folder(world), *size)
        equal(done.returncode, 1, f"an edit that is larger than the cache: {done}")
        check("--cache-size" in done.stderr, f"says what to do: {done.stderr}")


def test(world):
    world.put("show/big.mov", size=70 * cached.MIB)
    world.ready(*CUT, *OTHER, size=SIZE)
    edit, manifest = world.edit(*CUT, name="cut")
    keys = CUT + common.made_of(manifest)
    n_bytes = sum(world.lake.size_and_mtime(key)[0] for key in keys)
    refusals(world, edit)
    big, _ = world.edit(*CUT, *OTHER, "show/big.mov", name="big")
    too_large(world, big, ["--cache-size", "64M"])
    check(not os.path.exists(cached.folder(world)), "a refusal has made a cache")
    world.grant(edit, "acme")
    world.granted("acme", *OTHER)

    done = warm(world, edit, "--cache-size", "64M")
    want = {"objects": len(keys), "bytes": n_bytes, "there": 0, "fetched": len(keys),
            "fetched_bytes": n_bytes, "kept": len(keys), "changed": 0}
    equal({name: done[name] for name in want}, want, "warm")
    held = cached.holds(world)
    equal((held["objects"], held["held_bytes"]), (len(keys), n_bytes), "the cache")
    too_large(world, big, [], ["--cache-size", "80M"])
    equal(cached.holds(world), held, "the cache after a refusal")
    done = warm(world, edit)
    equal((done["there"], done["fetched"]), (len(keys), 0), "warm again")

    at = world.mount("acme", *cached.option(world))
    cached.read_all(at, CUT, SIZE)
    equal(cached.figures(world, at)[0], 0, "bytes from the store of what was warmed")
    cached.read_all(at, OTHER, SIZE)
    check(cached.figures(world, at)[0] >= len(OTHER) * SIZE, "of what was not")
    world.unmount(at)

    world.host.run("cache", "clear", cached.folder(world))
    world.acl(CUT[0], "bravo")
    done = warm(world, edit, "--as", "bravo")
    equal((done["objects"], cached.holds(world)["objects"]), (1, 1), "what bravo may open of it")
    done = warm(world, edit, "--as", "nobody")
    equal((done["objects"], cached.holds(world)["objects"]), (0, 1), "what nobody may")

    world.lake.put(CUT[1], b"new bytes, not scanned yet")
    done = warm(world, edit, status=3)
    equal((done["changed"], done["kept"]), (1, len(keys) - 1), "one that changed since the scan")
    world.host.run("edit", "disable", edit)
    world.host.run("cache", "warm", edit, "--cache", cached.folder(world), status=5)


if __name__ == "__main__":
    common.run(test)
