"""Worlds of the shape that the published descriptions of access groups, of classes and of access
lists show as examples: every row comes out as they say, asked by `explain`, `view` and
`acl effective`."""

import functools
import json

import common
from common import check, equal

GUARDED = "show/campus/__restricted/plates-team/sheet.pdf"
SITE, OTHER_SITE = "show/campus/open.mov", "show/annex/open.mov"
SPORT, SECOND, SHARED, NEWS = "desk/sport.mov", "desk/sport2.mov", "desk/story.mov", "desk/news.mov"
EPISODE, CLIP = "portal/s1/e1.mov", "portal/clips/c.mov"
LISTED = "listed.mov"
UNIT = "http://id.example.edu/hr/unit/42"
TEAM = {"users": ["webdesk", "guest"], "states": ["staff"], "entitlements": [UNIT],
        "ranges": ["main", "clinic"], "satisfy_all": None, "admins": ["head"]}
RANGES = {"main": [{"start": "10.0.0.0", "end": "10.0.0.255"},
                   {"start": "10.0.1.0", "end": "10.0.1.255"}],
          "clinic": [{"start": "10.1.0.0", "end": "10.1.0.255"}]}
PEOPLE = {"users": [{"id": "webdesk"}, {"id": "guest"}, {"id": "head"}, {"id": "stranger"},
                    {"id": "prof", "affiliation": "staff"},
                    {"id": "student", "affiliation": "student"},
                    {"id": "unit", "entitlements": [UNIT]},
                    {"id": "below", "entitlements": [UNIT + "/1"]},
                    {"id": "sam", "groups": ["sport"], "roles": ["editor"]},
                    {"id": "nina", "groups": ["news"], "roles": ["editor"]},
                    {"id": "morris", "roles": ["editor"]}, {"id": "vera", "groups": ["Viewers"]},
                    {"id": "admin", "roles": ["superuser"]}]}


def entry(kind, name, *types):
    return {"principalType": kind, "principal": name, "accessTypes": list(types)}


def sees(world, who, key, *options):
    return world.host.json("explain", who, key, *options)["allow"]


def rows(world, key, table):
    for who, address, want in table:
        options = ("--address", address) if address else ()
        equal(sees(world, who, key, *options), want, f"{who} at {address} and {key}")


def access_groups(world):
    host = world.host
    everybody = [entry("USER", u["id"], "read") for u in PEOPLE["users"]]
    host.run("acl", "set", "show", "-", stdin=json.dumps(everybody))
    rows(world, GUARDED, [("webdesk", None, False)])  # no such group yet: nobody
    host.run("ranges", "load", "-", stdin=json.dumps(RANGES))
    host.run("group", "set", "show/campus#plates-team", "-", stdin=json.dumps(TEAM))
    users = [("webdesk", True), ("guest", True), ("head", True), ("prof", True), ("unit", True),
             ("stranger", False), ("student", False), ("below", False)]
    rows(world, GUARDED, [(who, None, want) for who, want in users])
    rows(world, GUARDED, [("stranger", "10.0.0.255", True), ("stranger", "10.0.1.0", True),
                          ("stranger", "10.1.0.7", True), ("stranger", "10.0.2.0", False),
                          ("stranger", "::1", False)])
    host.run("group", "set", "show/campus#plates-team", "-",
             stdin=json.dumps(dict(TEAM, satisfy_all=True)))
    rows(world, GUARDED, [("webdesk", None, False), ("webdesk", "10.0.0.1", True),
                          ("prof", "10.1.0.255", True), ("prof", "10.2.0.1", False),
                          ("stranger", "10.0.0.1", False)])
    # the ranges change, the rule does not
    host.run("ranges", "set", "main", "-", stdin=json.dumps([{"start": "10.9.0.0",
                                                             "end": "10.9.0.0"}]))
    rows(world, GUARDED, [("webdesk", "10.0.0.1", False), ("webdesk", "10.9.0.0", True)])
    rows(world, SITE, [("stranger", None, True)])
    host.run("protect", "load", "-", stdin=json.dumps([{"show/campus": "plates-team"},
                                                       {"show/annex": "plates-team"}]))
    rows(world, SITE, [("stranger", None, False), ("head", "10.1.0.0", True)])
    # the group is looked up at its own site only
    rows(world, OTHER_SITE, [("head", "10.1.0.0", False)])
    host.run("protect", "clear", "show/annex")
    host.run("group", "clear", "show/campus#plates-team")
    rows(world, SITE, [("head", "10.1.0.0", False)])  # a rule that lost its meaning
    rows(world, OTHER_SITE, [("head", None, True)])


