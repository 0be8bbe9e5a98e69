"""What every test of the whole program needs: a lake, a command line, mounts, timelines.

    with Workspace() as work:
        lake = open_lake("dir", work)          # or "s3"
        lake.put("show/a.mov", b"x")
        sl = Shotlake(lake, work.dir("state"))
        sl("init")
        sl("scan", json=True)["objects"]
        with Mount(sl, work.dir("mnt"), "--as", "acme") as mount:
            mount.wait_record(sl.record())

The program under test is $SHOTLAKE_BIN.  Whatever a Workspace made is gone when it ends, also
after a failure or SIGTERM: mounts are detached, daemons killed, folders removed.

S3 is filled and looked at with boto3, a directory with plain system calls: neither goes through
the program under test.
"""

import concurrent.futures
import ctypes
import json as json_module
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rgw as rgw_module  # noqa: E402

PRIVATE = ".shotlake/"
EDITS = "ShotLocker/Edits/"
TAG = "ShotLockerAccess"
SKIP = 77
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class WorldError(Exception):
    """The program under test did something else than was asked of it."""


def skip(reason):
    """Ends the test: it cannot run here."""
    print("SKIP: " + reason, flush=True)
    sys.exit(SKIP)


def binary():
    path = os.environ.get("SHOTLAKE_BIN")
    if not path or not os.access(path, os.X_OK):
        sys.exit(f"SHOTLAKE_BIN must name the program to test, not '{path or ''}'")
    return path


def wait_until(condition, what, seconds=30, pause=0.02):
    """Asks again until `condition()` is true, and returns that; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise WorldError(f"not within {seconds} s: {what}")
        time.sleep(pause)


class Workspace:
    """A private folder, and a list of what has to be undone."""

    def __init__(self, prefix="shotlake-test-"):
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        base = os.environ.get("TMPDIR", base)
        self.top = tempfile.mkdtemp(prefix=prefix, dir=base)
        os.chmod(self.top, 0o711)  # other uids must be able to reach the mounts
        self._undo = []

    def __enter__(self):
        def stop(signum, _frame):
            signal.signal(signum, signal.SIG_IGN)
            raise SystemExit(128 + signum)

        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, stop)
        return self

    def __exit__(self, *_):
        for undo in reversed(self._undo):
            try:
                undo()
            except Exception as error:  # the next one must be undone nevertheless
                print(f"cleaning up: {error}", file=sys.stderr)
        self._undo = []
        shutil.rmtree(self.top, ignore_errors=True)

    def later(self, undo):
        self._undo.append(undo)

    def path(self, name):
        return os.path.join(self.top, name)

    def dir(self, name):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        return path

    def file(self, name, data):
        """Writes a file as a whole, so that no reader sees half of it."""
        path = self.path(name)
        mode = "wb" if isinstance(data, bytes) else "w"
        with open(path + ".new", mode) as f:
            f.write(data if isinstance(data, (bytes, str)) else json_module.dumps(data))
        os.rename(path + ".new", path)
        return path


# Lakes


class DirLake:
    """A directory lake in `top`, looked at with nothing but system calls."""

    kind = "dir"

    def __init__(self, top):
        self.top = os.path.abspath(top)
        os.makedirs(self.top, exist_ok=True)
        self.url = "file://" + urllib.parse.quote(self.top)
        self.env = {"SHOTLAKE_LAKE": self.url}

    def path(self, key):
        return os.path.join(self.top, key)

    def can_hold(self, key, keys):
        """A directory has no place for some keys of S3, nor for "a" beside "a/b"."""
        parts = key.split("/")
        if any(p in ("", ".", "..") or len(os.fsencode(p)) > 255 for p in parts):
            return False
        above = {"/".join(parts[:i]) for i in range(1, len(parts))}
        return not above & set(keys) and not any(k.startswith(key + "/") for k in keys)

    def put(self, key, data):
        os.makedirs(os.path.dirname(self.path(key)), exist_ok=True)
        temporary = os.path.join(self.top, ".shotlake-test-new")
        with open(temporary, "wb") as f:
            f.write(data)
        os.rename(temporary, self.path(key))

    def put_many(self, objects):
        for key, data in objects.items():
            self.put(key, data)

    def get(self, key):
        with open(self.path(key), "rb") as f:
            return f.read()

    def remove(self, key):
        os.unlink(self.path(key))

    def listing(self, prefix=""):
        """{key: size} of everything that is not shotlake's own."""
        found = {}
        for where, _dirs, names in os.walk(self.top):
            for name in names:
                path = os.path.join(where, name)
                key = os.path.relpath(path, self.top)
                if key.startswith(prefix) and not key.startswith(PRIVATE):
                    found[key] = os.lstat(path).st_size
        return found

    def tags(self, key):
        path = self.path(key)
        names = [n for n in os.listxattr(path) if n.startswith("user.")]
        return {n[5:]: os.getxattr(path, n).decode() for n in names}

    def set_tag(self, key, name, value):
        os.setxattr(self.path(key), "user." + name, value.encode())

    def ledger(self):
        folder = self.path(PRIVATE + "ledger")
        return [self.get(f"{PRIVATE}ledger/{n}") for n in sorted(os.listdir(folder))]

    def address(self, key):
        return "file://" + urllib.parse.quote(os.path.join(self.top, key))


