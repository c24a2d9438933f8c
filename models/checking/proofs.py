"""Proofs of what a run did: spikes on their thresholds, silences below, pooled spikes, potentials that are read out.

Each is worked out again in extended precision from what the neuron received in the run, and comes with a bound on what
rounding explains of the difference. Arrays are (n_samples, n_neurons) or, of inputs, (n_samples, n_inputs); a time of
inf is silence. Relies on `expected_times` and `fields`. Used by `certify`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from eventsim.models.checking.certificates import Proof
from eventsim.models.checking.expected_times import (
    EXTENDED,
    EXTENDED_UNIT,
    Crossing,
    Neurons,
    complete_potential,
    first_crossing,
    magnitude,
    moved_by_times,
    received_values,
    sum_bound,
)
from eventsim.models.checking.fields import Field

Array = np.ndarray[Any, Any]
# For each field: its crossings, what arrived, and how far potentials may be off since arrivals are.
Parts = list[tuple[Field, Crossing, Array, Array]]


def proof_of_neurons(own: Neurons, shape: tuple[int, int], parts: Parts, event: Array, bounds: Array | None) -> Proof:
    """How far each spike's potential is from the threshold, and how far each silent neuron stayed below it.

    `event` are the spike times of the population, `bounds` those on their rounding, where the run has them.
    """
    residual, limit, highest, below, doubt = [], [], [], [], []
    for field, crossing, seen, _ in parts:
        some, at = own.some(field.neurons), event[:, field.neurons]
        potential, slope = _potential_at(some, field.weights, seen, at)
        fired = np.isfinite(at)
        noise = (
            EXTENDED_UNIT
            * (seen.shape[1] + 8)
            * (np.abs(some.threshold) + np.abs(slope) * np.abs(np.where(fired, at, 0)))
        )
        if some.exact:
            noise = noise + moved_by_times(some, field.weights, seen)
        known = crossing.bound if bounds is None else np.fmin(bounds[:, field.neurons], np.inf)
        missing = np.where(fired, potential - some.threshold, np.nan)
        # A threshold <= 0 is reached when integration begins: V is above it then, and need not be on it.
        missing = np.where((some.threshold <= 0) & (at == float(some.t_start)), 0, missing)
        residual.append((field, np.abs(missing)))
        limit.append(
            (field, np.where(fired, np.abs(slope) * np.where(np.isnan(known), crossing.bound, known) + noise, np.nan))
        )
        highest.append((field, np.where(fired, np.nan, crossing.highest)))
        below.append((field, np.where(fired, np.nan, some.threshold.astype(np.float64) - crossing.highest)))
        doubt.append((field, np.where(fired, np.nan, crossing.highest_bound + noise)))
    whole = [scattered(shape, found) for found in (residual, limit, highest, below, doubt)]
    return Proof(whole[0], whole[1], whole[2], whole[3], whole[4])


def _potential_at(neurons: Neurons, weights: Array, arrivals: Array, at: Array) -> tuple[Array, Array]:
    """Potential and slope of each neuron at its spike time in extended precision; where it is silent, at t_min."""
    t_min = neurons.t_min
    values = received_values(neurons, arrivals)
    ends = np.where(np.isfinite(at), at, float(t_min)).astype(EXTENDED)
    potential = complete_potential(neurons, weights, values) + neurons.slope_fire * (ends - t_min)
    slope = np.broadcast_to(neurons.slope_fire, potential.shape).copy()
    late = (arrivals >= float(t_min)) & np.isfinite(arrivals)
    special = (at < float(t_min)) | (late.any(axis=1, keepdims=True) & (not neurons.deaf) & np.isfinite(at))
    for sample, neuron in np.argwhere(special):
        end, row = ends[sample, neuron], weights[neuron]
        begun = np.maximum(arrivals[sample].astype(EXTENDED), neurons.t_start)
        if end < t_min:
            potential[sample, neuron] = (row * np.maximum(end - begun, 0)).sum()
            potential[sample, neuron] += neurons.slope_start[neuron] * (end - neurons.t_start)
            slope[sample, neuron] = neurons.slope_start[neuron] + row[begun < end].sum()
        else:
            potential[sample, neuron] += (row * np.maximum(end - begun, 0))[late[sample]].sum()
            slope[sample, neuron] += row[late[sample] & (begun < end)].sum()
    return potential, slope


def proof_of_relays(event: Array, due: Array, exact: bool) -> Proof:
    """How far each spike of a pool is, in time, from the one that it should pass on; nothing is rounded in floats.

    A spike of a pool that should be silent is off by infinity, as is a silence that should be a spike.
    """
    fired, wanted = np.isfinite(event), np.isfinite(due)
    residual = np.full(event.shape, np.nan)
    both = fired & wanted
    residual[both] = np.abs(event[both] - due[both])
    residual[fired & ~wanted] = np.inf
    # Fractions are held in extended precision here, and a delay is added to them in it.
    bound = np.where(fired, 4 * EXTENDED_UNIT * np.where(both, np.abs(due), 0) if exact else 0.0, np.nan)
    nothing = np.full(event.shape, np.nan)
    below = np.where(~fired & wanted, -np.inf, nothing)
    return Proof(residual, bound.astype(np.float64), nothing, below, np.where(fired, np.nan, 0.0), "relays")


def proof_of_readout(own: Neurons, heard: Iterable[tuple[Field, Array]], readout: Array, exact: bool) -> Proof:
    """How far each potential that was read out, (n_samples, size), is from what its inputs make.

    `heard` has each field with the arrivals of its inputs, (n_samples, n_inputs).
    """
    residual, limit = [], []
    for field, seen in heard:
        some = own.some(field.neurons)
        values = received_values(some, seen)
        expected = complete_potential(some, field.weights, values)
        bound = sum_bound(some, field.weights, seen, magnitude(some, field.weights, values))
        if not exact:
            bound = bound + first_crossing(some, field.weights, seen).potential_bound * (1 + 1e-9)
        residual.append((field, np.abs(readout[:, field.neurons] - expected)))
        limit.append((field, bound))
    shape = readout.shape
    nothing = np.full(shape, np.nan)
    return Proof(scattered(shape, residual), scattered(shape, limit), nothing, nothing, nothing, "read-out")


def scattered(shape: tuple[int, int], parts: list[tuple[Field, Array]]) -> Array:
    """One array of a population, of the given `shape` (n_samples, size), from those of its fields, (n_samples, n)."""
    whole = np.empty(shape)
    for field, values in parts:
        whole[:, field.neurons] = values
    return whole
