"""A large directory is listed completely, each name once; a listing can be taken up at each of its
positions; rewinding takes in what was granted meanwhile."""

import ctypes
import os

import common
from common import check, equal, eventually

COUNT = 700
KEYS = [f"show/{'long name of a frame ' * 6}{n:05}.exr" for n in range(COUNT)]
HIDDEN = [f"show/{'long name of a frame ' * 6}{n:05}.dpx" for n in range(0, COUNT, 2)]
LATE = "show/late.mov"

libc = ctypes.CDLL(None, use_errno=True)
for _name in ("opendir", "readdir"):
    getattr(libc, _name).restype = ctypes.c_void_p
for _name in ("readdir", "closedir", "rewinddir", "telldir"):
    getattr(libc, _name).argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
libc.telldir.restype = ctypes.c_long


def names(folder):
    """The names from here to the end."""
    found = []
    while entry := libc.readdir(folder):
        found.append(ctypes.string_at(entry + 19).decode())
    return found


def names_with_positions(folder):
    found = []
    while True:
        position = libc.telldir(folder)
        entry = libc.readdir(folder)
        if not entry:
            return found
        found.append((position, ctypes.string_at(entry + 19).decode()))


def test(world):
    world.ready(*KEYS, *HIDDEN, LATE, size=1)
    world.granted("acme", *KEYS)
    late, _ = world.edit(LATE)
    at = world.mount("acme")
    want = sorted(os.path.basename(k) for k in KEYS)
    folder = libc.opendir(os.fsencode(f"{at}/show"))
    check(folder, "opendir")
    found = names_with_positions(folder)
    equal(sorted(n for _, n in found if n not in (".", "..")), want, "all names")
    equal(len({p for p, _ in found}), len(found), "different positions")
    for i in range(0, len(found), 37):
        libc.seekdir(folder, found[i][0])
        equal(names(folder), [n for _, n in found[i:]], f"from position {i}")

    world.grant(late, "acme")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{LATE}") == 0, "one more")
    libc.rewinddir(folder)
    equal(sorted(names(folder)), sorted([".", "..", "late.mov", *want]), "after rewinding")
    libc.closedir(folder)
    equal(sorted(os.listdir(f"{at}/show")), sorted(["late.mov", *want]), "a new listing")


if __name__ == "__main__":
    common.run(test)
