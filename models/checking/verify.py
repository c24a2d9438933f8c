"""`verify`: does a time-to-first-spike network do, spike by spike, what its ReLU network or its own algebra says?

Every neuron of every sample is held against the spike time that the closed form gives for *what the neuron actually
received*, within the rounding bound of that time, so that a difference is blamed where it arises. It is then held
against the value that the ReLU network gives. Each gets one cause, the first of these from the end that holds:

ok
    The spike time is that of the closed form to the last bit, or both are silent.
rounding
    The spike time differs from the closed form by no more than the bound on its rounding. Where a neuron received
    nothing, silence counts as the end of its window.
tie
    A spike or a silence, or a spike before or after t_min, was decided by less than the bound on the rounding.
inherited
    The neuron did right by what it received, but what it received had diverged already.
transport
    The neuron did right by what it received, but the transport of the run brought an input later than it was sent, or
    lost it; or the neuron is late, premature or clamped, and would not be without the transport.
fault
    A fault of the run moved the spike by what it does when it is worked out again.
late
    An input reached the neuron at or after t_min, or later than the windows make room for, so that it has not the value
    that the algebra gives it.
premature
    The neuron reached its threshold before t_min although with all its inputs it would not have.
clamped
    With all its inputs the neuron would fire before t_min, since its value does not fit its window; or an input value
    was clipped into the coded range.
structural
    The spike time is not that of the network's equations and nothing above explains it, or a parameter of the network
    is not that of the ReLU network.

Relies on `observation` (what happened), `expected_times` (what should happen, given what was received) and
`ideal_values` (what should have been received). Used by the command line and the figures.
"""

import os
from collections.abc import Mapping
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from eventsim.errors import InputError
from eventsim.inspection.comparison import Comparison
from eventsim.models.checking.causes import check_population, check_readout, check_relays, check_source
from eventsim.models.checking.driven import of_trains, verify_trains
from eventsim.models.checking.expected_times import Neurons, extended, neurons_of
from eventsim.models.checking.fields import fields_of, on_cores
from eventsim.models.checking.ideal_values import Ideal, coded_values, own_values, relu_values
from eventsim.models.checking.observation import Observation, observe
from eventsim.models.checking.reception import Reception, received
from eventsim.models.checking.replayed_stages import Departures, Emissions
from eventsim.models.checking.report import Checked, VerificationReport, joined
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.readers.read_torch import is_torch
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.network.network import Network, Population, Source
from eventsim.network.sources import SpikeTimes
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


@overload
def verify(
    net: Network,
    relu: Any = None,
    x: Any = None,
    run: Run | None = None,
    times: str | os.PathLike[str] | Mapping[str, ArrayLike] | None = None,
    *,
    engine: str = "compiled",
) -> VerificationReport: ...


@overload
def verify(
    net: Network,
    relu: None = None,
    x: Any = None,
    run: None = None,
    times: Mapping[str, SpikeTimes] = ...,
    *,
    within: float | None = None,
    until: Any = None,
    engine: str = "compiled",
) -> Comparison: ...


