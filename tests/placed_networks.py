"""Random small networks of every kind of projection, and what placements must count, synapse by synapse.

The counts here list each synapse and look at nothing of `eventsim.hardware`. Used by the tests of placements.
"""

import math
import random
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

import eventsim
from eventsim import Conv, Dense, Network, OneToOne, Pool, Sparse
from eventsim.models import neurons as _registered  # noqa: F401 — the models of the networks below

Neuron = tuple[str, int]


class Synapse(NamedTuple):
    """One synapse, and which projection it belongs to."""

    projection: int
    pre: Neuron
    post: Neuron


def cells(net: Network, shape: Any, name: str) -> Any:
    return net.population("lif_delta", shape, name, tau_mem=10.0)


def random_network(seed: int, pools: bool = True) -> Network:
    """An image, convolutions with groups, strides and borders, pools, pools of pools, and layers behind them."""
    draw = random.Random(seed)
    net = Network()
    last: Any = net.source((2, draw.randint(3, 5), draw.randint(3, 5)), "input")
    for depth in range(draw.randint(1, 2)):
        groups, c_in = draw.choice((1, 2)), last.shape[0]
        groups = groups if c_in % groups == 0 else 1
        c_out = groups * draw.randint(1, 3)
        kernel = (c_out, c_in // groups, draw.randint(1, min(2, last.shape[1])), draw.randint(1, min(3, last.shape[2])))
        conv = Conv(np.ones(kernel), stride=draw.choice((1, 1, 2)), padding=(0, 1), groups=groups)
        layer = cells(net, conv.output_shape(last.shape), f"conv{depth}")
        net.connect(last, layer, conv)
        last = layer
        for number in range(draw.randint(0, 2) if pools else 0):
            pool = Pool(
                (draw.randint(1, min(2, last.shape[1])), draw.choice((1, 2))),
                stride=draw.choice((1, 2)),
                padding=(0, 1),
            )
            relay = net.population("relay", pool.output_shape(last.shape), f"pool{depth}{'ab'[number]}")
            net.connect(last, relay, pool)
            last = relay
    hidden = cells(net, (draw.randint(1, 7),), "hidden")
    n = draw.randint(0, 40)
    sources, targets = ([draw.randrange(size) for _ in range(n)] for size in (last.size, hidden.size))
    net.connect(last, hidden, Sparse(sources, targets, np.ones(n)))  # also several between the same two
    output = cells(net, (draw.randint(1, 5),), "output")
    net.connect(hidden, output, Dense(np.ones((output.size, hidden.size))))
    if draw.random() < 0.5:
        net.connect(hidden, hidden, OneToOne(np.ones(hidden.size)), delay=1.0)
        net.connect(output, hidden, Dense(np.ones((hidden.size, output.size))), delay=1.0)
    if draw.random() < 0.5:
        net.connect("input", output, Dense(np.ones((output.size, net.node("input").size))))
    return net


def synapses(net: Network) -> list[Synapse]:
    """Every synapse, in the order of projections and sources."""
    return [
        Synapse(projection.order, (projection.pre.name, source), (projection.post.name, int(target)))
        for projection in net.projections
        for source in range(projection.pre.size)
        for target in projection.kind.synapses(source)[0]
    ]


def core_map(placement: Any, net: Network) -> dict[Neuron, int]:
    return {(node.name, k): int(core) for node in net.nodes for k, core in enumerate(placement.cores(node.name))}


def counted(net: Network, on: dict[Neuron, int], n_cores: int, inside: set[str], shared: bool) -> dict[str, list[int]]:
    """Neurons, relays, synapses and axons of each core."""
    found = {name: [0] * n_cores for name in ("neurons", "relays", "synapses", "axons")}
    for (name, _), core in on.items():
        if core >= 0:
            found["relays" if name in inside else "neurons"][core] += 1
    kernels, axons = set(), set()
    for one in synapses(net):
        kind: Any = net.projections[one.projection].kind
        core = on[one.post]
        if one.pre[0] not in inside or on[one.pre] != core:
            axons.add((one.pre, core))
        if one.post[0] in inside:
            continue
        if shared and isinstance(kind, Conv | Pool):
            continue
        found["synapses"][core] += 1
    for projection in net.projections if shared else ():
        kind = projection.kind
        if isinstance(kind, Conv | Pool) and projection.post.name not in inside:
            size = math.prod(kind.weights.shape[1:])
            for k in range(projection.post.size):
                channel = np.unravel_index(k, projection.post.shape)[0]
                kernels.add((projection.order, int(channel), on[projection.post.name, k], size))
    for _, _, core, size in kernels:
        found["synapses"][core] += size
    for _, core in axons:
        found["axons"][core] += 1
    return found


def relay_core(net: Network, listed: list[Synapse], on: dict[Neuron, int], neuron: Neuron) -> int:
    """Where a pool neuron is: at its receivers, or where its first input comes from, or at its first target."""
    targets = [one for one in listed if one.pre == neuron]
    relays = {one.name for one in net.populations if one.model.relay}

    def core_of(other: Neuron) -> int:
        return relay_core(net, listed, on, other) if other[0] in relays else on[other]

    def origin(other: Neuron) -> int:
        if other[0] not in relays:
            return on[other]
        inputs = sorted((one.projection, one.pre[1], one.pre) for one in listed if one.post == other)
        return next((core for *_, pre in inputs if (core := origin(pre)) >= 0), -1)

    there = {core_of(one.post) for one in targets}
    if len(there) == 1:
        return there.pop()
    if origin(neuron) >= 0:
        return origin(neuron)
    if targets:
        return core_of(min((one.projection, one.post[1], one.post) for one in targets)[2])
    return next(
        on[node.name, k]
        for node in net.nodes
        if node.name not in relays
        for k in range(node.size)
        if on[node.name, k] >= 0
    )


def hops(net: Network, on: dict[Neuron, int], spikes: dict[str, Any], distance: Any) -> float:
    """Spikes times distance, one packet for each other core that a neuron on the chip reaches."""
    reached = defaultdict(set)
    for one in synapses(net):
        if on[one.pre] >= 0:
            reached[one.pre].add(on[one.post])
    return sum(
        float(spikes[name][k]) * distance(on[name, k], core) for (name, k), there in reached.items() for core in there
    )


def line(*sizes: int) -> Network:
    """Dense layers behind each other; the first size is that of the source."""
    net = eventsim.Network()
    last: Any = net.source(sizes[0], "input")
    for k, size in enumerate(sizes[1:], 1):
        layer = cells(net, size, f"layer{k}")
        net.connect(last, layer, Dense(np.ones((size, last.size))))
        last = layer
    return net
