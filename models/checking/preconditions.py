"""What `verify`, `certify` and `sensitivity` need of a network and of a run, asked before anything is computed.

Relies on the exact windows of networks. Used by those three.
"""

from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.checking.expected_times import extended
from eventsim.models.checking.fields import projections_to
from eventsim.models.neurons.ttfs import ROWS
from eventsim.network.network import Network, Population
from eventsim.network.projections import own_delays
from eventsim.run.run import Run
from eventsim.wording import neuron_text


def check_network(net: Any, who: str = "verify") -> None:
    """Raise `InputError` unless `net` is made of sources, windowed linear-PSP neurons and pools, without recurrence.

    `who` begins the message.
    """
    if not isinstance(net, Network):
        raise InputError(f"{who}: net is a {type(net).__name__}; must be an eventsim.Network, as to_ttfs returns")
    if not net.sources:
        raise InputError(f"{who}: net has no source; its spike times must come from inputs")
    for source in net.sources:
        if source.generator is not None:
            raise InputError(f"{who}: source {source.name!r} has a generator; must code values, one spike each")
    for population in net.populations:
        kinds = [projection.kind.kind for projection in net.projections if projection.post is population]
        if population.model.relay and (kinds != ["pool"] or population.window is None):
            raise InputError(
                f"{who}: population {population.name!r} of relays has projections {', '.join(kinds) or 'none'} and "
                f"window {population.window}; must have one Pool to it, and the window of what it pools"
            )
        if population.model.relay and population.window is not None:
            _check_relay_window(net, population, who)
        if not population.model.relay and (population.model.dynamics.rows != ROWS or not population.model.windowed):
            raise InputError(
                f"{who}: population {population.name!r} is of model {population.model.name}; verified are ttfs_b1, "
                "ttfs_alpha1, integrator and pools of relays, whose times have a closed form; give trains of others as "
                "times={name: eventsim.SpikeTimes(trains)}"
            )
        if population.model.spiking and not population.model.relay:
            _check_slope(population, who)
    for projection in net.projections:
        if projection.pre.order >= projection.post.order:
            raise InputError(f"{who}: {projection.label} leads back; must lead from earlier to later populations")
        if own_delays(projection.kind) is not None:
            raise InputError(
                f"{who}: synapses of {projection.label} have delays of their own; must share one, which the analytic "
                "times take. Connect with one Sparse for each delay."
            )


def _check_relay_window(net: Network, population: Population, who: str) -> None:
    """A pool has the window of what it pools, later by the delay of its projection."""
    (projection,) = projections_to(net, population)
    own, pooled_window = population.window, projection.pre.window
    assert own is not None
    assert pooled_window is not None
    ends = [extended(t) + extended(projection.delay) for t in pooled_window[-2:]]
    if any(abs(extended(t) - end) > 8 * 2.0**-53 * float(end) for t, end in zip(own[-2:], ends, strict=True)):
        raise InputError(
            f"{who}: pool {population.name!r} has the window [{float(own[-2]):g}, {float(own[-1]):g}], but what it "
            f"pools arrives in [{float(ends[0]):g}, {float(ends[1]):g}]; must be equal; give it that window"
        )


def _check_slope(population: Population, who: str) -> None:
    """Neurons whose potential does not rise from t_min on have no closed form."""
    slope = population.parameters["slope"]
    bad = np.flatnonzero(slope <= 0)
    if bad.size:
        raise InputError(
            f"{who}: population {population.name!r}, {neuron_text(bad[0], population.shape)}: slope = {slope[bad[0]]} "
            f"from t_min on (alpha + the sum of its weights), and {bad.size} neurons have one <= 0; must be > 0, since "
            "what does not rise has no closed form; simulate tells what they do"
        )


def check_run(net: Network, run: Any, who: str) -> None:
    """Raise `InputError` unless `run` is one of this network, and reached the end of its last window."""
    if not isinstance(run, Run):
        raise InputError(f"{who}: run is a {type(run).__name__}; must be what eventsim.simulate returned")
    expected = [(node.name, node.size) for node in net.nodes]
    if list(zip(run.populations, run.sizes, strict=True)) != expected:
        raise InputError(
            f"{who}: the run has {_sizes(zip(run.populations, run.sizes, strict=True))}, the network "
            f"{_sizes(expected)}; give the run of this network"
        )
    end = float(max(t for population in net.populations for t in population.window or () if t < np.inf))
    until = run.provenance["until"]
    if not run.complete or (until is not None and until < end):
        raise InputError(f"{who}: the run ended early (until = {until}); must reach the last window's end, t = {end:g}")


def _sizes(pairs: Any) -> str:
    return ", ".join(f"{name} {size}" for name, size in pairs)
