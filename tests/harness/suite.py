#!/usr/bin/python3
"""Builds shotlake with and without sanitizers and runs every test.

    suite.py [--list] [NAME...]

One line a step while it runs, the output of a step only where it failed, and
`N passed, N failed, N skipped` at the end.  Build trees are kept in build/ of
the source tree (or $SHOTLAKE_BUILD), so that a second run is quick.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SHOTLAKE_BUILD", os.path.join(ROOT, "build"))
PYTHON = "/usr/bin/python3"
STEP_TIMEOUT = 1500

TREES = {
    "release": ["--buildtype=release"],
    "asan": ["-Db_sanitize=address,undefined", "-Db_lundef=false", "--optimization=1", "--debug"],
    "tsan": ["-Db_sanitize=thread", "-Db_lundef=false", "--optimization=1", "--debug"],
}
SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
# The only tests that may skip in CI: what they read is not part of the project.
MAY_SKIP = ("corpus", "vectors")


def binary(tree):
    return os.path.join(BUILD, tree, "tools", "shotlake")


def driver(tree):
    return os.path.join(BUILD, tree, "tests", "decide_batch")


def python(*words):
    return [PYTHON, os.path.join(ROOT, words[0]), *words[1:]]


def with_rgw(command):
    return python("tests/harness/rgw.py", "run", "--bucket", "lake", "--") + command


def meson(tree, *suites):
    args = [a for s in suites for a in ("--suite", s)]
    return ["meson", "test", "-C", os.path.join(BUILD, tree), "--no-rebuild",
            "--print-errorlogs", *args]


class Step:
    def __init__(self, name, command, tree=None, env=None):
        self.name, self.command, self.tree, self.env = name, command, tree, env or {}


def build_steps():
    steps = []
    for tree, options in TREES.items():
        where = os.path.join(BUILD, tree)
        if not os.path.exists(os.path.join(where, "build.ninja")):
            werror = ["--werror"] if os.environ.get("CI") else []
            steps.append(Step(f"set up {tree}", ["meson", "setup", where, ROOT, *options, *werror]))
        steps.append(Step(f"build {tree}", ["ninja", "-C", where]))
    return steps


def test_steps():
    dir_lake, s3_lake = {"SHOTLAKE_TEST_LAKE": "dir"}, {"SHOTLAKE_TEST_LAKE": "s3"}
    steps = [
        Step("lint includes", python("tests/lint/includes.py", ROOT)),
        Step("lint design", python("tests/lint/design.py", ROOT)),
        Step("lint words", python("tests/lint/words.py", ROOT)),
        Step("lint help", python("tests/lint/help.py", ROOT, binary("release")), "release"),
        Step("bench arithmetic", python("tests/bench/run", "--self-test")),
        Step("unit", meson("asan", "unit"), "asan"),
        Step("fuzz corpus replay", meson("asan", "fuzz"), "asan"),
        Step("threads", meson("tsan", "threads"), "tsan"),
        Step("sign in at a real provider",
             python("tests/oidc/against_a_provider.py",
                    os.path.join(BUILD, "asan", "tests", "auth_client")), "asan"),
        Step("s3 store on a real server",
             with_rgw([os.path.join(BUILD, "asan", "tests", "test_s3_http")]), "asan",
             {"SHOTLAKE_TEST_S3": "1"}),
        Step("oracle decisions",
             python("tests/oracle/test_decisions.py", "--driver", driver("release"), "--decisions",
                    "2000000"), "release"),
        Step("oracle decisions sanitized",
             python("tests/oracle/test_decisions.py", "--driver", driver("asan"), "--decisions",
                    "300000"), "asan"),
        Step("oracle dir", python("tests/oracle/test_world.py", "--lake", "dir", "--mount",
                                  "--changes", "50"), "release"),
        Step("oracle s3", with_rgw(python("tests/oracle/test_world.py", "--lake", "s3", "--mount",
                                          "--changes", "200")), "release"),
        Step("oracle sanitized", with_rgw(python("tests/oracle/test_world.py", "--lake", "s3",
                                                 "--mount", "--changes", "20")), "asan"),
        Step("writers dir", python("tests/oracle/test_writers.py", "--lake", "dir"), "asan"),
        Step("writers s3", with_rgw(python("tests/oracle/test_writers.py", "--lake", "s3")),
             "asan"),
        Step("kill dir", python("tests/oracle/test_kill.py", "--lake", "dir"), "release"),
        Step("kill s3", with_rgw(python("tests/oracle/test_kill.py", "--lake", "s3")), "release"),
        Step("mount dir", python("tests/mount/run.py"), "asan", dir_lake),
        Step("mount s3", with_rgw(python("tests/mount/run.py")), "asan", s3_lake),
        Step("mount memory", with_rgw(python("tests/mount/run.py", "memory_stays")), "release",
             s3_lake),
        Step("demo", [os.path.join(ROOT, "tools", "demo")], "release"),
    ]
    return steps


def count(step, output, code):
    """(passed, failed, skipped) of a step, from its own closing lines where it has them."""
    ours = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped", output, re.M)
    if ours:
        return tuple(map(int, ours[-1]))
    of_meson = {k: int(n) for k, n in re.findall(r"^(Ok|Fail|Skipped|Timeout):\s+(\d+)", output, re.M)}
    if of_meson:
        return (of_meson.get("Ok", 0), of_meson.get("Fail", 0) + of_meson.get("Timeout", 0),
                of_meson.get("Skipped", 0))
    if code == 77:
        return 0, 0, 1
    return (1, 0, 0) if code == 0 else (0, 1, 0)


def skips_allowed(output):
    """In CI a skip is a failure, but for what reads the corpora that are no part of the project."""
    skipped = re.findall(r"^.*\bSKIP\b.*$", output, re.M)
    return all(any(word in line for word in MAY_SKIP) for line in skipped)


def run(step):
    env = dict(os.environ, **SANITIZER_ENV, **step.env)
    if step.tree:
        env["SHOTLAKE_BIN"] = binary(step.tree)
    began = time.monotonic()
    with tempfile.TemporaryFile(mode="w+", errors="replace") as out:
        try:
            code = subprocess.run(step.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=subprocess.STDOUT,
                                  timeout=STEP_TIMEOUT).returncode
        except subprocess.TimeoutExpired:
            code = 1
            out.write(f"\nno end after {STEP_TIMEOUT} s\n")
        out.seek(0)
        output = out.read()
    counts = list(count(step, output, code))
    if os.environ.get("CI") and counts[2] and not skips_allowed(output):
        output += "\na test was skipped, which CI does not allow\n"
        code = 1
    if code not in (0, 77) and counts[1] == 0:
        counts[1] = 1
    word = "FAILED" if counts[1] else "skipped" if counts[0] == 0 else "ok"
    print(f"{step.name:28} {word:8} {time.monotonic() - began:6.0f} s  "
          f"({counts[0]} passed, {counts[1]} failed, {counts[2]} skipped)", flush=True)
    if counts[1] or "-v" in sys.argv:
        print(output, flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the steps and run none")
    parser.add_argument("-v", action="store_true", help="show the output of every step")
    parser.add_argument("names", nargs="*", help="run only steps whose name contains one of these")
    args = parser.parse_args()
    steps = [s for s in test_steps() if not args.names or any(n in s.name for n in args.names)]
    if args.list:
        print("\n".join(s.name for s in steps))
        return 0
    if not steps:
        print(f"no step has {' or '.join(args.names)} in its name: see --list")
        return 2
    for step in build_steps():
        if run(step)[1]:
            print("0 passed, 1 failed, 0 skipped")
            return 1
    total = [sum(n) for n in zip(*(run(s) for s in steps))]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
