"""Every verb of rules sets, shows and takes away what it says; a bad argument changes nothing, with the
documented status and a sentence; what does not exist yet is warned of; explain names each rule."""

import json

import common
from common import check, equal

OPEN, NEWS, SECRET, DEEP = ("show/open.mov", "show/news/a.mov", "show/secret/x.mov",
                            "show/secret/deep/y.mov")
NDA = {"users": ["anna"], "states": ["staff"], "entitlements": None, "ranges": ["campus"],
       "satisfy_all": None, "admins": ["boss"]}
CAMPUS = [{"start": "10.1.0.0", "end": "10.1.255.255"}]


def entry(name, *types, kind="USER"):
    return {"principalType": kind, "principal": name, "accessTypes": list(types)}


def classes_and_policies(world, edit):
    host = world.host
    said = host.call("class", "set", "show/news", "news", "sport")
    check(said.stderr.count("no policy names the class") == 2, f"a warning: {said.stderr}")
    check("show/news/: classes news, sport" in said.stdout, said.stdout)
    said = host.call("policy", "set", "group:desk", "weather", "--allow", "read")
    check("nothing is of the class 'weather'" in said.stderr, said.stderr)
    host.run("policy", "set", "anna", "news", "--allow", "read,write")
    equal(host.json("class", "show", NEWS), {"own": None, "effective": ["news", "sport"]}, "classes")
    check(NEWS in host.view("anna"), "a class policy shows")
    explained = host.run("explain", "anna", NEWS)
    check("news" in explained and "class" in explained, explained)
    equal([b["rule"] for b in host.json("explain", "anna", NEWS)["by"]], ["class"], "explain: class")
    host.run("class", "set", NEWS, "")
    equal(host.json("class", "show", NEWS), {"own": [], "effective": []}, "explicitly none")
    check(NEWS not in host.view("anna"), "no class, no policy")
    host.run("class", "clear", NEWS)
    host.run("class", "clear", NEWS, status=1)
    host.run("class", "set", f"edit:{edit}", "wire")
    equal(host.json("class", "show", f"edit:{edit}")["own"], ["wire"], "classes of an edit")
    equal(host.json("class", "show", OPEN)["effective"], ["wire"], "classes by an edit")
    equal([(p["principal"], p["class"], p["actions"]) for p in host.json("policy", "list")],
          [("group:desk", "weather", ["read"]), ("user:anna", "news", ["read", "write"])], "policies")
    host.run("policy", "clear", "anna", "news")
    host.run("policy", "clear", "anna", "news", status=5)
    host.run("view", "anna")


def protections(world):
    host = world.host
    world.acl("/", "anna", "carl")
    said = host.call("protect", "set", "show/secret", "nda")
    check("nobody passes" in said.stderr and "show/secret/: only" in said.stdout, said.stderr)
    check(SECRET not in host.view("anna"), "nobody passes")
    said = host.call("group", "set", "/show/#nda", "-", stdin=json.dumps(NDA))
    check("there is no ranges 'campus' yet" in said.stderr, said.stderr)
    equal(host.json("group", "show", "show#nda"), NDA, "the group")
    equal([(g["site"], g["group"]) for g in host.json("group", "list")], [("show", "nda")], "groups")
    equal([(p["path"], p["site"], p["group"], p["known"]) for p in host.json("protect", "list")],
          [("show/secret/", "show", "nda", True)], "protect list")
    check(SECRET in host.view("anna") and SECRET not in host.view("carl"), "the group decides")
    host.run("ranges", "set", "campus", "-", stdin=json.dumps(CAMPUS))
    check(SECRET in host.run("view", "carl", "--address", "10.1.2.3"), "an address of the range")
    check(SECRET not in host.run("view", "carl", "--address", "10.2.0.1"), "another address")
    why = host.json("explain", "carl", SECRET)
    equal((why["allow"], [g["pass"] for g in why["guards"]]), (False, [False]), "explain: guards")
    check("nda" in host.run("explain", "carl", SECRET), "explain names the group")
    check("stricter" in why, f"explain says what is stricter: {why}")
    sites = [{world.lake.url + "/show/secret/deep": "nda"}, {"show/secret/": "nda"}]
    equal(host.json("protect", "load", "-", stdin=json.dumps(sites)), {"sites": 2, "changed": 1},
          "protect load")
    host.run("protect", "load", "-", status=5, stdin=json.dumps([{"show/open.mov": "nda"},
                                                                {"show/absent": "nda"}]))
    equal(len(host.json("protect", "list")), 2, "an unknown site changes nothing")
    host.run("protect", "clear", "show/secret/deep")
    host.run("protect", "clear", "show/secret/deep", status=1)
    host.run("protect", "clear", "show/absent", status=5)
    equal(host.json("ranges", "load", "-", stdin=json.dumps({"farm": CAMPUS})),
          {"names": 1, "changed": 2}, "ranges load replaces all")
    equal([r["name"] for r in host.json("ranges", "list")], ["farm"], "ranges")
    host.run("ranges", "clear", "farm")
    host.run("ranges", "clear", "farm", status=5)
    host.run("group", "clear", "show#nda")
    host.run("group", "clear", "show#nda", status=5)
    host.run("group", "show", "show#nda", status=5)
    host.run("protect", "clear", "show/secret")
    host.run("acl", "set", "/", "-", stdin="[]")


