"""Two lakes that differ only in what is hidden look the same: sizes, times, link counts, blocks,
statfs, the order of a listing and its offsets; and hidden content that comes later changes none."""

import ctypes
import os

import common
from common import check, equal, eventually

VISIBLE = [f"show/{d}/plate/frame.{n}.exr" for d in ("b", "a", "c") for n in (3, 1, 2)]
# Before, between and after the visible names, in their directories and in others.
HIDDEN = ([f"show/{d}/plate/frame.{n}.exr" for d in "abc" for n in (0, 4, 5)] +
          [f"show/{d}/plate/{x}/deep/y.mov" for d in "ab" for x in ("aa", "zz")] +
          ["a", "zz.mov", "show/0.mov", "show/z/z/z/z.mov", "other/tree/x.exr"])

# In a lake of hidden things these come first of all, which must not show in any order.
FIRST = ["show/c/plate/zz/hidden.mov", "show/a/x.mov"]

libc = ctypes.CDLL(None, use_errno=True)
libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.readdir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]


class Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_uint16),
                ("type", ctypes.c_uint8), ("name", ctypes.c_char * 256)]


def listing(path):
    """[(name, offset, record length, type)] in the order of readdir(3)."""
    folder, found = libc.opendir(os.fsencode(path)), []
    check(folder, f"opendir {path}")
    while entry := libc.readdir(folder):
        d = Dirent.from_address(entry)
        found.append((d.name.decode(), d.off, d.reclen, d.type))
    libc.closedir(folder)
    return found


def facts(path):
    st = os.lstat(path)
    return {n: getattr(st, n) for n in ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size",
                                        "st_blocks", "st_blksize", "st_rdev")}


def appearance(top, times):
    """Everything that shows from outside, by path."""
    shown = {}
    for folder, folders, names in os.walk(top):
        where = os.path.relpath(folder, top)
        shown[where, "listing"] = listing(folder)
        for name in [".", *folders, *names]:
            path = os.path.join(folder, name)
            shown[where, name] = facts(path)
            if times:
                st = os.lstat(path)
                shown[where, name, "times"] = (st.st_mtime_ns, st.st_ctime_ns, st.st_atime_ns)
        vfs = os.statvfs(folder)
        shown[where, "statfs"] = {n: getattr(vfs, n) for n in (
            "f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree",
            "f_favail", "f_namemax", "f_flag")}
    return {tuple(p for p in k): v for k, v in shown.items()}


def of_edit(shown, edit):
    """The same, with a name in the place of the edit's identifier."""
    def plain(value):
        if isinstance(value, str):
            return value.replace(edit, "EDIT")
        if isinstance(value, (tuple, list)):
            return type(value)(plain(v) for v in value)
        return value

    return {plain(k): plain(v) for k, v in shown.items()}


def compare(got, want, what):
    wrong = [f"{k}: {got.get(k)} instead of {want.get(k)}"
             for k in sorted(set(got) | set(want)) if got.get(k) != want.get(k)]
    check(not wrong, f"{what}:\n" + "\n".join(wrong[:20]))


def bare_lake(world):
    world.ready(*VISIBLE)
    edit, _ = world.granted("acme", *VISIBLE)
    at = world.mount("acme")
    equal({k for k in common.tree(at) if k.startswith("show")},
          {p for p in common.with_parents(VISIBLE)}, "the tree")
    return at, edit


def test(world):
    at, edit = bare_lake(world)
    before, plain = appearance(at, times=True), of_edit(appearance(at, times=False), edit)

    world.put(*HIDDEN)
    world.host.run("scan")
    world.granted("rival", *HIDDEN)
    seq = len(world.host.json("ledger"))
    eventually(lambda: world.host.json("status", at)["record"] >= seq,
               "the mount has the last record")
    compare(appearance(at, times=True), before, "after hidden content came")
    world.unmount(at)
    compare(appearance(world.mount("acme"), times=True), before, "after a remount")
    world.unmount(at)

    with common.another_world(world) as full:
        full.put(FIRST[0])
        full.host.run("init")
        full.host.run("scan")
        full.granted("rival", FIRST[0])
        full.put(FIRST[1])
        full.host.run("scan")
        full.put(*HIDDEN)
        full.host.run("scan")
        full.granted("rival", *HIDDEN)
        full.put(*VISIBLE)
        full.host.run("scan")
        edit, _ = full.granted("acme", *VISIBLE)
        at = full.mount("acme")
        compare(of_edit(appearance(at, times=False), edit), plain, "where hidden content was first")


if __name__ == "__main__":
    common.run(test)
