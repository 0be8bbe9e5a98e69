"""`adopt` takes a bucket as Shot Locker has left it: edits under their ids with the objects that the
tags name (whole ids, not parts of words), grants of the bucket's policy with their dates; it can be
repeated, and from then on a revoke takes Shot Locker's own statement away."""

import json
import os

import common
from common import check, equal

EDIT, OTHER, OFF, LOST = "t7ory5o5hm", "abcdefghi1", "zzzzzzzzz9", "qqqqqqqqq3"
RAW = "rrrrrrrrr4"  # uploaded and tagged, without a manifest
ARN = "arn:aws:iam::111122223333:user/anyuser"
FARM = "arn:aws:iam::111122223333:role/farm"


def client():
    import boto3
    import botocore.config
    return boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"],
                        config=botocore.config.Config(s3={"addressing_style": "path"}))


def tag(world, key, *tags):
    client().put_object_tagging(
        Bucket=world.lake.bucket, Key=world.lake.prefix + key,
        Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags]})


def statement(world, sid, edit, arns, until, **more):
    return dict({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": arns},
                 "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{world.lake.bucket}/*",
                 "Condition": {
                     "StringLike": {"s3:ExistingObjectTag/ShotLockerAccess": f"*{edit}*"},
                     "DateLessThan": {"aws:CurrentTime": until}}}, **more)


def policy(world):
    text = client().get_bucket_policy(Bucket=world.lake.bucket)["Policy"]
    return json.loads(text)["Statement"]


def fill(world):
    """What Shot Locker leaves: tagged media, edits in their folders, statements in the policy."""
    edits = "ShotLocker/Edits"
    world.put("show/a.mov", "show/b.mov", "show/c.mov", "show/d.mov", "notes.txt")
    for edit in (EDIT, OTHER, OFF):
        world.put(f"{edits}/{edit}/cut of {edit}.otio", f"{edits}/{edit}/processed/cut.otio")
    tag(world, "show/a.mov", ("ShotLockerAccess", f"{EDIT}:{OTHER}"), ("grade", "v2"))
    tag(world, "show/b.mov", ("ShotLockerAccess", EDIT))
    tag(world, "show/c.mov", ("ShotLockerAccess", f"x{OTHER}:{OTHER}x:nonsense"), ("note", OTHER))
    world.put(f"{edits}/{RAW}/cut.otio")
    tag(world, "show/d.mov", ("ShotLockerAccess", f"{LOST}:{RAW}"))
    for edit in (EDIT, OTHER):
        tag(world, f"{edits}/{edit}/processed/cut.otio", ("ShotLockerAccess", edit))
    team = {"Sid": "Team", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl",
            "Resource": f"arn:aws:s3:::{world.lake.bucket}/*"}
    client().put_bucket_policy(Bucket=world.lake.bucket, Policy=json.dumps(
        {"Version": "2012-10-17", "Statement": [
            team, statement(world, "ShotLockera1", EDIT, [ARN, FARM], "2099-06-15T23:59:59Z"),
            statement(world, "ShotLockera2", OTHER, ARN, "2020-06-15T23:59:59Z"),
            statement(world, "ShotLockera3", LOST, ARN, "2099-06-15T23:59:59Z"),
            statement(world, "ShotLockera4", EDIT, ARN, "2099-06-15T23:59:59Z",
                      Action="s3:*")]}))
    return team


def check_adopted(world):
    report = world.host.json("adopt", "--dry-run", status=3)
    equal([e["edit"] for e in report["edits"]], [OTHER, EDIT], "edits of a dry run")
    equal(len(world.host.json("edit", "list")), 0, "edits after a dry run")
    report = world.host.json("adopt", status=3)
    equal({e["edit"]: e["objects"] for e in report["edits"]}, {EDIT: 2, OTHER: 1}, "the edits")
    equal(sorted((g["edit"], g["principal"], g["until"]) for g in report["grants"]),
          [(OTHER, ARN, "2020-06-15T23:59:59Z"), (EDIT, FARM, "2099-06-15T23:59:59Z"),
           (EDIT, ARN, "2099-06-15T23:59:59Z")], "the grants")
    left = {(entry["what"], entry["why"].split(":")[0]) for entry in report["left"]}
    equal(left, {(RAW, "it has no manifest in processed/"), (OFF, "no object has its tag"), (LOST, "objects have its tag, but there is no such "
                                                        "folder in ShotLocker/Edits"),
                 (LOST, "a grant of it, but no such edit"),
                 ("bucket policy", "it has statements with a Sid of Shot Locker's that say "
                                   "something else than it writes")}, "what was left")
    again = world.host.json("adopt", status=3)
    equal((again["edits"], again["grants"]), ([], []), "adopting again")


def check_view(world):
    manifest = f"ShotLocker/Edits/{EDIT}/processed/cut.otio"
    seen = [p for p in world.host.view(ARN) if p.startswith(("show/", "ShotLocker/")) and p[-1] != "/"]
    equal(sorted(seen), sorted([manifest, "show/a.mov", "show/b.mov"]), "what the user sees")
    world.host.run("view", "arn:aws:iam::111122223333:user/other", status=5)
    equal(sorted(world.lake.tags("show/a.mov")), sorted([EDIT, OTHER]), "the tags")


def check_policy(world, team):
    world.host.run("revoke", EDIT, ARN)
    # the policy still has them, and the ledger knows better
    equal(world.host.json("adopt", status=3)["grants"], [], "grants of what was revoked")
    check(ARN not in world.host.run("who", "show/b.mov"), "the revoke is undone")
    world.host.run("iam", "sync")
    got = policy(world)
    equal(got[0], team, "a statement of others")
    users = [(s["Sid"][:12], s["Principal"]["AWS"]) for s in got[1:]]
    check(("ShotLockera1", [ARN, FARM]) not in users, "the statement with the revoked user stayed")
    kept = [s for s in got[1:] if EDIT in json.dumps(s["Condition"]) and s["Action"] != "s3:*"]
    equal([s["Principal"]["AWS"] for s in kept], [FARM], "who holds the edit")


def test(world):
    team = fill(world)
    check_adopted(world)
    check_view(world)
    check_policy(world, team)


if __name__ == "__main__":
    common.run(test, lakes=("s3",), mounts=False)
