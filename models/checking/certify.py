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
from eventsim.models.checking.arrived import Arrived, Inputs
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
from eventsim.models.checking.observation import Observation, encoded, observe
from eventsim.models.checking.preconditions import check_network
from eventsim.models.checking.proofs import Parts, proof_of_neurons, proof_of_readout, proof_of_relays, scattered
from eventsim.models.checking.replayed_stages import Departures, stages_of
from eventsim.network.network import Network, Population
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
        silences, pooled spikes, potentials that are read out, and decisions gets its proof (`Certificates.proof`). Of a
        run with a transport, what neurons received is what it brought: a neuron of which an input came at or after
        t_min, or never, is not certified, and the network without the transport has its own certificates
        (`Certificates.without`).

    Returns
    -------
    Certificates
        What is certified of each layer and, with `run`, its proofs; arrays (n_samples, size) by population.

    Raises
    ------
    InputError
        Neither or both of `x` and `run`; a run of another network, or with faults; what `verify` refuses of networks,
        runs and data.

    Notes
    -----
    Inputs that arrive before t_start count from t_start on, as they do in the simulation. With a transport, margins and
    safe windows hold if inputs arrive as they did, which no other window promises: packets of other spikes wait for
    each other in another way. Held by tests/test_certify.py and tests/test_certify_transport.py.
    """
    if (x is None) == (run is None):
        raise InputError("certify: give x, the inputs, or run, a run of net; exactly one of them")
    check_network(net, "certify")
    if run is None:
        return _certified(net, encoded(net, x), None)
    if not isinstance(run, Run):
        raise InputError(f"certify: run is a {type(run).__name__}; must be what eventsim.simulate returned")
    if run.provenance["network_hash"] != net.hash():
        raise InputError(
            f"certify: the run was made with another network ({run.network_difference(net)}); give the run of net"
        )
    faults, _ = stages_of(run.provenance, "certify")
    if faults:  # before `observe`, which may run the network again for its bounds
        raise InputError(
            "certify: the run has faults, which move spikes away from what membranes do; give a run without, or use "
            "verify, which tells causes apart"
        )
    seen = observe(net, None, run, None, who="certify")
    return _certified(net, dict(seen.times), seen)


def _certified(
    net: Network,
    times: dict[str, Array],
    proving: Observation | None,
    complete: bool = False,
) -> Certificates:
    """Judge population after population; `times` has those of the sources, or of all nodes of a run.

    `times` are (n_samples, size) by name; `proving` is the run that they are of, each part of which gets its proof.

    What is not known yet is taken to fire at its first crossing or, `complete`, when the closed form says, also where
    that is before its window: then smallest safe windows are those of a network whose layers are all safe.
    """
    given = {source.name: times[source.name] for source in net.sources}
    left = Departures(net, times, None, 0, ()) if proving is None else _departures(net, proving)
    carried = proving is not None and proving.transport is not None
    layers: dict[str, Layer] = {}
    proofs: dict[str, Proof] = {}
    arrived: dict[str, Arrived] = {}
    # How far times may be from those of a run, by rounding: those of sources and of runs are what they are.
    errors = {name: np.zeros(array.shape) for name, array in times.items()}
    column = 0
    for population in net.populations:
        name, inputs = population.name, Inputs(net, population, left, errors)
        if carried:
            arrived[name] = inputs.arrived(None if population.model.relay else population.window[1])  # type: ignore[index]
        if population.model.relay:
            due = _pooled(net, population, inputs)
            if name not in times:
                times[name], errors[name] = due, largest_input(net, population, inputs.inexact)
            if proving is not None:
                proofs[name] = proof_of_relays(times[name], due, net.exact)
            continue
        own = neurons_of(population, net.exact)
        if not own.spiking:
            if proving is not None and proving.readout is not None:
                mine, column = proving.readout[:, column : column + population.size], column + population.size
                proofs[name] = proof_of_readout(own, inputs.fields(), mine, net.exact)
            continue
        if complete:
            own = _listening_from(own, inputs.earliest)
        parts = []
        for field, seen in inputs.fields():
            crossing = first_crossing(own.some(field.neurons), field.weights, seen)
            parts.append((field, crossing, seen, _shifted(field, inputs.inexact[:, field.inputs])))
        if name not in times:
            times[name], errors[name] = _fired(own, inputs.shape, parts, complete)
        layers[name] = _judged(own, inputs.shape, parts)
        if proving is not None:
            proofs[name] = proof_of_neurons(own, inputs.shape, parts, times[name], proving.bounds.get(name))
    unsafe = any((layer.premature | layer.undecided).any() for layer in layers.values())
    if unsafe and not complete and not carried:
        # What comes behind a premature neuron says nothing about the windows that it needs.
        smallest = _certified(net, given, None, complete=True).layers
        layers = {name: replace(layer, safe_window=smallest[name].safe_window) for name, layer in layers.items()}
    margins = None if proving is None or proving.readout is None else _decisions(net, proving.readout)
    shapes = {population.name: population.shape for population in net.populations}
    without = _certified(net, given, None) if carried else None
    return Certificates(layers, shapes, None if proving is None else proofs, margins, arrived, without)


def _departures(net: Network, seen: Observation) -> Departures:
    return Departures(net, seen.times, seen.transport, seen.seed, seen.sample_ids, seen.exact_times)


def _pooled(net: Network, population: Population, inputs: Inputs) -> Array:
    """When each relay should fire, (n_samples, size)."""
    due = np.full(inputs.shape, np.inf, inputs.sent.dtype)
    for core, arrivals in inputs.arrivals.items():
        here = inputs.there == core
        due[:, here] = relayed(net, population, arrivals, np.inf)[:, here]
    return due


def _fired(own: Neurons, shape: tuple[int, int], parts: Parts, complete: bool) -> tuple[Array, Array]:
    """When neurons fire, (n_samples, size), and how far that may be off."""
    sent = [(f, _closed(own.some(f.neurons), f, seen) if complete else c.time) for f, c, seen, _ in parts]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = [(f, np.fmin(c.bound + shift / c.steepness, HOPELESS)) for f, c, _, shift in parts]
    return scattered(shape, sent), scattered(shape, off)


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
