"""The login socket believes the kernel alone about who is there: root, nobody's uid and lies are
refused, garbage and silence disturb nobody, many sign in at once. A caller in a user namespace
or of a set-user-ID program is its file system uid. No secret is in a log, on a command line or
in the daemon's memory."""

import array
import os
import socket
import subprocess
import sys

import common
import scene
import tokens
from common import check, equal, eventually

ACME, RIVAL, STRANGER, NOBODY = 61001, 61002, 61003, 65534
CROWD = range(61200, 61300)
PASSWORD = "a secret that nobody may keep"
SPREAD = 64  # bytes: a piece of a secret as long as this is found


def names(at):
    return set(common.tree(at))


def refused(world, issuer, at, path):
    token = issuer.token("acme")
    for uid in (0, NOBODY):
        answer = common.as_uid(uid, tokens.say, path, {"op": "login", "token": token})
        equal(answer.get("errno"), "EPERM", f"uid {uid} signs in")
        equal(common.as_uid(uid, names, at), set(), f"the tree of uid {uid}")
    check(issuer.call(0, "login", at, "--token-file", "-", stdin=token)[0] == 1, "root's command")
    equal(issuer.call(RIVAL, "session", world.path("mnt"))[0], 1, "a folder that is no mount")


def garbage(path):
    messages = [b"{}", b"x", b"\xff" * 100, b"[" * 60000, b'{"op":"login"}', b"\0",
                b'{"op":"session","uid":61001}', b'{"op":"logout","uid":61001}',
                b'{"op":"login","token":"' + b"a" * 65000 + b'"}', b" " * 65536]
    for message in messages:
        answer = tokens.say(path, message)
        check("error" in answer and "session" not in answer, f"{message[:30]}: {answer}")
    equal(tokens.say(path, b"x" * 65537)["errno"], "EMSGSIZE", "a message that is too long")
    with tokens.connect(path):
        pass  # says nothing and goes
    with tokens.connect(path) as sock:  # descriptors that nobody has asked for
        sock.sendmsg([b'{"op":"session"}'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                              array.array("i", [0, 1, 2]))])
        sock.recv(tokens.MESSAGE_MAX)
    return True


def silence(path):
    """As many connections as one uid may have, which say nothing; how the next one is answered."""
    quiet = [tokens.connect(path) for _ in range(8)]
    answer = tokens.say(path, {"op": "session"})
    return answer.get("errno"), len([sock.close() for sock in quiet])


def disturb(issuer, at, path, pid):
    before = len(os.listdir(f"/proc/{pid}/fd"))
    check(common.as_uid(RIVAL, garbage, path), "garbage")
    equal(common.as_uid(ACME, tokens.say, path, {"op": "session"})["uid"], ACME, "who one is")
    check(issuer.session(ACME, at), "another's session stays")
    with common.Helper(STRANGER) as stranger:
        equal(stranger.call(silence, path)[0], "EUSERS", "one connection too many")
        equal(common.as_uid(ACME, tokens.say, path, {"op": "session"})["uid"], ACME, "another")
        eventually(lambda: "uid" in stranger.call(tokens.say, path, {"op": "session"}), "later")
    eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, "no descriptor stays open")


def as_other(real, effective, function, *args):
    """In a child whose real uid is another than that which it acts as."""
    os.setgroups([])
    os.setresuid(real, effective, real)
    return function(*args)


def callers(world, issuer, at, path):
    with common.Helper() as program:
        equal(program.call(as_other, STRANGER, ACME, names, at), set(world.host.view("acme")),
              "a set-user-ID program's tree")
        equal(program.call(tokens.say, path, {"op": "session"})["uid"], ACME, "and its session")
    with common.Helper() as program:
        equal(program.call(as_other, ACME, STRANGER, names, at), set(), "the other way round")
    inside = ["unshare", "-U", "-r", sys.executable, "-c",
              "import os, sys; print('\\n'.join(os.listdir(sys.argv[1])))", at]
    status, out, error = common.as_uid(ACME, tokens._run, inside, dict(os.environ), "")
    if status != 0 and "unshare" in error:
        print("no user namespaces for users here")
        return
    equal(set(out.split()), set(common.as_uid(ACME, os.listdir, at)), "root of a user namespace")


def one_of_many(path, at, token):
    answer = tokens.say(path, {"op": "login", "token": token})
    return answer.get("error") or len(common.tree(at))


def crowd(world, issuer, at, path):
    token, size = issuer.token("acme"), len(world.host.view("acme"))
    helpers = [common.Helper(uid) for uid in CROWD]
    try:
        for helper in helpers:
            helper.start(one_of_many, path, at, token)
        equal({helper.answer() for helper in helpers}, {size}, "what a hundred users see")
    finally:
        for helper in helpers:
            helper.close()
    equal(world.host.json("status", at)["sessions"], len(CROWD) + 1, "sessions")


def memory_has(pid, *secrets):
    """Which of the secrets are in the memory of a process."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if "rw" not in mode or end - start > 1 << 32:
                continue
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue
            found.update(s for s in secrets if s.encode() in data)
    return found


def secrets(world, issuer, at, pid, log):
    token = issuer.token("acme")
    issuer.sign_in(ACME, at, token)
    status, _, error = issuer.call(STRANGER, "login", at, "--user", "acme", "--password-stdin",
                                   stdin=PASSWORD)
    equal(status, 0, f"login with a password: {error}")
    status = issuer.call(RIVAL, "login", at, "--user", "acme", "--password-stdin",
                         stdin=PASSWORD + "!")[0]
    equal(status, 1, "a wrong password")
    issuer.sign_in(RIVAL, at, token[:-4] + "AAAA", status=1)
    said = common.read(log).decode("utf-8", "replace")
    check("signed in as user:acme" in said, "the log tells who came")
    for part in (PASSWORD, token[-80:-8], token.split(".")[1]):
        check(part not in said, "a secret is in the log")
    found = memory_has(pid, PASSWORD, token[-SPREAD - 8:-8])
    equal(found, set(), "secrets in the daemon's memory")
    equal(memory_has(pid, "signed in as") != set(), True, "the search finds what is there")


def start(world, issuer):
    """The mount in front, with everything that it says in a file: (mountpoint, pid, log)."""
    at, log = world.mountpoint("all"), world.path("all.log")
    words = ["--verbose", "mount", at, "--per-caller", "-f", "--poll", "1", "--auth",
             issuer.config, *world.principals()]
    with open(log, "ab") as out:
        child = subprocess.Popen([world.binary, *words], env=world.host.env(**issuer.env()),
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=world.dir,
                                 umask=0o077)
    world.children.append(child)
    eventually(lambda: common.is_mounted(at) and os.listdir(issuer.run), "the mount is there")
    return at, child.pid, log


def test(world):
    scene.make(world)
    issuer = tokens.Issuer(world, passwords={"acme": PASSWORD})
    at, pid, log = start(world, issuer)
    path = issuer.socket()
    equal(os.stat(path).st_mode & 0o777, 0o666, "the socket's mode")
    equal(os.stat(issuer.run).st_mode & 0o777, 0o755, "its folder's mode")
    refused(world, issuer, at, path)
    issuer.sign_in(ACME, at, issuer.token("acme"))
    disturb(issuer, at, path, pid)
    callers(world, issuer, at, path)
    crowd(world, issuer, at, path)
    secrets(world, issuer, at, pid, log)
    world.unmount(at)
    eventually(lambda: os.listdir(issuer.run) == [], "the socket is gone")


if __name__ == "__main__":
    common.run(test)
