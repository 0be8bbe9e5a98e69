"""A user without any privilege mounts a directory lake of its own through fusermount3, with its own
state, reads, loses a grant, and unmounts; another user cannot look into that mount, nor can root."""

import ctypes
import errno
import os
import shutil

import common
from common import check, equal, eventually

UID = 61009
CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_BIND = 0x20000, 0x4000, 1 << 18, 4096
KEY = "show/a.mov"

libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, flags):
    if libc.mount(source.encode(), target.encode(), b"none", flags, None) < 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}")


def prepare_machine(world):
    """For this process and its children alone: a /dev/fuse that everybody may open, as it is on
    most machines, and a name for the user, without which fusermount3 does nothing."""
    if libc.unshare(CLONE_NEWNS) < 0:
        raise common.Skip("no mount namespace of its own here")
    mount("none", "/", MS_REC | MS_PRIVATE)
    node = world.path("fuse")
    os.mknod(node, 0o20666, os.stat("/dev/fuse").st_rdev)
    os.chmod(node, 0o666)
    mount(node, "/dev/fuse", MS_BIND)
    users = common.read("/etc/passwd").decode()
    passwd = world.write("passwd", users + f"laketest:x:{UID}:{UID}::/:/bin/false\n")
    mount(passwd, "/etc/passwd", MS_BIND)


def give(world):
    """The world's directories become the user's."""
    for folder, folders, names in os.walk(world.dir):
        for name in [".", *folders, *names]:
            if not (folder == world.dir and name in (".", "fuse", "passwd")):
                os.lchown(os.path.join(folder, name), UID, UID)


def life(world):
    """What the user does; runs as the user."""
    edit, _ = world.granted("acme", KEY)
    at = world.mount("acme")
    equal(set(common.tree(at)), set(world.host.view("acme")), "the tree")
    equal(common.read(f"{at}/{KEY}"), common.content(KEY, 5000), "the bytes")
    equal(os.stat(f"{at}/{KEY}").st_uid, UID, "the owner")
    return edit, at


def end(world, edit, at):
    world.host.run("revoke", edit, "acme")
    eventually(lambda: os.listdir(at) == [], "the revoke reaches the mount")
    world.host.json("status", at)
    with open(world.path("open-file"), "wb"):
        here = os.open(at, os.O_RDONLY)
        check(world.host.call("unmount", at).returncode == 1, "unmount of a busy mount")
        os.close(here)
    world.unmount(at)
    check(not common.is_mounted(at), "unmounted")
    at = world.mount("acme")
    pid = world.daemons(at)[0]
    os.kill(pid, 9)
    eventually(lambda: common.errno_of(os.stat, at) == errno.ENOTCONN, "a dead mount")
    world.mount("acme")
    equal(os.listdir(at), [], "mounted over the dead one")
    world.unmount(at)


def test(world):
    if not shutil.which("fusermount3"):
        raise common.Skip("no fusermount3")
    prepare_machine(world)
    world.ready(KEY)
    world.mountpoint("acme")
    world.write("cut of acme.otio", "")
    give(world)
    os.chown(world.dir, UID, UID)
    with common.Helper(UID) as user:
        edit, at = user.call(life, world)
        for other in (0, UID + 1):
            got = common.as_uid(other, common.errno_of, os.listdir, at)
            equal(got, errno.EACCES, f"uid {other} looks into it")
        user.call(end, world, edit, at)


if __name__ == "__main__":
    common.run(test, lakes=("dir",))
