"""When a neuron with linear post-synaptic potentials fires, given when its inputs arrived: two answers.

`complete_sum` is the closed form of the mapping (Stanojevic et al. 2023, eq. 5; 2024, eqs. 2.2 and 2.3): the time at
which the potential would reach the threshold on its last slope, all inputs counted. It is computed in extended
precision. `first_crossing` follows the membrane potential from input to input, as the simulation does, and so sees
what the closed form cannot: a threshold reached before t_min. It is computed in float64 with a running bound on its
rounding (Wilkinson), which is also an a-priori bound for any simulation in float64.

Arrays are (n_samples, n_neurons) or (n_samples, n_inputs); a time of inf is silence. Relies on the network and, for
thresholds and slopes, on `prepare` of the linear-PSP models, as the engines do; tests/test_to_ttfs.py holds these
numbers against the published formulas. The equations are solved here in another way. Used by `verify`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.network.network import Population

Array = np.ndarray[Any, Any]

UNIT = 2.0**-53
EXTENDED = np.dtype(np.longdouble)
EXTENDED_UNIT = float(np.finfo(np.longdouble).eps) / 2
# Elements (samples x inputs x neurons) that are worked on at a time: half a megabyte for each of a dozen arrays.
BLOCK = 1 << 16


@dataclass(frozen=True, eq=False)
class Neurons:
    """The numbers of one windowed population in extended precision.

    Attributes
    ----------
    t_start, t_min, t_max
        The window; t_max is t_min for integrators.
    threshold : array (n_neurons,)
        Thresholds, in V; inf for integrators.
    slope_start, slope_fire : array (n_neurons,)
        Slope of the potential without inputs from t_start on, and its slope from t_min on, in V/time.
    deaf
        Whether inputs from t_min on change nothing.
    spiking
        Whether the neurons fire; False for integrators.
    exact
        Whether these numbers, and the times of spikes, are Fractions that were rounded to extended precision; what is
        held in float64 is not rounded here.
    """

    t_start: Any
    t_min: Any
    t_max: Any
    threshold: Array
    slope_start: Array
    slope_fire: Array
    deaf: bool
    spiking: bool
    exact: bool = False

    @property
    def length(self) -> Any:
        """Length of the window in which the population fires."""
        return self.t_max - self.t_min

    def some(self, chosen: Array) -> "Neurons":
        """Those of the neurons that `chosen` lists, (n,) indices."""
        return replace(
            self,
            threshold=self.threshold[chosen],
            slope_start=self.slope_start[chosen],
            slope_fire=self.slope_fire[chosen],
        )


@dataclass(frozen=True, eq=False)
class Crossing:
    """First crossings, (n_samples, n_neurons) each.

    Attributes
    ----------
    time
        When the neuron fires; inf = silent.
    bound
        Bound on the rounding of that time in a float64 simulation; where the neuron is silent, on that of the time from
        t_max on at which it would fire.
    steepness
        Least slope with which it crosses, in V/time, rounding considered; the slope after t_min where the neuron is
        silent.
    near_start
        Whether the threshold is touched before or at t_min, or missed, by less than the rounding.
    near_t_min, near_t_max
        Whether the potential at that border is within its rounding of the threshold.
    potential_bound
        Bound on the rounding of the potential at t_min.
    peak
        Largest potential in [t_start, t_min], had the neuron not fired; `potential_bound` is on its rounding, too.
    highest, highest_bound
        Largest potential in [t_start, t_max], and a bound on its rounding and on what the rounding of the time at which
        it is reached makes of it.
    """

    time: Array
    bound: Array
    steepness: Array
    near_start: Array
    near_t_min: Array
    near_t_max: Array
    potential_bound: Array
    peak: Array
    highest: Array
    highest_bound: Array


def neurons_of(population: Population, exact: bool = False) -> Neurons:
    """Return the numbers of a population of one of the windowed models of `eventsim.models.neurons.ttfs`.

    `exact` says that it is one of a network of Fractions.
    """
    assert population.window is not None
    model = population.model
    rows = model.prepare(population.parameters, population.window)
    t_start, t_min, t_max = (extended(t) for t in population.window)
    threshold, slope_start, slope_fire = (_extended_row(row) for row in rows)
    end = t_max if model.spiking else t_min
    return Neurons(t_start, t_min, end, threshold, slope_start, slope_fire, model.deaf, model.spiking, exact)


def extended(value: Any) -> Any:
    """A float or Fraction in extended precision."""
    return _extended_row(np.array([value]))[0]


def _extended_row(row: Array) -> Array:
    if row.dtype == EXACT and any(value in (np.inf, -np.inf) for value in row.tolist()):
        return row.astype(EXTENDED)
    return as_numbers(row, EXTENDED)


def received_values(neurons: Neurons, arrivals: Array) -> Array:
    """How long before t_min each input arrived, in [0, t_min - t_start], in extended precision; 0 where it did not.

    Both `arrivals` and the values have the shape (n_samples, n_inputs).
    """
    times = np.clip(arrivals.astype(EXTENDED), neurons.t_start, neurons.t_min)
    values: Array = neurons.t_min - times
    return values


def complete_potential(neurons: Neurons, weights: Array, values: Array) -> Array:
    """Potentials (n_samples, n_neurons) at t_min in extended precision, of inputs that carry `values` >= 0.

    `values` have the shape (n_samples, n_inputs), `weights` (n_neurons, n_inputs). Weights are in extended precision,
    which numpy multiplies without BLAS.
    """
    drive: Array = values @ weights.T
    return drive + neurons.slope_start * (neurons.t_min - neurons.t_start)


def complete_sum(neurons: Neurons, weights: Array, values: Array) -> Array:
    """Times (n_samples, n_neurons) at which the closed form has neurons fire: before t_min, or from t_max on, too.

    Arguments are those of `complete_potential`; all is in extended precision.
    """
    missing = neurons.threshold - complete_potential(neurons, weights, values)
    times: Array = neurons.t_min + missing / neurons.slope_fire
    return times


def magnitude(neurons: Neurons, weights: Array, values: Array) -> Array:
    """The sum of the absolute values of all that enters `complete_sum`, in units of time: its rounding scales with it.

    For integrators, of all that enters the potential. Shapes are those of `complete_potential`.
    """
    total = values.astype(np.float64) @ np.abs(weights.astype(np.float64)).T
    total += np.abs(neurons.slope_start.astype(np.float64)) * float(neurons.t_min - neurons.t_start)
    if not neurons.spiking:
        return total
    total += np.abs(neurons.threshold.astype(np.float64))
    result: Array = total / neurons.slope_fire.astype(np.float64) + float(neurons.t_max)
    return result


def sum_bound(neurons: Neurons, weights: Array, arrivals: Array, size: Array) -> Array:
    """Bound on the rounding of `complete_sum`, for integrators of `complete_potential`, in extended precision.

    Arrivals are (n_samples, n_inputs). `size` is their `magnitude`, (n_samples, n_neurons), which knows of values
    t_min - t only. Where t_min and t are Fractions, they are rounded before they are subtracted, by half an ulp of
    each, and so is the sum of t and a delay, whatever is left of the difference. Weights, thresholds and slopes are
    rounded, too, each by half an ulp.
    """
    bound: Array = EXTENDED_UNIT * (arrivals.shape[1] + 4) * size
    if neurons.exact:
        moved = moved_by_times(neurons, weights, arrivals)
        slope = neurons.slope_fire.astype(np.float64) if neurons.spiking else 1.0
        bound = bound + moved / slope + 4 * EXTENDED_UNIT * size
    return bound


def moved_by_times(neurons: Neurons, weights: Array, arrivals: Array) -> Array:
    """How far potentials may be off, since Fractions that are times were rounded; (n_samples, n_neurons)."""
    t_start, t_min = float(neurons.t_start), float(neurons.t_min)
    times = np.clip(arrivals.astype(np.float64), t_start, t_min)
    rounded = np.where(np.isfinite(arrivals), 2 * np.abs(times) + abs(t_min), 0.0)
    moved = rounded @ np.abs(weights.astype(np.float64)).T
    start = np.abs(neurons.slope_start.astype(np.float64))
    result: Array = EXTENDED_UNIT * (moved + start * (abs(t_min) + abs(t_start)))
    return result


def first_crossing(neurons: Neurons, weights: Array, arrivals: Array) -> Crossing:
    """Follow every neuron through its inputs, in the order of arrival, and return when it first fires.

    `weights` have the shape (n_neurons, n_inputs), `arrivals` (n_samples, n_inputs).
    """
    n_samples, n_neurons = len(arrivals), len(weights)
    flat = weights.astype(np.float64)
    times = np.minimum(np.maximum(arrivals, float(neurons.t_start)), float(neurons.t_max)).astype(np.float64)
    kinds = {field.name: bool if field.name.startswith("near") else np.float64 for field in fields(Crossing)}
    found = Crossing(**{name: np.empty((n_samples, n_neurons), kind) for name, kind in kinds.items()})
    for rows, columns in _blocks(n_samples, n_neurons, flat.shape[1] + 3):
        part = _cross_block(neurons, columns, flat[columns], times[rows])
        for name, values in vars(part).items():
            getattr(found, name)[rows, columns] = values
    return found


def _blocks(n_samples: int, n_neurons: int, n_knots: int) -> Iterator[tuple[slice, slice]]:
    columns = max(1, min(n_neurons, BLOCK // n_knots))
    rows = max(1, BLOCK // (n_knots * columns))
    for low in range(0, n_samples, rows):
        for left in range(0, n_neurons, columns):
            yield slice(low, low + rows), slice(left, left + columns)


def _cross_block(neurons: Neurons, columns: slice, weights: Array, times: Array) -> Crossing:
    """First crossings of some neurons for some samples.

    The knots of the potential are t_start, the arrivals in order (t_min among them, before an arrival at t_min), and
    t_max; segment k lies between knots k and k + 1. Arrays are (n_samples, n_knots, n_neurons), one knot less where
    they are of segments, here and in the functions below; `knots` are (n_samples, n_knots).
    """
    n = len(times)
    edge = np.full((n, 1), float(neurons.t_min))
    threshold, start, fire = (
        row[columns].astype(np.float64) for row in (neurons.threshold, neurons.slope_start, neurons.slope_fire)
    )
    inner = np.concatenate([edge, times], axis=1)
    order = np.argsort(inner, axis=1, kind="stable")
    # Silent inputs, as inputs from t_max on, come last and change nothing: what is silent in all samples is left out.
    n_inner = 1 + int((times < float(neurons.t_max)).sum(axis=1).max(initial=0))
    order = order[:, :n_inner]
    opening = np.argmax(order == 0, axis=1)
    knots = np.concatenate(
        [
            np.full((n, 1), float(neurons.t_start)),
            np.take_along_axis(inner, order, 1),
            np.full((n, 1), float(neurons.t_max)),
        ],
        axis=1,
    )
    gained = np.concatenate([np.zeros((len(weights), 1)), weights], axis=1).T[order]
    opened = (np.arange(n_inner) >= opening[:, None])[:, :, None]
    slopes, slope_errors = _slopes(gained, opened, opening, start, fire, neurons.deaf)
    dt = np.diff(knots, axis=1)[:, :, None]
    steps = slopes * dt
    v = _from_zero(np.cumsum(steps, axis=1))
    rounding = UNIT * (2 * np.abs(steps) + np.abs(v[:, 1:]) * (dt > 0)) + slope_errors * dt
    v_errors = _from_zero(np.cumsum(rounding, axis=1))
    near = np.abs(v[:, 1:] - threshold) <= v_errors[:, 1:] + 4 * UNIT * np.abs(slopes) * knots[:, 1:, None]
    time, bound, slope = _first(neurons, knots, v, slopes, v_errors, slope_errors, threshold)
    steepness = fire if neurons.spiking else np.ones_like(fire)
    beyond = v_errors[:, -1] / steepness + 4 * UNIT * float(neurons.t_max)
    at_opening = opening[:, None, None]
    before = (np.arange(v.shape[1])[:, None] <= at_opening + 1) & np.ones_like(v, dtype=bool)
    return Crossing(
        time=time,
        bound=np.where(time < np.inf, bound, beyond),
        steepness=np.where(time < np.inf, slope, steepness),
        near_start=(near & (np.arange(near.shape[1])[:, None] <= at_opening)).any(axis=1),
        near_t_min=np.take_along_axis(near, at_opening, 1)[:, 0],
        near_t_max=near[:, -1],
        potential_bound=np.take_along_axis(v_errors, at_opening + 1, 1)[:, 0],
        peak=v.max(axis=1, where=before, initial=-np.inf),
        highest=v.max(axis=1),
        highest_bound=v_errors[:, -1] + _late_by_rounding(neurons, knots, v, slopes, gained, threshold),
    )


def _late_by_rounding(
    neurons: Neurons, knots: Array, v: Array, slopes: Array, gained: Array, threshold: Array
) -> Array:
    """How far above the threshold the largest potential may be, since times are rounded, of a neuron that is silent.

    A neuron that reaches its threshold at the end of a segment is silent where its crossing, rounded, lies no earlier
    than that end: by up to 4 half ulps of that time, on the slope of the segment. Where they are Fractions, each knot,
    weight, slope and threshold is rounded to float64 here, by half an ulp.
    """
    top = np.argmax(v, axis=1)[:, None]
    rise = np.concatenate([np.zeros_like(v[:, :1]), np.abs(slopes) * knots[:, 1:, None]], axis=1)
    late: Array = 4 * UNIT * np.take_along_axis(rise, top, 1)[:, 0]
    if neurons.exact:
        ends = (np.abs(knots[:, 1:]) + np.abs(knots[:, :-1]))[:, :, None]
        size = np.abs(slopes) + _from_zero(np.cumsum(np.abs(gained), axis=1))
        late = late + UNIT * ((np.abs(slopes) * ends + size * np.diff(knots, axis=1)[:, :, None]).sum(axis=1))
        late = late + UNIT * np.abs(threshold)
    return late


def _slopes(gained: Array, opened: Array, opening: Array, start: Array, fire: Array, deaf: bool) -> tuple[Array, Array]:
    """Slope of each segment and a bound on its rounding. The slope is set anew, without an error, at t_min."""
    passed = np.cumsum(gained, axis=1)
    at_opening = opening[:, None, None]
    late = 0.0 if deaf else passed - np.take_along_axis(passed, at_opening, 1)
    slopes = np.where(opened, fire + late, start + passed)
    folds = UNIT * np.abs(slopes) * (gained != 0) * (~opened if deaf else 1)
    errors = np.cumsum(folds, axis=1)
    errors = np.where(opened, errors - np.take_along_axis(errors, at_opening, 1), errors)
    first = np.broadcast_to(start, (len(gained), 1, len(start)))
    return np.concatenate([first, slopes], axis=1), _from_zero(errors)


def _first(
    neurons: Neurons, knots: Array, v: Array, slopes: Array, v_errors: Array, slope_errors: Array, threshold: Array
) -> tuple[Array, Array, Array]:
    """The time in the first segment that reaches the threshold rising, the bound on that time, and the least slope.

    All three are (n_samples, n_neurons).
    """
    reaches = (v[:, 1:] >= threshold) & (slopes > 0)
    segment = np.argmax(reaches, axis=1)[:, None]

    def there(array: Array) -> Array:
        return np.take_along_axis(array, segment, 1)[:, 0]

    slope, slope_error = there(slopes), there(slope_errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        dt = np.maximum(threshold - there(v), 0.0) / slope
        time = there(np.broadcast_to(knots[:, :, None], v.shape)) + dt
        fires = reaches.any(axis=1) & (time < float(neurons.t_max))
        spread = np.where(slope_error < slope, (there(v_errors) + dt * slope_error) / (slope - slope_error), np.inf)
        bound = spread + UNIT * (2 * dt + np.abs(time))
    at_once = threshold <= 0
    time = np.where(at_once, float(neurons.t_start), np.where(fires, time, np.inf))
    return time, np.where(at_once, 0.0, bound), np.where(at_once, np.inf, np.maximum(slope - slope_error, 0.0))


def _from_zero(array: Array) -> Array:
    """The array (n_samples, n_segments, n_neurons) with a first knot of zeros."""
    return np.concatenate([np.zeros_like(array[:, :1]), array], axis=1)
