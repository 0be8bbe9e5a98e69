#!/usr/bin/python3
"""kill -9 at any point: the next command works, nothing is half done unnoticed.

    test_kill.py [--lake dir|s3] [--kills N] [--seed N]

conform, an update of an edit, disabling it and enabling it, grant and scan are killed after random
times, short and long.  After each kill: the next command works; the ledger verifies; an edit, or its
next version, is there as a whole or not at all; an edit whose object tags are not complete, or still
name it on what it lost, is named by `status`; and the next scan or conform completes them.  In the
end the tags of every object, as boto3 or getxattr shows them, are exactly what the index says, and
other people's tags are as they were.
"""

import argparse
import os
import random
import secrets
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "harness")]
import world  # noqa: E402

OBJECTS = 60
IDS_IN_A_TAG = 23
UNTIL = "2090-01-01T00:00:00Z"


def expect(condition, what):
    if not condition:
        raise world.WorldError(what)


class Run:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.rng = random.Random(options.seed)
        self.lake = world.open_lake(options.lake, work)
        self.sl = world.Shotlake(self.lake, work.dir("state"))
        self.keys = [f"show/sc{i % 7}/pl + {i:03}.mov" for i in range(OBJECTS)]
        self.plans = {}  # edit name -> the keys that it must have
        self.counts = {"absent": 0, "whole": 0, "updated": 0, "not updated": 0, "untagged": 0,
                       "finished": 0}
        self.takes = {}  # how long a command takes when nobody kills it

    def prepare(self):
        self.lake.put_many({key: key.encode() for key in self.keys})
        self.others = {key: {"Project": "p 1"} if self.lake.kind == "s3" else
                       {"ShotLockerNote": "p 1"} for key in self.keys[::3]}
        for key, tags in self.others.items():
            for name, value in tags.items():
                self.lake.set_tag(key, name, value)
        self.sl("init")
        self.sl("scan")
        self.timeline("first", self.keys[:30])
        self.first = self.sl("conform", self.work.path("first.otio"), json=True)["edit"]
        self.moving = self.sl("conform", self.timeline("moving", self.keys[:30]),
                              json=True)["edit"]
        for what in ("conform", "update", "switch", "grant", "scan"):  # how long each takes
            args = self.command(what, 1000)
            began = time.monotonic()
            self.sl(*args)
            self.takes[what] = time.monotonic() - began

    def timeline(self, name, keys):
        clips = [world.clip(k, world.external(self.lake.address(k))) for k in keys]
        self.plans[name] = set(keys)
        return self.work.file(name + ".otio", world.timeline(name, clips))

    # One kill

    def command(self, what, number):
        """The arguments of a command that changes something."""
        if what == "conform":
            return ["conform", self.timeline(f"cut{number}", self.rng.sample(self.keys, 40))]
        if what == "update":
            return ["conform", self.timeline(f"next{number}", self.rng.sample(self.keys, 40)),
                    "--update", self.moving]
        if what == "switch":
            state = self.state_of(self.moving)
            return ["edit", "disable" if state == "enabled" else "enable", self.moving]
        if what == "grant":
            return ["grant", self.first, f"user:v{number}", "--until", UNTIL]
        for i in range(30):  # something for a scan to find
            self.lake.put(f"new/{number}/{i}.mov", b"x")
        return ["scan"]

    def kill_one(self, number):
        what = self.rng.choice(["conform", "conform", "update", "update", "update", "switch",
                                "grant", "scan"])
        self.before = self.sl("edit", "show", self.moving, json=True)
        args = self.command(what, number)
        process = self.sl.start(*args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.rng.uniform(0, self.takes[what] * 1.1))  # the random point
        process.send_signal(signal.SIGKILL)
        self.counts["finished"] += process.wait() != -signal.SIGKILL
        self.after(what, number)

    def after(self, what, number):
        """What must hold at once, before anything was completed."""
        untagged = set(self.sl("status", json=True)["untagged"])
        edits = {e["name"]: e for e in self.sl("edit", "list", json=True)}
        name = f"cut{number}"
        if what == "conform" and name not in edits:
            self.counts["absent"] += 1
        elif what == "conform":
            self.counts["whole"] += 1
            self.check_whole(name, edits[name], untagged)
        if what == "grant":
            self.check_grant(f"user:v{number}")
        if what == "update":
            self.check_update(f"next{number}")
        if what in ("update", "switch"):
            self.check_moving(untagged)
        self.counts["untagged"] += bool(untagged)
        if number % 4 == 3:
            self.complete(number)

    def check_whole(self, name, edit, untagged):
        shown = self.sl("edit", "show", edit["edit"], json=True)
        expect(set(shown["keys"]) == self.plans[name] | {shown["manifest"], shown["shots"]},
               f"{name} has {len(shown['keys'])} of {len(self.plans[name]) + 2} objects")
        for what in ("manifest", "shots", "studio", "results"):
            self.lake.get(shown[what])
        lacking = [k for k in shown["keys"]
                   if edit["edit"] not in world.edit_ids(self.lake.tags(k))]
        expect(not lacking or edit["edit"] in untagged,
               f"{edit['edit']}: {len(lacking)} objects lack its tag, and status does not say so")

    def state_of(self, edit):
        return {e["edit"]: e["state"] for e in self.sl("edit", "list", json=True)}[edit]

    def check_update(self, name):
        """The new version with all its objects, or the old one as it was."""
        shown, before = self.sl("edit", "show", self.moving, json=True), self.before
        if shown["version"] == before["version"]:
            self.counts["not updated"] += 1
            expect(shown["keys"] == before["keys"] and shown["manifest"] == before["manifest"],
                   f"{name} changed an edit whose version it did not change")
            return
        self.counts["updated"] += 1
        expect(shown["version"] == before["version"] + 1, f"{name} made version {shown['version']}")
        expect(set(shown["keys"]) == self.plans[name] | {shown["manifest"], shown["shots"]},
               f"{name} has {len(shown['keys'])} of {len(self.plans[name]) + 2} objects")
        self.lake.get(shown["manifest"])

    def check_moving(self, untagged):
        """Where the tags of what the edit has, or had, are wrong, status says so."""
        shown = self.sl("edit", "show", self.moving, json=True)
        tagged = {k for k in self.keys + [e[what] for e in (self.before, shown)
                                            for what in ("manifest", "shots")]
                  if self.moving in world.edit_ids(self.lake.tags(k))}
        wanted = set(shown["keys"]) if shown["state"] == "enabled" else set()
        expect(tagged == wanted or self.moving in untagged,
               f"{len(wanted - tagged)} objects lack the tag of {self.moving}, "
               f"{len(tagged - wanted)} keep it, and status does not say so")

    def check_grant(self, who):
        """Whole or not at all, and the same question twice gives one answer."""
        grants = {g["principal"] for g in self.sl("edit", "show", self.first, json=True)["grants"]}
        answer = self.sl.run("view", who, "--json")
        expect(answer.code == (0 if who in grants else 5), f"view {who}: status {answer.code}")
        self.sl("grant", self.first, who, "--until", UNTIL)

    def complete(self, number):
        """The next scan, or conform, completes the tags of every edit."""
        if number % 8 == 3:
            self.sl("scan")
        else:
            self.sl("conform", self.timeline(f"done{number}", self.keys[:2]))
        left = self.sl("status", json=True)["untagged"]
        expect(left == [], f"{left} are still not tagged")
        self.sl("ledger", "verify")
        self.check_tags()

    def replace(self):
        """Writing an object anew takes its tags away: the next scan makes them again."""
        for key in self.keys[1:20:3]:
            self.lake.remove(key)
            self.lake.put(key, b"written anew")
        gone = [k for k in self.keys[1:20:3] if world.edit_ids(self.lake.tags(k))]
        expect(not gone, f"{gone} keep their tags: this test proves nothing")
        self.sl("scan")
        self.check_tags()

    # Tags

    def edits_of(self):
        """{key: the ids of its edits} as the index has them."""
        found = {}
        for edit in self.sl("edit", "list", json=True):
            if edit["state"] != "enabled":
                continue
            for key in self.sl("edit", "show", edit["edit"], json=True)["keys"]:
                found.setdefault(key, set()).add(edit["edit"])
        return found

    def check_tags(self):
        edits = self.edits_of()
        for key in self.lake.listing():
            tags = self.lake.tags(key)
            ids = world.edit_ids(tags)
            expect(len(ids) == len(set(ids)), f"{key}: an edit stands twice in {tags}")
            expect(set(ids) == edits.get(key, set()),
                   f"{key}: tags name {ids}, the index {sorted(edits.get(key, []))}")
            rest = {n: v for n, v in tags.items() if not n.startswith(world.TAG)}
            expect(rest == self.others.get(key, {}), f"{key}: other tags are {rest}")

    def many_edits(self):
        """More edits on one object than a tag holds, and on one more than all its tags hold."""
        busy, full = "busy/one.mov", "busy/full.mov"
        for key in (busy, full):
            self.lake.put(key, b"x")
        start = "Other" if self.lake.kind == "s3" else "ShotLockerNote"
        self.others[full] = {f"{start}{i}": "v" for i in range(9)}
        for name, value in self.others[full].items():
            self.lake.set_tag(full, name, value)
        self.sl("scan")
        file, warned = self.timeline("busy", [busy, full]), 0
        for i in range(2 * IDS_IN_A_TAG + 2):
            answer = self.sl.run("conform", file, "--name", f"busy {i}")
            expect(answer.code == 0, f"conform {i}: {answer.err}")
            warned += "more edits than their tags can name" in answer.err
            expect(bool(answer.err) == (i >= IDS_IN_A_TAG), f"conform {i} said '{answer.err}'")
        tags = self.lake.tags(busy)
        counts = [len(tags.get(n, "").split(":")) for n in (world.TAG, world.TAG + "2",
                                                            world.TAG + "3")]
        expect(counts == [IDS_IN_A_TAG, IDS_IN_A_TAG, 2], f"{counts} ids in the tags of {busy}")
        expect(set(world.edit_ids(tags)) == self.edits_of()[busy], "the tags name other edits")
        tags = self.lake.tags(full)
        expect(len(world.edit_ids(tags)) == IDS_IN_A_TAG, f"{full} has {tags}")
        expect({k: tags[k] for k in self.others[full]} == self.others[full], "other tags changed")
        expect(len(self.edits_of()[full]) == 2 * IDS_IN_A_TAG + 2, "the index lacks edits")
        expect(self.sl("status", json=True)["untagged"] == [], "an overflow counts as untagged")
        return warned

    def go(self):
        self.prepare()
        for number in range(self.options.kills):
            try:
                self.kill_one(number)
            except world.WorldError as error:
                raise world.WorldError(f"kill {number}: {error}") from error
        self.complete(3)
        expect(self.counts["finished"] < self.options.kills, "every kill came too late")
        self.replace()
        warned = self.many_edits()
        c = self.counts
        print(f"{self.options.kills} kills ({c['finished']} came too late): of the edits "
              f"{c['absent']} absent, {c['whole']} whole; of the updates {c['updated']} made, "
              f"{c['not updated']} not; {c['untagged']} times status named "
              f"untagged edits, all completed; {warned} warnings of full tags")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", choices=["dir", "s3"], default="dir")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int(os.environ.get("SHOTLAKE_SEED") or secrets.randbelow(10**9))
    print(f"seed {options.seed}, lake {options.lake}", flush=True)
    with world.Workspace() as work:
        try:
            Run(options, work).go()
        except world.WorldError as error:
            print(f"FAILED (seed {options.seed}): {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
