"""Who may read below ShotLocker/, but not all media, gets of edits' files none that names a hidden
one: no report with it as a candidate, nothing of an earlier version that had it, nothing of a removed
edit."""

import json

import common
from common import check

READER = [{"principalType": "USER", "principal": "acme", "accessTypes": ["read"]}]
SECRET = "secret"


def told(world):
    """The keys that acme sees whose name or content speaks of what is hidden."""
    keys = [k for k in world.host.view("acme") if not k.endswith("/") and not k.startswith("edits/")]
    return [k for k in keys if SECRET in k or SECRET.encode() in world.lake.get(k)]


def files(world, edit):
    return [k for k in world.host.view("acme") if edit in k and not k.endswith("/")]


def test(world):
    host = world.host
    world.ready("show/one.mov", "show/dup.mov", "secret/two.mov", "secret/dup.mov")
    host.run("acl", "set", "/", "-", stdin=json.dumps(READER))
    edit, _ = world.edit("show/one.mov", "secret/two.mov")
    tied = host.json("conform", world.timeline_of_urls(["file:///x/dup.mov"], "tied"), status=4)
    host.run("scan")
    check(tied["results"] in told(world), "without a guard the report is read")
    host.run("protect", "set", "secret/", "team")
    check(not told(world), f"a guarded candidate: {told(world)}")
    check(tied["manifest"] in files(world, tied["edit"]), "the manifest names none")
    host.run("conform", world.timeline(["show/one.mov"]), "--update", edit)
    host.run("scan")
    check(not told(world), f"an earlier version: {told(world)}")
    check(any("/v2/" in k for k in files(world, edit)), "the present version is read")
    host.run("edit", "remove", edit)
    host.run("scan")
    check(not told(world), f"a removed edit: {told(world)}")


if __name__ == "__main__":
    common.run(test, mounts=False)
