"""Where the bench works: mounts that nobody else sees, processes that end with it, empty caches.

    with Place() as place:
        place.spawn("s3fs", ["s3fs", …], env)
        place.drop_caches()

The process gets a mount namespace of its own, so that its mounts are gone with its last process,
however that ended; nobody else's search or monitor touches them meanwhile.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
TICK = os.sysconf("SC_CLK_TCK")

_libc = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """Something that is measured, or measures, did not do its work."""


def check_machine():
    """Ends the program with a sentence where nothing can be measured."""
    if os.geteuid() != 0:
        sys.exit("tests/bench/run: needs root: it mounts, and drops the page cache")
    if not os.path.exists("/dev/fuse"):
        sys.exit("tests/bench/run: there is no /dev/fuse here")


def _own_mounts():
    def must(result, what):
        if result != 0:
            raise BenchError(f"{what}: {os.strerror(ctypes.get_errno())}")

    must(_libc.unshare(CLONE_NEWNS), "a mount namespace of its own")
    must(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")


def _tied_to(parent):
    def tie():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


class Place:
    """A folder on a disk, and the processes that work in it."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="shotlake-bench-",
                                    dir=os.environ.get("TMPDIR", "/var/tmp"))
        self._processes = []

    def __enter__(self):
        def stop(signum, _frame):
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(each, signal.SIG_IGN)  # not into the cleaning up
            raise SystemExit(128 + signum)

        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, stop)
        # Also when this process is killed: what is left then is a folder, for the mounts are gone.
        script = ('cat; for i in 1 2 3 4 5; do rm -rf --one-file-system -- "$1" && exit; '
                  'sleep 1; done')
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", self.top], stdin=subprocess.PIPE, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        _own_mounts()
        return self

    def __exit__(self, *_):
        for process in reversed(self._processes):
            if process.poll() is None:
                process.kill()
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as f:
            points = [line.split()[1] for line in f]
        for point in reversed(points):
            if point.startswith(self.top + "/"):
                _libc.umount2(os.fsencode(point), MNT_DETACH)
        for process in self._processes:
            process.wait()
        shutil.rmtree(self.top, ignore_errors=True)
        self._janitor.stdin.close()
        self._janitor.wait()

    def dir(self, name, mode=0o755):
        path = os.path.join(self.top, name)
        os.makedirs(path, mode, exist_ok=True)
        return path

    def empty(self, name, mode=0o700):
        """A folder with nothing in it."""
        path = os.path.join(self.top, name)
        shutil.rmtree(path, ignore_errors=True)
        return self.dir(name, mode)

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.top, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w",
                  encoding="utf-8") as f:
            f.write(text)
        return path

    def log(self, name):
        return os.path.join(self.top, name + ".log")

    def said(self, name, most=400):
        """The end of what a process has said."""
        try:
            with open(self.log(name), encoding="utf-8", errors="replace") as f:
                return " ".join(f.read()[-most:].split())
        except FileNotFoundError:
            return ""

    def spawn(self, name, command, env=None, **popen):
        """Starts a process that cannot outlive this one; its output goes to log(name)."""
        self._processes = [p for p in self._processes if p.poll() is None]
        with open(self.log(name), "wb") as out:
            popen = {"stdout": out, "stderr": subprocess.STDOUT, **popen}
            process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, cwd="/",
                                       start_new_session=True, preexec_fn=_tied_to(os.getpid()),
                                       **popen)
        self._processes.append(process)
        return process

    def run(self, name, command, env=None, seconds=600):
        """Runs a program to its end; returns what it printed on stdout."""
        with open(self.log(name), "wb") as err:
            process = self.spawn(name + ".out", command, env, stdout=subprocess.PIPE, stderr=err)
        try:
            out, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise BenchError(f"{name}: no end after {seconds} s") from None
        if process.returncode != 0:
            raise BenchError(f"{name}: status {process.returncode}: {self.said(name)}")
        return out.decode("utf-8", "replace")

    def detach(self, point):
        _libc.umount2(os.fsencode(point), MNT_DETACH)

    @staticmethod
    def drop_caches():
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
            f.write("3")


def wait_until(condition, what, seconds=30, pause=0.002):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise BenchError(f"not within {seconds} s: {what}")
        time.sleep(pause)


def cpu_seconds(pid):
    """What the process has used so far, in user and kernel."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
