"""From data to spike times: coded values and given spike times.

Used by `simulate`, before either engine starts: both get the same stimulus, a list of (time, neuron) in order of time
for each source and sample. Sources that need no data are in `eventsim.generators`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.checks import flag, held_in_float64, real_array, shown
from eventsim.errors import InputError
from eventsim.network.camera_events import Events, pixel_spikes, reading
from eventsim.network.rasters import raster_spikes
from eventsim.wording import neuron_text, size_text, span

Array = np.ndarray[Any, Any]
Train = tuple[Array, Array]  # times, neurons
TIME_KINDS = "fiu"
SHIFT = "Subtract the start from whole numbers before they become times, as from_events does."


@dataclass(frozen=True, repr=False)
class SpikeTimes:
    """Spike times given by the user, in the network's unit of time.

    Parameters
    ----------
    times : array (n_samples, *shape)
        One time a neuron, inf = silent; or a ragged list: for each sample a list with one sorted sequence of times for
        each neuron.

    Raises
    ------
    InputError
        (when simulated) NaN or negative times, times that are not sorted, wrong sizes.
    """

    times: Any

    # What it holds is checked when it is simulated: it may be anything here.
    def __repr__(self) -> str:
        if isinstance(self.times, np.ndarray):
            n, *shape = self.times.shape or (0,)
            what = f"{n:,} sample{'s' if n != 1 else ''} of one time a neuron, {size_text(shape)} neurons"
            if self.times.dtype.kind in TIME_KINDS:
                fired = self.times[np.isfinite(self.times)]
                what += f", {fired.size:,} spikes" + (f" at {span(fired)}" if fired.size else "")
            return f"SpikeTimes: {what}"
        if not isinstance(self.times, Sequence) or isinstance(self.times, str | bytes):
            return f"SpikeTimes: {shown(self.times)}"
        events = [one for one in self.times if isinstance(one, Events)]
        what = f", {sum(len(one.times) for one in events):,} events" if events else ""
        n = len(self.times)
        return f"SpikeTimes: {n:,} sample{'s' if n != 1 else ''}, given one by one{what}"

    @classmethod
    def from_events(
        cls, events: Any, shape: tuple[int, int, int], scale: float = 1.0, start: float | None = None,
        merge: bool = False, polarity: str = "unsigned", rows: str = "from_above",
    ) -> "SpikeTimes":  # fmt: skip
        """Return the spikes of an event-camera recording, or of several, one sample each.

        Parameters
        ----------
        events : structured array (n_events,)
            Fields t, x, y, p, as readers of such files give them, in any order; or a list of such arrays. A name may be
            the title of a field. A field e is that of ATIS cameras: events of which it is True measure exposure and are
            left out.
        shape
            The (polarities, height, width) of the source. Neuron (p, y, x) gets the events of its pixel and polarity;
            with one polarity, p says nothing. Row 0 is the uppermost.
        scale
            Units of time of the network per unit of t, such as 1e-3 for microseconds in a network of ms.
        start
            The t that is time 0; None takes the first event of each recording that is not left out. Integer time
            stamps, such as nanoseconds since 1970, are subtracted as integers; dates and durations of numpy are refused
            with how they become such.
        merge
            Whether events of one pixel and polarity at one t count as one; otherwise they are refused.
        polarity
            What p is: "unsigned" for 0 and 1 (or False and True), "signed" for -1 and 1.
        rows
            Where y = 0 is: "from_above" for the uppermost row, as in AEDAT4 files and Prophesee's; "from_below" for the
            lowest, as in Event Stream files (`from_recording` turns these).

        Raises
        ------
        InputError
            Other fields, events outside `shape` or before `start`, several events of one pixel at one time.
        """
        listed = [events] if isinstance(events, np.ndarray) else events
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            raise InputError(
                f"SpikeTimes.from_events: events = {shown(events)}; must be a structured array with fields t, x, y, p, "
                "or a list of them. Give one recording a sample."
            )
        merge = flag("SpikeTimes.from_events", "merge", merge)
        how = reading(shape, scale, start, merge, polarity, rows)
        return cls([pixel_spikes(k, recording, how) for k, recording in enumerate(listed)])

    @classmethod
    def from_recording(
        cls, path: Any, shape: tuple[int, int, int], scale: float = 1.0, start: float | None = None, merge: bool = False
    ) -> "SpikeTimes":
        """Return the spikes of an event-camera file, or of several, one sample each.

        Neuron (p, y, x): row 0 is the uppermost, p = 1 is brighter, whatever the file counts from.

        Parameters
        ----------
        path
            A file, or a list of them: AEDAT4 (.aedat4), Event Stream (.es), Prophesee (.raw in EVT 2.0 or EVT 3.0,
            .dat), N-MNIST and N-Caltech101 (.bin). The first three kinds need ``pip install 'eventsim[events]'``.
        shape
            The (2, height, width) of the camera; or (1, height, width), where p says nothing. Files that do not say how
            large their camera is (.bin, some .raw and .dat) are taken at your word.
        scale
            Units of time of the network per microsecond: 1e-3 in a network of ms.
        start, merge
            As for `from_events`, in microseconds.

        Raises
        ------
        FileFormatError
            A file that is missing or damaged, or of a version that is not read.
        InputError
            A file of another kind, a camera of another size, what `from_events` refuses; faery is not installed.

        Warns
        -----
        RuntimeWarning
            A .raw file begins with events that have no time, which are left out.
        """
        from eventsim.network.camera_files import read_recording

        sizes = reading(shape, scale, start, merge, "unsigned", "from_above").sizes
        recordings = []
        for one in path if isinstance(path, list | tuple) else [path]:
            events, camera = read_recording(one)
            if camera is not None and sizes[1:] != camera:
                raise InputError(
                    f"SpikeTimes.from_recording: {one}: the camera has (polarities, height, width) = {(2, *camera)}, "
                    f"shape = {shown(shape)}; must be {(2, *camera)}, or {(1, *camera)} to join polarities. Give the "
                    "source its shape."
                )
            recordings.append(events)
        return cls.from_events(recordings, shape, scale, start, merge)

    @classmethod
    def from_raster(cls, raster: Any, dt: Any, start: Any = 0.0) -> "SpikeTimes":
        """Return the spikes of a raster, in which a 1 says that a neuron spikes in a step.

        Parameters
        ----------
        raster : array (n_samples, n_steps, *shape)
            0 or 1, of any type, or booleans; also a tensor. Of one with steps first give ``raster.swapaxes(0, 1)``.
        dt
            Time between two steps, in the network's unit. A Fraction gives exact times.
        start
            Time of step 0. Step k is at ``start + k dt``: a network that adds up its input in steps from 1 on has
            ``start = dt``.

        Raises
        ------
        InputError
            Other numbers than 0 and 1, fewer than three axes, steps whose times float64 does not tell apart.

        Examples
        --------
        >>> from eventsim import SpikeTimes
        >>> spikes = SpikeTimes.from_raster([[[1, 0], [0, 0], [1, 1]]], dt=0.5)
        >>> spikes.checked("source", (2,))
        [(array([0., 1., 1.]), array([0, 0, 1]))]
        """
        return cls(raster_spikes("SpikeTimes.from_raster", raster, dt, start))

    def checked(self, where: str, shape: tuple[int, ...]) -> "Array | list[Train]":
        """The times of a source of this shape, copied and checked.

        An array (n_samples, size) of one time a neuron or, of a list, for each sample times and neurons in order of
        (time, neuron), without the silent ones.
        """
        size = math.prod(shape)
        if isinstance(self.times, np.ndarray):
            array = real_array(where, "SpikeTimes", self.times, kinds=TIME_KINDS)
            flat = array.reshape(len(array), math.prod(array.shape[1:])) if array.ndim else array
            if flat.ndim != 2 or flat.shape[1] != size:
                remedy = spikes_of_steps("times", array.shape, shape) or "Give one time a neuron, inf = silent."
                raise InputError(
                    f"{where}: SpikeTimes has shape {array.shape}; must be (n, {', '.join(map(str, shape))}). {remedy}"
                )
            _check_times(where, flat, shape)
            exact = held_in_float64(where, "SpikeTimes", flat, SHIFT)
            return exact + 0  # a copy, and one 0: the engines would show -0.0 and 0.0 each in its own order
        if not isinstance(self.times, Sequence) or isinstance(self.times, str | bytes):
            raise InputError(
                f"{where}: SpikeTimes holds {shown(self.times)}; must be an array (n, {', '.join(map(str, shape))}) or "
                "a list with one entry a sample. Give one time, or one list of times, a neuron."
            )
        trains = [_train(where, sample, times, shape) for sample, times in enumerate(self.times)]
        return [(times + 0, neurons) for times, neurons in trains]


def spikes_of_steps(name: str, given: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Return what to do with an array of this shape if it can hold 0 and 1 by sample, time step and neuron; else ""."""
    if len(given) < 3 or given[2:] not in (shape, (math.prod(shape),)):
        return ""
    return (
        f"(samples, steps, {', '.join(map(str, given[2:]))}) with 1 where a neuron fires does not say how long a step "
        f"is. Give eventsim.SpikeTimes.from_raster({name}, dt) (steps first: {name}.swapaxes(0, 1))."
    )


