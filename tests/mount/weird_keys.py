"""Keys with every legal byte are shown as they are, with their own bytes: blanks, '+', percent
signs, ';', newlines, both Unicode forms of one letter, names of 255 and keys of 1,024 bytes."""

import os
import unicodedata

import common
from common import check, equal

NFC = unicodedata.normalize("NFC", "é.mov")
NFD = unicodedata.normalize("NFD", "é.mov")
LONG_NAME = "n" * 251 + ".exr"
LONG_KEY = "/".join(["d" * 100] * 10) + "/" + "k" * 14
KEYS = ["show/a b.mov", "show/a+b.mov", "show/a%20b.mov", "show/a%2520b.mov", "show/a%2Fb.mov",
        "show/100%.mov", "show/%.mov", f"show/{NFC}", f"show/{NFD}", "show/a;b.mov", "show/a\nb.mov",
        "show/ leading", "show/trailing ", "show/tab\there", "show/\x01\x7f", "show/back\\slash",
        "show/'quote\"s'", "show/&?#=.mov", "show/*[1-9]?.exr", "show/<xml>&amp;.mov", "show/...",
        "show/..a", "show/-rf", "show/~", "show/日本語/映像.exr", "show/😀.exr", "show/ﬀ\u202e.mov",
        "dir with blank/and+plus/a=b&c.mov", f"show/{LONG_NAME}", LONG_KEY, "UPPER.mov", "upper.mov",
        "ShotLocker/of the show/a.mov"]


def test(world):
    check(len(LONG_KEY.encode()) == 1024 and len(LONG_NAME) == 255, "the long ones")
    if common.kind() == "s3":  # the prefix of the lake counts in the store's limit
        keys = [k for k in KEYS if k != LONG_KEY]
        keys.append(LONG_KEY[len(world.lake.prefix):])
    else:
        keys = [k for k in KEYS if "/x" not in k]
    world.ready(*keys, size=700)
    equal(world.host.json("scan")["hidden"], [], "keys that cannot be shown")
    edit, manifest = world.granted("acme", *keys)
    at = world.mount("acme")
    want = common.with_parents([*keys, *common.made_of(manifest)]) | common.folder_of_edit(
        edit, manifest, keys, "cut of acme")
    equal(sorted(common.tree(at)), sorted(want), "the tree")
    for key in keys:
        equal(common.read(f"{at}/{key}"), common.content(key, 700), f"bytes of {key!r}")
        equal(os.getxattr(f"{at}/{key}", "user.shotlake.key").decode(), key, "the key attribute")
        equal(world.lake.tags(key), [edit], f"tags of {key!r}")
        check(world.host.json("explain", "acme", "--", key)["allow"], f"explain {key!r}")
    for number, key in enumerate(keys):  # a link leads there, whatever is in the key
        folder = f"{at}/edits/cut of acme-{edit}/clip {number}"
        equal(os.path.realpath(f"{folder}/{os.listdir(folder)[0]}"), f"{at}/{key}", "a link")
    for absent in ("show/A B.mov", f"show/{LONG_NAME[:-1]}", "show/a%20B.mov", "show/a\\nb.mov"):
        check(common.errno_of(os.stat, f"{at}/{absent}") != 0, f"{absent!r} is not there")
    check(common.errno_of(os.stat, f"{at}/show/{'n' * 256}") != 0, "a name of 256 bytes")


if __name__ == "__main__":
    common.run(test)
