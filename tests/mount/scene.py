"""A lake with two vendors and things that neither of them may see, and pairs of paths in it that
must not be told apart."""

import common

ACME = ["show/sh010/plate.1001.exr", "show/sh010/plate.1003.exr", "top.mov"]
RIVAL = ["show/sh010/plate.1002.exr", "show/rivaldir/a/one.exr", "rival.mov"]
NOBODY = ["show/sh010/secret.exr", "show/sh010/secretdir/x.exr", "show/hiddendir/deep/x.exr",
          "vault/x.exr", "secret.mov"]
ALL = ACME + RIVAL + NOBODY


def make(world):
    """Puts the objects and gives both vendors an edit; returns acme's pairs of (hidden, absent)."""
    world.ready(*ALL)
    own, _ = world.granted("acme", *ACME)
    other, manifest = world.granted("rival", *RIVAL)
    return pairs(own, other, manifest)


def pairs(own, other, manifest):
    """Paths of the same length, the first hidden from acme, the second absent."""
    found = [
        ("show/sh010/secret.exr", "show/sh010/absent.exr"),
        ("show/sh010/plate.1002.exr", "show/sh010/plate.1009.exr"),
        ("show/sh010/secretdir", "show/sh010/absentdir"),
        ("show/sh010/secretdir/x.exr", "show/sh010/absentdir/x.exr"),
        ("show/sh010/secretdir/y.exr", "show/sh010/absentdir/y.exr"),
        ("show/hiddendir", "show/absentdir"),
        ("show/hiddendir/deep", "show/absentdir/deep"),
        ("show/hiddendir/deep/x.exr", "show/absentdir/deep/x.exr"),
        ("show/hiddendir/../sh010/plate.1001.exr", "show/absentdir/../sh010/plate.1001.exr"),
        ("show/sh010/plate.1002.exr/x", "show/sh010/plate.1009.exr/x"),
        ("show/rivaldir/a/one.exr", "show/absndir9/a/one.exr"),
        ("vault", "empty"), ("vault/", "empty/"), ("vault/.", "empty/."), ("vault/..", "empty/.."),
        ("secret.mov", "absent.mov"), ("rival.mov", "rivax.mov"),
        (".shotlake", ".shotlakf"), (".shotlake/ledger", ".shotlakf/ledger"),
        (".shotlake/ledger/00000000000000000001.json", ".shotlakf/ledger/00000000000000000001.json"),
    ]
    aside = other[::-1] if other[::-1] != other else "0000000000"
    made = common.made_of(manifest) + [manifest.removesuffix(".otio") + ".studio.otio"]
    found += [(f"ShotLocker/Edits/{other}", f"ShotLocker/Edits/{aside}"),
              *((key, key.replace(other, aside)) for key in made),
              (f"edits/cut of rival-{other}", f"edits/cut of rival-{aside}"),
              (f"edits/cut of rival-{other}/clip 0", f"edits/cut of rival-{aside}/clip 0"),
              (f"edits/cut of rival-{other}/clip 0/plate.1002.exr",
               f"edits/cut of rival-{aside}/clip 0/plate.1002.exr"),
              (f"edits/cut of rival-{other}/shots.csv", f"edits/cut of rival-{aside}/shots.csv"),
              (f"edits/cut of rival-{other}/cut of rival.otio",
               f"edits/cut of rival-{aside}/cut of rival.otio"),
              (f"ShotLocker/Edits/{own}/cut.otio", f"ShotLocker/Edits/{own}/cux.otio")]
    return found
