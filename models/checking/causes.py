"""The cause of each neuron's spike time in each sample: the decisions that `eventsim.models.verify` defines.

Each function takes one source or population: what it received, what it did, what it ought to carry. Causes are
assigned in the order of their severity, a later one replacing an earlier one. Arrays are (n_samples, n_neurons) or, of
inputs, (n_samples, n_inputs); times are in the unit of the network, inf is silence.

Relies on `expectations`, `undisturbed`, `reception` and the replayed stages. Used by `verify`.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.checking.expectations import (
    HOPELESS,
    Expected,
    expectation,
    failures,
    last_decision,
    late_inputs,
)
from eventsim.models.checking.expected_times import (
    EXTENDED_UNIT,
    UNIT,
    Neurons,
    complete_potential,
    complete_sum,
    extended,
    first_crossing,
    magnitude,
    received_values,
    sum_bound,
)
from eventsim.models.checking.ideal_values import Ideal, heard_by_relays, largest_input, relayed
from eventsim.models.checking.observation import Observation
from eventsim.models.checking.reception import Reception
from eventsim.models.checking.replayed_stages import Emissions
from eventsim.models.checking.report import (
    AGREEING,
    CLAMPED,
    FAULT,
    INHERITED,
    LATE,
    OK,
    ROUNDING,
    STRUCTURAL,
    TIE,
    TRANSPORT,
    Checked,
)
from eventsim.models.checking.transport_effects import Undisturbed
from eventsim.models.checking.undisturbed import Alone, disturbed_inputs, lost_inputs
from eventsim.network.network import Network, Population, Source

Array = np.ndarray[Any, Any]


def check_source(source: Source, seen: Observation, ideal: Ideal) -> Checked:
    """Does a source spike when its window's code says? Where only spike times are known, these are taken as right."""
    t_min, t_max = (extended(t) for t in source.window)
    event = seen.times[source.name]
    times = t_max - ideal.values
    bound = np.full(event.shape, 4 * (seen.unit + EXTENDED_UNIT) * float(t_max + (t_max - t_min)))
    # Values beyond the window are expected to be clipped into it, so that what is left must be the code.
    gap = np.minimum(event, t_max) - np.clip(times, t_min, t_max)
    expected = np.where(times < t_max, times, np.inf)
    causes = np.where(_same(event, expected), OK, ROUNDING).astype(np.int8)
    causes[np.isinf(event) != np.isinf(expected)] = TIE if source.name in seen.values else OK
    causes[(times < t_min) | (times > t_max)] = CLAMPED
    causes[~(np.abs(gap) <= bound)] = STRUCTURAL
    return _checked(event, expected, gap, bound, expected, bound, causes, float(t_max), float(t_max - t_min))


