"""On a mount that all callers share, no system call tells a hidden path from an absent one, even
while another caller, who may see the path, has just used it and holds it open."""

import os

import calls
import common
import scene
from common import check

ACME, RIVAL, STRANGER = 61001, 61002, 61003


def hold(folder, paths):
    """What the other vendor does: lists, stats and opens all of its own."""
    for path in paths:
        full = os.path.join(folder, path)
        os.listdir(os.path.dirname(full))
        os.stat(full)
        os.read(os.open(full, os.O_RDONLY), 100)
    return len(paths)


def test(world):
    pairs = scene.make(world)
    people = world.principals(acme=ACME, rival=RIVAL)
    at = world.mount_per_caller(*people)
    found = []
    with common.Helper(ACME) as acme, common.Helper(RIVAL) as rival:
        rival.call(hold, at, scene.RIVAL)
        check(acme.call(calls.differences, f"{at}/{scene.ACME[0]}", f"{at}/absent"),
              "the probes tell something")
        for hidden, absent in pairs:
            rival.call(hold, at, scene.RIVAL)
            found += acme.call(calls.differences, f"{at}/{hidden}", f"{at}/{absent}")
    check(not found, f"{len(found)} calls tell hidden from absent:\n" + "\n".join(found[:40]))
    for uid in (STRANGER, 0):
        with common.Helper(uid) as helper:
            for hidden, absent in ((scene.ACME[0], "show/sh010/plate.9999.exr"),
                                   ("top.mov", "tox.mov"), ("show", "shox")):
                found += helper.call(calls.differences, f"{at}/{hidden}", f"{at}/{absent}")
    check(not found, f"{len(found)} calls tell a stranger what is there:\n" + "\n".join(found[:40]))


if __name__ == "__main__":
    common.run(test)