def _train(where: str, sample: int, times: Any, shape: tuple[int, ...]) -> Train:
    """Times and neurons of one sample: one time a neuron, or one increasing sequence of times a neuron."""
    name, size = f"SpikeTimes[{sample}]", math.prod(shape)
    if isinstance(times, Events):
        in_a_row = len(times.shape) == 1 or len(shape) == 1
        if math.prod(times.shape) != size or (times.shape != shape and not in_a_row):
            raise InputError(
                f"{where}: {name} has spikes of a source of shape {times.shape}; must be {shape}. Give the source and "
                "its spikes one shape."
            )
        return _in_order(where, sample, times.times, times.neurons, shape)
    nested = isinstance(times, Sequence) and any(isinstance(train, Sequence | np.ndarray) for train in times)
    if not nested or isinstance(times, str):
        flat = held_in_float64(where, name, real_array(where, name, times, kinds=TIME_KINDS).ravel(), SHIFT, times)
        if flat.size != size:
            raise InputError(
                f"{where}: sample {sample}: {flat.size} spike times for {size} neurons; must be one a neuron (inf = "
                "silent) or one list of times a neuron. Give all of them."
            )
        return _in_order(where, sample, flat, np.arange(size), shape)
    if len(times) != size:
        raise InputError(
            f"{where}: sample {sample}: {len(times)} spike trains for {size} neurons; must be one list of times a "
            "neuron. Give an empty list where it is silent."
        )
    trains = [
        held_in_float64(where, f"{name}[{i}]", real_array(where, f"{name}[{i}]", train, kinds=TIME_KINDS), SHIFT, train)
        for i, train in enumerate(times)
    ]
    for i, train in enumerate(trains):
        if train.ndim != 1:
            raise InputError(
                f"{where}: {name}[{i}] has shape {train.shape}; must be one list of times. Give each neuron a list."
            )
    flat, neurons = np.concatenate(trains), np.repeat(np.arange(size), [len(train) for train in trains])
    falling = np.flatnonzero((flat[1:] <= flat[:-1]) & (neurons[1:] == neurons[:-1]))
    if falling.size:
        raise InputError(
            f"{where}: spike times of sample {sample}, {neuron_text(neurons[falling[0]], shape)} are not increasing. "
            "Sort them; a neuron cannot fire twice at one time."
        )
    return _in_order(where, sample, flat, neurons, shape)


