"""Where the key of a cache is, who may read it, and what becomes of a cache without it.  Folders and
keys that cannot be safe are refused before anything is mounted."""

import os
import stat

import cached
import common
from common import check, equal

SIZE = cached.MIB
KEY = "show/a.mov"


def refused(world, word, *options, status=1):
    done = world.host.call("mount", world.mountpoint("acme"), "--as", "acme", *options)
    equal(done.returncode, status, f"{options}: {done.stderr}")
    check(word in done.stderr, f"{options}: no '{word}' in: {done.stderr}")
    check(not common.is_mounted(world.path("mnt", "acme")), f"{options}: mounted")


def bad_keys(world):
    path = world.path("loose.key")
    with open(path, "wb") as f:
        f.write(os.urandom(32))
    os.chmod(path, 0o644)
    refused(world, "loose.key", *cached.option(world, cache_key=path))
    os.chmod(path, 0o600)
    os.truncate(path, 31)
    refused(world, "loose.key", *cached.option(world, cache_key=path))
    equal(os.path.getsize(path), 31, "a file that is no key is left as it is")


def bad_folders(world):
    before = set(os.listdir(world.dir))
    os.mkdir(world.path("open"))
    os.chmod(world.path("open"), 0o755)
    refused(world, "open", *cached.option(world, "open"))
    refused(world, "mountpoint", *cached.option(world, "mnt/acme/cache"))
    if common.kind() == "dir":
        refused(world, "lake's own", *cached.option(world, "lake/cache"))
    refused(world, "cache_size", *cached.option(world, cache_size="1M"), status=2)
    refused(world, "cache_size", "-o", "cache_size=1G", status=2)
    refused(world, "cache=", "-o", "cache=", status=2)
    equal(set(os.listdir(world.dir)) - before, {"open"}, "folders that were made")
    equal(os.listdir(world.path("open")), [], "what was written to the one of others")


def the_key(world):
    """It is in the state folder, and a cache is nothing without it."""
    at = world.mount("acme", *cached.option(world))
    cached.read_all(at, [KEY], SIZE)
    cached.filled(world, SIZE)
    path = os.path.join(world.host.state, "cache.key")
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "its mode")
    key = common.read(path)
    equal(len(key), 32, "its length")
    check(all(key not in data for data in cached.files(world).values()), "the key is in the cache")
    world.unmount(at)
    return path


def lost_key(world, path):
    os.rename(path, world.path("kept.key"))
    done = world.host.call("cache", "status", cached.folder(world))
    equal(done.returncode, 1, f"status without the key: {done}")
    check(not os.path.exists(path), "status makes no key")
    with open(path, "wb") as f:
        f.write(os.urandom(32))
    os.chmod(path, 0o600)
    for verb in ("status", "clear"):
        done = world.host.call("cache", verb, cached.folder(world))
        equal(done.returncode, 1, f"{verb} with another key: {done}")
        check("another key" in done.stderr, f"{verb} says why: {done.stderr}")
    equal(cached.holds(world, key=world.path("kept.key"))["held_bytes"] >= SIZE, True,
          "and throws nothing away")
    at = world.mount("acme", *cached.option(world))
    cached.read_all(at, [KEY], SIZE)
    check(cached.figures(world, at)[0] >= SIZE, "with another key all is fetched")
    world.unmount(at)
    done = world.host.call("cache", "status", world.path("mnt"))
    equal(done.returncode, 1, f"status of a folder that is no cache: {done}")
    equal(os.listdir(world.path("mnt", "acme")), [], "which stays as it was")


def test(world):
    world.ready(KEY, size=SIZE)
    world.granted("acme", KEY)
    bad_keys(world)
    bad_folders(world)
    lost_key(world, the_key(world))


if __name__ == "__main__":
    common.run(test)
