"""A new version of an edit on a running mount: what it lost vanishes, from an open file too,
what it won appears, the grant stays; with --retire what was lost stays until its
moment; the store's tags follow; a dry run and what is refused change nothing."""

import os
import threading
import time

import common
from common import check, equal, eventually

KEPT, LOST, WON, LATER = "show/kept.mov", "show/lost.mov", "show/won.mov", "show/later.mov"
TURNS = "show/a/turn.mov", "show/b/turn.mov"


def update(world, edit, *keys, options=(), status=0, name="cut"):
    return world.host.json("conform", world.timeline(keys, name), "--update", edit, *options,
                           status=status)


def media(at):
    return {k for k in common.tree(at) if not k.startswith(("ShotLocker", "edits"))}


def links(at, edit):
    """Where the links in the edit's folder lead, by shot."""
    top = f"{at}/edits/cut-{edit}"
    return {f"{shot}/{name}": os.path.realpath(f"{top}/{shot}/{name}")[len(at) + 1:]
            for shot in os.listdir(top) if os.path.isdir(f"{top}/{shot}")
            for name in os.listdir(f"{top}/{shot}")}


def shows(at, *keys):
    wanted = {k for k in common.with_parents(keys) if not k.startswith("ShotLocker")}
    eventually(lambda: media(at) == wanted, f"the view of {keys}")


def dry_run(world, edit, at):
    before = world.host.run("ledger")
    told = update(world, edit, KEPT, WON, options=["--dry-run"])
    equal((told["won"], told["lost"], told["from"], told["to"]), ([WON], [LOST], 1, 2),
          "the dry run's objects")
    equal((told["won_bytes"], told["lost_bytes"]), (5000, 5000), "the dry run's bytes")
    text = world.host.run("conform", world.timeline([KEPT, WON]), "--update", edit, "--dry-run")
    check(f"  + {WON}\n" in text and f"  - {LOST}\n" in text, f"the dry run says: {text}")
    equal(world.host.run("ledger"), before, "the ledger after a dry run")
    check(not [k for k in world.lake.keys("ShotLocker/") if "/v2/" in k], "a dry run uploads")
    shows(at, KEPT, LOST)


def lose_and_win(world, edit, at):
    fd = os.open(f"{at}/{LOST}", os.O_RDONLY)
    equal(os.pread(fd, 100, 0), common.content(LOST, 5000)[:100], "the open file before")
    done = update(world, edit, KEPT, WON)
    equal((done["edit"], done["version"]), (edit, 2), "the update's answer")
    equal(done["manifest"], f"ShotLocker/Edits/{edit}/v2/processed/cut.otio", "its manifest")
    shows(at, KEPT, WON)
    eventually(lambda: common.errno_of(os.pread, fd, 100, 0) != 0,
               "an open file that was lost stops reading")
    os.close(fd)
    equal(common.read(f"{at}/{WON}"), common.content(WON, 5000), "what was won")
    equal(links(at, edit), {"clip 0/kept.mov": KEPT, "clip 1/won.mov": WON}, "the links")
    check(os.path.exists(f"{at}/{done['manifest']}"), "the new manifest is there")
    check(not os.path.exists(f"{at}/ShotLocker/Edits/{edit}/processed/cut.otio"),
          "the old manifest is still there")
    for key, ids in ((KEPT, [edit]), (WON, [edit]), (LOST, [])):
        equal(world.lake.tags(key), ids, f"the tags of {key}")


