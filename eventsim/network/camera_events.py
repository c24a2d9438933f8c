"""The events of an event camera as the spikes of its pixels: fields, polarities, rows and time stamps of an array.

Readers of such files give structured arrays. What they mean differs: ATIS cameras mix measurements of exposure in,
polarities are 0 and 1 or -1 and +1, rows count from above or from below, and time stamps may be nanoseconds since 1970,
which float64 does not hold: the start is subtracted from integers as integers. Relies on the checks. Used by `sources`.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import choice, counted, finite_array, integer, number, shown
from eventsim.errors import InputError

Array = np.ndarray[Any, Any]

FIELDS = ("t", "x", "y", "p")
CAMERA = np.dtype([("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "?")])  # what files are read into; t in µs
EXPOSURE = "e"  # of ATIS events: True where one measures exposure and is no change
POLARITIES = ("unsigned", "signed")
ROWS = ("from_above", "from_below")
LARGEST_INDEX = 2**31 - 1
WHERE = "SpikeTimes.from_events"


class Events(NamedTuple):
    """The spikes of one sample side by side: times and neurons, in order of (neuron, time); the shape of the source."""

    times: Array
    neurons: Array
    shape: tuple[int, ...]


class Reading(NamedTuple):
    """How the arrays of one call are to be read.

    Attributes
    ----------
    sizes
        Numbers of polarities, rows (height) and columns (width).
    scale
        Units of time per t.
    start
        The t that is time 0; None takes the first event.
    """

    sizes: tuple[int, int, int]
    scale: Any
    start: Any
    merge: bool
    polarity: str
    rows: str


def reading(shape: Any, scale: Any, start: Any, merge: bool, polarity: Any, rows: Any) -> Reading:
    """Return the checked arguments of `SpikeTimes.from_events`; InputError names the one that is wrong."""
    listed = shape if isinstance(shape, Sequence | np.ndarray) and not isinstance(shape, str) else (shape,)
    sizes = [integer(WHERE, "shape", n, low=1, remedy="Give (polarities, y, x).") for n in listed]
    if len(sizes) != 3:
        raise InputError(f"{WHERE}: shape = {shown(shape)}; must be (polarities, height, width). Give three numbers.")
    if math.prod(sizes) > LARGEST_INDEX:
        raise InputError(
            f"{WHERE}: shape = {shown(shape)} has more than {LARGEST_INDEX:,} neurons; must have fewer. Give the shape "
            "of the camera."
        )
    factor = number(WHERE, "scale", scale, low=0, open_low=True, remedy="Give units of time per t.")
    if start is not None:
        start = number(WHERE, "start", start, remedy="Give the t that is time 0.", whole=False)
    polarity = choice(WHERE, "polarity", polarity, POLARITIES)
    rows = choice(WHERE, "rows", rows, ROWS)
    return Reading((sizes[0], sizes[1], sizes[2]), factor, start, merge, polarity, rows)


def pixel_spikes(sample: int, recording: Any, how: Reading) -> Events:
    """Return the spikes of one recording, a structured array.

    Raises
    ------
    InputError
        Fields that are missing, unknown or of the wrong type; events outside the camera or before the start; several
        events of one pixel and polarity at one time, where they are not to be merged.
    """
    where = f"{WHERE}: recording {sample}"
    _check_fields(where, recording)
    if EXPOSURE in recording.dtype.fields:
        recording = recording[~_exposures(where, recording[EXPOSURE])]
    polarities, height, _ = how.sizes
    y = _place(where, "y", recording["y"], height)
    place = [
        np.zeros(len(recording), np.int64) if polarities == 1 else _polarity(where, recording["p"], how),
        height - 1 - y if how.rows == "from_below" else y,
        _place(where, "x", recording["x"], how.sizes[2]),
    ]
    neurons = np.ravel_multi_index(place, how.sizes)
    times = _times(where, recording["t"], how)
    order = np.lexsort((times, neurons))
    times, neurons = times[order], neurons[order]
    again = np.zeros(len(times), dtype=bool)
    again[1:] = (times[1:] == times[:-1]) & (neurons[1:] == neurons[:-1])
    if again.any() and not how.merge:
        raise InputError(
            f"{where}: {np.count_nonzero(again)} events are of a pixel and polarity that has another one at the same "
            f"time, the first at {times[again][0]}; a neuron cannot fire twice at one time. Pass merge=True to count "
            "them as one."
        )
    return Events(times[~again], neurons[~again], how.sizes)


def _check_fields(where: str, recording: Any) -> None:
    """Refuse arrays without t, x, y, p, as names or titles of fields, and with fields that nobody here knows."""
    dtype = getattr(recording, "dtype", None)
    names, fields = getattr(dtype, "names", None) or (), getattr(dtype, "fields", None) or {}
    if not {*FIELDS} <= {*fields} or recording.ndim != 1:
        raise InputError(
            f"{where} has fields ({', '.join(names)}); must be a structured array with fields t, x, y, p. Name them so."
        )
    for name in names:
        _, _, *title = fields[name]
        if not {name, *title} & {*FIELDS, EXPOSURE}:
            raise InputError(
                f"{where} has a field {name!r}, which may change what an event is; must have t, x, y, p, and e where "
                "events of ATIS cameras measure exposure. Choose the events yourself, and leave it out."
            )


def _exposures(where: str, e: Array) -> Array:
    """Which events of an ATIS camera measure exposure."""
    if e.dtype.kind != "b" and not (e.dtype.kind in "iu" and ((e == 0) | (e == 1)).all()):
        raise InputError(
            f"{where}: field e has type {e.dtype}; must be True where an ATIS event measures exposure, and else False. "
            "Name it otherwise, or leave it out."
        )
    return e.astype(bool)


def _polarity(where: str, p: Array, how: Reading) -> Array:
    """The place of each event's polarity."""
    if how.polarity == "signed":
        numbers = _integers(where, "p", p)
        bad = np.flatnonzero((numbers != -1) & (numbers != 1))
        if bad.size:
            raise InputError(
                f"{where}: event {bad[0]} has p = {numbers[bad[0]]}; must be -1 or 1, since polarity = 'signed'. Leave "
                "polarity out where polarities count from 0."
            )
        return (numbers.astype(np.int64) + 1) // 2
    if p.dtype.kind == "i" and (p == -1).any():
        raise InputError(
            f"{where}: event {np.argmax(p == -1)} has p = -1; must be in 0..{how.sizes[0] - 1}. Pass polarity='signed' "
            "where polarities are -1 and 1."
        )
    return _place(where, "p", p, how.sizes[0], "Polarities count from 0, and shape begins with how many there are.")


