"""The network: sources, populations and projections, validated as they are added, frozen at first use.

Relies on the neuron-model contract and the projections. Used by everything: both engines run a `Network`, the mapping
makes one, a file holds one. Creation order is part of the network: it decides the order of simultaneous events.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, NetworkError, nearest
from eventsim.neuron_model import Array, Model, check_parameters, find_model
from eventsim.projections import KINDS, Dense, OneToOne, ProjectionKind, Sparse
from eventsim.sources import Poisson

FILE_FORMAT = "eventsim-network"
FILE_VERSION = 1


@dataclass(frozen=True, eq=False)
class Source:
    """Neurons whose spikes come from outside: coded values, given spike times, or a generator.

    Attributes
    ----------
    window : (t_min, t_max) in which values are coded; value_range : values (low, high) that map to t_max and t_min.
    generator : makes the spikes instead of the user, or None.
    """

    name: str
    shape: tuple[int, ...]
    order: int
    window: tuple[Any, Any]
    value_range: tuple[Any, Any]
    generator: Poisson | None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one model.

    Attributes
    ----------
    parameters : arrays (size,) by name. window : (t_start, t_min, t_max) of windowed models, else None.
    """

    name: str
    shape: tuple[int, ...]
    order: int
    model: Model
    parameters: Mapping[str, Array]
    window: tuple[Any, Any, Any] | None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Projection:
    """One connection between two nodes: how far (delay) and how strongly (kind)."""

    order: int
    pre: Source | Population
    post: Population
    kind: ProjectionKind
    delay: Any

    @property
    def label(self) -> str:
        """For messages: "input -> hidden (Dense)"."""
        return f"{self.pre.name} -> {self.post.name} ({type(self.kind).__name__})"


