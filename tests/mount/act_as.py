"""--act-as: a principal changes what its roles and its access allow, its name is in the ledger, and
what it may not do has status 6 and changes nothing; what it does not see is no path to it; of others'
access it reads only where it may change it; verbs that are for the operator alone refuse it."""

import json

import common
from common import check, equal

MINE, OTHERS, HIDDEN = "show/mine.mov", "show/others.mov", "vault/hidden.mov"
FULL = ["read", "write", "modify_all_access"]


def entries(name, *types):
    return json.dumps([{"principalType": "USER", "principal": name, "accessTypes": list(types)}])


def prepare(world):
    path = world.write("principals.json", json.dumps({"users": [
        {"id": "lead", "roles": ["lead"]}, {"id": "vendor"}, {"id": "carl"},
        {"id": "root", "roles": ["superuser"]}, {"id": "boss", "roles": ["lead"]}]}))
    world.ready(MINE, OTHERS, HIDDEN)
    host = world.host
    host.run("role", "set", "lead", "viewer", "access_write", "asset_write", "timespan_write")
    host.run("acl", "set", "show/mine.mov", "-", stdin=entries("lead", *FULL))
    host.run("acl", "set", "show/others.mov", "-", stdin=entries("lead", "read"))
    host.run("group", "set", "vault#nda", "-", stdin=json.dumps({"users": [], "admins": ["boss"]}))
    return lambda who: ["--principals", path, "--act-as", who]


def refused(world, acting, edit):
    until = ["--until", common.FOREVER]
    nda = json.dumps({"users": ["vendor"]})
    for who, words, text in (
            ("carl", ["acl", "set", MINE, "-"], "[]"), ("lead", ["acl", "set", OTHERS, "-"], "[]"),
            ("lead", ["acl", "set", "/", "-"], "[]"), ("lead", ["acl", "set", "lake:", "-"], "[]"),
            ("vendor", ["acl", "set", f"edit:{edit}", "-"], "[]"),
            ("lead", ["class", "set", MINE, "news"], None),
            ("vendor", ["class", "set", f"edit:{edit}", "news"], None),
            ("lead", ["metadata", "set", OTHERS, "a=b"], None),
            ("lead", ["policy", "set", "lead", "news", "--allow", "read"], None),
            ("lead", ["role", "set", "lead", "superuser"], None),
            ("lead", ["settings", "set", "acl.enabled", "false"], None),
            ("lead", ["group", "set", "#new", "-"], nda),
            ("lead", ["group", "set", "vault#nda", "-"], nda),
            ("lead", ["ranges", "set", "x", "-"], "[]"), ("lead", ["ranges", "load", "-"], '{"x": []}'),
            ("lead", ["protect", "set", OTHERS, "nda"], None),
            ("lead", ["protect", "load", "-"], json.dumps([{OTHERS: "nda"}])),
            ("vendor", ["grant", edit, "vendor", *until], None),
            ("lead", ["revoke", edit, "carl"], None), ("lead", ["edit", "disable", edit], None),
            ("lead", ["edit", "remove", edit], None),
            ("lead", ["view", "carl"], None), ("lead", ["who", OTHERS], None),
            ("lead", ["explain", "carl", OTHERS], None)):
        before = len(world.host.json("ledger"))
        done = world.host.call(*words, *acting(who), stdin=text)
        check(done.returncode == 6 and "not allowed" in done.stderr and not done.stdout,
              f"{who} {words}: status {done.returncode}: {done.stdout}{done.stderr}")
        equal(len(world.host.json("ledger")), before, f"records after {words}")


def hidden(world, acting):
    """A path that is not seen is answered like one that is not there, to the letter."""
    absent = "vault/absent.mov"
    for words in (["acl", "set", "PATH", "-"], ["acl", "show", "PATH"], ["class", "set", "PATH", "x"],
                  ["metadata", "set", "PATH", "a=b"], ["protect", "set", "PATH", "nda"],
                  ["class", "clear", "PATH"], ["protect", "clear", "PATH"], ["protect", "load", "-"],
                  ["acl", "effective", "PATH"], ["who", "PATH"], ["explain", "lead", "PATH"]):
        said = []
        for path in (HIDDEN, absent):
            done = world.host.call(*[path if w == "PATH" else w for w in words], *acting("lead"),
                                   stdin=json.dumps([{path: "nda"}])
                                   if "load" in words else "[]")
            said.append((done.returncode, done.stdout, done.stderr.replace(path, "PATH")))
        equal(said[0], said[1], f"{words} of a hidden path")
        equal(said[0][0], 5, f"the status of {words}")


