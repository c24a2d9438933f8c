"""What the neurons of a population ask of the core that they live on: places, weights, inputs.

Relies on the network and on `reach`. Used where a network is cut into what cores hold, and where that is counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.reach import Inputs, fan_in, kernel_size
from eventsim.network.network import Network
from eventsim.network.nodes import Population, Projection, Source

Array = np.ndarray[Any, Any]
Node = Source | Population


@dataclass(frozen=True, eq=False)
class Demand:
    """What a population's neurons ask for, counted once.

    Attributes
    ----------
    node
        The population, or a source that is placed on cores.
    unit
        Neurons that stay together where they can: those of a channel, the first axis of a shape with several.
    fan_in : array (size,)
        Synapses onto each neuron.
    incoming
        The projections to it.
    starts : array (size + 1,)
        Synapses whose weights are kept one by one, of all neurons before each.
    kernel
        Weights kept once for each channel, where kernels are shared.
    firsts
        For each source or population, by name, the number of its first neuron among all neurons.
    n_all
        How many neurons there are in all, those of sources among them.
    """

    node: Node
    unit: int
    fan_in: Array
    incoming: tuple[Projection, ...]
    starts: Array
    kernel: int
    firsts: dict[str, int]
    n_all: int

    @property
    def name(self) -> str:
        """The population's."""
        return self.node.name

    def synapses(self, first: int, last: int) -> int:
        """Weights that a core keeps for the neurons first..last, both included."""
        channels = last // self.unit - first // self.unit + 1
        return int(self.starts[last + 1] - self.starts[first]) + self.kernel * channels

    def inputs(self, first: int, last: int) -> Array:
        """Numbers, among all neurons of the network, of those that reach the neurons first..last; one may repeat."""
        each = [self.firsts[one.pre.name] + inputs.of(first, last) for one, inputs in self._inputs]
        return np.concatenate([np.empty(0, dtype=np.int64), *each])

    def n_inputs(self, first: int, last: int) -> int:
        """How many different neurons they are."""
        if len(self._inputs) == 1:
            return self._inputs[0][1].count(first, last)
        return int(np.unique(self.inputs(first, last)).size)

    @cached_property
    def _inputs(self) -> list[tuple[Projection, Inputs]]:
        return [(one, Inputs(one)) for one in self.incoming]


def demands(net: Network, placed: Sequence[Node], limits: CoreLimits) -> list[Demand]:
    """Return what each of the nodes that are placed asks for, in the same order."""
    firsts, total = {}, 0
    for node in net.nodes:
        firsts[node.name] = total
        total += node.size
    return [_demand(net, node, limits.shared_kernels, firsts, total) for node in placed]


def _demand(net: Network, node: Node, shared: bool, firsts: dict[str, int], n_all: int) -> Demand:
    incoming = tuple(one for one in net.projections if one.post is node)
    counts = [fan_in(one) for one in incoming]
    kernels = [kernel_size(one) if shared else None for one in incoming]
    single = [count for count, kernel in zip(counts, kernels, strict=True) if kernel is None]
    nothing = np.zeros(node.size, dtype=np.int64)
    return Demand(
        node=node,
        unit=math.prod(node.shape[1:]),
        fan_in=sum(counts, start=nothing),
        incoming=incoming,
        starts=np.concatenate(([0], np.cumsum(sum(single, start=nothing)))),
        kernel=sum(kernel for kernel in kernels if kernel is not None),
        firsts=firsts,
        n_all=n_all,
    )
