"""How long a layer's window must be for no neuron to be premature on the calibration data, layer after layer.

With u = t_min - t, a neuron that computes W x + b reaches its threshold before t_min unless its window is longer than
``g(u) = W (x - u)+ + b - k u`` for every u >= 0, where k is 0 for B1 and 1 - S for alpha1 (the criterion of
docs/how-to/certify.md with the slope divided out). So the smallest safe window of a layer is the largest g of all its
neurons and samples. Between two values of u the positive weights give most at the lower one and the negative ones least
at the upper one, which bounds g from above by matrix products. Where that bound leaves a doubt, g is added up at all
arrivals, without bounds of its own; and the few neurons that may still be the ones that set the window go through the
code of `certify`.

Layers are taken in order: what a layer receives depends on the windows before it, and is known once these are safe.

Relies on the coded layers, `windows`, `populations` and the checks. Used by `to_ttfs`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.models.checking.expected_times import UNIT, Neurons, first_crossing, neurons_of
from eventsim.models.checking.fields import Field, fields_of
from eventsim.models.mapping.populations import SLOPES, neurons
from eventsim.models.mapping.windows import DEAD_LAYER, check_window, coded_values, scheduled
from eventsim.models.relu.coded_layers import INPUTS, CodedLayer
from eventsim.models.relu.real_numbers import as_numbers
from eventsim.network.network import Network, Population

Array = np.ndarray[Any, Any]

# Steps of u between which g is bounded: twice as many matrix products cost a sixth of going through all arrivals.
N_STEPS = 8
SMALL = 200_000  # inputs of all neurons and samples together that are sooner gone through than bounded
# A bound on rounding that grows with the weights of every layer before says nothing after some ten of them; a window is
# lengthened for it by this share of its length, or of the time at which it begins, at most. The latter is there for
# layers whose sums cancel: their windows may be as short as the steps of float64.
MOST_ROUNDING = 1e-6
TOGETHER = 1 << 19  # values that are worked on at a time
BLOCK = 1 << 16  # the same where there are several passes over them


@dataclass(frozen=True, eq=False)
class Settled:
    """What `settled_lengths` found; lists have an entry for each hidden window.

    Attributes
    ----------
    lengths
        Those of the windows, in time.
    safe
        The smallest safe lengths, None where `at_least` is enough.
    bounds
        Lengths that bounds on rounding would ask for, where windows are lengthened by less; elsewhere None.
    """

    lengths: list[Any]
    safe: list[float | None]
    bounds: list[float | None]


@dataclass(frozen=True, eq=False)
class _Received:
    """What one layer gets, and when.

    Attributes
    ----------
    values
        Coded values of its sources, (n, *shape), by number.
    arrivals : array (n, n_inputs)
        Times at which they arrive, of all terms side by side.
    window
        (t_start, t_min).
    delays
        Those of each term, in time.
    errors
        Bounds on how far arrivals are from those of a run, (1, *shape), by number.
    """

    values: Mapping[int, Array]
    arrivals: Array
    window: tuple[Any, Any]
    delays: tuple[Any, ...]
    errors: Mapping[int, Array]

    @property
    def most(self) -> float:
        """By how much a window is lengthened at most for bounds on the times of its inputs; long ones by a share."""
        return MOST_ROUNDING * float(self.window[1])


def settled_lengths(
    layers: Sequence[CodedLayer],
    inputs: Array,
    slope: str,
    number: type,
    at_least: Sequence[Any],
    rule: Callable[[float], Any],
    otherwise: Any = None,
) -> Settled:
    """Return the length of each hidden window, and the smallest safe one where that is longer than `at_least`.

    Parameters
    ----------
    layers
        All coded layers.
    inputs : array (n, *input shape)
        Coded calibration data.
    at_least
        Lengths >= 0, one a hidden window; smallest safe windows up to these are not told.
    rule
        The length of a window, from its smallest safe length, given where that is longer.
    otherwise
        The length where it is not; None is that of `at_least`.
    """
    found = Settled([], [], [])
    coded: dict[int, Array] = {INPUTS: as_numbers(inputs, np.dtype(np.float64))}
    errors = {INPUTS: np.full((1, *coded[INPUTS].shape[1:]), 4 * UNIT)}
    for i, layer, values in coded_values(layers[:-1], inputs, np.float64):
        if layer.pools:
            errors[i] = np.full((1, *layer.shape), errors[layer.sources[0]].max())
        else:
            k = len(found.lengths)
            received = _received(layers[: i + 1], coded, found.lengths, number, errors)
            shift = _shift(layer, received)
            safe, bound = _smallest_safe(layer, received, shift, slope, number, at_least[k])
            usual = at_least[k] if otherwise is None else otherwise
            found.lengths.append(usual if safe is None else rule(safe))
            found.safe.append(safe)
            length = float(found.lengths[k])
            found.bounds.append(bound if bound > length else None)
            own = _own_error(layer, received, slope, length) + 4 * UNIT * (float(received.window[1]) + length)
            errors[i] = (shift + own).reshape(1, *layer.shape)
        coded[i] = values
    return found


def _received(
    layers: Sequence[CodedLayer], coded: Mapping[int, Array], lengths: Sequence[Any], number: type,
    errors: Mapping[int, Array],
) -> _Received:  # fmt: skip
    """What the last of `layers` receives in windows of the lengths of those before it."""
    i, layer = len(layers) - 1, layers[-1]
    schedule = scheduled(layers, lengths, number)
    delays = schedule.delays[i]
    arrivals = []
    for source, delay in zip(layer.sources, delays, strict=True):
        values = coded[source].reshape(len(coded[source]), -1)
        times = float(schedule.windows[source][-1]) - values + float(delay)
        arrivals.append(np.where(values > 0, times, np.inf))
    t_start, t_min = schedule.windows[i][:2]
    moved = 4 * UNIT * float(t_min) if any(delays) else 0.0
    inexact = {source: errors[source] + moved for source in layer.sources}
    return _Received(coded, np.concatenate(arrivals, axis=1), (t_start, t_min), delays, inexact)


def _smallest_safe(
    layer: CodedLayer, received: _Received, shift: Array, slope: str, number: type, at_least: Any
) -> tuple[float | None, float]:
    """The smallest safe window of a layer with its rounding bound, or None where it is not longer than `at_least`.

    Also the length that bounds on rounding ask for where they are longer than the most that is added for them, else 0.
    """
    lower = float(at_least)
    largest = _largest(layer, received, slope) + lower
    rounding = _own_error(layer, received, slope, largest) + np.minimum(
        shift, np.maximum(MOST_ROUNDING * largest, received.most)
    )
    upper, reached = _first_bounds(layer, received, slope)
    doubtful = upper + rounding > max(lower, reached)
    if doubtful.any():
        population, trial = _trial(layer, received, slope, number, at_least)
        fields, own = list(fields_of(trial, population)), neurons_of(population)
        error = _own_error(layer, received, slope, largest + float(own.length))
        reached = max(reached, _sharpened(upper, doubtful, fields, own, received.arrivals, error))
        doubtful &= upper + rounding > max(lower, reached)
    found = lower
    if doubtful.any():
        inexact = np.concatenate([received.errors[source].ravel() for source in layer.sources])
        for field in fields:
            for rows, columns in _blocks(doubtful[:, field.neurons]):
                some, weights = own.some(field.neurons[columns]), field.weights[columns]
                seen = received.arrivals[rows][:, field.inputs]
                wanted = _wanted(some, weights, seen, inexact[field.inputs], received.most)
                found = max(found, float(wanted.max(initial=0.0)))
    capped = shift > np.maximum(MOST_ROUNDING * np.abs(upper), received.most)
    every = upper + _own_error(layer, received, slope, largest) + shift
    bound = float(every.max(initial=0.0, where=capped))
    return (found if found > lower else None), bound


def _first_bounds(layer: CodedLayer, received: _Received, slope: str) -> tuple[Array, float]:
    """`_bounds`, but for what is sooner gone through than bounded."""
    shape = (len(received.arrivals), math.prod(layer.shape))
    if math.prod(shape) * sum(term.n_weights for term in layer.terms) <= SMALL:
        return np.full(shape, np.inf), -np.inf
    return _bounds(layer, received, slope)


def _wanted(own: Neurons, weights: Array, arrivals: Array, inexact: Array, most: float) -> Array:
    """The smallest safe windows of neurons with their rounding bounds, (n, n_neurons).

    `inexact` bounds how far arrivals are from those of a run; windows are lengthened for that by `most` or their share.
    """
    crossing = first_crossing(own, weights, arrivals)
    steepness = own.slope_fire.astype(np.float64)
    missing = (own.threshold - crossing.peak).astype(np.float64) / steepness
    wanted = float(own.length) - missing
    shift = np.abs(weights.astype(np.float64)) @ inexact / steepness
    # Threshold and window are rounded, too, and the length is what is left of two times.
    rounding = crossing.potential_bound / steepness + 2 * UNIT * (np.abs(missing) + np.abs(wanted))
    rounding += 2 * UNIT * np.abs(crossing.peak) / steepness + 12 * UNIT * (float(own.t_min) + np.abs(wanted))
    total: Array = wanted + rounding + np.minimum(shift, np.maximum(MOST_ROUNDING * np.abs(wanted), most))
    return total


def _sharpened(
    upper: Array, doubtful: Array, fields: Sequence[Field], own: Neurons, arrivals: Array, error: float
) -> float:
    """Put the largest g plus `error` in place of upper bounds that are `doubtful`; return a lower bound on the largest.

    `error` bounds what g loses by rounding.
    """
    reached = -np.inf
    for field in fields:
        flat = field.weights.astype(np.float64)
        for rows, columns in _blocks(doubtful[:, field.neurons]):
            some = own.some(field.neurons[columns])
            peaks = _peaks(some, flat[columns].T, arrivals[rows][:, field.inputs])
            missing = (some.threshold - peaks).astype(np.float64) / some.slope_fire.astype(np.float64)
            found = float(own.length) - missing
            upper[np.ix_(rows, field.neurons[columns])] = found + error
            reached = max(reached, float(found.max()) - error)
    return reached


def _peaks(own: Neurons, weights: Array, arrivals: Array) -> Array:
    """The largest potential of each neuron in [t_start, t_min], (n, n_neurons); `weights` are (n_inputs, n_neurons)."""
    t_start, t_min = float(own.t_start), float(own.t_min)
    times = np.clip(arrivals, t_start, t_min)
    # What is silent comes last and adds nothing.
    heard = int((times < t_min).sum(axis=1).max(initial=0))
    order = np.argsort(times, axis=1)[:, :heard]
    edges = np.full((len(times), 1), t_start), np.full((len(times), 1), t_min)
    dt = np.diff(np.concatenate([edges[0], np.take_along_axis(times, order, 1), edges[1]], axis=1), axis=1)
    start = own.slope_start.astype(np.float64)
    found = np.empty((len(times), len(start)))
    step = max(1, BLOCK // max(1, heard * len(start)))
    for low in range(0, len(times), step):
        rows = slice(low, low + step)
        opening = start * dt[rows, :1]
        potential = weights[order[rows]]
        np.cumsum(potential, axis=1, out=potential)
        potential += start
        potential *= dt[rows, 1:, None]
        np.cumsum(potential, axis=1, out=potential)
        highest = potential.max(axis=1, initial=-np.inf) + opening
        found[rows] = np.maximum(np.maximum(highest, opening), 0.0)
    return found


def _bounds(layer: CodedLayer, received: _Received, slope: str) -> tuple[Array, float]:
    """Upper bounds on the largest g of each neuron and sample, (n, size), and a lower one on the largest of all."""
    sources = {source: received.values[source] for source in layer.sources}
    n = len(next(iter(sources.values())))
    up, down = (_signed(layer, sign) for sign in (1, -1))
    bias, falling = _plain_bias(layer), _falling(layer, slope)
    grid = _grid(list(sources.values()))
    n_terms = sum(term.n_weights for term in layer.terms) + 8
    upper, reached = np.empty((n, len(bias))), -np.inf
    widest = max(len(bias), *(values[0].size for values in sources.values()))
    # All u in one product: many small ones cost more, and threads that wait for each other as much again.
    step = max(1, TOGETHER // (widest * len(grid)))
    steps = np.array(grid)[:, None, None]
    for low in range(0, n, step):
        left = {source: _left(values[low : low + step], grid) for source, values in sources.items()}
        push, pull = (one.apply(left).reshape(len(grid), -1, len(bias)) for one in (up, down))
        rounding = n_terms * UNIT * (push + pull + np.abs(bias) + falling * steps)
        push += bias - falling * steps
        reached = max(reached, float((push - pull - rounding).max()))
        push += rounding
        # Beyond the largest value nothing has arrived, and g falls.
        highest = push[-1] - pull[-1]
        for lower, upper_one, inexact in zip(push[:-1], pull[1:], rounding[1:], strict=True):
            np.maximum(highest, lower - upper_one + inexact, out=highest)
        upper[low : low + step] = highest
    return upper, reached


def _left(values: Array, grid: Sequence[float]) -> Array:
    """What of values lies above each u, one after another in the first axis."""
    spread = np.maximum(values - np.reshape(grid, (-1, *[1] * values.ndim)), 0.0)
    left: Array = spread.reshape(-1, *values.shape[1:])
    return left


def _grid(values: Sequence[Array]) -> list[float]:
    """Values of u from 0 to the largest value, between which the means of (x - u)+ are equally far apart."""
    flat = np.concatenate([part.ravel()[:: max(1, part.size // 100_000)] for part in values])
    top = max(float(part.max(initial=0.0)) for part in values)
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


def _shift(layer: CodedLayer, received: _Received) -> Array:
    """A bound on how far the times of its inputs shift the g of each neuron, (size,), rounding included."""
    up, down = (_signed(layer, sign).apply(received.errors) for sign in (1, -1))
    shift: Array = (up + down).ravel() * (1 + 1e-9)
    return shift


def _own_error(layer: CodedLayer, received: _Received, slope: str, length: float) -> float:
    """What the sums of a neuron's inputs lose by rounding, in units of time, all errors taken to add up."""
    t_min = float(received.window[1])
    n_inputs = sum(term.n_weights for term in layer.terms)
    size = _largest(layer, received, slope) + length
    return UNIT * (2 * n_inputs + 32) * size + 16 * UNIT * (t_min + length)


def _largest(layer: CodedLayer, received: _Received, slope: str) -> float:
    """No g of any neuron is larger, even without its sign."""
    t_start, t_min = (float(t) for t in received.window)
    size = (_row(layer) + float(_falling(layer, slope).max())) * (t_min - t_start)
    return size + float(np.abs(_plain_bias(layer)).max())


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
    check_window(layer.name, *window[1:], length)
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
