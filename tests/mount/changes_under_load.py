"""Grants and revokes while many programs list, stat and read: what is read is right to the byte,
nothing that was never granted appears, and after the last change every one has the last view."""

import os
import random
import time

import common
from common import check, eventually

READERS, CHANGES, SIZE = 6, 24, 400000
KEYS = [f"show/sh{n:02}/plate.{f:04}.exr" for n in range(3) for f in range(6)]
NEVER = [f"show/sh{n:02}/secret.{f:04}.exr" for n in range(4) for f in range(6)]


def use(top, number, path_of_stop):
    """Uses the mount until the file is there; returns (good reads, failed ones)."""
    chance, good, bad = random.Random(number), 0, 0
    want = {key: common.content(key, SIZE) for key in KEYS}
    while not os.path.exists(path_of_stop):
        key = chance.choice(KEYS)
        try:
            with open(f"{top}/{key}", "rb", buffering=0) as f:
                for _ in range(4):
                    offset = chance.randrange(SIZE)
                    data = os.pread(f.fileno(), 50000, offset)
                    # A grant that ends in the middle of a read cuts it short.
                    check(data, f"{key}: nothing at {offset}, as if it ended there")
                    check(data == want[key][offset:offset + len(data)], f"{key}: wrong bytes")
                    good += 1
            names = os.listdir(os.path.dirname(f"{top}/{key}"))
        except OSError:
            bad += 1
            continue
        check(len(names) == len(set(names)), f"a name twice: {names}")
        check(not any(n.startswith("secret") for n in names), f"a hidden name: {names}")
        check(common.errno_of(os.stat, f"{top}/{chance.choice(NEVER)}") != 0, "a hidden object")
    return good, bad


def change(world, edits):
    for i in range(CHANGES):
        edit = edits[i % len(edits)]
        if i // len(edits) % 2:
            world.grant(edit, "acme")
        else:
            world.host.run("revoke", edit, "acme")


def test(world):
    world.ready(*KEYS, *NEVER, size=SIZE)
    edits = [world.granted("acme", *KEYS[n::3])[0] for n in range(3)]
    at, stop = world.mount("acme", "--poll", "0.2", "-o", "mem=8M"), world.path("stop")
    readers = [common.Helper() for _ in range(READERS)]
    try:
        for number, reader in enumerate(readers):
            reader.start(use, at, number, stop)
        began = time.monotonic()
        change(world, edits)
        seconds = time.monotonic() - began
        world.write("stop", "")
        results = [r.answer() for r in readers]
    finally:
        for reader in readers:
            reader.close()
    print(f"{CHANGES} changes in {seconds:.1f} s; good and failed uses of each: {results}")
    check(all(good for good, _ in results), f"every one has read something: {results}")
    eventually(lambda: set(common.tree(at)) == set(world.host.view("acme")), "the last view")
    for edit in edits:
        world.host.call("revoke", edit, "acme")
    eventually(lambda: common.tree(at) == {}, "nothing at the end")


if __name__ == "__main__":
    common.run(test)