def check_population(
    name: str, neurons: Neurons, reception: Reception, seen: Observation, emissions: Emissions, ideal: Ideal,
    which: Array,
) -> Checked:  # fmt: skip
    """Does every neuron of a field fire when its equations and the ReLU network say?

    `which` neurons of the population these are, (n_neurons,).
    """
    event = seen.times[name]
    due = expectation(neurons, reception, seen, name)
    total = _total_bound(neurons, reception, ideal, due.bound)
    silent = np.isinf(event)
    excess = np.minimum((neurons.t_max - due.closed).astype(np.float64), 0.0)
    total = np.where(silent, np.maximum(total + excess, 0.0), total)
    carried = neurons.t_max - np.minimum(event, neurons.t_max)
    agrees, moved = _emitted(name, neurons, reception, emissions, event, due, which)
    # A neuron that received nothing and has no bias is due at t_max: it decides nothing if it spikes an ulp before.
    agrees |= due.nothing & (np.abs(_apart(neurons, event, due.time)) <= due.bound)

    causes = np.where(_same(event, due.time), OK, ROUNDING).astype(np.int8)
    causes[due.undecided] = TIE
    _blame_inputs(causes, reception, np.abs(carried - ideal.values) > total)
    failing = failures(neurons, reception, due)
    alone = None
    if seen.transport is not None:
        alone = Alone(name, neurons, reception, seen)
        failing = alone.sorted_out(failing)
        causes[_transported(neurons, reception, due)] = TRANSPORT
    causes[moved] = FAULT
    causes[failing != OK] = failing[failing != OK]
    if seen.external:
        # A program that knows the closed form alone is right by it, and so tells what it has missed.
        by_closed_form = np.abs(np.minimum(event, neurons.t_max) - np.minimum(due.closed, neurons.t_max)) <= due.bound
        agrees |= due.early & by_closed_form
    causes[~agrees] = STRUCTURAL
    tied = _tied(neurons, reception, event, due, ~agrees)
    causes[tied] = TIE
    _blame_structure(causes, reception, ideal)
    if name in seen.changed:
        causes[seen.changed[name]] = STRUCTURAL
    wanted = np.where(ideal.values > 0, neurons.t_max - ideal.values, np.inf)
    shown = np.where(due.closed < neurons.t_max, due.closed, np.inf)
    shown = np.where(causes == TRANSPORT, due.time, shown)
    # Where a neuron agrees, or is not to blame, the difference is the one that was held against the bound.
    decided = np.where(np.isin(causes, (*AGREEING, TRANSPORT)), due.time, due.closed)
    gap = _apart(neurons, event, decided)
    without = None if alone is None else alone.times(event, agrees | tied, total, emissions, which)
    found = _checked(event, shown, gap, due.bound, wanted, total, causes, float(neurons.t_max), float(neurons.length))
    return replace(found, undisturbed=without)


def check_readout(
    neurons: Neurons, reception: Reception, seen: Observation, potentials: Array | None, ideal: Ideal
) -> Checked:
    """Do integrators hold, at t_min, the potential that their inputs make?

    `potentials` are those that were read out, (n_samples, n_neurons); None: nobody looked.
    """
    values = received_values(neurons, reception.arrivals)
    expected = complete_potential(neurons, reception.weights, values)
    size = magnitude(neurons, reception.weights, values)
    own = sum_bound(neurons, reception.weights, reception.arrivals, size)
    if potentials is None:
        potentials = expected.astype(np.float64)
        own += UNIT * size
    elif seen.unit:
        own += first_crossing(neurons, reception.weights, reception.arrivals).potential_bound * (1 + 1e-9)
    if seen.external:
        own += seen.unit * (values.shape[1] + 4) * size
    total = _total_bound(neurons, reception, ideal, own)
    causes = np.where(_same(potentials, expected), OK, ROUNDING).astype(np.int8)
    _blame_inputs(causes, reception, ~(np.abs(potentials - ideal.values) <= total))
    late = reception.reaches(late_inputs(neurons, reception))
    without = None
    if seen.transport is not None:
        direct, alone = (
            complete_potential(neurons, reception.weights, received_values(neurons, times))
            for times in (reception.direct, reception.undisturbed)
        )
        causes[(np.abs(direct - expected) > own) | late] = TRANSPORT
        late &= reception.reaches(late_inputs(neurons, replace(reception, arrivals=reception.undisturbed)))
        alone = np.where(np.abs(potentials - expected) <= own, alone, potentials)
        without = Undisturbed(alone, own + total, *disturbed_inputs(neurons, reception))
    causes[late] = LATE
    causes[~(np.abs(potentials - expected) <= own)] = STRUCTURAL
    _blame_structure(causes, reception, ideal)
    largest = float(np.abs(ideal.values).max(initial=0.0))
    gap = potentials - expected
    found = _checked(potentials, expected, gap, own, ideal.values, total, causes, None, largest)
    return replace(found, undisturbed=without)


