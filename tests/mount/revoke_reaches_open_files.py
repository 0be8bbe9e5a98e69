"""A revoke reaches a running mount that nobody touches: an open file whose pages are cached, a
map, an open directory, a working directory, every name; on a mount of one principal and on a shared
one.  Prints how long it took."""

import mmap
import os
import signal

import common
import scene
from common import check, equal, eventually

FILE, FOLDER = scene.ACME[0], "show/sh010"
SIZE = 300000
ACME = 61001


class Holder:
    """What a program keeps while its grant ends.  Runs in a child."""

    fd = folder = map = None

    @classmethod
    def take(cls, top, sharing):
        cls.fd = os.open(f"{top}/{FILE}", os.O_RDONLY)
        cls.folder = os.open(f"{top}/{FOLDER}", os.O_RDONLY)
        os.chdir(f"{top}/{FOLDER}")
        equal(os.pread(cls.fd, SIZE, 0), common.content(FILE, SIZE), "the bytes before")
        cls.map = mmap.mmap(cls.fd, SIZE, sharing, mmap.PROT_READ)
        check(all(cls.map[i] == common.content(FILE, SIZE)[i] for i in range(0, SIZE, 4096)),
              "the map before")
        return sorted(os.listdir(cls.folder))

    @classmethod
    def state(cls):
        """The errno of each use, 0 where it still works."""
        tried = common.errno_of
        name = os.path.basename(FILE)
        return {"pread": tried(os.pread, cls.fd, 100, 0),
                "pread of a later page": tried(os.pread, cls.fd, 100, SIZE - 100),
                "stat in the working directory": tried(os.stat, name),
                "open in the working directory": tried(os.open, name, os.O_RDONLY),
                "stat in the open directory": tried(os.stat, name, dir_fd=cls.folder),
                "open in the open directory": tried(os.open, name, os.O_RDONLY,
                                                    dir_fd=cls.folder)}

    @classmethod
    def names(cls):
        """What the two directories still list."""
        found = []
        for where in (cls.folder, "."):
            try:
                found += os.listdir(where)
            except OSError:
                continue
        return found

    @classmethod
    def reopened(cls):
        return [common.errno_of(os.open, f"/proc/self/fd/{cls.fd}", os.O_RDONLY),
                common.errno_of(os.fstat, cls.fd),
                common.errno_of(os.getxattr, cls.fd, "user.shotlake.key")]

    @classmethod
    def touch(cls):
        return cls.map[SIZE - 4096 * 3]


def touch(holder):
    try:
        got = holder.call(Holder.touch)
    except common.Died as death:
        equal(death.status, -signal.SIGBUS, "the end of a program that reads its map")
    else:
        raise common.Failed(f"the map still reads: {got}")


def lose(world, at, uid, sharing):
    edit, _ = world.granted("acme", *scene.ACME)
    kept, _ = world.granted("acme", "rival.mov")

    def works(key):
        return common.as_uid(uid, common.errno_of, os.stat, f"{at}/{key}") == 0

    eventually(lambda: works(FILE) and works("rival.mov"), "the objects are there")
    with common.Helper(uid) as holder:
        holder.call(Holder.take, at, sharing)
        equal(set(holder.call(Holder.state).values()), {0}, "everything works before")
        world.host.run("revoke", edit, "acme")
        took = eventually(lambda: all(holder.call(Holder.state).values()), "everything is lost")
        print(f"{at}: revoke to the last failing use: {took:.2f} s after the command")
        eventually(lambda: holder.call(Holder.names) == [], "the directories list nothing")
        check(all(holder.call(Holder.reopened)), "the open file opens again")
        eventually(lambda: set(common.as_uid(uid, common.tree, at)) ==
                   set(world.host.view("acme")), "the listing")
        check(not works(FILE) and not works(FOLDER), "names are gone")
        check(works("rival.mov"), "another edit's object is still there")
        touch(holder)
    world.host.run("revoke", kept, "acme")
    eventually(lambda: common.as_uid(uid, common.tree, at) == {}, "the mount is empty")


def test(world):
    world.ready(*scene.ALL, size=SIZE)
    lose(world, world.mount("acme"), 0, mmap.MAP_SHARED)
    shared = world.mount_per_caller(*world.principals(acme=ACME))
    lose(world, shared, ACME, mmap.MAP_PRIVATE)  # it has no other maps


if __name__ == "__main__":
    common.run(test)
