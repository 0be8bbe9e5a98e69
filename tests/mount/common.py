"""What the mount tests share: a lake, hosts that use it, their mounts, and bounded waits.

A test is a function that gets a World and raises on failure:

    def test(world):
        world.put("show/a.0001.exr")
        ...

    if __name__ == "__main__":
        common.run(test)

The binary is the first argument or $SHOTLAKE_BIN.  $SHOTLAKE_TEST_LAKE is the kind of lake: "dir"
(the default), or "s3" with the AWS_* variables of a server whose buckets may be made and removed.
Exit status: 0 passed, 1 failed, 77 skipped.
"""

import contextlib
import glob
import hashlib
import json
import os
import pickle
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from lakes import DirLake, S3Lake

WAIT_SECONDS = 30  # the limit of every wait: generous, as no wait is an assertion about speed
COMMAND_SECONDS = 60
FOREVER = "2099-12-31"
RUN_TOKEN = "SHOTLAKE_TEST_RUN"  # in the environment of every process that a test starts
SANITIZERS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Failed(AssertionError):
    pass


class Died(Failed):
    """A child process ended; `status` is negative for a signal."""

    def __init__(self, status):
        super().__init__(f"a child ended with status {status}")
        self.status = status


def check(condition, what):
    if not condition:
        raise Failed(what)


def equal(got, want, what):
    if got != want:
        raise Failed(f"{what}: {_short(got)} instead of {_short(want)}")


def _short(value, limit=1500):
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"


def eventually(condition, what, seconds=WAIT_SECONDS):
    """Waits until condition() is true; returns how many seconds that took.  An OSError is "not
    yet": a tree may change while it is walked."""
    began, why = time.monotonic(), ""
    while True:
        try:
            if condition():
                return time.monotonic() - began
        except OSError as error:
            why = f" ({error})"
        if time.monotonic() - began > seconds:
            raise Failed(f"not within {seconds} s: {what}{why}")
        time.sleep(0.01)


def kind():
    return os.environ.get("SHOTLAKE_TEST_LAKE", "dir")


def binary():
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SHOTLAKE_BIN")
    if not path:
        sys.exit("no binary: give it as argument or in SHOTLAKE_BIN")
    return os.path.abspath(path)


def content(key, size):
    """The bytes of a test object: they follow from its key alone and do not repeat."""
    return hashlib.shake_128(key.encode("utf-8", "surrogateescape")).digest(size)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tree(top):
    """{path: size, or None for a directory} of everything below `top`, as names from `top`."""
    found = {}

    def walk(folder, prefix):
        with os.scandir(folder) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    found[path + "/"] = None
                    walk(entry.path, path + "/")
                else:
                    found[path] = entry.stat(follow_symlinks=False).st_size

    walk(top, "")
    return found


def with_parents(keys):
    """The keys and the directories above them, these with a '/' at the end."""
    paths = set()
    for key in keys:
        parts = key.split("/")
        paths.add(key)
        paths.update("/".join(parts[:i]) + "/" for i in range(1, len(parts)))
    return paths


def folder_of_edit(edit, manifest, keys, name="cut"):
    """What the holder of an edit that World.edit() made has below edits/."""
    links = [re.sub(r"[\0-\x1f\x7f]", "_", key.rpartition("/")[2]) for key in keys]
    return with_parents(f"edits/{name}-{edit}/{path}" for path in [
        manifest.rpartition("/")[2], "shots.csv",
        *(f"clip {i}/{link}" for i, link in enumerate(links))])


def made_of(manifest):
    """What the holders of an edit see beside its objects: the manifest and the list of shots."""
    return [manifest, manifest.removesuffix(".otio") + ".shots.csv"]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def errno_of(function, *args, **kwargs):
    """0, or the errno of the OSError that the call raises."""
    try:
        result = function(*args, **kwargs)
    except OSError as error:
        return error.errno
    if isinstance(result, int) and function is os.open:
        os.close(result)
    return 0


def is_mounted(path):
    """Whether something is mounted there, also where its daemon is gone."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as f:
        return any(_unescaped(line.split(" ")[4]) == path for line in f)


def _unescaped(text):
    """mountinfo writes blanks and such as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), text)


def processes_with(text):
    """The pids of processes whose command line holds `text`, in rising order."""
    pids = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as f:
            if os.fsencode(text) in f.read() and int(name) != os.getpid():
                pids.append(int(name))
    return sorted(pids)


