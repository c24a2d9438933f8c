"""Reader of NIR graphs (J. E. Pedersen et al., Neuromorphic intermediate representation, Nature Communications 2024).

A NIR graph is read as equations in continuous time, in which spikes are Dirac impulses: neurons become populations, and
what stands between two neurons becomes one projection. What cannot be said so is refused, node by node. Relies on
`nir_graph`, `nir_linear`, `nir_maps` and `nir_neurons`, which states the equations.
"""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import flag, number
from eventsim.errors import EventsimError, NetworkError
from eventsim.models.nir.nir_graph import (
    ENDS,
    GRADED,
    LINEAR,
    SPIKING,
    SUPPORTED,
    Graph,
    NodeError,
    open_graph,
    shape_of_end,
    values,
)
from eventsim.models.nir.nir_linear import Linear, read_linear
from eventsim.models.nir.nir_maps import Map, Shape, synapses
from eventsim.models.nir.nir_neurons import PARAMETERS, TIMES, fidelity, own_shape, read_neurons
from eventsim.network import Network
from eventsim.projections import OneToOne, Sparse

Array = np.ndarray[Any, Any]
NEURONS = (*SPIKING, *GRADED)
MOST_TERMS = 10_000  # ways from a neuron to others, over linear nodes that join and part
LONGEST_CHAIN = 200  # linear nodes without a neuron
USUAL = (1e-5, 10.0)  # seconds: time constants outside are suspicious


class NodeFidelity(NamedTuple):
    """How a node of a NIR graph is represented.

    Attributes
    ----------
    node, type : its name (``subgraph.node`` within a subgraph) and NIR's type.
    tag : "faithful", "faithful except at equality", or "unsupported".
    note : what differs, or why it is not supported; "" where there is nothing to say.
    """

    node: str
    type: str
    tag: str
    note: str


