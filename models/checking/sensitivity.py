"""`sensitivity`: which layer and which neuron a decision depends on most, to first order, from exact spike times.

A neuron whose potential crosses its threshold with slope S fires later by w / S where an input of weight w comes later
by 1 (as long as it comes before the crossing, and for B1 before t_min, where S = B: dt_i/dt_j = W_ij / B); a read-out
falls by w. So what a decision's margin owes to each spike time follows backwards, layer by layer, by matrix products:
fields of convolutions, never unrolled. Relies on `fields` and `expected_times`. Used by people who ask what noise does
before they simulate it; the report is `sensitivities`.
"""

import warnings
from typing import Any

import numpy as np

from eventsim.checks import integer
from eventsim.errors import InputError, PrematureSpikeWarning
from eventsim.models.checking.expected_times import Neurons, neurons_of
from eventsim.models.checking.fields import Field, fields_of, pooled, projections_to
from eventsim.models.checking.preconditions import check_network
from eventsim.models.checking.reception import arriving
from eventsim.models.checking.sensitivities import Sensitivity
from eventsim.network.network import Network, Population
from eventsim.run.run import Run
from eventsim.simulate import simulate

Array = np.ndarray[Any, Any]


def sensitivity(net: Network, x: Any, output: int | None = None, run: Run | None = None) -> Sensitivity:
    """Say how the margin of each decision moves with each spike time: its gradient, by population.

    The margin is the output that decides minus the largest other one, as they are without noise; of a network that
    decides by sign, the size of the output that is nearest to 0.

    Parameters
    ----------
    net
        A network of sources, ``ttfs_b1``, ``ttfs_alpha1``, ``integrator`` populations and pools, as `to_ttfs` makes
        them.
    x
        Inputs as for `simulate`.
    output
        The output whose potential is looked at, in place of the margin.
    run
        The ideal run of `net` on `x`, where it has been simulated already.

    Returns
    -------
    Sensitivity
        Margins (n_samples,), gradients (n_samples, size) by source and population, in V per unit of time, and what they
        say about noise.

    Raises
    ------
    InputError
        What `certify` refuses of networks; a network without a read-out, or with a single output that nothing says how
        to decide on; a run of another network, or with faults.

    Notes
    -----
    First order: a spike that would vanish, a neuron that was silent, the order of two inputs of a pool at one time are
    not seen; derivatives at corners are those towards later times. Held by tests/test_sensitivity.py against runs with
    one spike moved, and against simulated jitter. O(synapses) a sample.
    """
    check_network(net, "sensitivity")
    if run is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrematureSpikeWarning)  # their slopes are those of what really happened
            engine = "reference" if net.exact else "compiled"
            run = simulate(net, x, record="first_spikes", engine=engine, progress=False)
    elif run.provenance["network_hash"] != net.hash() or run.provenance["faults"] or run.provenance["transport"]:
        raise InputError(
            "sensitivity: run is of another network, or has faults or a transport; must be the ideal run of net. Leave "
            "it out."
        )
    times = {name: run.spike_times(name).astype(np.float64) for name in run.populations}
    potentials = np.asarray(run.readout, dtype=np.float64)
    margins, chosen = _margins(potentials, run.provenance.get("decision"), output)
    gradients = {name: np.zeros(array.shape) for name, array in times.items()}
    column = chosen.shape[1]
    for population in reversed(net.populations):
        if population.model.relay:
            _through_pool(net, population, times, gradients)
            continue
        own = neurons_of(population, net.exact)
        if own.spiking:
            falling = gradients[population.name]
        else:
            falling = chosen[:, column - population.size : column]
            column -= population.size
        _through_neurons(net, population, own, falling, times, gradients)
    shapes = {node.name: node.shape for node in net.nodes}
    noisy = tuple(one.name for one in net.populations if one.model.spiking and not one.model.relay)
    return Sensitivity(margins, gradients, times, shapes, noisy)


