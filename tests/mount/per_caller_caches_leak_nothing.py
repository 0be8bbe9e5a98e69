"""On a shared mount nothing that the kernel keeps for one uid reaches another: no name, attribute,
page or listing, also under constant use by the first; and a miss by one uid hides nothing."""

import os
import time

import common
import scene
from common import check, equal

ACME, RIVAL, STRANGER = 61001, 61002, 61003
SECONDS = 3


def use(top, keys, seconds):
    """Lists, stats and reads all the time; returns how often, having checked every byte."""
    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end or rounds == 0:
        for key in keys:
            path = f"{top}/{key}"
            check(os.path.basename(key) in os.listdir(os.path.dirname(path)), f"lists {key}")
            equal(os.stat(path).st_size, 5000, f"size of {key}")
            equal(common.read(path), common.content(key, 5000), f"bytes of {key}")
        rounds += 1
    return rounds


def spy(top, keys, seconds):
    """How often anything of the other's was there, in how many tries."""
    end, tries, leaks = time.monotonic() + seconds, 0, []
    while time.monotonic() < end or tries == 0:
        for key in keys:
            path = f"{top}/{key}"
            tries += 1
            for function in (os.stat, os.listxattr, _open_path, _open):
                try:
                    leaks.append((function.__name__, key, str(function(path))))
                except FileNotFoundError:
                    continue
                except OSError as error:
                    leaks.append((function.__name__, key, str(error)))
        names = set(common.tree(top))
        leaks += [("listing", k, "") for k in names & set(keys)]
    return tries, leaks[:10]


def _open_path(path):
    os.close(os.open(path, os.O_PATH))
    return "opened"


def _open(path):
    os.close(os.open(path, os.O_RDONLY))
    return "opened"


def test(world):
    scene.make(world)
    at = world.mount_per_caller(*world.principals(acme=ACME, rival=RIVAL))
    with common.Helper(ACME) as acme, common.Helper(RIVAL) as rival, \
            common.Helper(STRANGER) as stranger:
        # A miss first: it must not hide the file from whoever may see it.
        equal(rival.call(spy, at, scene.ACME, 0)[1], [], "what the other finds at first")
        acme.call(use, at, scene.ACME, 0)
        equal(rival.call(spy, at, scene.ACME, 0)[1], [], "what the other finds afterwards")

        acme.start(use, at, scene.ACME, SECONDS)
        rival.start(spy, at, scene.ACME, SECONDS)
        stranger.start(spy, at, scene.ACME + scene.RIVAL, SECONDS)
        tries, leaks = rival.answer()
        more, more_leaks = stranger.answer()
        rounds = acme.answer()
        equal(leaks + more_leaks, [], "what was found during use")
        print(f"{tries + more} tries while the owner went {rounds} rounds: nothing leaked")


if __name__ == "__main__":
    common.run(test)