def exactly(number: Any) -> Any:
    """A float or integer as the Fraction that it is; other numbers, inf and NaN as they are."""
    return Fraction(number) if isinstance(number, float | int) and math.isfinite(number) else number


def holds_exact(data: "Array | list[Train]") -> bool:
    """Is any of these checked times kept as an object, such as a Fraction?"""
    parts = [data] if isinstance(data, np.ndarray) else [times for times, _ in data]
    return any(part.dtype == object for part in parts)


def _in_order(where: str, sample: int, times: Array, neurons: Array, shape: tuple[int, ...]) -> Train:
    """Times that are numbers >= 0, without the silent ones, in order; `neurons` increase."""
    _check_times(where, times[np.newaxis], shape, sample, neurons)
    times = times if times.dtype == object else times.astype(np.float64)
    keep = np.flatnonzero(times < math.inf)
    order = keep[np.argsort(times[keep], kind="stable")]
    return times[order], neurons[order]


def _check_times(
    where: str, times: Array, shape: tuple[int, ...], first: int = 0, neurons: Array | None = None
) -> None:
    """Refuse NaN and negative times, an array (n_samples, n) of a source of this shape."""
    with np.errstate(invalid="ignore"):  # a NaN among Fractions
        bad = np.argwhere(~(times >= 0).astype(bool))
    if bad.size:
        row, column = bad[0]
        neuron = column if neurons is None else neurons[column]
        raise InputError(
            f"{where}: spike time {times[row, column]} of sample {first + row}, {neuron_text(neuron, shape)}; must be "
            ">= 0 (inf = silent). Shift the times so that the run begins at 0."
        )


def encode(
    where: str, x: Array, shape: tuple[int, ...], window: tuple[Any, Any], value_range: tuple[Any, Any], clip: bool
) -> tuple[Array, int]:
    """Times (n, size) of values (n, size): t_max - (x - low) / (high - low) (t_max - t_min), inf for low.

    `shape` is that of the source.

    Returns also how many values were clipped into the range.

    Raises
    ------
    InputError
        NaN, or values outside the range where `clip` is False.
    """
    low, high = value_range
    nan = np.argwhere(x != x)
    if nan.size:
        raise InputError(
            f"{where}: x[{nan[0][0]}] holds NaN at {neuron_text(nan[0][1], shape)}; must be numbers. Look for missing "
            "data."
        )
    outside = (x < low) | (x > high)
    count = int(np.count_nonzero(outside))
    if count:
        if not clip:
            worst = np.argwhere(outside)[0]
            raise InputError(
                f"{where}: {count} values outside the coded range [{float(low):g}, {float(high):g}], the first is "
                f"x[{worst[0]}] {neuron_text(worst[1], shape)} = {float(x[tuple(worst)]):g}; the data span "
                f"[{float(x.min()):g}, {float(x.max()):g}]. "
                "Convert with input_range= that covers the data, or pass clip=True to clip and count them."
            )
        x = np.where(x < low, low, np.where(x > high, high, x))
    t_min, t_max = window
    unit = (low, high) == (0, 1) and (t_min, t_max) == (0, 1)
    times = t_max - (x if unit else (x - low) / (high - low) * (t_max - t_min))
    return np.where(times < t_max, times, math.inf), count
