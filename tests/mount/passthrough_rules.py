"""Who may have the kernel read files by itself: the mount of one principal, by root, with a cache
on disk; and no view that the clock changes before the horizon.  Everything else is refused with
the reason, or read through the daemon."""

import os
import time

import common
import copies
from cache_full_disk import small_disk
from common import check, equal, eventually

KEY = "show/a.mov"
SIZE = 300000
BIG, BIG_SIZE = "show/big.mov", 5 << 20
UID = 61007


def refused(world, status, words, *line, **how):
    done = world.host.call("mount", world.mountpoint("refused"), *line, **how)
    equal((done.returncode, done.stdout), (status, ""), f"{line}: {done.stderr}")
    check(words in done.stderr, f"{line}: {done.stderr!r} does not say '{words}'")
    check(not common.is_mounted(world.mountpoint("refused")), f"{line} has mounted")


def refusals(world):
    cache = f"cache={world.path('refused-cache')}"
    one = ("--as", "acme", "-o")
    refused(world, 2, "--per-caller", "--per-caller", "-o", f"passthrough,{cache}")
    refused(world, 2, "cache=", *one, "passthrough")
    refused(world, 2, "passthrough_size=", *one, f"passthrough,{cache},passthrough_size=1000")
    refused(world, 2, "passthrough_size=", *one, f"passthrough,{cache},passthrough_size=lots")
    refused(world, 2, "passthrough_horizon=", *one, f"passthrough,{cache},passthrough_horizon=-1")
    refused(world, 2, "passthrough_horizon=", *one, f"passthrough,{cache},passthrough_horizon=1h")
    refused(world, 2, "passthrough", *one, f"{cache},passthrough_size=8M")
    refused(world, 2, "passthrough", *one, f"passthrough=yes,{cache}")
    refused(world, 2, "root", *one, f"passthrough,{cache}", user=UID, group=UID, extra_groups=[])
    check(not os.path.exists(world.path("refused-cache")), "a refusal has made the cache")


def held_bytes(world, at):
    return world.host.json("status", at)["disk"]["held_bytes"]


def horizon(world):
    edit, _ = world.edit(KEY)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1800))
    world.grant(edit, "acme", until=soon)
    at, child = copies.mount(world, "acme")  # an hour, where nothing is said
    want = common.content(KEY, SIZE)
    eventually(lambda: common.read(f"{at}/{KEY}") == want and held_bytes(world, at) >= SIZE,
               "all of it is in the cache on disk")
    for _ in range(20):
        equal(common.read(f"{at}/{KEY}"), want, "through the daemon")
        time.sleep(0.02)
    equal(copies.figures(world, at), {"copies": 0, "bytes": 0, "opens": 0}, "half an hour")
    world.grant(edit, "acme")
    fd = copies.opened(world, at, KEY)
    equal(os.pread(fd, SIZE, 0), want, "by the kernel")
    world.grant(edit, "acme", until=soon)
    eventually(lambda: world.host.json("status", at)["record"] ==
               world.host.json("status")["record"], "the mount knows of the nearer end")
    opens = copies.figures(world, at)["opens"]
    equal(common.read(f"{at}/{KEY}"), want, "a handle beside one that has the copy")
    equal(copies.figures(world, at)["opens"], opens, "new handles have no copy")
    os.close(fd)
    copies.stop(child)


def full_disk(world):
    """No room for a copy: it is said, and the file is read through the daemon."""
    cache = f"cache={world.path('disk', 'cache')}"
    want = common.content(BIG, BIG_SIZE)
    with small_disk(world.path("disk"), "16m"):
        at = world.mount("acme", "-o", f"{cache},cache_size=64M")
        equal(common.read(f"{at}/{BIG}"), want, "the first time")
        eventually(lambda: held_bytes(world, at) >= BIG_SIZE, "all of it is in the cache on disk")
        world.unmount(at)
        with open(world.path("disk", "filler"), "wb", buffering=0) as filler:
            while common.errno_of(filler.write, bytes(1 << 20)) == 0:
                pass
        at, child = world.start_mount("acme", "-o", f"passthrough,passthrough_horizon=0,{cache}")
        copies.must_have(world, at)
        equal(common.read(f"{at}/{BIG}"), want, "on a full disk")
        log = world.path(f"{os.path.basename(at)}.log")
        eventually(lambda: b"no plain copies for a minute" in common.read(log), "it is said")
        equal(common.read(f"{at}/{BIG}"), want, "after that")
        equal(copies.figures(world, at), {"copies": 0, "bytes": 0, "opens": 0}, "no copy")
        copies.stop(child)


def test(world):
    world.lake.put(BIG, common.content(BIG, BIG_SIZE))
    world.ready(KEY, size=SIZE)
    refusals(world)
    horizon(world)
    world.granted("acme", BIG)
    full_disk(world)


if __name__ == "__main__":
    common.run(test)
