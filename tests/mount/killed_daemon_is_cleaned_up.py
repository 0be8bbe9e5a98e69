"""After kill -9 of the daemon the mountpoint is dead (ENOTCONN), and either the next mount or an
unmount puts it right; nothing is left behind."""

import errno
import os
import signal

import common
from common import check, equal, eventually

KEY = "show/a.mov"


def kill(world, at):
    pids = world.daemons(at)
    check(pids, "there is a daemon")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(common.is_alive, pids)), "the daemon ends")
    # Not stat(2): the kernel may answer that from what it has kept.
    eventually(lambda: common.errno_of(os.statvfs, at) == errno.ENOTCONN, "ENOTCONN")
    done = world.host.call("status", at)
    equal(done.returncode, 1, f"status of a dead mount: {done}")
    equal(done.stderr.count("\n"), 1, f"lines on stderr: {done.stderr!r}")


def mount_again(world, at, what):
    """The next mount cleans the dead one."""
    done = world.host.call("mount", at, "--as", "acme", "--poll", "1")
    equal((done.returncode, done.stdout), (0, ""), f"mount over {what}: {done.stderr.strip()}")
    equal(common.read(f"{at}/{KEY}"), common.content(KEY, 5000), "it works")
    mounts = [line for line in common.read("/proc/self/mountinfo").decode().splitlines()
              if line.split(" ")[4] == at]
    equal(len(mounts), 1, f"mounts on the mountpoint after {what}")


def test(world):
    world.ready(KEY)
    world.granted("acme", KEY)
    at = world.mount("acme")
    kill(world, at)
    mount_again(world, at, "one that was never used")

    common.tree(at)
    os.stat(at)
    kill(world, at)
    mount_again(world, at, "one whose names and attributes the kernel has kept")

    with open(f"{at}/{KEY}", "rb") as f:
        f.read(10)
        kill(world, at)
        mount_again(world, at, "one with an open file")
        check(common.errno_of(os.pread, f.fileno(), 10, 0) in (errno.ENOTCONN, 0), "the old file")
    kill(world, at)
    world.unmount(at)
    check(not common.is_mounted(at), "the dead mount is gone")
    equal(os.listdir(at), [], "the mountpoint is a directory again")
    world.mount("acme")
    world.unmount(at)
    equal(world.run_files(), [], "files left in the state directory")


if __name__ == "__main__":
    common.run(test)
