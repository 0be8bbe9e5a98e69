"""The two sides of test_decisions.py, which answer the same questions in the same shape: the
program through decide_batch, and the model of rules.py.

A lake is a list of records (body, rows); a question is {"who", "now", "actions", "edits": ids,
"changes": bodies}; an answer maps (kind, action, name) to what was answered:
    ("object", action, key), ("folder", action, key), ("edit", action, id)    allowed?
    ("visible", "", path), ("closed", "", path)    shown? shown, and cannot be opened?
    ("change", "", number of the body)    may it be appended?
    ("why", action, key)    with "explain": [the rules that give it,
                            [place, group, site, passes] of each guard that counts]
"""

import copy
import json
import subprocess

from rules import Asker, Rules
from rules_change import Changer
from rules_lake import Lake, above

OWN = ("read", "write", "modify_all_access", "x-grade")  # "list" is a part of "read"


class Broken(Exception):
    """The program does not answer, or refuses a record that is right."""


class Program:
    def __init__(self, path):
        self.path, self.process, self.living = path, None, None

    def start(self):
        if not self.process:
            self.process = subprocess.Popen([self.path], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True)

    def call(self, line):
        self.start()
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        text = self.process.stdout.readline()
        if not text:
            code, self.process = self.process.wait(), None
            raise Broken(f"decide_batch ended with {code} at {json.dumps(line)[:200]}")
        answer = json.loads(text)
        if "error" in answer:
            raise Broken(f"{answer['error']} at {json.dumps(line)[:200]}")
        return answer

    def stop(self):
        if self.process:
            self.process.stdin.close()
            code, self.process = self.process.wait(), None
            if code:
                raise Broken(f"decide_batch ended with {code}")

    def new(self):
        self.call({"new": True})

    def say(self, records):
        self.living = self.call({"say": records})

    def ask(self, question):
        told = self.call({"ask": question})
        found = {("next", "", ""): told["next"]}
        for contradiction in told["contradictions"]:
            found["contradiction", contradiction[1], contradiction[0]] = contradiction[2]
        for kind, names, table in (("object", self.living["objects"], told["decide"]),
                                   ("folder", self.living["folders"], told["folders"]),
                                   ("edit", question["edits"], told["edits"])):
            for action, bits in table.items():
                for name, bit in zip(names, bits, strict=True):
                    found[kind, action, name] = bit == "1"
        paths = [path for kind in ("objects", "folders", "names") for path in self.living[kind]]
        for kind in ("visible", "closed"):
            for path, bit in zip(paths, told[kind], strict=True):
                found[kind, "", path] = bit == "1"
        for action, whys in told["whys"].items():
            for key, why in zip(self.living["objects"], whys):
                found["why", action, key] = why and self.reasons(why)
        for i, why_not in enumerate(told["changes"]):
            found["change", "", i] = why_not == ""
        return found

    @staticmethod
    def reasons(why):
        guards = [[g["path"].removeprefix("/"), g["group"], g["site"], g["pass"]]
                  for g in why["guards"] if g["counts"]]
        return [sorted({way["rule"] for way in why["by"]}), sorted(guards)]

    def derive(self, question, action, path):
        return self.call({"why": {"who": question["who"], "now": question["now"],
                                  "action": action, "path": path}})


class Model:
    def new(self):
        self.lake, self.rules, self.living = Lake(), None, None

    def say(self, records):
        for body, rows in records:
            self.lake.apply(copy.deepcopy(body), rows)
        self.rules = Rules(self.lake)
        showable = self.rules.showable
        names = {path: target for _, path, target in self.lake.names(showable)}
        folders = {folder for path in showable | set(names) for folder in above(path)}
        self.links = {path for edit in self.lake.edits.values() for path in edit.links}
        self.targets = names
        self.living = {"objects": in_order(showable), "folders": in_order(folders),
                       "names": in_order(names)}

    def ask(self, question):
        asker, t = Asker(self.rules, question["who"]), question["now"]
        changer, found = Changer(asker), {}
        for action in question["actions"]:
            for key in self.living["objects"]:
                found["object", action, key] = asker.allow(action, key, t)
                if question.get("explain"):
                    found["why", action, key] = self.reasons(asker, action, key, t)
            for folder in self.living["folders"] if action in OWN else []:
                found["folder", action, folder] = changer.with_folder(action, folder)
            for id in question["edits"] if action in OWN else []:
                found["edit", action, id] = changer.with_edit(action, id)
        seen = asker.visible(t)
        for path in sum(self.living.values(), []):
            key = path if path in self.links else self.targets.get(path, path)
            found["visible", "", path] = path in seen
            found["closed", "", path] = path in seen and key in self.rules.showable and \
                not asker.allow("read", key, t)
        for i, body in enumerate(question["changes"]):
            found["change", "", i] = changer.allowed(body, t)
        return found

    @staticmethod
    def reasons(asker, action, key, t):
        if not asker.names:
            return [[], []]
        d = asker.derive(action, key, t)
        ways = ["superuser"] if asker.superuser else \
            [way for way in ("acl", "class", "edit-acl", "grant", "owner") if d[way]]
        guards = [] if asker.superuser else [[place, group, site or "", passes]
                                             for place, group, site, passes in d["guards"]]
        return [ways if d["allow"] else [], sorted(guards)]

    def derive(self, question, action, path):
        return Asker(self.rules, question["who"]).derive(action, path, question["now"])


def in_order(paths):
    return sorted(paths, key=str.encode)
