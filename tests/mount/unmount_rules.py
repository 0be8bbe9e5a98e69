"""unmount says busy while a file is open and leaves the mount as it is; --lazy detaches it; a
directory that is no mount of ours is refused; SIGTERM ends a mount cleanly, with files and
directories open too."""

import contextlib
import os
import signal

import common
from common import check, equal, eventually

KEY = "show/a.mov"


def refused(world, *words, status=1):
    done = world.host.call(*words)
    equal(done.returncode, status, f"status of {words}: {done.stderr}")
    check(done.stderr.count("\n") == 1 and done.stderr.startswith("shotlake: "),
          f"one line on stderr of {words}: {done.stderr!r}")
    return done.stderr


def busy_and_lazy(world):
    at = world.mount("acme")
    with open(f"{at}/{KEY}", "rb") as f:
        line = refused(world, "unmount", at)
        check("in use" in line and "--lazy" in line, f"unmount of a busy mount: {line}")
        equal(f.read(), common.content(KEY, 5000), "the open file afterwards")
        check(common.is_mounted(at), "a busy mount stays")
        world.unmount(at, "--lazy")
        check(not common.is_mounted(at), "--lazy detaches")
        f.seek(0)
        equal(f.read(), common.content(KEY, 5000), "the open file of a detached mount")
        pids = world.daemons(at)
    eventually(lambda: not any(map(common.is_alive, pids)), "the detached daemon ends")


def terminated(world):
    at, child = world.start_mount("acme")
    equal(common.read(f"{at}/{KEY}"), common.content(KEY, 5000), "-f serves")
    for number in (signal.SIGTERM, signal.SIGINT):
        held = [os.open(at, os.O_RDONLY), os.open(f"{at}/{KEY}", os.O_RDONLY)]
        child.send_signal(number)
        eventually(lambda: child.poll() is not None, f"{number.name} ends it")
        for fd in held:
            with contextlib.suppress(OSError):  # the mount is gone
                os.close(fd)
        equal(child.returncode, 0, f"status after {number.name}")
        check(not common.is_mounted(at), f"{number.name} unmounts")
        at, child = world.start_mount("acme")
    world.unmount(at)
    eventually(lambda: child.poll() is not None, "unmount ends it")
    equal(child.returncode, 0, "status after unmount")
    at = world.mount("acme")
    for pid in world.daemons(at):
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not common.is_mounted(at), "SIGTERM unmounts one in the background")


def test(world):
    world.ready(KEY)
    world.granted("acme", KEY)
    refused(world, "unmount", world.mountpoint("nothing"))
    refused(world, "unmount", world.path("absent"))
    refused(world, "unmount", "/proc")
    check(common.is_mounted("/proc"), "/proc is not ours to unmount")
    refused(world, "status", world.mountpoint("nothing"))
    busy_and_lazy(world)
    terminated(world)
    eventually(lambda: world.run_files() == [], "no files are left in the state directory")


if __name__ == "__main__":
    common.run(test)
