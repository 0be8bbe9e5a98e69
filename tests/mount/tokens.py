"""Signing in for the mount tests: an issuer of tokens with a key of its own, users with passwords,
and the login socket as a user meets it.

The key and the signatures are openssl's, so that nothing of ours judges itself."""

import base64
import json
import os
import socket
import subprocess
import time

import common

AUDIENCE, ISSUER = "shotlake", "https://idp.example.org"
MESSAGE_MAX = 65536


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True, timeout=60).stdout


class Issuer:
    """An identity provider's key, and the configuration that trusts it, in the world's folder."""

    def __init__(self, world, passwords=None, **session):
        self.world, self.key = world, world.path("issuer.pem")
        self.run = world.path("run")
        openssl("genrsa", "-out", self.key, "2048")
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip()
        n = bytes.fromhex(modulus.partition("=")[2])
        jwk = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "test", "n": b64(n),
               "e": b64(b"\1\0\1")}
        keys = world.write("jwks.json", json.dumps({"keys": [jwk]}))
        config = {"jwt": {"alg": ["RS256"], "issuer": ISSUER, "issuer_enforced": True,
                          "audience": AUDIENCE, "jwk": keys}}
        if passwords:
            config["basic"] = {"users": self.users(passwords)}
        if session:
            config["session"] = session
        self.config = world.write("auth.json", json.dumps(config))

    def users(self, passwords):
        rows = [{"id": name, "hash": openssl("passwd", "-6", "-stdin", stdin=secret.encode())
                 .decode().strip()} for name, secret in passwords.items()]
        path = self.world.write("users.json", json.dumps({"users": rows}))
        os.chmod(path, 0o600)
        return path

    def token(self, user, lifetime=600, **claims):
        now = int(time.time())
        body = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + lifetime,
                **claims}
        text = ".".join(b64(json.dumps(part).encode()) for part in
                        ({"alg": "RS256", "typ": "JWT", "kid": "test"}, body))
        return text + "." + b64(openssl("dgst", "-sha256", "-sign", self.key,
                                        stdin=text.encode()))

    def env(self):
        return {"SHOTLAKE_RUN": self.run}

    def mount(self, *options, name="all"):
        """A shared mount on which users sign in."""
        return self.world.mount_per_caller("--auth", self.config, *options, name=name,
                                           env=self.env())

    # The command line, as a user

    def call(self, uid, *words, stdin=""):
        """(status, stdout, stderr) of `shotlake WORDS`, run as a uid."""
        env = self.world.host.env(**self.env())
        return common.as_uid(uid, _run, [self.world.binary, *words], env, stdin)

    def sign_in(self, uid, at, token, status=0):
        got, out, error = self.call(uid, "--json", "login", at, "--token-file", "-", stdin=token)
        common.equal(got, status, f"login of uid {uid}: {error.strip()}; the status")
        return json.loads(out) if status == 0 else error

    def sign_out(self, uid, at):
        common.equal(self.call(uid, "logout", at)[0], 0, f"logout of uid {uid}: the status")

    def session(self, uid, at):
        """What `shotlake session` says: None, or its members."""
        status, out, error = self.call(uid, "--json", "session", at)
        common.equal(status, 0, f"session of uid {uid}: {error.strip()}; the status")
        return json.loads(out)["session"]

    # The socket itself

    def socket(self):
        """The path of the one login socket."""
        names = [n for n in os.listdir(self.run) if n.endswith(".login")]
        common.equal(len(names), 1, "login sockets")
        return os.path.join(self.run, names[0])


def _run(command, env, stdin):
    done = subprocess.run(command, env=env, input=stdin, stdout=subprocess.PIPE, cwd="/",
                          stderr=subprocess.PIPE, text=True, timeout=common.COMMAND_SECONDS,
                          start_new_session=True)  # no terminal to ask on
    return done.returncode, done.stdout, done.stderr


def connect(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(common.COMMAND_SECONDS)
    sock.connect(path)
    return sock


def say(path, message):
    """The answer to one message, bytes or a value to be sent as JSON."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    with connect(path) as sock:
        try:
            sock.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read: the answer is there
        return _answer(sock)


def _answer(sock):
    try:
        return json.loads(sock.recv(MESSAGE_MAX))
    except ConnectionResetError:
        return json.loads(sock.recv(MESSAGE_MAX))
