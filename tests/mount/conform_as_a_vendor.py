"""A conform in the name of a principal takes only media that it may read: what it may not answers
like what is not there, in every rule of matching, report, exit status and stored file; it owns the
edit, can bring its access list, and needs the roles for all of that."""

import json
import os
import shutil

import common
from common import check, equal

SEEN = "open/a.mov"
HIDDEN = ["vault/b.mov", "vault/plate.1001.exr", "vault/plate.1002.exr", "vault/tied.mov",
          "open/c.mxf"]
ROLES = ["viewer", "asset_write", "timespan_write", "access_write"]


def cut(world):
    """A name, a path, an address, a sequence, a tie, a stem and another extension."""
    return world.timeline_of_urls([
        world.lake.address(SEEN), "file:///x/b.mov", "file:///x/vault/b.mov",
        world.lake.address("vault/b.mov"), "file:///x/plate.%5B1001-1002%5D.exr",
        "file:///x/tied.mov", "file:///x/c.mov"])


def neutral(text, edit):
    return text.replace(edit, "EDIT")


def report(world, host, acting, path, extra=()):
    done = host.call("--json", "conform", path, *acting, *extra)
    check(done.returncode == 3, f"status {done.returncode}: {done.stderr}")
    out = json.loads(done.stdout)
    results = world.lake.get(out["results"]).decode()
    studio = world.lake.get(out["studio"]).decode()
    return out, [neutral(t, out["edit"]) for t in (done.stdout, done.stderr, results, studio)]


def test(world):
    people = world.write("principals.json", json.dumps({"users": [
        {"id": "vendor", "roles": ["ingest"]}, {"id": "plain"}]}))
    acting = ["--principals", people, "--act-as", "vendor"]
    host = world.host
    world.ready(SEEN, "other/tied.mov", *HIDDEN)
    host.run("role", "set", "ingest", *ROLES)
    for path in (SEEN, "other/tied.mov"):
        world.acl(path, "vendor")
    timeline = cut(world)

    before = len(host.json("ledger"))
    files = world.lake.keys("ShotLocker/")
    done = host.call("conform", timeline, "--principals", people, "--act-as", "plain")
    check(done.returncode == 6 and "asset_write" in done.stderr, f"a viewer: {done.stderr}")
    equal((len(host.json("ledger")), world.lake.keys("ShotLocker/")), (before, files),
          "what a refused conform left")

    out, hidden = report(world, host, acting, timeline)
    equal([f["key"] for f in out["found"]], [SEEN, "other/tied.mov"], "what it may read")
    equal(out["ambiguous"], [], "a tie with what is hidden is none")
    shown = host.json("edit", "show", out["edit"])
    equal((shown["owner"], shown["actor"]), ("user:vendor", "user:vendor"), "who ingested it")
    check(not set(shown["keys"]) & set(HIDDEN), "no hidden object is in the edit")
    plan = host.call("conform", timeline, "--dry-run", *acting)

    for key in HIDDEN:
        world.lake.remove(key)
    host.run("scan")
    _, absent = report(world, host, acting, timeline)
    for name, one, other in zip(("report", "stderr", "results", "studio"), hidden, absent):
        equal(one, other, f"{name}: hidden against absent")
    again = host.call("conform", timeline, "--dry-run", *acting)
    equal((plan.returncode, plan.stdout, plan.stderr),
          (again.returncode, again.stdout, again.stderr), "a dry run: hidden against absent")

    access(world, acting)
    watching(world, acting)


def access(world, acting):
    host = world.host
    acl = world.write("acl.json", json.dumps(
        [{"principalType": "USER", "principal": "carl", "accessTypes": ["read"]}]))
    one = world.timeline([SEEN], name="one")
    edit = host.json("conform", one, "--access", acl, *acting)["edit"]
    equal(host.json("acl", "show", f"edit:{edit}")[0]["principal"], "carl", "its access list")
    check(SEEN in host.view("carl"), "which gives its media")
    host.run("grant", edit, "dora", "--until", common.FOREVER, *acting)
    host.run("conform", one, "--update", edit, *acting)
    equal(host.json("edit", "show", edit)["version"], 2, "its owner updates it")
    other, _ = world.edit(SEEN, name="studio's")
    for words in (["conform", one, "--update", other], ["grant", other, "dora", "--until",
                                                        common.FOREVER]):
        host.run(*words, *acting, status=6)
    host.run("conform", one, "--update", edit, "--dry-run", *acting, status=2)
    host.run("conform", one, "--access", world.write("bad.json", "{}"), *acting, status=1)
    host.run("role", "set", "ingest", *ROLES[:-1])
    files = world.lake.keys("ShotLocker/")
    host.run("conform", one, "--access", acl, *acting, status=6)
    equal(world.lake.keys("ShotLocker/"), files, "what a refused access list left")


def watching(world, acting):
    inbox = world.path("inbox")
    os.mkdir(inbox)
    shutil.copy(world.timeline([SEEN], name="dropped"), inbox)
    world.host.run("watch", inbox, "--once", "--settle", "0", *acting)
    edits = {e["name"]: e["owner"] for e in world.host.json("edit", "list")}
    equal(edits["dropped"], "user:vendor", "the owner of a watched cut")
    shutil.copy(world.timeline([SEEN], name="refused"), inbox)
    world.host.run("watch", inbox, "--once", "--settle", "0", *acting[:-1], "plain", status=1)
    check("not allowed" in common.read(f"{inbox}/refused.otio.report.txt").decode(), "the report")


if __name__ == "__main__":
    common.run(test, mounts=False)
