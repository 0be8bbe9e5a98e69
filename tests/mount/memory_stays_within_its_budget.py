"""A hard budget: 64 readers of 64 files, each larger than its share of 64 MiB, get every byte, and the
daemon's memory never exceeds the budget by more than 32 MiB. What they read is fetched once, or nearly:
readers do not throw each other's bytes away."""

import common
import patterns
from common import check

READERS, BUDGET, BESIDE = 64, 64 << 20, 32 << 20
SIZE = 6 << 20
KEYS = [f"show/clip.{n:03}.mov" for n in range(READERS)]


def read_all(path, step):
    """Reads a file from its start to its end; the number of bytes."""
    at = 0
    with open(path, "rb", buffering=0) as f:
        while data := f.read(step):
            wrong = patterns.wrong_at(data, at)
            check(wrong is None, f"{path}: wrong byte at {wrong}")
            at += len(data)
    return at


def all_at_once(top):
    readers = [common.Helper() for _ in KEYS]
    try:
        for number, (reader, key) in enumerate(zip(readers, KEYS)):
            reader.start(read_all, f"{top}/{key}", (64 << 10, 1 << 20)[number % 2])
        check(sum(r.answer(120) for r in readers) == READERS * SIZE, "all have read all")
    finally:
        for reader in readers:
            reader.close()


def peak_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("VmHWM:"))


def test(world):
    if b"__asan_init" in common.read(world.binary) or b"__tsan_init" in common.read(world.binary):
        raise common.Skip("a sanitizer's own memory would be measured")
    for key in KEYS:
        world.lake.put_parts(key, patterns.parts(SIZE))
    world.ready()
    world.granted("acme", *KEYS)
    top = world.mount("acme", "-o", "mem=64M")
    all_at_once(top)
    status = world.host.json("status", top)
    peak = peak_of(status["pid"])
    print(f"peak {peak >> 20} MiB, {status['fetched_bytes'] / (READERS * SIZE):.2f} times fetched")
    check(status["memory_budget_bytes"] <= BUDGET, "the budget is what was asked for")
    check(peak <= BUDGET + BESIDE, f"{peak >> 20} MiB for a budget of {BUDGET >> 20}")
    check(peak >= BUDGET // 2, "the readers have used the budget")
    check(status["fetched_bytes"] <= 1.25 * READERS * SIZE, "bytes are fetched again and again")


if __name__ == "__main__":
    common.run(test)
