"""A conform against a lake that was never scanned says so; once anything is known it does not."""

import common
from common import equal

HINT = "run 'shotlake scan'"


def test(world):
    world.put("show/a.mov")
    world.host.run("init")
    cut = world.timeline_of_urls(["file:///x/a.mov", "file:///x/absent.mov"])
    folder = world.mountpoint("drop")

    def conform(*options):
        done = world.host.call("conform", cut, *options)
        equal(done.returncode, 3, done.stderr)
        return done.stderr.count(HINT)

    def watched(name):
        with open(f"{folder}/{name}.otio", "wb") as f:
            f.write(common.read(cut))
        world.host.run("watch", folder, "--once", "--settle", "0")
        return common.read(f"{folder}/{name}.otio.report.txt").decode().count(HINT)

    equal([conform("--dry-run"), conform(), conform("--json"), watched("one")], [1, 1, 1, 1],
          "hints before the scan, also where the index has the files of an edit")
    world.host.run("scan")
    equal([conform("--dry-run"), conform(), watched("two")], [0, 0, 0], "hints after it")


if __name__ == "__main__":
    common.run(test, mounts=False)
