"""Reads of 128 KiB at random places fetch at most a tenth more than they ask for, at any alignment, and
every byte is right; a stream in between is still read ahead. Of a container the tail comes with the
first read, as whoever opens it goes there next."""

import os
import random

import common
import patterns
from common import check, equal, eventually

SIZE, READ, READS, TAIL = 160 << 20, 128 << 10, 120, 1 << 20
KEYS = ("show/aligned.bin", "show/pages.bin", "show/both.bin", "show/reel.mov")


def figures(world, top):
    return world.host.json("status", top)


def read_at(fd, offset, length):
    data = os.pread(fd, length, offset)
    equal(len(data), length, f"length at {offset}")
    check(patterns.wrong_at(data, offset) is None, f"wrong bytes at {offset}")


def at_random(world, key, unit):
    top = world.mount("acme", name=os.path.basename(key))
    chance = random.Random(3)
    fd = os.open(f"{top}/{key}", os.O_RDONLY)
    for place in chance.sample(range(1, (SIZE - READ) // unit), READS):
        read_at(fd, place * unit, READ)
    os.close(fd)
    times = figures(world, top)["fetched_bytes"] / (READS * READ)
    print(f"aligned to {unit >> 10} KiB: {times:.3f} times fetched")
    check(times <= 1.1, f"{times:.3f} times what was asked for is fetched")


def stream_between(world, key):
    top = world.mount("acme", name="both")
    chance = random.Random(1)
    fd = os.open(f"{top}/{key}", os.O_RDONLY)
    for i in range(64):
        read_at(fd, i * READ, READ)
        if i % 16 == 15:
            read_at(fd, chance.randrange(64 << 20, SIZE - READ) & -4096, READ)
    eventually(lambda: figures(world, top)["prefetched_bytes"] >= 8 << 20, "it is read ahead")
    os.close(fd)


def tail_of_a_container(world, key):
    top = world.mount("acme", name="reel")
    fd = os.open(f"{top}/{key}", os.O_RDONLY)
    equal(figures(world, top)["fetched_bytes"], 0, "an open alone fetches nothing")
    read_at(fd, 0, 4096)
    eventually(lambda: figures(world, top)["fetched_bytes"] >= TAIL + 4096, "the tail comes")
    before = figures(world, top)
    read_at(fd, SIZE - 4096, 4096)
    read_at(fd, SIZE - (900 << 10), 4096)
    now = figures(world, top)
    equal(now["fetched_bytes"] - now["prefetched_bytes"],
          before["fetched_bytes"] - before["prefetched_bytes"], "the tail was there")
    os.close(fd)


def test(world):
    for key in KEYS:
        world.lake.put_parts(key, patterns.parts(SIZE))
    world.ready()
    world.granted("acme", *KEYS)
    at_random(world, KEYS[0], READ)
    at_random(world, KEYS[1], 4096)
    stream_between(world, KEYS[2])
    tail_of_a_container(world, KEYS[3])


if __name__ == "__main__":
    common.run(test)
