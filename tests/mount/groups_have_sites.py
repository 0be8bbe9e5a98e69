"""The first access group of a site and the last: the verbs say where guards are asked from then on,
and so does the view; what they tell is a sentence, also of the lake itself."""

import json

import common
from common import check, equal

OPEN, SECRET = "show/open.mov", "show/secret/x.mov"
ANNA = json.dumps({"users": ["anna"]})


def says(host, *words, stdin=None):
    done = host.call(*words, stdin=stdin)
    equal(done.returncode, 0, f"{words}: {done.stderr}")
    return done.stderr, done.stdout


def sites(world):
    host = world.host
    host.run("protect", "set", "show/secret", "nda")
    warned, _ = says(host, "group", "set", "#nda", "-", stdin=ANNA)
    check("nobody passes" not in warned, f"the group is there: {warned}")
    check(SECRET in host.view("anna"), "a group of the root's site")
    warned, _ = says(host, "group", "set", "show#crew", "-", stdin=ANNA)
    check("show/secret/ asks for 'show#nda' now" in warned and "nobody passes" in warned, warned)
    check(SECRET not in host.view("anna"), "the nearest site alone counts")
    warned, _ = says(host, "group", "set", "show#cast", "-", stdin=ANNA)
    equal(warned, "", "the second group of a site changes nothing for others")
    warned, _ = says(host, "group", "clear", "show#cast")
    equal(warned, "", "nor does one of two that goes")
    warned, _ = says(host, "group", "clear", "show#crew")
    check("last access group of 'show'" in warned, warned)
    check(SECRET in host.view("anna"), "the site above decides again")


def sentences(world):
    host = world.host
    _, told = says(host, "policy", "set", "anna", "news", "--allow", "read,write")
    check("user:anna may do this with class news: read, write (" in told, told)
    _, told = says(host, "acl", "set", "lake:", "-", stdin="[]")
    check(told.startswith("lake: "), told)


def test(world):
    world.ready(OPEN, SECRET)
    world.acl("/", "anna")
    sites(world)
    sentences(world)


if __name__ == "__main__":
    common.run(test, mounts=False)
