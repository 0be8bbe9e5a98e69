"""A grant or ACL for a group or role reaches the mounts of its members, and leaving the group takes
it away from a running mount; on a mount of one principal and on a shared one."""

import json
import os

import common
from common import check, equal, eventually

ACME, RIVAL = 61001, 61002
BY_GROUP, BY_ROLE, BY_ACL = "show/a.mov", "show/b.mov", "docs/c.txt"


def people(world, acme):
    """Writes the principals file at once; acme has what is given."""
    users = [dict({"id": "acme", "uid": ACME}, **acme), {"id": "rival", "uid": [RIVAL, RIVAL + 1]}]
    text = json.dumps({"users": users, "groups": [{"id": "vendors", "members": ["rival"]}]})
    os.replace(world.write("principals.new", text), world.path("principals.json"))
    return ["--principals", world.path("principals.json")]


def seen(at):
    return [k for k in (BY_GROUP, BY_ROLE, BY_ACL) if common.errno_of(os.stat, f"{at}/{k}") == 0]


def shows(at, uid, *keys):
    """Waits until these, and no other of the three, are there for the uid."""
    eventually(lambda: common.as_uid(uid, seen, at) == list(keys), f"uid {uid} sees {keys} at {at}")


def test(world):
    world.ready(BY_GROUP, BY_ROLE, BY_ACL)
    group, _ = world.edit(BY_GROUP)
    role, _ = world.edit(BY_ROLE)
    world.grant(group, "group:vendors")
    world.grant(role, "role:viewer")
    entry = [{"principalType": "GROUP", "principal": "vendors", "accessTypes": ["read"]}]
    world.host.run("acl", "set", "docs", "-", stdin=json.dumps(entry))

    options = people(world, {"groups": ["vendors"], "roles": ["viewer"]})
    at, shared = world.mount("acme", *options), world.mount_per_caller(*options)
    for where, uid in ((at, 0), (shared, ACME)):
        shows(where, uid, BY_GROUP, BY_ROLE, BY_ACL)
    for uid in (RIVAL, RIVAL + 1):
        shows(shared, uid, BY_GROUP, BY_ACL)
    equal(os.getxattr(f"{at}/{BY_GROUP}", "user.shotlake.edits").decode(), group, "the edits")

    people(world, {"roles": ["viewer"]})
    for where, uid in ((at, 0), (shared, ACME)):
        shows(where, uid, BY_ROLE)
    shows(shared, RIVAL, BY_GROUP, BY_ACL)
    world.host.run("revoke", role, "role:viewer")
    for where, uid in ((at, 0), (shared, ACME)):
        shows(where, uid)
    world.write("principals.json", "{ this is not JSON")
    eventually(lambda: common.as_uid(RIVAL, common.errno_of, os.stat,
                                     f"{shared}/{BY_GROUP}") != 0,
               "a principals file that cannot be read grants nothing")
    people(world, {"groups": ["vendors"]})
    shows(at, 0, BY_GROUP, BY_ACL)
    shows(shared, RIVAL, BY_GROUP, BY_ACL)
    check(common.as_uid(0, os.listdir, shared) == [], "root sees nothing on the shared mount")


if __name__ == "__main__":
    common.run(test)
