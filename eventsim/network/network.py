"""The network: sources, populations and projections, validated as they are added, frozen at first use.

Relies on its parts (`nodes`), the neuron-model contract and the projections. Used by everything: both engines run a
`Network`, the mapping makes one, a file holds one. Creation order is part of the network: it decides the order of
simultaneous events. What is handed in is copied and cannot be written to, so that a network's hash stays true.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import as_synapses, check_held, is_sparse, number, reals, shown
from eventsim.errors import NetworkError, listed, nearest
from eventsim.files.archive import write_archive
from eventsim.network.definition import FILE_FORMAT, FILE_VERSION, network_content
from eventsim.network.generators import Generator
from eventsim.network.neuron_model import Model, find_model
from eventsim.network.nodes import Population, Projection, Source, checked_shape, checked_window, least_delay
from eventsim.network.outline import outline
from eventsim.network.parameters import check_parameters, check_prepared
from eventsim.network.projections import ProjectionKind, own_delays
from eventsim.network.receptors import given_receptors, receptor_number
from eventsim.network.replacement import replaced
from eventsim.network.steps import first_pieces

__all__ = ["Network", "Population", "Projection", "Source"]

# What spikes and packets number in 16 bits: populations, and projections.
MAX_PARTS = 2**16 - 1


class Network:
    """A spiking network.

    Parameters
    ----------
    time_unit
        Seconds per unit of time, needed only where physical time is (hardware, export). None leaves times pure numbers.

    Attributes
    ----------
    provenance
        Where the network comes from, a dict of JSON values; kept in its file, not part of its hash. Under "notes" it
        has a list of what a reader of the network should know, which its repr shows.

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

    def __init__(self, time_unit: float | None = None) -> None:
        if time_unit is not None:
            remedy = "It is seconds per unit of time, or None; for milliseconds give 1e-3."
            given = number("Network", "time_unit", time_unit, NetworkError, low=0, open_low=True, remedy=remedy)
            time_unit = float(given)
        self._time_unit = time_unit
        self._nodes: tuple[Source | Population, ...] = ()
        self._projections: list[Projection] = []
        self._shown_projections: tuple[Projection, ...] = ()
        self._hash: str | None = None
        self.provenance: dict[str, Any] = {}

    # -- building ---------------------------------------------------------------------------------------------------

    def source(
        self,
        shape: int | Sequence[int],
        name: str = "input",
        window: tuple[Any, Any] = (0.0, 1.0),
        value_range: tuple[Any, Any] = (0.0, 1.0),
        generator: Generator | None = None,
    ) -> Source:
        """Add neurons whose spikes come from outside and return them.

        Parameters
        ----------
        shape
            Number of neurons, or the shape of one sample.
        name
            What it is called; a name is given once in a network.
        window
            The times (t_min, t_max): a value x is coded as t_max - (x - low) / (high - low) * (t_max - t_min).
        value_range
            The values (low, high) that are coded as t_max (no spike) and t_min.
        generator
            A `Poisson` or a `Regular`; then `simulate` takes no data for this source.
        """
        self._check_open("source")
        where = f"source {shown(name)}"
        coded, span = reals(window), reals(value_range)
        if len(coded) != 2 or not 0 <= coded[0] < coded[1] < math.inf:
            raise NetworkError(
                f"{where}: window = {shown(window)}; must be (t_min, t_max) with 0 <= t_min < t_max. "
                "Windows are increasing and finite."
            )
        if len(span) != 2 or not -math.inf < span[0] < span[1] < math.inf:
            raise NetworkError(
                f"{where}: value_range = {shown(value_range)}; must be (low, high) with low < high. "
                "Give the range of the data."
            )
        check_held(where, "window", coded, NetworkError)
        check_held(where, "value_range", span, NetworkError)
        sizes = checked_shape(where, shape, sum(node.size for node in self._nodes))
        if generator is not None:
            if not isinstance(generator, Generator):
                raise NetworkError(
                    f"{where}: generator = {shown(generator)}; must be a generator of spikes, or None. "
                    "Give eventsim.Poisson(rate) or eventsim.Regular(period)."
                )
            generator.arrays(math.prod(sizes))
        source = Source(self._new_name(name), sizes, len(self._nodes), coded, span, generator)
        self._nodes += (source,)
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
        model
            Name of a neuron model ("ttfs_b1", "lif_delta", …) or a `Model`.
        shape
            Number of neurons, or their shape; a neuron's index is the C-order index in this shape.
        name
            What it is called; None numbers it.
        window
            The times (t_start, t_min, t_max) for windowed models, and for relays the window of what they relay, of a
            source (t_min, t_max); read-out integrators take (t_start, t_min).
        **parameters : scalars or arrays (size,)
            The model's parameters, each one number or one a neuron; a current may also be `Steps` in time. Where they
            are given as a dict, ``tau_syn={"excitatory": 2.0, "inhibitory": 8.0}``, the neurons have a current of its
            own for each of these receptors.

        Raises
        ------
        ModelError, NetworkError
            Unknown model or parameter, a value out of range, a window that does not increase, a name given twice.
        """
        self._check_open("population")
        found = find_model(model)
        label = name if name is not None else f"{found.name}{len(self._nodes)}"
        where = f"population {shown(label)}"
        found, parameters = given_receptors(found, where, parameters)
        sizes = checked_shape(where, shape, sum(node.size for node in self._nodes))
        first, steps = first_pieces(found, where, math.prod(sizes), parameters)
        checked = check_parameters(found, where, math.prod(sizes), first)
        full = checked_window(where, found, window)
        check_prepared(found, where, checked, full)
        population = Population(self._new_name(label), sizes, len(self._nodes), found, checked, full, steps)
        for t, later in population.pieces():
            given = {**first, **{name: later[name] for name in steps}}
            since = f"{where}, from t = {t:g} on"
            check_prepared(found, since, check_parameters(found, since, population.size, given), full)
        self._nodes += (population,)
        return population

    def connect(
        self,
        pre: "Source | Population | str",
        post: "Population | str",
        projection: ProjectionKind,
        delay: Any = 0.0,
        rule: None = None,
        receptor: str | None = None,
    ) -> Projection:
        """Connect two nodes (or a node with itself) and return the projection.

        Parameters
        ----------
        pre, post
            The nodes, or their names.
        projection
            A `Dense`, `Sparse`, `OneToOne`, `Conv` or `Pool`.
        delay
            In the network's unit of time, >= 0; zero is allowed (the spike arrives in the next micro-step). Where
            synapses have their own, ``Sparse(…, delays=…)``, none is given here, or the least of them, which it shows.
        rule
            No learning rule can be attached yet.
        receptor
            Which of the target's receptors the spikes reach, where it was made with several.
        """
        self._check_open("connect")
        source, target = self.node(pre), self.node(post)
        where = f"{source.name} -> {target.name}"
        if isinstance(target, Source):
            raise NetworkError(
                f"{where}: {target.name!r} is a source; spikes can only go to a population. Swap pre and post?"
            )
        if not isinstance(projection, ProjectionKind):
            remedy = "Wrap the weights, e.g. eventsim.Dense(weights)."
            if is_sparse(projection):
                remedy = f"A sparse matrix (n_out, n_in) is a Sparse, {as_synapses(projection)}."
            raise NetworkError(
                f"{where}: {type(projection).__name__} is no projection; allowed: Dense, Sparse, OneToOne, Conv, Pool. "
                f"{remedy}"
            )
        if rule is not None:
            raise NetworkError(
                f"{where}: rule = {rule!r}; learning rules are not available in this version. Leave rule=None."
            )
        delay = number(where, "delay", delay, NetworkError, low=0, remedy="Give the delay in units of time.")
        number_of = receptor_number(where, target.model, receptor)
        receptor = target.model.receptors[number_of] if target.model.receptors else None
        delays = own_delays(projection)
        if delays is not None:
            delay = least_delay(where, source, delays, delay)
        if len(self._projections) == MAX_PARTS:
            raise NetworkError(
                f"{where}: this is projection number {MAX_PARTS + 1:,}; a network has at most {MAX_PARTS:,}. Join "
                "projections of one delay between the same populations into one Sparse."
            )
        fitted = projection.fitted(where, source.shape, target.shape)
        added = Projection(len(self._projections), source, target, fitted, delay, receptor)
        self._projections.append(added)
        return added

    def replace(self, name: "str | Source | Population | Projection", /, **changes: Any) -> "Network":
        """Return a new network, equal but for one of its parts; this one stays as it is.

        Names and the order of creation are kept. The provenance goes with it, with a note that says what was replaced.

        Parameters
        ----------
        name
            The part, or its name: a source, a population, or a projection "pre -> post". Where several projections
            lead from one node to another, "pre -> post #2" is the second of them, in order of creation.
        **changes
            Of a population its parameters, `window` or `model`; with another model it keeps those parameters that
            both have, and the note names the others. Parameters of receptors are replaced by a dict of some of them,
            ``tau_syn={"inhibitory": 5.0}``, or one by one, ``tau_syn_inhibitory=5.0``. Of a source `window`,
            `value_range` or `generator`. Of a projection `weights` (in the order and shape that it shows, or one number
            for all), `delay`, `delays` (one a synapse of a `Sparse`), `receptor`, or `projection`, another kind.

        Raises
        ------
        NetworkError, ModelError
            No such part, nothing to replace in it, or what it cannot have.

        Examples
        --------
        >>> import eventsim
        >>> net = eventsim.Network()
        >>> cells = net.population("lif_delta", 2, name="cells", tau_mem=20.0)
        >>> _ = net.connect(cells, cells, eventsim.Dense([[0.0, 0.5], [0.5, 0.0]]), delay=1.0)
        >>> net.replace("cells", v_threshold=12.0).node("cells").parameters["v_threshold"].tolist()
        [12.0, 12.0]
        >>> net.replace("cells -> cells", weights=0.25).projections[0].kind.weights.tolist()
        [[0.25, 0.25], [0.25, 0.25]]
        """
        return replaced(self, Network(self.time_unit), name, changes)

    # -- looking ----------------------------------------------------------------------------------------------------

    def node(self, name: "Source | Population | str") -> Source | Population:
        """Return the source or population called `name`; a typo is answered with the nearest name."""
        for node in self._nodes:
            if node is name or (isinstance(name, str) and node.name == name):
                return node
        if not isinstance(name, str):
            raise NetworkError(
                f"network: {shown(name)} is no source or population of this network; must be one, or its name. Give "
                "what .source() or .population() returned."
            )
        names = [node.name for node in self._nodes]
        raise NetworkError(
            f"unknown population {name!r}{nearest(name, names)}; this network has {listed(names) or 'no nodes'}. "
            "Name one of them."
        )

    @property
    def time_unit(self) -> float | None:
        """Seconds per unit of time, or None."""
        return self._time_unit

    @property
    def nodes(self) -> "tuple[Source | Population, ...]":
        """Sources and populations, in creation order."""
        return self._nodes

    @property
    def projections(self) -> tuple[Projection, ...]:
        """The projections, in creation order."""
        if len(self._shown_projections) != len(self._projections):
            self._shown_projections = tuple(self._projections)
        return self._shown_projections

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
        counts = f"{len(self.populations)} populations, {self.n_synapses:,} synapses"
        notes = self.provenance.get("notes", ())
        return "\n".join([f"Network: {self.n_neurons:,} neurons in {counts}", *outline(self, notes)])

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

    def _content(self) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
        return network_content(self.time_unit, self.nodes, self.projections)

    def save(self, path: str | Path) -> None:
        """Write the network as .npz (no pickle; documented in docs/reference/formats.md), replacing it atomically."""
        self.hash()
        header, arrays = self._content()
        header |= {"format": FILE_FORMAT, "version": FILE_VERSION, "provenance": self.provenance}
        write_archive(path, header, arrays)

    def _check_open(self, what: str) -> None:
        if self.frozen:
            raise NetworkError(
                f"{what}: this network is frozen since its first use (hash {self.hash()[:12]}). Build a new Network."
            )

    def _new_name(self, name: str) -> str:
        if not isinstance(name, str) or not name or any(node.name == name for node in self._nodes):
            raise NetworkError(
                f"name = {shown(name)}; must be a string that no other source or population has. Choose another name."
            )
        if len(self._nodes) == MAX_PARTS:
            raise NetworkError(
                f"{name!r}: this is population number {MAX_PARTS + 1:,}, sources counted; a network has at most "
                f"{MAX_PARTS:,}. Join populations of one model."
            )
        return name