def allowed(world, acting, edit):
    host = world.host
    for who, words, text in (
            ("lead", ["acl", "set", MINE, "-"], entries("lead", *FULL)),
            ("lead", ["metadata", "set", MINE, "a=b"], None),
            ("lead", ["protect", "set", MINE, "authenticated"], None),
            ("root", ["protect", "clear", MINE], None),
            ("boss", ["group", "set", "vault#nda", "-"], json.dumps({"users": ["x"], "admins": ["boss"]})),
            ("root", ["policy", "set", "lead", "news", "--allow", "read,write"], None),
            ("lead", ["class", "set", MINE, "news"], None),
            ("root", ["settings", "set", "users.scope", "example.org"], None),
            ("root", ["ranges", "load", "-"], '{"x": []}'),
            ("root", ["edit", "disable", edit], None), ("root", ["edit", "enable", edit], None),
            ("root", ["revoke", edit, "carl"], None)):
        host.run(*words, *acting(who), stdin=text)
        actors = [r["actor"] for r in host.json("ledger") if r["op"] != "tagged"]
        equal(actors[-1], f"user:{who}", f"the actor of {words}")
    host.run("view", "root", *acting("root"))
    host.run("view", "carl", *acting("root"))
    check(MINE in host.run("view", "lead", *acting("lead")), "one's own view")


def reading(world, acting, edit):
    host = world.host
    world.grant(edit, "dora")
    raw = host.json("acl", "show", MINE, *acting("lead"))
    equal((raw["callerAccess"], raw["access"][0]["principal"]),
          ({"read": True, "write": False, "modify_acl_access": True}, "lead"), "the raw list")
    equal(host.json("acl", "show", OTHERS, *acting("lead")),
          {"callerAccess": {"read": True, "write": False, "modify_acl_access": False}},
          "only what the caller may")
    check("access" not in host.json("acl", "effective", OTHERS, *acting("lead")), "effective likewise")
    own = host.json("explain", "lead", OTHERS, *acting("lead"))
    check(own["allow"] and "not" not in own and "guards" not in own, f"explain of oneself: {own}")
    check(host.json("who", MINE, *acting("lead")), "who, where it may change the list")
    rows = host.json("access", "review", *acting("lead"))
    equal({r["principal"] for r in rows}, {"user:lead"}, "the review of who is acted as")
    check(len(host.json("access", "review", *acting("root"))) > len(rows), "a superuser's review")


def test(world):
    acting = prepare(world)
    edit, _ = world.edit(MINE)
    world.grant(edit, "carl")
    refused(world, acting, edit)
    hidden(world, acting)
    allowed(world, acting, edit)
    reading(world, acting, edit)
    for words in (["ledger"], ["edit", "list"], ["edit", "show", edit], ["scan"], ["policy", "list"],
                  ["protect", "list"], ["acl", "list"], ["class", "show", MINE], ["init"],
                  ["mount", world.mountpoint("x"), "--as", "lead"], ["status"]):
        done = world.host.call(*words, env={"SHOTLAKE_ACT_AS": "lead"})
        check(done.returncode == 2 and "--act-as" in done.stderr, f"{words}: {done.stderr}")
    done = world.host.call("acl", "set", MINE, "-", stdin="[]", env={"SHOTLAKE_ACT_AS": "carl"})
    equal(done.returncode, 5, f"of the environment: {done.stderr}")
    done = world.host.call("acl", "set", MINE, "-", stdin="[]", env={"SHOTLAKE_ACT_AS": ""})
    equal(done.returncode, 2, "nobody is not the operator")


if __name__ == "__main__":
    common.run(test, mounts=False)
