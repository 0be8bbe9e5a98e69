"""`user add`, `list`, `password` and `remove`: the file holds hashes for its owner alone, a password
comes from a terminal or from stdin, writers at once lose nobody, and a mistake changes nothing."""

import concurrent.futures
import json
import os
import pty
import select
import time

import common
from common import check, equal

WRITERS = 8


def typed(world, answers, *words):
    """Runs the command on a terminal of its own and types the answers: (status, what it showed)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(world.binary, [world.binary, *words], world.host.env())
    shown, asked = b"", 0
    end = time.monotonic() + common.WAIT_SECONDS
    while time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            more = os.read(fd, 4096)
        except OSError:
            break  # the terminal has nobody any more
        if not more:
            break
        shown += more
        if asked < len(answers) and shown.count(b": ") > asked:
            os.write(fd, answers[asked].encode() + b"\n")
            asked += 1
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def names(host):
    return [u["user"] for u in host.json("user", "list")]


def stored(path):
    with open(path, encoding="utf-8") as f:
        return {u["id"]: u for u in json.load(f)["users"]}


def good_ones(world, path):
    host = world.host
    host.run("user", "add", "mia", "--groups", "vfx,comp", "--roles", "viewer", "--password-stdin",
             stdin="correct horse\n")
    host.run("user", "add", "ole@studio.example", "--password-stdin", stdin="battery staple\r\n")
    equal(os.stat(path).st_mode & 0o7777, 0o600, "the mode of the file")
    mia = stored(path)["mia"]
    equal((mia["groups"], mia["roles"]), (["vfx", "comp"], ["viewer"]), "mia's groups and roles")
    check(mia["hash"].startswith("$y$"), "a yescrypt hash")
    with open(path, encoding="utf-8") as f:
        check("correct horse" not in f.read(), "no password is in the file")
    equal(host.json("user", "list"),
          [{"user": "user:mia", "as": ["group:vfx", "group:comp", "role:viewer"],
            "disabled": False},
           {"user": "user:ole@studio.example", "as": [], "disabled": False}], "the list")
    equal(host.run("user", "list"), "user:mia group:vfx group:comp role:viewer\n"
                                    "user:ole@studio.example\n", "the list as text")
    host.run("user", "password", "mia", "--password-stdin", stdin="another horse\n")
    again = stored(path)["mia"]
    check(again.pop("hash") != mia.pop("hash"), "another hash")
    equal(again, mia, "what else mia is")
    host.run("user", "remove", "ole@studio.example")
    equal(names(host), ["user:mia"], "who is left")


def typed_ones(world, path):
    status, shown = typed(world, ["wrong horse", "wrong horde"], "user", "password", "mia")
    equal(status, 1, "two that are not the same")
    check("not the same" in shown, "what is wrong with them")
    before = stored(path)["mia"]["hash"]
    status, shown = typed(world, ["third horse", "third horse"], "user", "password", "mia")
    equal(status, 0, "a password that is typed")
    check("third horse" not in shown, "what is typed is not shown")
    check(stored(path)["mia"]["hash"] != before, "the new password is taken")


def mistakes(world, path):
    host = world.host
    with open(path, "rb") as f:
        before = f.read()
    good = {"stdin": "correct horse\n"}
    rows = [
        (("user", "add", "mia", "--password-stdin"), good, 1, "already"),
        (("user", "add", "eve", "--password-stdin"), {"stdin": "short\n"}, 1, "8 to 511 bytes"),
        (("user", "add", "eve", "--password-stdin"), {"stdin": "x" * 600}, 1, "8 to 511 bytes"),
        (("user", "add", "eve", "--password-stdin"), {"stdin": ""}, 1, "empty"),
        (("user", "add", "eve"), {"start_new_session": True}, 1, "no terminal"),
        (("user", "add", "a/b", "--password-stdin"), good, 2, "no name"),
        (("user", "add", "group:a", "--password-stdin"), good, 2, "no name"),
        (("user", "add", "", "--password-stdin"), good, 2, "no name"),
        (("user", "add", "eve", "--groups", "a,,b", "--password-stdin"), good, 2, "--groups"),
        (("user", "add", "eve", "--roles", "a/b", "--password-stdin"), good, 2, "--roles"),
        (("user", "add", "eve", "--password", "secret"), good, 2, "one name"),
        (("user", "add", "eve", "--hash", "x"), good, 2, "unknown option"),
        (("user", "add", "--password-stdin"), good, 2, "one name"),
        (("user", "add", "eve", "mallory"), good, 2, "one name"),
        (("user", "password", "eve", "--password-stdin"), good, 5, "no user 'eve'"),
        (("user", "password", "mia", "--groups", "a"), good, 2, "unknown option"),
        (("user", "remove", "eve"), {}, 5, "no user 'eve'"),
        (("user", "list", "mia"), {}, 2, "no name"),
        (("user", "rename", "mia"), {}, 2, "followed by"),
        (("user", "list", "--users", world.path("absent.json")), {}, 1, "absent.json"),
        (("user", "add", "eve", "--users", world.path("no/users.json"), "--password-stdin"), good, 1,
         "No such file"),
    ]
    for words, options, status, sentence in rows:
        done = host.call(*words, **options)
        equal(done.returncode, status, f"{words}: {done.stderr}")
        check(sentence in done.stderr, f"{words}: '{sentence}' is not in {done.stderr!r}")
        check(all(secret not in done.stderr + done.stdout for secret in ("correct horse", "secret")),
              "no password is printed")
    with open(path, "rb") as f:
        equal(f.read(), before, "the file after the mistakes")
    os.chmod(path, 0o644)
    done = host.call("user", "list")
    equal(done.returncode, 1, "a file that others can read")
    check("mode 0644" in done.stderr, done.stderr)
    os.chmod(path, 0o600)


def writers(world):
    def add(number):
        world.host.run("user", "add", f"w{number}", "--password-stdin", stdin="correct horse\n")

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(add, range(WRITERS)))
    equal(names(world.host), ["user:mia"] + [f"user:w{i}" for i in range(WRITERS)], "the users")


def test(world):
    path = os.path.join(world.host.state, "users.json")
    good_ones(world, path)
    typed_ones(world, path)
    mistakes(world, path)
    writers(world)
    equal(sorted(n for n in os.listdir(world.host.state) if n.startswith("users.json")),
          ["users.json", "users.json.lock"], "what is left beside the file")


if __name__ == "__main__":
    common.run(test, lakes=("dir",), mounts=False)
