"""Reader of NIR graphs (J. E. Pedersen et al., Neuromorphic intermediate representation, Nature Communications 2024).

A NIR graph is read as equations in continuous time, in which spikes are Dirac impulses: neurons become populations, and
what stands between two neurons becomes one projection. What cannot be said so is refused, node by node. Files of
step-based trainers are read as what these mean by them, where they are told to be such. Relies on `nir_graph`,
`nir_signals`, `nir_exporters` and `nir_neurons`, which states the equations.
"""

import itertools
import warnings
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from eventsim import wording
from eventsim.checks import number
from eventsim.errors import EventsimError, InputError, listed
from eventsim.models.nir.nir_exporters import TIMES, Manner, Suspicion, agreed, manner
from eventsim.models.nir.nir_graph import Graph, NodeError, open_graph, values
from eventsim.models.nir.nir_linear import leading_axes
from eventsim.models.nir.nir_maps import Shape
from eventsim.models.nir.nir_neurons import PARAMETERS, doubtful, fidelity, read_neurons, suspicion
from eventsim.models.nir.nir_signals import NEURONS, Signals, Term
from eventsim.network.network import Network
from eventsim.table import Column, Table, Tabled

USUAL = (1e-5, 10.0)  # seconds: time constants outside are suspicious


class NodeFidelity(NamedTuple):
    """How a node of a NIR graph is represented.

    Attributes
    ----------
    node, type
        Its name (``subgraph.node`` within a subgraph) and NIR's type.
    tag
        One of "faithful", "faithful except at equality", "impulses of area dt", "clocked", "doubtful" and
        "unsupported".
    note
        What differs, or why it is not supported; "" where there is nothing to say.
    """

    node: str
    type: str
    tag: str
    note: str


class GraphFidelity(Tabled, tuple[NodeFidelity, ...]):
    """What `nir_fidelity` returns: a `NodeFidelity` for each node of a graph, in its order; a table with a row each."""

    def table(self) -> Table:
        """Return the nodes as a table, and how many have each tag."""
        columns = tuple(Column(name, text=True) for name in NodeFidelity._fields)
        counts = Counter(entry.tag for entry in self)
        said = ", ".join(f"{count} {tag}" for tag, count in counts.items())
        return Table(columns, tuple(self), below=(said,), ruled=True)

    def __repr__(self) -> str:
        counts = Counter(entry.tag for entry in self)
        return f"GraphFidelity: {wording.several(f'{count} {tag}' for tag, count in counts.items())}"


def read_nir(
    source: Any,
    time_unit: float,
    strict: bool = False,
    *,
    dt: float | None = None,
    reading: str = "continuous",
    exporter: str | None = None,
    reset: str | None = None,
    resets: str | None = None,
    norm_input: bool | None = None,
) -> Network:
    """Return the network that a NIR graph describes; ``provenance["nir"]`` says which populations are its outputs.

    Inputs become sources, whose spikes are the graph's input; neurons become populations, and linear nodes projections
    between them, in an order that the order of the graph's nodes does not change. Where v begins, NIR does not say:
    it is 0 here.

    Files of step-based trainers mean by a spike a pulse of height 1 and width dt, where NIR has an impulse of area 1,
    and recurrent edges that take a step, where NIR's take no time. `dt` says so.

    Parameters
    ----------
    source
        Path of a NIR file, or a ``nir.NIRGraph``.
    time_unit
        Seconds per unit of the graph's times, which NIR leaves open: 1e-3 where its time constants are in ms. It
        becomes `Network.time_unit`; no number is rescaled.
    strict
        Whether LIF and CubaLIF fire at v > v_threshold, as NIR has it, and not at V >= v_threshold; their thresholds
        are then the next float64. IF is strict in any case.
    dt
        The step of the exporter, in the unit of the graph's times. Impulses have this area (weights times dt, not
        biases), and recurrent edges without a Delay this delay. None is NIR's own reading.
    reading
        How neurons live: "continuous" by NIR's equations; "clocked" by steps of dt (`lif_clocked`), as the exporter's
        do, so that inputs at k dt give the exporter's own spikes.
    exporter
        Which framework wrote the file: "snntorch", "norse", "sinabs", "spikingjelly" or "rockpool", each of which
        writes something else for the same neuron. None takes the file by its word; a clocked reading is then forward
        Euler, with NIR's comparator.
    reset
        What a spike does to v: "hard" (to v_reset) or "soft" (threshold subtracted). NIR has the first only; snnTorch,
        Norse and sinabs have both and do not write which, so that it must be given for these.
    resets
        When the reset of a clocked reading happens, as in `lif_clocked`. None takes what the exporter does by default.
    norm_input
        Whether LIF layers of sinabs multiply inputs by 1 - decay, which it does not write.

    Raises
    ------
    NetworkError
        Nodes that cannot be represented, or that do not fit together; `nir_fidelity` lists them all.
    FileFormatError, InputError
        A file that is damaged or no NIR; no path and no graph; nir is not installed; options that do not go together.

    Warns
    -----
    UserWarning
        Time constants shorter than 10 µs or longer than 10 s: is `time_unit` right? Neurons that seem to be written for
        steps, where no `dt` or another one is given.
    """
    remedy = "Give the seconds per unit of the graph's times: 1e-3 for milliseconds, 1 for seconds."
    unit = float(number("read_nir", "time_unit", time_unit, low=0, open_low=True, remedy=remedy))
    how = _manner("read_nir", source, strict, dt, reading, exporter, reset, resets, norm_input)
    read = Reading(open_graph(source), how)
    for name in read.graph.nodes:
        read.check(name)
    net = read.network(unit)
    outputs = {name: read.output(name) for name in read.graph.in_order(["Output"])}
    net.provenance["nir"] = {
        "outputs": outputs,
        "fidelity": [list(entry) for entry in read.fidelity()],
        "reading": how.described(),
    }
    _warn_of_times(read.graph, unit, how)
    _warn_of_steps(read)
    return net


