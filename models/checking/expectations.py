"""What the equations have neurons do with what they received, and where that is a failure.

Arrays are (n_samples, n_neurons) or, of inputs, (n_samples, n_inputs); times are in the unit of the network, inf is
silence. Relies on `expected_times` and `reception`. Used by `causes` for what was received, and by `undisturbed` for
what would have been.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.models.checking.expected_times import (
    Crossing,
    Neurons,
    complete_sum,
    first_crossing,
    magnitude,
    received_values,
    sum_bound,
)
from eventsim.models.checking.observation import Observation
from eventsim.models.checking.reception import Reception
from eventsim.models.checking.report import CLAMPED, LATE, OK, PREMATURE

Array = np.ndarray[Any, Any]

# A bound beyond which nothing is said about a spike time; kept finite, so that it can be multiplied by a weight of 0.
HOPELESS = 1e100


@dataclass(frozen=True, eq=False)
class Expected:
    """What the equations have each neuron do with what it received; arrays (n_samples, n_neurons), inf = silent.

    Attributes
    ----------
    closed
        Time of the closed form in extended precision, before t_min and from t_max on, too.
    time
        Time of the first crossing.
    bound
        Bound on the difference of a correct run from `time`, its own rounding included.
    early
        Whether it surely fires before t_min.
    undecided
        Whether spike or silence, before or after t_min, is within the rounding.
    nothing
        Whether it received nothing, or no more than the rounding of silence.
    crossing
        What `first_crossing` found.
    """

    closed: Array
    time: Array
    bound: Array
    early: Array
    undecided: Array
    nothing: Array
    crossing: Crossing


def expectation(neurons: Neurons, reception: Reception, seen: Observation, name: str) -> Expected:
    """What the equations have the neurons of a population do with what they received."""
    values = received_values(neurons, reception.arrivals)
    closed = complete_sum(neurons, reception.weights, values)
    crossing = first_crossing(neurons, reception.weights, reception.arrivals)
    size = magnitude(neurons, reception.weights, values)
    terms = values.shape[1] + 4
    # Where the closed form is not what happens: a crossing before t_min, or inputs that still count after it.
    wandered = crossing.time < float(neurons.t_min)
    if not neurons.deaf:
        wandered |= reception.reaches(late_inputs(neurons, reception))
    time = np.where(wandered, crossing.time, np.where(closed < neurons.t_max, closed, np.inf))
    bound = np.where(wandered, crossing.bound, sum_bound(neurons, reception.weights, reception.arrivals, size))
    if seen.external:
        bound = bound + seen.unit * terms * size
    elif seen.unit:
        known = seen.bounds.get(name, np.full(bound.shape, np.nan))
        bound = bound + np.where(np.isnan(known), crossing.bound, known)
    bound = np.minimum(bound, HOPELESS)
    summed = reception.reaches(reception.arrivals < float(neurons.t_min) - reception.error)
    at_t_min = crossing.near_t_min & ~(crossing.time < float(neurons.t_min) - bound)
    at_t_max = crossing.near_t_max & ~(crossing.time < float(neurons.t_min))
    return Expected(
        closed=closed,
        time=time,
        bound=bound,
        early=(crossing.time < float(neurons.t_min)) & ~at_t_min,
        undecided=(at_t_min | at_t_max) & summed,
        nothing=~summed,
        crossing=crossing,
    )


def late_inputs(neurons: Neurons, reception: Reception) -> Array:
    """Inputs, (n_samples, n_inputs), that arrived at or after t_min, or whose window ends after the input window."""
    arrived = np.isfinite(reception.arrivals)
    late: Array = arrived & ((reception.arrivals >= float(neurons.t_min)) | reception.overdue)
    return late


def failures(neurons: Neurons, reception: Reception, due: Expected) -> Array:
    """Codes of what keeps neurons from the value that the algebra gives: late, premature or clamped; else `OK`."""
    fits = due.closed >= neurons.t_min
    codes = np.where(reception.reaches(late_inputs(neurons, reception)), LATE, OK).astype(np.int8)
    codes[due.early & fits] = PREMATURE
    codes[due.early & ~fits] = CLAMPED
    return codes


def last_decision(neurons: Neurons, reception: Reception, crossing: Array) -> Array:
    """When each neuron's crossing was predicted for the last time: at t_min, or at a late input that still counts."""
    decided = np.full(crossing.shape, float(neurons.t_min))
    late = late_inputs(neurons, reception)
    for sample in np.flatnonzero(late.any(axis=1)) if not neurons.deaf else ():
        times = np.sort(reception.arrivals[sample, late[sample]].astype(np.float64))
        before = np.searchsorted(times, crossing[sample], side="right")
        decided[sample] = np.maximum(decided[sample], np.where(before > 0, times[before - 1], -np.inf))
    return decided
