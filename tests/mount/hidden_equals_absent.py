"""No system call tells a hidden path from one that does not exist: not for a hidden object, a
hidden directory, a path through one, another vendor's object or the lake's own records."""

import calls
import common
import scene
from common import check, equal


def test(world):
    pairs = scene.make(world)
    at, rival = world.mount("acme"), world.mount("rival")
    equal(set(common.tree(at)) & set(scene.RIVAL + scene.NOBODY), set(), "hidden keys in the tree")
    check(set(scene.RIVAL) <= set(common.tree(rival)), "the other vendor sees its objects")

    visible = calls.outcomes(f"{at}/{scene.ACME[0]}")
    equal(visible["stat"][0][0], "ok", "stat of a visible object")
    equal(visible["open O_RDONLY"][0], ("ok", "opened"), "open of a visible object")
    check(calls.differences(f"{at}/{scene.ACME[0]}", f"{at}/absent"), "the probes tell something")

    with common.Helper() as helper:  # so that no probe's side effect lasts
        found = [line for hidden, absent in pairs
                 for line in helper.call(calls.differences, f"{at}/{hidden}", f"{at}/{absent}")]
    check(not found, f"{len(found)} calls tell hidden from absent:\n" + "\n".join(found[:40]))
    equal(sorted(world.lake.keys("show")), sorted(k for k in scene.ALL if k.startswith("show")),
          "the lake afterwards")


if __name__ == "__main__":
    common.run(test)
