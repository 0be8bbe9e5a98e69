"""Every change of policy or lake reaches a running mount: a grant, an ACL and its end, new objects
below an ACL, a changed and a removed object; also names that were looked up in vain before."""

import os

import common
from common import check, equal, eventually

KEY, IN_ACL, NEW = "show/a.mov", "docs/notes.txt", "docs/deep/new.txt"


def tries(at):
    """Looks names up that are not there yet, so that the kernel might keep their absence."""
    return [common.errno_of(os.stat, f"{at}/{k}") for k in (KEY, IN_ACL, NEW, "show", "docs")]


def shows(world, at, what):
    eventually(lambda: set(common.tree(at)) == set(world.host.view("acme")), what)


def test(world):
    world.ready(KEY, IN_ACL)
    edit, manifest = world.edit(KEY)
    at = world.mount("acme")
    check(all(tries(at)), "nothing is there")
    equal(common.tree(at), {}, "an empty view")

    world.grant(edit, "acme")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{KEY}") == 0, "the granted name")
    equal(set(common.tree(at)), common.with_parents([KEY, *common.made_of(manifest)]) |
          common.folder_of_edit(edit, manifest, [KEY]), "the tree")
    tries(at)
    world.acl("docs", "acme")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{IN_ACL}") == 0, "the name below the ACL")
    tries(at)
    world.put(NEW)
    world.host.run("scan")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{NEW}") == 0, "a new object below it")
    shows(world, at, "the tree with all three")
    equal(common.read(f"{at}/{NEW}"), common.content(NEW, 5000), "its bytes")

    world.lake.put(NEW, b"other bytes")
    world.host.run("scan")
    eventually(lambda: os.stat(f"{at}/{NEW}").st_size == 11, "the size of the changed object")
    equal(common.read(f"{at}/{NEW}"), b"other bytes", "the bytes of the changed object")
    world.lake.remove(NEW)
    world.host.run("scan")
    eventually(lambda: common.errno_of(os.stat, f"{at}/{NEW}") != 0, "a removed object")
    check(common.errno_of(os.stat, f"{at}/docs/deep") != 0, "and its directory")
    world.acl("docs")
    eventually(lambda: common.errno_of(os.stat, f"{at}/docs") != 0, "the end of the ACL")
    shows(world, at, "the tree at the end")


if __name__ == "__main__":
    common.run(test)
