"""Objects are replaced again and again under readers, and the lake is scanned now and then: what one
descriptor or map gives is of one version, to the byte, or ESTALE; who opens anew never goes back to
an older version, also from the cache on disk; and at the end every one reads the newest."""

import functools
import random
import time

import cached
import common
import readers
from common import check

READERS, ROUNDS = 8, readers.soak(3)
SIZE = 2 << 20  # of every version: only the bytes tell them apart
KEYS = [f"show/take{n}.mov" for n in range(5)]
VERSIONS = ROUNDS * 3 + 1  # more than there ever are of one object


class Judge:
    """Finds out of which version the first bytes are, and holds the others against it."""

    def __init__(self, contents, oldest):
        self.contents, self.version, self.oldest = contents, None, oldest

    def __call__(self, data, offset):
        if not data:
            return None
        if self.version is not None:
            wrong = self.contents[self.version].wrong_at(data, offset)
            return None if wrong is None else f"version {self.version} until {wrong}"
        head = data[:5000]
        fits = [v for v, c in enumerate(self.contents) if c.wrong_at(head, offset) is None]
        if not fits:
            return "bytes of no version"
        if len(fits) > 1:
            return None  # the number of a unit alone is of every version
        self.version = fits[0]
        if self.version < self.oldest:
            return f"version {self.version}, older than {self.oldest}"
        return self(data, offset)


def read_on(top, number, board):
    chance, seen, errors = random.Random(number), dict.fromkeys(KEYS, 0), {}
    contents = {key: [readers.Content(key, v) for v in range(VERSIONS)] for key in KEYS}
    for turn in range(1 << 40):
        if board.stopped:
            return errors
        key, way = chance.choice(KEYS), readers.WAYS[(number + turn) % len(readers.WAYS)]
        time.sleep(readers.PAUSE)
        judge = Judge(contents[key], seen[key])
        try:
            readers.use_file(f"{top}/{key}", SIZE, way, judge, chance, board, number, whole=False)
        except OSError as error:
            check(error.errno in readers.REPLACED, f"reader {number}, {key}, by {way}: {error}")
            errors[error.errno] = errors.get(error.errno, 0) + 1
        if judge.version is not None:
            seen[key] = judge.version


def reads_newest(top, newest):
    for key in KEYS:
        content = readers.Content(key, newest[key])
        with open(f"{top}/{key}", "rb") as f:
            if content.wrong_at(f.read(), 0) is not None:
                return False
    return True


def under_readers(world, at):
    board, newest, chance = readers.Board(READERS), dict.fromkeys(KEYS, 0), random.Random(1)
    with readers.Crew(board, functools.partial(read_on, at, board=board)) as crew:
        crew.all_go_on("at first")
        for turn in range(ROUNDS):
            for key in chance.choices(KEYS, k=3):
                newest[key] += 1
                world.lake.put(key, readers.Content(key, newest[key]).span(0, SIZE))
                crew.wait(chance.random() * 0.05)
            if turn % 3 != 1:  # else they change twice, and the lake's inventory knows of one
                world.host.run("scan")
            crew.wait(0.3)
        world.host.run("scan")
        common.eventually(lambda: reads_newest(at, newest), "the newest versions")
        crew.all_go_on("the last versions")
        errors = crew.end()
    print(f"{sum(board.counts())} reads of versions up to {max(newest.values())}, "
          f"{crew.deaths} ends by SIGBUS, errors {errors}")
    check(any(errors), "some reader has met a replacement")


def test(world):
    for key in KEYS:
        world.lake.put(key, readers.Content(key, 0).span(0, SIZE))
    world.ready()
    world.granted("acme", *KEYS)
    disk = cached.option(world, cache_size="64M", mem="8M")
    under_readers(world, world.mount("acme", "--poll", "0.2", *disk))


if __name__ == "__main__":
    common.run(test)
