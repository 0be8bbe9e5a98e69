"""A wrong command line has status 2, says what is wrong on stderr, and changes nothing."""

import common
from common import check, equal

TOO_LONG = "a" * 300


def wrong_manifests(edit, otio):
    for form in (["--urls"], ["--urls", ""], ["--urls", "http"], ["--mount-root", "/mnt"],
                 ["--urls", "mount", "--mount-root", "mnt"],
                 ["--urls", "file", "--mount-root", "/m\nt"],
                 ["--urls", "relative", "--mount-root", "/mnt"]):
        yield ["conform", otio, *form]
        yield ["edit", "manifest", edit, *form]
    yield ["edit", "manifest"]
    yield ["edit", "manifest", edit, edit]
    yield ["edit", "manifest", edit, "-o"]
    yield ["edit", "shots"]
    yield ["edit", "shots", edit, "--studio"]


def wrong_logins(mnt):
    for option in (["--auth", "x"], ["--login-socket", "x"], ["--sessions-only"]):
        yield ["mount", mnt, "--as", "acme", *option]
    for address in ("", "10.0.0.300", "10.0.0.1/8", "010.0.0.1", "::1%lo", "here"):
        yield ["mount", mnt, "--as", "acme", "--address", address]
    yield ["login"]
    yield ["login", mnt, mnt]
    yield ["login", mnt, "--token-file"]
    yield ["login", mnt, "--token-file", "x", "--user", "acme"]
    yield ["login", mnt, "--password-stdin"]
    yield ["login", mnt, "--password", "secret"]
    yield ["logout"]
    yield ["logout", mnt, "--user", "acme"]
    yield ["session", mnt, mnt]


def wrong_caches(edit, mnt):
    for option in ("cache", "cache=", "cache_size=1G", "cache_key=k", "cache=/c,cache_size=1M",
                   "cache=/c,cache_size=big", "cache=/c,cache_size=-1G", "cache=/c,cache_key="):
        yield ["mount", mnt, "--as", "acme", "-o", option]
    yield ["cache"]
    yield ["cache", "status"]
    yield ["cache", "status", "a", "b"]
    yield ["cache", "clear", "a", "--frobnicate"]
    yield ["cache", "clear", "a", "--cache-key"]
    yield ["cache", "warm", edit]
    yield ["cache", "warm", "--cache", "c"]
    yield ["cache", "warm", edit, "--cache", "c", "--jobs", "0"]
    yield ["cache", "warm", edit, "--cache", "c", "--cache-size", "1M"]
    yield ["cache", "warm", edit, "--cache", "c", "--as", "a/b"]


def wrong_lines(edit, otio, mnt):
    until = ["--until", common.FOREVER]
    yield []
    yield ["frobnicate"]
    yield ["--frobnicate", "view", "acme"]
    yield ["edit"]
    yield ["edit", "frobnicate"]
    yield ["ledger", "frobnicate"]
    yield ["init", "x"]
    yield ["scan", "a", "b"]
    yield ["scan", "--frobnicate"]
    yield ["scan", "--media", "some"]
    yield ["scan", "--jobs", "0"]
    yield ["media"]
    yield ["media", "a", "b"]
    yield ["conform"]
    yield ["conform", otio, otio]
    yield ["conform", otio, "--name"]
    yield ["conform", otio, "--frobnicate"]
    yield ["conform", otio, "--jobs", "0"]
    yield ["conform", otio, "--jobs", "2x"]
    yield ["conform", otio, "--handles", "-1"]
    yield ["conform", otio, "--handles", "10001"]
    yield ["conform", otio, "--handles"]
    yield ["conform", otio, "--prefer", ""]
    yield ["conform", otio, "--media-root", "/old"]
    yield ["conform", otio, "--media-root", "=new"]
    yield ["conform", otio, "--pin"]
    yield from wrong_manifests(edit, otio)
    yield ["grant", edit, "acme"]
    yield ["grant", edit]
    yield ["grant", edit, "acme", "extra", *until]
    yield ["grant", edit, "acme", "--until"]
    for when in ("", "tomorrow", "2027-02-30", "2027-13-01", "2027-6-5", "2027-06-15T25:00:00Z",
                 "2027-06-15T12:00:00", "2027-06-15x", "0000-00-00", "2020-01-01"):
        yield ["grant", edit, "acme", "--until", when]
    yield ["grant", edit, "acme", *until, "--from", "then"]
    yield ["grant", edit, "acme", "--until", "2098-01-01", "--from", "2099-01-01"]
    for name in ("", "user:", "group:", "a/b", "a\nb", TOO_LONG, "arn:aws:iam::1:user/x"):
        yield ["grant", edit, name, *until]
        yield ["view", name]
    yield ["revoke", edit]
    yield ["acl", "set", "show"]
    yield ["acl", "show"]
    yield ["acl", "frobnicate", "show"]
    yield ["view"]
    yield ["view", "--frobnicate"]
    yield ["view", "acme", "--at", "then"]
    yield ["explain", "acme"]
    yield ["who"]
    yield ["who", "-x"]
    yield ["edit", "list", "--frobnicate"]
    yield ["mount"]
    yield ["mount", mnt]
    yield ["mount", mnt, "--as"]
    yield ["mount", mnt, "--as", "acme", "--per-caller"]
    yield ["mount", mnt, mnt, "--as", "acme"]
    yield ["mount", mnt, "--as", "a/b"]
    yield ["mount", mnt, "--as", "acme", "--poll", "often"]
    yield ["mount", mnt, "--as", "acme", "--max-stale", "-1"]
    yield ["mount", mnt, "--as", "acme", "-o", "mem=lots"]
    yield ["mount", mnt, "--as", "acme", "-o", "frobnicate"]
    yield ["mount", mnt, "--as", "acme", "--frobnicate"]
    yield from wrong_caches(edit, mnt)
    yield from wrong_logins(mnt)
    yield ["unmount"]
    yield ["unmount", mnt, mnt]
    yield ["unmount", mnt, "--frobnicate"]
    yield ["status", mnt, mnt]


def test(world):
    world.ready("show/a.mov")
    edit, _ = world.edit("show/a.mov")
    otio = world.timeline(["show/a.mov"])
    before = world.lake.keys()
    wrong = []
    for words in wrong_lines(edit, otio, world.mountpoint("acme")):
        done = world.host.call(*words)
        if done.returncode != 2 or not done.stderr.startswith("shotlake: ") or done.stdout:
            wrong.append(f"{words}: status {done.returncode}, stdout {done.stdout!r}, "
                         f"stderr {done.stderr!r}")
    check(not wrong, "not status 2 with a reason on stderr:\n" + "\n".join(wrong))
    for words, says in ((["--frobnicate", "view", "acme"], "option '--frobnicate'"),
                        (["mount", "x", "--as"], "--as"),
                        (["mount", "x", "--frobnicate"], "--frobnicate")):
        said = world.host.call(*words).stderr.splitlines()[0]
        check(says in said, f"{words}: what is wrong is named: {said}")
    equal(world.lake.keys(), before, "the keys of the lake afterwards")


if __name__ == "__main__":
    common.run(test, mounts=False)
