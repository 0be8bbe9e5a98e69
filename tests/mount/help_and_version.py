"""--help and --version answer on stdout with status 0, need no lake, and name every verb."""

import common
from common import check, equal

VERBS = ["init", "scan", "media", "conform", "edit list", "edit show", "grant", "revoke", "acl set",
         "acl show", "view", "explain", "who", "ledger", "ledger verify", "mount", "unmount",
         "status"]


def test(world):
    nowhere = {"SHOTLAKE_LAKE": None, "SHOTLAKE_STATE": world.path("never-made")}

    def answer(*words):
        done = world.host.call(*words, env=nowhere)
        equal((done.returncode, done.stderr), (0, ""), f"{words}")
        return done.stdout

    overview = answer("--help")
    for verb in VERBS:
        check(f"\n  {verb} " in overview, f"--help names '{verb}'")
        own = answer(*verb.split(), "--help")
        check(own.startswith(f"usage: shotlake {verb}"), f"{verb} --help: {own!r}")
    for option in ("--lake", "--state", "--json", "--help", "--version"):
        check(option in overview, f"--help names {option}")
    check(answer("--version").startswith("shotlake "), "--version")
    check(not common.os.path.exists(nowhere["SHOTLAKE_STATE"]), "help makes no state directory")


if __name__ == "__main__":
    common.run(test, mounts=False)
