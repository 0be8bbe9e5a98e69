"""Cuts that are dropped into a folder become edits: once they are whole, each of them once, however
many watchers there are; a report tells what became of each, and it is moved out of the way."""

import errno
import fcntl
import os
import socket
import time

import common
import watchers
from common import check, equal, eventually
from watchers import Watcher, cut, drop, report

KEYS = [f"show/s{i}.mov" for i in range(8)]
CUTS = 20


def whole_before_it_is_taken(world):
    """A file that grows is left alone; one that is renamed into place is taken at once."""
    path = watchers.folder(world, "slow")
    data = cut(world, KEYS, "slow")
    with open(f"{path}/early.otio", "wb") as f:
        f.write(data)
    watcher = Watcher(world, path, "--settle", "3600")
    eventually(watcher.is_watching, "the watcher runs")
    with open(f"{path}/copied.otio", "wb") as f:
        f.write(data)
    drop(f"{path}/renamed.otio", data)
    watchers.wait_for([f"{path}/done/renamed.otio"], watcher)
    equal(sorted(n for n in os.listdir(path) if n.endswith(".otio")),
          ["copied.otio", "early.otio"], "what is not known to be whole")
    watcher.end()

    watcher = Watcher(world, path, "--settle", "2")
    eventually(watcher.is_watching, "the second watcher runs")
    longest = slowly(f"{path}/grows.otio", data, 12)
    watchers.wait_for([f"{path}/done/{n}.otio" for n in ("early", "copied")], watcher)
    if longest < 1:  # else this machine was too slow to show anything
        watchers.wait_for([f"{path}/done/grows.otio"], watcher)
    watcher.end()


def open_to_write(world):
    """A writer that pauses for longer than a file must be quiet is waited for."""
    path = watchers.folder(world, "paused")
    data = cut(world, KEYS, "paused")
    watcher = Watcher(world, path, "--settle", "0")
    eventually(watcher.is_watching, "the watcher runs")
    with open(f"{path}/.paused.otio", "wb", buffering=0) as f:
        f.write(data[:100])
        with open(f.name, "rb") as same:
            if common.errno_of(fcntl.fcntl, same, fcntl.F_SETLEASE, fcntl.F_RDLCK) != errno.EAGAIN:
                print("no leases here: a paused writer is not told from one that has ended")
                watcher.end()
                return
        os.rename(f.name, f"{path}/paused.otio")
        for i in range(3):
            drop(f"{path}/later{i}.otio", cut(world, KEYS, f"later{i}"))
            watchers.wait_for([f"{path}/done/later{i}.otio"], watcher)
        check(os.path.exists(f"{path}/paused.otio"), "half a cut was taken")
        f.write(data[100:])
    watchers.wait_for([f"{path}/done/paused.otio"], watcher)
    watcher.end()
    equal(common.read(f"{path}/done/paused.otio"), data, "the cut's bytes")


def slowly(path, data, parts):
    """Writes in parts, opening the file anew for each; returns the longest pause between two."""
    longest, last = 0, time.monotonic()
    size = len(data) // parts + 1
    for i in range(0, len(data), size):
        with open(path, "ab") as f:
            f.write(data[i:i + size])
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
        time.sleep(0.3)
    return longest


