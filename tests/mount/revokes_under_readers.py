"""Grants end and come back under readers of every kind.  Once the last page of each lost object is
gone, no read that begins later gives a byte to anybody, whatever lies in caches, on disk too; the
objects of another edit are read all the while, without one error."""

import functools
import mmap
import os
import time

import cached
import common
import readers
from common import check, eventually

READERS, ACME = 9, 61001
SIZES = {f"show/plate.{n:04}.exr": 900001 + n for n in range(10)}
SIZES |= {"show/long.mov": 12 << 20}
KEPT = {f"kept/plate.{n:04}.exr": 500001 + n for n in range(6)}


def reads(fd, offset):
    try:
        return os.pread(fd, 100, offset) != b""
    except OSError:
        return False


class Probes:
    """A descriptor of each object, whose last page is in the kernel's cache: it goes last."""

    def __init__(self, top):
        self._fds = [(os.open(f"{top}/{key}", os.O_RDONLY), size) for key, size in SIZES.items()]
        check(not self.all_fail(), "the probes read")

    def all_fail(self):
        """An error, or no more bytes."""
        return not any([reads(fd, size - 100) for fd, size in self._fds])

    def close(self):
        for fd, _ in self._fds:
            os.close(fd)


def read_on(top, number, board, sharing):
    """The first readers have what stays, the others what is lost."""
    if number < READERS // 3:
        return readers.until_stopped(top, KEPT, number, board, (), sharing)
    return readers.until_stopped(top, SIZES, number, board, readers.LOST, sharing)


def nothing_more(crew, board, since):
    crew.wait(0.3)
    last = max(board.last_began(n) for n in range(READERS // 3, READERS))
    check(last <= since, f"a read gave bytes that began {last - since:.3f} s after the revoke")


def all_there(top):
    return all(os.path.exists(f"{top}/{key}") for key in (*SIZES, *KEPT))


def under_readers(world, at, uid, sharing, rounds):
    edit, _ = world.granted("acme", *SIZES)
    world.granted("acme", *KEPT)
    board = readers.Board(READERS)

    def back():
        return common.as_uid(uid, all_there, at)

    eventually(back, "the objects are there")
    with readers.Crew(board, functools.partial(read_on, at, board=board, sharing=sharing),
                      uid) as crew:
        for turn in range(rounds):
            crew.all_go_on(f"in turn {turn + 1}")
            with common.Helper(uid) as helper:
                helper.call(probe, at)
                world.host.run("revoke", edit, "acme")
                eventually(lambda: helper.call(probed), "the probes fail")
                nothing_more(crew, board, time.monotonic())
            world.grant(edit, "acme")
            eventually(back, "the objects are there again")
        crew.all_go_on("at the end")
        errors = crew.end()
    print(f"{at}: {sum(board.counts())} reads, {crew.deaths} ends by SIGBUS, errors {errors}")
    world.host.run("revoke", edit, "acme")


_probes = []


def probe(top):
    _probes.append(Probes(top))


def probed():
    return _probes[-1].all_fail()


def test(world):
    for key, size in (SIZES | KEPT).items():
        world.lake.put(key, readers.Content(key).span(0, size))
    world.ready()
    disk = cached.option(world, cache_size="64M", mem="16M")
    own = world.mount("acme", "--poll", "0.2", *disk)
    under_readers(world, own, 0, mmap.MAP_SHARED, readers.soak(2))
    shared = world.mount_per_caller(*world.principals(acme=ACME), "--poll", "0.2", "-o", "mem=16M")
    under_readers(world, shared, ACME, mmap.MAP_PRIVATE, readers.soak(1))


if __name__ == "__main__":
    common.run(test)
