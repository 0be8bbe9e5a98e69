"""A mountpoint that cannot be one is refused with a clear line: absent, a file, mounted already; so
is a lake without a ledger.  A mountpoint with a blank, or given relative, works."""

import os
import urllib.parse

import common
from common import check, equal

KEY = "show/a.mov"


def refused(world, *words):
    done = world.host.call(*words)
    equal(done.returncode, 1, f"status of {words}: {done.stderr}")
    check(done.stderr.startswith("shotlake: ") and done.stderr.count("\n") == 1,
          f"one line on stderr of {words}: {done.stderr!r}")
    return done.stderr


def test(world):
    world.put(KEY)
    refused(world, "mount", world.mountpoint("acme"), "--as", "acme")
    check(not common.is_mounted(world.mountpoint("acme")), "no ledger, no mount")
    world.host.run("init")
    world.host.run("scan")
    world.granted("acme", KEY)

    line = refused(world, "mount", world.path("absent"), "--as", "acme")
    check("absent" in line and "No such file" in line, line)
    line = refused(world, "mount", world.write("a-file", ""), "--as", "acme")
    check("a-file" in line and "irectory" in line, line)
    refused(world, "mount", world.write("a-file", "") + "/below", "--as", "acme")

    if world.lake.url.startswith("file://"):
        inside = urllib.parse.unquote(world.lake.url[len("file://"):])
        for at in (inside, f"{inside}/show"):
            line = refused(world, "mount", at, "--as", "acme")
            check("lake's own directory" in line, line)

    at = world.mount("acme")
    line = refused(world, "mount", at, "--as", "acme")
    check("already" in line, line)
    refused(world, "mount", at, "--as", "rival")
    equal(common.read(f"{at}/{KEY}"), common.content(KEY, 5000), "the first mount goes on")
    status = world.host.json("status", at)
    equal(status.get("principal"), "user:acme", "principal of the status")
    world.unmount(at)

    odd = world.mountpoint("with a blank\tand a tab")
    world.host.run("mount", os.path.relpath(odd, world.dir) + "/", "--as", "acme")
    equal(common.read(f"{odd}/{KEY}"), common.content(KEY, 5000), "through the odd mountpoint")
    world.unmount(odd)
    check(os.listdir(odd) == [] and not world.daemons(odd), "the odd one is gone")


if __name__ == "__main__":
    common.run(test)
