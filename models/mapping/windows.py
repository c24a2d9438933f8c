"""How long the coding windows of the hidden layers are: given, or set by the largest activations on calibration data.

Relies on the coded layers. Used by `to_ttfs`, in whose name it refuses what it refuses.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.checks import check_held, n_axes, real, shown
from eventsim.errors import MappingError, nearest
from eventsim.models.relu.coded_layers import INPUTS, CodedLayer
from eventsim.models.relu.real_numbers import EXACT, as_fraction, as_numbers

Array = np.ndarray[Any, Any]

WINDOWS = ("calibrated", "published", "certified", "quantized")
# The largest activation that a layer is taken to have where it is silent on all of the calibration data.
DEAD_LAYER = 1
ROUNDING = 2.0**-50  # of what a neuron adds up: what cancels may leave so much


def largest_activations(layers: Sequence[CodedLayer], inputs: Array, number: type) -> list[Any]:
    """Return X of each of `layers` that computes: its largest coded value over the coded `inputs` (n, *shape).

    In Fractions only for samples that in float64 come within 1e-6 of it, since exact arithmetic on all takes minutes.
    In float64 a layer whose values are rounding errors, since what it adds up cancels, has X = 0.
    """
    if number is Fraction:
        if not all(layer.pools for layer in layers):
            found = _values(layers, inputs, np.float64)
            peaks = np.stack([outputs.reshape(len(outputs), -1).max(axis=1) for _, outputs, _ in found])
            near = peaks >= (1 - 1e-6) * peaks.max(axis=1, keepdims=True)
            inputs = inputs[near.any(axis=0)]
        return [outputs.max() for _, outputs, _ in _values(layers, inputs, EXACT)]
    return [
        0.0 if 0 < outputs.max() <= ROUNDING * _added_up(layer, heard) else outputs.max()
        for layer, outputs, heard in _values(layers, inputs, np.float64)
    ]


def coded_values(layers: Sequence[CodedLayer], inputs: Array, dtype: Any) -> Iterator[tuple[int, CodedLayer, Array]]:
    """Each layer with its number and the coded values that it makes of coded `inputs` (n, *shape)."""
    outputs = {INPUTS: as_numbers(inputs, np.dtype(dtype))}
    for i, layer in enumerate(layers):
        outputs[i] = layer.apply(outputs)
        yield i, layer, outputs[i]


def _values(
    layers: Sequence[CodedLayer], inputs: Array, dtype: Any
) -> Iterator[tuple[CodedLayer, Array, Mapping[int, Array]]]:
    """Each layer that computes, its coded values, and those of all before it; pools pass on what is in their window."""
    outputs = {INPUTS: as_numbers(inputs, np.dtype(dtype))}
    for i, layer, values in coded_values(layers, inputs, dtype):
        outputs[i] = values
        if not layer.pools:
            yield layer, values, outputs


def _added_up(layer: CodedLayer, heard: Mapping[int, Array]) -> float:
    """A bound on what a neuron adds up, without signs: weights times the largest value of their source, and biases."""
    assert layer.bias is not None
    rows = [np.abs(term.weight).reshape(len(term.weight), -1).sum(axis=1).max() for term in layer.terms]
    peaks = [np.abs(heard[term.source]).max() for term in layer.terms]
    return float(np.dot(rows, peaks) + np.abs(layer.bias).max())


def given_windows(windows: Any, names: list[str], number: type) -> list[Any] | None:
    """Return explicit lengths, or None where the calibration sets them.

    Raises
    ------
    MappingError
        Not a list of as many lengths > 0 as there are hidden layers.
    """
    if isinstance(windows, str):
        if windows not in WINDOWS:
            raise MappingError(
                f"to_ttfs: windows = {windows!r}{nearest(windows, WINDOWS)}; must be 'calibrated', 'published', "
                "'certified', 'quantized' or the length of each hidden layer's window"
            )
        return None
    listed = isinstance(windows, Sequence | np.ndarray) and not isinstance(windows, bytes) and n_axes(windows) != 0
    if not listed or len(windows) != len(names):
        count = f"{len(windows)} lengths" if listed else shown(windows)
        raise MappingError(
            f"to_ttfs: windows: {count} for {len(names)} hidden layers ({', '.join(names) or 'none'}); give the length "
            "of the window of each, in order"
        )
    lengths = [decimal(f"windows[{n}]", length, number) for n, length in enumerate(windows)]
    for name, length in zip(names, lengths, strict=True):
        if not length > 0:
            raise MappingError(f"to_ttfs: the window of layer {name!r} is {length} long; must be > 0")
    return lengths


@dataclass(frozen=True)
class Schedule:
    """When each population integrates and fires, by its number; `INPUTS` is the source.

    A population fires from the end of the last window that it gets values from on. Spikes of windows that end earlier
    are delayed by the difference, so that all arrive as long before t_min as their values are large.

    Attributes
    ----------
    windows
        (t_start, t_min, t_max) of what has a threshold or pools; (t_min, t_max) of the source; (t_start, t_read) of the
        read-out.
    delays
        Those of each projection, in the order of the terms.
    """

    windows: Mapping[int, tuple[Any, ...]]
    delays: Mapping[int, tuple[Any, ...]]


def scheduled(layers: Sequence[CodedLayer], lengths: Sequence[Any], number: type) -> Schedule:
    """Return the schedule for given lengths of the windows of all that computes but the last, the read-out.

    In float64 the end of each window is rounded, and thresholds are made for these.

    Raises
    ------
    MappingError
        A window that is lost by rounding, or infinite.
    """
    windows: dict[int, tuple[Any, ...]] = {INPUTS: (number(0), number(1))}
    delays: dict[int, tuple[Any, ...]] = {}
    ahead = iter(lengths)
    for i, layer in enumerate(layers):
        if layer.pools:
            windows[i], delays[i] = windows[layer.sources[0]], (number(0),)
            continue
        heard = [windows[source][-2:] for source in layer.sources]
        t_min = max(window[1] for window in heard)
        delays[i] = tuple(_delay(window[1], t_min) for window in heard)
        t_start = min(window[0] + delay for window, delay in zip(heard, delays[i], strict=True))
        if i == len(layers) - 1:
            windows[i] = (t_start, t_min)
            break
        length = number(next(ahead))
        end = t_min + length
        check_window(layer.name, t_min, end, length)
        windows[i] = (t_start, t_min, end)
    return Schedule(windows, delays)


def check_window(name: str, t_min: Any, end: Any, length: Any) -> None:
    """Refuse a window that rounding has lost, or that is infinite."""
    if not t_min < end < math.inf:
        raise MappingError(
            f"to_ttfs: the window of layer {name!r}, of length {float(length):g} from t = {float(t_min):g}, is lost by "
            "rounding or infinite; give windows= explicit lengths, or rescale the layer's weights"
        )


def _delay(end: Any, t_min: Any) -> Any:
    """What takes the end of a window to t_min; rounded such that the last spike of the window still comes before it."""
    delay = t_min - end
    if delay > 0 and isinstance(delay, float):
        last = math.nextafter(end, -math.inf)
        while last + delay >= t_min:
            delay -= max(math.ulp(t_min) / 2, math.ulp(delay))
    return max(delay, 0 * delay)


def check_resolution(layers: Sequence[CodedLayer], schedule: Schedule, largest: Sequence[Any]) -> None:
    """Refuse windows at whose end the steps of float64 are not small beside the largest value that they code.

    Raises
    ------
    MappingError
        More than 1e-9 of the value would be lost.
    """
    computing = [i for i, layer in enumerate(layers[:-1]) if not layer.pools]
    for i, value in zip(computing, largest, strict=True):
        end, name = schedule.windows[i][-1], layers[i].name
        if value > 0 and np.spacing(float(end)) > 1e-9 * float(value):
            raise MappingError(
                f"to_ttfs: the window of layer {name!r} ends at t = {float(end):g}, where float64 has steps of "
                f"{np.spacing(float(end)):g}, but its largest value on the calibration data is {float(value):g}; must "
                "be at least 1e9 steps; use shorter windows, or rescale the weights of the layers before"
            )


def decimal(what: str, value: Any, number: type) -> Any:
    """Return a finite real number as `number`; a float becomes the Fraction of the decimal that it is written as."""
    given = real(value)
    if given is None or not -math.inf < given < math.inf:
        raise MappingError(f"to_ttfs: {what} = {shown(value)}; must be a finite number")
    if number is Fraction:
        return Fraction(str(float(value))) if isinstance(value, float | np.floating) else as_fraction(value)
    check_held("to_ttfs", what, [given], MappingError)
    try:
        return float(value)
    except OverflowError as error:
        raise MappingError(f"to_ttfs: {what} = {shown(value)}; must be a number that float64 holds") from error