def command_of(pid):
    """The first word of a process's command line."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
        return os.fsdecode(f.read().split(b"\0")[0])
    return None


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def as_uid(uid, function, *args):
    """function(*args) in a child process of that uid, without any group but its own; returns its
    result or raises its exception."""
    with Helper(uid) as helper:
        return helper.call(function, *args)


class Helper:
    """A child process, of another uid if wanted, that calls functions for the test.  It is made
    by fork: whatever the test has in memory and open, it has too."""

    def __init__(self, uid=None):
        self._to, self._from = os.pipe(), os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._serve(uid)
        os.close(self._to[0])
        os.close(self._from[1])
        self._commands = os.fdopen(self._to[1], "wb")

    def _serve(self, uid):
        try:
            os.close(self._to[1])
            os.close(self._from[0])
            if uid is not None:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            commands = os.fdopen(self._to[0], "rb")
            while True:
                function, args = pickle.load(commands)
                try:
                    answer = (True, function(*args))
                except Exception as error:  # pylint: disable=broad-except
                    answer = (False, error)
                os.write(self._from[1], _framed(answer))
        except EOFError:
            os._exit(0)
        finally:
            os._exit(1)

    def call(self, function, *args):
        self.start(function, *args)
        return self.answer()

    def start(self, function, *args):
        pickle.dump((function, args), self._commands)
        self._commands.flush()

    def answer(self, seconds=COMMAND_SECONDS):
        size = int.from_bytes(self._receive(8, seconds), "little")
        done, value = pickle.loads(self._receive(size, seconds))
        if done:
            return value
        raise value

    def has_answer(self):
        """Whether it has answered, or has ended."""
        return bool(select.select([self._from[0]], [], [], 0)[0])

    def _receive(self, size, seconds):
        data = b""
        while len(data) < size:
            if not select.select([self._from[0]], [], [], seconds)[0]:
                raise Failed(f"a child did not answer within {seconds} s")
            part = os.read(self._from[0], size - len(data))
            if not part:
                status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                self.pid = 0
                raise Died(status)
            data += part
        return data

    def close(self):
        with contextlib.suppress(OSError):
            self._commands.close()
        os.close(self._from[0])
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _framed(value):
    try:
        data = pickle.dumps(value)
    except Exception:  # an exception that cannot be pickled
        data = pickle.dumps((False, Failed(repr(value[1]))))
    return len(data).to_bytes(8, "little") + data


class Host:
    """One machine that uses the lake: a state directory of its own, and the command line."""

    def __init__(self, world, name):
        self.world, self.state = world, os.path.join(world.dir, f"state-{name}")
        os.mkdir(self.state, 0o700)

    def env(self, **more):
        values = dict(os.environ, SHOTLAKE_LAKE=self.world.lake.url, SHOTLAKE_STATE=self.state)
        for name in ("SHOTLAKE_PRINCIPALS", "PYTHONPATH"):
            values.pop(name, None)
        values[RUN_TOKEN] = os.environ.get(RUN_TOKEN, self.world.dir)
        for name in SANITIZERS:
            log = "log_path=" + os.path.join(self.world.dir, "sanitizer")
            values[name] = ":".join(filter(None, [values.get(name), log]))
        values.update(more)
        return {k: v for k, v in values.items() if v is not None}

    def call(self, *words, env=None, stdin=None, **options):
        """Runs the command; returns the finished process, whatever its status."""
        try:
            return subprocess.run(
                [self.world.binary, *words], env=self.env(**(env or {})), text=True,
                input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=COMMAND_SECONDS,
                errors="surrogateescape", cwd=self.world.dir, check=False, **options)
        except subprocess.TimeoutExpired:
            raise Failed(f"'{' '.join(words)}' did not end, or left its output open") from None

    def run(self, *words, status=0, **options):
        """Runs the command and checks its exit status; returns its stdout."""
        done = self.call(*words, **options)
        if done.returncode != status:
            raise Failed(f"'{' '.join(words)}': status {done.returncode} instead of {status}; "
                         f"{done.stdout.strip()} {done.stderr.strip()}")
        return done.stdout

    def json(self, *words, status=0, **options):
        return json.loads(self.run("--json", *words, status=status, **options))

    def view(self, principal):
        """The paths of `shotlake view`."""
        return self.run("view", principal).splitlines()


class World:
    """A lake with everything around it, in a temporary directory."""

    def __init__(self, name):
        self.name, self.binary = name, binary()
        self.dir = tempfile.mkdtemp(prefix=f"shotlake-{name}-")
        os.chmod(self.dir, 0o711)
        self.mounts, self.children = [], []
        self.lake = S3Lake() if kind() == "s3" else DirLake(self.dir)
        self.host = Host(self, "first")
        os.mkdir(self.path("mnt"), 0o711)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(text)
        return self.path(name)

    def another_host(self, name="second"):
        return Host(self, name)

    # The lake and its policy

    def put(self, *keys, size=5000):
        for key in keys:
            self.lake.put(key, content(key, size))

    def ready(self, *keys, size=5000):
        """Puts objects; makes the ledger and the inventory."""
        self.put(*keys, size=size)
        self.host.run("init")
        self.host.run("scan")

    def timeline(self, keys, name="cut"):
        """The path of an .otio file that uses the objects, each by its address in the lake."""
        urls = [self.lake.address(key) for key in keys]
        return self.timeline_of_urls(urls, name)

    def timeline_of_urls(self, urls, name="cut"):
        clips = [{"OTIO_SCHEMA": "Clip.1", "name": f"clip {i}", "media_reference": {
            "OTIO_SCHEMA": "ExternalReference.1", "target_url": url}}
            for i, url in enumerate(urls)]
        track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": clips}
        return self.write(f"{name}.otio", json.dumps(
            {"OTIO_SCHEMA": "Timeline.1", "name": name,
             "tracks": {"OTIO_SCHEMA": "Stack.1", "children": [track]}}))

    def edit(self, *keys, name="cut", status=0):
        """Conforms a timeline of these objects; returns the edit's id and the manifest's key."""
        out = self.host.json("conform", self.timeline(keys, name), "--name", name, status=status)
        return out["edit"], out["manifest"]

    def grant(self, edit, principal, until=FOREVER, host=None):
        (host or self.host).run("grant", edit, principal, "--until", until)

    def granted(self, principal, *keys):
        """An edit of these objects that the principal holds; its id and the manifest's key."""
        edit, manifest = self.edit(*keys, name=f"cut of {principal}")
        self.grant(edit, principal)
        return edit, manifest

    def principals(self, **uids):
        """Writes the principals file; returns the option that names it."""
        users = [{"id": name, "uid": uid} for name, uid in uids.items()]
        path = self.write("principals.json", json.dumps({"users": users}))
        return ["--principals", path]

    def acl(self, path, *names, host=None):
        """Replaces the ACL of a path: those users may read."""
        entries = [{"principalType": "USER", "principal": n, "accessTypes": ["read"]}
                   for n in names]
        (host or self.host).run("acl", "set", path, "-", stdin=json.dumps(entries))

    # Mounts

    def mountpoint(self, name):
        path = self.path("mnt", name)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o755)
        if path not in self.mounts:
            self.mounts.append(path)
        return path

    def mount(self, principal, *options, name=None, host=None, **how):
        """Mounts the view of a principal; returns the mountpoint."""
        path = self.mountpoint(name or principal)
        (host or self.host).run("mount", path, "--as", principal, *_polling(options), **how)
        return path

    def mount_per_caller(self, *options, name="all", host=None, **how):
        path = self.mountpoint(name)
        (host or self.host).run("mount", path, "--per-caller", *_polling(options), **how)
        return path

    def start_mount(self, principal, *options, name=None, host=None):
        """A mount that stays in front, as a child of the test: (mountpoint, process)."""
        path = self.mountpoint(name or principal)
        with open(self.path(f"{os.path.basename(path)}.log"), "ab") as log:
            child = subprocess.Popen(
                [self.binary, "mount", path, "--as", principal, "-f", *_polling(options)],
                env=(host or self.host).env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.dir)
        self.children.append(child)
        eventually(lambda: is_mounted(path) or child.poll() is not None, "the mount is there")
        if child.poll() is not None:
            raise Failed(f"mount -f ended with {child.returncode}: {read(log.name).decode()}")
        return path, child

    def unmount(self, path, *options, status=0):
        return self.host.run("unmount", path, *options, status=status)

    def daemons(self, mountpoint):
        """The pids of the processes that serve a mount."""
        return [p for p in processes_with(mountpoint) if command_of(p) == self.binary]

    def run_files(self):
        """What mounts have left in the run/ folders of the state directories."""
        return sorted(glob.glob(self.path("state-*", "**", "run", "*"), recursive=True))

    # The end

    def sanitizer_reports(self):
        reports = [read(p).decode("utf-8", "replace")
                   for p in sorted(glob.glob(self.path("sanitizer*")))]
        return "\n".join(reports)

    def close(self):
        for path in reversed(self.mounts):
            if is_mounted(path):
                subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL, check=False,
                               timeout=COMMAND_SECONDS)
        for child in self.children:
            if child.poll() is None:
                child.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(5)
            if child.poll() is None:
                child.kill()
                child.wait()
        with contextlib.suppress(Failed):
            eventually(lambda: not any(map(self.daemons, self.mounts)), "daemons end", 5)
        for pid in {p for m in self.mounts for p in self.daemons(m)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.lake.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def _polling(options):
    """Quick polls, unless the test says otherwise."""
    return options if "--poll" in options else ("--poll", "1", *options)


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def need_mounts():
    need_root()
    if not os.path.exists("/dev/fuse"):
        raise Skip("no /dev/fuse on this machine")


@contextlib.contextmanager
def another_world(world):
    """A second lake with everything of its own, for the length of a `with`."""
    other = World(world.name)
    try:
        yield other
        reports = other.sanitizer_reports()
        check(not reports, f"a sanitizer reported:\n{reports}")
    finally:
        other.close()


def _attempt(test, name):
    world = World(name)
    try:
        test(world)
        reports = world.sanitizer_reports()
        if reports:
            raise Failed(f"a sanitizer reported:\n{reports}")
    except Skip:
        raise
    except Exception:
        print(world.sanitizer_reports())
        raise
    finally:
        world.close()


def run(test, lakes=("dir", "s3"), mounts=True):
    """The main() of a test: prints one line and exits."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that World.close() runs
    try:
        if kind() not in lakes:
            raise Skip(f"only for a lake of kind {' or '.join(lakes)}")
        if mounts:
            need_mounts()
        _attempt(test, name)
    except Skip as why:
        print(f"{name}: skipped: {why}")
        sys.exit(77)
    except Exception as error:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        print(f"{name}: FAILED: {type(error).__name__}: {error}")
        sys.exit(1)
    print(f"{name}: ok")
    sys.exit(0)


