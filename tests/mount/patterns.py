"""Bytes of any length that tell their own place: every 64 KiB differs from every other."""

UNIT = 64 << 10
_BASE = bytes((i * 167 + (i >> 8) * 13 + 7) & 0xFF for i in range(3 * UNIT))


def unit(number):
    start = number * 7919 % (2 * UNIT)
    return number.to_bytes(8, "little") + _BASE[start:start + UNIT - 8]


def parts(size, part=4 << 20):
    """`size` bytes in parts; a multiple of UNIT."""
    for start in range(0, size, part):
        count = min(part, size - start) // UNIT
        yield b"".join(unit(start // UNIT + i) for i in range(count))


def span(offset, length):
    """The bytes from `offset` on."""
    first, last = offset // UNIT, (offset + length - 1) // UNIT
    data = b"".join(unit(n) for n in range(first, last + 1))
    return data[offset - first * UNIT:][:length]


def wrong_at(data, offset):
    """Where `data`, read at `offset`, differs first; None if it does not."""
    want = span(offset, len(data))
    if data == want:
        return None
    return offset + next(i for i, (a, b) in enumerate(zip(data, want)) if a != b)
