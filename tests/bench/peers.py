"""What is compared: shotlake in its variants, s3fs and rclone as shipped and as fast as they get.

Each can be mounted fresh (nothing cached anywhere) or again (with what it keeps on disk), and tells
its process, whose processor time and memory are looked at.
"""

import json
import os
import subprocess
import time

from lake import BUCKET
from place import BenchError, cpu_seconds, peak_rss_mib, wait_until


class Absent(Exception):
    """This one cannot be measured here, and why."""


class Peer:
    """A file system over the lake. Subclasses say how it is started."""

    name = None
    keeps = False  # has a cache on disk that a second mount finds
    foreign = True  # not shotlake
    reader_options = ()
    only = None  # names of the works that it is for; None: all
    never = ()   # works that would take minutes and tell nothing new

    def has_warm(self, work):
        """Whether a second read of the same is another thing than the first."""
        return self.keeps or not self.foreign or work == "sequential"

    def __init__(self, place, line):
        self.place, self.line = place, line
        self.point = place.dir(f"mnt/{line.name}/{self.name}")
        self.process = None
        self.tag = f"{self.name}-{line.name}".replace(" ", "-")

    def command(self):
        raise NotImplementedError

    def env(self):
        return self.line.env()

    def forget(self):
        """Removes what it keeps on disk."""

    def mount(self, fresh=True):
        if fresh:
            self.forget()
        self.process = self.place.spawn(self.tag, self.command(), self.env())

        def answers():
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with status {self.process.returncode}: "
                                 + self.place.said(self.tag))
            return os.path.ismount(self.point)

        wait_until(answers, f"{self.name} mounts", 60)
        wait_until(lambda: os.path.isdir(os.path.join(self.point, "show")),
                   f"{self.name} shows the lake", 60)

    def unmount(self):
        if self.process is None:
            return
        self.place.detach(self.point)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def settle(self, keys):
        """After a first read of `keys`: lets end what it does in the background for a second."""

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def rss(self):
        return peak_rss_mib(self.process.pid)

    def path(self, key):
        return os.path.join(self.point, key)


class S3fs(Peer):
    name = "s3fs"
    never = ("find", "stat")
    options = ()

    def command(self):
        passwd = self.place.file("passwd-s3fs",
                                 f"{self.line.rgw.access_key}:{self.line.rgw.secret_key}\n")
        options = [f"passwd_file={passwd}", f"url={self.line.endpoint}", "use_path_request_style",
                   *self.options]
        return ["s3fs", BUCKET, self.point, "-f", *(w for o in options for w in ("-o", o))]


class S3fsTuned(S3fs):
    name = "s3fs tuned"
    keeps = True
    never = ()

    @property
    def options(self):
        return (f"use_cache={self.place.dir('cache-' + self.tag)}", "parallel_count=16",
                "multipart_size=16", "kernel_cache", "max_stat_cache_size=200000",
                "stat_cache_expire=3600", "multireq_max=64")

    def forget(self):
        self.place.empty("cache-" + self.tag)


class Rclone(Peer):
    name = "rclone"
    never = ("find", "stat")
    options = ()

    def env(self):
        rgw = self.line.rgw
        config = {"TYPE": "s3", "PROVIDER": "Ceph", "ENDPOINT": self.line.endpoint,
                  "REGION": "us-east-1", "ACCESS_KEY_ID": rgw.access_key,
                  "SECRET_ACCESS_KEY": rgw.secret_key}
        values = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RCLONE_"))}
        values.update({"RCLONE_CONFIG_LAKE_" + k: v for k, v in config.items()})
        return dict(values, RCLONE_CONFIG="", NO_PROXY="127.0.0.1")

    def command(self):
        cache = self.place.dir("cache-" + self.tag)
        return ["rclone", "mount", f"lake:{BUCKET}", self.point, "--cache-dir", cache,
                *self.options]

    def forget(self):
        self.place.empty("cache-" + self.tag)


class RcloneTuned(Rclone):
    name = "rclone tuned"
    keeps = True
    never = ()
    options = ("--vfs-cache-mode", "full", "--use-server-modtime", "--vfs-read-ahead", "128M",
               "--vfs-fast-fingerprint", "--dir-cache-time", "1h", "--attr-timeout", "1h",
               "--max-read-ahead", "1M", "--s3-no-head-object", "--poll-interval", "0",
               "--vfs-cache-max-size", "100G")


class Shotlake(Peer):
    name = "shotlake"
    foreign = False
    options = ()
    binary = None  # set by the bench

    def __init__(self, place, line):
        super().__init__(place, line)
        self.state = place.dir("state-" + line.name, 0o700)

    def env(self):
        return dict(super().env(), SHOTLAKE_STATE=self.state, LC_ALL="C.UTF-8")

    def command(self):
        return [self.binary, "mount", self.point, "-f", "--as", "bench", *self.mount_options()]

    def mount_options(self):
        return []

    def ask(self, *words):
        return self.place.run("shotlake-" + words[0], [self.binary, *words], self.env())

    def prepare(self):
        """The ledger and the index, once; returns the seconds that the scan took."""
        acl = self.place.file("acl.json", json.dumps([
            {"principalType": "USER", "principal": "bench", "accessTypes": ["read"]}]))
        self.ask("init")
        began = time.monotonic()
        self.ask("scan")
        took = time.monotonic() - began
        self.ask("acl", "set", "show", acl)
        return took

    def budget_mib(self):
        """What it may keep in memory by default, as it says itself."""
        try:
            self.mount()
            status = json.loads(self.ask("status", self.point, "--json"))
            return status["memory_budget_bytes"] / (1 << 20)
        finally:
            self.unmount()


class ShotlakeDirect(Shotlake):
    """The same mount; the programs open with O_DIRECT."""

    name = "shotlake O_DIRECT"
    reader_options = ("--direct",)
    only = ("sequential", "frames x1", "frames x8")


class ShotlakeDisk(Shotlake):
    name = "shotlake disk"
    keeps = True
    only = ("sequential", "frames x1", "frames x8", "random 128 KiB")
    extra = ""

    def mount_options(self):
        cache = self.place.dir("cache-" + self.tag, 0o700)
        return ["-o", f"cache={cache},cache_size=16G{self.extra}"]

    def forget(self):
        self.place.empty("cache-" + self.tag)

    def probe(self):
        """Raises Absent where this program does not know the option."""
        try:
            self.mount()
        except BenchError as error:
            raise Absent(str(error).partition(" usage: ")[0]) from None
        finally:
            self.unmount()


class ShotlakePassthrough(ShotlakeDisk):
    name = "shotlake passthrough"
    only = ("sequential", "frames x1", "frames x8")
    extra = ",passthrough"

    def settle(self, keys):
        """Copies for the kernel are made in the background when a wholly cached file is opened:
        until a second passes without a new one."""
        copies, quiet, end = -1, 0, time.monotonic() + 20
        while quiet < 4 and time.monotonic() < end:
            for key in keys:
                os.close(os.open(self.path(key), os.O_RDONLY))
            time.sleep(0.25)
            status = json.loads(self.ask("status", self.point, "--json"))
            now = (status.get("passthrough") or {}).get("copies", 0)
            copies, quiet = now, quiet + 1 if now == copies else 0


OURS = (Shotlake,)
FOREIGN = (S3fs, S3fsTuned, Rclone, RcloneTuned)
VARIANTS = (ShotlakeDirect, ShotlakeDisk, ShotlakePassthrough)
