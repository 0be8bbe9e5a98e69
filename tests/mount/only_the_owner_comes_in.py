"""A mount of one principal lets its owner in and the kernel refuses every other uid, root included,
whatever they try and without telling them a name."""

import errno
import os

import common
from common import check, equal

OWNER, OTHER = 61001, 61002
KEY = "show/a.mov"


def test(world):
    world.ready(KEY)
    world.granted("acme", KEY)
    at = world.mount("acme", "--owner", str(OWNER))
    equal(set(common.as_uid(OWNER, common.tree, at)), set(world.host.view("acme")), "the owner")
    equal(common.as_uid(OWNER, common.read, f"{at}/{KEY}"), common.content(KEY, 5000), "its bytes")
    equal(common.as_uid(OWNER, os.stat, f"{at}/{KEY}").st_uid, OWNER, "the owner of the files")
    for uid in (OTHER, 0):
        for what in (os.listdir, os.stat, os.listxattr):
            for path in (KEY, "show", "absent"):
                got = common.as_uid(uid, common.errno_of, what, f"{at}/{path}")
                equal(got, errno.EACCES, f"{what.__name__} of {path} by {uid}")
    check(world.host.json("status", at), "root may still ask for the status")

    roots = world.mount("acme", name="roots")
    equal(set(common.tree(roots)), set(world.host.view("acme")), "root's own mount")
    equal(common.as_uid(OTHER, common.errno_of, os.listdir, roots), errno.EACCES, "not for others")
    world.unmount(at)
    check(not common.is_mounted(at), "root unmounts it")


if __name__ == "__main__":
    common.run(test)
