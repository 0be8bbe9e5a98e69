#!/usr/bin/python3
"""Runs the mount tests: one line each, and `N passed, N failed, N skipped` at the end.

    run.py [--list] [-v] [-j N] [NAME...]

Each test is a script beside this one and runs by itself too.  $SHOTLAKE_BIN is the binary,
$SHOTLAKE_TEST_LAKE the kind of lake ("dir" or "s3").  NAMEs select tests whose names contain one of
them.  Whatever a test leaves behind (mounts, processes that it started, files) is removed and, where
the test had passed, makes it fail.
"""

import argparse
import concurrent.futures
import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NO_TESTS = ("run", "common", "cached", "copies", "lakes", "calls", "scene", "patterns", "readers",
            "tokens", "watchers")
# Alone, as they measure time or load the machine.
ALONE = ("hidden_and_absent_take_the_same_time", "grants_begin_and_end_by_the_clock", "reconform")
# Those that one kind of lake alone can show; not run, and no skip, on the other.
ONLY = {"plain_user_mount": "dir", "silent_store_does_not_hang_reads": "s3",
        "store_refusal_is_eacces": "s3", "adopts_a_shot_locker_bucket": "s3",
        "iam_users_read_what_they_hold": "s3", "long_sequence_with_holes": "dir",
        "users_have_passwords": "dir", "warm_goes_on_where_it_was": "dir", "login_at_a_provider": "dir"}
# They measure the program's memory, so not a sanitizer's: the suite runs them with a release build.
RELEASE = ("memory_stays_within_its_budget",)
TIMEOUT = 240
TOKEN = "SHOTLAKE_TEST_RUN"


def is_sanitized():
    with open(os.environ["SHOTLAKE_BIN"], "rb") as f:
        program = f.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def all_tests():
    names = sorted(n[:-3] for n in os.listdir(HERE) if n.endswith(".py"))
    kind = os.environ.get("SHOTLAKE_TEST_LAKE", "dir")
    apart = RELEASE if is_sanitized() else ()
    return [n for n in names if n not in NO_TESTS + apart and ONLY.get(n, kind) == kind]


def started_by(token):
    """The pids of processes that have the token in their environment."""
    mark, found = f"{TOKEN}={token}\0".encode(), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as f:
            if mark in f.read() + b"\0" and int(name) != os.getpid():
                found.append(int(name))
    return found


def mounts_below(folder):
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as f:
        points = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), line.split(" ")[4])
                  for line in f]
    return [p for p in points if p.startswith(folder + "/")]


def clean(token, folder):
    """Removes what a test has left; returns what that was."""
    left = []
    for point in reversed(mounts_below(folder)):
        left.append(f"mount {os.path.relpath(point, folder)}")
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    end = time.monotonic() + 5
    while started_by(token) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in started_by(token):
        left.append(f"process {pid}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    left += [f"folder {name}" for name in os.listdir(folder)]
    shutil.rmtree(folder, ignore_errors=True)
    return left


def run_one(name):
    """(status, seconds, output, reason)"""
    token, folder = secrets.token_hex(8), tempfile.mkdtemp(prefix="shotlake-run-")
    os.chmod(folder, 0o711)
    env = dict(os.environ, **{TOKEN: token, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"})
    began = time.monotonic()
    try:
        done = subprocess.run([sys.executable, os.path.join(HERE, name + ".py")], env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=TIMEOUT, start_new_session=True)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, output = 1, f"{(late.stdout or b'').decode(errors='replace')}\nno end in {TIMEOUT} s"
    seconds = time.monotonic() - began
    left = clean(token, folder)
    lines = output.strip().splitlines() or [""]
    if left and status == 0:
        status, output = 1, output + "\nleft behind: " + ", ".join(left)
    return status, seconds, output, lines[-1].partition("skipped: ")[2]


def report(name, result, verbose):
    status, seconds, output, reason = result
    word = {0: "ok", 77: "SKIP"}.get(status, "FAILED")
    print(f"{name:44} {word:6} {seconds:6.1f} s  {reason}", flush=True)
    if word == "FAILED" or verbose:
        print("\n".join("    " + line for line in output.strip().splitlines()), flush=True)
    return word


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the tests and run none")
    parser.add_argument("-v", action="store_true", help="show the output of every test")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="so many at once (default 2)")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    chosen = [n for n in all_tests() if not args.names or any(a in n for a in args.names)]
    if args.list:
        print("\n".join(chosen))
        return 0
    if not os.access(os.environ.get("SHOTLAKE_BIN", ""), os.X_OK):
        sys.exit("run.py: SHOTLAKE_BIN names no program")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    words = []
    with concurrent.futures.ThreadPoolExecutor(max(1, args.j)) as pool:
        together = [n for n in chosen if n not in ALONE]
        for name, result in zip(together, pool.map(run_one, together)):
            words.append(report(name, result, args.v))
    for name in (n for n in chosen if n in ALONE):
        words.append(report(name, run_one(name), args.v))
    passed, skipped = words.count("ok"), words.count("SKIP")
    failed = len(words) - passed - skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not words else 0


if __name__ == "__main__":
    sys.exit(main())
