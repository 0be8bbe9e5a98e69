"""Everything that would write is refused with EROFS, on names that are there and on new ones, and
nothing changes in the lake; neither can the mount be made writable by a remount."""

import errno
import os
import subprocess

import calls
import common
from common import check, equal

KEY = "show/a.mov"
MAY_ALSO = (errno.EACCES,)  # where the kernel looks at the mode bits first


def attempts(at):
    """(what, function) of each way to write."""
    path, new = f"{at}/{KEY}", f"{at}/show/new"
    yield "open for writing", lambda: os.open(path, os.O_WRONLY)
    yield "open for both", lambda: os.open(path, os.O_RDWR)
    yield "open to truncate", lambda: os.open(path, os.O_WRONLY | os.O_TRUNC)
    yield "open to append", lambda: os.open(path, os.O_WRONLY | os.O_APPEND)
    yield "create", lambda: os.open(new, os.O_CREAT | os.O_WRONLY)
    yield "unnamed file", lambda: os.open(f"{at}/show", os.O_TMPFILE | os.O_RDWR)
    yield "truncate", lambda: os.truncate(path, 3)
    yield "unlink", lambda: os.unlink(path)
    yield "rename", lambda: os.rename(path, new)
    yield "rename a directory", lambda: os.rename(f"{at}/show", f"{at}/shows")
    yield "link", lambda: os.link(path, new)
    yield "symlink", lambda: os.symlink("x", new)
    yield "mkdir", lambda: os.mkdir(new)
    yield "mknod", lambda: os.mknod(new)
    yield "rmdir", lambda: os.rmdir(f"{at}/show")
    yield "chmod", lambda: os.chmod(path, 0o600)
    yield "chown", lambda: os.chown(path, 1, 1)
    yield "utimens", lambda: os.utime(path)
    yield "setxattr", lambda: os.setxattr(path, "user.x", b"x")
    yield "setxattr of ours", lambda: os.setxattr(path, "user.shotlake.key", b"x")
    yield "removexattr", lambda: os.removexattr(path, "user.shotlake.key")
    yield "access for writing", lambda: calls.syscall("faccessat2", -100, path, os.W_OK, 0)


def refuse_all(at, when):
    for what, attempt in attempts(at):
        got = common.errno_of(attempt)
        check(got == errno.EROFS or got in MAY_ALSO, f"{what} {when}: errno {got}")


def test(world):
    world.ready(KEY)
    world.granted("acme", KEY)
    at = world.mount("acme")
    before = (world.lake.keys(), world.lake.size_and_mtime(KEY))
    refuse_all(at, "as mounted")
    subprocess.run(["mount", "-o", "remount,rw", at], check=False, capture_output=True)
    refuse_all(at, "after a remount")
    equal(os.access(f"{at}/{KEY}", os.X_OK), False, "access for execution")
    equal((world.lake.keys(), world.lake.size_and_mtime(KEY)), before, "the lake afterwards")
    equal(common.read(f"{at}/{KEY}"), common.content(KEY, 5000), "the bytes afterwards")


if __name__ == "__main__":
    common.run(test)
