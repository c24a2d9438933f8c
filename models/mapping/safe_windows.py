"""How long a layer's window must be for no neuron to be premature on the calibration data, layer after layer.

With u = t_min - t, a neuron that computes W x + b reaches its threshold before t_min unless its window is longer than
``g(u) = W (x - u)+ + b - k u`` for every u >= 0, where k is 0 for B1 and 1 - S for alpha1 (the criterion of
docs/how-to/certify.md with the slope divided out). So the smallest safe window of a layer is the largest g of all its
neurons and samples. Between two values of u the positive weights give most at the lower one and the negative ones least
at the upper one, which bounds g from above by matrix products; only where that bound leaves a doubt are the arrivals
gone through one by one, with the code of `certify`.

Layers are taken in order: what a layer receives depends on the windows before it, and is known once these are safe.

Relies on the coded layers, `windows`, `populations` and the checks. Used by `to_ttfs`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.models.checking.expected_times import UNIT, first_crossing, neurons_of
from eventsim.models.checking.fields import fields_of
from eventsim.models.mapping.populations import SLOPES, neurons
from eventsim.models.mapping.windows import DEAD_LAYER, coded_values, scheduled
from eventsim.models.relu.coded_layers import INPUTS, CodedLayer
from eventsim.models.relu.real_numbers import as_numbers
from eventsim.network import Network, Population

Array = np.ndarray[Any, Any]

# Steps of u between which g is bounded: twice as many matrix products cost a sixth of going through all arrivals.
N_STEPS = 8
SMALL = 200_000  # inputs of all neurons and samples together that are sooner gone through than bounded
# A bound on rounding that grows with the weights of every layer before says nothing after some ten of them; a window is
# lengthened by this share for it at most.
MOST_ROUNDING = 1e-6
TOGETHER = 1 << 22  # values that are worked on at a time


@dataclass(frozen=True, eq=False)
class _Received:
    """What one layer gets, and when.

    Attributes
    ----------
    values : coded values of its sources, (n, *shape), by number. arrivals : (n, n_inputs), of all terms side by side.
    window : (t_start, t_min). delays : of each term. error : bound on how far an arrival is from that of a run.
    """

    values: Mapping[int, Array]
    arrivals: Array
    window: tuple[Any, Any]
    delays: tuple[Any, ...]
    error: float


def settled_lengths(
    layers: Sequence[CodedLayer],
    inputs: Array,
    slope: str,
    number: type,
    at_least: Sequence[Any],
    rule: Callable[[float], Any],
    otherwise: Any = None,
) -> tuple[list[Any], list[float | None]]:
    """Return the length of each hidden window, and the smallest safe one where that is longer than `at_least`.

    Parameters
    ----------
    layers : all coded layers. inputs : coded calibration data, (n, *input shape).
    at_least : lengths >= 0, one a hidden window; smallest safe windows up to these are not told.
    rule : the length of a window, from its smallest safe length, given where that is longer.
    otherwise : the length where it is not; None is that of `at_least`.
    """
    lengths: list[Any] = []
    safe: list[float | None] = []
    errors = {INPUTS: 4 * UNIT}
    held: dict[int, Array] = {INPUTS: as_numbers(inputs, np.dtype(np.float64))}
    for i, layer, values in coded_values(layers[:-1], inputs, np.float64):
        if layer.pools:
            errors[i] = errors[layer.sources[0]]
        else:
            k = len(lengths)
            received = _received(layers[: i + 1], held, lengths, number, errors)
            found = _smallest_safe(layer, received, slope, number, at_least[k])
            safe.append(found)
            usual = at_least[k] if otherwise is None else otherwise
            lengths.append(usual if found is None else rule(found))
            errors[i] = _error_of(layer, received, slope, float(lengths[k]))
        held[i] = values
    return lengths, safe


def _received(
    layers: Sequence[CodedLayer], held: Mapping[int, Array], lengths: Sequence[Any], number: type,
    errors: Mapping[int, float],
) -> _Received:  # fmt: skip
    """What the last of `layers` receives in windows of the lengths of those before it."""
    i, layer = len(layers) - 1, layers[-1]
    schedule = scheduled(layers, lengths, number)
    delays = schedule.delays[i]
    arrivals = []
    for source, delay in zip(layer.sources, delays, strict=True):
        values = held[source].reshape(len(held[source]), -1)
        times = float(schedule.windows[source][-1]) - values + float(delay)
        arrivals.append(np.where(values > 0, times, np.inf))
    t_start, t_min = schedule.windows[i][:2]
    moved = 4 * UNIT * float(t_min) if any(delays) else 0.0
    error = max(errors[source] for source in layer.sources) + moved
    return _Received(held, np.concatenate(arrivals, axis=1), (t_start, t_min), delays, error)


def _smallest_safe(layer: CodedLayer, received: _Received, slope: str, number: type, at_least: Any) -> float | None:
    """The smallest safe window of a layer with its rounding bound, or None where it is not longer than `at_least`."""
    lower = float(at_least)
    doubtful = _doubtful(layer, received, slope, lower)
    if not doubtful.any():
        return None
    population, trial = _trial(layer, received, slope, number, at_least)
    found = lower
    own = neurons_of(population)
    for field in fields_of(trial, population):
        for rows, columns in _blocks(doubtful[:, field.neurons]):
            some, weights = own.some(field.neurons[columns]), field.weights[columns]
            crossing = first_crossing(some, weights, received.arrivals[rows][:, field.inputs])
            steepness = some.slope_fire.astype(np.float64)
            missing = (some.threshold - crossing.peak).astype(np.float64) / steepness
            wanted = float(own.length) - missing
            shift = np.abs(weights.astype(np.float64)).sum(axis=1) * received.error / steepness
            # Threshold and window are rounded, too, and the length is what is left of two times.
            rounding = crossing.potential_bound / steepness + 2 * UNIT * (np.abs(missing) + np.abs(wanted))
            rounding += 2 * UNIT * np.abs(crossing.peak) / steepness + 12 * UNIT * (float(own.t_min) + np.abs(wanted))
            wanted = wanted + rounding + np.minimum(shift, MOST_ROUNDING * np.abs(wanted))
            found = max(found, float(wanted.max(initial=0.0)))
    return found if found > lower else None


def _doubtful(layer: CodedLayer, received: _Received, slope: str, lower: float) -> Array:
    """(n, size), of which samples and neurons the smallest safe window may be the longest, and longer than `lower`."""
    shape = (len(received.arrivals), math.prod(layer.shape))
    if math.prod(shape) * sum(term.weight[0].size for term in layer.terms) <= SMALL:
        return np.ones(shape, dtype=bool)
    upper, reached = _bounds(layer, received, slope)
    doubtful: Array = upper + _rounding(layer, received, slope, lower) > max(lower, reached)
    return doubtful


def _bounds(layer: CodedLayer, received: _Received, slope: str) -> tuple[Array, float]:
    """Upper bounds on the largest g of each neuron and sample, (n, size), and a lower one on the largest of all."""
    sources = {source: received.values[source] for source in layer.sources}
    n = len(next(iter(sources.values())))
    up, down = (_signed(layer, sign) for sign in (1, -1))
    bias, falling = _plain_bias(layer), _falling(layer, slope)
    grid = _grid(list(sources.values()))
    n_terms = sum(term.weight[0].size for term in layer.terms) + 8
    upper, reached = np.empty((n, len(bias))), -np.inf
    widest = max(len(bias), *(values[0].size for values in sources.values()))
    step = max(1, TOGETHER // widest)
    for low in range(0, n, step):
        part = {source: values[low : low + step] for source, values in sources.items()}
        highest = np.full((len(next(iter(part.values()))), len(bias)), -np.inf)
        pushed = pulled = None
        for u in grid:
            left = {source: np.maximum(values - u, 0.0) for source, values in part.items()}
            push, pull = (one.apply(left).reshape(len(highest), -1) for one in (up, down))
            rounding = n_terms * UNIT * (push + pull + np.abs(bias) + falling * u)
            reached = max(reached, float((push - pull + bias - falling * u - rounding).max()))
            if pushed is not None:
                np.maximum(highest, pushed - pull + rounding, out=highest)
            pushed, pulled = push + bias - falling * u + rounding, pull
        assert pushed is not None
        # Beyond the largest value nothing has arrived, and g falls.
        upper[low : low + step] = np.maximum(highest, pushed - pulled)
    return upper, reached


def _grid(values: Sequence[Array]) -> list[float]:
    """Values of u from 0 to the largest value, between which the means of (x - u)+ are equally far apart."""
    flat = np.concatenate([held.ravel()[:: max(1, held.size // 100_000)] for held in values])
    top = max(float(held.max(initial=0.0)) for held in values)
    rising = np.sort(flat[flat > 0])
    if not rising.size:
        return [0.0, top] if top > 0 else [0.0]
    above = np.arange(len(rising), 0, -1)
    left = np.concatenate([[0.0], np.cumsum(above * np.diff(rising, prepend=0.0))])
    points = np.interp(np.linspace(0, left[-1], N_STEPS + 1), left, np.concatenate([[0.0], rising]))
    return sorted({0.0, top, *(float(point) for point in points)})


def _signed(layer: CodedLayer, sign: int) -> CodedLayer:
    """The layer with the weights of one sign alone, as numbers >= 0, without biases and without its ReLU."""
    terms = tuple(
        replace(term, weight=np.maximum(sign * as_numbers(term.weight, np.dtype(np.float64)), 0.0))
        for term in layer.terms
    )
    return replace(layer, relu=False, terms=terms, bias=np.zeros(layer.shape[0]))


def _plain_bias(layer: CodedLayer) -> Array:
    """One bias a neuron, in C order."""
    assert layer.bias is not None
    return layer.full(as_numbers(layer.bias, np.dtype(np.float64)))


def _falling(layer: CodedLayer, slope: str) -> Array:
    """How fast g falls by u itself, for each neuron: alpha over the slope, 1 - S."""
    if slope == "b1":
        return np.zeros(1)
    return layer.full(1 - as_numbers(layer.sums(), np.dtype(np.float64)))


def _rounding(layer: CodedLayer, received: _Received, slope: str, length: float) -> float:
    """A bound on the rounding of the smallest safe window of any neuron, from its own sums and from its inputs."""
    shift = min(_row(layer) * received.error, MOST_ROUNDING * max(length, _row(layer)))
    return _own_error(layer, received, slope, length) + shift


def _error_of(layer: CodedLayer, received: _Received, slope: str, length: float) -> float:
    """A bound on how far the spike times of a layer are from those of a run."""
    own = _own_error(layer, received, slope, length) + 4 * UNIT * (float(received.window[1]) + length)
    return _row(layer) * received.error + own


def _own_error(layer: CodedLayer, received: _Received, slope: str, length: float) -> float:
    """What the sums of a neuron's inputs lose by rounding, in units of time, all errors taken to add up."""
    t_start, t_min = (float(t) for t in received.window)
    n_inputs = sum(term.weight[0].size for term in layer.terms)
    size = (_row(layer) + float(_falling(layer, slope).max())) * (t_min - t_start)
    size += length + float(np.abs(_plain_bias(layer)).max())
    return UNIT * (2 * n_inputs + 32) * size + 16 * UNIT * (t_min + length)


