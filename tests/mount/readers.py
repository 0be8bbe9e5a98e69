"""Readers that never stop and know each byte: objects whose content follows from key, version and
place, five ways to read them, and a board on which every reader tells how far it is."""

import errno
import fcntl
import hashlib
import mmap
import os
import random
import signal
import struct
import time

import common

UNIT = 64 << 10
PAUSE = 0.005  # between two files: the test and the daemon need the processors too
WAYS = ("random", "stream", "map", "sendfile", "direct")
# What a program may get where its daemon dies or its object is replaced or taken away.
DEAD = (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ENODEV, errno.EINTR)
REPLACED = (errno.ESTALE, errno.ENOENT)
LOST = (errno.EACCES, errno.ENOENT, errno.ESTALE)


class Content:
    """The bytes of one version of an object; every 64 KiB tells its number."""

    def __init__(self, key, version=0):
        self._base = hashlib.shake_128(f"{key} {version}".encode()).digest(2 * UNIT)

    def _unit(self, number):
        start = number * 7919 % UNIT
        return number.to_bytes(8, "little") + self._base[start:start + UNIT - 8]

    def span(self, offset, length):
        first, last = offset // UNIT, (offset + length - 1) // UNIT
        data = b"".join(map(self._unit, range(first, last + 1)))
        return data[offset - first * UNIT:][:length]

    def parts(self, size):
        for start in range(0, size, 4 << 20):
            yield self.span(start, min(4 << 20, size - start))

    def wrong_at(self, data, offset):
        """Where `data`, read at `offset`, differs first; None if it does not."""
        want = self.span(offset, len(data)) if data else b""
        if data == want:
            return None
        return offset + next(i for i, (a, b) in enumerate(zip(data, want)) if a != b)


class Board:
    """Memory that the readers share with the test: how often each was right, when the last such
    read began, and whether they are to stop.  Made before the readers are."""

    _made = []

    def __init__(self, readers):
        self._memory, self.readers = mmap.mmap(-1, 16 * (readers + 1)), readers
        self._made.append(self)

    def __reduce__(self):
        """For a child it is the one that it has by its fork."""
        return _board, (self._made.index(self),)

    def _slot(self, number):
        return struct.unpack_from("<qd", self._memory, 16 * number)

    def good(self, number, began):
        struct.pack_into("<qd", self._memory, 16 * number, self._slot(number)[0] + 1, began)

    def counts(self):
        return [self._slot(n)[0] for n in range(self.readers)]

    def last_began(self, number):
        return self._slot(number)[1]

    def stop(self):
        struct.pack_into("<q", self._memory, 16 * self.readers, 1)

    @property
    def stopped(self):
        return self._slot(self.readers)[0] != 0


def _board(index):
    return Board._made[index]  # pylint: disable=protected-access