class EnvironmentServer:
    """The S3 server that the environment names (rgw.py run … sets it)."""

    def env(self, bucket=None):
        names = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION",
                 "AWS_EC2_METADATA_DISABLED")
        values = {n: os.environ[n] for n in names if n in os.environ}
        return dict(values, SHOTLAKE_LAKE=f"s3://{bucket}") if bucket else values

    def client(self):
        import boto3
        import botocore.config

        config = botocore.config.Config(
            s3={"addressing_style": "path"}, max_pool_connections=32, proxies={},
            retries={"total_max_attempts": 3})
        return boto3.session.Session().client(
            "s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"], config=config,
            region_name=os.environ.get("AWS_REGION", "us-east-1"))


class S3Lake:
    """A bucket of a real server, looked at with boto3."""

    kind = "s3"

    def __init__(self, server, bucket, prefix=""):
        self.bucket, self.prefix = bucket, prefix
        self.s3 = server.client()
        self.s3.create_bucket(Bucket=bucket)
        self.url = f"s3://{bucket}" + ("/" + prefix.rstrip("/") if prefix else "")
        self.env = dict(server.env(), SHOTLAKE_LAKE=self.url)

    def can_hold(self, key, keys):
        """Everything but what is not UTF-8, which boto3 cannot send."""
        del keys
        return not any(0xD800 <= ord(c) <= 0xDFFF for c in key)

    def _at(self, key):
        return {"Bucket": self.bucket, "Key": self.prefix + key}

    def put(self, key, data):
        self.s3.put_object(Body=data, **self._at(key))

    def put_many(self, objects):
        with concurrent.futures.ThreadPoolExecutor(8) as many:
            list(many.map(lambda item: self.put(*item), objects.items()))

    def get(self, key):
        return self.s3.get_object(**self._at(key))["Body"].read()

    def remove(self, key):
        self.s3.delete_object(**self._at(key))

    def _list(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix)
        for page in pages:
            for o in page.get("Contents", []):
                yield o["Key"][len(self.prefix):], o["Size"]

    def listing(self, prefix=""):
        return {k: size for k, size in self._list(prefix) if not k.startswith(PRIVATE)}

    def tags(self, key):
        reply = self.s3.get_object_tagging(**self._at(key))
        return {t["Key"]: t["Value"] for t in reply["TagSet"]}

    def set_tag(self, key, name, value):
        tags = dict(self.tags(key), **{name: value})
        self.s3.put_object_tagging(
            Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]}, **self._at(key))

    def ledger(self):
        return [self.get(k) for k, _ in self._list(PRIVATE + "ledger/")]

    def address(self, key):
        return f"s3://{self.bucket}/{self.prefix}{key}"


def open_lake(kind, work):
    """A new, empty lake. S3: on the environment's server, or on one of its own."""
    if kind == "dir":
        return DirLake(work.path("lake"))
    server = EnvironmentServer()
    if "AWS_ENDPOINT_URL_S3" not in os.environ:
        server = rgw_module.Rgw()
        server.start()
        work.later(server.stop)
    return S3Lake(server, "lake-" + secrets.token_hex(4))


def edit_ids(tags):
    """The edit ids that the tags of an object name, in their order."""
    ids, number = [], 1
    while True:
        value = tags.get(TAG if number == 1 else f"{TAG}{number}")
        if not value:
            return ids
        ids += value.split(":")
        number += 1


# The command line


