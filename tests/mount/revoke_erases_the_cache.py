"""What a principal loses goes from the cache on disk: at once on a running mount, and when the next
daemon starts where none ran.  What somebody else on the host may see stays."""

import datetime
import time

import cached
import common
from common import check, equal, eventually

SIZE = cached.MIB
HEADER, ENTRY = 4096, 64  # of the table; no more than an entry has
LOST, KEPT, OTHER, BRIEF = "show/lost.mov", "show/kept.mov", "show/bravo.mov", "show/brief.mov"


def objects(world):
    return cached.holds(world)["objects"]


def becomes(world, n, what):
    eventually(lambda: objects(world) == n, f"{what}: {objects(world)} objects, not {n}")


def fetched_of(world, at, key):
    """How many bytes of an object the store is asked for."""
    before = cached.figures(world, at)[0]
    cached.read_all(at, [key], SIZE)
    return cached.figures(world, at)[0] - before


def first_difference(old, new, start):
    return next(i for i in range(start, len(old)) if old[i] != new[i])


def while_running(world, at, edit):
    table = world.path("cache", "table")
    before = common.read(table)
    cached.read_all(at, [LOST], SIZE)
    becomes(world, 3, "what acme read, too")
    held = common.read(table)
    entry = first_difference(before, held, HEADER)  # the entries with the keys come first
    check(any(held[entry:entry + ENTRY]), "there is an entry")
    world.host.run("revoke", edit, "acme")
    becomes(world, 2, "a revoke under a running mount")
    check(not any(common.read(table)[entry:entry + ENTRY]), "the object's key is overwritten")
    key = held[entry + ENTRY // 2:entry + ENTRY]
    check(all(key not in data for data in cached.files(world).values()), "it is nowhere else")
    world.grant(edit, "acme")
    eventually(lambda: common.errno_of(common.os.stat, f"{at}/{LOST}") == 0, "it is back")
    check(fetched_of(world, at, LOST) >= SIZE, "granted again, it is fetched again")
    becomes(world, 3, "it is there again")


def by_the_clock(world, at):
    edit, _ = world.edit(BRIEF, name="brief")
    end = datetime.datetime.fromtimestamp(int(time.time()) + 3, datetime.timezone.utc)
    world.grant(edit, "acme", until=end.isoformat().replace("+00:00", "Z"))
    eventually(lambda: common.errno_of(common.os.stat, f"{at}/{BRIEF}") == 0, "it is granted")
    cached.read_all(at, [BRIEF], SIZE)
    becomes(world, 4, "before the end of the grant")
    becomes(world, 3, "after it")


def without_a_daemon(world, at, edit):
    world.unmount(at)
    equal(objects(world), 3, "an unmount erases nothing")
    world.host.run("revoke", edit, "acme")
    equal(objects(world), 3, "nobody is there to erase")
    at = world.mount("acme", *cached.option(world))
    becomes(world, 2, "when a daemon starts")
    equal(fetched_of(world, at, KEPT), 0, "bytes of what was not lost")


def test(world):
    world.ready(LOST, KEPT, OTHER, BRIEF, size=SIZE)
    edit, _ = world.granted("acme", LOST)
    world.granted("acme", KEPT)
    world.granted("bravo", OTHER)
    cache = cached.option(world, cache_size="64M")
    bravo = world.mount("bravo", *cache)
    cached.read_all(bravo, [OTHER], SIZE)
    becomes(world, 1, "what bravo read")
    eventually(lambda: b"bravo" in common.read(world.path("cache", "keep")), "bravo is noted")
    world.unmount(bravo)

    at = world.mount("acme", *cache)
    cached.read_all(at, [KEPT], SIZE)
    becomes(world, 2, "what acme read")
    while_running(world, at, edit)
    by_the_clock(world, at)
    without_a_daemon(world, at, edit)
    bravo = world.mount("bravo", *cache)
    equal(fetched_of(world, bravo, OTHER), 0, "bytes of what bravo may still see")


if __name__ == "__main__":
    common.run(test)
