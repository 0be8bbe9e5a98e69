"""When the store is gone for longer than --max-stale, the root shows nothing and opens give EIO,
also for what is open and cached; when it is back, the view is back, by itself."""

import errno
import os

import common
from common import check, equal, eventually

KEY = "show/a.mov"
ABSENT = "absent.mov"


def test(world):
    world.ready(KEY)
    world.granted("acme", KEY)
    at = world.mount("acme", "--max-stale", "3", env=world.lake.env())
    view = common.tree(at)
    check(KEY in view, "the view before")
    for round_ in ("first", "second"):
        fd = os.open(f"{at}/{KEY}", os.O_RDONLY)
        equal(os.pread(fd, 5000, 0), common.content(KEY, 5000), f"{round_} time: the bytes before")

        world.lake.out()
        took = eventually(lambda: os.listdir(at) == [], "the root shows nothing")
        print(f"nothing is shown {took:.1f} s after the store went (max-stale 3 s)")
        eventually(lambda: common.errno_of(os.pread, fd, 100, 0) == errno.EIO, "the open file: EIO")
        for path in (KEY, ABSENT, "show"):
            got = common.errno_of(os.open, f"{at}/{path}", os.O_RDONLY)
            equal(got, errno.EIO, f"{round_} time: open of {path}")
        equal(common.errno_of(os.stat, at), 0, "stat of the root")

        world.lake.back()
        took = eventually(lambda: common.errno_of(os.stat, f"{at}/{KEY}") == 0, "it is back")
        print(f"everything is back {took:.1f} s after the store came back")
        equal(common.tree(at), view, f"{round_} time: the view afterwards")
        equal(common.errno_of(os.stat, f"{at}/{ABSENT}"), errno.ENOENT, "an absent name")
        equal(common.read(f"{at}/{KEY}"), common.content(KEY, 5000), "the bytes afterwards")
        os.close(fd)


if __name__ == "__main__":
    common.run(test)
