"""Placing a network on the cores of a chip: by a strategy, by hand, or as a description says.

Relies on the strategies, and judges what they return by counting anew. Chips call it with their positions and limits.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eventsim.checks import choice, finite_array, shown
from eventsim.errors import PlacementError, listed, nearest
from eventsim.hardware.demand import Node, demands
from eventsim.hardware.distances import Distance, manhattan
from eventsim.hardware.expected_spikes import expected_spikes
from eventsim.hardware.greedy import greedy
from eventsim.hardware.limits import RESOURCES, UNITS, CoreLimits
from eventsim.hardware.loads import Loads, loads
from eventsim.hardware.placement import PlacedNode, Placement, Slice, slice_text, slices_of
from eventsim.hardware.refusal import check_each_neuron
from eventsim.hardware.relay_cores import at_receivers, packet_senders
from eventsim.hardware.slices import cores_of
from eventsim.hardware.strategies import STRATEGIES, Job, Strategy
from eventsim.network.network import Network, Source
from eventsim.run.run import Run

__all__ = ["greedy", "place", "place_as", "place_by_hand"]

Array = np.ndarray[Any, Any]
POOLS = ("receiver", "neurons")
SOURCES = ("off-chip", "cores")
KEYS = ("strategy", "pools", "limits", "positions", "populations")
NO_LIMITS = CoreLimits()


def place(
    net: Network,
    positions: Any,
    limits: CoreLimits = NO_LIMITS,
    strategy: str | Strategy = "linear",
    *,
    distance: Distance = manhattan,
    pools: str = "receiver",
    sources: str = "off-chip",
    traffic: Run | Mapping[str, Any] | None = None,
) -> Placement:
    """Place the neurons of a network on cores.

    Populations are cut into contiguous slices of their C-order index. Whole channels (the first axis of a shape of
    several) stay together where a core can hold one; else a channel is cut where a core is full.

    Parameters
    ----------
    net
        The network.
    positions : array (n_cores, 2)
        Where each core is, x and y.
    limits
        What each core can hold.
    strategy
        "linear": cores are filled in the order of their numbers; "by_layer": the same, and each population begins on
        a core of its own; "spiral": filled from the middle of the chip outwards; "greedy": what `linear` puts on one
        core goes where expected spikes have the fewest hops; "spread": every core has an equal part of each population.
        Or a function of your own, see `strategies`.
    distance
        Hops between positions: `distances.manhattan` for a mesh, `distances.torus(width, height)`.
    pools
        "receiver": a pool (relay) takes no place on a core. Where all its targets are on one core it is there, at
        their inputs, and its spikes need no packets; else it is where its first input is. "neurons": pools are placed
        as neurons are, and their fields count as synapses.
    sources
        "off-chip": their spikes come in by a link, and their core is -1; "cores": they are placed as neurons are.
    traffic
        What "greedy" expects: a `Run`, a dict of spikes by population, or None: one spike a neuron, so that its
        targets decide.

    Raises
    ------
    PlacementError
        What does not fit, with the limit, the population, the numbers, and the smallest change that would fit; unknown
        strategies and options; positions that are none.

    Examples
    --------
    >>> import eventsim
    >>> from eventsim.hardware.distances import mesh
    >>> net = eventsim.Network()
    >>> pixels, cells = net.source(4, "pixels"), net.population("lif_delta", 6, "cells", tau_mem=10.0)
    >>> _ = net.connect(pixels, cells, eventsim.Dense([[1.0] * 4] * 6))
    >>> place(net, mesh(2, 1), CoreLimits(neurons=4)).cores("cells").tolist()
    [0, 0, 0, 0, 1, 1]
    """
    where = _checked_positions(positions)
    _check_limits(limits)
    choice("place", "pools", pools, POOLS, PlacementError)
    choice("place", "sources", sources, SOURCES, PlacementError)
    function = strategy if callable(strategy) else _strategy(strategy)
    if not callable(distance):
        raise PlacementError(
            f"place: distance = {shown(distance)}; must be a function of positions. Give e.g. distances.manhattan."
        )
    job = Job(
        net=_checked_network(net),
        demands=tuple(demands(net, _placed(net, pools, sources == "cores"), limits)),
        limits=limits,
        positions=where,
        distance=distance,
        spikes=expected_spikes(net, traffic),
        pools=pools,
    )
    name = strategy if isinstance(strategy, str) else getattr(strategy, "__name__", "a function")
    return _made(net, [_slice(one) for one in function(job)], where, limits, pools, name)


def place_by_hand(
    net: Network,
    slices: Iterable[Slice | Sequence[Any]],
    positions: Any,
    limits: CoreLimits = NO_LIMITS,
    *,
    pools: str = "receiver",
) -> Placement:
    """Place the neurons of a network as the slices say.

    Parameters
    ----------
    net
        The network.
    slices
        `Slice` or (population, first, last, core) each, with every neuron of every population in one of them; sources
        that have none are off the chip. With pools="receiver" pools are left out: where they are follows.
    positions, limits, pools
        As `place` takes them.

    Raises
    ------
    PlacementError
        Neurons with no core or two, cores that there are not, more on a core than it can hold.
    """
    choice("place_by_hand", "pools", pools, POOLS, PlacementError)
    _check_limits(limits)
    given = [_slice(one) for one in slices]
    return _made(_checked_network(net), given, _checked_positions(positions), limits, pools, "by hand")


def place_as(net: Network, description: Mapping[str, Any] | str) -> Placement:
    """Return the placement that `Placement.describe` described, for the network that it was made for.

    Parameters
    ----------
    net
        The network, or one of the same populations and connections, such as a device that was made of it.
    description
        The dict, or its JSON text.

    Raises
    ------
    PlacementError
        No such description, another network, whatever `place_by_hand` refuses.
    """
    remedy = "Give what Placement.describe returned."
    if isinstance(description, str):
        try:
            description = json.loads(description)
        except (ValueError, RecursionError) as problem:
            raise PlacementError(
                f"place_as: {shown(description)} is no JSON ({problem}); must be a dict. {remedy}"
            ) from None
    if not isinstance(description, Mapping) or {*description} != {*KEYS}:
        found = listed(description) if isinstance(description, Mapping) else type(description).__name__
        raise PlacementError(f"place_as: {found}; must be a dict of {listed(KEYS)}. {remedy}")
    populations = description["populations"]
    triples = isinstance(populations, Mapping) and all(
        isinstance(runs, list | tuple) and all(isinstance(run, list | tuple) and len(run) == 3 for run in runs)
        for runs in populations.values()
    )
    if not triples or not isinstance(description["strategy"], str):
        raise PlacementError(
            f"place_as: populations = {shown(populations)}, strategy = {shown(description['strategy'])}; must be "
            f"lists of [first, last, core] by name, and a name. {remedy}"
        )
    choice("place_as", "pools", description["pools"], POOLS, PlacementError)
    slices = [_slice((name, *run)) for name, runs in populations.items() for run in runs]
    limits, where = CoreLimits.from_description(description["limits"]), _checked_positions(description["positions"])
    return _made(_checked_network(net), slices, where, limits, description["pools"], description["strategy"])


def _made(
    net: Network, slices: Sequence[Slice], positions: Array, limits: CoreLimits, pools: str, strategy: str
) -> Placement:
    """The placement of these slices, checked from the beginning."""
    n_cores = len(positions)
    inside = [one.name for one in net.populations if one.model.relay] if pools == "receiver" else []
    given = cores_of(net, slices, n_cores, inside)
    cores = {name: array for name, array in given.items() if name not in inside}
    if inside:
        cores |= at_receivers(net, cores)
        for name in inside:
            _check_given_relays(name, given[name], cores[name])
    check_each_neuron(demands(net, [node for node in net.nodes if node.name not in inside], limits), limits)
    counted = loads(net, cores, inside, limits, n_cores)
    _check_loads(net, cores, counted, limits, inside)
    senders = packet_senders(net, cores)
    for array in (*senders.values(), *vars(counted).values()):
        if array is not None:
            array.flags.writeable = False
    return Placement(
        nodes=tuple(PlacedNode(node.name, tuple(node.shape), _kind(node, inside)) for node in net.nodes),
        slices=tuple(one for node in net.nodes for one in slices_of(node.name, cores[node.name])),
        positions=tuple((float(x), float(y)) for x, y in positions),
        limits=limits,
        pools=pools,
        strategy=strategy,
        loads=counted,
        senders=senders,
    )


def _check_loads(
    net: Network, cores: Mapping[str, Array], counted: Loads, limits: CoreLimits, inside: Sequence[str]
) -> None:
    """Refuse the fullest core of a resource of which it has too little."""
    for resource in RESOURCES:
        limit, counts = getattr(limits, resource), getattr(counted, resource)
        if limit is None or int(counts.max()) <= limit:
            continue
        core, most = int(counts.argmax()), int(counts.max())
        held = [
            f"{node.name} {slice_text(one, node.shape)}"
            for node in net.nodes
            if node.name not in inside
            for one in slices_of(node.name, cores[node.name])
            if one.core == core
        ]
        at = " Pools at their receivers bring their inputs there: pools='neurons' may need fewer." if inside else ""
        raise PlacementError(
            f"placement: core {core} ({listed(held, 4)}) needs {most:,} {UNITS[resource]}; must be <= {limit:,} "
            f"(CoreLimits.{resource}). Move some of it, or take cores of {most:,}."
            f"{at if resource == 'axons' else ''}"
        )


def _check_given_relays(name: str, given: Array, found: Array) -> None:
    """Refuse pools that are said to be elsewhere than at their receivers."""
    wrong = np.flatnonzero((given >= 0) & (given != found))
    if wrong.size:
        neuron = int(wrong[0])
        raise PlacementError(
            f"placement: {name!r} is a pool, and its neuron {neuron} is said to be on core {given[neuron]}; with "
            f"pools='receiver' it must be on core {found[neuron]}, where what it feeds or what feeds it is. Leave "
            f"{name!r} out, or choose pools='neurons'."
        )


def _kind(node: Node, inside: Sequence[str]) -> str:
    if isinstance(node, Source):
        return "source"
    if node.name in inside:
        return "relay"
    return "pool" if node.model.relay else "neurons"


def _placed(net: Network, pools: str, with_sources: bool) -> list[Node]:
    """What a strategy has to place."""
    return [
        node
        for node in net.nodes
        if (with_sources if isinstance(node, Source) else pools == "neurons" or not node.model.relay)
    ]


def _slice(given: Any) -> Slice:
    if isinstance(given, Slice):
        return given
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 4:
        return Slice(*given)
    raise PlacementError(
        f"place_by_hand: {shown(given)} is no slice; must be a Slice or (population, first, last, core). Give e.g. "
        '("conv1", 0, 127, 3).'
    )


def _strategy(name: Any) -> Strategy:
    if not isinstance(name, str) or name not in STRATEGIES:
        close = nearest(name, STRATEGIES) if isinstance(name, str) else ""
        raise PlacementError(
            f"place: strategy = {shown(name)}{close}; must be one of {listed(STRATEGIES)}, or a function. Choose one."
        )
    return STRATEGIES[name]


def _checked_network(net: Any) -> Network:
    if not isinstance(net, Network) or not net.populations:
        found = "a network without populations" if isinstance(net, Network) else f"a {type(net).__name__}"
        raise PlacementError(f"place: net is {found}; must be a Network with neurons to place. Build one.")
    return net


def _check_limits(limits: Any) -> None:
    if not isinstance(limits, CoreLimits):
        raise PlacementError(
            f"place: limits = {shown(limits)}; must be CoreLimits. Give e.g. CoreLimits(neurons=256), or leave it out."
        )


def _checked_positions(positions: Any) -> Array:
    remedy = "Give x and y of each core, e.g. eventsim.hardware.distances.mesh(4, 4)."
    found = np.asarray(finite_array("place", "positions", positions, PlacementError, remedy=remedy), dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        raise PlacementError(f"place: positions have shape {found.shape}; must be (n_cores, 2). {remedy}")
    return found
