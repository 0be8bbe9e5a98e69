"""Watchers that are killed at any point, on one host and on another, and started again: in the end
every cut is one edit, none is lost and none is there twice."""

import os
import random
import time

import common
import watchers
from common import check, equal
from watchers import Watcher, cut, drop, report

KEYS = [f"show/s{i}.mov" for i in range(30)]
ROUNDS = 11  # with two cuts each: what one tag can name


def put_cuts(world, path, name):
    drop(f"{path}/{name}.otio", cut(world, KEYS, name))
    world.lake.put(f"{watchers.INBOX}in {name}.otio", cut(world, KEYS, f"in {name}"))


def kill_some(world, path, options, hosts, rng):
    """Each round drops two cuts and kills a watcher at some moment; returns those that live."""
    began = time.monotonic()
    put_cuts(world, path, "cut0")
    world.host.run("watch", *options, "--once")
    takes, hits, steady = time.monotonic() - began, 0, None
    for number in range(1, ROUNDS):
        put_cuts(world, path, f"cut{number}")
        watcher = Watcher(world, *options, host=hosts[0])
        if number == ROUNDS - 3:  # from now on one of another host lives through it
            steady = Watcher(world, *options, host=hosts[1])
        time.sleep(takes * rng.uniform(0, 1.2))
        watcher.kill()
        hits += bool(world.lake.keys(watchers.CLAIMS))
    print(f"{hits} of {ROUNDS - 1} were killed while they held a cut")
    return steady, Watcher(world, *options, host=hosts[0])


def check_folder(path, names):
    for name in names:
        text = report(path, name + ".otio")
        check("exit status 0: " in text, text)
    equal(os.listdir(f"{path}/failed"), [], "failed cuts")
    equal(sorted(os.listdir(f"{path}/done")), sorted(n + ".otio" for n in names), "done")


def check_inbox(world, names):
    left = [k for k in world.lake.keys(watchers.INBOX)
            if k.count("/") == 2 and not k.endswith(".report.txt")]
    equal(left, [], "cuts that are still in the inbox")
    equal(world.lake.keys(watchers.INBOX + "done/"),
          sorted(f"{watchers.INBOX}done/in {n}.otio" for n in names), "done in the lake")


def test(world):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    world.ready(*KEYS, size=300)
    path = watchers.folder(world)
    hosts = [world.host, world.another_host()]
    options = (path, "--lake-inbox", "--settle", "0", "--lease", "2")
    steady, last = kill_some(world, path, options, hosts, random.Random(seed))

    names = [f"cut{i}" for i in range(ROUNDS)]
    watchers.wait_for([f"{path}/done/{n}.otio" for n in names], last, seconds=90)
    for name in names:
        watchers.wait_for_object(world, f"{watchers.INBOX}done/in {name}.otio", last)
    last.end()
    steady.end()
    every = names + [f"in {n}" for n in names]
    had = watchers.edits(world)
    equal({n: had.get(n, 0) for n in every}, {n: 1 for n in every}, f"edits, seed {seed}")
    check_folder(path, names)
    check_inbox(world, names)
    equal(world.host.json("status")["untagged"], [], "edits without all of their tags")
    for key in KEYS:
        equal(len(set(world.lake.tags(key))), len(every), f"edits of '{key}' by its tags")
    world.host.run("ledger", "verify")


if __name__ == "__main__":
    common.run(test, mounts=False)
