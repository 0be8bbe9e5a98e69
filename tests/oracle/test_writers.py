#!/usr/bin/python3
"""Many writers on one lake: every change is in the ledger once, none is lost, every host agrees.

    test_writers.py [--lake dir|s3] [--writers N] [--changes N] [--seed N]

Writers grant and revoke at the same time, half of them on one host (state folder), half on
another, some of it on the same edit and principal.  Then the ledger as the store holds it is
replayed in Python and must give what `view` says; and hosts that come late, or start anew after
their index was deleted, must give the same answers byte for byte.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import random
import secrets
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "harness")]
import world  # noqa: E402
from model import Model, name_of  # noqa: E402

KEYS = [f"show/sc{i:02}/plate.mov" for i in range(16)]
UNTIL = "2090-01-01T00:00:00Z"
SHARED = ["user:shared", "group:everyone"]


def expect(condition, what):
    if not condition:
        raise world.WorldError(what)


def prepare(work, sl):
    """Sixteen objects in four edits of eight; the ids of the edits and their keys, and what
    Model.add_folder() takes of each."""
    sl.lake.put_many({key: key.encode() for key in KEYS})
    sl("init")
    sl("scan")
    edits, made = {}, {}
    for i in range(4):
        keys = KEYS[4 * i:4 * i + 4] + KEYS[:4]
        clips = [world.clip(f"shot {n}", world.external(sl.lake.address(k)))
                 for n, k in enumerate(keys)]
        timeline = world.timeline(f"cut{i}", clips)
        report = sl("conform", work.file(f"cut{i}.otio", timeline), json=True)
        files = {name_of(report["manifest"]): report["manifest"], "shots.csv": report["shots"]}
        edits[report["edit"]] = set(keys) | set(files.values())
        made[report["edit"]] = (f"cut{i}", files, timeline)
    return edits, made


def writer(number, sl, edits, changes, seed):
    """One writer's changes, one process each; what it was told: (record, op, edit, principal)."""
    rng = random.Random(f"{seed} {number}")
    told, mine = [], []
    for i in range(changes):
        edit = rng.choice(edits)
        if mine and rng.random() < 0.3:
            op, who, edit, status = "revoke", *mine.pop(rng.randrange(len(mine))), 0
        elif rng.random() < 0.4:
            op, who = rng.choice(["grant", "revoke"]), rng.choice(SHARED)
            status = 0 if op == "grant" else (0, 5)  # another one may have revoked it
        else:
            op, who, status = "grant", f"user:w{number}-{i}", 0
            mine.append((who, edit))
        args = [op, edit, who] + (["--until", UNTIL] if op == "grant" else []) + ["--json"]
        answer = sl.run(*args)
        expect(answer.code in (status if isinstance(status, tuple) else (status,)),
               f"{args}: status {answer.code}\n{answer.out}{answer.err}")
        if answer.code == 0:
            told.append((answer.json()["record"], op, edit, who))
    return told


def read_ledger(lake):
    """The records as the store holds them, with their chain checked."""
    records, before = [], "0" * 64
    for number, raw in enumerate(lake.ledger(), 1):
        record = json.loads(raw)
        expect(record["seq"] == number, f"record {number} calls itself {record['seq']}")
        expect(record["prev"] == before, f"record {number} does not follow the one before")
        before = hashlib.sha256(raw).hexdigest()
        records.append(record)
    expect(len({r["id"] for r in records}) == len(records), "two records have one id")
    return records


def check_told(records, told):
    """What the writers were told is what stands in the ledger, and nothing else does."""
    changes = {r["seq"]: (r["op"], r["edit"], r["principal"]) for r in records
               if r["op"] in ("grant", "revoke")}
    seen = collections.Counter(record for record, *_ in told)
    expect(not [r for r, n in seen.items() if n > 1], "two writers were told one record")
    for record, *change in told:
        expect(changes.get(record) == tuple(change),
               f"record {record} is {changes.get(record)}, its writer was told {change}")
    expect(len(told) == len(changes), f"{len(told)} changes made, {len(changes)} in the ledger")


