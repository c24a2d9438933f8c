"""When the events of a Prophesee .raw file happened (EVT 2.0, EVT 3.0): what its decoder is held against.

Such a file is a stream of words; some set the time, and those that follow are events of that time. faery decodes them,
but guesses what a header does not say, and moves times that go back, or takes them for a counter that began again.
Relies on `prophesee_header`. Used by `camera_files`.
"""

from typing import NamedTuple

import numpy as np

from eventsim.errors import FileFormatError
from eventsim.network.camera_events import Array
from eventsim.network.prophesee_header import read_header

# The encodings that are read: faery's name, and the type of a word.
ENCODINGS: dict[str, tuple[str, "np.dtype[np.uint32] | np.dtype[np.uint16]"]] = {
    "2.0": ("evt2", np.dtype("<u4")),
    "3.0": ("evt3", np.dtype("<u2")),
}
LARGEST = 2048  # rows and columns that an event can name
EVT2_HIGH, EVT2_BITS, EVT2_LOW_BITS = 8, 28, 6
EVT3_SINGLE, EVT3_VECTOR_12, EVT3_VECTOR_8, EVT3_LOW, EVT3_HIGH, EVT3_BITS = 2, 4, 5, 6, 8, 12
# How many events a vector is: one for each bit that is set.
SET_BITS = np.array([k.bit_count() for k in range(2**12)])


class Words(NamedTuple):
    """What a .raw file says by itself.

    Attributes
    ----------
    encoding
        Its name for faery.
    sizes
        (height, width), or None where the header does not say them.
    times
        Time of each event in µs, (n_events,), in the order of the file.
    n_untimed
        How many events, the first ones, come before any word that gives the time.
    """

    encoding: str
    sizes: tuple[int, int] | None
    times: Array
    n_untimed: int


def read_words(where: str, raw: bytes) -> Words:
    """Read the header of a .raw file and the times of its events.

    Raises
    ------
    FileFormatError
        An encoding that is not said or not read, words that are not whole.
    """
    header = read_header(where, raw)
    said, order = header.entries.get("evt"), header.entries.get("endianness", "little")
    if said not in ENCODINGS or order != "little":
        what = "does not say the encoding" if said is None else f"says EVT {said}, {order} endian"
        raise FileFormatError(
            f"{where}: the header {what}; must be EVT 2.0 or 3.0, little endian. Convert the file with the tools of "
            "the camera's maker or, where you know the encoding, add a line such as '% evt 3.0'."
        )
    encoding, form = ENCODINGS[said]
    rest = (len(raw) - header.n_bytes) % form.itemsize
    if rest:
        raise FileFormatError(
            f"{where}: the data end with {rest} of {form.itemsize} bytes of a word; must be whole words. Copy the file "
            "again."
        )
    if raw.startswith(b"% ", header.n_bytes):  # faery would read on, and lose what it takes for text
        raise FileFormatError(
            f"{where}: the data begin like a line of the header; must begin otherwise. Cut the beginning off with the "
            "tools of the camera's maker."
        )
    words: Array = np.frombuffer(raw, dtype=form, offset=header.n_bytes)
    times, n_untimed = (_evt2_times if encoding == "evt2" else _evt3_times)(words)
    return Words(encoding, header.sizes(where), times + (header.whole(where, "t0") or 0), n_untimed)


def _evt2_times(words: Array) -> tuple[Array, int]:
    """Times of the events of EVT 2.0: 28 high bits in words of their own, 6 low bits in each event."""
    kind = words >> 28
    high, begun = _counted(kind == EVT2_HIGH, words & (2**EVT2_BITS - 1), EVT2_BITS)
    events = kind < 2
    times = high[events] << EVT2_LOW_BITS | words[events] >> 22 & (2**EVT2_LOW_BITS - 1)
    return times, int(np.count_nonzero(events & ~begun))


def _evt3_times(words: Array) -> tuple[Array, int]:
    """Times of the events of EVT 3.0: 12 high and 12 low bits in words of their own; a new high begins at low 0."""
    kind, payload = words >> 12, words & 0xFFF
    high, begun = _counted(kind == EVT3_HIGH, payload, EVT3_BITS)
    lower = (kind == EVT3_LOW) | (np.diff(high, prepend=0) != 0)
    low = _latest(lower, np.where(kind == EVT3_LOW, payload, 0))
    each = np.zeros(len(words), np.int64)
    each[kind == EVT3_SINGLE] = 1
    each[kind == EVT3_VECTOR_12] = SET_BITS[payload[kind == EVT3_VECTOR_12]]
    each[kind == EVT3_VECTOR_8] = SET_BITS[payload[kind == EVT3_VECTOR_8] & 0xFF]
    return np.repeat(high << EVT3_BITS | low, each), int(each[~begun].sum())


def _counted(here: Array, values: Array, bits: int) -> tuple[Array, Array]:
    """A counter that some words set, at each word, and whether it is set yet: modulo 2^bits, the nearest is meant."""
    given = values[here].astype(np.int64)
    half = 1 << (bits - 1)
    steps = (np.diff(given, prepend=given[:1]) + half) % (2 * half) - half
    set_to = np.zeros(len(values), np.int64)
    set_to[here] = given[:1].sum() + np.cumsum(steps)
    return _latest(here, set_to), np.logical_or.accumulate(here)


def _latest(here: Array, values: Array) -> Array:
    """At each word the value of the last one that is `here`, itself included; 0 before the first."""
    place = np.maximum.accumulate(np.where(here, np.arange(len(here)), -1))
    return np.where(place < 0, 0, values[place].astype(np.int64)) if len(here) else np.zeros(0, np.int64)
