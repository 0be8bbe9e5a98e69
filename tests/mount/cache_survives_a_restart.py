"""What a mount has read is on disk for the next one, also after kill -9: it asks the store for nothing,
and every byte is right."""

import os
import signal

import cached
import common
from common import check, equal, eventually

SIZE = 3 * cached.MIB + 12345  # blocks, units and a rest
KEYS = [f"show/sh010/plate.{i:04}.exr" for i in range(4)] + ["show/long.mov"]


def kill(world, at):
    pids = world.daemons(at)
    check(pids, "there is a daemon")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(common.is_alive, pids)), "the daemon ends")


def test(world):
    world.ready(*KEYS, size=SIZE)
    world.granted("acme", *KEYS)
    cache = cached.option(world)
    at = world.mount("acme", *cache)
    cached.read_all(at, KEYS, SIZE)
    fetched, disk = cached.figures(world, at)
    check(fetched >= len(KEYS) * SIZE, f"the first mount fetched {fetched}")
    equal((disk["hits_bytes"], disk["damaged"], disk["write_errors"]), (0, 0, 0), "a new cache")
    cached.filled(world, len(KEYS) * SIZE)

    at = cached.remount(world, at, "acme", *cache)
    cached.read_all(at, KEYS, SIZE)
    fetched, disk = cached.figures(world, at)
    equal(fetched, 0, "bytes from the store after a restart")
    check(disk["hits_bytes"] >= len(KEYS) * SIZE, f"bytes from the disk: {disk}")
    check("disk " in world.host.run("status", at), "status tells of the disk")

    kill(world, at)
    at = world.mount("acme", *cache)
    cached.read_all(at, KEYS, SIZE)
    equal(cached.figures(world, at)[0], 0, "bytes from the store after kill -9")


if __name__ == "__main__":
    common.run(test)