def check_relays(
    net: Network, population: Population, reception: Reception, seen: Observation, ideal: Ideal
) -> Checked:
    """Does every relay pass on the spike that its pool is made for? It rounds nothing."""
    assert population.window is not None
    t_min, t_max = (extended(t) for t in population.window[1:])
    event = seen.times[population.name]
    due = relayed(net, population, reception.arrivals, np.inf)
    bound = np.full(event.shape, 4 * seen.unit * float(t_max) if seen.external else 0.0)
    total = np.minimum(bound + largest_input(net, population, reception.error), HOPELESS)
    causes = np.where(_same(event, due), OK, ROUNDING).astype(np.int8)
    carried = t_max - np.minimum(event, t_max)
    differs = np.abs(carried - ideal.values) > total
    inherits = largest_input(net, population, reception.diverged).astype(bool)
    # A spike before the window carries its value here, but not to whoever listens from t_min on.
    causes[(differs | (event < t_min)) & inherits] = INHERITED
    causes[differs & ~inherits] = STRUCTURAL
    without = None
    if seen.transport is not None:
        causes[relayed(net, population, reception.direct, np.inf) != due] = TRANSPORT
        lost = heard_by_relays(net, population, lost_inputs(reception))
        times = np.where(event == due, relayed(net, population, reception.undisturbed, np.inf), event)
        without = Undisturbed(times, total, np.zeros_like(lost), lost)
    gap = np.minimum(event, t_max) - np.minimum(due, t_max)
    causes[~(np.abs(gap) <= bound)] = STRUCTURAL
    if population.name in seen.changed:
        causes[seen.changed[population.name]] = STRUCTURAL
    wanted = np.where(ideal.values > 0, t_max - ideal.values, np.inf)
    found = _checked(event, due, gap, bound, wanted, total, causes, float(t_max), float(t_max - t_min))
    return replace(found, undisturbed=without)


# -- parts of the decision ---------------------------------------------------------------------------------------------


def _apart(neurons: Neurons, event: Array, expected: Array) -> Array:
    """How much later spikes are than expected, in extended precision, silence counted as the end of the window."""
    gap: Array = np.minimum(event, neurons.t_max) - np.minimum(expected, neurons.t_max)
    return gap


def _tied(neurons: Neurons, reception: Reception, event: Array, due: Expected, doubtful: Array) -> Array:
    """Which of the doubtful spikes and silences are what a threshold within the rounding of the potential gives.

    Rounding may have a neuron miss, or make, a crossing that the potential just reaches; what it does then is what it
    would do with a threshold that is a little higher, or lower. No other time is a matter of rounding.
    """
    tied = np.zeros_like(doubtful)
    crossing, slope = due.crossing, neurons.slope_fire.astype(np.float64)
    # The bound is on a time; the potential is off by as much as that makes of it on the slope, at least.
    spread = 2 * crossing.highest_bound + np.minimum(due.bound.astype(np.float64), float(neurons.t_max)) * slope
    spread += 8 * UNIT * (np.abs(neurons.threshold.astype(np.float64)) + slope * float(neurons.t_max))
    for sample, neuron in np.argwhere(doubtful):
        row, weights = reception.arrivals[sample : sample + 1], reception.weights[neuron : neuron + 1]
        one, width = neurons.some(np.array([neuron])), float(spread[sample, neuron])
        at = float(event[sample, neuron])
        for shift in (-width, width):
            found = first_crossing(replace(one, threshold=one.threshold + shift), weights, row)
            near = 2 * float(found.bound[0, 0]) + 2 * float(due.bound[sample, neuron])
            near += 2 * width / float(found.steepness[0, 0]) if found.steepness[0, 0] > 0 else np.inf
            time = float(found.time[0, 0])
            tied[sample, neuron] |= at == time if math.isinf(time) or math.isinf(at) else abs(at - time) <= near
    return tied