def outcomes(world):
    """Where each cut goes, and what its report says."""
    path = watchers.folder(world, "kinds")
    world.put("one/twice.mov", "two/twice.mov")
    world.host.run("scan")
    good = cut(world, KEYS, "good")
    files = {
        "good.otio": (good, "done", "exit status 0: "),
        "missing.otio": (cut(world, KEYS, "missing", ["file:///x/absent.mov"]), "done",
                         "exit status 3: "),
        "twice.otio": (cut(world, KEYS, "twice", ["file:///x/twice.mov"]), "done",
                       "exit status 4: "),
        "bad.otio": (b'{"OTIO_SCHEMA": "Timeline.1",', "failed", "exit status 1: "),
        "bad.edl": (b"no edit list at all", "failed", "exit status 1: "),
        "pack.otioz": (watchers.bundle(cut(world, KEYS, "pack")), "done", "exit status 0: "),
        "torn.otioz": (watchers.bundle(good)[:-30], "failed", "exit status 1: "),
        "list.edl": (b"TITLE: list\n001  AX  V  C  00:00:00:00 00:00:01:00 00:00:00:00 "
                     b"00:00:01:00\n* FROM CLIP NAME: s1.mov\n", "done", "exit status 0: "),
        "\u00fcn\u00ef \n'\".otio": (cut(world, KEYS, "odd"), "done", "exit status 0: "),
        "n" * 250 + ".otio": (cut(world, KEYS, "long"), "done", "exit status 0: "),
    }
    for name, (data, _, _) in files.items():
        drop(f"{path}/{name}", data)
    watcher = Watcher(world, path, "--settle", "0.2")
    watchers.wait_for([f"{path}/{where}/{n}" for n, (_, where, _) in files.items()], watcher)
    for name, (data, where, says) in files.items():
        equal(common.read(f"{path}/{where}/{name}"), data, f"the bytes of {name!r}")
        if len(name) < 200:
            check(says in report(path, name), f"report of {name!r}: {report(path, name)}")
    watcher.end()
    check("absent.mov" in report(path, "missing.otio"), "the report names what is missing")
    check("line 1" in report(path, "bad.otio"), "the report says where the file is bad")
    by_name = {e["name"]: e["edit"] for e in world.host.json("edit", "list")}
    equal(report(path, "missing.otio").splitlines()[-1], by_name["missing"], "the edit's id")
    equal(len([n for n in os.listdir(path) if n.endswith(".report.txt")]), len(files), "reports")
    again(world, path, good, by_name["good"])


def again(world, path, good, edit):
    """The same bytes under the same name are no second edit; others are."""
    before = sum(watchers.edits(world).values())
    drop(f"{path}/good.otio", good)
    world.host.run("watch", path, "--once")
    check(f"became edit {edit}" in report(path, "good.otio"), report(path, "good.otio"))
    equal(sum(watchers.edits(world).values()), before, "edits after a second drop")
    drop(f"{path}/good.otio", good + b"\n")
    drop(f"{path}/other name.otio", good)
    world.host.run("watch", path, "--once")
    equal(sum(watchers.edits(world).values()), before + 2, "edits after two further drops")
    done = [n for n in os.listdir(f"{path}/done") if n.startswith("good.")]
    equal(len(done), 3, f"nothing is moved over another: {done}")
    equal(sorted(len(common.read(f"{path}/done/{n}")) for n in done),
          sorted([len(good), len(good), len(good) + 1]), "the bytes of all three")


def left_alone(world):
    """What is no cut stays, is not followed and not read."""
    path = watchers.folder(world, "other")
    data = cut(world, KEYS, "hidden")
    elsewhere = world.write("elsewhere.otio", "")
    drop(elsewhere, data)
    for name in (".hidden.otio", "cut.otio.part", "cut.otio.tmp", "cut.otio~", "~cut.xml",
                 "notes.txt", "plate.mov"):
        drop(f"{path}/{name}", data)
    os.mkdir(f"{path}/sub")
    drop(f"{path}/sub/cut.otio", data)
    os.symlink(elsewhere, f"{path}/link.otio")
    os.symlink(f"{path}/sub", f"{path}/link.otiod")
    os.mkfifo(f"{path}/fifo.edl")
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(path)  # a socket's path is short
        s.bind("socket.edl")
    open(f"{path}/empty.otio", "wb").close()
    before, had = sorted(os.listdir(path)), watchers.edits(world)
    world.host.run("watch", path, "--once", "--settle", "0.1")
    equal(sorted(set(os.listdir(path)) - {"done", "failed"}), before, "what was left alone")
    equal(watchers.edits(world), had, "edits")
    os.mkdir(f"{path}/bundle.otiod")
    drop(f"{path}/bundle.otiod/content.otio", cut(world, KEYS, "bundle"))
    world.host.run("watch", path, "--once", "--settle", "0.1")
    check(os.path.isfile(f"{path}/done/bundle.otiod/content.otio"), "a bundle is moved as a whole")
    equal(watchers.edits(world).get("bundle"), 1, "the bundle's edit")


