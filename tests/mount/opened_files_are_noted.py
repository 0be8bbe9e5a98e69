"""An open is noted on its host: when a grant was last made use of, by the name that holds it, for
the review of grants; what is opened by no grant, or only listed, is not."""

import glob
import json
import os

import common
import scene
from common import check, equal, eventually

CAROL = 61003


def noted(world):
    """{principal: {edit: time}}, as the host has it."""
    paths = glob.glob(os.path.join(world.host.state, "*", "used.json"))
    return json.loads(common.read(paths[0])) if paths else {}


def test(world):
    scene.make(world)
    edits = {e["name"]: e["edit"] for e in world.host.json("edit", "list")}
    own, other = edits["cut of acme"], edits["cut of rival"]
    world.acl("vault/", "carol")
    world.grant(other, "group:vendors")
    users = [{"id": "carol", "uid": CAROL, "groups": ["vendors"]}]
    shared = world.mount_per_caller("--principals",
                                    world.write("people.json", json.dumps({"users": users})))
    at = world.mount("acme")

    check(len(common.tree(at)) > 0, "acme lists its tree")
    equal(common.as_uid(CAROL, common.read, f"{shared}/vault/x.exr"),
          common.content("vault/x.exr", 5000), "carol reads by an access list")
    before = int(os.stat(world.dir).st_ctime) - 600
    common.as_uid(CAROL, common.read, f"{shared}/{scene.RIVAL[0]}")
    eventually(lambda: noted(world).get("group:vendors", {}).get(other, 0) > before,
               "a grant of a group")
    equal(set(noted(world)), {"group:vendors"}, "who has opened something by a grant")

    common.read(f"{at}/{scene.ACME[0]}")
    world.unmount(at)  # what was not written down yet is now
    equal(set(noted(world)), {"group:vendors", "user:acme"}, "who has opened something by a grant")
    equal(set(noted(world)["user:acme"]), {own}, "the edits that acme has opened something of")


if __name__ == "__main__":
    common.run(test)
