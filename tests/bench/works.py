"""What is measured: reads of a reel and of frames, listings of plates; each by one of the peers.

A work gives samples: (state, {"seconds": …, "bytes": …, …}). States: "cold" (fresh daemon, fresh
mount, empty caches, dropped page cache), "warm" (once more on that mount), "again" (a new daemon and
a dropped page cache, with the cache that it keeps on disk).
"""

import json
import os
import random
import time


LOCAL = "local file"


def curl_name(connections):
    return f"curl x{connections}"


class Reads:
    """Programs read a list of places."""

    def __init__(self, name, jobs, procs=1, states=("cold",), connections=(1,), **options):
        self.name, self.jobs, self.procs = name, jobs, procs
        self.states, self.connections = states, connections
        self.pause_ms, self.block = options.get("pause_ms", 0), options.get("block", 1 << 20)
        self.part, self.seconds = options.get("part", 8 << 20), options.get("seconds", 600)

    def list(self, bench, lake, target, name):
        lines = [f"{number} {offset} {length} {target(key)}\n"
                 for number, offset, length, key in self.jobs(lake)]
        return bench.place.file(f"list-{name}".replace(" ", "-"), "".join(lines))

    def read(self, bench, target, who, options=()):
        """One run of the readers, over the files that `target` gives."""
        listed = self.list(bench, bench.lake, target, who)
        command = [bench.tool("bench_reader"), "--procs", str(self.procs), "--block",
                   str(self.block), "--pause-ms", str(self.pause_ms), *options, listed]
        return json.loads(bench.place.run("reader-" + who.replace(" ", "-"), command,
                                          seconds=self.seconds))

    def sample(self, bench, line, peer):
        before, carried = peer.cpu(), line.fetched()
        sample = self.read(bench, peer.path, peer.tag, peer.reader_options)
        sample["cpu_seconds"] = peer.cpu() - before
        sample["rss_mib"] = peer.rss()
        if carried is not None:
            sample["fetched"] = line.fetched() - carried
        return sample

    def run(self, bench, line, peer):
        """Yields (state, sample)."""
        bench.place.drop_caches()
        try:
            peer.mount(fresh=True)
            yield "cold", self.sample(bench, line, peer)
            if "warm" in self.states and peer.has_warm(self.name):
                peer.settle(sorted({key for _, _, _, key in self.jobs(bench.lake)}))
                yield "warm", self.sample(bench, line, peer)
            if "again" in self.states and peer.keeps:
                peer.unmount()
                bench.place.drop_caches()
                peer.mount(fresh=False)
                yield "again", self.sample(bench, line, peer)
        finally:
            peer.unmount()

    def ceiling(self, bench, line):
        """Yields (name, state, sample): libcurl alone, and local files where it can be warm."""
        for connections in self.connections:
            name = curl_name(connections)
            listed = self.list(bench, bench.lake, line.url, name)
            command = [bench.tool("bench_ceiling"), "--connections", str(connections), "--part",
                       str(self.part), "--pause-ms", str(self.pause_ms), listed]
            yield name, "cold", json.loads(bench.place.run(name.replace(" ", "-"), command))
        if "warm" in self.states and not line.is_far:
            local = bench.local_files()

            def at(key):
                return os.path.join(local, key)

            self.read(bench, at, LOCAL)  # the page cache has been dropped meanwhile
            yield LOCAL, "warm", self.read(bench, at, LOCAL)


class Tree:
    """Listings of all plates, and questions for some of them."""

    states = ("cold", "warm")
    connections = ()

    def __init__(self, name, how):
        self.name, self.how = name, how

    def _ls(self, bench, top, peer):
        del peer
        out = bench.place.run("ls", ["ls", "-lR", top])
        return sum(line.startswith("-") for line in out.splitlines())

    def _find(self, bench, top, peer):
        del peer
        return bench.place.run("find", ["find", top, "-type", "f", "-size", "+0"]).count("\n")

    def _stat(self, bench, top, peer):
        del top
        names = random.Random(7).sample(bench.lake.plates(), min(1000, len(bench.lake.plates())))
        return sum(os.stat(peer.path(name)).st_size > 0 for name in names)

    def sample(self, bench, peer):
        before, began = peer.cpu(), time.monotonic()
        n = getattr(self, self.how)(bench, peer.path("show/plates"), peer)
        return {"seconds": time.monotonic() - began, "jobs": n, "bytes": 0,
                "cpu_seconds": peer.cpu() - before, "rss_mib": peer.rss()}

    def run(self, bench, line, peer):
        del line
        bench.place.drop_caches()
        try:
            peer.mount(fresh=True)
            for state in self.states:
                sample = self.sample(bench, peer)
                want = bench.lake.sizes["plates"]
                if sample["jobs"] != (min(1000, want) if self.how == "_stat" else want):
                    raise bench.error(f"{self.name}: {sample['jobs']} files and not {want}")
                yield state, sample
        finally:
            peer.unmount()

    def ceiling(self, bench, line):
        del bench, line
        return iter(())


def near_works(quick):
    many, warm = (4, 8, 16), ("cold", "warm", "again")
    works = [
        Reads("sequential", lambda l: l.reel(), states=warm, connections=many),
        Reads("frames x1", lambda l: l.frames(), states=warm, connections=many),
        Reads("frames x8", lambda l: l.frames(), procs=8, states=warm, connections=many),
        Reads("frames x16", lambda l: l.frames(), procs=16, states=warm, connections=many),
        Reads("random 128 KiB", lambda l: l.random_small(), states=("cold", "again")),
        Reads("random 1 MiB", lambda l: l.random_large()),
        Reads("scrub", lambda l: l.scrub(), part=1 << 30),
        Reads("first byte", lambda l: l.first_bytes(), pause_ms=50, block=4096),
        Tree("ls -lR", "_ls"),
        Tree("find", "_find"),
        Tree("stat", "_stat"),
    ]
    left_out = ("frames x16", "random 1 MiB", "find", "stat") if quick else ()
    return [w for w in works if w.name not in left_out]


def far_works(quick):
    many = (8, 16, 32)
    works = [
        Reads("sequential", lambda l: l.reel(), connections=many),
        Reads("frames x1", lambda l: l.far_frames(), connections=many),
        Reads("frames x16", lambda l: l.far_frames(), procs=16, connections=many),
        Reads("random 128 KiB", lambda l: l.random_small()[:150]),
        Reads("random 1 MiB", lambda l: l.random_large()[:50]),
        Reads("scrub", lambda l: l.scrub(), part=1 << 30),
        Reads("first byte", lambda l: l.first_bytes(), pause_ms=50, block=4096),
    ]
    return [w for w in works if not quick or w.name.startswith("frames") or w.name == "first byte"]


def counted_works(quick):
    """Once, through a proxy that only counts: bytes fetched for bytes asked."""
    works = [
        Reads("random 128 KiB", lambda l: l.random_small()),
        Reads("random 1 MiB", lambda l: l.random_large()),
        Reads("scrub", lambda l: l.scrub(), part=1 << 30),
    ]
    return works[:1] if quick else works
