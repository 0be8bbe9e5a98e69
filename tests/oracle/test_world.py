#!/usr/bin/python3
"""Every principal sees exactly what a naive model says, after every one of many random changes.

    test_world.py [--lake dir|s3] [--mount|--no-mount] [--changes N] [--objects N] [--edits N]
                  [--principals N] [--seed N]

A random lake, edits, people, access lists and grants, some of which begin or end while the test
runs; then the changes.  After each of them `view` is compared for every principal, and with
--mount also what a walk of each mount finds: one mount a principal, and one for all of them that
is walked by a process of each one's uid.  $SHOTLAKE_SEED stands in for --seed.
"""

import argparse
import calendar
import concurrent.futures
import itertools
import os
import random
import secrets
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "harness")]
import world  # noqa: E402
from model import EDITS, Model, name_of  # noqa: E402
from mounts import Mounts, Mismatch  # noqa: E402
from random_world import RandomWorld  # noqa: E402

ARN = "arn:aws:iam::111122223333:role/farm/render"
FAR = 4102444800  # 2100-01-01


def text_of(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


class Run:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.rng = random.Random(options.seed)
        self.lake = world.open_lake(options.lake, work)
        self.model = Model(self.lake.address(""))
        self.world = RandomWorld(self.rng, self.lake)
        self.model.people = self.world.people(options.principals)
        self.principals_file = work.file("principals.json", self.model.people)
        self.sl = world.Shotlake(self.lake, work.dir("state"), self.principals_file)
        self.pool = concurrent.futures.ThreadPoolExecutor(3)
        self.numbers = itertools.count(1)  # of cuts
        self.timelines, self.names = {}, {}  # of edits: the last cut, and the name
        self.named = set()  # principals that the ledger ever named
        self.step, self.did, self.mounts = 0, "", None
        self.compared = {"views": 0, "walks": 0, "paths": 0, "reads": 0, "explained": 0}

    # The world at first

    def prepare(self):
        objects = self.world.make_objects(self.options.objects)
        self.lake.put_many(objects)
        self.sl("init")
        self.scan("")
        for _ in range(self.options.edits):
            self.conform()
        for _ in range(self.options.edits * 3):
            self.grant()
        for _ in range(self.options.edits // 2):
            self.acl_set()

    # Changes: each does one thing to the lake and to the model, and says what

    def scan(self, prefix):
        report = self.sl("scan", *([prefix] if prefix else []), json=True)
        listing = self.lake.listing(prefix)
        kept = {k: v for k, v in self.model.objects.items() if not k.startswith(prefix)}
        self.model.objects = {**kept, **listing}
        if report["objects"] != len(listing):
            raise Mismatch(f"scan counts {report['objects']} objects, the lake has {len(listing)}")
        shown = self.model.showable()
        hidden = {k for k in self.model.objects if k not in shown and "\udcff" not in k}
        if {h["key"] for h in report["hidden"]} != hidden:
            raise Mismatch(f"scan hides {report['hidden']}, the model {sorted(hidden)}")
        return f"scan '{prefix}'"

    def conform(self):
        number = next(self.numbers)
        timeline = self.world.timeline(f"R{number} v01", sorted(self.model.showable()))
        edit, have = self.conformed(timeline, number)
        self.model.edits[edit] = have
        return f"conform {edit}: {len(have) - 1} objects"

    def conformed(self, timeline, number, update=None, retire=()):
        """Conforms a timeline, as a new edit or as the next version of one; its id and its keys,
        which are what the model says."""
        file = self.work.file(f"cut {number}.otio", timeline)
        keys, missing, ambiguous = self.model.conform(timeline)
        how = ["--update", update, *retire] if update else ["--name", f"Reel {number}"]
        answer = self.sl.run("conform", file, *how, "--json")
        status = 4 if ambiguous else 3 if missing else 0
        if answer.code != status:
            raise Mismatch(f"conform of {file}: status {answer.code}, not {status}\n"
                           f"{answer.out}{answer.err}")
        report = answer.json()
        edit, made = report["edit"], {report["manifest"], report["shots"]}
        shown = self.sl("edit", "show", edit, json=True)
        have = set(shown["keys"])
        if have != keys | made or report["objects"] != len(keys):
            raise Mismatch(f"edit {edit} of {file} ({report['objects']} objects)\n"
                           + difference(have, keys | made) + f"\n{answer.out}")
        folder = "" if report["version"] == 1 else f"v{report['version']}/"
        for key in made:
            if not key.startswith(f"{EDITS}{edit}/{folder}processed/"):
                raise Mismatch(f"what the edit's holders get is at {key}")
            self.model.objects[key] = len(self.lake.get(key))
        self.names.setdefault(edit, f"Reel {number}")  # an update keeps it
        files = {name_of(report["manifest"]): report["manifest"], "shots.csv": report["shots"]}
        self.model.add_folder(edit, self.names[edit], files, timeline)
        self.timelines[edit] = timeline
        return edit, have

    # What becomes of an edit

    def update(self):
        edit = self.rng.choice(sorted(self.model.edits))
        before, until, retire = self.model.edits[edit], None, []
        timeline = self.world.next_cut(self.timelines[edit], sorted(self.model.showable()))
        number = next(self.numbers)
        self.check_dry_run(edit, timeline, number)
        if self.rng.random() < 0.5:  # an end that is over when the command starts is refused
            until = int(time.time()) + self.rng.choice([10, 15, 25, 100000])
            retire = ["--retire", text_of(until)]
        _, have = self.conformed(timeline, number, update=edit, retire=retire)
        self.model.update(edit, have, until)
        return (f"update {edit}: {len(have - before)} won, {len(before - have)} lost "
                f"{' '.join(retire)}")

    def check_dry_run(self, edit, timeline, number):
        """A dry run tells what is won and lost, and writes nothing."""
        keys, _, _ = self.model.conform(timeline)
        file, before = self.work.file(f"cut {number}.otio", timeline), len(self.lake.ledger())
        told = self.sl("conform", file, "--update", edit, "--dry-run", json=True, check=None)
        media = {k for k in self.model.edits[edit] if not k.startswith(EDITS)}
        if set(told["won"]) != keys - media or set(told["lost"]) != media - keys:
            raise Mismatch(f"dry run of {edit}: won\n" + difference(set(told["won"]), keys - media)
                           + "\nlost\n" + difference(set(told["lost"]), media - keys))
        if len(self.lake.ledger()) != before:
            raise Mismatch(f"the dry run of {edit} wrote to the ledger")

    def disable(self):
        edit = self.rng.choice(sorted(self.model.edits))
        self.sl("edit", "disable", edit, check=1 if edit in self.model.disabled else 0)
        self.model.disabled.add(edit)
        return f"disable {edit}"

    def enable(self):
        edit = self.rng.choice(sorted(self.model.disabled or self.model.edits))
        self.sl("edit", "enable", edit, check=0 if edit in self.model.disabled else 1)
        self.model.disabled.discard(edit)
        return f"enable {edit}"

    def remove_edit(self):
        if len(self.model.edits) < 2:
            return "remove no edit: one is left"
        edit = self.rng.choice(sorted(self.model.edits))
        self.sl("edit", "remove", edit)
        self.model.remove(edit)
        self.sl("edit", "show", edit, check=5)
        return f"remove {edit}"

    def any_principal(self):
        users = ["user:" + u["id"] for u in self.model.people["users"]]
        others = ["group:" + g["id"] for g in self.model.people["groups"]]
        return self.rng.choice(users * 3 + others * 2 + ["role:viewer", "role:farm", ARN])

    def grant(self):
        edit, who = self.rng.choice(sorted(self.model.edits)), self.any_principal()
        now = int(time.time())
        start, end = 0, FAR + self.rng.randrange(1000)
        if self.rng.random() < 0.25:
            start = now + self.rng.choice([2, 5, 10, 20, 40, 100000])
        if self.rng.random() < 0.30:
            end = max(start, now) + self.rng.choice([3, 6, 12, 25, 50])
        until = text_of(end)
        if end >= FAR:
            until, end = "2101-02-28", calendar.timegm((2101, 3, 1, 0, 0, 0))  # through that day
        self.sl("grant", edit, who.removeprefix("user:"), "--until", until,
                *(["--from", text_of(start)] if start else []))
        self.model.grants[edit, who] = (start, end)
        self.named.add(who)
        return f"grant {edit} {who} from {text_of(start)} until {until}"

    def revoke(self):
        if not self.model.grants or self.rng.random() < 0.1:
            edit, who = self.rng.choice(sorted(self.model.edits)), "user:nobody-at-all"
            self.sl("revoke", edit, who, check=5)
            return f"revoke {edit} {who}, who does not have it"
        edit, who = self.rng.choice(sorted(self.model.grants))
        self.sl("revoke", edit, who)
        del self.model.grants[edit, who]
        return f"revoke {edit} {who}"

    def acl_set(self):
        paths = sorted(self.model.paths())
        old = sorted(p for p in self.model.acls if p in paths or p == "")
        path = self.rng.choice(old if old and self.rng.random() < 0.4 else paths)
        if self.rng.random() < 0.03:
            path = ""
        entries = self.world.entries(self.model.people)
        given = self.rng.choice(["", "/"]) + path if path else "/"
        self.sl("acl", "set", given, "-", stdin=world.json_module.dumps(entries))
        self.model.acls[path] = entries
        self.named |= {("group:" if e["principalType"] == "GROUP" else "user:") + e["principal"]
                       for e in entries}
        shown = self.sl("acl", "show", given, json=True)
        if shown != entries:
            raise Mismatch(f"acl show {given}: {shown}, not {entries}")
        return f"acl set '{given}' {entries}"

    def add_object(self):
        ruled = [p for p in self.model.acls if p.endswith("/") and self.model.readers(p)]
        key = self.world.new_key(self.lake.listing(), sorted(ruled))
        if self.model.edits and self.rng.random() < 0.3:  # one that an edit had before it went
            gone = {k for keys in self.model.edits.values() for k in keys} - set(self.model.objects)
            gone = sorted(k for k in gone if self.lake.can_hold(k, self.model.objects))
            key = self.rng.choice(gone) if gone else key
        self.lake.put(key, self.world.bytes())
        return f"add '{key}', " + self.scan(self.prefix_of(key))

    def replace_object(self):
        key = self.some_object()
        self.lake.put(key, self.world.bytes() + b"!")
        return f"replace '{key}', " + self.scan(self.prefix_of(key))

    def remove_objects(self):
        key = self.some_object()
        folder = key[:key.rfind("/") + 1]
        keys = [key]
        if folder and self.rng.random() < 0.2 and not key.startswith(EDITS):
            keys = [k for k in self.lake.listing(folder) if k.startswith(folder)][:10]
        for each in keys:
            self.lake.remove(each)
        return f"remove {len(keys)} like '{key}', " + self.scan("")

    def some_object(self):
        used = sorted({k for keys in self.model.edits.values() for k in keys
                       if k in self.model.objects})
        return self.rng.choice(used if used and self.rng.random() < 0.7
                               else sorted(self.model.objects))

    def prefix_of(self, key):
        folder = key[:key.rfind("/") + 1]
        usable = folder and not folder.startswith("/") and "\udcff" not in folder
        return folder if usable and self.rng.random() < 0.4 else ""

    def change_people(self):
        people = self.model.people
        self.model.people = fresh = self.world.people(self.options.principals)
        if self.rng.random() < 0.7:  # only some of it
            fresh["groups"] = people["groups"]
            before = {u["id"]: u for u in people["users"]}
            for new in fresh["users"]:
                if self.rng.random() < 0.8 and new["id"] in before:
                    new.update(before[new["id"]], uid=new["uid"])
        elif self.rng.random() < 0.5:  # two change places, one leaves
            a, b = self.rng.sample(fresh["users"], 2)
            a["uid"], b["uid"] = b["uid"], a["uid"]
            gone = fresh["users"].pop(self.rng.randrange(len(fresh["users"])))["id"]
            for group in fresh["groups"]:
                group["members"] = [m for m in group["members"] if m != gone]
        left = {u["id"] for u in fresh["users"]}
        for group in fresh["groups"]:
            group["members"] = [m for m in group["members"] if m in left]
        self.work.file("principals.json", fresh)
        return "change the principals file"

    CHANGES = [(grant, 28), (revoke, 12), (acl_set, 14), (conform, 5), (update, 12), (disable, 4),
               (enable, 5), (remove_edit, 2), (add_object, 11), (replace_object, 4),
               (remove_objects, 8), (change_people, 5)]

    def change(self):
        kinds, weights = zip(*self.CHANGES)
        kind = self.rng.choices(kinds, weights)[0]
        self.did = kind(self)
        return kind is Run.change_people

    # Comparing

    def principals(self):
        in_file = {"user:" + u["id"] for u in self.model.people["users"]}
        in_file |= {"group:" + g["id"] for g in self.model.people["groups"]}
        return sorted(in_file | self.named)

    def expected(self, principal, t):
        """The model's answer, asked once a step."""
        if (principal, t) not in self.answers:
            self.answers[principal, t] = self.model.visible(principal, t, self.showable)
        return self.answers[principal, t]

    def check_view(self, principal):
        """`view` must be the model's answer at a moment between question and answer."""
        before = int(time.time())
        got = self.sl("view", principal, json=True)
        after = int(time.time())
        if got != sorted(set(got), key=lambda p: p.encode()):
            raise Mismatch(f"view {principal} is not sorted bytewise")
        for t in range(before, after + 1):
            want = self.expected(principal, t)
            if set(got) == want:
                return len(got)
        raise Mismatch(f"view {principal}\n" + difference(set(got), want), principal,
                       first_difference(set(got), want))

    def check_moment(self):
        """`view --at` right before and at a moment at which a grant begins or ends."""
        moments = sorted(self.model.moments() - {0})
        if not moments:
            return
        t, who = self.rng.choice(moments), self.rng.choice(self.principals())
        for at in (t - 1, t, t + 1):
            got = set(self.sl("view", who, "--at", text_of(at), json=True))
            want = self.expected(who, at)
            if got != want:
                raise Mismatch(f"view {who} at {text_of(at)}\n" + difference(got, want), who,
                               first_difference(got, want))
            self.compared["views"] += 1

    def check_answers(self):
        """`explain` and `who` of random paths, and of one that is not there."""
        paths = sorted(self.model.paths() | {
            path for edit in self.model.edits
            for path in self.model.folder_names(edit, self.showable)})
        if not paths:
            return
        for _ in range(2):
            who, path = self.rng.choice(self.principals()), self.rng.choice(paths)
            t = FAR - self.rng.randrange(2)
            told = self.sl("explain", who, path, "--at", text_of(t), json=True)
            allowed = path in self.expected(who, t)
            if told["allow"] != allowed or (told["by"] == []) == allowed:
                raise Mismatch(f"explain: {told}, the model says {allowed}", who, path)
        key = self.rng.choice(sorted(self.showable))
        told = {w["principal"] for w in self.sl("who", key, "--at", text_of(FAR), json=True)}
        if told != self.model.who(key, FAR):
            raise Mismatch(f"who {key}: {told}, the model says {self.model.who(key, FAR)}")
        self.sl("explain", who, name_of(key) + " is not there", check=5)
        self.compared["explained"] += 4

    def check(self, people_changed):
        self.showable, self.answers = self.model.showable(), {}
        # the walks ask about every principal at every step; the command line then about a few
        names = self.principals()
        if self.mounts and self.step % 10 and len(names) > 6:
            names = self.rng.sample(names, 6)
        for n in self.pool.map(self.check_view, names):
            self.compared["views"] += 1
            self.compared["paths"] += n
        self.check_moment()
        self.check_answers()
        if self.mounts:
            self.mounts.check(self, people_changed)

    def tell(self, mismatch):
        print(f"\nFAILED at step {self.step} (seed {self.options.seed}): {self.did}\n{mismatch}")
        if mismatch.principal and mismatch.path:
            answer = self.sl.run("explain", mismatch.principal, mismatch.path)
            print(f"shotlake explain: {answer.out}{answer.err}")

    def go(self):
        began = time.monotonic()
        try:
            self.prepare()
            if self.options.mount:
                self.mounts = Mounts(self)
            print(f"{len(self.model.objects)} objects, {len(self.model.edits)} edits, "
                  f"{len(self.model.grants)} grants, {len(self.principals())} principals "
                  f"after {time.monotonic() - began:.1f} s", flush=True)
            self.check(people_changed=False)
            for self.step in range(1, self.options.changes + 1):
                people_changed = self.change()
                if self.options.verbose:
                    print(f"{time.monotonic() - began:7.1f} {self.step:4} {self.did!r}", flush=True)
                self.check(people_changed)
                if self.step % 50 == 0:
                    print(f"{self.step} changes, {time.monotonic() - began:.0f} s", flush=True)
            self.sl("ledger", "verify")
        except Mismatch as mismatch:
            self.tell(mismatch)
            return 1
        except world.WorldError as error:
            self.tell(Mismatch(str(error)))
            return 1
        c = self.compared
        print(f"{self.options.changes} changes in {time.monotonic() - began:.0f} s: "
              f"{c['views']} views, {c['walks']} walks, {c['paths']} paths and {c['reads']} files "
              f"compared, {c['explained']} answers explained; ledger of {self.sl.record()} records")
        return 0


def difference(got, want, most=8):
    lines = [f"  shown, but hidden in the model: {p!r}" for p in sorted(got - want)[:most]]
    lines += [f"  hidden, but shown in the model: {p!r}" for p in sorted(want - got)[:most]]
    return f"{len(got - want)} too many, {len(want - got)} too few\n" + "\n".join(lines)


def first_difference(got, want):
    return min(got ^ want, key=lambda p: (p.endswith("/"), len(p), p))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", choices=["dir", "s3"], default="dir")
    parser.add_argument("--mount", action=argparse.BooleanOptionalAction, default=False)
    for name, default in (("changes", 200), ("objects", 1000), ("edits", 50), ("principals", 30)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--verbose", action="store_true", help="say every change")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int(os.environ.get("SHOTLAKE_SEED") or secrets.randbelow(10**9))
    if options.mount and os.geteuid() != 0:
        world.skip("mounts for other uids need root")
    return options


def main():
    options = parse()
    print(f"seed {options.seed}, lake {options.lake}", flush=True)
    with world.Workspace() as work:
        return Run(options, work).go()


if __name__ == "__main__":
    sys.exit(main())
