"""`shotlake login` with nothing but a mountpoint: the studio's OpenID provider, a real one with a
certificate of a private authority, is asked; whoever agrees there is who the uid is on the mount, with
the groups that the provider tells. Who declines is nobody."""

import json
import os
import re
import subprocess
import sys

import common
import scene
from common import check, equal, eventually

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "oidc"))
from provider import Browser, Missing, Provider, make_ca, make_jwks  # noqa: E402

UID, OTHER = 61001, 61002
USERS = {"acme": {"groups": ["freelancers"]}, "rival": {"groups": []}}


class Studio:
    """A mount whose users sign in at a provider."""

    def __init__(self, world, provider, tls):
        self.world, self.ca = world, tls[0]
        config = {"oidc": {"issuer": provider.issuer, "client_id": "shotlake",
                           "scope": "openid groups"}, "ca": self.ca}
        self.auth = world.write("auth.json", json.dumps(config))
        self.env = {"SHOTLAKE_RUN": world.path("run")}
        self.at = world.mount_per_caller("--auth", self.auth, env=self.env)

    def login(self, uid, user, declines=False):
        """(status, stdout, stderr) of a login at which `user` agrees."""
        command = [self.world.binary, "--json", "login", self.at, "--auth", self.auth]
        child = subprocess.Popen(command, env=self.world.host.env(**self.env), cwd="/", user=uid,
                                 group=uid, extra_groups=[], stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        shown = ""
        with child:
            for line in child.stderr:
                shown += line
                address = re.match(r"or open (\S+)$", line)
                if address:
                    Browser(self.ca).agree(address.group(1), user, declines)
            out = child.stdout.read()
        return child.returncode, out, shown

    def names(self, uid):
        return set(common.as_uid(uid, common.tree, self.at))


def signs_in(world, studio):
    edit, _ = world.edit("secret.mov", name="for groups")
    world.grant(edit, "group:freelancers")
    equal(studio.names(UID), set(), "before")
    status, out, shown = studio.login(UID, "acme")
    equal(status, 0, f"login: {shown}; the status")
    equal(json.loads(out)["session"]["principal"], "user:acme", "who that is")
    check(re.search(r"enter the code [A-Z0-9-]+\n", shown), f"the code is shown: {shown}")
    check("ey" + "J" not in shown + out, "no token is shown")
    eventually(lambda: "secret.mov" in studio.names(UID), "a group that the provider tells")
    equal(studio.names(UID) & set(scene.ALL), {*scene.ACME, "secret.mov"}, "what acme sees")
    equal(studio.names(OTHER), set(), "who has not signed in")


def does_not(studio):
    status, _, shown = studio.login(OTHER, "rival", declines=True)
    equal(status, 1, "a user who declines")
    check("declined" in shown, f"what is said of that: {shown}")
    equal(studio.names(OTHER), set(), "after that")
    status, _, shown = studio.login(UID, "rival")
    equal(status, 1, "another user on that uid")
    check("log out first" in shown, f"what is said of that: {shown}")
    check("secret.mov" in studio.names(UID), "the session is as it was")


def test(world):
    folder = world.path("provider")
    os.mkdir(folder, 0o711)
    tls = make_ca(folder)
    os.chmod(tls[0], 0o644)
    provider = Provider(folder, USERS, tls)
    try:
        provider.start(make_jwks("first"))
    except Missing as why:
        raise common.Skip(str(why)) from None
    try:
        scene.make(world)
        studio = Studio(world, provider, tls)
        signs_in(world, studio)
        does_not(studio)
    finally:
        provider.stop()


if __name__ == "__main__":
    common.run(test)