def verify(
    net: Network,
    relu: Any = None,
    x: Any = None,
    run: Run | None = None,
    times: Any = None,
    *,
    within: float | None = None,
    until: Any = None,
    engine: str = "compiled",
) -> VerificationReport | Comparison:
    """Hold the spike times of a network against its closed form and its ReLU network, and name a cause for each.

    Trains of spikes, of neurons of any model, are held against what each neuron does with the spikes that it received
    according to them.

    Parameters
    ----------
    net
        A network of sources, ``ttfs_b1``, ``ttfs_alpha1``, ``integrator`` populations and pools of relays, as `to_ttfs`
        makes them.
    relu
        What it was made from, anything that `read_relu` takes. None: the closed form of `net` itself is the ideal.
    x
        Inputs as for `simulate`. With `run`, the values that the run was given, which lets clipped ones be seen;
        without them, the ReLU network is given what the source's spike times stand for.
    run
        A run of `net`, with its faults and transport; None simulates `x`. A run without rounding bounds is simulated
        once more to get them, and its spikes must be the same.
    times
        Spike times of another program, a dict or the path of an .npz file, by population (n_samples, *shape), silence
        as inf or the end of the window. They take the place of a run's and are held against the first crossing too,
        which such programs do not see. A source that is left out is coded from `x`. Or trains: `eventsim.SpikeTimes` by
        population, of all that send spikes; then `net` may have neurons of any model and recurrent projections, and
        neither `relu` nor `run` is given.
    within
        Of trains: how far a spike may be from the one that is due; None is to the last bit (`eventsim.compare`).
    until
        Of trains: up to when, exclusive, as for `simulate`.
    engine
        As for `simulate`; networks of Fractions take the reference.

    Returns
    -------
    VerificationReport
        With a cause for each neuron and sample. Of trains a `Comparison` of what is due, a, with what is given, b: what
        b misses and invents by population and neuron, and `ok`.

    Raises
    ------
    InputError
        Neither `x` nor `run`; a run of other populations, or one that ended early; models without a closed form; data
        that do not fit; what `simulate` and `read_relu` refuse.

    Notes
    -----
    Expected times are computed in extended precision without BLAS; where that is no wider than float64 the bounds say
    so. Cost: about 0.1 µs per synapse and sample. Held by tests/test_verify.py, of trains by
    tests/test_verify_trains.py. Of trains, what arrives at one time counts as arriving in one micro-step, as if no
    delay were 0.
    """
    if of_trains(times):
        if relu is not None or run is not None:
            raise InputError(
                "verify: relu or run with trains of spikes; must be none, since these are held against the neurons of "
                "net themselves. Leave them out."
            )
        return verify_trains(net, x, times, within, until, engine)
    if within is not None or until is not None:
        raise InputError(
            "verify: within or until without trains of spikes; must be left out, since closed forms have bounds of "
            "their own. Give times= as eventsim.SpikeTimes by population for trains."
        )
    shape = net.sources[0].shape if is_torch(relu) and isinstance(net, Network) and net.sources else None
    trained = None if relu is None else read_relu(relu, shape)
    seen = observe(net, x, run, times, engine=engine)
    shapes = {node.name: node.shape for node in net.nodes}
    checked = _checked(net, trained, seen)
    return VerificationReport(checked, shapes, seen.n_samples, seen.notes, net.provenance.get("decision"))


def _checked(net: Network, relu: ReluNetwork | None, seen: Observation) -> dict[str, Checked]:
    """Check node after node; what comes after one is held against what that one did."""
    neurons = {node.name: None if node.model.relay else neurons_of(node, net.exact) for node in net.populations}
    ideals = {
        source.name: Ideal(coded_values(source, seen.values.get(source.name), seen.times[source.name]))
        for source in net.sources
    }
    if relu is not None:
        ideals |= relu_values(net, relu, neurons, ideals[net.sources[0].name].values)
    silent = {node.name: np.full((seen.n_samples, node.size), np.inf) for node in net.nodes}
    left = Departures(net, silent | seen.times, seen.transport, seen.seed, seen.sample_ids, seen.exact_times)
    emissions = Emissions(net, seen.faults, seen.seed, seen.sample_ids)
    checked: dict[str, Checked] = {}
    column = 0
    for node in net.nodes:
        if isinstance(node, Source):
            checked[node.name] = check_source(node, seen, ideals[node.name])
            continue
        own = neurons[node.name]
        assert node.window is not None
        due = extended(node.window[2 if own is None else 1])
        there = left.cores_of(node)
        receptions = {
            core: received(net, node, due, seen, left, core, checked, ideals) for core in np.unique(there).tolist()
        }
        if node.name not in ideals:
            ideals[node.name] = own_values(net, node, own, next(iter(receptions.values())).ideal)
        ideal = ideals[node.name]
        if own is None:
            of_cores = [
                (np.flatnonzero(there == core), check_relays(net, node, one, seen, ideal))
                for core, one in receptions.items()
            ]
            checked[node.name] = joined([(who, one.of(who)) for who, one in of_cores], node.size)
            continue
        potentials = None
        if not own.spiking and seen.readout is not None:
            potentials = seen.readout[:, column : column + node.size]
            column += node.size
        checked[node.name] = _field_by_field(net, node, own, there, receptions, seen, emissions, ideal, potentials)
    return checked


def _field_by_field(
    net: Network, node: Population, own: Neurons, there: Array, receptions: Mapping[int, Reception], seen: Observation,
    emissions: Emissions, ideal: Ideal, potentials: Array | None,
) -> Checked:  # fmt: skip
    """Check the neurons that see the same inputs at the same times together.

    `there` (size,) has the core of each neuron, `receptions` what reached those of each. `potentials` were read out,
    (n_samples, size), or None.
    """
    parts = []
    for field, reception in on_cores(fields_of(net, node), there, receptions):
        some, got, due = own.some(field.neurons), reception.seen_by(field), ideal.of(field)
        mine = seen.of(node.name, field.neurons)
        if own.spiking:
            parts.append((field.neurons, check_population(node.name, some, got, mine, emissions, due, field.neurons)))
        else:
            mine_read = None if potentials is None else potentials[:, field.neurons]
            parts.append((field.neurons, check_readout(some, got, mine, mine_read, due)))
    return joined(parts, node.size)
