"""`certify`: is the algebra of the mapping right for these inputs, and by how much? And proof for every spike of a run.

A trainer that knows only the closed form cannot see a neuron that reaches its threshold before all its inputs are
there. Whether one does depends on the largest potential before t_min, which lies at t_start, at an arrival or at t_min:
sorting the arrivals decides it (O(N log N) a neuron). The window of such a neuron would have had to be longer by as
much as that potential exceeds the threshold, divided by the slope; so each neuron of each sample has a smallest safe
window, and each layer the supremum of these.

Relies on `expected_times`, `fields` and `proofs`. Used by the command line and the figures.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.checking.certificates import Certificates, Layer, Proof
from eventsim.models.checking.expectations import HOPELESS
from eventsim.models.checking.expected_times import (
    EXTENDED,
    UNIT,
    Neurons,
    complete_sum,
    first_crossing,
    neurons_of,
    received_values,
)
from eventsim.models.checking.fields import Field, fields_of, projections_to
from eventsim.models.checking.ideal_values import largest_input, relayed
from eventsim.models.checking.observation import encoded, observe
from eventsim.models.checking.preconditions import check_network
from eventsim.models.checking.proofs import Parts, proof_of_neurons, proof_of_readout, proof_of_relays, scattered
from eventsim.models.checking.reception import arriving
from eventsim.models.checking.replayed_stages import stages_of
from eventsim.network.network import Network
from eventsim.run.run import Run

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
        silences, pooled spikes, potentials that are read out, and decisions gets its proof (`Certificates.proof`).

    Returns
    -------
    Certificates
        What is certified of each layer and, with `run`, its proofs; arrays (n_samples, size) by population.

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
        raise InputError(
            f"certify: the run was made with another network ({run.network_difference(net)}); give the run of net"
        )
    faults, transport = stages_of(run.provenance, "certify")
    if faults or transport is not None:  # before `observe`, which may run the network again for its bounds
        raise InputError(
            "certify: the run has faults or a transport, which move spikes away from what membranes do; give an ideal "
            "run, or use verify, which tells causes apart"
        )
    seen = observe(net, None, run, None, who="certify")
    return _certified(net, dict(seen.times), (seen.bounds, seen.readout))


def _certified(
    net: Network,
    times: dict[str, Array],
    proving: tuple[dict[str, Array], Array | None] | None,
    complete: bool = False,
) -> Certificates:
    """Judge population after population; `times` has those of the sources, or of all nodes of a run.

    `times` are (n_samples, size) by name, `proving` has bounds on the rounding of those of a run, likewise, and its
    read-out (n_samples, n_out).

    What is not known yet is taken to fire at its first crossing or, `complete`, when the closed form says, also where
    that is before its window: then smallest safe windows are those of a network whose layers are all safe.
    """
    given = {source.name: times[source.name] for source in net.sources}
    layers: dict[str, Layer] = {}
    proofs: dict[str, Proof] = {}
    # How far times may be from those of a run, by rounding: those of sources and of runs are what they are.
    errors = {name: np.zeros(array.shape) for name, array in times.items()}
    column = 0
    for population in net.populations:
        projections = projections_to(net, population)
        n = len(next(iter(times.values())))
        arrivals, inexact = np.zeros((n, 0)), np.zeros((n, 0))
        if projections:
            arrivals = np.concatenate([arriving(p, times[p.pre.name]) for p in projections], axis=1)
            inexact = np.concatenate([errors[p.pre.name] for p in projections], axis=1)
        if population.model.relay:
            due = relayed(net, population, arrivals, np.inf)
            if population.name not in times:
                times[population.name], errors[population.name] = due, largest_input(net, population, inexact)
            if proving is not None:
                proofs[population.name] = proof_of_relays(times[population.name], due, net.exact)
            continue
        own = neurons_of(population, net.exact)
        if not own.spiking:
            if proving is not None and proving[1] is not None:
                mine, column = proving[1][:, column : column + population.size], column + population.size
                fields = list(fields_of(net, population))
                proofs[population.name] = proof_of_readout(own, fields, arrivals, mine, net.exact)
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
            times[population.name] = scattered(shape, sent)
            with np.errstate(divide="ignore", invalid="ignore"):
                off = [(f, np.fmin(c.bound + shift / c.steepness, HOPELESS)) for f, c, _, shift in parts]
            errors[population.name] = scattered(shape, off)
        layers[population.name] = _judged(own, shape, parts)
        if proving is not None:
            event, bounds = times[population.name], proving[0].get(population.name)
            proofs[population.name] = proof_of_neurons(own, shape, parts, event, bounds)
    unsafe = any((layer.premature | layer.undecided).any() for layer in layers.values())
    if unsafe and not complete:  # what comes behind a premature neuron says nothing about the windows that it needs
        smallest = _certified(net, given, None, complete=True).layers
        layers = {name: replace(layer, safe_window=smallest[name].safe_window) for name, layer in layers.items()}
    margins = None if proving is None or proving[1] is None else _decisions(net, proving[1])
    shapes = {population.name: population.shape for population in net.populations}
    return Certificates(layers, shapes, proofs if proving is not None else None, margins)


def _listening_from(neurons: Neurons, earliest: float) -> Neurons:
    """The same neurons, had the window before them begun as early as their first input: no value is cut."""
    t_start = min(neurons.t_start, earliest)
    threshold = neurons.threshold + neurons.slope_start * (neurons.t_start - t_start)
    return replace(neurons, t_start=neurons.t_start * 0 + t_start, threshold=threshold)


def _closed(neurons: Neurons, field: Field, arrivals: Array) -> Array:
    times = complete_sum(neurons, field.weights, received_values(neurons, arrivals)).astype(np.float64)
    return np.where(times < float(neurons.t_max), times, np.inf)


def _shifted(field: Field, inexact: Array) -> Array:
    """How far potentials may be off, (n_samples, n_neurons), since times of inputs are, (n_samples, n_inputs)."""
    return inexact @ np.abs(field.weights.astype(np.float64)).T


def _judged(own: Neurons, shape: tuple[int, int], parts: Parts) -> Layer:
    """Premature or safe, and the window that would have been enough; arrays of the given `shape` (n_samples, size)."""
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
    margin, error = scattered(shape, slack), scattered(shape, bound)
    return Layer(
        window=length,
        premature=scattered(shape, premature).astype(bool),
        undecided=scattered(shape, undecided).astype(bool),
        late=scattered(shape, late).astype(bool),
        margin=margin,
        bound=error,
        safe_window=float((length - margin + error).max(initial=-math.inf)),
    )


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
