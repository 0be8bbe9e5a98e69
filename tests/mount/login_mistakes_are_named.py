"""A configuration of signing in that is wrong ends `mount` before anything is mounted, with its
place; so does a folder for the socket that others may change. Of a login it is said what is
missing."""

import json
import os

import common
import scene
import tokens
from common import check, equal

ACME = 61001


def refused(world, issuer, words, says, **env):
    at = world.mountpoint("wrong")
    done = world.host.call("mount", at, "--per-caller", *words, env={**issuer.env(), **env})
    check(done.returncode == 1 and says in done.stderr, f"{words}: {done.returncode} {done.stderr}")
    check(not common.is_mounted(at), f"{words}: something is mounted")


def mounts(world, issuer):
    for text, says in (("", "line 1"), ('{"jwt": {"frobnicate": 1}}', "frobnicate"),
                       ('{"session": {"idle": "long"}}', "/session/idle")):
        refused(world, issuer, ["--auth", world.write("bad.json", text)], says)
    refused(world, issuer, ["--auth", world.path("absent.json")], "absent.json")
    refused(world, issuer, ["--sessions-only"], "--auth")
    refused(world, issuer, ["--login-socket", world.path("s")], "--auth")
    auth = ["--auth", issuer.config]
    open_folder = world.path("open")
    os.mkdir(open_folder)
    os.chmod(open_folder, 0o777)
    refused(world, issuer, auth, "other users", SHOTLAKE_RUN=open_folder)
    refused(world, issuer, [*auth, "--login-socket", issuer.config], "no socket")
    refused(world, issuer, [*auth, "--login-socket", world.path("no", "folder", "s")], "folder")
    equal(json.loads(common.read(issuer.config))["jwt"]["alg"], ["RS256"], "the configuration")


def logins(world, issuer):
    at, other = issuer.mount(*world.principals(acme=ACME)), world.mount("acme")
    token = world.write("token", issuer.token("acme"))
    os.chmod(token, 0o644)
    for words, says in (([at, "--token-file", world.path("none")], "none"),
                        ([at, "--token-file", "-"], "empty"),
                        ([at, "--user", "acme"], "no terminal"),
                        ([at], "no way to sign in"),
                        ([at, "--user", "acme", "--password-stdin"], "empty"),
                        ([at, "--token-file", token, "--login-socket", token], "login socket"),
                        ([other, "--token-file", token], "nobody can sign in"),
                        ([world.dir, "--token-file", token], world.dir)):
        status, out, error = issuer.call(ACME, "login", *words)
        check(status == 1 and says in error and not out, f"{words}: {status} {out} {error}")
    why = issuer.call(ACME, "login", at, "--user", "acme", "--password-stdin", stdin="secret")
    check(why[0] == 1 and "secret" not in why[2], f"passwords are not taken here: {why}")
    for lie in ({"aud": "others"}, {"iss": "https://elsewhere"}, {"exp": 1}, {"sub": "a/b"},
                {"authorization_details": [{"type": "other"}]}):
        issuer.sign_in(ACME, at, issuer.token("acme", **lie), status=1)
    equal(issuer.session(ACME, at), None, "nobody is signed in")
    status, out, _ = issuer.call(ACME, "session", at)
    check(status == 0 and "user:acme" in out and "principals file" in out, f"session: {out}")
    equal(issuer.call(ACME, "login", at, "--token-file", token)[0], 0, "a good one")
    status, out, _ = issuer.call(ACME, "session", at)
    check(status == 0 and "user:acme" in out and "token" in out, f"session: {out}")


def test(world):
    scene.make(world)
    issuer = tokens.Issuer(world)
    mounts(world, issuer)
    logins(world, issuer)


if __name__ == "__main__":
    common.run(test)