@dataclass(eq=False)
class Network:
    """A spiking network.

    Parameters
    ----------
    time_unit : seconds per unit of time, needed only where physical time is (hardware, export). None: pure numbers.

    Examples
    --------
    >>> import eventsim
    >>> net = eventsim.Network()
    >>> pixels = net.source(2, name="input")
    >>> cell = net.population("linear_psp", 1, name="cell", threshold=1.0)
    >>> _ = net.connect(pixels, cell, eventsim.Dense([[2.0, 1.0]]))
    >>> eventsim.simulate(net, eventsim.SpikeTimes([[0.0, 0.25]])).spike_times("cell").tolist()
    [[0.41666666666666663]]
    """

    time_unit: float | None = None
    nodes: list[Source | Population] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    _hash: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.time_unit is not None and not (self.time_unit > 0 and math.isfinite(self.time_unit)):
            raise NetworkError(
                f"Network: time_unit = {self.time_unit}; must be seconds per unit of time, > 0, or None. "
                "For milliseconds give 1e-3."
            )

    # -- building ---------------------------------------------------------------------------------------------------

    def source(
        self,
        shape: int | Sequence[int],
        name: str = "input",
        window: tuple[Any, Any] = (0.0, 1.0),
        value_range: tuple[Any, Any] = (0.0, 1.0),
        generator: Poisson | None = None,
    ) -> Source:
        """Add neurons whose spikes come from outside and return them.

        Parameters
        ----------
        shape : number of neurons, or the shape of one sample.
        window : (t_min, t_max): a value x is coded as t_max - (x - low) / (high - low) * (t_max - t_min).
        value_range : (low, high), the values that are coded as t_max (no spike) and t_min.
        generator : e.g. `Poisson(rate)`; then `simulate` takes no data for this source.
        """
        self._check_open("source")
        t_min, t_max = window
        if not (0 <= t_min < t_max < math.inf):
            raise NetworkError(
                f"source {name!r}: window = {window}; must be (t_min, t_max) with 0 <= t_min < t_max. "
                "Windows are increasing and finite."
            )
        low, high = value_range
        if not (-math.inf < low < high < math.inf):
            raise NetworkError(
                f"source {name!r}: value_range = {value_range}; must be (low, high) with low < high. "
                "Give the range of the data."
            )
        source = Source(
            self._new_name(name), _shape(name, shape), len(self.nodes), tuple(window), tuple(value_range), generator
        )
        self.nodes.append(source)
        return source

    def population(
        self,
        model: str | Model,
        shape: int | Sequence[int],
        name: str | None = None,
        window: Any = None,
        **parameters: Any,
    ) -> Population:
        """Add neurons of one model and return them.

        Parameters
        ----------
        model : name of a neuron model ("ttfs_b1", "lif_delta", …) or a `Model`.
        shape : number of neurons, or their shape; a neuron's index is the C-order index in this shape.
        window : (t_start, t_min, t_max) for windowed models; read-out integrators take (t_start, t_min).
        **parameters : the model's parameters, one number or one a neuron.

        Raises
        ------
        ModelError, NetworkError
            Unknown model or parameter, a value out of range, a window that does not increase, a name given twice.
        """
        self._check_open("population")
        found = find_model(model)
        label = name if name is not None else f"{found.name}{len(self.nodes)}"
        sizes = _shape(label, shape)
        checked = check_parameters(found, f"population {label!r}", math.prod(sizes), parameters)
        full = _window(label, found, window)
        found.prepare(checked, full)
        population = Population(self._new_name(label), sizes, len(self.nodes), found, checked, full)
        self.nodes.append(population)
        return population

    def connect(
        self,
        pre: "Source | Population | str",
        post: "Population | str",
        projection: ProjectionKind,
        delay: Any = 0.0,
        rule: None = None,
    ) -> Projection:
        """Connect two nodes (or a node with itself) and return the projection.

        Parameters
        ----------
        projection : `Dense`, `Sparse` or `OneToOne`.
        delay : >= 0, in the network's unit of time; zero is allowed (the spike arrives in the next micro-step).
        rule : no learning rule can be attached yet.
        """
        self._check_open("connect")
        source, target = self.node(pre), self.node(post)
        where = f"{source.name} -> {target.name}"
        if isinstance(target, Source):
            raise NetworkError(
                f"{where}: {target.name!r} is a source; spikes can only go to a population. Swap pre and post?"
            )
        if not isinstance(projection, Dense | Sparse | OneToOne):
            raise NetworkError(
                f"{where}: {type(projection).__name__} is no projection; allowed: Dense, Sparse, OneToOne. "
                "Wrap the weights, e.g. eventsim.Dense(weights)."
            )
        if rule is not None:
            raise NetworkError(
                f"{where}: rule = {rule!r}; learning rules are not available in this version. Leave rule=None."
            )
        if not (delay >= 0 and delay < math.inf):
            raise NetworkError(f"{where}: delay = {delay}; must be >= 0 and finite. Give the delay in units of time.")
        projection.check(where, source.size, target.size)
        added = Projection(len(self.projections), source, target, projection, delay)
        self.projections.append(added)
        return added

    # -- looking ----------------------------------------------------------------------------------------------------

    def node(self, name: "Source | Population | str") -> Source | Population:
        """Return the source or population called `name`; a typo is answered with the nearest name."""
        for node in self.nodes:
            if node is name or node.name == name:
                return node
        label = name if isinstance(name, str) else name.name
        names = [node.name for node in self.nodes]
        raise NetworkError(
            f"unknown population {label!r}{nearest(label, names)}; this network has {', '.join(names) or 'no nodes'}."
        )

    @property
    def sources(self) -> list[Source]:
        """The sources, in creation order."""
        return [node for node in self.nodes if isinstance(node, Source)]

    @property
    def populations(self) -> list[Population]:
        """The populations (without sources), in creation order."""
        return [node for node in self.nodes if isinstance(node, Population)]

    @property
    def n_neurons(self) -> int:
        """Neurons in all populations, sources not counted."""
        return sum(population.size for population in self.populations)

    @property
    def n_synapses(self) -> int:
        """Synapses of all projections."""
        return sum(projection.kind.n_synapses for projection in self.projections)

    @property
    def exact(self) -> bool:
        """Is any number of the network a Fraction? Such a network runs on the reference engine."""
        arrays = [array for projection in self.projections for array in projection.kind.arrays().values()]
        arrays += [array for population in self.populations for array in population.parameters.values()]
        return any(array.dtype == object for array in arrays)

    def __repr__(self) -> str:
        lines = [
            f"Network: {self.n_neurons:,} neurons in {len(self.populations)} populations, {self.n_synapses:,} synapses"
        ]
        for node in self.nodes:
            size = "x".join(map(str, node.shape))
            if isinstance(node, Source):
                what = "Poisson" if node.generator else f"values in [{node.value_range[0]}, {node.value_range[1]}]"
                lines.append(f"  {node.name:<12} source {size}: {what}")
            else:
                window = (
                    "" if node.window is None else " window [" + ", ".join(f"{float(t):g}" for t in node.window) + "]"
                )
                lines.append(f"  {node.name:<12} {node.model.name} {size}{window}")
        for projection in self.projections:
            delay = f", delay {float(projection.delay):g}" if projection.delay else ""
            lines.append(f"  {projection.label}: {projection.kind.n_synapses:,} synapses{delay}")
        return "\n".join(lines)

    # -- freezing, hashing, saving ----------------------------------------------------------------------------------

    @property
    def frozen(self) -> bool:
        """Has the network been used (hashed, simulated, saved)? Then nothing can be added."""
        return self._hash is not None

    def hash(self) -> str:
        """Freeze the network and return the SHA-256 of its content (64 hex digits).

        Creation order, names, models, parameters, weights, delays and windows count; `provenance` does not.
        """
        if self._hash is None:
            if not self.populations:
                raise NetworkError("Network: no population; a network needs at least one. Add one with .population().")
            header, arrays = self._content()
            digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
            for name in sorted(arrays):
                digest.update(name.encode() + arrays[name].dtype.str.encode() + arrays[name].tobytes())
            self._hash = digest.hexdigest()
        return self._hash

    def save(self, path: str | Path) -> None:
        """Write the network as .npz (no pickle; documented in docs/reference/formats.md), replacing it atomically."""
        from eventsim.archive import write_archive

        self.hash()
        header, arrays = self._content()
        header |= {"format": FILE_FORMAT, "version": FILE_VERSION, "provenance": self.provenance}
        write_archive(path, header, arrays)

    def _content(self) -> tuple[dict[str, Any], dict[str, Array]]:
        arrays: dict[str, Array] = {}
        nodes: list[dict[str, Any]] = []
        for node in self.nodes:
            entry: dict[str, Any] = {"name": node.name, "shape": list(node.shape)}
            if isinstance(node, Source):
                entry |= {"kind": "source", "window": _texts(node.window), "value_range": _texts(node.value_range)}
                entry["rate"] = None
                if node.generator is not None:
                    entry["rate"] = f"node{node.order}.rate"
                    arrays[entry["rate"]] = node.generator.rates(node.size)
            else:
                entry |= {"kind": "population", "model": node.model.name}
                entry["window"] = None if node.window is None else _texts(node.window)
                entry["parameters"] = sorted(node.parameters)
                for name, values in node.parameters.items():
                    arrays[f"node{node.order}.{name}"] = _plain(values)
            nodes.append(entry)
        projections = []
        for projection in self.projections:
            projections.append(
                {
                    "pre": projection.pre.name,
                    "post": projection.post.name,
                    "kind": projection.kind.kind,
                    "delay": _text(projection.delay),
                }
            )
            for name, values in projection.kind.arrays().items():
                arrays[f"projection{projection.order}.{name}"] = _plain(values)
        return {"time_unit": self.time_unit, "nodes": nodes, "projections": projections}, arrays

    def _check_open(self, what: str) -> None:
        if self.frozen:
            raise NetworkError(
                f"{what}: this network is frozen since its first use (hash {self.hash()[:12]}). Build a new Network."
            )

    def _new_name(self, name: str) -> str:
        if not isinstance(name, str) or not name or any(node.name == name for node in self.nodes):
            raise NetworkError(
                f"name = {name!r}; must be a string that no other source or population has. Choose another name."
            )
        return name


