"""What the tests of the cache on disk share."""

import os

import common
from common import equal, eventually

UNIT = 64 << 10
MIB = 1 << 20


def folder(world, name="cache"):
    return world.path(name)


def option(world, name="cache", **more):
    """The mount options of a cache below the world's directory."""
    parts = [f"cache={folder(world, name)}"] + [f"{k}={v}" for k, v in more.items()]
    return "-o", ",".join(parts)


def holds(world, name="cache", host=None, key=None):
    """What `cache status` says."""
    more = ["--cache-key", key] if key else []
    return (host or world.host).json("cache", "status", folder(world, name), *more)


def figures(world, at):
    """(bytes that a mount got from the store, its figures of the cache)"""
    status = world.host.json("status", at)
    return status["fetched_bytes"], status["disk"]


def read_all(at, keys, size):
    for key in keys:
        equal(common.sha256(common.read(f"{at}/{key}")), common.sha256(common.content(key, size)),
              f"the bytes of {key}")


def filled(world, n_bytes, name="cache"):
    """Waits until the cache holds so many bytes: it writes behind the reader's back."""
    eventually(lambda: holds(world, name)["held_bytes"] >= n_bytes,
               f"the cache holds {n_bytes} bytes: {holds(world, name)}")


def remount(world, at, principal, *options):
    world.unmount(at)
    return world.mount(principal, *options)


def files(world, name="cache"):
    """{name: bytes} of everything in the cache's folder, without holes."""
    top = folder(world, name)
    return {n: _written(os.path.join(top, n)) for n in sorted(os.listdir(top))}


def _written(path):
    data, at = b"", 0
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        while at < size:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:  # holes to the end
                break
            end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            data += os.pread(f.fileno(), end - at, at)
            at = end
    return data