def nir_fidelity(
    source: Any,
    strict: bool = False,
    *,
    dt: float | None = None,
    reading: str = "continuous",
    exporter: str | None = None,
    reset: str | None = None,
    resets: str | None = None,
    norm_input: bool | None = None,
) -> GraphFidelity:
    """Return for each node of a NIR graph how faithfully `read_nir` represents it.

    A node behind an unsupported one is judged as if that were supported. Errors are those of `read_nir`; unsupported
    nodes are listed instead of raised.

    Parameters
    ----------
    source
        Path of a NIR file, or a ``nir.NIRGraph``.
    strict, dt, reading, exporter, reset, resets, norm_input
        Options as for `read_nir`; `dt` is in the unit of the graph's times.
    """
    how = _manner("nir_fidelity", source, strict, dt, reading, exporter, reset, resets, norm_input)
    return GraphFidelity(Reading(open_graph(source), how).fidelity())


def _manner(where: str, source: Any, strict: bool, dt: float | None, reading: str, *others: Any) -> Manner:
    """The options, checked; where a missing dt is needed, the one that the graph seems to be written for is offered."""
    try:
        return manner(where, strict, dt, reading, *others)
    except InputError as error:
        steps: dict[float, str] = {}
        if dt is None and (reading == "clocked" or any(option is not None for option in others)):
            steps = Reading(open_graph(source), Manner()).steps
        if not steps:
            raise
        several = [f"{step:g} (node {name!r})" for step, name in steps.items()]
        found = listed(several) if len(several) > 1 else f"{next(iter(steps)):g}"
        raise InputError(f"{error} This graph seems to be written for dt = {found}.") from None


