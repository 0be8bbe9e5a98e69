"""`iam sync` lets another user of the store read the objects of its edits, by the bucket's own policy
and until the date, and nothing else; a revoke takes it back; other statements stay."""

import datetime
import json
import os
import urllib.parse

import common
from common import check, equal, eventually

ACCOUNT = "111122223333"
HELD, OTHER = "show/held.mov", "show/other.mov"


def admin(method, **query):
    """One request to the gateway's administration interface."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.httpsession import URLLib3Session

    url = os.environ["AWS_ENDPOINT_URL_S3"] + "/admin/user?" + urllib.parse.urlencode(
        dict(query, format="json"), quote_via=urllib.parse.quote)
    request = AWSRequest(method, url, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]),
                "s3", os.environ.get("AWS_REGION", "us-east-1")).add_auth(request)
    reply = URLLib3Session().send(request.prepare())
    check(reply.status_code < 300, f"{method} user: {reply.status_code} {reply.text}")
    return json.loads(reply.content or b"null")


class Vendor:
    """A user of the store with an account, and keys, of its own."""

    def __init__(self, world, name):
        import boto3
        import botocore.config
        from botocore.handlers import validate_bucket_name

        self.world, self.uid = world, f"{ACCOUNT}${name}"
        self.arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
        key = admin("PUT", uid=self.uid, **{"display-name": name})["keys"][0]
        self.client = boto3.client(
            "s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"],
            aws_access_key_id=key["access_key"], aws_secret_access_key=key["secret_key"],
            region_name="us-east-1", config=botocore.config.Config(s3={"addressing_style": "path"}))

        # the name of a bucket of another tenant, see get(), is none by AWS's rules
        self.client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)

    def get(self, key):
        """The HTTP status, and the bytes."""
        from botocore.exceptions import ClientError

        # a user of a tenant names the bucket of the one without tenant with a ':' before it
        try:
            reply = self.client.get_object(Bucket=f":{self.world.lake.bucket}",
                                           Key=self.world.lake.prefix + key)
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], b""
        return 200, reply["Body"].read()

    def close(self):
        admin("DELETE", uid=self.uid, **{"purge-data": "true"})


def in_seconds(n):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=n)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def policy(world):
    from botocore.exceptions import ClientError

    import boto3
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])
    try:
        return json.loads(client.get_bucket_policy(Bucket=world.lake.bucket)["Policy"])
    except ClientError:
        return None


def put_policy(world, document):
    import boto3
    boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"]).put_bucket_policy(
        Bucket=world.lake.bucket, Policy=document)


def check_grant_and_revoke(world, vendor, edit):
    equal(vendor.get(HELD)[0], 403, "before anything")
    world.grant(edit, vendor.arn)
    equal(vendor.get(HELD)[0], 403, "granted, but not written to the policy")
    would = world.host.json("iam", "sync", "--dry-run")
    equal((would["added"], would["changed"], policy(world)), (1, True, None), "a dry run")
    equal(world.host.json("iam", "sync")["added"], 1, "statements added")
    equal(vendor.get(HELD), (200, common.content(HELD, 5000)), "what it holds")
    for hidden in (OTHER, f"ShotLocker/Edits/{edit}/cut.otio", "show/absent.mov",
                   ".shotlake/ledger/00000000000000000001.json"):
        equal(vendor.get(hidden)[0], 403, hidden)
    again = world.host.json("iam", "sync")
    equal((again["changed"], again["kept"]), (False, 1), "syncing again")
    world.host.run("revoke", edit, vendor.arn)
    equal(world.host.json("iam", "sync")["removed"], 1, "statements removed")
    equal(policy(world), None, "the policy of a bucket without grants")
    equal(vendor.get(HELD)[0], 403, "after the revoke")


def check_end(world, vendor, edit):
    world.grant(edit, vendor.arn, until=in_seconds(6))
    world.host.run("iam", "sync")
    equal(vendor.get(HELD)[0], 200, "before the end")
    eventually(lambda: vendor.get(HELD)[0] == 403, "the end of the grant, by the store's own clock")
    equal(world.host.json("iam", "sync")["removed"], 1, "a statement that has ended")


def check_disabled(world, vendor, edit):
    """A disabled edit's objects lose the tag at once; its statement goes with the next sync."""
    world.grant(edit, vendor.arn)
    world.host.run("iam", "sync")
    equal(vendor.get(HELD)[0], 200, "before it is disabled")
    world.host.run("edit", "disable", edit)
    equal(vendor.get(HELD)[0], 403, "disabled")
    equal(world.host.json("iam", "sync")["removed"], 1, "the statement of a disabled edit")
    world.host.run("edit", "enable", edit)
    equal(world.host.json("iam", "sync")["added"], 1, "the statement of an enabled edit")
    equal(vendor.get(HELD)[0], 200, "enabled again")
    world.host.run("revoke", edit, vendor.arn)
    world.host.run("iam", "sync")


def check_foreign(world, vendor, edit):
    """Statements of others, one of Shot Locker's among them, stay as they are, where they are."""
    resource = f"arn:aws:s3:::{world.lake.bucket}/*"
    theirs = [{"Sid": "Team", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl",
               "Resource": resource},
              {"Sid": "ShotLockerta1b2c3d4567890abcdef", "Effect": "Allow",
               "Principal": {"AWS": vendor.arn}, "Action": "s3:GetObject", "Resource": resource,
               "Condition": {"StringLike": {
                   "s3:ExistingObjectTag/ShotLockerAccess": "*zzzzzzzzzz*"}}}]
    put_policy(world, json.dumps({"Version": "2012-10-17", "Statement": theirs}))
    world.grant(edit, vendor.arn)
    equal(world.host.json("iam", "sync")["foreign"], 2, "statements of others")
    got = policy(world)["Statement"]
    equal((got[:2], len(got)), (theirs, 3), "the policy's statements")
    equal(vendor.get(HELD)[0], 200, "beside the statements of others")
    world.host.run("revoke", edit, vendor.arn)
    world.host.run("iam", "sync")
    equal(policy(world)["Statement"], theirs, "what is left")


def check_limit(world, edit):
    """20 KB are the end: an error, and the policy is what it was."""
    before = policy(world)
    for n in range(60):
        world.grant(edit, f"arn:aws:iam::{ACCOUNT}:role/{'r' * 40}{n}", until=f"20{30 + n}-01-01")
    done = world.host.call("iam", "sync")
    check(done.returncode == 1 and "20480" in done.stderr, f"over the limit: {done.stderr}")
    equal(policy(world), before, "the policy after a refusal")


def test(world):
    world.ready(HELD, OTHER)
    edit, _ = world.edit(HELD)
    vendor = Vendor(world, f"acme-{os.getpid()}")
    try:
        check_grant_and_revoke(world, vendor, edit)
        check_end(world, vendor, edit)
        check_disabled(world, vendor, edit)
        check_foreign(world, vendor, edit)
        check_limit(world, edit)
    finally:
        vendor.close()


if __name__ == "__main__":
    common.run(test, lakes=("s3",), mounts=False)
