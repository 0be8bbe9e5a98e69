"""A store that takes connections and never answers: the mount goes stale within its bound, a read
under way can be interrupted and ends with EIO by itself, unmount works, all without the store."""

import errno
import os
import signal

import common
from common import check, equal, eventually

KEY = "show/a.mov"
SIZE = 3 << 20


def read_all(path):
    """The errno of opening and reading, or 0."""
    return common.errno_of(common.read, path)


def interruptible(path):
    """Forks a reader that a signal without a handler kills."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        read_all(path)
        os._exit(0)
    return pid


def test(world):
    world.ready(KEY, "show/b.mov", size=SIZE)
    world.granted("acme", KEY, "show/b.mov")
    at = world.mount("acme", "--max-stale", "4", env=world.lake.env())
    check(KEY in common.tree(at), "the view before")
    world.lake.mute()
    pid = interruptible(f"{at}/show/b.mov")
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
