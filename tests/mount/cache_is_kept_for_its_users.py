"""The cache of a shared mount stays over restarts for those who have used it, and a store that is out of
reach erases nothing; what one of them loses, while nobody runs, goes with the next start."""

import os
import time

import cached
import common
from common import check, equal, eventually

SIZE = cached.MIB
ACME, BRAVO = "show/acme.mov", "show/bravo.mov"
UIDS = {"acme": 61001, "bravo": 61002}
LOOK_SECONDS = 1.5  # the guard of the cache looks every second


def objects(world):
    return cached.holds(world)["objects"]


def becomes(world, n, what):
    eventually(lambda: objects(world) == n, f"{what}: {objects(world)} objects, not {n}")


def read_as(at, uid, key):
    data = common.as_uid(uid, common.read, f"{at}/{key}")
    equal(common.sha256(data), common.sha256(common.content(key, SIZE)), f"the bytes of {key}")


def out_of_reach(world, at):
    world.lake.out()
    eventually(lambda: world.host.json("status", at)["stale"], "nothing is shown")
    time.sleep(LOOK_SECONDS)
    equal(objects(world), 2, "objects while the store is out of reach")
    world.lake.back()
    eventually(lambda: common.as_uid(UIDS["acme"], common.errno_of, os.stat, f"{at}/{ACME}") == 0,
               "it is back")
    time.sleep(LOOK_SECONDS)
    equal(objects(world), 2, "objects afterwards")


def test(world):
    world.ready(ACME, BRAVO, size=SIZE)
    edit, _ = world.granted("acme", ACME)
    world.granted("bravo", BRAVO)
    options = [*cached.option(world), *world.principals(**UIDS), "--max-stale", "3"]
    at = world.mount_per_caller(*options, env=world.lake.env())
    read_as(at, UIDS["acme"], ACME)
    read_as(at, UIDS["bravo"], BRAVO)
    becomes(world, 2, "what both read")
    out_of_reach(world, at)
    world.unmount(at)

    world.host.run("revoke", edit, "acme")
    at = world.mount_per_caller(*options, env=world.lake.env())
    becomes(world, 1, "when the next daemon starts, before anybody asked it for anything")
    read_as(at, UIDS["bravo"], BRAVO)
    equal(cached.figures(world, at)[0], 0, "bytes from the store of what is kept")
    check("edit" not in common.read(world.path("cache", "keep")).decode(), "who is noted")


if __name__ == "__main__":
    common.run(test)
