"""A grant and a revoke made on another host reach this host's mount within the poll interval and a
little: as a new name, and as the end of an open file.  Prints the delays."""

import os

import common
from common import check, eventually

KEY, LATER = "show/a.mov", "show/b.mov"
POLL = 1
BOUND = 20  # far beyond the poll interval: the test is of arriving; the printed delay tells more


def test(world):
    world.ready(KEY, LATER)
    edit, _ = world.granted("acme", KEY)
    more, _ = world.edit(LATER)
    at, other = world.mount("acme", "--poll", str(POLL)), world.another_host()
    fd = os.open(f"{at}/{KEY}", os.O_RDONLY)
    check(os.pread(fd, 100, 0), "the file reads")
    check(common.errno_of(os.stat, f"{at}/{LATER}") != 0, "the other object is hidden at first")

    world.grant(more, "acme", host=other)
    took = eventually(lambda: common.errno_of(os.stat, f"{at}/{LATER}") == 0, "the grant", BOUND)
    print(f"grant by another host: seen after {took:.2f} s (poll {POLL} s)")
    other.run("revoke", edit, "acme")
    took = eventually(lambda: common.errno_of(os.pread, fd, 100, 0) != 0, "the revoke", BOUND)
    print(f"revoke by another host: open file lost after {took:.2f} s (poll {POLL} s)")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{KEY}") != 0, "the name goes")
    check(common.errno_of(os.stat, f"{at}/{LATER}") == 0, "the other object stays")

    other.run("grant", edit, "acme", "--until", common.FOREVER)
    eventually(lambda: common.errno_of(os.stat, f"{at}/{KEY}") == 0, "granted again")
    os.close(fd)
    fd = os.open(f"{at}/{KEY}", os.O_RDONLY)
    check(os.pread(fd, 5000, 0) == common.content(KEY, 5000), "and it reads again")
    os.close(fd)


if __name__ == "__main__":
    common.run(test)
