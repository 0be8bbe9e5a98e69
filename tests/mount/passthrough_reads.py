"""Files that are wholly in the cache on disk are read by the kernel itself, byte for byte: by
pread(2), at the end, by maps of both kinds, by O_DIRECT, by sixteen readers; the daemon is asked
for nothing.  The copies stay within their bound, also where one is mapped and was closed."""

import ctypes
import mmap
import os
import random
import threading

import common
import copies
from common import check, equal, eventually

SIZES = {"show/frame.0001.exr": (3 << 20) + 17, "show/frame.0002.exr": 3 << 20,
         "show/frame.0003.exr": (2 << 20) + 65537, "show/note.txt": 1,
         "show/a.mov": (5 << 20) + 4095}
LAST = "show/last.txt"
BOUND = 8 << 20
LIBC = ctypes.CDLL(None)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long)
LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
WANT = {key: common.content(key, size) for key, size in SIZES.items()}


def reads(fd, key, seed):
    """Random reads through one descriptor, some over the end."""
    dice, want = random.Random(seed), WANT[key]
    for _ in range(60):
        offset, n = dice.randrange(len(want) + 10), dice.choice((1, 100, 4096, 131072, 1 << 20))
        equal(os.pread(fd, n, offset), want[offset:offset + n], f"{key}: {n} bytes at {offset}")


def read_by_many(world, at, key):
    fd = copies.opened(world, at, key)
    wrong = []

    def one(seed):
        try:
            own = os.open(f"{at}/{key}", os.O_RDONLY)
            reads(own, key, seed)
            os.close(own)
        except BaseException as error:  # pylint: disable=broad-except
            wrong.append(error)

    before = world.host.json("status", at)
    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not wrong, f"{wrong[:1]}")
    after = world.host.json("status", at)
    equal(after["served_bytes"], before["served_bytes"], "bytes that the daemon was asked for")
    check(after["passthrough"]["opens"] >= before["passthrough"]["opens"] + 16, "not by the kernel")
    os.close(fd)


def ways(world, at):
    for key, want in WANT.items():
        fd = copies.opened(world, at, key)
        equal(os.fstat(fd).st_size, len(want), f"the size of {key}")
        equal(common.read(f"{at}/{key}"), want, f"{key} as a whole")
        equal(os.pread(fd, 10, len(want)), b"", f"{key} at its end")
        for sharing in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
            with mmap.mmap(fd, len(want), sharing, mmap.PROT_READ) as view:
                equal(view[:], want, f"{key} mapped")
        direct = os.open(f"{at}/{key}", os.O_RDONLY | os.O_DIRECT)
        equal(os.pread(direct, 1000, 3), want[3:1003], f"{key} with O_DIRECT, unaligned")
        os.close(direct)
        reads(fd, key, key)
        equal(common.errno_of(os.open, f"{at}/{key}", os.O_RDWR) != 0, True, "open for writing")
        os.close(fd)
        check(copies.figures(world, at)["bytes"] <= BOUND, f"{copies.figures(world, at)}")


class Map:
    """A map alone: Python's keeps a descriptor of its own."""

    def __init__(self, fd, size):
        self.size = size
        self.at = LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
        check(self.at not in (None, ctypes.c_void_p(-1).value), "mmap")

    def bytes(self):
        return ctypes.string_at(self.at, self.size)

    def close(self):
        LIBC.munmap(self.at, self.size)


def keeps_what_is_mapped(world, at):
    """Two maps whose descriptors are closed take the room; all else is read as ever."""
    held = {}
    for key in ("show/a.mov", "show/frame.0003.exr"):
        fd = copies.opened(world, at, key)
        held[key] = Map(fd, SIZES[key])
        os.close(fd)
    for key in ("show/frame.0001.exr", "show/frame.0002.exr"):
        equal(common.read(f"{at}/{key}"), WANT[key], key)
    os.close(copies.opened(world, at, LAST))  # made after what was asked for before
    for key, view in held.items():
        equal(view.bytes(), WANT[key], f"the map of {key}, closed long ago")
        view.close()
    os.close(copies.opened(world, at, "show/frame.0001.exr"))  # now there is room
    check(copies.figures(world, at)["bytes"] <= BOUND, f"{copies.figures(world, at)}")


def test(world):
    for key, want in WANT.items():
        world.lake.put(key, want)
    world.ready(LAST, size=100)
    world.granted("acme", LAST, *SIZES)
    at, child = copies.mount(world, "acme", "passthrough_size=8M")
    ways(world, at)
    read_by_many(world, at, "show/a.mov")
    keeps_what_is_mapped(world, at)
    world.unmount(at)
    eventually(lambda: child.poll() is not None, "the daemon ends")
    equal(child.returncode, 0, "its status")
    eventually(lambda: world.daemons(at) == [], "its guard ends")


if __name__ == "__main__":
    common.run(test)
