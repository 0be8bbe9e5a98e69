"""The daemon ends under sixteen readers, by kill -9 and by SIGTERM, again and again, with a new mount
each time: who reads gets an error or the right bytes, never wrong ones, and every reader goes on
afterwards; a daemon that is asked to end does so and leaves nothing."""

import errno
import functools
import os
import random
import signal

import cached
import common
import readers
from common import check, eventually

READERS, ENDS = 16, readers.soak(4)
BEARABLE = readers.DEAD + (errno.ENOENT,)  # while nothing is mounted there are no files
SIZES = {f"show/plate.{n:04}.exr": 700001 + n for n in range(30)}
SIZES |= {f"show/take{n}.mov": (7 << 20) + n * 12345 for n in range(3)}


def end(world, at, how):
    pids = world.daemons(at)
    check(pids, "there is a daemon")
    for pid in pids:
        os.kill(pid, how)
    eventually(lambda: not any(map(common.is_alive, pids)), "the daemon ends")


def under_readers(world, *options):
    at, chance = world.mount("acme", *options), random.Random(1)
    board = readers.Board(READERS)
    function = functools.partial(readers.until_stopped, at, SIZES, board=board,
                                 bearable=BEARABLE)
    with readers.Crew(board, function) as crew:
        crew.all_go_on("at first")
        for turn in range(ENDS):
            crew.wait(chance.random() * 0.3)
            end(world, at, signal.SIGKILL if turn % 2 else signal.SIGTERM)
            crew.wait(chance.random() * 0.1)
            world.mount("acme", *options)
            crew.all_go_on(f"after end {turn + 1}")
        errors = crew.end()
    print(f"{sum(board.counts())} reads, {crew.deaths} ends by SIGBUS, errors {errors}")
    world.unmount(at)


def test(world):
    for key, size in SIZES.items():
        world.lake.put(key, readers.Content(key).span(0, size))
    world.ready()
    world.granted("acme", *SIZES)
    under_readers(world, *cached.option(world, cache_size="64M", mem="16M"))


if __name__ == "__main__":
    common.run(test)
