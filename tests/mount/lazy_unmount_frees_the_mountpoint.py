"""After unmount --lazy the mountpoint can be mounted again at once, while a file of the detached
mount is still open; each goes on by itself, and the end of the old one does not touch the new."""

import common
from common import check, equal, eventually

KEY = "show/a.mov"


def test(world):
    world.ready(KEY)
    edit, _ = world.granted("acme", KEY)
    at = world.mount("acme")
    with open(f"{at}/{KEY}", "rb") as f:
        old = world.daemons(at)
        world.unmount(at, "--lazy")
        world.mount("acme")
        equal(common.read(f"{at}/{KEY}"), common.content(KEY, 5000), "the new mount")
        equal(f.read(), common.content(KEY, 5000), "the old file")
    eventually(lambda: not any(map(common.is_alive, old)), "the detached daemon ends")
    check(world.host.json("status", at)["pid"] not in old, "the new daemon answers")
    world.host.run("revoke", edit, "acme")
    eventually(lambda: common.tree(at) == {}, "the new mount follows the ledger")
    world.unmount(at)
    check(not common.is_mounted(at), "unmounted")
    eventually(lambda: world.run_files() == [], "no files are left in the state directory")


if __name__ == "__main__":
    common.run(test)
