"""Cuts that an editor's S3 client puts into ShotLocker/Edits/ of the lake become edits; nobody sees
them there. A lake that is gone for a while delays cuts and loses none."""

import os

import common
import watchers
from common import check, equal, eventually
from watchers import INBOX, Watcher, cut, drop

KEYS = [f"show/s{i}.mov" for i in range(4)]


def dropped(world):
    lake = world.lake
    data = cut(world, KEYS, "r1")
    bad = b"{"
    lake.put(INBOX + "r1.otio", data)
    lake.put(INBOX + "bad + %41.otio", bad)
    packed = watchers.bundle(cut(world, KEYS, "pack"))
    lake.put(INBOX + "pack.otioz", packed)
    lake.put(INBOX + "notes.txt", b"not a cut")
    lake.put(INBOX + "abcdefghij/r2.otio", data)  # an edit's own folder
    watcher = Watcher(world, "--lake-inbox", "--settle", "0.2")
    for key in ("done/r1.otio", "failed/bad + %41.otio", "done/pack.otioz"):
        watchers.wait_for_object(world, INBOX + key, watcher)
    watcher.end()
    keys = lake.keys(INBOX)
    check(INBOX + "r1.otio" not in keys and INBOX + "bad + %41.otio" not in keys,
          f"the inbox is empty: {keys}")
    check(INBOX + "notes.txt" in keys and INBOX + "abcdefghij/r2.otio" in keys, "others stay")
    equal(lake.get(INBOX + "done/r1.otio"), data, "the cut's bytes")
    equal(lake.get(INBOX + "failed/bad + %41.otio"), bad, "the bad cut's bytes")
    equal(lake.get(INBOX + "done/pack.otioz"), packed, "the bundle's bytes")
    report = lake.get(INBOX + "r1.otio.report.txt").decode()
    edit = report.splitlines()[-1]
    pack = lake.get(INBOX + "pack.otioz.report.txt").decode().splitlines()[-1]
    check("exit status 0: " in report, report)
    check("exit status 1: " in lake.get(INBOX + "bad + %41.otio.report.txt").decode(), "a refusal")
    equal({e["name"]: e["edit"] for e in world.host.json("edit", "list")}, {"r1": edit, "pack": pack}, "edits")
    return edit


def again(world):
    """Once more the same; and another cut under the name of one that is done."""
    lake = world.lake
    lake.put(INBOX + "r1.otio", cut(world, KEYS, "r1"))
    world.host.run("watch", "--lake-inbox", "--once", "--settle", "0.2")
    equal(watchers.edits(world), {"r1": 1, "pack": 1}, "edits after a second drop")
    check("conformed already" in lake.get(INBOX + "r1.otio.report.txt").decode(), "its report")
    lake.put(INBOX + "r1.otio", cut(world, KEYS[:2], "r1 new"))
    world.host.run("watch", "--lake-inbox", "--once", "--settle", "0.2")
    equal(watchers.edits(world), {"r1": 1, "r1 new": 1, "pack": 1}, "edits after a third")
    equal(lake.get(INBOX + "done/r1.otio"), cut(world, KEYS, "r1"), "the first is as it was")
    done = [k for k in lake.keys(INBOX + "done/")]
    equal(len(done), 3, f"done: {done}")  # the same bytes need no second copy


def seen_by_nobody(world, edit):
    """An inventory has these objects, and no view."""
    world.host.run("scan")
    world.grant(edit, "acme")
    shown = [p for p in world.host.view("acme") if p.startswith(INBOX) and not p.endswith("/")]
    equal(sorted(shown), [f"{INBOX}{edit}/processed/{n}" for n in ("r1.otio", "r1.shots.csv")],
          "what a vendor sees below the inbox")


def lake_comes_back(world):
    path = watchers.folder(world)
    watcher = Watcher(world, path, "--lake-inbox", "--settle", "0.2", env=world.lake.env())
    eventually(watcher.is_watching, "the watcher runs")
    drop(f"{path}/before.otio", cut(world, KEYS, "before"))
    watchers.wait_for([f"{path}/done/before.otio"], watcher)
    world.lake.out()
    drop(f"{path}/meanwhile.otio", cut(world, KEYS, "meanwhile"))
    eventually(lambda: "'meanwhile.otio' waits" in watcher.log(), "it says that it waits", 120)
    check(os.path.exists(f"{path}/meanwhile.otio"), "the cut stays where it is")
    world.lake.back()
    world.lake.put(INBOX + "after.otio", cut(world, KEYS, "after"))
    watchers.wait_for([f"{path}/done/meanwhile.otio"], watcher, seconds=120)
    watchers.wait_for_object(world, INBOX + "done/after.otio", watcher)
    watcher.end()
    had = watchers.edits(world)
    equal([had.get(n) for n in ("before", "meanwhile", "after")], [1, 1, 1], "edits")
    watchers.no_claims(world)


def test(world):
    world.ready(*KEYS, size=500)
    edit = dropped(world)
    again(world)
    seen_by_nobody(world, edit)
    lake_comes_back(world)
    world.host.run("ledger", "verify")


if __name__ == "__main__":
    common.run(test, mounts=False)
