"""An OpenTimelineIO bundle, zip or folder, is conformed by its timeline alone: its media match by
name like any others, none of its own copies reach the lake, and a bad bundle changes nothing."""

import os
import zipfile

import common
from common import check, equal

CLIP = "show/sh010/plate.mov"


def content(world, name):
    with open(world.timeline_of_urls(["media/plate.mov"], name), encoding="utf-8") as f:
        return f.read()


def zipped(world, name, entries):
    path = world.path(name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for entry, data in entries:
            z.writestr(entry, data)
    return path


def conform(world, path):
    answer = world.host.json("conform", path)
    equal([f["key"] for f in answer["found"]], [CLIP], f"what {path} uses")
    uploaded = world.lake.keys(f"ShotLocker/Edits/{answer['edit']}/")
    check(f"ShotLocker/Edits/{answer['edit']}/cut.otio" in uploaded, f"the timeline: {uploaded}")
    check(not any("plate" in k or k.endswith("z") for k in uploaded), f"only that: {uploaded}")
    return answer["edit"]


def test(world):
    world.ready(CLIP)
    text, media = content(world, "inner"), os.urandom(300_000)
    parts = [("version.txt", "1.0.0"), ("content.otio", text), ("media/plate.mov", media)]
    conform(world, zipped(world, "cut.otioz", parts))
    os.makedirs(world.path("cut.otiod", "media"))
    for name, data in parts:
        with open(world.path("cut.otiod", name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
    conform(world, world.path("cut.otiod"))
    conform(world, world.path("cut.otiod") + "/")

    before, records = world.lake.keys(), world.host.run("ledger")
    bad = {
        "none.otioz": [("media/plate.mov", media)],
        "twin.otioz": [("content.otio", text), ("Content.otio", text)],
        "up.otioz": [("../content.otio", text)],
        "bomb.otioz": [("content.otio", text + " " * 30_000_000)],
        "next.otioz": [("content.otio", text), ("version.txt", "2.0.0")],
    }
    for name, entries in bad.items():
        done = world.host.call("conform", zipped(world, name, entries))
        equal(done.returncode, 1, f"status of {name}")
        check(name in done.stderr and done.stderr.count("\n") == 1, f"the line: {done.stderr!r}")
    equal((world.lake.keys(), world.host.run("ledger")), (before, records), "what is left")


if __name__ == "__main__":
    common.run(test, mounts=False)
