"""What the kernel reads by itself is taken back as well: after a revoke, the end of a grant, a new
version of the object, staleness, the end of the daemon and kill -9 of it, no descriptor and no map
that was opened before gives a byte more; and what is granted again is read again."""

import mmap
import os
import signal
import time

import common
import copies
from common import check, equal, eventually

KEY, OTHER = "show/a.mov", "show/b.mov"
SIZE = (3 << 20) + 100
WANT = common.content(KEY, SIZE)


class Holder:
    """A program that has the copy open and mapped.  Runs in a child."""

    fd = None
    maps = []

    @classmethod
    def take(cls, fd):
        cls.fd = fd
        cls.maps = [mmap.mmap(fd, SIZE, sharing, mmap.PROT_READ)
                    for sharing in (mmap.MAP_SHARED, mmap.MAP_PRIVATE)]
        return [os.pread(fd, SIZE, 0) == WANT, *(m[:] == WANT for m in cls.maps)]

    @classmethod
    def gets(cls):
        """Bytes that come out, by any call that moves them."""
        return len(cls.read(0)) + len(cls.read(SIZE - 10)) + cls.sent()

    @classmethod
    def read(cls, offset):
        try:
            return os.pread(cls.fd, 4096, offset)
        except OSError:
            return b""

    @classmethod
    def sent(cls):
        read_end, write_end = os.pipe()
        try:
            return os.sendfile(write_end, cls.fd, 0, 4096)
        except OSError:
            return 0
        finally:
            os.close(read_end)
            os.close(write_end)

    @classmethod
    def touch(cls, i):
        return cls.maps[i][8192]


def hold(world, at):
    """Two children that have the object open in passthrough and mapped."""
    fd = copies.opened(world, at, KEY)
    holders = [common.Helper(), common.Helper()]  # the descriptor is theirs by fork
    for holder in holders:
        equal(holder.call(Holder.take, fd), [True] * 3, "the bytes before")
    os.close(fd)
    return holders


def all_ends(holders, what):
    eventually(lambda: all(h.call(Holder.gets) == 0 for h in holders), what)
    for i, holder in enumerate(holders):
        try:
            got = holder.call(Holder.touch, i)
        except common.Died as death:
            equal(death.status, -signal.SIGBUS, f"{what}: a map")
        else:
            raise common.Failed(f"{what}: the map still reads {got}")
    for holder in holders:
        holder.close()


def revoked_and_granted_again(world, at, edit):
    first, second = hold(world, at)
    equal(first.call(Holder.gets) > 0, True, "it reads")
    world.host.run("revoke", edit, "acme")
    took = eventually(lambda: first.call(Holder.gets) == 0, "a revoke")
    print(f"a revoke ends what is open {took:.2f} s after the command")
    eventually(lambda: copies.figures(world, at)["bytes"] == 0, "nothing is left of the copies")
    world.grant(edit, "acme")
    eventually(lambda: os.path.exists(f"{at}/{KEY}"), "granted again")
    equal(common.read(f"{at}/{KEY}"), WANT, "read while the old descriptors are open")
    eventually(lambda: common.read(f"{at}/{KEY}") == WANT and
               first.call(Holder.read, 0) == WANT[:4096], "the old descriptors read again")
    world.host.run("revoke", edit, "acme")
    all_ends([first, second], "the second revoke")
    world.grant(edit, "acme")
    eventually(lambda: os.path.exists(f"{at}/{KEY}"), "granted a third time")


def replaced(world, at):
    holders = hold(world, at)
    new = common.content("another", SIZE)
    world.lake.put(KEY, new)
    world.host.run("scan")
    all_ends(holders, "a new version")
    eventually(lambda: common.read(f"{at}/{KEY}") == new, "the new version")
    world.lake.put(KEY, WANT)
    world.host.run("scan")
    eventually(lambda: common.read(f"{at}/{KEY}") == WANT, "the old bytes, a third version")


def expired(world, at, edit):
    holders = hold(world, at)
    equal(holders[0].call(Holder.gets) > 0, True, "before its end")
    end = int(time.time()) + 3
    world.grant(edit, "acme", until=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))
    all_ends(holders, "the end of the grant")
    check(time.time() >= end, "it ended too early")
    world.grant(edit, "acme")
    eventually(lambda: os.path.exists(f"{at}/{KEY}"), "granted again")


def stale(world):
    """The store is gone for a while; who reads on meanwhile finds an end, and then all of it."""
    at, child = copies.mount(world, "acme", "passthrough_horizon=0",
                             line=("--poll", "0.5", "--max-stale", "1"))
    holders = hold(world, at)
    world.lake.out()
    eventually(lambda: all(h.call(Holder.gets) == 0 for h in holders), "nothing is known any more")
    world.lake.back()
    eventually(lambda: all(h.call(Holder.read, SIZE - 10) == WANT[-10:] for h in holders),
               "it is back, for descriptors that were open all the time")
    equal([h.call(Holder.read, 8192) for h in holders], [WANT[8192:12288]] * 2, "in the middle")
    copies.stop(child)
    all_ends(holders, "the end of the daemon")


def killed(world):
    for how in (signal.SIGTERM, signal.SIGKILL):
        at, child = copies.mount(world, "acme", "passthrough_horizon=0")
        holders = hold(world, at)
        child.send_signal(how)
        eventually(lambda: child.poll() is not None, "the daemon ends")
        all_ends(holders, f"the end of the daemon by {how.name}")
        eventually(lambda: world.daemons(at) == [], "its guard ends")


def test(world):
    world.lake.put(KEY, WANT)
    world.ready(OTHER)
    edit, _ = world.edit(KEY)
    world.granted("acme", OTHER)
    world.grant(edit, "acme")
    at, child = copies.mount(world, "acme", "passthrough_horizon=0")
    revoked_and_granted_again(world, at, edit)
    replaced(world, at)
    expired(world, at, edit)
    copies.stop(child)
    if world.lake.kind == "dir":
        stale(world)
    killed(world)


if __name__ == "__main__":
    common.run(test)
