"""Inode numbers do not count the lake: those of adjacent keys are unrelated and in no order, yet
stable over remounts and equal on another host."""

import os

import common
from common import check, equal

KEYS = [f"show/plates/frame.{n:04}.exr" for n in range(60)] + [f"show/d{n:02}/x" for n in range(20)]


def numbers(top):
    found = {".": os.stat(top).st_ino}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = os.lstat(path).st_ino
    return found


def listed_numbers(top):
    """The same as readdir(3) gives them."""
    found = {}
    for folder, _, _ in os.walk(top):
        with os.scandir(folder) as entries:
            found.update({os.path.relpath(e.path, top): e.inode() for e in entries})
    return found


def test(world):
    world.ready(*KEYS, size=10)
    world.granted("acme", *KEYS)
    at = world.mount("acme")
    first = numbers(at)
    equal(len(set(first.values())), len(first), "different numbers")
    equal({p: n for p, n in first.items() if p != "."}, listed_numbers(at), "of readdir and stat")

    in_order = [first[k] for k in KEYS[:60]]
    steps = [abs(b - a) for a, b in zip(in_order, in_order[1:])]
    check(min(steps) > 1 << 32, f"adjacent keys have numbers {min(steps)} apart")
    rising = sum(a < b for a, b in zip(in_order, in_order[1:]))
    check(5 < rising < 54, f"{rising} of 59 steps rise: the numbers follow the keys")
    check(max(in_order) > 1 << 60, f"the numbers are small: {max(in_order)}")
    low_bits = {n % 64 for n in in_order}
    check(len(low_bits) > 16, f"the low bits repeat: {sorted(low_bits)}")

    world.unmount(at)
    equal(numbers(world.mount("acme")), first, "numbers after a remount")
    elsewhere = world.mount("acme", name="elsewhere", host=world.another_host())
    equal(numbers(elsewhere), first, "numbers on another host")
    world.acl("/", "rival")
    rival = numbers(world.mount("rival"))
    shared = {p: n for p, n in first.items() if p.split("/")[0] != "edits"}
    equal({p: n for p, n in rival.items() if p in first}, shared, "numbers in another's view")


if __name__ == "__main__":
    common.run(test)
