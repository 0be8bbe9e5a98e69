"""What a caller has mapped on a shared mount lies in the kernel's memory, and whoever that caller
passes its open file to may splice it from there without a question to the daemon.  It goes no
further: no page that was not mapped, no other way to read, and nothing once the grant has ended."""

import mmap
import os
import socket

import common
import scene
from common import check, equal, eventually

ACME, RIVAL = 61001, 61002
FILE = scene.ACME[0]
SIZE, PAGE, MAPPED = 3 << 20, 4096, 1 << 20
KEPT = []


def share(top, sock):
    """The owner maps one page in the middle, touches it and passes the file on."""
    fd = os.open(f"{top}/{FILE}", os.O_RDONLY)
    KEPT.append(mmap.mmap(fd, SIZE, mmap.MAP_PRIVATE, mmap.PROT_READ))
    KEPT[-1].madvise(mmap.MADV_RANDOM)  # one page, and no more
    check(KEPT[-1][MAPPED] == common.content(FILE, SIZE)[MAPPED], "the owner reads its map")
    socket.send_fds(socket.socket(fileno=os.dup(sock)), [b"x"], [fd])
    return True


def receive(sock):
    KEPT.extend(socket.recv_fds(socket.socket(fileno=os.dup(sock)), 1, 1)[1])
    return len(KEPT)


def spliced(offset):
    """The bytes that splice(2) gives at an offset."""
    read_end, write_end = os.pipe()
    try:
        return os.read(read_end, PAGE) if os.splice(KEPT[-1], write_end, PAGE, offset) else b""
    except OSError:
        return b""
    finally:
        os.close(read_end)
        os.close(write_end)


def reached():
    """The offsets of the pages that come out, every 64 KiB, and what reads give."""
    pages = [offset for offset in range(0, SIZE, 64 << 10) if spliced(offset)]
    return pages, common.errno_of(os.pread, KEPT[-1], 10, MAPPED)


def test(world):
    world.ready(*scene.ALL, size=SIZE)
    edit, _ = world.granted("acme", *scene.ACME)
    at = world.mount_per_caller(*world.principals(acme=ACME, rival=RIVAL))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with common.Helper(ACME) as acme, common.Helper(RIVAL) as rival:
        acme.call(share, at, ours.fileno())
        rival.call(receive, theirs.fileno())
        pages, error = rival.call(reached)
        print(f"pages that the other reaches, of {SIZE >> 16} looked at: {len(pages)}")
        check(set(pages) <= {MAPPED}, f"pages that were not mapped: {pages}")
        check(error != 0, "the other reads")
        world.host.run("revoke", edit, "acme")
        eventually(lambda: common.as_uid(ACME, common.tree, at) == {}, "the grant has ended")
        eventually(lambda: rival.call(reached)[0] == [], "nothing comes out any more")
        equal(rival.call(reached)[1] != 0, True, "the other does not read either")


if __name__ == "__main__":
    common.run(test)
