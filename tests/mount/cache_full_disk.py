"""A cache on a full disk fails no read: the store answers, and the failed writes are counted."""

import contextlib
import os
import subprocess

import cached
import common
from common import check, equal

SIZE = 4 * cached.MIB
KEYS = [f"show/{i}.mov" for i in range(6)]


@contextlib.contextmanager
def small_disk(path, size):
    os.mkdir(path, 0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path],
                      check=False).returncode != 0:
        raise common.Skip("no tmpfs can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=False)


def test(world):
    world.ready(*KEYS, size=SIZE)
    world.granted("acme", *KEYS)
    options = cached.option(world, "disk/cache", cache_size="64M")
    with small_disk(world.path("disk"), "9m"):
        at = world.mount("acme", *options)
        cached.read_all(at, KEYS, SIZE)
        fetched, disk = cached.figures(world, at)
        check(fetched >= len(KEYS) * SIZE, f"all was fetched: {fetched}")
        common.eventually(lambda: cached.figures(world, at)[1]["write_errors"] > 0,
                          f"failed writes are counted: {disk}")

        at = cached.remount(world, at, "acme", *options)
        cached.read_all(at, KEYS, SIZE)
        _, disk = cached.figures(world, at)
        equal(disk["damaged"], 0, "nothing half written is there")
        world.unmount(at)


if __name__ == "__main__":
    common.run(test)
