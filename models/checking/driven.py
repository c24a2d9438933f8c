"""Trains of spikes held against what each neuron does with what it received, for neurons of any model.

Somebody else's program says when all neurons fire. Here each population is simulated with the spikes that it received
*according to these trains*, so that a wrong spike is blamed on the neuron that has it, not on those behind it: the
network is built again with a source of the given spikes in place of each population that sends some. Relies on the
simulator and on `compare`. Used by `verify`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eventsim.errors import InputError, listed, nearest
from eventsim.inspection.compare import compare
from eventsim.inspection.comparison import Comparison
from eventsim.network.network import Network, Population, Source
from eventsim.network.sources import SpikeTimes
from eventsim.simulate import simulate

GIVEN = "given "  # begins the name of the source of a population's spikes


def of_trains(times: Any) -> bool:
    """Are these trains of spikes, each population's as `SpikeTimes`?"""
    return isinstance(times, Mapping) and any(isinstance(one, SpikeTimes) for one in times.values())


def verify_trains(
    net: Network, x: Any, times: Mapping[str, Any], within: float | None, until: Any, engine: str = "compiled"
) -> Comparison:
    """Return how given trains differ from those of neurons that receive them; `eventsim.models.verify` says more.

    Raises
    ------
    InputError
        Trains of populations that are not there, or not of all; what `simulate` and `compare` refuse.
    """
    _check(net, times)
    held = {name: given for name, given in times.items() if isinstance(net.node(name), Population)}
    stimulus = _stimulus(net, x, times)
    driven = driven_network(net, set(held))
    for source in driven.sources:
        if source.name.startswith(GIVEN) and source.name.removeprefix(GIVEN) in held:
            stimulus[source.name] = held[source.name.removeprefix(GIVEN)]
    run = simulate(driven, stimulus, record="spikes", until=until, engine="reference" if net.exact else engine)
    found = compare(run, held, within=within)
    return replace(found, notes=(*found.notes, "each neuron received the spikes of b"))


def driven_network(net: Network, held: set[str]) -> Network:
    """Return the network with a source of given spikes in place of each population of `held` where it sends some.

    Nodes and projections stand in the order of `net`, which is that of arrivals at one time.
    """
    sending = {projection.pre.name for projection in net.projections}
    found = Network(net.time_unit)
    pre: dict[str, Any] = {}
    for node in net.nodes:
        if isinstance(node, Source):
            pre[node.name] = found.source(node.shape, node.name, node.window, node.value_range)
            continue
        if node.name in sending & held:
            window = (0.0, 1.0) if node.window is None else node.window[-2:]
            pre[node.name] = found.source(node.shape, GIVEN + node.name, window)
        own = found.population(node.model, node.shape, node.name, node.window, **{**node.parameters, **node.steps})
        pre.setdefault(node.name, own)
    for projection in net.projections:
        found.connect(
            pre[projection.pre.name], projection.post.name, projection.kind, projection.delay,
            receptor=projection.receptor,
        )  # fmt: skip
    return found


def _stimulus(net: Network, x: Any, times: Mapping[str, Any]) -> dict[str, Any]:
    """What the sources of `net` send: what is given of them, or else `x`."""
    found = {source.name: times[source.name] for source in net.sources if source.name in times}
    rest = [source for source in net.sources if source.name not in found]
    if not rest:
        return found
    if x is None:
        raise InputError(
            f"verify: neither times nor x has anything of source {rest[0].name!r}; must be in one of them. Give x=."
        )
    if isinstance(x, Mapping):
        return found | {source.name: x[source.name] for source in rest if source.name in x}
    return found | {rest[0].name: x}


def _check(net: Any, times: Mapping[str, Any]) -> None:
    if not isinstance(net, Network):
        raise InputError(f"verify: net is a {type(net).__name__}; must be an eventsim.Network")
    names = [node.name for node in net.nodes]
    for name, given in times.items():
        if name not in names:
            raise InputError(
                f"verify: times has {name!r}{nearest(name, names)}; must be among {listed(names)}. Name one of them."
            )
        if not isinstance(given, SpikeTimes):
            raise InputError(
                f"verify: times of {name!r} is a {type(given).__name__}, and others are SpikeTimes; must be alike. "
                "Give trains of all as eventsim.SpikeTimes, or first spikes of all as arrays."
            )
    for projection in net.projections:
        pre = projection.pre
        if isinstance(pre, Population) and not pre.model.relay and pre.name not in times:
            raise InputError(
                f"verify: times lacks {pre.name!r}, which sends to {projection.post.name!r}; must have every "
                "population that sends, since each neuron is given what it received. Add its trains."
            )
    for source in net.sources:
        if source.generator is not None and source.name not in times:
            raise InputError(
                f"verify: source {source.name!r} draws its spikes; must be given those that were drawn. Add its trains."
            )
