"""Thirty mounts of one lake at once, each with its own view; a change reaches the right ones; all
end cleanly on SIGTERM and leave nothing in the state directory."""

import os
import signal

import common
from common import check, equal, eventually

COUNT = 30


def test(world):
    keys = [f"show/{n:02}.mov" for n in range(COUNT)]
    world.ready(*keys, size=100)
    for n, key in enumerate(keys):
        world.acl(key, f"vendor{n}")
    mounts = [world.mount(f"vendor{n}") for n in range(COUNT)]
    for at, key in zip(mounts, keys):
        equal(set(common.tree(at)), common.with_parents([key]), f"the tree of {at}")
        equal(common.read(f"{at}/{key}"), common.content(key, 100), f"bytes of {key}")
    world.acl(keys[7], "vendor8")
    eventually(lambda: common.tree(mounts[7]) == {}, "one loses its object")
    eventually(lambda: len(common.tree(mounts[8])) == 3, "another gets it")
    for n, at in enumerate(mounts):
        if n not in (7, 8):
            equal(set(common.tree(at)), common.with_parents([keys[n]]), f"{at} is as it was")

    pids = [pid for at in mounts for pid in world.daemons(at)]
    check(len(pids) >= 1, "there are daemons")
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not any(map(common.is_alive, pids)), "the daemons end")
    equal([m for m in mounts if common.is_mounted(m)], [], "mounts left")
    equal(world.run_files(), [], "files left in the state directory")


if __name__ == "__main__":
    common.run(test)
