"""A session ends by logout, by its expiry, when it is idle, and when its uid becomes another
account: what was open stops, as by a revoke, and the tree is empty. A change of rights reaches
a session at once, whatever the poll."""

import contextlib
import mmap
import os
import subprocess

import common
import scene
import tokens
from common import check, equal, eventually

LEAVES, EXPIRES, RESTS, LOSES = 61001, 61002, 61003, 61004
FILE = scene.ACME[0]
REUSED = 61090
SLOW = ("--poll", "600", "--max-stale", "1200")  # longer than any wait of a test


def hold(at):
    """Opens a file and a map of it; reads both."""
    global held  # pylint: disable=global-statement
    fd = os.open(f"{at}/{FILE}", os.O_RDONLY)
    held = fd, mmap.mmap(fd, 5000, mmap.MAP_PRIVATE, mmap.PROT_READ)
    return os.read(fd, 5000) == held[1][:5000] == common.content(FILE, 5000)


def reads():
    """0, or the errno of a read of what hold() opened."""
    return common.errno_of(os.pread, held[0], 100, 0) if held else -1


def opens(at):
    return common.errno_of(os.open, f"{at}/{FILE}", os.O_RDONLY)


held = None


def over(helper, issuer, uid, at, what):
    eventually(lambda: issuer.session(uid, at) is None, f"{what}: the session is over")
    eventually(lambda: helper.call(reads) in (5, 13), f"{what}: the open file")
    equal(helper.call(opens, at), 2, f"{what}: opening again")
    equal(helper.call(common.tree, at), {}, f"{what}: the tree")


def ends(issuer, at, short):
    with common.Helper(LEAVES) as leaves, common.Helper(EXPIRES) as expires:
        issuer.sign_in(LEAVES, at, issuer.token("acme"))
        issuer.sign_in(EXPIRES, at, issuer.token("acme", lifetime=8))
        check(leaves.call(hold, at) and expires.call(hold, at), "both read")
        issuer.sign_out(LEAVES, at)
        over(leaves, issuer, LEAVES, at, "logout")
        over(expires, issuer, EXPIRES, at, "expiry")
    with common.Helper(RESTS) as rests:
        issuer.sign_in(RESTS, short, issuer.token("acme"))
        check(rests.call(hold, short), "it reads")
        over(rests, issuer, RESTS, short, "idle")


def loses(world, issuer, at, edit):
    """The lake is polled too seldom for this to be seen by that."""
    with common.Helper(LOSES) as loser:
        issuer.sign_in(LOSES, at, issuer.token("acme"))
        check(loser.call(hold, at), "it reads")
        world.host.run("revoke", edit, "acme")
        took = eventually(lambda: loser.call(reads) != 0, "the revoke")
        print(f"revoke to the failing read: {took:.2f} s after the command")
        equal(loser.call(common.tree, at), {}, "the tree")
        world.grant(edit, "acme")
        took = eventually(lambda: loser.call(opens, at) == 0, "the grant")
        print(f"grant to the first open: {took:.2f} s after the command")


def account(name):
    subprocess.run(["useradd", "-M", "-N", "-u", str(REUSED), name], check=True,
                   capture_output=True)


def no_account(name):
    """Also while a process of it runs."""
    subprocess.run(["userdel", "-f", name], check=False, capture_output=True)


def reused(issuer, at):
    """No session goes over to whoever is given the uid next."""
    first, second = f"shl{os.getpid()}a", f"shl{os.getpid()}b"
    with contextlib.ExitStack() as stack:
        stack.callback(no_account, second)
        stack.callback(no_account, first)
        account(first)
        helper = stack.enter_context(common.Helper(REUSED))
        issuer.sign_in(REUSED, at, issuer.token("acme"))
        check(helper.call(hold, at), "it reads")
        no_account(first)
        over(helper, issuer, REUSED, at, "the account is gone")
        issuer.sign_in(REUSED, at, issuer.token("acme"))
        check(helper.call(hold, at), "it reads without a name")
        account(second)
        over(helper, issuer, REUSED, at, "the uid is another account")


def test(world):
    scene.make(world)
    edit = next(e["edit"] for e in world.host.json("edit", "list") if e["name"] == "cut of acme")
    issuer = tokens.Issuer(world, idle=3)
    short = issuer.mount(*world.principals(), name="short")
    issuer = tokens.Issuer(world)
    at = issuer.mount(*world.principals(), *SLOW)
    ends(issuer, at, short)
    loses(world, issuer, at, edit)
    reused(issuer, at)


if __name__ == "__main__":
    common.run(test)