def load_network(path: str | Path) -> Network:
    """Read a network written by `Network.save`.

    Raises
    ------
    FileFormatError
        A file that is corrupt, truncated, foreign, a pickle, or made by a newer version.
    ModelError
        A neuron model that is neither registered nor installed.
    """
    from eventsim.archive import read_archive

    header, arrays = read_archive(path, FILE_FORMAT, FILE_VERSION)
    try:
        net = Network(header["time_unit"])
        for order, entry in enumerate(header["nodes"]):
            shape = [int(n) for n in entry["shape"]]
            window = None if entry["window"] is None else tuple(_number(text) for text in entry["window"])
            if entry["kind"] == "source":
                generator = None if entry["rate"] is None else Poisson(arrays[entry["rate"]])
                low, high = (_number(text) for text in entry["value_range"])
                net.source(shape, entry["name"], window or (0.0, 1.0), (low, high), generator)
            else:
                model = find_model(entry["model"])
                values: dict[str, Any] = {name: _rich(arrays[f"node{order}.{name}"]) for name in entry["parameters"]}
                for parameter in model.parameters:
                    if parameter.choices:
                        values[parameter.name] = parameter.choices[int(values[parameter.name][0])]
                net.population(model, shape, entry["name"], window, **values)
        for order, entry in enumerate(header["projections"]):
            prefix = f"projection{order}."
            given = {name[len(prefix) :]: _rich(arrays[name]) for name in arrays if name.startswith(prefix)}
            net.connect(entry["pre"], entry["post"], KINDS[entry["kind"]](**given), _number(entry["delay"]))
        net.provenance = dict(header.get("provenance", {}))
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, ZeroDivisionError) as error:
        if isinstance(error, NetworkError) or type(error).__module__ == "eventsim.errors":
            raise
        raise FileFormatError(
            f"{path}: not a complete eventsim network ({type(error).__name__}: {error}). Save it again with net.save()."
        ) from error
    return net