def shared(world):
    """Two watchers of two hosts, one folder: every cut once, and nothing stays open."""
    path = watchers.folder(world, "shared")
    both = [Watcher(world, path, "--settle", "0.3", host=h)
            for h in (world.host, world.another_host())]
    for watcher in both:
        eventually(watcher.is_watching, "a watcher runs")
    drop(f"{path}/first.otio", cut(world, KEYS, "first"))
    watchers.wait_for([f"{path}/done/first.otio"], both[0])
    open_before = [w.descriptors() for w in both]
    names = [f"cut{i}" for i in range(CUTS)]
    for name in names:
        drop(f"{path}/{name}.otio", cut(world, KEYS, name))
    watchers.wait_for([f"{path}/done/{n}.otio" for n in names], both[0])
    had = watchers.edits(world)
    equal({n: had.get(n) for n in names}, {n: 1 for n in names}, "edits")
    for name in names:
        check("exit status 0: " in report(path, name + ".otio"), report(path, name + ".otio"))
    for watcher, before in zip(both, open_before):
        eventually(lambda w=watcher, b=before: len(w.descriptors()) <= len(b) + 2,
                   f"descriptors stay open: {before} {watcher.descriptors()}")
        watcher.end()
    watchers.no_claims(world)
    equal(sorted(n for n in os.listdir(path) if not n.endswith(".report.txt")),
          ["done", "failed"], "the folder afterwards")


def worn_out(world):
    """A cut that ended one watcher after the other is refused, not tried for ever."""
    path = watchers.folder(world, "worn")
    data = cut(world, KEYS, "worn")
    content = common.sha256(data)
    for name, generation in (("worn.otio", 8), ("used.otio", 7)):
        claim = common.sha256(f"folder\0{name}\0{content}".encode())
        world.lake.put(f"{watchers.CLAIMS}{claim}.{generation}.json",
                       b'{"v": 1, "watcher": "00112233445566778899aabbccddeeff"}')
        world.lake.put(f"{watchers.CLAIMS}{claim}.1.json", b'{"v": 1}')
        drop(f"{path}/{name}", data)
    world.host.run("watch", path, "--once", "--lease", "1", "--poll", "0.3", status=1)
    check("ended before" in report(path, "worn.otio"), report(path, "worn.otio"))
    check(os.path.exists(f"{path}/failed/worn.otio"), "it is out of the way")
    check(os.path.exists(f"{path}/done/used.otio"), "a cut that was taken up less often")
    watchers.no_claims(world)
    drop(f"{path}/worn.otio", data)  # somebody has looked at it
    world.host.run("watch", path, "--once")
    check(os.path.exists(f"{path}/done/worn.otio"), report(path, "worn.otio"))


def clear_errors(world):
    """What cannot work is said at once."""
    path = watchers.folder(world, "broken")
    for words, says in ((["watch", world.path("nowhere")], "nowhere"),
                        (["watch", world.write("file", "x")], "file")):
        done = world.host.call(*words)
        equal((done.returncode, done.stderr.count("\n")), (1, 1), f"{words}: {done.stderr}")
        check(says in done.stderr, done.stderr)
    os.symlink("/tmp", f"{path}/done")
    done = world.host.call("watch", path)
    equal(done.returncode, 1, f"done/ is a link: {done.stderr}")
    for words in (["watch"], ["watch", path, path], ["watch", path, "--poll", "soon"],
                  ["watch", path, "--handles", "-1"], ["watch", path, "--name", "x"]):
        equal(world.host.call(*words).returncode, 2, f"status of {words}")


def test(world):
    world.ready(*KEYS, size=500)
    outcomes(world)
    whole_before_it_is_taken(world)
    open_to_write(world)
    left_alone(world)
    shared(world)
    worn_out(world)
    clear_errors(world)
    world.host.run("ledger", "verify")


if __name__ == "__main__":
    common.run(test, mounts=False)
