"""stat(2) of a hidden name takes as long as of an absent one, on a mount of one principal and on
one that all callers share.  Prints the medians; the difference of two sets of absent names is the
noise that the difference to the hidden ones is held against."""

import os
import statistics
import time

import common
from common import check

NAMES = 400
ROUNDS = 5
PASSES = 3
ACME = 61001
HIDDEN = [f"show/plate/frame.1{n:04}.exr" for n in range(NAMES)]
ABSENT = [f"show/plate/frame.3{n:04}.exr" for n in range(NAMES)]
ABSENT_TOO = [f"show/plate/frame.5{n:04}.exr" for n in range(NAMES)]
SEEN = [f"show/plate/frame.{2 * k}{n:04}.exr" for k in range(4) for n in range(NAMES // 4)]


def one_stat(path):
    began = time.perf_counter_ns()
    try:
        os.stat(path)
    except FileNotFoundError:
        return time.perf_counter_ns() - began
    raise common.Failed(f"{path} is visible")


def one_round(top):
    """Nanoseconds of each stat: (hidden, absent, absent too), taken in turns."""
    groups = [[f"{top}/{k}" for k in keys] for keys in (HIDDEN, ABSENT, ABSENT_TOO)]
    times = [[], [], []]
    for turn in range(PASSES):
        for i in range(NAMES):
            for g in range(3):
                which = (g + i + turn) % 3  # so that no group always follows the same one
                times[which].append(one_stat(groups[which][i]))
    return times


def is_apart(hidden, absent):
    """A gross separation: the middle halves do not meet, and a twentieth lies between the
    medians."""
    quarters = [statistics.quantiles(t, n=4) for t in (hidden, absent)]
    (low1, mid1, high1), (low2, mid2, high2) = quarters
    return (high1 < low2 or high2 < low1) and abs(mid1 - mid2) > 0.05 * min(mid1, mid2)


def measure(top):
    return [one_round(top) for _ in range(ROUNDS)]


def judge(what, rounds):
    medians = [[statistics.median(group) for group in times] for times in rounds]
    hidden, absent, too = (statistics.median(m[g] for m in medians) for g in range(3))
    noise = statistics.median(abs(m[1] - m[2]) for m in medians)
    print(f"{what}: hidden {hidden / 1000:.2f} µs, absent {absent / 1000:.2f} and "
          f"{too / 1000:.2f} µs; difference {abs(hidden - absent):.0f} ns, noise {noise:.0f} ns")
    apart = sum(is_apart(times[0], times[1]) for times in rounds)
    check(apart < ROUNDS, f"{what}: hidden and absent are apart in {apart} of {ROUNDS} rounds")


def test(world):
    world.ready(*HIDDEN, *SEEN, size=1)
    world.granted("acme", *SEEN)
    world.granted("rival", *HIDDEN)
    judge("one principal", measure(world.mount("acme")))
    people = world.principals(acme=ACME, rival=ACME + 1)
    at = world.mount_per_caller(*people)
    judge("shared mount", common.as_uid(ACME, measure, at))


if __name__ == "__main__":
    common.run(test)
