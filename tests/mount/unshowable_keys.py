"""Keys that cannot be a path are in no view, also below an ACL of everything, and `scan` lists each
with its reason; their neighbours are shown as if they were not there."""

import os

import common
from common import check, equal

GOOD = ["show/good.mov", "show/both/below.mov", "show/also.mov", "a/b/c.mov"]
BAD_ON_S3 = ["show//empty.mov", "/leading.mov", "show/./dot.mov", "show/../dots.mov", "..", ".",
             "show/folder/", "show/" + "l" * 256, "show/both", "a", "//", "show/trail//"]


def name_that_is_not_utf8(world):
    """The one kind that a directory can hold.  JSON cannot: a warning lists it."""
    name = os.fsencode(world.lake.path("show")) + b"/\xff\xfe.mov"
    with open(name, "wb") as f:
        f.write(b"x")
    world.host.run("init")
    done = world.host.call("scan")
    check("not UTF-8" in done.stderr and done.returncode == 0, f"scan: {done}")


def test(world):
    world.put(*GOOD)
    bad = 0
    if common.kind() == "s3":
        world.put(*BAD_ON_S3)
        bad = len(BAD_ON_S3)
    else:
        name_that_is_not_utf8(world)
    world.host.run("init")
    hidden = world.host.json("scan")["hidden"]
    equal(len(hidden), bad, f"hidden keys: {hidden}")
    check(all(h["reason"] for h in hidden), f"each has a reason: {hidden}")
    if common.kind() == "s3":
        equal(sorted(h["key"] for h in hidden), sorted(BAD_ON_S3), "hidden keys")
    equal(world.host.json("scan")["hidden"], hidden, "a second scan lists them again")
    if bad:
        text = world.host.run("scan")
        check(f"{bad} keys cannot be shown" in text, text)

    world.acl("/", "acme")
    at = world.mount("acme")
    equal(set(common.tree(at)), common.with_parents(GOOD), "the tree")
    equal(set(world.host.view("acme")), common.with_parents(GOOD), "the view")
    for key in GOOD:
        equal(common.read(f"{at}/{key}"), common.content(key, 5000), f"bytes of {key}")

    if common.kind() == "s3":
        world.lake.remove("show/both/below.mov")
        world.host.run("scan")
        common.eventually(lambda: common.errno_of(os.listdir, f"{at}/show/both") == 20,
                          "the object is shown once nothing is below it")
        equal(common.read(f"{at}/show/both"), common.content("show/both", 5000), "its bytes")


if __name__ == "__main__":
    common.run(test)
