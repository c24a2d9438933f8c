"""Where the neurons of a network live: for each source and population, which core has which of them.

Relies on the limits and the counts of cores. `placing` makes placements; the fabric, reports and figures read them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import PlacementError, listed, nearest
from eventsim.hardware.limits import RESOURCES, UNITS, CoreLimits
from eventsim.hardware.loads import Loads
from eventsim.hardware.relay_cores import OFF_CHIP
from eventsim.network.network import Network
from eventsim.table import Column, Table, Tabled, dotted
from eventsim.wording import size_text

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, order=True)
class Slice:
    """Neurons of one population that live on one core.

    Attributes
    ----------
    population
        Its name, or that of a source.
    first, last
        C-order indices, both included.
    core
        The number of the core; -1: off the chip, as sources are where nothing else is said.
    """

    population: str
    first: int
    last: int
    core: int

    @property
    def size(self) -> int:
        """Number of neurons."""
        return self.last - self.first + 1


class PlacedNode(NamedTuple):
    """A source or population of the network that is placed.

    Attributes
    ----------
    name
        Its name.
    shape
        Its shape.
    kind
        "source", "neurons", "relay" (a pool that takes no place, at its receivers) or "pool" (one that is placed as
        neurons are).
    """

    name: str
    shape: tuple[int, ...]
    kind: str


@dataclass(frozen=True, repr=False)
class Placement(Tabled):
    """Which neurons live on which core of a chip; ``print(placement)`` shows the table.

    Two are equal if every neuron, core and limit is the same, however they were found. Made by
    `eventsim.hardware.placing`.

    Attributes
    ----------
    nodes
        All sources and populations of the network, in its order.
    slices
        All neurons, by population and index; as few slices as there can be.
    positions
        The place (x, y) of each core.
    limits
        What each core can hold.
    pools
        "receiver": pools take no place and are at their receivers where they can be; "neurons": placed as neurons are.
    strategy
        The name of the strategy that found it, "by hand" where none did.
    loads
        What each core holds, as `Loads`.
    senders : dict of arrays (size,)
        Of each source and population which neurons have a target on another core.
    """

    nodes: tuple[PlacedNode, ...]
    slices: tuple[Slice, ...]
    positions: tuple[tuple[float, float], ...]
    limits: CoreLimits
    pools: str
    strategy: str = field(compare=False)
    loads: Loads = field(compare=False)
    senders: dict[str, Array] = field(compare=False)

    @property
    def n_cores(self) -> int:
        """Cores of the chip, free ones too."""
        return len(self.positions)

    @cached_property
    def used(self) -> Array:
        """Numbers of the cores that hold anything, (n,), sorted."""
        return np.unique([one.core for one in self.slices if one.core != OFF_CHIP])

    def cores(self, population: str) -> Array:
        """Return the core of each neuron of a source or population, (n_neurons,) int64; -1: off the chip.

        Raises
        ------
        PlacementError
            A name that the network does not have.
        """
        return self._cores[self._known(population)]

    def packets(self, population: str) -> Array:
        """Return which neurons' spikes need packets, (n_neurons,) bools: they have a target on another core.

        Those of off-chip sources do if they have any target; those of a pool at its receivers do not.

        Raises
        ------
        PlacementError
            A name that the network does not have.
        """
        return self.senders[self._known(population)]

    def on_core(self, core: int) -> list[Slice]:
        """Return what lives on a core."""
        return self._by_core.get(core, [])

    def check(self, net: Network) -> None:
        """Refuse a network whose sources and populations are not those that are placed here.

        Another network of the same names and shapes, such as a device that was made of it, is accepted.
        """
        ours = [(node.name, node.shape) for node in self.nodes]
        theirs = [(node.name, node.shape) for node in net.nodes]
        if ours != theirs:
            differ = [f"{name} {size_text(shape)}" for name, shape in theirs if (name, shape) not in ours]
            missing = [f"{name} {size_text(shape)}" for name, shape in ours if (name, shape) not in theirs]
            raise PlacementError(
                f"placement: it is of another network: this one has {listed(differ) or 'nothing else'}, it lacks "
                f"{listed(missing) or 'nothing'}; names, shapes and order must be those of the network that was "
                "placed. Place this one."
            )

    def describe(self) -> dict[str, Any]:
        """What JSON holds of it: `placing.place_as` makes a placement of this and the network."""
        populations: dict[str, list[list[int]]] = {node.name: [] for node in self.nodes}
        for one in self.slices:
            populations[one.population].append([one.first, one.last, one.core])
        return {
            "strategy": self.strategy,
            "pools": self.pools,
            "limits": self.limits.describe(),
            "positions": [list(position) for position in self.positions],
            "populations": populations,
        }

    def table(self) -> Table:
        """A row for each core that is used: where it is, how much it holds, and what."""
        counts = [("neurons", self.loads.neurons), ("synapses", self.loads.synapses), ("axons", self.loads.axons)]
        if self.limits.memory is not None and self.loads.memory is not None:
            counts.insert(2, ("memory", self.loads.memory))
        if self.loads.relays.any():
            counts.append(("pools", self.loads.relays))
        columns = [Column("core"), Column("x", "g"), Column("y", "g")]
        columns += [Column(name, ",") for name, _ in counts[:-1]]
        columns += [Column(counts[-1][0], dotted if counts[-1][0] == "pools" else ","), Column("holds", text=True)]
        rows = []
        for core in self.used.tolist():
            here = [int(array[core]) for _, array in counts]
            rows.append((core, *self.positions[core], *here, self._held(core)))
        return Table(tuple(columns), tuple(rows), above=(repr(self),), below=self._notes(), indent=2)

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        off = [node.name for node in self.nodes if not (self.cores(node.name) >= 0).any()]
        return (
            f"Placement: {int(self.loads.neurons.sum()):,} neurons on {self.used.size} of {self.n_cores} cores "
            f"({self.strategy}); off the chip: {listed(off) or 'nothing'}"
        )

    # -- how it is said ---------------------------------------------------------------------------------------------

    def _held(self, core: int) -> str:
        """What a core holds, in words; of pools at their receivers how many."""
        said: dict[str, list[str]] = {}
        relays: dict[str, int] = {}
        for one in self._by_core[core]:
            node = self._nodes[one.population]
            if node.kind == "relay":
                relays[node.name] = relays.get(node.name, 0) + one.size
            else:
                said.setdefault(node.name, []).append(slice_text(one, node.shape))
        parts = [f"{name} {listed(texts, 3)}" for name, texts in said.items()]
        return "; ".join([*parts, *(f"{name} ({n:,})" for name, n in relays.items())])

    def _notes(self) -> tuple[str, ...]:
        """Limits with the fullest core of each, and where the pools are."""
        notes = []
        for name in RESOURCES:
            most, counts = getattr(self.limits, name), getattr(self.loads, name)
            if most is not None and counts is not None and counts.size:
                fullest = int(counts.argmax())
                notes.append(f"  of {most:,} {UNITS[name]} a core: core {fullest} has {int(counts[fullest]):,}")
        for node in self.nodes:
            if node.kind == "relay":
                total, away = self.senders[node.name].size, int(self.senders[node.name].sum())
                note = f"  {node.name}: {total - away:,} of {total:,} pools are at their receivers and need no packets"
                apart = f"; {away:,} have receivers on several cores and are where their first input is"
                notes.append(note + (apart if away else ""))
        return tuple(notes)

    # -- by name and by core ----------------------------------------------------------------------------------------

    def _known(self, population: str) -> str:
        if population not in self._nodes:
            raise PlacementError(
                f"placement: unknown population {population!r}{nearest(population, self._nodes)}; must be one of "
                f"{listed(self._nodes)}. Name one of them."
            )
        return population

    @cached_property
    def _nodes(self) -> dict[str, PlacedNode]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _cores(self) -> dict[str, Array]:
        found = {node.name: np.full(int(np.prod(node.shape)), OFF_CHIP, dtype=np.int64) for node in self.nodes}
        for one in self.slices:
            found[one.population][one.first : one.last + 1] = one.core
        for array in found.values():
            array.flags.writeable = False
        return found

    @cached_property
    def _by_core(self) -> dict[int, list[Slice]]:
        found: dict[int, list[Slice]] = {}
        for one in self.slices:
            found.setdefault(one.core, []).append(one)
        return found


def slice_text(one: Slice, shape: Sequence[int]) -> str:
    """Return which neurons a slice has: the whole population, channels, or indices.

    >>> slice_text(Slice("conv", 0, 31, 0), (4, 4, 4)), slice_text(Slice("conv", 16, 31, 0), (4, 4, 4))
    ('c 0..1', 'c 1')
    >>> slice_text(Slice("conv", 0, 63, 0), (4, 4, 4)), slice_text(Slice("conv", 3, 9, 0), (4, 4, 4))
    ('all', '3..9')
    """
    total = int(np.prod(shape))
    unit = total // shape[0]
    if one.size == total:
        return "all"
    if len(shape) == 3 and one.first % unit == 0 and (one.last + 1) % unit == 0:
        low, high = one.first // unit, one.last // unit
        return f"c {low}..{high}" if high > low else f"c {low}"
    return f"{one.first}..{one.last}" if one.size > 1 else f"{one.first}"


def slices_of(population: str, cores: Array) -> list[Slice]:
    """Return the fewest slices that say the core of each neuron, (n_neurons,)."""
    borders = np.flatnonzero(np.diff(cores)) + 1
    firsts, lasts = [0, *borders.tolist()], [*(borders - 1).tolist(), cores.size - 1]
    return [Slice(population, a, b, int(cores[a])) for a, b in zip(firsts, lasts, strict=True)]
