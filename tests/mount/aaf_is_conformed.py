"""An AAF file is conformed like any other edit: the vendor sees the file that its clips play, and a
damaged one changes nothing."""

import os

import common
from common import check, equal

# a clip of file:///v/a.mxf behind some black
EDIT = os.path.join(os.path.dirname(__file__), "..", "data", "fuzz", "aaf", "black.aaf")


def test(world):
    world.ready("media/a.mxf", "media/b.mxf")
    whole = common.read(EDIT)
    broken = world.path("broken.aaf")
    for what, data in (("half of it", whole[:len(whole) // 2]), ("no properties", whole[:512])):
        with open(broken, "wb") as f:
            f.write(data)
        done = world.host.call("conform", broken)
        equal(done.returncode, 1, f"status of {what}")
        check("compound file" in done.stderr or "AAF" in done.stderr, f"{what}: {done.stderr!r}")
    equal(world.host.json("edit", "list"), [], "edits of damaged files")

    answer = world.host.json("conform", EDIT)
    held = world.host.json("edit", "show", answer["edit"])["keys"]
    check("media/a.mxf" in held and "media/b.mxf" not in held, f"the edit holds {held}")
    world.grant(answer["edit"], "acme")
    at = world.mount("acme")
    equal(sorted(os.listdir(f"{at}/media")), ["a.mxf"], "the vendor's media")
    manifest = common.read(f"{at}/{answer['manifest']}").decode()
    check("media/a.mxf" in manifest, "the manifest leads to the lake")


if __name__ == "__main__":
    common.run(test)
