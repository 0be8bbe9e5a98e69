#!/usr/bin/python3
"""Every decision is the one that a naive model of the rules makes, on many small random lakes.

    test_decisions.py --driver PROGRAM [--decisions N] [--seed N] [--cases]

First the seeds' own examples are put to the model, and the named cases of cases/ to both sides.
Then lakes are drawn, from fixed seeds and from fresh ones whose first is printed (--seed: from that
one on), until N decisions about objects were compared: everybody is asked about every object,
folder, edit and change, at moments around every edge, after each of several bursts of changes.  A
disagreement is cut down to the records that make it, and told with both derivations.
"""

import argparse
import collections
import itertools
import json
import os
import random
import secrets
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import seed_examples  # noqa: E402
from decision_sides import Broken, Model, Program  # noqa: E402
from random_rules import ACTIONS, RandomRules  # noqa: E402
from rules import Asker  # noqa: E402

FIXED = range(1, 41)
BURSTS, BURST = 4, 22  # of changes, in one lake
ASKERS, MOMENTS, CHANGES = 7, 4, 12
# What has to have decided something in a run of this many decisions, or the lakes are too tame.
TELLING = 100000
CAUSES = ["not within", "tainted", "no role", "not of the lake", "guarded", "no way in",
          "by grant", "by acl", "by edit-acl", "by class", "by owner", "by superuser"]


class Disagreement(Exception):
    def __init__(self, records, question, about, model, program):
        super().__init__(f"{about}: the model says {model}, the program {program}")
        self.records, self.question, self.about = records, question, about


def differences(model, program):
    """[(about, model's, program's)] of two answers."""
    told = [(about, None, what) for about, what in program.items() if about[0] == "contradiction"]
    return told + [(about, model[about], program.get(about)) for about in model
                   if model[about] != program.get(about)]


def changed_early(t, told, later, told_later):
    """Is another thing shown before the moment that the first answer gives for that?"""
    return later < told["next", "", ""] and \
        any(told[about] != told_later[about] for about in told if about[0] == "visible")


def compare_living(records, model, program):
    for kind, paths in model.living.items():
        if paths != program.living[kind]:
            odd = sorted(set(paths) ^ set(program.living[kind]))
            raise Disagreement(records, None, ("living", kind, odd[:1]), paths,
                               program.living[kind])


# ---- a run -----------------------------------------------------------------------------------


class Run:
    def __init__(self, driver):
        self.model, self.program = Model(), Program(driver)
        self.compared = collections.Counter()
        self.causes = collections.Counter()

    def lake(self, seed):
        """One lake with all its bursts."""
        rng = random.Random(seed)
        self.model.new()
        self.program.new()
        drawn, records = RandomRules(rng, self.model.lake), []
        for _ in range(BURSTS):
            burst = []
            for _ in range(BURST):
                record = drawn.record()
                self.model.lake.apply(*record)
                burst.append(record)
            self.model.say([])
            try:
                self.program.say(burst)
            except Broken as e:
                raise Disagreement(records + burst, None, ("refused", "", ""), "fine", e)
            records += burst
            compare_living(records, self.model, self.program)
            for _ in range(ASKERS):
                self.somebody(rng, drawn, records)

    def somebody(self, rng, drawn, records):
        who = drawn.asker()
        before = None
        for t in drawn.moments(MOMENTS):
            question = {"who": who, "now": t, "actions": ACTIONS,
                        "edits": sorted(self.model.lake.edits), "explain": rng.random() < 0.05,
                        "changes": [drawn.record()[0] for _ in range(CHANGES)]}
            try:
                told = self.program.ask(question)
            except Broken as e:
                raise Disagreement(records, question, ("broken", "", ""), "fine", e)
            mine = self.model.ask(question)
            self.compared += collections.Counter(about[0] for about in mine)
            for about, model, program in differences(mine, told):
                raise Disagreement(records, question, about, model, program)
            if before and changed_early(*before, t, told):
                question = {**question, "now": before[0], "later": t}
                raise Disagreement(records, question, ("next", "", ""), f"a change at {t}",
                                   before[1]["next", "", ""])
            before = t, told
            self.count_causes(rng, question)

    def count_causes(self, rng, question):
        """Of a few decisions, what alone made them what they are."""
        asker = Asker(self.model.rules, question["who"])
        keys = self.model.living["objects"]
        for key in rng.sample(keys, min(6, len(keys))):
            if asker.names:
                d = asker.derive(rng.choice(ACTIONS), key, question["now"])
                self.causes.update(causes(d))


def causes(d):
    ways = [way for way in ("grant", "acl", "edit-acl", "class", "owner") if d[way]]
    if d["allow"]:
        return ["by superuser"] if d["superuser"] else [f"by {ways[0]}"] if len(ways) == 1 else []
    refusals = [("not within", not d["within"]), ("tainted", d["tainted"])]
    if not d["superuser"]:
        refusals += [("no role", not d["role"]), ("not of the lake", not d["lake"]),
                     ("guarded", not all(g[-1] for g in d["guards"])), ("no way in", not ways)]
    found = [name for name, holds in refusals if holds]
    return found if len(found) == 1 else []


# ---- cutting down ----------------------------------------------------------------------------