class Reading(Signals):
    """A graph on its way to a network."""

    def __init__(self, graph: Graph, how: Manner) -> None:
        super().__init__(graph, how.dt is not None and how.exporter.flat)
        self.how = how
        self.doubts = {} if graph.ours else _doubts(graph)

    @property
    def steps(self) -> dict[float, str]:
        """The steps for which nodes of the graph seem to be written, and the first node of each."""
        return {doubt.dt: name for name, doubt in reversed(self.doubts.items())}

    def neurons(self, name: str) -> tuple[Shape, Any]:
        """The shape and the model of a neuron node, which fits what reaches it."""
        incoming, shape = self.incoming(name), self.shape(name)
        if incoming.shape != shape:
            advice = leading_axes(incoming.shape, len(shape), shape) or "Check the node before it."
            raise self.graph.error(name, f"what leads into it has shape {incoming.shape}; must have {shape}. {advice}")
        return shape, read_neurons(self.graph, name, shape, incoming.constant, self.how, self.recurrent(name))

    def recurrent(self, name: str) -> bool:
        """Do the spikes of a neuron node reach it, over linear nodes alone? Not where what leads there is refused."""
        try:
            return any(term.origin == name for term in self.incoming(name).terms)
        except NodeError:
            return False

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
        if self.end(name) != incoming.shape:
            raise self.graph.error(name, f"what leads into it has shape {incoming.shape}; must have {self.end(name)}.")
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
        if not graph.in_our_order:
            edges.sort(key=lambda edge: (order[edge[1]], edge[0]))
        hops = [(term, name) for before, name in edges for term in self.signal(before).terms]
        late = set() if self.how.dt is None else _recurrent(hops, order)
        for term, name in hops:
            at_once = not (term.delay or np.any(term.early) or np.any(term.late))
            try:
                kind, delay = term.projection(gains[name])
                net.connect(
                    term.origin, name, kind, self.how.area if at_once and (term.origin, name) in late else delay
                )
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
                tag, note = fidelity(self.graph, name, self.how, self.doubts.get(name), self.recurrent(name))
            verdicts.append(NodeFidelity(name, kind, tag, note))
        return verdicts


def _recurrent(hops: list[tuple[Term, str]], order: dict[str, int]) -> set[tuple[str, str]]:
    """The pairs (from, to) of populations that close a cycle: to one created before, or to itself.

    Trainers take a layer after the other, so that such spikes are there in the next step.
    """
    behind: dict[str, set[str]] = {}
    for term, name in hops:
        behind.setdefault(term.origin, set()).add(name)
    found = set()
    for origin, name in {(term.origin, name) for term, name in hops}:
        if order.get(origin, -1) < order[name]:
            continue
        seen, front = {name}, {name}
        while front:
            front = set(itertools.chain.from_iterable(behind.get(one, ()) for one in front)) - seen
            seen |= front
        if origin in seen:
            found.add((origin, name))
    return found


def _doubts(graph: Graph) -> dict[str, Suspicion]:
    """The neuron nodes that seem to be written for steps, mostly all for the same one."""
    found = {}
    for name in graph.nodes:
        if graph.kind(name) in NEURONS:
            try:
                found[name] = suspicion(graph, name)
            except NodeError:  # raised or listed where the node is read
                continue
    return agreed({name: doubt for name, doubt in found.items() if doubt is not None})


def _warn_of_steps(read: Reading) -> None:
    """A file of a trainer that is not read as one, or with another step or exporter than it seems to be written for."""
    dt, exporter = read.how.dt, read.how.name
    for node, doubt in read.doubts.items():
        same = dt is not None and abs(dt - doubt.dt) <= 1e-3 * doubt.dt
        if (same and doubt.exporter in (None, exporter)) or (
            exporter == "rockpool" and doubt.exporter is None  # its dt may be no short decimal
        ):
            continue
        given = "" if dt is None or same else f", not {dt:g}"
        others = ""
        if len(read.steps) > 1:
            steps = listed(f"{step:g} (node {name!r})" for step, name in read.steps.items() if step != doubt.dt)
            others = f" Other nodes seem to be written for other steps, {steps}, and dt is one for all: who wrote them?"
        warnings.warn(
            f"read_nir: node {node!r} {doubtful(doubt)}{given}; add reading='clocked' for the exporter's own steps."
            f"{others}",
            stacklevel=3,
        )
        return


def _warn_of_times(graph: Graph, time_unit: float, how: Manner) -> None:
    """Times that are unusual for neurons are times in another unit, mostly."""
    for name in graph.nodes:
        if graph.kind(name) not in PARAMETERS:
            continue
        given = {key: values(graph, name, key) for key in PARAMETERS[graph.kind(name)]}
        given = how.in_terms_of_steps(graph.kind(name), given)
        for parameter in [key for key in TIMES if key in given]:
            seconds = given[parameter] * time_unit
            outside = seconds[(seconds < USUAL[0]) | (seconds > USUAL[1])]
            if outside.size:
                warnings.warn(
                    f"read_nir: {parameter} of node {name!r} is {outside[0] / time_unit:g}, which is {outside[0]:g} s "
                    f"with time_unit = {time_unit:g}. Is the graph in another unit? Neurons have "
                    f"{USUAL[0]:g} s to {USUAL[1]:g} s.",
                    stacklevel=3,
                )
                return
