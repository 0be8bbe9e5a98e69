"""Who is refused a change learns nothing by the answer: neither that a hidden path is there, or is
not protected, nor whom another's edit is granted to or in what state it is, nor that a directory has
access groups of its own."""

import json

import common
from common import equal

SEEN, HIDDEN, ABSENT = "show/seen.mov", "vault/hidden.mov", "vault/absent.mov"


def prepare(world):
    path = world.write("people.json", json.dumps({"users": [{"id": "ed", "roles": ["administrator"]}]}))
    world.ready(SEEN, HIDDEN)
    world.acl(SEEN, "ed")
    world.host.run("group", "set", "vault#nda", "-", stdin='{"users": ["carl"]}')
    return ["--principals", path, "--act-as", "ed"]


def test(world):
    acting = prepare(world)
    edit, _ = world.edit(HIDDEN)
    other, _ = world.edit(HIDDEN, name="other")
    world.grant(edit, "carl")
    world.host.run("edit", "disable", other)

    def alike(what, status, *cases, stdin=None):
        """Every case is (words, what of the answer is its own)."""
        said = []
        for words, own in cases:
            done = world.host.call(*words, *acting, stdin=stdin)
            said.append((done.returncode, done.stdout, done.stderr.replace(own, "OWN")))
        for answer in said:
            equal(answer, said[0], what)
        equal(said[0][0], status, f"the status: {what}")

    paths = (HIDDEN, ABSENT, "vault/", "absent/")
    for words in (["protect", "clear"], ["class", "clear"]):
        alike(words, 5, *(([*words, path], path) for path in paths))
    alike("whom an edit is granted to", 6, *((["revoke", edit, who], edit) for who in ("carl", "dora")))
    for verb in ("disable", "enable"):
        alike(f"the state of an edit, {verb}", 6, *((["edit", verb, id], id) for id in (edit, other)))
    alike("groups of a directory", 6, *((["group", "set", f"{site}#nda", "-"], f"{site}#nda")
                                        for site in ("vault", "absnt")), stdin="{}")
    alike("groups to take away", 6, *((["group", "clear", f"{site}#nda"], f"{site}#nda")
                                      for site in ("vault", "absnt")))
    done = world.host.call("protect", "clear", SEEN, *acting)
    equal(done.returncode, 6, f"what is seen, and may not be changed: {done.stderr}")


if __name__ == "__main__":
    common.run(test, mounts=False)
