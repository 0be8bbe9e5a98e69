"""Small lakes full of trouble, drawn from a seed, and people who ask: for test_decisions.py.

Names are few on purpose, so that rules meet: the same folder is guarded, listed and classed, the
same edit granted, disabled and updated, and people hold several names at once.
"""

from rules_lake import above, moment_text

NOON = 1800000000
EDITS = ["aaaaaaaaa1", "bbbbbbbbb2", "c3c3c3c3c3", "0000000000", "aaaaaaaaa0"]
FOLDERS = ["", "show/", "show/a/", "show/a/deep/", "showa/", "news/", "news/x/",
           "show/__restricted/", "show/__restricted/crew/", "show/__restricted/crew/cut/",
           "show/__restricted/crew/__restricted/lead/", "__restricted/crew/",
           "news/__restricted/crew/",
           "show/__restricted/authenticated/", "show/__restricted/__restricted/crew/"]
NAMES = ["m1.mov", "m2.mov", "a", "deep", "crew", "x.mov"]
USERS = ["ann", "bob", "bob@uni.example", "cy@else.example", "  ", "@uni.example", "crew"]
GROUPS = ["sport", "news", "crew", "editor", "viewer"]
ARN = "arn:aws:iam::111122223333:role/farm/render"
PRINCIPALS = ["user:ann", "user:bob", "user:bob@uni.example", "group:sport", "group:news",
              "group:crew", "role:viewer", "role:boss", ARN]
CLASSES = ["sport", "news", "original", "share"]
TYPES = ["read", "read", "read", "write", "modify_all_access", "modify_acl_access", "x-grade",
         "list"]
ACTIONS = ["list", "read", "write", "modify_all_access", "x-grade"]
CREW = ["crew", "lead", "authenticated", "entire-bu-community", "nobody"]
SITES = ["", "", "show", "show/a", "news", "show/__restricted", "show/__restricted/crew"]
STATES = ["staff", "faculty", "Staff"]
ENTITLEMENTS = ["urn:x:99", "urn:x:999"]
RANGES = ["campus", "farm", "six", "unknown"]
SPANS = [("10.0.0.0", "10.0.0.255"), ("10.0.1.7", "10.0.1.7"), ("10.0.2.0", "10.1.0.0"),
         ("2001:db8::", "2001:db8::ff"), ("::", "::1"), ("0.0.0.0", "0.0.0.1"),
         ("2001:db8:1::", "2001:db8:2::")]
ADDRESSES = ["10.0.0.0", "10.0.0.255", "10.0.1.0", "10.0.1.6", "10.0.1.7", "10.0.1.8", "10.1.0.0",
             "10.1.0.1", "2001:db8::ff", "2001:db8::100", "::1", "::2", "0.0.0.0",
             "255.255.255.255", "2001:db8:1:5::"]
FILTERS = ["", "source:str_eq=portal", "type:string_in=series\\,season",
           "source:str_eq=portal,type:string_in=series\\,season\\,episode",
           "type:string_in=series\\\\,season", "source:str_eq=portal,source:str_eq=other"]
# What a lake is about: settings that it begins with, and what is said more often in it.
THEMES = {"all": ({}, {}),
          "collections": ({"acl.propagate.filter": FILTERS[3]}, {"metadata": 12, "acl": 8}),
          "guards": ({"protect.compose": "most_specific"}, {"protect": 10, "access_group": 8}),
          "classes": ({}, {"class_": 12, "policy": 8, "edit_state": 3})}
ROLES = ["boss", "deputy", "sport", "viewer", "loop", "pool"]
GIVES = ["viewer", "editor", "administrator", "boss", "deputy", "loop", "pool", "asset_read",
         "file_read", "file_read_original", "file_write", "access_write", "access_delete",
         "asset_write", "asset_delete", "timespan_write", "storage_write", "storage_file_write",
         "settings_read", "settings_read_all", "settings_write", "settings_write_all",
         "settings_read_av_safe_area", "store-writer", "store-cleanup-system", "read", "write",
         "tams-api/read", "tams-api/delete", "shotlake/write", "unheard-of", "render"]