def retire(world, edit, at):
    end = int(time.time()) + 12
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    update(world, edit, KEPT, LATER, options=["--retire", moment])
    shows(at, KEPT, WON, LATER)
    equal(links(at, edit), {"clip 0/kept.mov": KEPT, "clip 1/later.mov": LATER}, "the links")
    told = world.host.run("explain", "acme", WON)
    check(f"retiring until {moment}" in told, f"explain says: {told}")
    equal(world.lake.tags(WON), [edit], "the tags of a retired object")
    check(time.time() < end, "the machine is too slow for this test: the end has come already")
    eventually(lambda: media(at) == set(common.with_parents([KEPT, LATER])), "the end")
    check(time.time() >= end, "retired objects went too early")
    check("retired until" in world.host.run("explain", "acme", WON), "explain says why not")
    equal(world.host.json("status")["untagged"], [edit], "the tags are not complete now")
    world.host.run("scan")
    equal(world.host.json("status")["untagged"], [], "the next scan completes them")
    equal(world.lake.tags(WON), [], "the tags of a retired object after its end")
    shows(at, KEPT, LATER)


def refused(world, edit, at):
    before = world.host.run("ledger")
    cut = world.timeline([KEPT])
    for options, status in ((["--update", "aaaaaaaaaa"], 5),
                            (["--update", edit, "--retire", "2001-01-01"], 2),
                            (["--update", edit, "--retire", "0"], 2),
                            (["--retire", "3"], 2), (["--dry-run"], 0)):
        world.host.run("conform", cut, *options, status=status)
    world.host.run("edit", "diff", edit, "1", "9", status=5)
    world.host.run("edit", "diff", edit, "one", "two", status=2)
    equal(world.host.run("ledger"), before, "the ledger after what was refused or only asked")
    shows(at, KEPT, LATER)


def history(world, edit):
    told = world.host.json("edit", "diff", edit, "1", "3")
    equal((told["won"], told["lost"]), ([LATER], [LOST]), "the diff of versions 1 and 3")
    told = world.host.json("edit", "diff", edit)
    equal((told["from"], told["to"], told["won"], told["lost"]), (2, 3, [LATER], [WON]),
          "the diff of the last two")
    versions = world.host.json("edit", "show", edit)["versions"]
    equal([v["version"] for v in versions], [1, 2, 3], "the versions")
    log = world.host.json("edit", "log", edit)
    equal([r["version"] for r in log if r["op"] == "edit"], [1, 2, 3], "the versions in the log")
    equal([r["principal"] for r in log if r["op"] == "grant"], ["user:acme"], "the grants in it")


def never_ahead(world):
    """Nothing that an edit's folder tells is of a later record than the tree beside it: a link leads
    to what is there, and who lost the edit reads no manifest of the version that came then."""
    edit, _ = world.edit(TURNS[0], name="turns")
    at = world.mount("pilot")
    folder = f"{at}/edits/turns-{edit}"
    for turn in range(6):
        link, to = f"{folder}/clip 0/turn.mov", TURNS[(turn + 1) % 2]
        world.grant(edit, "pilot")
        eventually(lambda: os.path.exists(link), "the link")
        update(world, edit, to, name="turns")
        eventually(lambda: os.readlink(link).endswith(to), "the link turns")
        equal(common.read(link), common.content(to, 5000), "what it leads to")
        told = {"bytes": b"", "lost": False}

        def spin():
            try:
                while True:
                    told["bytes"] = common.read(f"{folder}/turns.otio")
            except OSError:
                told["lost"] = True

        reader = threading.Thread(target=spin)
        reader.start()
        world.host.run("revoke", edit, "pilot")
        update(world, edit, KEPT, name="turns")
        reader.join(10)
        check(told["lost"] and KEPT.encode() not in told["bytes"],
              "the revoke hides the manifest of a later version")
        update(world, edit, to, name="turns")


def test(world):
    world.ready(KEPT, LOST, WON, LATER, *TURNS)
    edit, _ = world.edit(KEPT, LOST)
    at = world.mount("acme")
    world.grant(edit, "acme")
    shows(at, KEPT, LOST)
    dry_run(world, edit, at)
    lose_and_win(world, edit, at)
    retire(world, edit, at)
    refused(world, edit, at)
    history(world, edit)
    other = world.another_host()
    equal(set(other.view("acme")), set(world.host.view("acme")), "what a host sees that replays all")
    never_ahead(world)


if __name__ == "__main__":
    common.run(test)
