"""The manifest that a vendor gets names no object of the lake that the edit does not hold: not the
candidates of an ambiguity, not other versions, not other editors' work."""

import common
from common import check

USED = ["show/sh010/plate_v002.0001.exr"]
UNUSED = ["secretshow/a/twice.mov", "othershow/b/twice.mov", "show/sh010/plate_v001.0001.exr",
          "show/sh010/plate_v002.0002.exr", "show/sh010/plate_v002.0001.mov"]


def test(world):
    world.ready(*USED, *UNUSED)
    cut = world.timeline_of_urls(["file:///x/plate_v002.0001.exr", "file:///x/twice.mov",
                                  "file:///x/plate_v002.[0001-0003].exr", "file:///x/lost.mov"])
    answer = world.host.json("conform", cut, status=4)
    world.grant(answer["edit"], "acme")
    at = world.mount("acme")
    text = common.read(f"{at}/{answer['manifest']}").decode()
    held = set(world.host.json("edit", "show", answer["edit"])["keys"])
    told = [k for k in UNUSED if k not in held and (k in text or k.rsplit("/", 1)[0] + "/" in text
                                                    and "show/sh010" not in k)]
    check(not told, f"the manifest names {told}")
    check("secretshow" not in text and "othershow" not in text, "the manifest names folders")
    check(USED[0] in held and USED[0] in text, "the manifest names what was found")
    check(not held & {"secretshow/a/twice.mov", "othershow/b/twice.mov"}, f"the edit holds {held}")


if __name__ == "__main__":
    common.run(test)
