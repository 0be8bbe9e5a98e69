"""Two edits of one name, from files of one name, are two edits: each has its own id, files, tags
and grants, and taking one back leaves the other."""

import os

import common
from common import check, equal

FIRST, SECOND, BOTH = "show/first.mov", "show/second.mov", "show/both.mov"


def test(world):
    world.ready(FIRST, SECOND, BOTH)
    one, manifest_one = world.edit(FIRST, BOTH, name="R1 v05")
    two, manifest_two = world.edit(SECOND, BOTH, name="R1 v05")
    again, _ = world.edit(SECOND, BOTH, name="R1 v05")
    equal(len({one, two, again}), 3, "ids")
    check(manifest_one != manifest_two, "a manifest each")
    listed = world.host.json("edit", "list")
    equal(sorted(e["edit"] for e in listed), sorted([one, two, again]), "edit list")
    equal({e["name"] for e in listed}, {"R1 v05"}, "their names")
    equal(world.lake.tags(FIRST), [one], "tags")
    equal(sorted(world.lake.tags(BOTH)), sorted([one, two, again]), "tags of what all use")

    world.grant(one, "acme")
    world.grant(two, "acme")
    at = world.mount("acme")
    for key in (FIRST, SECOND, BOTH, manifest_one, manifest_two):
        equal(len(common.read(f"{at}/{key}")), os.stat(f"{at}/{key}").st_size, key)
    world.host.run("revoke", one, "acme")
    common.eventually(lambda: not os.path.exists(f"{at}/{FIRST}"), "the revoke of one arrives")
    for key in (SECOND, BOTH, manifest_two):
        check(os.path.exists(f"{at}/{key}"), f"{key} stays")
    check(not os.path.exists(f"{at}/{manifest_one}"), "its manifest went with it")


if __name__ == "__main__":
    common.run(test)
