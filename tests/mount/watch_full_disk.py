"""A folder that is full, or read-only for a while: cuts stay where they are, the log says why, and
when there is room again each is one edit with its report."""

import os
import signal
import subprocess

import common
import watchers
from common import check, equal, eventually
from watchers import Watcher, cut, drop, report

KEYS = ["show/a.mov", "show/b.mov"]


def remount(path, how):
    subprocess.run(["mount", "-o", f"remount,{how}", path], check=True)


def fill(path):
    with open(f"{path}/fill.bin", "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass


def test(world):
    common.need_root()
    world.ready(*KEYS, size=500)
    path = world.mountpoint("drop")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path],
                      check=False).returncode != 0:
        raise common.Skip("no tmpfs can be mounted here")
    watcher = Watcher(world, path, "--settle", "0.1")
    eventually(watcher.is_watching, "the watcher runs")

    with open(f"{path}/.full", "wb") as f:
        f.write(cut(world, KEYS, "full"))
    fill(path)
    os.rename(f"{path}/.full", f"{path}/full.otio")
    eventually(lambda: "'full.otio' waits" in watcher.log(), "it says that there is no room")
    check(os.path.exists(f"{path}/full.otio"), "without its report a cut is not moved")
    os.unlink(f"{path}/fill.bin")
    watchers.wait_for([f"{path}/done/full.otio"], watcher)

    watcher.child.send_signal(signal.SIGSTOP)  # the folder is read-only before it can look
    drop(f"{path}/locked.otio", cut(world, KEYS, "locked"))
    remount(path, "ro")
    watcher.child.send_signal(signal.SIGCONT)
    eventually(lambda: "'locked.otio' waits" in watcher.log(), "it says that it cannot write")
    equal(watchers.edits(world), {"full": 1}, "edits while nothing can be moved")
    remount(path, "rw")
    watchers.wait_for([f"{path}/done/locked.otio"], watcher)
    watcher.end()
    equal(watchers.edits(world), {"full": 1, "locked": 1}, "edits")
    for name in ("full.otio", "locked.otio"):
        check("exit status 0: conformed\n" in report(path, name), report(path, name))
        check("Found by" in report(path, name), report(path, name))
    watchers.no_claims(world)


if __name__ == "__main__":
    common.run(test, mounts=False)
