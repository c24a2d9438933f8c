"""Encoders of event-camera files, written from the descriptions of the formats: what readers are held against.

EVT 2.0, EVT 3.0, RAW and DAT: https://docs.prophesee.ai/stable/data/index.html. N-MNIST: Orchard et al. 2015.
An event is (t in µs, x, y, p).
"""

import struct
from collections.abc import Iterable

Event = tuple[int, int, int, int]


def header(*lines: str) -> bytes:
    """Lines ``% …`` of a file's header."""
    return "".join(f"% {line}\n" for line in lines).encode()


def evt2(events: Iterable[Event], begin: int | None = None) -> bytes:
    """Words of 32 bits: time high (28 bits) where it changes; p, 6 bits of time, x, y of each event."""
    words, high = [], begin
    for t, x, y, p in events:
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 28 | high % 2**28)
        words.append(p << 28 | t % 64 << 22 | x << 11 | y)
    return struct.pack(f"<{len(words)}I", *words)


def evt3(events: Iterable[Event], vectors: bool = False) -> bytes:
    """Words of 16 bits: what changes of time high, time low and y; then x with p, or vectors of neighbours."""
    events, words = list(events), []
    high = low = row = None
    while events:
        t, x, y, p = events[0]
        if t >> 12 != high:
            high, low = t >> 12, None
            words.append(8 << 12 | high % 2**12)
        if t % 2**12 != low:
            low = t % 2**12
            words.append(6 << 12 | low)
        if y != row:
            row = y
            words.append(y)
        n = 1
        if vectors:
            while n < len(events) and events[n][0] == t and events[n][2:] == (y, p):
                if not events[n - 1][1] < events[n][1] < x + 20:
                    break
                n += 1
            bits = sum(1 << (event[1] - x) for event in events[:n])
            words += [3 << 12 | p << 11 | x, 4 << 12 | bits & 0xFFF, 5 << 12 | bits >> 12]
        else:
            words.append(2 << 12 | p << 11 | x)
        events = events[n:]
    return struct.pack(f"<{len(words)}H", *words)


def dat(events: Iterable[Event], version: int = 2, kind: int = 0x0C) -> bytes:
    """Type and size of a record, then records: 32 bits of time, 32 bits of x, y and p."""
    bits_x, bits_y = {1: (9, 8), 2: (14, 14)}[version]
    records = (struct.pack("<II", t % 2**32, x | y << bits_x | p << bits_x + bits_y) for t, x, y, p in events)
    return bytes((kind, 8)) + b"".join(records)


def nmnist(events: Iterable[Event]) -> bytes:
    """Records of five bytes; where 13 bits of time begin again, one with y = 240 that is no event."""
    raw, overflows = b"", 0
    for t, x, y, p in events:
        while t - 8192 * overflows >= 8192:
            overflows += 1
            raw += bytes((0, 240, 0, 0, 0))
        rest = t - 8192 * overflows
        raw += bytes((x, y, p << 7 | rest >> 16, rest >> 8 & 0xFF, rest & 0xFF))
    return raw
