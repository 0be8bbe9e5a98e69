"""A store that takes connections and never answers: the mount goes stale within its bound, a read
under way can be interrupted and ends with EIO by itself, unmount works, all without the store."""

import errno
import mmap
import os
import signal

import common
from common import check, equal, eventually

KEY = "show/a.mov"
SIZE = 3 << 20
ACME = 61001


def read_all(path):
    """The errno of opening and reading, or 0."""
    return common.errno_of(common.read, path)


def interruptible(reads, path):
    """Forks a reader that a signal without a handler kills."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        reads(path)
        os._exit(0)
    return pid


def read_as_acme(path):
    """On a shared mount the kernel has no cache of its own: it tells the daemon of a signal."""
    os.setuid(ACME)
    os.read(os.open(path, os.O_RDONLY), 4096)


def read_directly(path):
    """Past the kernel's cache, as programs that copy large files do."""
    os.readv(os.open(path, os.O_RDONLY | os.O_DIRECT), [mmap.mmap(-1, 1 << 20)])


def interrupted(world, at, reads):
    """Long before the read would end by itself, and while the mount is not stale."""
    world.lake.mute()
    pid = interruptible(reads, f"{at}/show/b.mov")
    eventually(lambda: world.host.json("status", at)["memory_bytes"] > 0, "bytes are awaited")
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "an interrupted reader ends", 15)
    world.lake.back()
    world.unmount(at)


def test(world):
    world.ready(KEY, "show/b.mov", size=SIZE)
    world.granted("acme", KEY, "show/b.mov")
    patient = ("--max-stale", "600")
    env = world.lake.env()
    interrupted(world, world.mount_per_caller(*world.principals(acme=ACME), *patient, env=env),
                read_as_acme)
    interrupted(world, world.mount("acme", *patient, env=env), read_directly)
    at = world.mount("acme", "--max-stale", "4", env=world.lake.env())
    check(KEY in common.tree(at), "the view before")
    world.lake.mute()
    pid = interruptible(read_all, f"{at}/show/b.mov")
    eventually(lambda: common.is_alive(pid), "the reader runs")
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "an interrupted reader ends")

    with common.Helper() as reader:
        reader.start(read_all, f"{at}/{KEY}")
        equal(reader.answer(), errno.EIO, "a read from a silent store")
    eventually(lambda: os.listdir(at) == [], "the root shows nothing")
    world.lake.back()
    eventually(lambda: common.errno_of(os.stat, f"{at}/{KEY}") == 0, "it is back")
    equal(common.read(f"{at}/{KEY}"), common.content(KEY, SIZE), "the bytes afterwards")
    world.lake.mute()
    world.unmount(at)
    check(not common.is_mounted(at), "unmounted while the store is silent")


if __name__ == "__main__":
    common.run(test, lakes=("s3",))