def roles_and_settings(world):
    host = world.host
    said = host.call("role", "set", "vendors", "viewer", "frobnicator")
    check("there is no role or permission 'frobnicator'" in said.stderr, said.stderr)
    equal([(r["role"], r["gives"]) for r in host.json("role", "list")],
          [("vendors", ["viewer", "frobnicator"])], "roles")
    host.run("role", "clear", "vendors")
    host.run("role", "clear", "vendors", status=5)
    shown = {s["key"]: (s["value"], s["default"]) for s in host.json("settings", "show")}
    equal(shown, {"acl.enabled": (True, True), "acl.propagate.filter": ("", True),
                  "acl.storage.enabled": (True, True), "protect.compose": ("all", True),
                  "roles.default": (["viewer"], True), "users.scope": ("", True)}, "the defaults")
    host.run("settings", "set", "protect.compose", "most_specific")
    host.run("settings", "set", "roles.default", "viewer,store-writer")
    check("most_specific" in host.run("settings", "show"), "settings show")
    host.run("settings", "clear", "protect.compose")
    host.run("settings", "clear", "roles.default")
    equal([s["key"] for s in host.json("settings", "show") if not s["default"]], [], "all cleared")


def lists(world, edit):
    host = world.host
    world.acl("show", "anna")
    host.run("acl", "set", f"edit:{edit}", "-", stdin=json.dumps([entry("carl", "read")]))
    host.run("acl", "set", "lake:", "-", stdin=json.dumps([entry("anna", "read"),
                                                           entry("carl", "read")]))
    equal(sorted(a["place"] for a in host.json("acl", "list")), [f"edit:{edit}", "lake:", "show/"],
          "acl list")
    equal(host.json("acl", "show", f"edit:{edit}"), [entry("carl", "read")], "the list of an edit")
    effective = host.json("acl", "effective", OPEN, "--as", "anna")
    equal(effective["callerAccess"],
          {"read": True, "write": False, "modify_acl_access": False}, "callerAccess")
    equal(sorted((a["principal"], a["via"], a["inherited"]) for a in effective["access"]),
          [("user:anna", "/show/", True), ("user:carl", f"edit:{edit}", True)], "effective access")
    check("via /show/ (inherited)" in host.run("acl", "effective", OPEN), "effective as text")
    host.run("settings", "set", "acl.propagate.filter", "kind:str_eq=open")
    equal(host.json("acl", "effective", NEWS)["access"], [], "the filter stops it")
    check("stopped: user:anna" in host.run("acl", "effective", NEWS), "and that is told")
    host.run("metadata", "set", "show", "kind=open")
    host.run("metadata", "set", "show/news", "kind=open", "season=2")
    equal(host.json("metadata", "show", "show/news"), {"kind": "open", "season": "2"}, "metadata")
    check(NEWS in host.view("anna"), "fields that fit let it through")
    host.run("metadata", "set", "show/news")
    check(NEWS not in host.view("anna"), "and without them it stops")
    host.run("settings", "clear", "acl.propagate.filter")
    world.grant(edit, "dora")
    said = host.call("grant", edit, "erik", "--until", common.FOREVER, "--ranges", "studio")
    check("there is no ranges 'studio' yet" in said.stderr, said.stderr)
    rows = host.json("access", "review", "--edit", edit)
    equal(sorted((r["rule"], r["principal"]) for r in rows),
          [("edit-acl", "user:carl"), ("grant", "user:dora"), ("grant", "user:erik")], "the review")
    equal([r["rule"] for r in host.json("access", "review", "--principal", "anna")],
          ["acl", "lake-acl"], "the review of one principal")
    check("dora" in host.run("access", "review"), "as text")


