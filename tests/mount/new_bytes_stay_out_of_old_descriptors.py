"""A descriptor that was opened before its object was replaced never gives bytes of the new version,
also after others have opened and read that: it has no more bytes, or ESTALE."""

import mmap
import os

import common
from common import check, equal, eventually

KEY = "show/a.mov"
SIZE = 8 << 20
CHUNK = 1 << 20


def letters(fd):
    """Which letters come out of the descriptor, chunk by chunk."""
    found = set()
    for i in range(SIZE // CHUNK):
        try:
            found |= set(os.pread(fd, CHUNK, i * CHUNK))
        except OSError:
            continue
    return bytes(sorted(found)).decode()


def newly_opened(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return letters(fd)
    finally:
        os.close(fd)


def test(world):
    world.lake.put(KEY, b"o" * SIZE)
    world.ready()
    world.granted("acme", KEY)
    path = f"{world.mount('acme')}/{KEY}"
    old = os.open(path, os.O_RDONLY)
    check(set(os.pread(old, CHUNK, 0)) == {ord("o")}, "the old bytes")

    world.lake.put(KEY, b"n" * SIZE)
    world.host.run("scan")
    eventually(lambda: newly_opened(path) == "n", "a new open reads new bytes")
    check("n" not in letters(old), "the old descriptor reads bytes of the new version")
    equal(common.read(path), b"n" * SIZE, "the new bytes")
    with open(path, "rb") as new, mmap.mmap(new.fileno(), SIZE, prot=mmap.PROT_READ) as view:
        equal(view[SIZE // 2], ord("n"), "the new bytes, mapped")
        check("n" not in letters(old), "the old descriptor, while the new version is mapped")
    os.close(old)


if __name__ == "__main__":
    common.run(test)
