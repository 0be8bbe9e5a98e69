"""What is played is fetched ahead: the next frames that the reader may see, forwards, backwards and by
a stride, also where the numbers lose a digit; none that is hidden, or seen and not to be opened, and
none for who looks at one frame or jumps about; and of frames whose headers alone are read, not the
rest."""

import os

import common
from common import check, equal, eventually

SIZE = 192 << 10
FIRST, LAST = 1001, 1099


def key(number, name="plate"):
    return f"show/{name}.{number:04}.exr"


class Player:
    """A mount of its own, which has nothing in memory yet."""

    def __init__(self, world, name):
        self.world, self.top = world, world.mount("acme", name=name)

    def play(self, *keys, length=SIZE):
        for k in keys:
            with open(f"{self.top}/{k}", "rb", buffering=0) as f:
                equal(f.read(length), common.content(k, SIZE)[:length], k)

    def fetched(self, prefetched, what):
        """That many bytes were fetched ahead, and no more come."""
        def figures():
            return self.world.host.json("status", self.top)["prefetched_bytes"]
        eventually(lambda: figures() >= prefetched * SIZE, f"{what}: {prefetched} frames")
        equal(figures(), prefetched * SIZE, what)


    def waited_for(self, frames):
        """So many frames were not there, nor on their way, when they were asked for."""
        end = self.world.host.json("status", self.top)
        equal(end["fetched_bytes"] - end["prefetched_bytes"], frames * SIZE, "not fetched ahead")


def forwards(world, hidden):
    p = Player(world, "forwards")
    p.play(key(1001))
    p.fetched(0, "one frame")
    p.play(key(1002))
    p.fetched(1, "after two frames the third")
    p.play(key(1003))
    p.fetched(3, "after three of them two more")
    p.play(key(1004))
    p.fetched(5, "then four beyond the fourth, of which one is hidden")
    p.play(key(1005), key(1006))
    # Eight beyond the fifth, then sixteen beyond the sixth.
    window = [n for n in range(1003, 1006 + 16 + 1) if key(n) not in hidden]
    p.fetched(len(window), "the visible ones of the window")
    p.play(*(key(n) for n in window if 1006 < n < 1016))
    p.waited_for(2)


def backwards(world):
    p = Player(world, "backwards")
    p.play(key(1099), key(1098), key(1097))
    p.fetched(3, "backwards")
    p.play(key(1096), key(1095), key(1094))
    p.waited_for(2)


def by_stride(world):
    p = Player(world, "stride")
    p.play(key(1020), key(1024), key(1028))
    p.fetched(1, "every fourth")
    p.play(key(1032))
    p.fetched(3, "two more")
    p.play(key(1036))
    p.waited_for(3)


def without_padding(world):
    p = Player(world, "unpadded")
    p.play("show/b.11.exr", "show/b.10.exr", "show/b.9.exr")
    p.fetched(3, "9, 8 and 7 after 11 and 10")
    p.play("show/b.8.exr")


def not_ahead(world):
    p = Player(world, "jumps")
    p.play(key(1030), key(1060), key(1045), key(1090))
    p.fetched(0, "jumps")
    p = Player(world, "headers")
    p.play(*(key(n) for n in range(1030, 1099)), length=4096)
    fetched = world.host.json("status", p.top)["fetched_bytes"]
    check(0 < fetched <= 69 * SIZE / 2, f"{fetched} bytes for the headers of 69 frames")


def test(world):
    keys = [key(n) for n in range(FIRST, LAST + 1)]
    hidden = {key(n) for n in (1007, 1010, 1011, 1012)}
    closed = {key(1014)}  # an original, which a viewer sees and may not read
    others = [f"show/b.{n}.exr" for n in range(7, 12)]
    world.put(*keys, *others, size=SIZE)
    world.host.run("init")
    world.host.run("scan")
    world.granted("acme", *(k for k in keys if k not in hidden), *others)
    for k in closed:
        world.host.run("class", "set", k, "original")
    forwards(world, hidden | closed)
    backwards(world)
    by_stride(world)
    without_padding(world)
    not_ahead(world)
    for name in ("forwards", "backwards"):
        equal(sorted(os.listdir(f"{world.mountpoint(name)}/show")),
              sorted(k[5:] for k in keys + others if k not in hidden), "what is seen")


if __name__ == "__main__":
    common.run(test)
