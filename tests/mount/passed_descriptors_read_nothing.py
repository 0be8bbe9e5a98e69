"""On a shared mount an open file that one caller passes to another (SCM_RIGHTS) gives the other
nothing: not its bytes, not mapped, not reopened through /proc/self/fd; nor does a directory."""

import mmap
import os
import socket

import common
import scene
from common import check, equal

ACME, RIVAL = 61001, 61002
FILE = scene.ACME[0]


def send(top, sock):
    """The owner reads its file, so that its pages are warm, and passes it on."""
    fds = [os.open(path, os.O_RDONLY) for path in (f"{top}/{FILE}", f"{top}/show/sh010")]
    equal(os.read(fds[0], 5000), common.content(FILE, 5000), "the owner reads")
    socket.send_fds(socket.socket(fileno=os.dup(sock)), [b"x"], fds)
    return len(os.listdir(fds[1]))


def reads(fd):
    """What comes out of the descriptor, by every way of reading; exceptions by name."""
    ways = {
        "read": lambda: os.read(fd, 100),
        "pread": lambda: os.pread(fd, 100, 0),
        "preadv": lambda: os.preadv(fd, [bytearray(100)], 0),
        "sendfile": lambda: _to_pipe(lambda w: os.sendfile(w, fd, 0, 100)),
        "splice": lambda: _to_pipe(lambda w: os.splice(fd, w, 100, 0)),
        "copy_file_range": lambda: os.copy_file_range(fd, os.memfd_create("x"), 100, 0),
        "reopen": lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDONLY),
        "reopen path": lambda: os.stat(os.open(f"/proc/self/fd/{fd}", os.O_PATH)),
        "xattr": lambda: os.getxattr(fd, "user.shotlake.key"),
        "listxattr": lambda: os.listxattr(fd),
    }
    got = {}
    for name, way in ways.items():
        try:
            got[name] = way()
        except OSError:
            continue
    return got


def mapped(fd):
    """The same through a map, in a process of its own that may die of SIGBUS."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, mmap.mmap(fd, 100, mmap.MAP_PRIVATE, mmap.PROT_READ)[:10])
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(pid, 0)
    data = os.read(read_end, 10)
    os.close(read_end)
    return {"map": data} if data else {}


def _to_pipe(move):
    read_end, write_end = os.pipe()
    return move(write_end) and os.read(read_end, 100)


def receive(sock):
    _, fds, _, _ = socket.recv_fds(socket.socket(fileno=os.dup(sock)), 1, 2)
    names = common.errno_of(os.listdir, fds[1])
    inside = common.errno_of(os.stat, os.path.basename(FILE), dir_fd=fds[1])
    got = reads(fds[0]) | mapped(fds[0])
    return {k: str(v) for k, v in got.items()}, names, inside


def test(world):
    scene.make(world)
    at = world.mount_per_caller(*world.principals(acme=ACME, rival=RIVAL))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with common.Helper(ACME) as acme, common.Helper(RIVAL) as rival, \
            common.Helper(ACME) as colleague:
        acme.call(send, at, ours.fileno())
        got, names, inside = colleague.call(receive, theirs.fileno())
        check({"read", "pread", "reopen"} <= set(got), f"the same user reads it: {sorted(got)}")
        acme.call(send, at, ours.fileno())
        got, names, inside = rival.call(receive, theirs.fileno())
        equal(got, {}, "what the other gets out of the file")
        check(inside != 0, "the other finds the file through the directory")
        check(names in (0, 2, 13), f"listing through the directory: errno {names}")


if __name__ == "__main__":
    common.run(test)
