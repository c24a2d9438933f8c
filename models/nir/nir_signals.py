"""What leaves each node of a NIR graph: spikes of neurons, mapped and delayed, and constants.

Relies on `nir_graph`, `nir_linear` and `nir_maps`. Used by `nir_read`.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import NetworkError
from eventsim.models.nir.nir_graph import ENDS, GRADED, LINEAR, SPIKING, SUPPORTED, Graph, NodeError, shape_of_end
from eventsim.models.nir.nir_linear import Linear, read_linear
from eventsim.models.nir.nir_maps import Map, Shape, synapses
from eventsim.models.nir.nir_neurons import own_shape
from eventsim.network.projections import OneToOne, Sparse

Array = np.ndarray[Any, Any]
NEURONS = (*SPIKING, *GRADED)
MOST_TERMS = 10_000  # ways from a neuron to others, over linear nodes that join and part
LONGEST_CHAIN = 200  # linear nodes without a neuron


class Term(NamedTuple):
    """The spikes of a source or population, mapped and delayed.

    Attributes
    ----------
    delay
        The delay of all of them, in time.
    early, late : scalar or array (size,)
        What each neuron of the origin, and each output, adds to the delay, flat, or 0.
    """

    origin: str
    map: Map
    delay: float
    early: Any = 0.0
    late: Any = 0.0

    def behind(self, linear: Linear) -> "Term":
        """The term behind another linear node.

        Raises
        ------
        NetworkError
            Outputs that were delayed differently and are mixed now.
        """
        ways, delay = self.map.then(linear.map), linear.delay
        if np.ndim(self.late) and not (linear.map.kind is None or isinstance(linear.map.kind, OneToOne)):
            raise NetworkError(
                "mixes what a Delay before it has delayed by different times, each of which would need synapses of its "
                "own. Put a neuron between the two, or the Delay in front of all weights."
            )
        if np.ndim(delay) == 0:
            return self._replace(map=ways, delay=self.delay + delay)
        if self.map.kind is None:
            return self._replace(map=ways, early=self.early + delay)
        return self._replace(map=ways, late=self.late + delay)

    def projection(self, gain: Array) -> tuple[Any, float]:
        """The projection to neurons that weigh their inputs by `gain`, and its delay."""
        kind = self.map.times(gain).projection()
        if not (np.ndim(self.early) or np.ndim(self.late)):
            return kind, self.delay
        sources, targets, weights = synapses(kind)
        early, late = np.broadcast_to(self.early, math.prod(self.map.pre)), np.broadcast_to(self.late, gain.shape)
        return Sparse(sources, targets, weights, self.delay + early[sources] + late[targets]), 0.0


class Signal(NamedTuple):
    """What leaves a node: spikes of others, added up, and a constant, an array (size,) or None."""

    shape: Shape
    terms: list[Term]
    constant: Array | None


class _ShapeIsOpenError(Exception):
    """The shape of a node depends on itself."""


class Signals:
    """The signals of a graph, found where they are asked for."""

    def __init__(self, graph: Graph, flat: bool = False) -> None:
        self.graph, self.flat = graph, flat  # flat: shapes of ends have other axes before the last, which alone counts
        self._signals: dict[str, Signal] = {}
        self._open: list[str] = []  # linear nodes whose signals are being found
        self._sized: list[str] = []  # neuron nodes whose shapes are

    def check(self, name: str) -> None:
        """Refuse a node that is not supported, or has nothing before or behind it."""
        graph, kind = self.graph, self.graph.kind(name)
        if kind not in (*ENDS, *LINEAR, *NEURONS):
            reason = "is not supported"
            if kind == "Threshold":
                reason = "compares what reaches it at each moment; of impulses, or of a potential, that makes no spikes"
            raise graph.error(name, f"{reason}; {SUPPORTED}. Use an IF or LIF, or remove it.")
        before, behind = graph.before(name), any(first == name for first, _ in graph.edges)
        if not before and (kind != "Input" or name in graph.ports):
            raise graph.error(name, "no edge leads into it; must have one. Add the edge, or an Input before it.")
        if before and kind == "Input" and name not in graph.ports:
            raise graph.error(name, "an edge leads into it; an Input is where edges begin. Remove the edge.")
        if not behind and (kind in LINEAR or name in graph.ports):
            raise graph.error(name, "no edge leaves it; must lead to a neuron. Add the edge, or remove the node.")
        if kind in GRADED:
            to = [second for first, second in graph.edges if first == name and not self._shown(second)]
            if to:
                raise graph.error(
                    name,
                    f"its potential goes to {to[0]!r}; must go to an Output only, since only spikes are carried. "
                    f"Slope neurons (I, Affine, IF) are made with eventsim.models.ttfs_network.",
                )

    def _shown(self, name: str) -> bool:
        """Does this lead to Outputs only, by nodes that change nothing but the shape?"""
        seen, left = {name}, [name]
        while left:
            one = left.pop()
            if self.graph.kind(one) not in ("Output", "Flatten") and one not in self.graph.ports:
                return False
            behind = {second for first, second in self.graph.edges if first == one} - seen
            seen |= behind
            left += behind
        return True

    def end(self, name: str) -> Shape:
        """The shape of an Input or Output."""
        shape = shape_of_end(self.graph, name)
        return shape[-1:] if self.flat else shape

    def shape(self, name: str) -> Shape:
        """The shape of an Input or a neuron node: that of its parameters or, of single numbers, of what reaches it."""
        if self.graph.kind(name) == "Input":
            return self.end(name)
        shape = own_shape(self.graph, name)
        if shape != ():
            return shape
        for before in self.graph.before(name):
            if name not in self._sized:
                self._sized.append(name)
                try:
                    return self.signal(before).shape
                except (_ShapeIsOpenError, NodeError):  # an error shows again where the signal is needed
                    continue
                finally:
                    self._sized.remove(name)
        if self._sized:
            raise _ShapeIsOpenError(name)
        return (1,)

    def signal(self, name: str) -> Signal:
        """What leaves a node."""
        if name in self._signals:
            return self._signals[name]
        graph = self.graph
        self.check(name)
        if name not in graph.ports and graph.kind(name) in (*NEURONS, "Input"):
            shape = self.shape(name)
            return Signal(shape, [Term(name, Map(shape, shape), 0.0)], None)
        if name in self._open:
            raise graph.error(name, "is in a cycle without a neuron; must have one. Put a neuron or remove an edge.")
        if len(self._open) > LONGEST_CHAIN:
            raise graph.error(name, f"is behind more than {LONGEST_CHAIN} nodes without a neuron. Join some of them.")
        self._open.append(name)
        try:
            found = self.incoming(name)
            if name not in graph.ports:
                found = self._mapped(name, found)
        finally:
            self._open.remove(name)
        self._signals[name] = found
        return found

    def _mapped(self, name: str, signal: Signal) -> Signal:
        """A signal behind a linear node."""
        linear = read_linear(self.graph, name, signal.shape)
        constant = linear.bias if linear.bias is not None and linear.bias.any() else None
        if signal.constant is not None:
            if np.any(linear.delay):
                raise self.graph.error(name, "delays a bias, which has no time. Put the Delay before the Affine.")
            through = linear.map.apply(signal.constant)
            constant = through if constant is None else through + constant
        try:
            terms = [term.behind(linear) for term in signal.terms]
        except NodeError:
            raise
        except NetworkError as error:
            raise self.graph.error(name, str(error)) from error
        return Signal(linear.map.post, terms, constant)

    def incoming(self, name: str) -> Signal:
        """The sum of what reaches a node."""
        signals = [(before, self.signal(before)) for before in self.graph.before(name)]
        terms: list[Term] = []
        constant = None
        for before, signal in signals:
            if signal.shape != signals[0][1].shape:
                raise self.graph.error(
                    name,
                    f"what leads into it has different shapes, {signals[0][1].shape} from {signals[0][0]!r} and "
                    f"{signal.shape} from {before!r}; must be equal. Put a Flatten behind one of them.",
                )
            terms += signal.terms
            if signal.constant is not None:
                constant = signal.constant if constant is None else constant + signal.constant
        if len(terms) > MOST_TERMS:
            raise self.graph.error(
                name, f"is reached in {len(terms):,} ways; must be {MOST_TERMS:,} or fewer. Join linear nodes."
            )
        return Signal(signals[0][1].shape, terms, constant)
