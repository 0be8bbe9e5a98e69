"""A running `shotlake watch`, and what the tests of it share."""

import io
import os
import signal
import subprocess
import zipfile

import common
from common import Failed, equal, eventually

INBOX = "ShotLocker/Edits/"
CLAIMS = ".shotlake/watch/"


class Watcher:
    """`shotlake watch` with those words, as a child of the test."""

    def __init__(self, world, *words, host=None, env=None):
        self.log_path = world.path(f"watch-{len(world.children)}.log")
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                [world.binary, "watch", "--poll", "0.3", *words],
                env=(host or world.host).env(**(env or {})), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=world.dir)
        world.children.append(self.child)

    def log(self):
        return common.read(self.log_path).decode("utf-8", "replace")

    def is_watching(self):
        if self.child.poll() is not None:
            raise Failed(f"watch ended with {self.child.returncode}: {self.log()}")
        return "watching" in self.log()

    def descriptors(self):
        """What it has open, but for its pool of connections."""
        names = [os.readlink(f"/proc/{self.child.pid}/fd/{n}").split(":")[0]
                 for n in os.listdir(f"/proc/{self.child.pid}/fd")]
        return sorted(n for n in names if n != "socket")

    def end(self):
        """Asks it to end, which it must do cleanly."""
        eventually(self.is_watching, "it has started")
        self.child.send_signal(signal.SIGTERM)
        try:
            status = self.child.wait(common.COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed(f"watch does not end on SIGTERM: {self.log()}") from None
        equal(status, 0, f"status after SIGTERM: {self.log()}")

    def kill(self):
        self.child.kill()
        self.child.wait()


def folder(world, name="drop"):
    path = world.path(name)
    os.mkdir(path, 0o755)
    return path


def cut(world, keys, name, absent=()):
    """The bytes of a timeline of that name."""
    urls = [world.lake.address(key) for key in keys] + list(absent)
    return common.read(world.timeline_of_urls(urls, name))


def bundle(data):
    """The bytes of an .otioz of that timeline."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("version.txt", "1.0.0")
        z.writestr("content.otio", data)
    return packed.getvalue()


def drop(path, data):
    """As a copying program does that knows what it does: renamed into place."""
    new = os.path.join(os.path.dirname(path), ".new.part")
    with open(new, "wb") as f:
        f.write(data)
    os.rename(new, path)


def report(drop_folder, name):
    return common.read(os.path.join(drop_folder, name + ".report.txt")).decode()


def edits(world):
    """{name: how many edits have it}"""
    found = {}
    for edit in world.host.json("edit", "list"):
        found[edit["name"]] = found.get(edit["name"], 0) + 1
    return found


def wait_for(paths, watcher, seconds=common.WAIT_SECONDS):
    try:
        eventually(lambda: all(os.path.lexists(p) for p in paths), "the cuts are moved", seconds)
    except Failed as why:
        missing = [os.path.basename(p) for p in paths if not os.path.lexists(p)]
        raise Failed(f"{why}: {missing}; {watcher.log()}") from None


def wait_for_object(world, key, watcher):
    try:
        eventually(lambda: key in world.lake.keys(INBOX), f"'{key}' is there")
    except Failed as why:
        raise Failed(f"{why}; {watcher.log()}") from None


def no_claims(world):
    equal(world.lake.keys(CLAIMS), [], "claims that stayed behind")
