#!/usr/bin/python3
"""Signing in against a real OpenID provider: the device flow with a user who agrees or declines,
tokens of either kind, TLS of a private authority, key rotation, and a provider that goes away.

usage: against_a_provider.py AUTH_CLIENT
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

from provider import Browser, Missing, Provider, make_ca, make_jwks

USERS = {"mia": {"groups": ["vfx", "vendors"], "affiliation": "staff",
                 "entitlements": ["urn:studio:comp"]},
         "ole": {"groups": []}}
MINUTE = 60 * 1000
DAY = 24 * 60 * MINUTE
EACCES, EAGAIN = -13, -11


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def contains(text, part, what):
    if part not in text:
        raise AssertionError(f"{what}: {part!r} is not in {text!r}")


class Client:
    """auth_client with a configuration of its own."""

    def __init__(self, program, folder, config):
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".json", delete=False) as f:
            json.dump(config, f)
        self._child = subprocess.Popen([program, f.name], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)

    def _send(self, **command):
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()

    def _answer(self):
        return json.loads(self._child.stdout.readline())

    def login(self, act=None):
        """(prompt or None, last answer); `act` is called with the prompt."""
        self._send(do="login")
        first = self._answer()
        if "code" not in first or "error" in first:
            return None, first
        if act:
            act(first)
        return first, self._answer()

    def check(self, token, seconds=0):
        self._send(**{"do": "check", "token": token, "in": seconds})
        return self._answer()

    def advance(self, ms):
        self._send(do="advance", ms=ms)

    def close(self):
        self._child.stdin.close()
        equal(self._child.wait(), 0, "the end of auth_client")


class Studio:
    """A provider with TLS, and clients of it."""

    def __init__(self, program, folder):
        self.program, self.folder, self.stack = program, folder, contextlib.ExitStack()
        self.tls = make_ca(folder)
        self.ca = self.tls[0]
        self.provider = Provider(folder, USERS, self.tls)
        self.stack.callback(self.provider.stop)

    def client(self, oidc=None, **more):
        config = {"oidc": {"issuer": self.provider.issuer, "client_id": "shotlake",
                           "scope": "openid groups", **(oidc or {})}, "ca": self.ca, **more}
        client = Client(self.program, self.folder, config)
        self.stack.callback(client.close)
        return client

    def token(self, client, user="mia"):
        """A token that the device flow gives when the user agrees."""
        prompt, last = client.login(
            lambda p: Browser(self.ca).agree(p["complete"], user))
        contains(prompt["uri"], self.provider.issuer, "the address to go to")
        if "token" not in last:
            raise AssertionError(f"no token: {last}")
        return last["token"]


def test_id_token(studio):
    client = studio.client(jwt={"affiliation": "affiliation", "entitlements": "entitlements"})
    token = studio.token(client)
    who = client.check(token)
    equal(who.pop("expires") > 0, True, "an end")
    equal(who, {"as": ["user:mia", "group:vfx", "group:vendors"], "how": "token",
                "affiliation": "staff", "entitlements": ["urn:studio:comp"]}, "who mia is")
    equal(client.check(studio.token(client, "ole"))["as"], ["user:ole"], "who ole is")
    late = client.check(token, 3600 + 61)
    equal(late.get("code"), EACCES, "a token that has expired")
    contains(late["error"], "expired", "a token that has expired")
    head, body, mark = token.split(".")
    forged = client.check(".".join((head, body, mark[:20] + "AAAA" + mark[24:])))
    equal(forged.get("code"), EACCES, "a forged signature")
    other = studio.client(jwt={"audience": "somebody else"})
    contains(other.check(token)["error"], "another audience", "a token for another")


def test_access_token(studio):
    client = studio.client({"token": "access_token"}, jwt={"audience": "shotlake-lake"})
    who = client.check(studio.token(client))
    equal(who["as"], ["user:mia", "group:vfx", "group:vendors"], "who mia is")


def test_declined(studio):
    client = studio.client()
    _, last = client.login(
        lambda p: Browser(studio.ca).agree(p["complete"], "mia", declines=True))
    equal(last.get("code"), EACCES, "the user has declined")
    contains(last["error"], "declined", "the user has declined")


def test_unknown_client(studio):
    prompt, last = studio.client({"client_id": "nobody"}).login()
    equal((prompt, last.get("code")), (None, EACCES), "a client that is not registered")
    contains(last["error"], "invalid_client", "a client that is not registered")


def test_who_is_believed(studio):
    """Another authority, no authority, and a provider that has another name for itself."""
    wrong, _, _ = make_ca(studio.folder, "wrong")
    for ca in (wrong, "/etc/ssl/certs/ca-certificates.crt"):
        prompt, last = studio.client(ca=ca).login()
        equal((prompt, last.get("code")), (None, EACCES), f"a certificate not of {ca}")
        contains(last["error"], "certificate", "whose certificate it is")
    named = studio.provider.issuer.replace("localhost", "127.0.0.1")
    prompt, last = studio.client({"issuer": named}).login()
    equal((prompt, last.get("code")), (None, EACCES), "another issuer")
    contains(last["error"], "calls itself", "another issuer")


def test_rotation_and_absence(studio):
    """The keys change and the provider goes, while one client goes on."""
    provider, client = studio.provider, studio.client()
    old = studio.token(client)
    equal(client.check(old)["as"][0], "user:mia", "before")
    asked = provider.asked("/jwks")
    provider.stop()
    provider.start(make_jwks("second"))
    new = studio.token(client)
    client.advance(MINUTE)
    for _ in range(3):
        equal(client.check(new)["as"][0], "user:mia", "a token of the new key")
    equal(provider.asked("/jwks"), asked + 1, "how often the keys were asked for")
    for _ in range(50):
        equal(client.check(old).get("code"), EACCES, "a key that is no longer published")
    equal(provider.asked("/jwks"), asked + 1, "how often the keys were asked for in a minute")

    provider.stop()
    client.advance(DAY // 2)
    equal(client.check(new)["as"][0], "user:mia", "while the provider is away")
    client.advance(DAY)
    away = client.check(new)
    equal(away.get("code"), EAGAIN, "a day after")
    contains(away["error"], "cannot be had", "a day after")
    prompt, last = client.login()
    equal((prompt, last.get("code")), (None, EAGAIN), "a login while it is away")
    provider.start(make_jwks("second"))


TESTS = (test_id_token, test_access_token, test_declined, test_unknown_client,
         test_who_is_believed, test_rotation_and_absence)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="shotlake-oidc-") as folder:
        studio = Studio(sys.argv[1], folder)
        with studio.stack:
            try:
                studio.provider.start(make_jwks("first"))
            except Missing as why:
                print(f"skipped: {why}")
                return 77
            for test in TESTS:
                with contextlib.ExitStack() as clients:
                    studio.stack, kept = clients, studio.stack
                    try:
                        test(studio)
                    finally:
                        studio.stack = kept
                print(f"ok {test.__name__}", flush=True)
    return 0


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.exit(main())