def _row(layer: CodedLayer) -> float:
    """The largest sum of the absolute weights of one neuron."""
    rows = [np.abs(term.weight).reshape(len(term.weight), -1).sum(axis=1) for term in layer.terms]
    total = float(np.max(np.sum(rows, axis=0)))
    return total if layer.divisor is None else total * float(layer.gain) / float(np.min(layer.divisor))


def _trial(layer: CodedLayer, received: _Received, slope: str, number: type, length: Any) -> tuple[Population, Network]:
    """A network of one layer, whose sources stand for those before it."""
    net = Network()
    t_start, t_min = received.window
    window = (t_start, t_min, t_min + number(length if length > 0 else DEAD_LAYER))
    weights, parameters = neurons(layer, slope, window, number)
    population = net.population(SLOPES[slope], layer.shape, layer.name, window, **parameters)
    for k, (source, kind, delay) in enumerate(
        zip(layer.sources, layer.projections(weights), received.delays, strict=True)
    ):
        before = net.source(received.values[source].shape[1:], f"source {k} of {layer.name}")
        net.connect(before, population, kind, delay)
    return population, net


def _blocks(doubtful: Array) -> Iterator[tuple[Array, Array]]:
    """Rows and columns of the marked entries: all at once where most of what these span is marked, else by row."""
    rows, columns = (np.flatnonzero(doubtful.any(axis=axis)) for axis in (1, 0))
    if np.count_nonzero(doubtful) * 4 >= len(rows) * len(columns):
        if len(rows):
            yield rows, columns
        return
    for row in rows.tolist():
        yield np.array([row]), np.flatnonzero(doubtful[row])