def wrong(edit):
    good = ["-"]
    for words in (["class", "set", "show"], ["class", "clear"], ["class", "show"],
                  ["class", "set", "", "x"], ["policy", "set", "anna", "news"],
                  ["policy", "set", "anna", "news", "--allow", ""], ["policy", "clear", "anna"],
                  ["policy", "list", "x"], ["group", "set", "show", "-"], ["group", "set", "show#", "-"],
                  ["group", "clear", "show"], ["protect", "set", "show"], ["protect", "clear"],
                  ["protect", "load"], ["ranges", "set", "x"], ["ranges", "load"], ["ranges", "clear"],
                  ["role", "set", "x"], ["role", "clear"], ["settings", "set", "acl.enabled"],
                  ["settings", "set", "acl.enabled", "maybe"], ["metadata", "set"],
                  ["metadata", "set", "show", "kind"], ["metadata", "set", "show", "a=1", "a=2"],
                  ["acl", "effective"], ["acl", "effective", "show", "--as", "a/b"], ["acl", "list", "x"],
                  ["access", "review", "x"], ["access"], ["settings"], ["grant", edit, "x", "--until",
                   common.FOREVER, "--ranges", ""], ["view", "anna", "--address", "10.0.0"],
                  ["settings", "show", "--act-as", "anna"], ["class", "set", "show", "x", "--act-as", "a/b"],
                  ["class", "set", "show", "x", "--address", "10.0.0.1"]):
        yield words, 2, ""
    for words in (["class", "set", "absent", "x"], ["class", "set", "edit:aaaaaaaaaa", "x"],
                  ["class", "set", "edit:x", "x"], ["class", "show", "absent"],
                  ["metadata", "set", "absent", "a=b"], ["protect", "set", "absent", "nda"],
                  ["settings", "set", "frobnicate", "1"], ["settings", "clear", "frobnicate"],
                  ["acl", "effective", "absent"]):
        yield words, 5, ""
    for words, text in ((["group", "set", "show#nda", *good], '{"user": []}'),
                        (["group", "set", "show#nda", *good], '{"users": "anna"}'),
                        (["group", "set", "show#nda", *good], '{"satisfy_all": "yes"}'),
                        (["ranges", "set", "x", *good], '[{"start": "10.0.0.9", "end": "10.0.0.1"}]'),
                        (["ranges", "set", "x", *good], '{"a": 1}'),
                        (["ranges", "load", *good], '{"a": [{"start": "10.0.0.1"}]}'),
                        (["ranges", "load", *good], "[]"),
                        (["protect", "load", *good], '{"show": "nda"}'),
                        (["protect", "load", *good], '[{"show": 1}]'),
                        (["protect", "load", *good], '[{"s3://another-lake/show": "nda"}]'),
                        (["acl", "set", "lake:", *good], '[{"principal": "x"}]'),
                        (["class", "set", "show", "a/b"], ""), (["class", "set", "show", "a#b"], ""),
                        (["policy", "set", "anna", "x" * 129, "--allow", "read"], ""),
                        (["role", "set", "a/b", "viewer"], ""),
                        (["settings", "set", "protect.compose", "some"], ""),
                        (["settings", "set", "acl.propagate.filter", "kind:frob=1"], "")):
        yield words, 1, text


def test(world):
    host = world.host
    world.ready(OPEN, NEWS, SECRET, DEEP)
    edit, _ = world.edit(OPEN)
    head = len(host.json("ledger"))
    for words, status, text in wrong(edit):
        done = host.call(*words, stdin=text)
        check(done.returncode == status and done.stderr.startswith("shotlake: "),
              f"{words}: status {done.returncode}, not {status}: {done.stdout}{done.stderr}")
    equal(len(host.json("ledger")), head, "records after what was wrong")
    classes_and_policies(world, edit)
    protections(world)
    roles_and_settings(world)
    lists(world, edit)
    host.run("ledger", "verify")


if __name__ == "__main__":
    common.run(test, mounts=False)
