"""Sixteen readers of many objects, large and small, through a memory much smaller than what they
read: by pread at random, in streams, through maps, by sendfile and past the page cache, every byte
is right; on a mount of one principal and on a shared one, both at once."""

import mmap
import random

import common
import readers
from common import check

READERS, TURNS, ACME = 16, readers.soak(5), 61001
SIZES = {f"show/plate.{n:04}.exr": 300000 + n * 41 for n in range(40)}
SIZES |= {f"show/take{n}.mov": (9 << 20) + n * 12345 for n in range(6)}
SIZES |= {"show/one.exr": 1, "show/page.exr": 4096, "show/unit.exr": 65537}


def read_all_ways(top, number, board, sharing):
    chance = random.Random(number)
    for turn in range(TURNS):
        way = readers.WAYS[(number + turn) % len(readers.WAYS)]
        key = chance.choice(list(SIZES))
        readers.use_file(f"{top}/{key}", SIZES[key], way, readers.judge_of(readers.Content(key)),
                         chance, board, number, sharing)


def test(world):
    for key, size in SIZES.items():
        world.lake.put(key, readers.Content(key).span(0, size))
    world.ready()
    world.granted("acme", *SIZES)
    board = readers.Board(READERS)
    own = world.mount("acme", "-o", "mem=8M")
    shared = world.mount_per_caller(*world.principals(acme=ACME), "-o", "mem=4M")
    helpers = [common.Helper(ACME if n % 2 else None) for n in range(READERS)]
    try:
        for n, helper in enumerate(helpers):
            # A shared mount has no other maps.
            helper.start(read_all_ways, *((shared, n, board, mmap.MAP_PRIVATE) if n % 2 else
                                          (own, n, board, mmap.MAP_SHARED)))
        for helper in helpers:
            helper.answer(120)
    finally:
        for helper in helpers:
            helper.close()
    check(all(count >= TURNS for count in board.counts()), f"all have read: {board.counts()}")
    print(f"{sum(board.counts())} reads")


if __name__ == "__main__":
    common.run(test)
