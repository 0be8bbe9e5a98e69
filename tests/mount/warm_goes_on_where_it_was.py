"""`cache warm` ends at SIGINT, with what it has in the cache; the next one fetches the rest alone."""

import fcntl
import os
import signal
import subprocess

import cached
import common
from common import check, equal, eventually

SIZE = cached.MIB
CUT = [f"show/plate.{i:04}.exr" for i in range(8)]
HELD = 4  # the warming stops in front of this one


def interrupted(world, edit):
    """A lease on an object's file holds up whoever opens it, for as long as the test wants."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # tells who holds a lease that another wants in
    fd = os.open(world.lake.path(CUT[HELD]), os.O_RDWR)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    words = ["--json", "cache", "warm", edit, "--cache", cached.folder(world), "--jobs", "1"]
    with subprocess.Popen([world.binary, *words], env=world.host.env(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as child:
        world.children.append(child)
        eventually(lambda: os.path.exists(world.path("cache", "table")) and
                   cached.holds(world)["held_bytes"] >= HELD * SIZE, "what comes before it is there")
        child.send_signal(signal.SIGINT)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(fd)
        out, err = child.communicate(timeout=common.COMMAND_SECONDS)
    equal(child.returncode, 1, f"the interrupted warming: {out} {err}")
    check("run it again" in err, f"it says what to do: {err}")
    return common.json.loads(out)


def test(world):
    world.ready(*CUT, size=SIZE)
    edit, manifest = world.granted("acme", *CUT)
    n = len(CUT) + len(common.made_of(manifest))
    done = interrupted(world, edit)
    check(done["interrupted"] and HELD <= done["kept"] < n, f"interrupted: {done}")
    rest = world.host.json("cache", "warm", edit, "--cache", cached.folder(world))
    equal((rest["there"], rest["fetched"], rest["kept"]),
          (done["kept"], n - done["kept"], n), "the second warming")
    at = world.mount("acme", *cached.option(world))
    cached.read_all(at, CUT, SIZE)
    equal(cached.figures(world, at)[0], 0, "bytes from the store")


if __name__ == "__main__":
    common.run(test)