DAY = 86400
TIMES = [NOON + k * DAY for k in range(-2, 4)]


class RandomRules:
    """Draws everything from `rng`. `lake` is the model that the records so far have made."""

    def __init__(self, rng, lake):
        self.rng, self.lake = rng, lake
        self.theme = rng.choice(sorted(THEMES))
        self.begun = False

    def some(self, pool, low, high):
        return self.rng.sample(pool, min(len(pool), self.rng.randint(low, high)))

    def maybe(self, p):
        return self.rng.random() < p

    # Places

    def key(self):
        r = self.rng.random()
        if r < 0.2:
            return f"ShotLocker/Edits/{self.rng.choice(EDITS)}/" + \
                self.rng.choice(["cut.otio", "processed/cut.otio", "notes.txt"])
        if r < 0.22:
            return self.rng.choice(["ShotLocker/Edits/notanid/x", "edits/own.mov",
                                    "ShotLocker/Edits/aaaaaaaaa1", "ShotLocker/x"])
        return self.rng.choice(FOLDERS) + self.rng.choice(NAMES)

    def known_key(self):
        return self.rng.choice(sorted(self.lake.objects)) if self.lake.objects and \
            self.maybe(0.9) else self.key()

    def folder(self):
        r = self.rng.random()
        if r < 0.05:
            return "/"
        if r < 0.15:
            return self.rng.choice(["ShotLocker/", "ShotLocker/Edits/", "edits/"] +
                                   [f"ShotLocker/Edits/{id}/" for id in EDITS])
        if self.lake.objects and self.maybe(0.8):
            return self.rng.choice(above(self.rng.choice(sorted(self.lake.objects)))) or "/"
        return self.rng.choice(FOLDERS) or "/"

    def path(self):
        return self.folder() if self.maybe(0.7) else self.known_key()

    def living(self):
        return sorted(id for id, edit in self.lake.edits.items() if edit.state != "removed")

    def place(self):
        if self.living() and self.maybe(0.35):
            return {"edit": self.rng.choice(self.living())}
        return {"path": self.path()}

    # Records: (body, rows)

    def inventory(self, low, high):
        keys = {self.key() for _ in range(self.rng.randint(low, high))}
        rows = [["+", key, 10, 10**18, "e1"] for key in sorted(keys)]
        gone = self.some(sorted(self.lake.objects - keys), 0, high // 8)
        return {"op": "inventory", "prefix": ""}, rows + [["-", key] for key in gone]

    def edit(self):
        id = self.rng.choice(EDITS)
        edit = self.lake.edits.get(id)
        version = edit.version + 1 if edit else 1
        folder = f"ShotLocker/Edits/{id}/"
        body = {"op": "edit", "edit": id, "name": self.rng.choice(["Cut", "a/b", "__restricted"]),
                "file": folder + "cut.otio", "objects": 1, "bytes": 10,
                "manifest": folder + self.rng.choice(["processed/cut.otio", "processed/v2.otio"]),
                "manifest_stat": [10, 1, "m1"]}
        if version > 1:
            body["version"] = version if self.maybe(0.95) else version + 1
        if self.maybe(0.4):
            body.update(shots=folder + "processed/shots.csv", shots_stat=[5, 1, "s1"])
        if self.maybe(0.6):
            body["owner"] = self.rng.choice(PRINCIPALS[:6])
        if version > 1 and self.maybe(0.5):
            body["retire_until"] = moment_text(self.rng.choice(TIMES))
        open_only = self.maybe(0.5)
        pool = sorted(key for key in self.lake.objects if not key.startswith("ShotLocker/") and
                      not (open_only and "__restricted" in key))
        kept = self.some(sorted(edit.keys & set(pool)), 0, 6) if edit else []
        keys = sorted(set(kept + self.some(pool, 1, 10) + [self.key()] * self.maybe(0.2)))
        return body, [[key] for key in keys] + self.links(keys)

    def links(self, keys):
        """To objects of the edit, and to the folders that they are in."""
        targets = {(shot, target) for shot in ("sh1", "__restricted")
                   for key in self.some(keys, 0, 2) for target in (key, above(key)[0])
                   if target and not target.startswith("edits/") and self.maybe(0.7)}
        return [[shot, f"l{i}", target] for i, (shot, target) in enumerate(sorted(targets))]

    def edit_state(self):
        if not self.lake.edits:
            return self.edit()
        op = self.rng.choice(["disable"] * 2 + ["enable"] * 5 + ["tagged"] * 2 + ["remove"])
        return {"op": op, "edit": self.rng.choice(sorted(self.lake.edits))}, None

    def grant(self):
        if not self.lake.edits:
            return self.edit()
        pool = PRINCIPALS[:6] if self.maybe(0.8) else PRINCIPALS
        start, end = sorted(self.rng.sample(TIMES if self.maybe(0.5) else TIMES[::5], 2))
        body = {"op": "grant", "edit": self.rng.choice(sorted(self.lake.edits)),
                "principal": self.rng.choice(pool), "from": moment_text(start),
                "until": moment_text(end)}
        if self.maybe(0.25):
            body["ranges"] = self.some(RANGES, 1, 2)
        return body, None

    def revoke(self):
        if not self.lake.grants:
            return self.grant()
        edit, principal = self.rng.choice(sorted(self.lake.grants))
        return {"op": "revoke", "edit": edit, "principal": principal}, None

    def entries(self):
        found = []
        for _ in range(self.rng.choice([0, 1, 1, 2, 3])):
            kind, pool = self.rng.choice([("USER", USERS[:4]), ("GROUP", GROUPS)])
            found.append({"principalType": kind, "principal": self.rng.choice(pool),
                          "accessTypes": sorted(set(self.some(TYPES, 1, 4)))})
        return found

    def acl(self):
        place = {"lake": True} if self.maybe(0.1) else self.place()
        return {"op": "acl", **place, "entries": self.entries()}, None

    def class_(self):
        classes = None if self.maybe(0.2) else self.some(CLASSES, 0, 2)
        return {"op": "class", **self.place(), "classes": classes}, None

    def metadata(self):
        fields = {"source": self.rng.choice(["portal"] * 6 + ["other", "Portal"]),
                  "type": self.rng.choice(["series", "season", "episode"] * 2 + ["x"])}
        for name in self.some(sorted(fields), 0, 2) if self.maybe(0.2) else []:
            del fields[name]
        return {"op": "metadata", **self.place(), "fields": fields}, None

    def policy(self):
        return {"op": "policy", "principal": self.rng.choice(PRINCIPALS),
                "class": self.rng.choice(CLASSES),
                "actions": sorted(set(self.some(TYPES[:5] + ["x-grade"], 0, 4)))}, None

    def access_group(self):
        rules = {}
        for name, pool in (("users", USERS[:4] + ["group:sport", "group:news", ARN, "cy"]),
                           ("admins", USERS[:3]), ("states", STATES), ("ranges", RANGES),
                           ("entitlements", ENTITLEMENTS)):
            r = self.rng.random()
            if r < 0.55:
                rules[name] = self.some(pool, 0, 2)
            elif r < 0.65:
                rules[name] = None if name != "admins" else []
        if self.maybe(0.6):
            rules["satisfy_all"] = self.rng.choice([True, True, False, None])
        return {"op": "access_group", "site": self.rng.choice(SITES),
                "group": self.rng.choice(CREW), "rules": None if self.maybe(0.12) else rules}, None

    def protect(self):
        group = None if self.maybe(0.3) else self.rng.choice(CREW)
        path = self.path()
        if self.lake.protected and group is None:
            path = self.rng.choice(sorted(self.lake.protected)) or "/"
        return {"op": "protect", "path": path, "group": group}, None

    def ranges(self):
        spans = [{"start": a, "end": b} for a, b in self.some(SPANS, 0, 3)]
        return {"op": "ranges", "name": self.rng.choice(RANGES[:3]),
                "ranges": None if self.maybe(0.1) else spans}, None

    def role(self):
        return {"op": "role", "role": self.rng.choice(ROLES),
                "gives": None if self.maybe(0.15) else
                self.some([name for name in GIVES if "/" not in name], 0, 3)}, None

    def setting(self):
        return {"op": "settings", "set": self.rng.choice([
            {"acl.enabled": self.rng.choice([False, True, True, None])},
            {"acl.storage.enabled": self.rng.choice([False, True, None])},
            {"acl.propagate.filter": self.rng.choice(FILTERS + [None])},
            {"acl.propagate.filter": ""},
            {"protect.compose": self.rng.choice(["all", "most_specific", None])},
            {"roles.default": self.rng.choice([["viewer"], [], ["boss"], ["superuser-not"], None,
                                               ["viewer", "file_read_original"]]),
             "users.scope": self.rng.choice(["", "uni.example", "else.example"])}])}, None

    KINDS = {"acl": 4, "class_": 4, "policy": 4, "grant": 7, "access_group": 4, "protect": 2,
             "edit": 4, "edit_state": 2, "metadata": 2, "ranges": 1, "role": 2, "setting": 2,
             "revoke": 1}

    def record(self):
        """The next record, from a first inventory on; it fits what is there."""
        if not self.lake.objects:
            return self.inventory(14, 34)
        if not self.begun and THEMES[self.theme][0]:
            self.begun = True
            return {"op": "settings", "set": THEMES[self.theme][0]}, None
        if self.maybe(0.06):
            return self.inventory(1, 8)
        kinds, more = sorted(self.KINDS), THEMES[self.theme][1]
        kind = self.rng.choices(kinds, [self.KINDS[k] + more.get(k, 0) for k in kinds])[0]
        return getattr(self, kind)()

    # People

    def asker(self):
        r = self.rng.random()
        if r < 0.03:
            return {"as": []}
        first = ARN if r < 0.1 else "user:" + self.rng.choice(USERS[:3] if r < 0.7 else USERS) \
            if r < 0.95 else self.rng.choice(["group:crew", "role:boss"])
        roles = [f"{self.rng.choice(['role', 'group'])}:{name}" for name in
                 self.some(GIVES if self.maybe(0.5) else ROLES, 1, 2)] if self.maybe(0.55) else []
        if self.maybe(0.2):
            roles = ["role:administrator"] + [f"role:settings_{verb}_all" for verb in
                                              self.some(["read", "write"], 0, 2)]
        groups = [f"group:{name}" for name in self.some(GROUPS[:3] if self.maybe(0.7) else GROUPS,
                                                        0, 2)]
        who = {"as": list(dict.fromkeys([first] + groups + roles))}
        if self.maybe(0.5):
            who["affiliation"] = self.rng.choice(STATES)
        if self.maybe(0.3):
            who["entitlements"] = self.some(ENTITLEMENTS, 0, 2)
        if self.maybe(0.7):
            who["address"] = self.rng.choice(ADDRESSES)
        if self.maybe(0.08):
            who["superuser"] = True
        if self.maybe(0.18):
            who["details"] = [self.detail() for _ in range(self.rng.choice([0, 1, 1, 1, 2]))]
        return who

    def detail(self):
        detail = {"type": "shotlake"}
        if self.maybe(0.5):
            detail["actions"] = self.some(["read", "read", "write", "modify_all_access", "x-grade"],
                                          1, 3)
        if self.maybe(0.4):
            detail["edits"] = self.some(EDITS + ["zzzzzzzzz9"], 0, 2)
        if self.maybe(0.5):
            detail["locations"] = [self.location() for _ in range(self.rng.randint(0, 3))]
        return detail

    def location(self):
        return self.known_key() if self.maybe(0.3) else \
            self.rng.choice(["ShotLocker/", "show/", "news/", *FOLDERS[1:]])

    def moments(self, n):
        """Moments to ask about: mostly edges of grants and of what is retired."""
        edges = {t for start, end, _ in self.lake.grants.values() for t in (start, end)}
        edges |= {until for edit in self.lake.edits.values() for _, until in edit.retired}
        pool = sorted({t - d for t in edges for d in (0, 1)} | {TIMES[0] - 1, NOON + 60})
        return sorted(self.some(pool, n, n))
