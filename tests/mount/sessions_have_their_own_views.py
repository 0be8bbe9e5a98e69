"""Who signs in on a shared mount sees the view of that principal, until it signs out: two users
two trees, groups of the token and of the principals file, a token that narrows, a password. A
session goes before the uid of the principals file; another principal on the same uid is
refused."""

import json
import os

import common
import scene
import tokens
from common import check, equal, eventually

ACME, RIVAL, CAROL, LISTED, SECOND = 61001, 61002, 61003, 61004, 61005
PASSWORD = "correct horse battery"


def names(uid, at):
    return set(common.as_uid(uid, common.tree, at))


def people(world, **carol):
    users = [{"id": "acme", "uid": LISTED}, {"id": "carol", "groups": ["freelancers"], **carol}]
    path = world.write("people.json.new", json.dumps({"users": users}))
    os.rename(path, world.path("people.json"))
    return ["--principals", world.path("people.json")]


def two_users(world, issuer, at):
    equal(names(ACME, at), set(), "who has not signed in")
    told = issuer.sign_in(ACME, at, issuer.token("acme"))
    equal((told["session"]["principal"], told["uid"]), ("user:acme", ACME), "what login tells")
    issuer.sign_in(RIVAL, at, issuer.token("rival"))
    for uid, name, own in ((ACME, "acme", scene.ACME), (RIVAL, "rival", scene.RIVAL)):
        equal(names(uid, at), set(world.host.view(name)), f"tree of {name}")
        for key in own:
            equal(common.as_uid(uid, common.read, f"{at}/{key}"), common.content(key, 5000), key)
    equal(names(0, at), set(), "root")
    check(issuer.session(ACME, at)["until"].endswith("Z"), "the session has an end")

    why = issuer.sign_in(ACME, at, issuer.token("rival"), status=1)
    check("log out first" in why, f"another principal on that uid: {why}")
    equal(names(ACME, at), set(world.host.view("acme")), "the session is as it was")
    why = issuer.sign_in(ACME, at, issuer.token("acme")[:-8] + "AAAAAAAA", status=1)
    equal(names(ACME, at), set(world.host.view("acme")), f"after a bad token ({why.strip()})")

    issuer.sign_out(ACME, at)
    equal(names(ACME, at), set(), "after logout")
    equal(issuer.session(ACME, at), None, "the session after logout")
    equal(names(RIVAL, at), set(world.host.view("rival")), "the other")
    issuer.sign_in(ACME, at, issuer.token("rival"))
    equal(names(ACME, at), set(world.host.view("rival")), "another principal after logout")
    equal(issuer.call(CAROL, "logout", at)[0], 1, "logout without a session")


def groups(world, issuer, at):
    edit, _ = world.edit("secret.mov", name="for groups")
    world.grant(edit, "group:freelancers")
    eventually(lambda: "secret.mov" in world.host.view("group:freelancers"), "the grant")
    issuer.sign_in(CAROL, at, issuer.token("carol"))
    eventually(lambda: "secret.mov" in names(CAROL, at), "a group of the principals file")
    people(world, enabled=False)
    eventually(lambda: names(CAROL, at) == set(), "a user that is disabled on this host")
    people(world)
    eventually(lambda: "secret.mov" in names(CAROL, at), "and is no more")
    issuer.sign_in(SECOND, at, issuer.token("dave", groups=["freelancers"]))
    eventually(lambda: "secret.mov" in names(SECOND, at), "a group of the token")
    issuer.sign_in(SECOND, at, issuer.token("dave"))
    equal(names(SECOND, at), set(), "the same user with a token that has no groups")
    issuer.sign_out(SECOND, at)


def narrowed(issuer, at):
    inside = "show/sh010/plate.1001.exr"
    details = [{"type": "shotlake", "locations": ["show/sh010/"]}]
    issuer.sign_in(SECOND, at, issuer.token("acme", authorization_details=details))
    equal(names(SECOND, at) & {"show/sh010/plate.1001.exr", "top.mov"}, {inside},
          "a narrowed session")
    check(issuer.session(SECOND, at)["narrowed"], "session says so")
    issuer.sign_in(SECOND, at, issuer.token("acme"))
    check("top.mov" in names(SECOND, at), "a wider token of the same principal replaces it")
    issuer.sign_in(SECOND, at, issuer.token("acme", authorization_details=[]))
    equal(names(SECOND, at), set(), "a token for nothing")


def before_the_file(world, issuer, at):
    equal(names(LISTED, at), set(world.host.view("acme")), "a uid of the principals file")
    issuer.sign_in(LISTED, at, issuer.token("rival"))
    equal(names(LISTED, at), set(world.host.view("rival")), "its session")
    issuer.sign_out(LISTED, at)
    equal(names(LISTED, at), set(world.host.view("acme")), "the file again")
    os.rename(issuer.run, issuer.run + ".first")  # the second mount's socket is alone below
    only = issuer.mount("--sessions-only", *people(world), name="only")
    equal(names(LISTED, only), set(), "--sessions-only")
    status, _, error = issuer.call(LISTED, "login", only, "--user", "acme", "--password-stdin",
                                   stdin=PASSWORD + "\n")
    equal(status, 0, f"login with a password: {error}")
    equal(names(LISTED, only), set(world.host.view("acme")), "after it")
    status, _, error = issuer.call(ACME, "login", only, "--user", "acme", "--password-stdin",
                                   stdin="wrong horse")
    equal(status, 1, "a wrong password")
    equal(names(ACME, only), set(), "after that")


def test(world):
    scene.make(world)
    issuer = tokens.Issuer(world, passwords={"acme": PASSWORD})
    at = issuer.mount(*people(world))
    two_users(world, issuer, at)
    groups(world, issuer, at)
    narrowed(issuer, at)
    before_the_file(world, issuer, at)


if __name__ == "__main__":
    common.run(test)