def _margins(potentials: Array, decision: Any, output: int | None) -> tuple[Array, Array]:
    """The margin of each sample, and its derivatives by the outputs, (n_samples, n_out)."""
    n, n_out = potentials.shape
    rows, chosen = np.arange(n), np.zeros(potentials.shape)
    if output is not None:
        output = integer("sensitivity", "output", output, low=0, high=n_out - 1, remedy=f"There are {n_out} outputs.")
        chosen[:, output] = 1.0
    elif decision == "sign":
        nearest = np.abs(potentials).argmin(axis=1)
        chosen[rows, nearest] = np.where(potentials[rows, nearest] > 0, 1.0, -1.0)
    elif n_out == 1:
        raise InputError(
            "sensitivity: the network has one output, of which the largest says nothing; must have two, or decide by "
            "sign. Give output=0 for its potential."
        )
    else:
        order = np.argsort(potentials, axis=1, kind="stable")
        best = potentials.argmax(axis=1)
        second = np.where(order[:, -1] == best, order[:, -2], order[:, -1])
        chosen[rows, best], chosen[rows, second] = 1.0, -1.0
    return (potentials * chosen).sum(axis=1), chosen


def _through_pool(net: Network, population: Population, times: dict[str, Array], gradients: dict[str, Array]) -> None:
    """A relay passes on what the one input whose spike it passed on would do."""
    (projection,) = projections_to(net, population)
    table, name = pooled(net, population), projection.pre.name
    given = gradients[population.name]
    heard = arriving(projection, times[name])
    for sample, target in zip(*np.nonzero(np.isfinite(times[population.name]) & (given != 0)), strict=True):
        seen = table[target][table[target] >= 0]
        winner = seen[np.argmin(np.abs(heard[sample, seen] - times[population.name][sample, target]))]
        gradients[name][sample, winner] += given[sample, target]


def _through_neurons(
    net: Network, population: Population, own: Neurons, given: Array, times: dict[str, Array],
    gradients: dict[str, Array],
) -> None:  # fmt: skip
    """From the times, or the potentials, of a population to the times of its inputs."""
    projections = projections_to(net, population)
    if not projections:
        return
    arrivals = np.concatenate([arriving(p, times[p.pre.name]) for p in projections], axis=1)
    found = np.zeros(arrivals.shape)
    fired = times[population.name]
    for field in fields_of(net, population):
        some = own.some(field.neurons)
        if own.spiking:
            part = _of_spikes(some, field, arrivals[:, field.inputs], fired[:, field.neurons], given[:, field.neurons])
        else:
            counted = _counted(some, arrivals[:, field.inputs], float(own.t_min))
            part = -(given[:, field.neurons] @ field.weights.astype(np.float64)) * counted
        found[:, field.inputs] += part  # no input is in a field twice
    first = np.cumsum([0, *(p.pre.size for p in projections)])
    for low, high, projection in zip(first[:-1], first[1:], projections, strict=True):
        gradients[projection.pre.name] += found[:, low:high]


def _of_spikes(own: Neurons, field: Field, arrivals: Array, fired: Array, given: Array) -> Array:
    """What moves with the inputs of one field, (n_samples, n_inputs)."""
    weights = field.weights.astype(np.float64)
    t_start, t_min = float(own.t_start), float(own.t_min)
    firing = np.isfinite(fired) & (given != 0) & (fired > t_start)
    late = np.isfinite(arrivals) & (arrivals >= t_min)
    usual = firing & (fired >= t_min)
    if not own.deaf and late.any():  # such a weight counts once more, where it came before the spike
        usual &= ~(late.astype(np.float64) @ (weights != 0).T.astype(np.float64) > 0)
    scaled = np.where(usual, given / own.slope_fire.astype(np.float64), 0.0)
    part: Array = (scaled @ weights) * _counted(own, arrivals, t_min)
    for sample, neuron in zip(*np.nonzero(firing & ~usual), strict=True):
        moved = _one(own, weights[neuron], arrivals[sample], fired[sample, neuron], neuron)
        part[sample] += given[sample, neuron] * moved
    return part


def _counted(own: Neurons, arrivals: Array, end: float) -> Array:
    """Which inputs move anything: those after t_start, before which all come as at t_start, and before `end`."""
    return (arrivals >= float(own.t_start)) & (arrivals < end)


def _one(own: Neurons, weights: Array, arrivals: Array, fired: float, neuron: int) -> Array:
    """What a spike that is premature, or that late inputs took part in, moves by, for each input."""
    before = arrivals < fired
    if fired < float(own.t_min):
        slope = float(own.slope_start[neuron]) + weights[before].sum()
    else:
        slope = float(own.slope_fire[neuron]) + weights[before & (arrivals >= float(own.t_min))].sum()
    moving: Array = np.where(before & (arrivals >= float(own.t_start)), weights / slope, 0.0)
    return moving
