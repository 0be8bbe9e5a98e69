"""The main job, command by command: an editor's cut goes in, a vendor's locked view comes out,
and a revoke takes it away again, also from a file that is open."""

import os
import subprocess

import common
from common import check, equal, eventually, sha256

FRAMES = [f"show/R1/sh010/plate/sh010_bg01_v001.{n}.exr" for n in range(1001, 1006)]
REFERENCE = "show/R1/sh010/ref/sh010_ref.mov"
OTHERS = ["show/R1/sh010/plate/sh010_bg01_v002.1001.exr", "show/R2/ending.mov", "secret.txt"]


def conform(world):
    """A cut by file names and by a frame range, as an editor's application writes it."""
    cut = world.timeline_of_urls([
        "/Volumes/OnlineRAID/R1/sh010_bg01_v001.[1001-1005].exr",
        "file:///D:/avid/sh010_ref.mov"])
    lines = world.host.run("conform", cut, "--name", "R1 v05").splitlines()
    edit = lines[-1]
    check(len(edit) == 10 and edit.isalnum() and edit == edit.lower(),
          f"the last line of stdout is the edit's id: {edit!r}")
    check(len(lines) > 1, "conform prints a report")
    return edit


def listed(mountpoint):
    """The paths that `ls -lR` shows."""
    out = subprocess.run(["ls", "-lR", "."], cwd=mountpoint, capture_output=True, text=True,
                         check=True, env=dict(os.environ, LC_ALL="C")).stdout
    folder, paths = "", set()
    for line in out.splitlines():
        if line.endswith(":") and line.startswith("."):
            folder = line[2:-1] + "/" if line != ".:" else ""
        elif line[:1] in ("-", "d", "l"):
            name = line.split(None, 8)[8].partition(" -> ")[0]
            paths.add(folder + name + ("/" if line[0] == "d" else ""))
    return paths


def test(world):
    host = world.host
    world.put(*FRAMES, REFERENCE, *OTHERS)
    host.run("init")
    before = host.run("ledger")
    host.run("init")
    equal(host.run("ledger"), before, "the ledger after a second init")
    host.run("scan")

    edit = conform(world)
    host.run("grant", edit, "acme", "--until", common.FOREVER)
    manifest = host.json("edit", "show", edit)["manifest"]
    check(manifest.startswith(f"ShotLocker/Edits/{edit}/processed/"), manifest)

    at = world.mount("acme")
    own = common.folder_of_edit(edit, manifest, ["show/R1/sh010/plate", REFERENCE], "R1 v05")
    equal(listed(at), common.with_parents([*FRAMES, REFERENCE, *common.made_of(manifest)]) | own,
          "ls -lR")
    for key in (*FRAMES, REFERENCE):
        equal(sha256(common.read(f"{at}/{key}")), sha256(common.content(key, 5000)), key)
        equal(world.lake.tags(key), [edit], f"tags of {key}")

    fd = os.open(f"{at}/{REFERENCE}", os.O_RDONLY)
    os.pread(fd, 100, 0)
    host.run("revoke", edit, "acme")
    eventually(lambda: common.errno_of(os.pread, fd, 100, 0) != 0, "the open file is lost")
    eventually(lambda: listed(at) == set(), "the mount is empty")
    os.close(fd)

    world.unmount(at)
    check(not common.is_mounted(at), "the mount is gone")
    equal(os.listdir(at), [], "the mountpoint afterwards")
    host.run("ledger", "verify")


if __name__ == "__main__":
    common.run(test)
