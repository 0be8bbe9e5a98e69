"""Several hosts update one edit at once: every version has one writer, the others are told and change
nothing.  What an interrupted update left in the next version's folder is never overwritten, and is
taken over where it is the same file."""

import subprocess

import common
from common import check, equal

KEYS = [f"show/{i}.mov" for i in range(6)]
WRITERS = 5


def race(world, edit):
    hosts = [world.another_host(f"writer{i}") for i in range(WRITERS)]
    for host in hosts:
        host.run("status")  # in step: they all see version 1
    cuts = [world.timeline([KEYS[i]], f"cut {i}") for i in range(WRITERS)]
    running = [subprocess.Popen([world.binary, "conform", cut, "--update", edit], env=host.env(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for host, cut in zip(hosts, cuts)]
    done = [(p.communicate(timeout=common.COMMAND_SECONDS), p.returncode) for p in running]
    won = [i for i, (_, status) in enumerate(done) if status == 0]
    check(won, f"nobody won: {done}")
    for (_, said), status in done:
        check(status == 0 or (status == 1 and "meanwhile" in said), f"status {status}: {said}")
    versions = world.host.json("edit", "show", edit)["versions"]
    equal([v["version"] for v in versions], list(range(1, len(won) + 2)), "the versions")
    equal(sorted(v["file"].rsplit("/", 1)[1] for v in versions[1:]),
          sorted(f"cut {i}.otio" for i in won), "their files")
    shown = world.host.json("edit", "show", edit)
    last = versions[-1]["file"].rsplit("/", 1)[1]
    media = [k for k in shown["keys"] if not k.startswith("ShotLocker/")]
    equal(media, [KEYS[int(last[4])]], "the objects of the last version")
    return len(versions)


def interrupted(world, edit, version):
    folder = f"ShotLocker/Edits/{edit}/v{version + 1}"
    world.lake.put(f"{folder}/cut.otio", b"somebody else's")
    cut = world.timeline([KEYS[0]])
    done = world.host.json("conform", cut, "--update", edit)
    equal(done["manifest"], f"{folder}/processed/cut-2.otio", "the manifest beside another's file")
    folder = f"ShotLocker/Edits/{edit}/v{version + 2}"
    with open(cut, "rb") as f:
        world.lake.put(f"{folder}/cut.otio", f.read())
    done = world.host.json("conform", cut, "--update", edit)
    equal(done["manifest"], f"{folder}/processed/cut.otio", "the manifest beside the same file")
    equal(done["version"], version + 2, "the version")


def test(world):
    world.ready(*KEYS)
    edit, _ = world.edit(*KEYS)
    version = race(world, edit)
    interrupted(world, edit, version)
    world.host.run("ledger", "verify")


if __name__ == "__main__":
    common.run(test, mounts=False)
