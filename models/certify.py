"""`certify`: is the algebra of the mapping right for these inputs, and by how much? And proof for every spike of a run.

A trainer that knows only the closed form cannot see a neuron that reaches its threshold before all its inputs are
there. Whether one does depends on the largest potential before t_min, which lies at t_start, at an arrival or at t_min:
sorting the arrivals decides it (O(N log N) a neuron). The window of such a neuron would have had to be longer by as
much as that potential exceeds the threshold, divided by the slope; so each neuron of each sample has a smallest safe
window, and each layer the supremum of these.

Relies on `expected_times` and `fields`. Used by `to_ttfs` for certified windows, and by the figures.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.causes import HOPELESS
from eventsim.models.certificates import Certificates, Layer, Proof
from eventsim.models.expected_times import (
    EXTENDED,
    EXTENDED_UNIT,
    UNIT,
    Crossing,
    Neurons,
    complete_potential,
    complete_sum,
    first_crossing,
    neurons_of,
    received_values,
)
from eventsim.models.fields import Field, fields_of, projections_to
from eventsim.models.ideal_values import largest_input, relayed
from eventsim.models.observation import check_network, encoded, observe
from eventsim.network import Network
from eventsim.run import Run

Array = np.ndarray[Any, Any]


def certify(net: Network, x: Any = None, run: Run | None = None) -> Certificates:
    """Say of every neuron and sample whether it waits for all of its inputs, and how much window it needs for that.

    Parameters
    ----------
    net
        A network of sources, ``ttfs_b1``, ``ttfs_alpha1``, ``integrator`` populations and pools, as `to_ttfs` makes
        them.
    x
        Inputs as for `simulate`. Nothing is simulated: spike times are computed layer by layer, as first crossings, so
        that a neuron after a premature one is judged by what that one really sends.
    run
        A run of `net`, in place of `x`: neurons are judged by what they received in it, and each of its spikes,
        silences and decisions gets its proof (`Certificates.proof`).

    Returns
    -------
    Certificates

    Raises
    ------
    InputError
        Neither or both of `x` and `run`; a run of another network, or with faults or a transport; what `verify` refuses
        of networks, runs and data.

    Notes
    -----
    Inputs that arrive before t_start count from t_start on, as they do in the simulation. Held by
    tests/test_certify.py.
    """
    if (x is None) == (run is None):
        raise InputError("certify: give x, the inputs, or run, a run of net; exactly one of them")
    check_network(net, "certify")
    if run is None:
        times = encoded(net, x)
        return _certified(net, times, None)
    if not isinstance(run, Run):
        raise InputError(f"certify: run is a {type(run).__name__}; must be what eventsim.simulate returned")
    if run.provenance["network_hash"] != net.hash():
        raise InputError("certify: the run was made with another network (its hash differs); give the run of net")
    seen = observe(net, None, run, None)
    if seen.faults or seen.transport is not None:
        raise InputError(
            "certify: the run has faults or a transport, which move spikes away from what membranes do; give an ideal "
            "run, or use verify, which tells causes apart"
        )
    return _certified(net, dict(seen.times), (seen.bounds, seen.readout))


def _certified(
    net: Network,
    times: dict[str, Array],
    proving: tuple[dict[str, Array], Array | None] | None,
    complete: bool = False,
) -> Certificates:
    """Judge population after population; `times` has those of the sources, or of all nodes of a run.

    What is not known yet is taken to fire at its first crossing or, `complete`, when the closed form says, also where
    that is before its window: then smallest safe windows are those of a network whose layers are all safe.
    """
    given = {source.name: times[source.name] for source in net.sources}
    layers: dict[str, Layer] = {}
    proofs: dict[str, Proof] = {}
    # How far times may be from those of a run, by rounding: those of sources and of runs are what they are.
    errors = {name: np.zeros(held.shape) for name, held in times.items()}
    for population in net.populations:
        projections = projections_to(net, population)
        n = len(next(iter(times.values())))
        arrivals, inexact = np.zeros((n, 0)), np.zeros((n, 0))
        if projections:
            arrivals = np.concatenate([times[p.pre.name] + float(p.delay) for p in projections], axis=1)
            inexact = np.concatenate([errors[p.pre.name] for p in projections], axis=1)
        if population.model.relay:
            if population.name not in times:
                times[population.name] = relayed(net, population, arrivals, np.inf)
                errors[population.name] = largest_input(net, population, inexact)
            continue
        own = neurons_of(population)
        if not own.spiking:
            continue
        if complete:
            own = _listening_from(own, float(arrivals.min(initial=np.inf)))
        parts = []
        for field in fields_of(net, population):
            seen = arrivals[:, field.inputs]
            crossing = first_crossing(own.some(field.neurons), field.weights, seen)
            parts.append((field, crossing, seen, _shifted(field, inexact[:, field.inputs])))
        shape = (len(arrivals), population.size)
        if population.name not in times:
            sent = [(f, _closed(own.some(f.neurons), f, seen) if complete else c.time) for f, c, seen, _ in parts]
            times[population.name] = _scattered(shape, sent)
            with np.errstate(divide="ignore", invalid="ignore"):
                off = [(f, np.fmin(c.bound + shift / c.steepness, HOPELESS)) for f, c, _, shift in parts]
            errors[population.name] = _scattered(shape, off)
        layers[population.name] = _judged(own, shape, parts)
        if proving is not None:
            event, bounds = times[population.name], proving[0].get(population.name)
            proofs[population.name] = _proof(own, shape, parts, event, bounds)
    unsafe = any((layer.premature | layer.undecided).any() for layer in layers.values())
    if unsafe and not complete:  # what comes behind a premature neuron says nothing about the windows that it needs
        smallest = _certified(net, given, None, complete=True).layers
        layers = {name: replace(layer, safe_window=smallest[name].safe_window) for name, layer in layers.items()}
    margins = None if proving is None or proving[1] is None else _decisions(net, proving[1])
    return Certificates(layers, proofs if proving is not None else None, margins)


def _listening_from(neurons: Neurons, earliest: float) -> Neurons:
    """The same neurons, had the window before them begun as early as their first input: no value is cut."""
    t_start = min(neurons.t_start, earliest)
    threshold = neurons.threshold + neurons.slope_start * (neurons.t_start - t_start)
    return replace(neurons, t_start=neurons.t_start * 0 + t_start, threshold=threshold)


def smallest_windows(net: Network, x: Any) -> list[float]:
    """The smallest safe window of each layer of `net`, where those before it are safe, whatever windows `net` has.

    For inputs `x` whose values fit the windows of `net`. <= 0 where any window is safe.
    """
    return [layer.safe_window for layer in _certified(net, encoded(net, x), None, complete=True).layers.values()]


def _closed(neurons: Neurons, field: Field, arrivals: Array) -> Array:
    times = complete_sum(neurons, field.weights, received_values(neurons, arrivals)).astype(np.float64)
    return np.where(times < float(neurons.t_max), times, np.inf)


def _shifted(field: Field, inexact: Array) -> Array:
    """How far potentials may be off, since the times of the inputs are."""
    return inexact @ np.abs(field.weights.astype(np.float64)).T


# For each field: its crossings, what arrived, and how far potentials may be off since arrivals are.
_Parts = list[tuple[Field, Crossing, Array, Array]]


def _judged(own: Neurons, shape: tuple[int, int], parts: _Parts) -> Layer:
    """Premature or safe, and the window that would have been enough."""
    length, t_min = float(own.length), float(own.t_min)
    slack, bound, premature, undecided, late = [], [], [], [], []
    for field, crossing, seen, shift in parts:
        some = own.some(field.neurons)
        slope = some.slope_fire.astype(np.float64)
        missing = (some.threshold - crossing.peak).astype(np.float64)
        # The threshold and the window's length are rounded, too.
        rounding = shift + crossing.potential_bound + 2 * UNIT * (np.abs(missing) + np.abs(crossing.peak))
        slack.append((field, missing / slope))
        bound.append((field, rounding / slope + 4 * UNIT * length))
        premature.append((field, crossing.time < t_min))
        undecided.append((field, np.abs(missing) <= rounding))
        behind = (seen >= t_min) & np.isfinite(seen)
        late.append((field, behind.astype(np.float32) @ (field.weights != 0).astype(np.float32).T > 0))
    margin, error = _scattered(shape, slack), _scattered(shape, bound)
    return Layer(
        window=length,
        premature=_scattered(shape, premature).astype(bool),
        undecided=_scattered(shape, undecided).astype(bool),
        late=_scattered(shape, late).astype(bool),
        margin=margin,
        bound=error,
        safe_window=float((length - margin + error).max(initial=-math.inf)),
    )


def _proof(own: Neurons, shape: tuple[int, int], parts: _Parts, event: Array, bounds: Array | None) -> Proof:
    """How far each spike's potential is from the threshold, and how far each silent neuron stayed below it."""
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
    return Proof(*(_scattered(shape, found) for found in (residual, limit, highest, below, doubt)))


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


