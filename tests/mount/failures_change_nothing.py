"""A failure has status 1, one line that says why, and leaves lake and ledger as they were."""

import os
import socket

import common
from common import check, equal

CLIP = '{"OTIO_SCHEMA":"Clip.1","name":"c","media_reference":null}'


def timeline(children):
    return ('{"OTIO_SCHEMA":"Timeline.1","name":"t","tracks":{"OTIO_SCHEMA":"Stack.1","children":'
            f'[{{"OTIO_SCHEMA":"Track.1","kind":"Video","children":[{children}]}}]}}}}')


def hostile_timelines(world):
    """(what, bytes) that are no timeline, each in its own way."""
    with open(world.timeline(["show/a.mov"]), "rb") as f:
        good = f.read()
    yield "empty", b""
    for n in (1, len(good) // 3, len(good) // 2, len(good) - 2):
        yield f"cut after {n} bytes", good[:n]
    yield "bytes after the end", good + b"x"
    yield "not JSON", b"TITLE: an EDL\n001 AX V C\n"
    yield "an array", b"[]"
    yield "a number", b"17"
    yield "another schema", b'{"OTIO_SCHEMA":"Frobnication.1"}'
    yield "no schema", b'{"tracks":{"children":[]}}'
    yield "not UTF-8", good.replace(b"cut", b"c\xff\xfe")
    yield "a NUL escape", good.replace(b"clip 0", b"\\u0000")
    yield "half a surrogate pair", good.replace(b"clip 0", b"\\ud800")
    yield "duplicate members", b'{"OTIO_SCHEMA":"Timeline.1","name":"a","name":"b"}'
    yield "depth of arrays", b"[" * 100000
    stack = '{"OTIO_SCHEMA":"Stack.1","children":['
    yield "depth of stacks", timeline(stack * 5000 + CLIP + "]}" * 5000).encode()


def fails(world, *words, **options):
    """The command fails as it should, with the environment or the input of `options`."""
    done = world.host.call(*words, **options)
    what = f"{words} {options}"
    equal(done.returncode, 1, f"status of {what}: {done.stderr.strip()}")
    equal(done.stdout, "", f"stdout of {what}")
    check(done.stderr.startswith("shotlake: ") and done.stderr.count("\n") == 1,
          f"one line on stderr of {what}: {done.stderr!r}")
    return done.stderr


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def wrong_stores(world):
    """Environments that do not lead to the lake."""
    if common.kind() == "s3":
        secret = os.environ["AWS_SECRET_ACCESS_KEY"]
        yield {"AWS_ACCESS_KEY_ID": "NOSUCHKEYATALL000000"}
        yield {"AWS_SECRET_ACCESS_KEY": ("A" if secret[0] != "A" else "B") + secret[1:]}
        yield {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{closed_port()}"}
        yield {"AWS_ENDPOINT_URL_S3": "http://no-such-host.invalid:7480"}
        yield {"AWS_ENDPOINT_URL_S3": "gopher://127.0.0.1/"}
        yield {"SHOTLAKE_LAKE": "s3://no-such-bucket-at-all"}
        yield {"SHOTLAKE_LAKE": "s3://"}
        yield {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_PROFILE": None,
               "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    else:
        yield {"SHOTLAKE_LAKE": "file://" + world.path("no-such-directory")}
        yield {"SHOTLAKE_LAKE": "file://" + world.write("a-file", "")}
        yield {"SHOTLAKE_LAKE": "file://relative"}
    yield {"SHOTLAKE_LAKE": "ftp://x/y"}
    yield {"SHOTLAKE_STATE": world.write("state-is-a-file", "")}


def test(world):
    host = world.host
    world.ready("show/a.mov")
    edit, _ = world.edit("show/a.mov")
    before = (world.lake.keys(), host.run("ledger"))

    for env in wrong_stores(world):
        fails(world, "init", env=env)
        fails(world, "scan", env=env)
        fails(world, "grant", edit, "acme", "--until", common.FOREVER, env=env)
        fails(world, "mount", world.mountpoint("acme"), "--as", "acme", env=env)
    fails(world, "scan", env={"SHOTLAKE_LAKE": None})
    fails(world, "conform", world.path("no-such-file.otio"))
    fails(world, "conform", world.dir)
    for what, data in hostile_timelines(world):
        path = world.path("hostile.otio")
        with open(path, "wb") as f:
            f.write(data)
        try:
            fails(world, "conform", path)
        except common.Failed as error:
            raise common.Failed(f"{what}: {error}") from None
    for acl in ("", "{", "{}", "17", '["x"]', '[{"principalType":"USER"}]',
                '[{"principalType":"FROB","principal":"a","accessTypes":["read"]}]',
                '[{"principalType":"USER","principal":"a","accessTypes":"read"}]',
                '[{"principalType":"USER","principal":"a/b","accessTypes":["read"]}]',
                '[{"principalType":"USER","principal":"a","accessTypes":[7]}]', "[] []"):
        fails(world, "acl", "set", "show", "-", stdin=acl)
    fails(world, "acl", "set", "show", world.path("no-such-acl.json"))
    said = host.call("acl", "set", "show", world.path("no-such-acl.json")).stderr
    check("No such file" in said and "line" not in said, said)
    fails(world, "--principals", world.path("no-such.json"), "view", "acme")
    fails(world, "--principals", world.write("bad.json", '{"users":[{"id":1}]}'), "view", "acme")

    equal((world.lake.keys(), host.run("ledger")), before, "keys and ledger afterwards")
    host.run("ledger", "verify")


if __name__ == "__main__":
    common.run(test, mounts=False)