def _emitted(
    name: str, neurons: Neurons, reception: Reception, emissions: Emissions, event: Array, due: Expected, which: Array
) -> tuple[Array, Array]:
    """Which spikes left when their crossing and the faults say, and which of these the faults moved.

    Both are (n_samples, n_neurons); `which` neurons of the population these are, (n_neurons,).
    """
    silent = np.isinf(due.time)
    with np.errstate(invalid="ignore"):
        near = np.abs(event - due.time) <= due.bound
    acting = emissions.act_on(name)
    if acting:
        crossing = due.time.astype(np.float64)
        decided = last_decision(neurons, reception, crossing)
        bound, opened = due.bound.astype(np.float64), float(neurons.t_min)
        low, high = emissions.interval(name, crossing, bound, opened, decided, which)
        within = (event >= low) & (event <= high)
        return within, within & ~near & ~(silent & np.isinf(event))
    return np.where(silent, np.isinf(event), near), np.zeros_like(near)


def _transported(neurons: Neurons, reception: Reception, due: Expected) -> Array:
    """Neurons that would have fired at another time, had no transport held up their inputs on the way to them."""
    direct = complete_sum(neurons, reception.weights, received_values(neurons, reception.direct))
    differs: Array = np.abs(np.minimum(direct, neurons.t_max) - np.minimum(due.closed, neurons.t_max)) > due.bound
    return differs


def _blame_inputs(causes: Array, reception: Reception, differs: Array) -> None:
    """A value that is not the ideal one has it from its inputs, or from how these came; else something is wrong."""
    inherits = reception.reaches(reception.diverged)
    held_up = reception.reaches(reception.arrivals != reception.direct)
    causes[differs & inherits] = INHERITED
    causes[differs & ~inherits] = STRUCTURAL
    causes[differs & ~inherits & held_up] = TRANSPORT


def _blame_structure(causes: Array, reception: Reception, ideal: Ideal) -> None:
    """Windows that do not follow each other, and parameters that are not those of the ReLU network."""
    causes[reception.reaches(np.isfinite(reception.arrivals) & reception.early)] = STRUCTURAL
    if ideal.wrong is not None:
        causes[:, ideal.wrong] = STRUCTURAL


def _total_bound(neurons: Neurons, reception: Reception, ideal: Ideal, own: Array) -> Array:
    """Bound on |value - ideal value|: own rounding, that of the inputs and that of the parameters, propagated.

    A ReLU moves no more than its argument does, so the bounds of the inputs pass through the effective weights.
    """
    slope = neurons.slope_fire if neurons.spiking else np.ones(len(reception.weights))
    effective = np.abs(reception.weights / slope[:, None]).astype(np.float64)
    total = own + reception.error @ effective.T
    inputs = reception.ideal.astype(np.float64)
    if ideal.weight_error is not None:
        total = total + np.abs(inputs) @ ideal.weight_error.T
    if ideal.bias_error is not None:
        total = total + ideal.bias_error
    if ideal.noise is not None:
        total = total + ideal.noise
    noise = EXTENDED_UNIT * (inputs.shape[1] + 8) * (np.abs(inputs) @ effective.T + np.abs(ideal.values))
    bound: Array = np.minimum((total + noise.astype(np.float64)) * (1 + 1e-9), HOPELESS)
    return bound


def _same(event: Array, expected: Array) -> Array:
    """Equal to the last bit of float64 (both silent among them)."""
    same: Array = event.astype(np.float64) == expected.astype(np.float64)
    return same


def _checked(
    event: Array,
    expected: Array,
    gap: Array,
    bound: Array,
    ideal: Array,
    total: Array,
    causes: Array,
    end: float | None,
    scale: float,
) -> Checked:
    """The record of one source or population in float64, to which the difference is rounded once it has been made."""
    event, expected, gap, bound, ideal, total = (
        array.astype(np.float64) for array in (event, expected, gap, bound, ideal, total)
    )
    return Checked(event, expected, gap, bound, ideal, total, causes, end, scale)