def _direct(fd, offset, length):
    """Past the page cache: whole pages into memory that begins with one."""
    start = offset // 4096 * 4096
    with mmap.mmap(-1, (length + 8191) // 4096 * 4096) as room:
        got = os.preadv(fd, [room], start)
        return room[offset - start:min(got, offset - start + length)]


def _sent(fd, offset, length):
    """By the kernel from file to file."""
    to = os.memfd_create("sent")
    try:
        while length > 0:
            n = os.sendfile(to, fd, offset, length)
            if n == 0:
                break
            offset, length = offset + n, length - n
        return os.pread(to, os.fstat(to).st_size, 0)
    finally:
        os.close(to)


def _read(fd, way, offset, length, view):
    if way == "map":
        return view[offset:offset + length]
    if way == "sendfile":
        return _sent(fd, offset, length)
    if way == "direct":
        return _direct(fd, offset, length)
    return os.pread(fd, length, offset)


def _spans(chance, way, size):
    if way == "stream":
        for offset in range(0, size, 300001):
            yield offset, min(300001, size - offset)
        return
    for _ in range(8):
        offset = chance.randrange(size)
        yield offset, min(chance.choice((100, 4096, 70000, 1 << 20)), size - offset)


def use_file(path, size, way, judge, chance, board, number, sharing=mmap.MAP_SHARED, whole=True):
    """Reads one file in one way.  judge(data, offset) says what is wrong with data, or None.  Where
    not `whole`, a read may be cut short."""
    fd = os.open(path, os.O_RDONLY)
    view = None
    try:
        if way == "direct":
            fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_DIRECT)
        if way == "map":
            view = mmap.mmap(fd, size, sharing, mmap.PROT_READ)
        for offset, length in _spans(chance, way, size):
            began = time.monotonic()
            data = _read(fd, way, offset, length, view)
            wrong = judge(data, offset)
            common.check(wrong is None, f"{path}, by {way}, {len(data)} at {offset}: {wrong}")
            if not data and not whole:  # what an object that is gone may give: no more bytes
                raise OSError(errno.ESTALE, "nothing more")
            common.check(len(data) == length or not whole, f"{path}: {len(data)} of {length}")
            board.good(number, began)
    finally:
        if view:
            view.close()
        os.close(fd)


def judge_of(content):
    def judge(data, offset):
        wrong = content.wrong_at(data, offset)
        return None if wrong is None else f"the first wrong byte is at {wrong}"
    return judge


def until_stopped(top, sizes, number, board, bearable, sharing=mmap.MAP_SHARED):
    """Reads files of {key: size} until the board says stop; returns {errno: how often}."""
    chance, errors = random.Random(number), {}
    judges = {key: judge_of(Content(key)) for key in sizes}
    for turn in range(1 << 40):
        if board.stopped:
            return errors
        key = chance.choice(list(sizes))
        time.sleep(PAUSE)
        try:
            use_file(f"{top}/{key}", sizes[key], WAYS[(number + turn) % len(WAYS)], judges[key],
                     chance, board, number, sharing, whole=not bearable)
        except OSError as error:
            common.check(error.errno in bearable, f"reader {number}, {key}: {error}")
            errors[error.errno] = errors.get(error.errno, 0) + 1
            time.sleep(0.01)


class Crew:
    """Readers, each a process; one that dies of SIGBUS, as a program with a map does, is replaced."""

    def __init__(self, board, function, uid=None):
        self._board, self._function, self._uid = board, function, uid
        self.deaths = 0
        self._helpers = [self._new(n) for n in range(board.readers)]

    def _new(self, number):
        helper = common.Helper(self._uid)
        helper.start(self._function, number)
        return helper

    def replace_the_dead(self):
        """Also fails where one has found something wrong."""
        for number, helper in enumerate(self._helpers):
            if not helper.has_answer():
                continue
            try:
                helper.answer()
                raise common.Failed(f"reader {number} has ended")
            except common.Died as death:
                common.equal(death.status, -signal.SIGBUS, f"the end of reader {number}")
            self.deaths += 1
            helper.close()
            self._helpers[number] = self._new(number)

    def wait(self, seconds):
        """For so long, replacing the dead."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.replace_the_dead()
            time.sleep(0.02)

    def all_go_on(self, what):
        before = self._board.counts()

        def all_more():
            self.replace_the_dead()
            return all(now > was for now, was in zip(self._board.counts(), before))
        common.eventually(all_more, f"every reader reads {what}")

    def end(self):
        """What every reader returned; the dead are left out."""
        self._board.stop()
        results = []
        for number, helper in enumerate(self._helpers):
            try:
                results.append(helper.answer())
            except common.Died as death:
                common.equal(death.status, -signal.SIGBUS, f"the end of reader {number}")
        return results

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for helper in self._helpers:
            helper.close()


def soak(number):
    """So many times: more where $SHOTLAKE_SOAK says so."""
    return number * int(os.environ.get("SHOTLAKE_SOAK", "1"))