class Answer:
    """What a command that may fail said."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json_module.loads(self.out)


class Shotlake:
    """The program as one host runs it: a lake, a state folder, a principals file."""

    def __init__(self, lake, state, principals=None):
        self.lake, self.state, self.principals = lake, state, principals
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("AWS_", "SHOTLAKE_")) or k in lake.env}
        self.env = dict(kept, **lake.env, SHOTLAKE_STATE=state, LC_ALL="C.UTF-8")
        if principals:
            self.env["SHOTLAKE_PRINCIPALS"] = principals

    def start(self, *args, **popen):
        """Starts a command and does not wait for it."""
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                 "stderr": subprocess.PIPE, **popen}
        return subprocess.Popen([binary(), *args], env=self.env, **popen)

    def run(self, *args, stdin=None, timeout=300):
        process = self.start(*args, stdin=subprocess.PIPE if stdin is not None else
                             subprocess.DEVNULL)
        try:
            out, err = process.communicate(stdin.encode() if stdin is not None else None, timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        out, err = out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "replace")
        if "Sanitizer" in err or "runtime error:" in err or process.returncode < 0:
            raise WorldError(f"shotlake {' '.join(args)}: died ({process.returncode})\n{err}")
        return Answer(process.returncode, out, err)

    def __call__(self, *args, check=0, json=False, stdin=None):
        """Runs a command which must end with status `check` (None: any; a tuple: one of them).
        Returns its output, or the parsed JSON of it."""
        answer = self.run(*args, *(["--json"] if json else []), stdin=stdin)
        wanted = check if isinstance(check, tuple) else (check,)
        if check is not None and answer.code not in wanted:
            raise WorldError(f"shotlake {' '.join(args)}: status {answer.code}, not {check}\n"
                             f"{answer.out}{answer.err}")
        return answer.json() if json else answer.out

    def record(self):
        """The ledger record at which this host stands."""
        return self("status", json=True)["record"]


def _tied_to_parent():
    parent = os.getpid()

    def tie():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


class Mount:
    """A mount whose daemon is a child of this process: it cannot outlive the test."""

    def __init__(self, sl, point, *options, wait=True):
        self.sl, self.point = sl, point
        os.makedirs(point, exist_ok=True)
        self.log = tempfile.TemporaryFile(mode="w+", errors="replace")
        self.process = sl.start("mount", point, "-f", *options, stdout=self.log, stderr=self.log,
                                preexec_fn=_tied_to_parent())
        if wait:
            self.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def wait_ready(self):
        try:
            wait_until(lambda: self._alive() and os.path.ismount(self.point) and self.status(),
                       f"mount {self.point}", seconds=60)
        except BaseException:
            self.stop()
            raise

    def _alive(self):
        if self.process.poll() is not None:
            raise WorldError(f"the daemon of {self.point} ended ({self.process.returncode})\n"
                             + self.said())
        return True

    def status(self):
        """The answer of `status --json`, or None where the daemon does not answer."""
        answer = self.sl.run("status", self.point, "--json")
        return answer.json() if answer.code == 0 else None

    def wait_record(self, record, seconds=60):
        """Until the mount has reached a ledger record."""
        def reached():
            self._alive()
            status = self.status()
            return status and not status["stale"] and status["record"] >= record

        wait_until(reached, f"{self.point} reaches record {record}", seconds)

    def stop(self):
        """Detaches the mount and ends the daemon; may be called again. Returns its status."""
        if self.process.poll() is None:
            _libc.umount2(os.fsencode(self.point), MNT_DETACH)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        else:
            _libc.umount2(os.fsencode(self.point), MNT_DETACH)
        said = self.said()
        if "Sanitizer" in said or "runtime error:" in said:
            raise WorldError(f"the daemon of {self.point}:\n{said}")
        return self.process.returncode


# Timelines


def external(url):
    return {"OTIO_SCHEMA": "ExternalReference.1", "target_url": url, "metadata": {}}


def missing(url):
    """What Resolve writes for media that it does not export."""
    return {"OTIO_SCHEMA": "MissingReference.1", "name": "",
            "metadata": {"Resolve_OTIO": {"Media Url": url}}}


def image_sequence(base, prefix, suffix, start, count, padding, step=1, rate=24):
    """`count` None: the range is not stated."""
    span = None if count is None else {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": start},
        "duration": {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": count * step}}
    return {"OTIO_SCHEMA": "ImageSequenceReference.1", "target_url_base": base,
            "name_prefix": prefix, "name_suffix": suffix, "start_frame": start,
            "frame_step": step, "rate": rate, "frame_zero_padding": padding,
            "available_range": span, "metadata": {}}


def clip(name, reference, enabled=True):
    return {"OTIO_SCHEMA": "Clip.1", "name": name, "enabled": enabled,
            "media_reference": reference, "metadata": {}}


def clip_2(name, references, active):
    """A clip with several references, of which one is played."""
    return {"OTIO_SCHEMA": "Clip.2", "name": name, "enabled": True, "media_references": references,
            "active_media_reference_key": active, "metadata": {}}


def timeline(name, *tracks, enabled=True):
    return {"OTIO_SCHEMA": "Timeline.1", "name": name, "metadata": {}, "tracks": {
        "OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": [
            {"OTIO_SCHEMA": "Track.1", "kind": "Video", "name": f"V{i}", "enabled": enabled,
             "children": children} for i, children in enumerate(tracks, 1)]}}