def _place(where: str, name: str, index: Array, size: int, remedy: str = "Give the shape of the camera.") -> Array:
    """An index in 0..size - 1 of each event."""
    numbers = _integers(where, name, index)
    bad = np.flatnonzero((numbers < 0) | (numbers >= size))
    if bad.size:
        raise InputError(f"{where}: event {bad[0]} has {name} = {numbers[bad[0]]}; must be in 0..{size - 1}. {remedy}")
    return np.asarray(numbers, np.int64)


def _integers(where: str, name: str, values: Array) -> Array:
    if values.ndim != 1 or values.dtype.kind not in "iub":
        raise InputError(
            f"{where}: field {name} has type {values.dtype}; must be integers, one an event. Convert it first."
        )
    return values


def _times(where: str, t: Array, how: Reading) -> Array:
    """Times in the unit of the network, from the start on, as float64."""
    if t.ndim != 1:
        raise InputError(f"{where}: field t has shape {t.shape}; must be one number an event. Give one column.")
    if t.dtype.kind in "mM":
        raise InputError(
            f"{where}: field t has type {t.dtype}; must be real numbers, in a unit that scale is given for. "
            f"{counted(t)} In place: events.astype([(name, 'i8' if name == 't' else events.dtype[name]) for name in "
            "events.dtype.names])."
        )
    finite_array(where, "t", t, whole=False)
    since = _since_integer(t, how.start) if t.dtype.kind in "iu" else _since(t, how.start)
    if (since < 0).any():
        first = int(np.argmax(since < 0))
        raise InputError(
            f"{where}: event {first} is at t = {t[first]}, before start = {how.start}. Give an earlier start."
        )
    with np.errstate(over="ignore"):
        times: Array = since * float(how.scale)
    if not np.isfinite(times).all():
        raise InputError(
            f"{where}: times times scale = {float(how.scale):g} are no finite numbers. Give a smaller scale."
        )
    return times


def _since_integer(t: Array, start: Any) -> Array:
    """How long after the start, subtracted in integers; what is left is rounded once. Negative before the start."""
    if not t.size:
        return np.zeros(0)
    first, last = int(t.min()), int(t.max())
    origin = first if start is None else math.floor(start)
    rest = 0.0 if start is None else float(start - origin)
    if not 0 <= first - origin <= last - origin < 2**64:  # before the start, or farther than 64 bits
        return np.array([float(value - origin) - rest for value in t.tolist()])
    # Modulo 2^64, in which differences of int64 fit as well as those of uint64.
    whole: Array = t.astype(np.int64 if t.dtype.kind == "i" else np.uint64).view(np.uint64)
    return (whole - np.uint64(origin % 2**64)).astype(np.float64) - rest


def _since(t: Array, start: Any) -> Array:
    """How long after the start, in the numbers of t: extended precision, or objects, are rounded once, at the end."""
    numbers = t.astype(np.float64) if t.dtype.kind == "b" or t.dtype.itemsize < 8 else t
    if not numbers.size:
        return np.zeros(0)
    since: Array = numbers - (numbers.min() if start is None else start)
    return since.astype(np.float64)