class Minimiser:
    """Drops what it can while the two sides disagree."""

    def __init__(self, model, program, about):
        self.model, self.program, self.about = model, program, about

    def disagree(self, records, question):
        try:
            self.model.new()
            self.model.say(records)
            self.program.new()
        except KeyError:
            return False  # a record of an edit that is not there any more
        try:
            self.program.say(records)
        except Broken:
            return self.about[0] == "refused"
        try:
            if question is None:
                compare_living(records, self.model, self.program)
                return False
            question = {**question, "edits": sorted(self.model.lake.edits)}
            told = self.program.ask(question)
            if "later" in question:
                later = question["later"]
                return changed_early(question["now"], told, later,
                                     self.program.ask({**question, "now": later}))
        except Disagreement:
            return True
        except Broken:
            return self.about[0] == "broken"
        mine = self.model.ask(question)
        return any(about[:2] == self.about[:2] for about, _, _ in differences(mine, told))

    def fewer(self, items, still):
        """A part of a list with which `still` holds."""
        size = max(1, len(items) // 2)
        while items:
            for start in range(0, len(items), size):
                less = items[:start] + items[start + size:]
                if still(less):
                    items = less
                    break
            else:
                if size == 1:
                    break
                size = max(1, size // 2)
        return items

    def cut(self, records, question):
        records = self.fewer(records, lambda some: self.disagree(some, question))
        for i, (body, rows) in enumerate(records):
            if rows and body["op"] in ("inventory", "edit"):
                def put(some, i=i, body=body):
                    return records[:i] + [(body, some)] + records[i + 1:]
                records = put(self.fewer(rows, lambda some: self.disagree(put(some), question)))
        return records, question and self.cut_question(records, question)

    def cut_question(self, records, question):
        if self.about[0] != "change":
            question = {**question, "changes": []}
        for name in ("as", "entitlements", "details"):
            items = question["who"].get(name)
            if items:
                def put(some, name=name):
                    return {**question, "who": {**question["who"], name: some}}
                question = put(self.fewer(items, lambda some: self.disagree(records, put(some))))
        for name in sorted(question["who"]):
            less = {**question, "who": {k: v for k, v in question["who"].items() if k != name}}
            if self.disagree(records, less):
                question = less
        return question


def tell(run, found):
    """The disagreement, cut down, as a file for cases/ nearly has it, and both derivations."""
    least = Minimiser(run.model, run.program, found.about)
    records, question = found.records, found.question
    if least.disagree(records, question):
        records, question = least.cut(records, question)
    print(f"DISAGREEMENT {found}\nafter {len(found.records)} records; these are enough:")
    for body, rows in records:
        print("   ", json.dumps([body, rows]))
    if not question:
        return
    print("asked:", json.dumps(question))
    if not least.disagree(records, question) or found.about[0] in ("broken", "next"):
        return
    left = differences(run.model.ask(question), run.program.ask(question))
    for about, model, program in left[:5]:
        print(f"{about}: the model says {model}, the program {program}")
        if about[0] == "object":
            for side in (run.model, run.program):
                print(f"  {type(side).__name__}:",
                      json.dumps(side.derive(question, about[1], about[2])))


# ---- cases -----------------------------------------------------------------------------------


def check_case(run, path):
    """One named case: records, and questions with the answers that the contract gives."""
    with open(path, encoding="utf-8") as f:
        case = json.load(f)
    run.model.new()
    run.program.new()
    for side in (run.model, run.program):
        side.say(case["records"])
    for want in case["questions"]:
        question = {"actions": ACTIONS, "edits": sorted(run.model.lake.edits), "changes": [],
                    "explain": True, **want["ask"]}
        answers = [side.ask(question) for side in (run.model, run.program)]
        for about in [tuple(about) for about in want.get("yes", []) + want.get("no", [])]:
            for side, told in zip(("model", "program"), answers):
                if told.get(about) != (list(about) in want.get("yes", [])):
                    raise AssertionError(f"{os.path.basename(path)}: the {side} says "
                                         f"{told.get(about)} of {about} to {want['ask']}")
        left = differences(*answers)
        if left:
            raise AssertionError(f"{os.path.basename(path)}: {left[0]}")


def check_cases(run):
    folder = os.path.join(HERE, "cases")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    for name in names:
        check_case(run, os.path.join(folder, name))
    print(f"{len(names)} named cases")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", required=True)
    parser.add_argument("--decisions", type=int, default=1000000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cases", action="store_true", help="the cases only")
    options = parser.parse_args()
    print(seed_examples.check())
    run, began = Run(options.driver), time.monotonic()
    check_cases(run)
    fresh = options.seed if options.seed is not None else secrets.randbits(32)
    seeds = itertools.chain(FIXED if options.seed is None else [], itertools.count(fresh))
    print(f"fresh seeds from {fresh}", flush=True)
    while not options.cases and run.compared["object"] < options.decisions:
        seed = next(seeds)
        try:
            run.lake(seed)
        except Disagreement as found:
            print(f"seed {seed}")
            tell(run, found)
            return 1
    run.program.stop()
    print(f"{run.compared.total()} answers alike in {time.monotonic() - began:.0f} s:",
          dict(run.compared))
    print("what alone decided:", dict(run.causes))
    tame = [cause for cause in CAUSES if not run.causes[cause]]
    if tame and run.compared["object"] >= TELLING:
        print("nothing was ever decided by:", tame)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
