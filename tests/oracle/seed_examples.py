"""The published examples of access groups and of classes, put to the model of rules.py.

They are no part of the project: $SHOTLAKE_VECTORS, then ../shared/auth-vectors, is where they lie.
"""

import json
import os

from rules import Asker, Rules
from rules_lake import Lake

HERE = os.path.dirname(os.path.abspath(__file__))


def load(name):
    root = os.environ.get("SHOTLAKE_VECTORS", os.path.join(HERE, "../../../shared/auth-vectors"))
    path = os.path.join(root, "seeds", name)
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def is_address(text):
    parts = text.split(".")
    return len(parts) == 4 and all(p.isdecimal() and str(int(p)) == p and int(p) < 256
                                   for p in parts)


def check_groups(data):
    """A guarded object that everybody may read otherwise: what the group says decides. Who is not
    signed in gets nothing here, whatever network it is in."""
    lake = Lake()
    lake.ranges, lake.settings["users.scope"] = data["ranges"], "bu.edu"
    for key, rules in data["groups"].items():
        site, _, group = key.partition("#")
        lake.groups[site, group] = rules
    for v in data["vectors"]:
        site, _, group = v["group"].rpartition("#")
        who = {"as": ["user:" + v["eppn"]] if v["eppn"] else [], "affiliation": v["affiliation"],
               "entitlements": v["entitlements"]}
        if v["ip"] and is_address(v["ip"]):
            who["address"] = v["ip"]
        lake.groups.setdefault((site, "for the site's sake"), {})
        lake.objects = {f"{site}/a.mov" if site else "a.mov"}
        lake.acl = {("path", ""): [{"principalType": "USER", "principal": (v["eppn"] or "nobody"),
                                    "accessTypes": ["read"]}]}
        lake.protected = {f"{site}/" if site else "": group}
        key = next(iter(lake.objects))
        got = Asker(Rules(lake), who).allow("read", key, 0)
        want = v["expect"] and v["eppn"] is not None
        assert got == want, f"bu_rules.json, {v['name']}: {got}"
    return len(data["vectors"])


def check_classes(data):
    lake = Lake()
    for key, classes in data["resources"].items():
        lake.objects.add(key)
        lake.classes["path", key] = classes
    for group, actions, name in data["policies"]:
        lake.policies["group:" + group, name] = actions.split(",")
    rules = Rules(lake)
    for group, key, verb, want in data["expect"]:
        asker = Asker(rules, {"as": ["user:x", "group:" + group, "role:editor"]})
        action = {"r": "read", "w": "write"}[verb]
        assert asker.allow(action, key, 0) == want, f"tams_classes.json, {group} {verb} {key}"
    return len(data["expect"])


def check():
    """What was checked, as a sentence."""
    told = []
    for name, checker in (("bu_rules.json", check_groups), ("tams_classes.json", check_classes)):
        data = load(name)
        told.append(f"{name}: " + (f"{checker(data)} examples" if data else "SKIP, no vectors here"))
    return ", ".join(told)
