"""Writer of NIR graphs: a network as `read_nir` reads it back, to the last bit.

Weights stay as they are: a LIF gets R = tau and a CubaLIF w_in = tau_syn, so that a spike of weight w moves V, or I, by
w. A constant current of `lif_delta` and `lif_exp` is part of v_leak; that of `if_delta`, and what I of `lif_exp` begins
with, are a bias of what leads there.
What NIR has no word for is refused. Relies on `nir_graph` and `nir_neurons`. Used by users.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import flag, names
from eventsim.errors import InputError, NetworkError, listed
from eventsim.files.output import replaced
from eventsim.models.nir.nir_graph import MARK, SINCE, is_old, nir_package, unchecked
from eventsim.models.nir.nir_maps import LARGEST, synapses
from eventsim.models.nir.nir_neurons import NEVER
from eventsim.network.convolution import Conv, Pool
from eventsim.network.network import Network, Population, Projection, Source
from eventsim.network.neuron_model import ONCE
from eventsim.network.projections import Dense, OneToOne, Sparse, own_delays

Array = np.ndarray[Any, Any]
WRITTEN = ("lif_delta", "lif_exp", "step_psp", "if_delta")
WHY_NOT = {
    "ttfs_b1": "a window and one spike",
    "ttfs_alpha1": "a window and one spike",
    "integrator": "a window",
    "falling_threshold": "a window and a threshold that falls",
    "linear_psp": "one spike",
    "relay": "a maximum",
    "lif_clocked": "a clock",
}


def write_nir(
    network: Network, path: str | Path | None = None, outputs: Sequence[str] | None = None, strict: bool = False
) -> Any:
    """Return a network as a ``nir.NIRGraph``, and write it to a file if a path is given.

    NIR has no unit of time: times are in the network's unit, to be given to whoever reads the graph.

    Parameters
    ----------
    network
        The network.
    path
        Where to write; a file of this name is replaced at once. None writes none.
    outputs
        Names of the populations that an Output shows. None takes those of the graph that the network was read from or,
        without one, those from which no projection leads to another, or the last one.
    strict
        Whether thresholds of `lif_delta`, `lif_exp` and of inclusive `step_psp` and `if_delta` are written as the
        float64 before, so that NIR's v > v_threshold is V >= threshold, as `read_nir(strict=True)` undoes it. Otherwise
        they are written as they are, and inclusive `step_psp` and `if_delta` are refused.

    Raises
    ------
    NetworkError
        Neuron models, options (refractory periods, soft reset, one spike, a start other than 0), projections and
        sources that NIR does not have.
    InputError
        No network, no such population or folder; nir is not installed.
    """
    if not isinstance(network, Network):
        raise InputError(f"write_nir: network is a {type(network).__name__}; must be an eventsim.Network. Give one.")
    nir = nir_package("write_nir")
    shown = _outputs(network, outputs)
    writing = Writing(nir, network, flag("write_nir", "strict", strict))
    for name in shown:
        writing.add(f"{name}_output", nir.Output(np.array(network.node(name).shape)))
        writing.edges.append((name, f"{name}_output"))
    metadata = {MARK: "written by eventsim.models.write_nir; edges are in the order of populations"}
    graph = nir.NIRGraph(writing.nodes, writing.in_order(), metadata=metadata, **unchecked(nir.NIRGraph))
    if path is not None:
        replaced("write_nir", path, lambda place: nir.write(place, graph))
    return graph


def _outputs(network: Network, outputs: Sequence[str] | None) -> list[str]:
    """The populations that an Output shows."""
    if outputs is not None:
        return [network.node(name).name for name in names("write_nir", "outputs", outputs)]
    noted = network.provenance.get("nir", {}).get("outputs", {})
    known = [node.name for node in network.nodes]
    if noted and all(name in known for name in noted.values()):
        return list(dict.fromkeys(noted.values()))
    senders = {projection.pre.name for projection in network.projections if projection.pre is not projection.post}
    leaves = [population.name for population in network.populations if population.name not in senders]
    last = [population.name for population in network.populations[-1:]]
    return leaves or last  # nir reads no graph without an Output


class Writing:
    """A network on its way to a graph: nodes by name, edges of each projection from its source to its target."""

    def __init__(self, nir: Any, network: Network, strict: bool) -> None:
        self.nir, self.network, self.strict = nir, network, strict
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        if network.exact:
            raise NetworkError("write_nir: the network holds Fractions; must be floats. Make it with number=float.")
        biases: dict[str, Array | None] = {}
        for node in network.nodes:
            if "/" in node.name or node.name == ".":
                raise NetworkError(f"write_nir: {node.name!r}; a name in a NIR file has no '/'. Rename it.")
            if isinstance(node, Source):
                self.add(node.name, self.input(node))
            else:
                self.add(node.name, self.neurons(node))
                biases[node.name] = _bias(node)
        for projection in network.projections:
            bias = biases.get(projection.post.name)
            if self.project(projection, bias):
                biases[projection.post.name] = None
        for name, bias in biases.items():
            reached = any(projection.post.name == name for projection in network.projections)
            if not reached or bias is not None:
                what = "has a current that NIR has as a bias of a Dense or of the channels of a Conv that leads there"
                raise NetworkError(
                    f"write_nir: population {name!r}: {what if reached else 'no projection leads to it'}; must have "
                    "one. Connect it."
                )

    def add(self, name: str, node: Any) -> None:
        """Add a node under a name that no other has."""
        if name in self.nodes:
            raise NetworkError(f"write_nir: there are two nodes {name!r}; must be one. Rename the population.")
        self.nodes[name] = node

    def in_order(self) -> list[tuple[str, str]]:
        """Edges, such that those that leave sources and populations come first, in the order of these."""
        of = {node.name: [edge for edge in self.edges if edge[0] == node.name] for node in self.network.nodes}
        first = [edge for edges in of.values() for edge in edges]
        return first + [edge for edge in self.edges if edge[0] not in of]

    def input(self, source: Source) -> Any:
        """The Input of a source, whose spikes are given."""
        plain = (0.0, 1.0)
        if source.generator is not None or source.window != plain or source.value_range != plain:
            has = "a generator" if source.generator is not None else "a window or range of coded values"
            raise NetworkError(
                f"write_nir: source {source.name!r} has {has}, which NIR does not have; must be a plain source. Make "
                "it without, and simulate with eventsim.SpikeTimes."
            )
        return self.nir.Input(np.array(source.shape))

    def neurons(self, population: Population) -> Any:
        """The node of a population."""
        where, model, p = f"write_nir: population {population.name!r}", population.model.name, population.parameters
        if model not in WRITTEN:
            raise NetworkError(
                f"{where} is of {model}; NIR has no neuron with {WHY_NOT.get(model, 'its equation')}; must be of "
                f"{', '.join(WRITTEN)}. Save the network with network.save."
            )
        if population.model.receptors:
            raise NetworkError(
                f"{where} has receptors {listed(population.model.receptors)}; NIR's neurons have one current without "
                "a name. Give one tau_syn, or save the network with network.save."
            )
        if population.steps:
            raise NetworkError(
                f"{where}: {', '.join(population.steps)} changes in time; NIR has constants. Give one number a neuron."
            )
        _check_options(where, population)
        shape = population.shape
        given = {name: np.array(p[name]).reshape(shape) for name in ("v_threshold", "v_reset")}
        sends = any(projection.pre is population for projection in self.network.projections)
        threshold, silent = given["v_threshold"], not sends and bool((given["v_threshold"] == NEVER).all())
        if "comparator" in p and not p["comparator"].any() and not silent and not self.strict:
            raise NetworkError(
                f"{where}: comparator = 'inclusive'; must be 'strict', as NIR's IF is, which fires at v > v_threshold. "
                "Make it so, or pass strict=True, which lowers the thresholds to the number before."
            )
        if self.strict and not ("comparator" in p and p["comparator"].any()):
            given["v_threshold"] = np.nextafter(threshold, -math.inf)
        given = {} if silent else self.resets(where, given)
        if model in ("step_psp", "if_delta"):
            return (self.nir.I if silent else self.nir.IF)(r=np.ones(shape), **given)
        tau, leak = np.array(p["tau_mem"]).reshape(shape), p["v_leak"] + p["current"]
        if model == "lif_delta":
            leak = leak.reshape(shape)
            return (self.nir.LI if silent else self.nir.LIF)(tau=tau, r=tau.copy(), v_leak=leak, **given)
        if p["i_init"].any():
            leak = p["v_leak"] + (p["current"] + p["r"] * p["i_init"])
        leak = leak.reshape(shape)
        if silent and not hasattr(self.nir, "CubaLI"):
            raise NetworkError(
                f"{where}: nir {self.nir.version} has no CubaLI; must be {SINCE} or newer. Install that."
            )
        tau_syn, r = (np.array(p[name]).reshape(shape) for name in ("tau_syn", "r"))
        kind = self.nir.CubaLI if silent else self.nir.CubaLIF
        return kind(tau_syn=tau_syn, tau_mem=tau, r=r, v_leak=leak, w_in=tau_syn.copy(), **given)

    def resets(self, where: str, given: dict[str, Array]) -> dict[str, Array]:
        """The potentials of a node; those of an old nir have no v_reset, which others read as 0."""
        if not is_old(self.nir):
            return given
        if given["v_reset"].any():
            raise NetworkError(
                f"{where}: v_reset is not 0, and nir {self.nir.version} has none; must be nir {SINCE} or newer. "
                "Install that."
            )
        return {"v_threshold": given["v_threshold"]}

    # -- projections ------------------------------------------------------------------------------------------------

    def project(self, projection: Projection, bias: Array | None) -> bool:
        """Add the nodes of a projection; whether it carries the bias of its target."""
        pre, post, kind = projection.pre, projection.post, projection.kind
        base = f"{pre.name}_{post.name}_{projection.order}"
        chain: list[tuple[str, Any]] = []
        if own_delays(kind) is not None:
            raise NetworkError(
                f"write_nir: synapses of {projection.label} have delays of their own; NIR delays neurons. Connect with "
                "one Sparse for each delay."
            )
        if projection.delay:
            chain.append(("delay", self.nir.Delay(np.full(pre.shape, float(projection.delay)))))
        carries = False
        if isinstance(kind, Conv | Pool):
            node, carries = self.convolution(projection.label, kind, bias, post.size)
            chain.append((type(node).__name__.lower(), node))
        else:
            flat = isinstance(kind, Dense | Sparse)
            if len(pre.shape) > 1 and (flat or pre.shape != post.shape):
                chain.append(("flatten", self.nir.Flatten(np.array(pre.shape), 0, -1)))
            if len(post.shape) > 1 and (flat or pre.shape != post.shape):
                raise NetworkError(
                    f"write_nir: {projection.label}: {post.name!r} has shape {post.shape}; must be flat, since NIR has "
                    "no node that gives a vector a shape. Make the population with one axis."
                )
            if isinstance(kind, OneToOne):
                chain.append(("scale", self.nir.Scale(np.array(kind.weights).reshape(post.shape))))
            else:
                weights = _matrix(projection)
                carries = bias is not None
                node = self.nir.Linear(weights) if bias is None else self.nir.Affine(weights, np.array(bias))
                chain.append((type(node).__name__.lower(), node))
        last = pre.name
        for suffix, node in chain:
            self.add(f"{base}_{suffix}", node)
            self.edges.append((last, f"{base}_{suffix}"))
            last = f"{base}_{suffix}"
        self.edges.append((last, post.name))
        return carries

    def convolution(self, label: str, kind: Conv | Pool, bias: Array | None, size: int) -> tuple[Any, bool]:
        """The node of a convolution or pool; whether it carries the bias, which then is one number a channel."""
        symmetric = all(before == after for before, after in kind.padding)
        padding: Any = tuple(before for before, _ in kind.padding)
        if not symmetric:
            spans = [spread * (k - 1) for spread, k in zip(kind.dilation, kind.kernel, strict=True)]
            same = [(span // 2, span - span // 2) for span in spans]
            if list(kind.padding) != same or set(kind.stride) != {1} or isinstance(kind, Pool):
                raise NetworkError(
                    f"write_nir: {label}: padding = {kind.padding}; NIR has the same before and behind. Pad equally."
                )
            padding = "same"
        if isinstance(kind, Pool) and len(kind.kernel) == 2 and set(kind.dilation) == {1}:
            return self.nir.SumPool2d(*(np.array(part) for part in (kind.kernel, kind.stride, padding))), False
        channels = np.zeros(kind.channels[1])
        if bias is not None:
            each = bias.reshape(kind.channels[1], size // kind.channels[1])
            uniform = bool((each == each[:, :1]).all())
            channels, bias = (each[:, 0].copy(), bias) if uniform else (channels, None)
        one = len(kind.kernel) == 1
        settings = [kind.stride, padding, kind.dilation]
        node = (self.nir.Conv1d if one else self.nir.Conv2d)(
            kind.shape[1] if one else kind.shape[1:],
            np.array(kind.weights),
            *(part[0] if one and not isinstance(part, str) else part for part in settings),
            kind.groups,
            channels,
        )
        return node, bias is not None


def _bias(population: Population) -> Array | None:
    """What NIR adds to the inputs of a population all the time, an array (size,), or None.

    In NIR, I begins at 0: one that begins elsewhere is drawn from there to 0 by a bias of -i_init / w_in, w_in being
    tau_syn, and what that adds to V is taken from v_leak.
    """
    p = population.parameters
    bias = p["current"] if population.model.name == "if_delta" else None
    if "i_init" in p:
        bias = -p["i_init"] / p["tau_syn"]
    return bias if bias is not None and bias.any() else None


def _check_options(where: str, population: Population) -> None:
    """Refuse what NIR's neurons do not have."""
    p = population.parameters
    allowed = {"t_ref": 0.0, "v_init": 0.0, "reset": 0.0}
    for name, value in allowed.items():
        bad = np.flatnonzero(p[name] != value) if name in p else np.empty(0)
        if bad.size:
            given = "'soft'" if name == "reset" else p[name][bad[0]]
            wanted = "'hard'" if name == "reset" else value
            raise NetworkError(
                f"{where}: {name}[{bad[0]}] = {given}; must be {wanted}, since NIR has nothing else. Leave it out."
            )
    if (p["spikes"] == ONCE).any():
        raise NetworkError(f"{where}: spikes = 'once'; NIR's neurons fire many times. Leave it out.")


def _matrix(projection: Projection) -> Array:
    """The weights of a Dense or Sparse; synapses between the same two neurons are added up."""
    kind = projection.kind
    if isinstance(kind, Dense):
        return np.array(kind.weights)
    n_in, n_out = projection.pre.size, projection.post.size
    if n_in * n_out > LARGEST:
        raise NetworkError(
            f"write_nir: {projection.label}: NIR has sparse weights as a matrix, here of {n_out:,} × {n_in:,}; at most "
            f"{LARGEST:,} weights are written. Split the populations."
        )
    matrix = np.zeros((n_out, n_in))
    sources, targets, weights = synapses(kind)
    np.add.at(matrix, (targets, sources), weights)
    return matrix
