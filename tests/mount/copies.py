"""What the tests of passthrough share: mounts with a cache on disk, and descriptors of copies."""

import os
import signal
import time

import common
from common import check, eventually

WORDS = ("this kernel has no FUSE passthrough", "the kernel refuses files of")


def options(world, *more):
    return ["-o", ",".join(["passthrough", f"cache={world.path('cache')}", *more])]


def mount(world, principal, *more, line=()):
    """A mount with passthrough, in front: (mountpoint, process)."""
    return world.start_mount(principal, *options(world, *more), *line)


def must_have(world, at):
    """Skips the test where this machine has no passthrough: the daemon has said why."""
    said = common.read(world.path(f"{os.path.basename(at)}.log")).decode()
    for line in said.splitlines():
        if any(word in line for word in WORDS):
            raise common.Skip(line)


def figures(world, at):
    return world.host.json("status", at)["passthrough"]


def opened(world, at, key, flags=os.O_RDONLY):
    """A descriptor that the kernel serves from a copy, made first where it is not there."""
    end = time.monotonic() + common.WAIT_SECONDS
    while True:
        before = figures(world, at)["opens"]
        fd = os.open(f"{at}/{key}", flags)
        if figures(world, at)["opens"] > before:
            return fd
        os.pread(fd, 1 << 30, 0)  # so that all of it is in the cache
        os.close(fd)
        must_have(world, at)
        check(time.monotonic() < end, f"no copy of {key}: {world.host.json('status', at)}")
        time.sleep(0.02)


def stop(child):
    """Ends a mount that is in front, as a service manager would."""
    child.send_signal(signal.SIGTERM)
    eventually(lambda: child.poll() is not None, "the daemon ends")