def _decisions(net: Network, readout: Array) -> Array | None:
    """(n_samples, 2): the lead of each decision, and how far every last spike may move without changing it.

    If each spike into the read-out moves by d at most, output a moves by at most d sum_j |W_aj|, and its lead over b
    shrinks by at most d sum_j |W_aj - W_bj|. None where nothing is decided: several read-outs, or one output of which
    nobody said that its sign decides.
    """
    outputs = [population for population in net.populations if not population.model.spiking]
    by_sign = net.provenance.get("decision") == "sign"
    if len(outputs) != 1 or (outputs[0].size < 2 and not by_sign):
        return None
    (output,) = outputs
    n_inputs = sum(projection.pre.size for projection in projections_to(net, output))
    weights = np.zeros((output.size, n_inputs), EXTENDED)
    for field in fields_of(net, output):
        weights[np.ix_(field.neurons, field.inputs)] = field.weights
    values = readout.astype(EXTENDED)
    found = np.empty((len(values), 2))
    for sample, row in enumerate(values):
        if by_sign:
            lead, moved = np.abs(row), np.abs(weights).sum(axis=1)
        else:
            best = int(row.argmax())
            others = np.arange(len(row)) != best
            lead, moved = row[best] - row[others], np.abs(weights[best] - weights[others]).sum(axis=1)
        found[sample, 0] = lead.min()
        found[sample, 1] = np.divide(lead, moved, out=np.full(len(lead), np.inf, EXTENDED), where=moved > 0).min()
    return found


def _scattered(shape: tuple[int, int], parts: list[tuple[Field, Array]]) -> Array:
    """One array of a population, from those of its fields."""
    whole = np.empty(shape)
    for field, values in parts:
        whole[:, field.neurons] = values
    return whole
