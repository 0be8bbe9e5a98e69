"""A mount that all callers share shows each uid its own tree, and an unmapped uid and root an empty
root; a change of the principals file is taken up."""

import json
import os

import common
import scene
from common import check, equal, eventually

ACME, RIVAL, STRANGER = 61001, 61002, 61003


def edit_of(world, name):
    return next(e["edit"] for e in world.host.json("edit", "list") if e["name"] == name)


def test(world):
    scene.make(world)
    people = world.principals(acme=ACME, rival=RIVAL)
    at = world.mount_per_caller(*people)
    for round_ in range(2):
        for uid, name in ((ACME, "acme"), (STRANGER, None), (RIVAL, "rival"), (0, None)):
            want = set(world.host.view(name)) if name else set()
            equal(set(common.as_uid(uid, common.tree, at)), want, f"round {round_}: tree of {uid}")
            vfs = common.as_uid(uid, os.statvfs, at)
            equal(vfs.f_files, len(want) + 1, f"round {round_}: statfs of {uid}")
    for uid, own in ((ACME, scene.ACME), (RIVAL, scene.RIVAL)):
        for key in own:
            equal(common.as_uid(uid, common.read, f"{at}/{key}"), common.content(key, 5000), key)

    world.host.run("revoke", edit_of(world, "cut of acme"), "acme")
    eventually(lambda: common.as_uid(ACME, common.tree, at) == {}, "the revoke reaches one uid")
    equal(set(common.as_uid(RIVAL, common.tree, at)), set(world.host.view("rival")), "the other")

    world.write("principals.json.new", json.dumps({"users": [{"id": "rival", "uid": STRANGER}]}))
    os.rename(world.path("principals.json.new"), world.path("principals.json"))
    eventually(lambda: common.as_uid(RIVAL, common.tree, at) == {}, "a uid is taken from its user")
    equal(set(common.as_uid(STRANGER, common.tree, at)), set(world.host.view("rival")), "the new")
    check(os.listdir(at) == [], "root sees nothing")


if __name__ == "__main__":
    common.run(test)
