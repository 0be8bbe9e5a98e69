"""Opens, reads, maps and closes by many at once, with copies coming and going for want of room and
by revokes: no open fails for the way that an inode is open in, and what is read is right to the
byte or an early end."""

import errno
import mmap
import os
import random
import threading
import time

import common
import copies
from common import check, eventually

KEYS = [f"show/frame.{i:04}.exr" for i in range(1, 7)]
ALWAYS = "show/always.mov"
SIZE = (1 << 20) + 777
SECONDS = 5 * int(os.environ.get("SHOTLAKE_SOAK", "1"))
GONE = (errno.ENOENT, errno.EACCES, errno.ESTALE)
WANT = {key: common.content(key, SIZE) for key in [*KEYS, ALWAYS]}


class Reader(threading.Thread):
    def __init__(self, at, seed):
        super().__init__()
        self.at, self.dice, self.wrong, self.n, self.stop = at, random.Random(seed), [], 0, False

    def run(self):
        while not self.stop and not self.wrong:
            key = self.dice.choice([*KEYS, ALWAYS])
            try:
                self.use(key)
            except OSError as error:
                if error.errno not in GONE or key == ALWAYS:
                    self.wrong.append((key, error))
            except BaseException as error:  # pylint: disable=broad-except
                self.wrong.append((key, error))
            self.n += 1

    def use(self, key):
        flags = os.O_DIRECT if self.dice.random() < 0.1 else 0
        fds = [os.open(f"{self.at}/{key}", os.O_RDONLY | flags)
               for _ in range(self.dice.choice((1, 1, 2)))]
        try:
            if self.dice.random() < 0.2:  # not touched: that could be a SIGBUS after a revoke
                mmap.mmap(fds[0], SIZE, mmap.MAP_SHARED, mmap.PROT_READ).close()
            for fd in fds:
                for _ in range(self.dice.choice((0, 1, 4))):
                    self.read(fd, key)
        finally:
            for fd in fds:
                os.close(fd)

    def read(self, fd, key):
        n, offset = self.dice.choice((512, 65536, 1 << 21)), self.dice.randrange(SIZE)
        got = os.pread(fd, n, offset)
        want = WANT[key][offset:offset + n]
        check(want.startswith(got), f"{key}: wrong bytes at {offset}")
        check(got == want or key != ALWAYS, f"{key}: an early end at {offset}")


def test(world):
    for key, want in WANT.items():
        world.lake.put(key, want)
    world.ready()
    edits = [world.edit(*part, name=f"cut {i}")[0] for i, part in enumerate((KEYS[:3], KEYS[3:]))]
    world.granted("acme", ALWAYS)
    for edit in edits:
        world.grant(edit, "acme")
    at, child = copies.mount(world, "acme", "passthrough_size=4M", "passthrough_horizon=0")
    os.close(copies.opened(world, at, KEYS[0]))
    readers = [Reader(at, seed) for seed in range(8)]
    for reader in readers:
        reader.start()
    end = time.monotonic() + SECONDS
    dice = random.Random(0)
    while time.monotonic() < end and not any(r.wrong for r in readers):
        edit = dice.choice(edits)
        world.host.run("revoke", edit, "acme")
        time.sleep(dice.random() * 0.5)
        world.grant(edit, "acme")
        time.sleep(dice.random() * 0.7)
    for reader in readers:
        reader.stop = True
    for reader in readers:
        reader.join()
    check(not any(r.wrong for r in readers), f"{[r.wrong for r in readers if r.wrong]}")
    print(f"{sum(r.n for r in readers)} opens, {copies.figures(world, at)}")
    for key in KEYS:
        eventually(lambda key=key: common.read(f"{at}/{key}") == WANT[key], f"{key} at the end")
    check(copies.figures(world, at)["opens"] > 1, "nothing was read by the kernel itself")
    copies.stop(child)


if __name__ == "__main__":
    common.run(test)
