"""What an operator asks is answered to the point: a list that the propagation filter stops is told as
the reason, what is seen and may not be opened is told as that, the two are two questions, and a review
of a name that nothing knows is an error, but for who is acted as."""

import common
from common import check, equal

FILM, OPEN = "show/film.mov", "show/open.mov"


def stopped(host):
    host.run("settings", "set", "acl.propagate.filter", "type:string_in=series")
    why = host.json("explain", "anna", FILM)
    equal([(n["rule"], n["path"], "acl.propagate.filter" in n["why"]) for n in why["not"]],
          [("acl", "/", True)], "the list that does not come so far")
    check("/ does not hand lists down" in host.run("explain", "anna", FILM), "as text")
    host.run("settings", "clear", "acl.propagate.filter")
    equal(host.json("explain", "anna", FILM)["not"], [], "handed down again")


def closed(host):
    host.run("class", "set", FILM, "original")
    seen = host.json("explain", "anna", FILM)
    equal((seen["allow"], seen["action"], seen["closed"]), (True, "list", True), "seen")
    check("may not be opened" in host.run("explain", "anna", FILM), "as text")
    check("closed" not in host.json("explain", "anna", OPEN), "an open one")
    read = host.json("explain", "anna", FILM, "--action", "read")
    equal((read["allow"], read["action"]), (False, "read"), "opened")
    check("file_read_original" in host.run("explain", "anna", FILM, "--action", "read"), "needs")
    check(FILM in host.view("anna"), "the view has what is seen")
    may_read = host.run("view", "anna", "--action", "read").splitlines()
    check(OPEN in may_read and FILM not in may_read, f"what may be read of it: {may_read}")


def reviews(host, edit):
    host.run("access", "review", "--edit", "nosuch", status=5)
    host.run("access", "review", "--principal", "nobody-at-all", status=5)
    equal(host.json("access", "review", "--edit", edit), [], "an edit that nobody holds")
    host.run("--act-as", "anna", "access", "review", "--edit", "nosuch")


def test(world):
    host = world.host
    world.ready(FILM, OPEN)
    edit, _ = world.edit(OPEN)
    world.acl("/", "anna")
    stopped(host)
    closed(host)
    reviews(host, edit)


if __name__ == "__main__":
    common.run(test, mounts=False)
