"""Every verb that answers as JSON has the members that scripts depend on."""

import common
from common import check, equal

WORK = "show/sh010/plate.1001.exr"


def has(answer, what, **members):
    """The answer is an object with these members, of these types."""
    check(isinstance(answer, dict), f"{what}: not an object")
    for name, kind in members.items():
        check(name in answer, f"{what}: no {name!r} in {sorted(answer)}")
        check(isinstance(answer[name], kind), f"{what}: {name} is {answer[name]!r}")


def conformed(world):
    cut = world.timeline_of_urls([world.lake.address(WORK), "file:///x/absent.mov",
                                  "file:///x/twice.mov"])
    answer = world.host.json("conform", cut, "--name", "R1 \"v05\" ünï", status=4)
    has(answer, "conform", edit=str, name=str, clips=int, found=list, missing=list,
        ambiguous=list, objects=int, manifest=str, shots=str, studio=str, results=str)
    equal(answer["name"], "R1 \"v05\" ünï", "the edit's name")
    equal(answer["clips"], 3, "clips")
    equal(answer["objects"], 1, "objects")
    equal([(f["clip"], f["key"]) for f in answer["found"]], [("clip 0", WORK)], "found")
    equal([m["clip"] for m in answer["missing"]], ["clip 1"], "missing")
    equal([a["clip"] for a in answer["ambiguous"]], ["clip 2"], "ambiguous")
    return answer["edit"]


def decisions(world, edit):
    host = world.host
    shown = host.json("edit", "show", edit)
    has(shown, "edit show", edit=str, name=str, manifest=str, objects=int, grants=list, keys=list,
        shots=str, studio=str, results=str)
    equal(host.json("edit", "manifest", edit)["name"], "R1 \"v05\" ünï", "edit manifest")
    shots = host.json("edit", "shots", edit)
    equal([(s["clip"], s["plate"], s["objects"]) for s in shots], [("clip 0", WORK, "1")], "shots")
    check(WORK in shown["keys"], "edit show names the objects")
    equal([g["principal"] for g in shown["grants"]], ["user:acme"], "edit show: grants")
    equal([e["edit"] for e in host.json("edit", "list")], [edit], "edit list")
    explained = host.json("explain", "acme", WORK)
    equal((explained["allow"], [b["rule"] for b in explained["by"]]), (True, ["grant"]), "explain")
    explained = host.json("explain", "acme", "one/twice.mov")
    equal((explained["allow"], explained["by"]), (False, []), "explain of a hidden object")
    equal([w["principal"] for w in host.json("who", WORK)], ["user:acme"], "who")


def lists(world):
    host = world.host
    entry = [{"principalType": "GROUP", "principal": "vendors", "accessTypes": ["read", "write"]}]
    equal(host.json("acl", "show", "one"), [], "acl show of nothing")
    host.run("acl", "set", "one", "-", stdin=common.json.dumps(entry))
    equal(host.json("acl", "show", "one"), entry, "acl show")
    records = host.json("ledger")
    ops = [r["op"] for r in records]
    equal(ops[0], "init", "the first record")
    for op in ("edit", "grant", "acl"):
        check(op in ops, f"the ledger has a record '{op}': {ops}")
    equal(host.json("ledger", "verify"), {"verified": True, "records": len(records)}, "verify")


def caches(world, edit):
    host, folder = world.host, world.path("cache")
    warmed = host.json("cache", "warm", edit, "--cache", folder)
    has(warmed, "cache warm", edit=str, objects=int, bytes=int, there=int, fetched=int,
        fetched_bytes=int, changed=int, kept=int, interrupted=bool)
    check(warmed["kept"] == warmed["objects"] > 1, f"cache warm: {warmed}")
    held = host.json("cache", "status", folder)
    has(held, "cache status", dir=str, size_bytes=int, held_bytes=int, objects=int)
    equal((held["objects"], held["held_bytes"]), (warmed["kept"], warmed["bytes"]), "cache status")
    equal(host.json("cache", "clear", folder), {"dir": folder, "cleared": True}, "cache clear")
    equal(host.json("cache", "status", folder), {**held, "objects": 0, "held_bytes": 0}, "cleared")


def test(world):
    host = world.host
    world.put(WORK, "one/twice.mov", "two/twice.mov")
    has(host.json("init"), "init", lake=str, created=bool)
    equal(host.json("init")["created"], False, "a second init")
    scanned = host.json("scan")
    has(scanned, "scan", objects=int, bytes=int, added=int, changed=int, removed=int, hidden=list,
        media=dict)
    equal((scanned["objects"], scanned["bytes"], scanned["added"]), (3, 15000, 3), "scan")
    edit = conformed(world)
    granted = host.json("grant", edit, "acme", "--until", "2099-06-15")
    equal((granted["principal"], granted["until"]), ("user:acme", "2099-06-16T00:00:00Z"), "grant")
    decisions(world, edit)
    lists(world)
    caches(world, edit)
    has(host.json("status"), "status", lake=str, record=int, objects=int, edits=int, grants=int)
    has(host.json("revoke", edit, "acme"), "revoke", edit=str, principal=str)


if __name__ == "__main__":
    common.run(test, mounts=False)
