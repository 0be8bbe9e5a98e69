"""Size, time and extended attributes of a visible object are the store's; user.shotlake.edits names
only edits that the caller holds now; there are no other attributes, on files or directories."""

import errno
import os
import stat

import common
from common import check, equal, eventually

KEY, PLAIN = "show/a b+ü.mov", "show/acl.txt"
SIZES = {"show/empty.txt": 0, "show/one.bin": 1, "show/page.bin": 4096, "show/odd.bin": 4097}


def xattrs(path):
    return {n: os.getxattr(path, n).decode() for n in sorted(os.listxattr(path))}


def edits(path):
    return sorted(filter(None, xattrs(path).get("user.shotlake.edits", "").split(":")))


def check_stat(at, key, size, mtime):
    st = os.stat(f"{at}/{key}")
    equal((st.st_size, st.st_mtime_ns), (size, mtime), f"size and time of {key}")
    check(stat.S_ISREG(st.st_mode) and st.st_mode & 0o222 == 0, f"mode of {key}")
    equal(st.st_nlink, 1, f"links of {key}")
    equal(st.st_blocks, -(-size // 512), f"blocks of {key}")


def test(world):
    for key, size in SIZES.items():
        world.put(key, size=size)
    world.ready(KEY, PLAIN)
    # Before conform: in some stores a new tag sets the time of an object anew.
    stored = {key: world.lake.size_and_mtime(key) for key in (KEY, PLAIN, *SIZES)}
    ours, _ = world.granted("acme", KEY, *SIZES)
    more, _ = world.edit(KEY, name="second")
    theirs, _ = world.granted("rival", KEY)
    world.edit(KEY, name="nobody's")
    world.acl(PLAIN, "acme")
    at = world.mount("acme")
    for key in (KEY, PLAIN, *SIZES):
        check_stat(at, key, *stored[key])
        equal(common.read(f"{at}/{key}"), common.content(key, SIZES.get(key, 5000)), key)

    got = xattrs(f"{at}/{KEY}")
    equal(sorted(got), [f"user.shotlake.{n}" for n in ("edits", "etag", "key")], "the attributes")
    equal(got["user.shotlake.key"], KEY, "the key")
    if common.kind() == "s3":
        equal(got["user.shotlake.etag"].strip('"'), world.lake.etag(KEY).strip('"'), "the ETag")
    equal(edits(f"{at}/{KEY}"), [ours], "the edits")
    check(not edits(f"{at}/{PLAIN}"), "edits of an object that an ACL gives")
    equal(xattrs(f"{at}/{PLAIN}")["user.shotlake.key"], PLAIN, "its key")
    for path in (at, f"{at}/show"):
        check(set(xattrs(path)) <= {"user.shotlake.key"}, f"attributes of {path}: {xattrs(path)}")
    equal(common.errno_of(os.getxattr, f"{at}/{KEY}", "user.ShotLockerAccess"), errno.ENODATA,
          "the tag itself")
    equal(edits(f"{world.mount('rival')}/{KEY}"), [theirs], "the edits as the other sees them")

    world.grant(more, "acme")
    eventually(lambda: edits(f"{at}/{KEY}") == sorted([ours, more]), "a second edit")
    world.host.run("revoke", ours, "acme")
    eventually(lambda: edits(f"{at}/{KEY}") == [more], "the first one is taken")


if __name__ == "__main__":
    common.run(test)
