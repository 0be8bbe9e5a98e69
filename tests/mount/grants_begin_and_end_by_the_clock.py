"""A grant with --from and --until begins and ends on a running mount at its moment, to the second,
with no command run and nobody touching the mount: names, open files, maps."""

import mmap
import os
import signal
import time

import common
from common import check, equal, eventually

KEY, LATER = "show/a.mov", "show/b.mov"
SIZE = 200000


class Holder:
    """A program in a child that holds the file open and mapped."""

    fd = map = None

    @classmethod
    def take(cls, path):
        cls.fd = os.open(path, os.O_RDONLY)
        cls.map = mmap.mmap(cls.fd, SIZE, mmap.MAP_PRIVATE, mmap.PROT_READ)
        return sum(cls.map[i] for i in range(0, SIZE, 4096)) + len(os.pread(cls.fd, SIZE, 0))

    @classmethod
    def read(cls):
        return common.errno_of(os.pread, cls.fd, 100, 0)

    @classmethod
    def touch(cls):
        return cls.map[4096]



def test(world):
    world.ready(KEY, LATER, size=SIZE)
    edit, _ = world.edit(KEY)
    more, _ = world.edit(LATER)
    at = world.mount("acme", "--poll", "3")
    now = int(time.time())
    end, begin = now + 6, now + 8
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    world.grant(edit, "acme", until=time.strftime(stamp, time.gmtime(end)))
    world.host.run("grant", more, "acme", "--from", time.strftime(stamp, time.gmtime(begin)),
                   "--until", time.strftime(stamp, time.gmtime(begin + 600)))
    eventually(lambda: common.errno_of(os.stat, f"{at}/{KEY}") == 0, "the grant")
    check(time.time() < end, "the machine is too slow for this test: the grant has ended already")
    with common.Helper() as holder:
        holder.call(Holder.take, f"{at}/{KEY}")
        equal(holder.call(Holder.read), 0, "the file reads before its end")

        late = eventually(lambda: holder.call(Holder.read) != 0, "the open file ends")
        print(f"the open file ended {time.time() - end:+.2f} s from its moment ({late:.1f} s later)")
        check(time.time() >= end, "the grant ended too early")
        eventually(lambda: common.errno_of(os.stat, f"{at}/{KEY}") != 0, "the name ends")
        try:
            holder.call(Holder.touch)
        except common.Died as death:
            equal(death.status, -signal.SIGBUS, "the end of a program that reads its map")
        else:
            raise common.Failed("the map still reads")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{LATER}") == 0, "the other grant begins")
    print(f"the other name came {time.time() - begin:+.2f} s from its moment")
    check(time.time() >= begin, "the other grant began too early")
    equal(common.read(f"{at}/{LATER}"), common.content(LATER, SIZE), "its bytes")


if __name__ == "__main__":
    common.run(test)
