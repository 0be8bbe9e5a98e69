"""An object that the view shows and the store refuses to hand out: its name and size are there and
reading it is EACCES; its neighbours read on, and so does it once the store allows it."""

import errno
import os

import common
from common import equal, eventually

KEY, OTHER = "show/a.mov", "show/b.mov"
SIZE = 300000


def reading(path):
    with open(path, "rb", buffering=0) as f:
        return common.errno_of(os.pread, f.fileno(), 1000, 0)


def test(world):
    world.ready(KEY, OTHER, size=SIZE)
    world.granted("acme", KEY, OTHER)
    at = world.mount("acme")
    with world.lake.refused(KEY):
        eventually(lambda: world.lake.is_refused(KEY), "the store refuses")
        equal(os.stat(f"{at}/{KEY}").st_size, SIZE, "the size")
        equal(reading(f"{at}/{KEY}"), errno.EACCES, "reading it")
        equal(common.read(f"{at}/{OTHER}"), common.content(OTHER, SIZE), "its neighbour")
    eventually(lambda: not world.lake.is_refused(KEY), "the store allows it again")
    equal(common.read(f"{at}/{KEY}"), common.content(KEY, SIZE), "reading it afterwards")


if __name__ == "__main__":
    common.run(test, lakes=("s3",))