def replay(sl, records, edits, made):
    """A model that was told every record."""
    model = Model(sl.lake.address(""))
    model.objects = {k: 1 for keys in edits.values() for k in keys}
    model.edits = edits
    for edit, what in made.items():
        model.add_folder(edit, *what)
    for r in records:
        if r["op"] == "grant":
            model.grants[r["edit"], r["principal"]] = (0, 2 ** 40)
        elif r["op"] == "revoke":
            model.grants.pop((r["edit"], r["principal"]), None)
    return model


def check_views(hosts, model, principals):
    for principal in principals:
        want = model.visible(principal, int(time.time()))
        for sl in hosts:
            got = set(sl("view", principal, json=True))
            expect(got == want, f"{sl.state}: view {principal}: {got ^ want} differ")
    return len(principals) * len(hosts)


def answers(sl, edits, principals):
    """Every answer that a host gives, as bytes."""
    at = ["--at", "2040-01-01T00:00:00Z"]
    questions = [["edit", "list"], ["edit", "list", "--json"], ["ledger"], ["ledger", "verify"],
                 ["acl", "show", "/"], ["acl", "show", "show/"], ["acl", "show", KEYS[3]],
                 ["who", KEYS[0], *at], ["who", "show/", "--json", *at], ["status"]]
    questions += [["edit", "show", e] for e in edits]
    for who in principals:
        questions += [["view", who, *at], ["explain", who, KEYS[0], *at],
                      ["explain", who, KEYS[5], "--json", *at]]
    return {" ".join(q): sl(*q) for q in questions}


def check_rebuilt(work, hosts, edits, principals):
    """A host that starts from nothing, one that lost its index, and one that was behind."""
    want = answers(hosts[0], edits, principals)
    shutil.rmtree(hosts[1].state)
    os.mkdir(hosts[1].state)
    fresh = world.Shotlake(hosts[0].lake, work.dir("state-fresh"))
    for sl in [*hosts[1:], fresh]:
        got = answers(sl, edits, principals)
        for question, text in want.items():
            expect(got[question] == text, f"{sl.state}: {question}:\n{got[question]}not\n{text}")
    return len(want)


def run(options, work):
    lake = world.open_lake(options.lake, work)
    hosts = [world.Shotlake(lake, work.dir(f"state-{i}")) for i in range(3)]
    edits, made = prepare(work, hosts[0])
    hosts[0]("acl", "set", "show/sc03/", "-", stdin=json.dumps(
        [{"principalType": "GROUP", "principal": "everyone", "accessTypes": ["write"]}]))
    hosts[1]("edit", "list")
    hosts[2]("edit", "list")  # this one stays behind until the end
    with concurrent.futures.ThreadPoolExecutor(options.writers) as pool:
        jobs = [pool.submit(writer, i, hosts[i % 2], sorted(edits), options.changes, options.seed)
                for i in range(options.writers)]
        told = [change for job in jobs for change in job.result()]
    records = read_ledger(lake)
    check_told(records, told)
    for sl in hosts[:2]:
        expect(sl("ledger", "verify", json=True)["records"] == len(records), "ledger verify")
    principals = sorted({who for *_, who in told} | set(SHARED))
    views = check_views(hosts[:2], replay(hosts[0], records, edits, made), principals)
    same = check_rebuilt(work, hosts, edits, principals[:8])
    print(f"{options.writers} writers, {len(told)} changes, ledger of {len(records)} records: "
          f"each once, none lost; {views} views as replayed; {same} answers the same on "
          f"{len(hosts) + 1} hosts")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", choices=["dir", "s3"], default="dir")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--changes", type=int, default=15, help="of each writer")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int(os.environ.get("SHOTLAKE_SEED") or secrets.randbelow(10**9))
    print(f"seed {options.seed}, lake {options.lake}", flush=True)
    with world.Workspace() as work:
        try:
            run(options, work)
        except world.WorldError as error:
            print(f"FAILED (seed {options.seed}): {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
