"""An object that is replaced or removed under a reader gives ESTALE to open files, before and after
the lake's inventory knows of it, and bytes of two versions are never mixed, in whatever order."""

import errno
import os

import common
from common import check, equal, eventually

KEY, GONE = "show/a.mov", "show/gone.mov"
SIZE = 20 << 20
CHUNK = 1 << 20
OLD, NEW = b"o" * SIZE, b"n" * SIZE  # of one size: only the version tells them apart


def chunk(fd, i):
    """The bytes of a chunk, as one letter each, or the errno."""
    try:
        return set(os.pread(fd, CHUNK, i * CHUNK))
    except OSError as error:
        return error.errno


def mixed(results):
    letters = set().union(*(r for r in results if isinstance(r, set)))
    return len(letters) > 1


def test(world):
    world.lake.put(KEY, OLD)
    world.lake.put(GONE, OLD)
    world.ready()
    world.granted("acme", KEY, GONE)
    at = world.mount("acme", "-o", "mem=8M")  # less than the object, so it must be asked for again
    fd, gone = (os.open(f"{at}/{k}", os.O_RDONLY) for k in (KEY, GONE))
    equal(chunk(fd, 0), {ord("o")}, "the first chunk")
    equal(chunk(gone, 0), {ord("o")}, "the first chunk of the other")

    world.lake.put(KEY, NEW)
    world.lake.remove(GONE)
    results = [chunk(fd, i) for i in range(SIZE // CHUNK)]
    check(not mixed(results), f"old and new bytes through one descriptor: {results}")
    check(errno.ESTALE in results, f"reads beyond what was cached: {results}")
    check(set(r for r in results if not isinstance(r, set)) == {errno.ESTALE}, f"{results}")
    results = [chunk(gone, i) for i in range(SIZE // CHUNK)]
    check({r for r in results if not isinstance(r, set)} == {errno.ESTALE}, f"removed: {results}")

    world.host.run("scan")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{GONE}") == errno.ENOENT, "the name goes")
    eventually(lambda: chunk(fd, 0) == errno.ESTALE, "the old descriptor, also where it was cached")
    with open(f"{at}/{KEY}", "rb") as f:
        check(f.read() == NEW, "a new open reads the new bytes, all of them")
    eventually(lambda: chunk(gone, 0) in (errno.ESTALE, errno.EACCES), "the removed one's too")
    os.close(fd)
    os.close(gone)


if __name__ == "__main__":
    common.run(test)
