"""Frames that were fetched ahead, and that nobody has opened, leave the memory when they are revoked."""

import common
from common import check, equal, eventually

SIZE = 192 << 10


def key(number):
    return f"show/plate.{number:04}.exr"


def test(world):
    keys = [key(n) for n in range(1001, 1041)]
    world.put(*keys, "show/stays.exr", size=SIZE)
    world.host.run("init")
    world.host.run("scan")
    edit, _ = world.granted("acme", *keys)
    world.grant(world.edit("show/stays.exr", name="stays")[0], "acme")
    at = world.mount("acme")

    def figures(name):
        return world.host.json("status", at)[name]
    for k in [*keys[:4], "show/stays.exr"]:
        equal(common.read(f"{at}/{k}"), common.content(k, SIZE), k)
    eventually(lambda: figures("prefetched_bytes") == 6 * SIZE, "six frames were fetched ahead")
    check(figures("memory_bytes") >= 9 * SIZE, "they are in memory")
    world.host.run("revoke", edit, "acme")
    eventually(lambda: common.errno_of(common.os.stat, f"{at}/{keys[5]}") != 0, "it is revoked")
    eventually(lambda: figures("wasted_bytes") == 4 * SIZE,
               "the four that nobody came for are gone")
    fetched = figures("fetched_bytes")
    equal(common.read(f"{at}/show/stays.exr"), common.content("show/stays.exr", SIZE), "the other")
    equal(figures("fetched_bytes"), fetched, "which is in memory still, or in the kernel's")


if __name__ == "__main__":
    common.run(test)