def _shape(name: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if not sizes or not all(isinstance(n, int | np.integer) and n > 0 for n in sizes):
        raise NetworkError(
            f"{name!r}: shape = {shape!r}; must be a positive integer or a tuple of them. Empty layers are not allowed."
        )
    return tuple(int(n) for n in sizes)


def _window(name: str, model: Model, window: Any) -> tuple[Any, Any, Any] | None:
    if not model.windowed:
        if window is not None:
            raise NetworkError(
                f"population {name!r}: window = {window}, but {model.name} has no window. Leave it out, or choose a "
                "windowed model such as ttfs_b1."
            )
        return None
    times = () if window is None else tuple(window)
    if len(times) == 2 and not model.spiking:
        times = (*times, math.inf)
    increasing = len(times) == 3 and 0 <= times[0] < times[1] < times[2] and times[1] < math.inf
    if not increasing or (model.spiking and times[2] == math.inf):
        raise NetworkError(
            f"population {name!r}: window = {window}; {model.name} needs (t_start, t_min, t_max) with "
            "0 <= t_start < t_min < t_max. Windows are increasing: inputs first, then the layer's own spikes."
        )
    return times


def _text(number: Any) -> str:
    """A number as text that reads back exactly."""
    return f"{number.numerator}/{number.denominator}" if isinstance(number, Fraction) else repr(float(number))


def _texts(numbers: Sequence[Any]) -> list[str]:
    return [_text(number) for number in numbers]


def _number(text: str) -> Any:
    return Fraction(text) if "/" in text else float(text)


def _plain(values: Array) -> Array:
    """Arrays of Fractions become arrays of text, so that no pickle is needed."""
    return np.array([_text(v) for v in values.ravel()]).reshape(values.shape) if values.dtype == object else values


def _rich(values: Array) -> Array:
    if values.dtype.kind != "U":
        return values
    flat = np.empty(values.size, dtype=object)
    flat[:] = [Fraction(str(text)) if "/" in str(text) else float(text) for text in values.ravel()]
    return flat.reshape(values.shape)