def classes(world):
    host = world.host
    for key, names in ((SPORT, ["sport"]), (SECOND, ["sport"]), (SHARED, ["news", "sport_share"]),
                       (NEWS, ["news"])):
        host.run("class", "set", key, *names)
    for group, name, actions in (("sport", "sport", "read,write"), ("news", "news", "read,write"),
                                 ("sport", "sport_share", "read")):
        host.run("policy", "set", f"group:{group}", name, "--allow", actions)
    for who, key, actions in (("sam", SPORT, "rw"), ("sam", SECOND, "rw"), ("sam", SHARED, "r"),
                              ("sam", NEWS, ""), ("nina", SPORT, ""), ("nina", SECOND, ""),
                              ("nina", SHARED, "rw"), ("nina", NEWS, "rw"), ("vera", NEWS, "")):
        got = "".join(action[0] for action in ("read", "write")
                      if sees(world, who, key, "--action", action))
        equal(got, actions, f"{who} and {key}")
    desk = [key for key in host.view("sam") if key.startswith("desk/") and not key.endswith("/")]
    equal(sorted(desk), sorted([SPORT, SECOND, SHARED]), "a list has what may be read alone")


def caller(world, who):
    return world.host.json("acl", "effective", LISTED, "--as", who)["callerAccess"]


def access_lists(world):
    host = world.host
    access = [entry("USER", "morris", "read", "write"), entry("GROUP", "Viewers", "read")]
    nothing = {"read": False, "write": False, "modify_acl_access": False}
    everything = dict.fromkeys(nothing, True)
    for who in ("morris", "vera", "stranger"):
        equal(caller(world, who), nothing, f"no access by default: {who}")
    equal(caller(world, "admin"), everything, "a superuser")
    host.run("acl", "set", LISTED, "-", stdin=json.dumps(access))
    equal(host.json("acl", "show", LISTED), access, "the raw list")
    equal(caller(world, "morris"), dict(nothing, read=True, write=True), "USER")
    equal(caller(world, "vera"), dict(nothing, read=True), "GROUP")
    equal(caller(world, "stranger"), nothing, "who is not in it")
    host.run("acl", "set", LISTED, "-", stdin=json.dumps([entry("GROUP", "Viewers", "publish")]))
    for who in ("morris", "vera"):
        equal(caller(world, who), nothing, f"a list is replaced whole, and its own types: {who}")
    check(sees(world, "vera", LISTED, "--action", "publish"), "a custom access type")


def propagation(world):
    host = world.host
    host.run("acl", "set", "portal", "-", stdin=json.dumps([entry("USER", "vera", "read")]))
    rows(world, EPISODE, [("vera", None, True)])
    for text in ("source:str_eq=portal,type:string_in=series\\,season\\,episode",
                 "source:str_eq=portal,type:string_in=series\\\\,season\\\\,episode"):
        host.run("settings", "set", "acl.propagate.filter", text)
        host.run("metadata", "set", "portal", "source=portal", "type=series")
        host.run("metadata", "set", "portal/s1", "source=portal", "type=season")
        host.run("metadata", "set", "portal/clips", "source=portal", "type=clips")
        rows(world, EPISODE, [("vera", None, True)])
        rows(world, CLIP, [("vera", None, False)])
        check("hand lists down" in host.run("explain", "vera", CLIP), "explain says where it ends")
        host.run("metadata", "set", "portal/s1", "source=elsewhere", "type=season")
        rows(world, EPISODE, [("vera", None, False)])
    host.run("settings", "clear", "acl.propagate.filter")
    rows(world, CLIP, [("vera", None, True)])


def reports(world):
    """What somebody who keeps the rules reads of them."""
    host = world.host
    edit, _ = world.edit(LISTED)
    host.run("grant", edit, "vera", "--until", common.FOREVER, "--ranges", "clinic")
    told = host.run("who", LISTED)
    check("only at addresses in clinic" in told, f"who says from where: {told}")
    host.run("acl", "set", LISTED, "-", stdin=json.dumps(
        [entry("USER", "morris", "modify_all_access", "odd\nuser:mallory  \x1b[31m")]))
    told = host.run("access", "review")
    check("only at addresses in clinic" in told, f"the review says from where: {told}")
    check(f"user:morris  acl /{LISTED}" in told, f"who may change a list is told: {told}")
    for report in (told, host.run("acl", "effective", LISTED)):
        check("\x1b" not in report and "\nuser:mallory" not in report, f"a forged line: {report}")


def test(world):
    world.ready(GUARDED, SITE, OTHER_SITE, SPORT, SECOND, SHARED, NEWS, EPISODE, CLIP, LISTED)
    path = world.write("people.json", json.dumps(PEOPLE))
    other = world.another_host()
    for host in (world.host, other):
        host.env = functools.partial(host.env, SHOTLAKE_PRINCIPALS=path)
    for part in (access_groups, classes, access_lists, propagation, reports):
        part(world)
    equal(other.run("view", "sam"), world.host.run("view", "sam"), "another host")
    check("chain verified" in world.host.run("ledger", "verify"), "the ledger")


if __name__ == "__main__":
    common.run(test, mounts=False)
