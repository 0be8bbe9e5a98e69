"""A cache on disk under sixteen readers of two mounts that share it: bits of its files turn, it is
cleared, one daemon after the other is killed and comes back, and objects are lost and come back; who
reads gets the right bytes or the error of its daemon's end, never wrong ones."""

import errno
import functools
import os
import random
import signal

import cached
import common
import readers
from common import check, eventually

READERS, TURNS = 16, readers.soak(2)
NAMES = ("acme", "bravo")
BEARABLE = readers.DEAD + readers.LOST + (errno.ENOENT,)  # nothing is mounted for a while
SIZES = {f"show/plate.{n:04}.exr": 700001 + n for n in range(24)}
SIZES |= {f"show/take{n}.mov": (5 << 20) + n * 12345 for n in range(3)}
LOST = {f"lost/plate.{n:04}.exr": 300001 + n for n in range(8)}


def read_on(tops, number, board):
    return readers.until_stopped(tops[number % 2], SIZES | LOST, number, board, BEARABLE)


def damage(world, chance):
    """Turns bits here and there in what is written of the files, without making them longer.  Not in
    the table's header: with that gone a new mount waits for the others that use the cache to end."""
    for name, header in (("data", 0), ("table", 4096)):
        with open(world.path("cache", name), "r+b", buffering=0) as f:
            size, at = os.fstat(f.fileno()).st_size, header
            while at < size:
                try:
                    at = os.lseek(f.fileno(), at, os.SEEK_DATA)
                except OSError:
                    break
                end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
                for place in range(at, end, (end - at) // 40 + 1):
                    byte = os.pread(f.fileno(), 1, place)
                    if byte:
                        os.pwrite(f.fileno(), bytes([byte[0] ^ 1 << chance.randrange(8)]), place)
                at = end


def kill(world, at):
    pids = world.daemons(at)
    check(pids, "there is a daemon")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(common.is_alive, pids)), "the daemon ends")


def test(world):
    for key, size in (SIZES | LOST).items():
        world.lake.put(key, readers.Content(key).span(0, size))
    world.ready()
    for name in NAMES:
        world.granted(name, *SIZES)
    lost, _ = world.granted("acme", *LOST)
    options = ("--poll", "0.2", *cached.option(world, cache_size="64M", mem="4M"))
    tops = [world.mount(name, *options) for name in NAMES]
    chance, board = random.Random(5), readers.Board(READERS)
    with readers.Crew(board, functools.partial(read_on, tops, board=board)) as crew:
        crew.all_go_on("at first")
        for turn in range(TURNS):
            damage(world, chance)
            crew.all_go_on(f"after damage {turn + 1}")
            if turn % 2:
                world.host.run("cache", "clear", cached.folder(world))
                world.grant(lost, "acme")
            else:
                world.host.run("revoke", lost, "acme")
            killed = turn % 2
            kill(world, tops[killed])
            crew.wait(0.1)
            world.mount(NAMES[killed], *options)
            crew.all_go_on(f"after kill {turn + 1}")
        errors = crew.end()
    used = [cached.figures(world, at)[1] for at in tops]
    print(f"{sum(board.counts())} reads, {crew.deaths} ends by SIGBUS, errors {errors}, {used}")
    check(any(disk["hits_bytes"] for disk in used), "the cache was used")
    check(all(map(world.daemons, tops)), "both daemons live")


if __name__ == "__main__":
    common.run(test)
