"""Samples to figures: medians, ratios within a round, and the goals.

A cell is (line, work, state, peer); its samples are those of the rounds, in their order. "curl" is
libcurl alone with the number of connections that was fastest for that work.
"""

import statistics

GIB = 1 << 30
CURL = "curl"

# Field of a figure: (how it is got from a sample, its unit, whether more is better)
FIELDS = {
    "speed": (lambda s: s["bytes"] / s["seconds"] / GIB, "GiB/s", True),
    "rate": (lambda s: s["jobs"] / s["seconds"], "reads/s", True),
    "p50": (lambda s: s["whole_ms"]["p50"], "ms", False),
    "p99": (lambda s: s["whole_ms"]["p99"], "ms", False),
    "first": (lambda s: s["first_ms"]["p50"], "ms", False),
    "seconds": (lambda s: s["seconds"], "s", False),
    "cpu": (lambda s: s["cpu_seconds"] / (s["bytes"] / GIB), "s/GiB", False),
    "rss": (lambda s: s["rss_mib"], "MiB", False),
    "fetched": (lambda s: s["fetched"] / s["bytes"], "x asked", False),
}

# What is shown of a work, in its states.
SHOWN = {
    "sequential": ("speed",), "frames x1": ("speed",), "frames x8": ("speed",),
    "frames x16": ("speed",), "random 128 KiB": ("rate", "p99"), "random 1 MiB": ("rate", "p99"),
    "scrub": ("speed", "first"), "first byte": ("first",),
    "ls -lR": ("seconds",), "find": ("seconds",), "stat": ("seconds",),
}


class Results:
    """All samples, and why something has none."""

    def __init__(self):
        self.cells, self.absent, self.notes = {}, {}, []
        self.budget_mib, self.all_plates = 256, True

    def add(self, line, work, state, peer, sample):
        self.cells.setdefault((line, work, state, peer), []).append(sample)

    def best_curl(self, line, work):
        """The name of the fastest number of connections, or None."""
        names = {c[3] for c in self.cells if c[:3] == (line, work, "cold")
                 and c[3].startswith("curl x")}
        return min(names, default=None, key=lambda n: (statistics.median(
            s["seconds"] for s in self.cells[line, work, "cold", n]), n))

    def samples(self, line, work, state, peer):
        if peer == CURL:
            peer = self.best_curl(line, work)
        return self.cells.get((line, work, state, peer), [])

    def values(self, line, work, state, peer, field):
        get = FIELDS[field][0]
        found = []
        for sample in self.samples(line, work, state, peer):
            try:
                found.append(get(sample))
            except (KeyError, ZeroDivisionError):
                return []
        return found

    def value(self, *cell):
        """(line, work, state, peer, field): the median, or None."""
        values = self.values(*cell)
        return statistics.median(values) if values else None

    def peers(self, line):
        """Those that have samples on a line, in the order in which they came; curls as one."""
        names = []
        for (where, _work, _state, peer) in self.cells:
            name = CURL if peer.startswith("curl x") else peer
            if where == line and name not in names:
                names.append(name)
        return names


def ratio(over, under):
    """How much `over` is of `under`: of rounds that both have the median of the ratios, for what
    slows one down in a round also slows the other; else the ratio of the medians."""
    if not over or not under:
        return None
    if len(over) == len(under) and len(over) >= 3:
        return statistics.median(a / b for a, b in zip(over, under))
    return statistics.median(over) / statistics.median(under)


class Goal:
    """A ratio that must be at least, or at most, so much."""

    def __init__(self, text, need, at_least, got, detail=""):
        self.text, self.need, self.at_least, self.got, self.detail = (
            text, need, at_least, got, detail)

    @property
    def passed(self):
        if self.got is None:
            return None
        return self.got >= self.need if self.at_least else self.got <= self.need

    def as_json(self):
        return {"goal": self.text, "need": self.need, "at_least": self.at_least,
                "got": self.got, "passed": self.passed, "detail": self.detail}


def _against(results, text, need, at_least, ours, theirs, field):
    got = ratio(results.values(*ours, field), results.values(*theirs, field))
    return Goal(text, need, at_least, got, f"{ours[3]} / {theirs[3]}")


def _best_foreign(results, line, work, foreign):
    """The peer with the best median, and that is who has to be beaten."""
    found = [(results.value(line, work, "cold", p, "speed"), p) for p in foreign]
    return max(((v, p) for v, p in found if v is not None), default=(None, None))[1]


def _versus_best(results, text, need, line, work, foreign):
    best = _best_foreign(results, line, work, foreign)
    if best is None:
        return Goal(text, need, True, None, "no peer")
    return _against(results, text, need, True, (line, work, "cold", "shotlake"),
                    (line, work, "cold", best), "speed")


def _reads(results, foreign, near):
    for work in ("sequential", "frames x1", "frames x8", "frames x16"):
        ours = (near, work, "cold", "shotlake")
        yield _against(results, f"{work}, cold, of curl", 0.90, True, ours,
                       (near, work, "cold", CURL), "speed")
        yield _versus_best(results, f"{work}, cold, of the best peer", 2, near, work, foreign)
    # One process: sixteen of them fill the line whoever serves them.
    yield _versus_best(results, "far: frames x1, cold, of the best peer", 5, "far", "frames x1",
                       foreign)
    for who, how in (("shotlake", "warm"), ("shotlake passthrough", "warm, passed through")):
        for work in ("sequential", "frames x1", "frames x8"):
            yield _against(results, f"{work}, {how}, of a local file", 0.9, True,
                           (near, work, "warm", who), (near, work, "warm", "local file"), "speed")


def goals(results, foreign, near="near"):
    """Every goal, with what was got where it was measured."""
    found = list(_reads(results, foreign, near))
    cold = "cold"
    found.append(_against(results, "random 128 KiB, of curl", 0.95, True,
                          (near, "random 128 KiB", cold, "shotlake"),
                          (near, "random 128 KiB", cold, CURL), "rate"))
    for size in ("128 KiB", "1 MiB"):
        got = results.value("counted", f"random {size}", cold, "shotlake", "fetched")
        found.append(Goal(f"random {size}, bytes fetched of bytes asked", 1.1, False, got))
    found.append(_against(results, "first byte, of one GET", 1.5, False,
                          (near, "first byte", cold, "shotlake"),
                          (near, "first byte", cold, CURL), "first"))
    s3fs = ratio(results.values(near, "ls -lR", cold, "s3fs", "seconds"),
                 results.values(near, "ls -lR", cold, "shotlake", "seconds"))
    if not results.all_plates:
        s3fs = None  # a short listing is the start of a program, and little else
    found.append(Goal("ls -lR, cold, times faster than s3fs", 100, True, s3fs, "s3fs / shotlake"))
    found.append(_against(results, "processor time a GiB, sequential, of s3fs", 0.5, False,
                          (near, "sequential", cold, "shotlake"),
                          (near, "sequential", cold, "s3fs"), "cpu"))
    peak = [max(values) for cell in results.cells if cell[3] == "shotlake"
            for values in [results.values(*cell, "rss")] if values]
    budget = results.budget_mib
    found.append(Goal(f"peak memory, MiB (budget {budget:.0f})", budget + 32, False,
                      max(peak, default=None)))
    return found
