"""Rules that change on this host hold on its running mounts at once, whatever the poll: a
protection hides and stops what is open, an access group and its address ranges let in again
those who are there by what the mount's operator says; an original is listed and not opened,
also not by a link or where it was open before."""

import json
import os

import common
import scene
from common import check, equal, eventually

ACME = 61001
PLATE, MOVIE, OTHERS = scene.ACME[0], scene.ACME[2], scene.RIVAL[2]
SLOW = ("--poll", "600", "--max-stale", "1200")  # longer than any wait of a test
HERE, ELSEWHERE = "10.1.2.3", "2001:db8::7"

held = {}


def hold(at):
    """Opens both files and reads them."""
    for key in (PLATE, MOVIE):
        held[key] = os.open(f"{at}/{key}", os.O_RDONLY)
    return all(os.pread(fd, 5000, 0) == common.content(key, 5000) for key, fd in held.items())


def reads(key):
    """0, or the errno of a read of what hold() opened."""
    return common.errno_of(os.pread, held[key], 100, 0)


def opens(at, key):
    return common.errno_of(os.open, f"{at}/{key}", os.O_RDONLY)


def has(at, key):
    return key in common.tree(at)


def sees(caller, at, key, whether):
    eventually(lambda: caller.call(has, at, key) is whether, f"{key} is seen: {whether}")


def protected(world, caller, at):
    check(caller.call(hold, at), "it reads")
    world.host.run("protect", "set", "show/", "team")
    eventually(lambda: caller.call(reads, PLATE) == 13, "the open file under a protection")
    equal(caller.call(opens, at, PLATE), 2, "opening it")
    sees(caller, at, PLATE, False)
    equal(caller.call(reads, MOVIE), 0, "what is not protected")

    group = ["group", "set", "#team", "-"]
    world.host.run(*group, stdin=json.dumps({"users": ["somebody"]}))
    sees(caller, at, PLATE, False)
    world.host.run(*group, stdin=json.dumps({"users": ["acme"]}))
    sees(caller, at, PLATE, True)
    equal(caller.call(opens, at, PLATE), 0, "opening it for the group")
    eventually(lambda: caller.call(reads, PLATE) == 0, "the open file for the group")


def edits_of(at, key):
    return os.getxattr(f"{at}/{key}", "user.shotlake.edits").decode().split(":")


def by_address(world, caller, other, here, elsewhere, nowhere):
    """The ranges change, not the rule."""
    world.host.run("grant", other, "acme", "--until", common.FOREVER, "--ranges", "office")
    office = ["ranges", "set", "office", "-"]
    world.host.run(*office, stdin=json.dumps([{"start": "10.1.2.0", "end": "10.1.2.255"}]))
    world.host.run("group", "set", "#team", "-", stdin=json.dumps({"ranges": ["office"]}))
    for at, inside in ((here, True), (elsewhere, False), (nowhere, False)):
        sees(caller, at, PLATE, inside)
        sees(caller, at, OTHERS, inside)
    equal(caller.call(edits_of, here, OTHERS), [other], "by which grant")
    check(caller.call(hold, here), "it reads")
    world.host.run(*office, stdin=json.dumps([{"start": "2001:db8::", "end": "2001:db8::ff"}]))
    eventually(lambda: caller.call(reads, PLATE) == 13, "the open file out of the range")
    for at, inside in ((here, False), (elsewhere, True), (nowhere, False)):
        sees(caller, at, PLATE, inside)
        sees(caller, at, OTHERS, inside)
    world.host.run("revoke", other, "acme")
    world.host.run("protect", "clear", "show/")
    for at in (here, elsewhere, nowhere):
        sees(caller, at, PLATE, True)


def originals(world, caller, at, link):
    check(caller.call(hold, at), "it reads")
    check(caller.call(os.path.exists, f"{at}/{link}"), "the link")
    world.host.run("class", "set", MOVIE, "original")
    eventually(lambda: caller.call(reads, MOVIE) == 13, "the open original")
    equal(caller.call(opens, at, MOVIE), 13, "opening an original")
    equal(caller.call(opens, at, link), 13, "opening it by a link")
    equal(caller.call(common.tree, at).get(MOVIE), 5000, "its name and size")
    check(not caller.call(os.access, f"{at}/{MOVIE}", os.R_OK), "access(2) says so")
    check(caller.call(os.access, f"{at}/{MOVIE}", os.F_OK), "it is there")
    equal((caller.call(reads, PLATE), caller.call(opens, at, PLATE)), (0, 0), "another object")
    world.host.run("role", "set", "acme-roles", "viewer", "file_read_original")
    people(world, roles=["acme-roles"])
    eventually(lambda: caller.call(opens, at, MOVIE) == 0, "who may read originals")
    equal(caller.call(reads, MOVIE), 0, "also where it was open")
    people(world)
    eventually(lambda: caller.call(opens, at, MOVIE) == 13, "and may no more")


def people(world, **more):
    users = [dict(id="acme", uid=ACME, **more)]
    path = world.write("people.json.new", json.dumps({"users": users}))
    os.rename(path, world.path("people.json"))
    return ["--principals", world.path("people.json")]


def test(world):
    scene.make(world)
    edits = {e["name"]: e["edit"] for e in world.host.json("edit", "list")}
    edit, other = edits["cut of acme"], edits["cut of rival"]
    link = f"edits/cut of acme-{edit}/clip 2/{MOVIE}"
    who = people(world)
    here = world.mount_per_caller(*who, *SLOW, "--address", HERE, name="here")
    elsewhere = world.mount_per_caller(*who, *SLOW, "--address", ELSEWHERE, name="elsewhere")
    nowhere = world.mount_per_caller(*who, *SLOW, name="nowhere")
    own = world.mount("acme", *who, *SLOW, "--address", HERE, "--owner", str(ACME))
    for at in (here, own):
        with common.Helper(ACME) as caller:
            eventually(lambda: caller.call(opens, at, MOVIE) == 0, "nothing is left of before")
            protected(world, caller, at)
            by_address(world, caller, other, at, elsewhere, nowhere)
            originals(world, caller, at, link)
            world.host.run("class", "clear", MOVIE)
            eventually(lambda: caller.call(opens, at, MOVIE) == 0, "an object like others")


if __name__ == "__main__":
    common.run(test)