class Term(NamedTuple):
    """The spikes of a source or population, mapped and delayed.

    Attributes
    ----------
    delay : of all of them. early, late : what each neuron of the origin, and each output, adds to it, flat, or 0.
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


def read_nir(source: Any, time_unit: float, strict: bool = False) -> Network:
    """Return the network that a NIR graph describes; ``provenance["nir"]`` says which populations are its outputs.

    Inputs become sources, whose spikes are the graph's input; neurons become populations, and linear nodes projections
    between them, in an order that the order of the graph's nodes does not change. Where v begins, NIR does not say:
    it is 0 here.

    Parameters
    ----------
    source : path of a NIR file, or a ``nir.NIRGraph``.
    time_unit : seconds per unit of the graph's times, which NIR leaves open: 1e-3 where its time constants are in ms.
        It becomes `Network.time_unit`; no number is rescaled.
    strict : whether LIF and CubaLIF fire at v > v_threshold, as NIR has it, and not at V >= v_threshold; their
        thresholds are then the next float64. IF is strict in any case.

    Raises
    ------
    NetworkError
        Nodes that cannot be represented, or that do not fit together; `nir_fidelity` lists them all.
    FileFormatError, InputError
        A file that is damaged or no NIR; no path and no graph; nir is not installed.

    Warns
    -----
    UserWarning
        Time constants shorter than 10 µs or longer than 10 s: is `time_unit` right?
    """
    remedy = "Give the seconds per unit of the graph's times: 1e-3 for milliseconds, 1 for seconds."
    unit = float(number("read_nir", "time_unit", time_unit, low=0, open_low=True, remedy=remedy))
    reading = Reading(open_graph(source), flag("read_nir", "strict", strict))
    for name in reading.graph.nodes:
        reading.check(name)
    net = reading.network(unit)
    outputs = {name: reading.output(name) for name in reading.graph.in_order(["Output"])}
    net.provenance["nir"] = {"outputs": outputs, "fidelity": [list(entry) for entry in reading.fidelity()]}
    _warn_of_times(reading.graph, unit)
    return net


def nir_fidelity(source: Any, strict: bool = False) -> list[NodeFidelity]:
    """Return for each node of a NIR graph how faithfully `read_nir` represents it.

    A node behind an unsupported one is judged as if that were supported. Parameters and errors are those of `read_nir`;
    unsupported nodes are listed instead of raised.
    """
    return Reading(open_graph(source), flag("nir_fidelity", "strict", strict)).fidelity()


class Reading:
    """A graph on its way to a network."""

    def __init__(self, graph: Graph, strict: bool) -> None:
        self.graph, self.strict = graph, strict
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

    # -- signals ----------------------------------------------------------------------------------------------------

    def shape(self, name: str) -> Shape:
        """The shape of an Input or a neuron node: that of its parameters or, of single numbers, of what reaches it."""
        if self.graph.kind(name) == "Input":
            return shape_of_end(self.graph, name)
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

    # -- results ----------------------------------------------------------------------------------------------------

    def neurons(self, name: str) -> tuple[Shape, Any]:
        """The shape and the model of a neuron node, which fits what reaches it."""
        incoming, shape = self.incoming(name), self.shape(name)
        if incoming.shape != shape:
            raise self.graph.error(
                name, f"what leads into it has shape {incoming.shape}; must have {shape}. Check the node before it."
            )
        return shape, read_neurons(self.graph, name, shape, incoming.constant, self.strict)

    def output(self, name: str) -> str:
        """The source or population that an Output shows."""
        incoming = self.incoming(name)
        delayed = any(np.any(delay) for term in incoming.terms for delay in term[2:])
        if len(incoming.terms) != 1 or incoming.constant is not None or delayed:
            raise self.graph.error(
                name, "shows a sum or something delayed; must show one neuron node. Put an LI or I node before it."
            )
        (term,) = incoming.terms
        if term.map.kind is not None:
            raise self.graph.error(
                name,
                f"shows weighted spikes of {term.origin!r} that no neuron receives. Put an LI or I node before it.",
            )
        if shape_of_end(self.graph, name) != incoming.shape:
            raise self.graph.error(
                name, f"what leads into it has shape {incoming.shape}; must have {shape_of_end(self.graph, name)}."
            )
        return term.origin

    @np.errstate(over="ignore", invalid="ignore")  # what overflows is refused where it is used
    def network(self, time_unit: float) -> Network:
        """The network: nodes in the order of the graph, projections in that of their targets, or of listed edges."""
        graph, net = self.graph, Network(time_unit)
        gains = {}
        for name in graph.in_order(("Input", *NEURONS)):
            if graph.kind(name) == "Input":
                net.source(self.shape(name), name)
                continue
            shape, neurons = self.neurons(name)
            gains[name] = neurons.gain
            try:
                net.population(neurons.model, shape, name, **neurons.parameters)
            except EventsimError as error:
                raise graph.error(name, str(error)) from error
        order = {name: place for place, name in enumerate(gains)}
        edges = [edge for edge in graph.edges if edge[1] in order]
        if not graph.listed:
            edges.sort(key=lambda edge: (order[edge[1]], edge[0]))
        for before, name in edges:
            for term in self.signal(before).terms:
                try:
                    net.connect(term.origin, name, *term.projection(gains[name]))
                except EventsimError as error:
                    raise graph.error(name, str(error)) from error
        return net

    @np.errstate(over="ignore", invalid="ignore")
    def fidelity(self) -> list[NodeFidelity]:
        """A verdict on each node; whatever is refused is blamed on the node that the error names."""
        blamed: dict[str, str] = {}
        for name in self.graph.nodes:
            kind = self.graph.kind(name)
            try:
                self.check(name)
                if name in self.graph.ports or kind == "Input":
                    self.signal(name)
                elif kind in NEURONS:
                    self.neurons(name)
                else:
                    (self.output if kind == "Output" else self.signal)(name)
            except NodeError as error:
                blamed.setdefault(error.node, str(error))
        verdicts = []
        for name in self.graph.nodes:
            kind, tag, note = self.graph.kind(name), "faithful", ""
            if name in blamed:
                tag, note = "unsupported", blamed[name]
            elif kind in NEURONS:
                tag, note = fidelity(self.graph, name, self.strict)
            verdicts.append(NodeFidelity(name, kind, tag, note))
        return verdicts


class _ShapeIsOpenError(Exception):
    """The shape of a node depends on itself."""


def _warn_of_times(graph: Graph, time_unit: float) -> None:
    """Times that are unusual for neurons are times in another unit, mostly."""
    for name in graph.nodes:
        for parameter in set(TIMES) & set(PARAMETERS.get(graph.kind(name), ())):
            seconds = values(graph, name, parameter) * time_unit
            outside = seconds[(seconds < USUAL[0]) | (seconds > USUAL[1])]
            if outside.size:
                warnings.warn(
                    f"read_nir: {parameter} of node {name!r} is {outside[0] / time_unit:g}, which is {outside[0]:g} s "
                    f"with time_unit = {time_unit:g}. Is the graph in another unit? Neurons have "
                    f"{USUAL[0]:g} s to {USUAL[1]:g} s.",
                    stacklevel=3,
                )
                return
