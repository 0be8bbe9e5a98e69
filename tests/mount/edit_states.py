"""edit disable takes what an edit shows from a running mount, its tags too, and enable gives it
back; remove ends it and its grants for good, while its files stay in the lake and its log can be
read; another edit of the same object goes on."""

import os

import common
from common import check, equal, eventually

ONE, BOTH = "show/one.mov", "show/both.mov"


def there(at, key, is_there):
    eventually(lambda: (common.errno_of(os.stat, f"{at}/{key}") == 0) == is_there,
               f"{key} is {'' if is_there else 'not '}there")


def test(world):
    world.ready(ONE, BOTH)
    edit, manifest = world.edit(ONE, BOTH)
    other, _ = world.edit(BOTH, name="other")
    at = world.mount("acme")
    world.grant(edit, "acme")
    world.grant(other, "acme")
    there(at, ONE, True)

    world.host.run("edit", "disable", edit)
    there(at, ONE, False)
    there(at, BOTH, True)
    equal(os.listdir(f"{at}/edits"), [f"other-{other}"], "the folders of edits")
    equal(world.lake.tags(ONE), [], "the tags of a disabled edit's object")
    equal(world.lake.tags(BOTH), [other], "the tags of an object of another edit too")
    check("the edit is disabled" in world.host.run("explain", "acme", ONE), "explain says why not")
    equal(world.host.json("who", ONE), [], "who sees it")
    world.host.run("edit", "disable", edit, status=1)
    done = world.host.call("grant", edit, "bravo", "--until", common.FOREVER)
    check(done.returncode == 0 and "disabled" in done.stderr, f"a grant says: {done.stderr}")
    equal(world.host.view("bravo"), [], "what a grant to a disabled edit gives")
    states = {e["edit"]: (e["state"], e["version"]) for e in world.host.json("edit", "list")}
    equal(states, {edit: ("disabled", 1), other: ("enabled", 1)}, "the list")

    world.host.run("edit", "enable", edit)
    there(at, ONE, True)
    equal(sorted(world.lake.tags(BOTH)), sorted([edit, other]), "the tags after enable")
    check(ONE in world.host.view("bravo"), "the grant that rested holds now")

    said = world.host.run("edit", "remove", edit)
    check("files stay in the lake" in said, f"remove says: {said}")
    there(at, ONE, False)
    there(at, BOTH, True)
    equal(os.listdir(f"{at}/edits"), [f"other-{other}"], "the folders of edits")
    equal(world.lake.tags(ONE), [], "the tags of a removed edit's object")
    equal(world.lake.tags(BOTH), [other], "the tags of an object of another edit too")
    check(manifest in world.lake.keys("ShotLocker/"), "the manifest is in the lake")
    equal([e["edit"] for e in world.host.json("edit", "list")], [other], "the list")
    for words in (["edit", "show", edit], ["edit", "enable", edit], ["edit", "remove", edit],
                  ["grant", edit, "acme", "--until", common.FOREVER], ["revoke", edit, "acme"],
                  ["conform", world.timeline([ONE]), "--update", edit]):
        world.host.run(*words, status=5)
    ops = [r["op"] for r in world.host.json("edit", "log", edit)]
    equal([op for op in ops if op != "tagged"],
          ["edit", "grant", "disable", "grant", "enable", "remove"], "the log")
    there(at, BOTH, True)


if __name__ == "__main__":
    common.run(test)
