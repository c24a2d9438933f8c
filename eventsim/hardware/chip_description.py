"""A chip: how time passes on it, what lies between its cores, what they hold, how long and how much everything takes.

Relies on its facts and the table of keys. Made from TOML files (`eventsim.hardware.chip`); placements, fabrics, prices
and reports ask it. It knows what nobody has published, too: `Chip.unknown`.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from eventsim.checks import choice, integer, shown
from eventsim.errors import InputError, listed, nearest
from eventsim.fabric.contract import STALL
from eventsim.hardware.chip_table import chip_table
from eventsim.hardware.consistency import inconsistency
from eventsim.hardware.facts import Fact, weakest
from eventsim.hardware.keys import ARBITERS, BARRIERS, KEYS, ON_GRID, OPERATIONS, STATIONS
from eventsim.hardware.pricing import Priced
from eventsim.hardware.problems import RefusedError
from eventsim.hardware.values import facts_of, tables_of
from eventsim.table import Table, Tabled

CHOSEN = "chosen"  # the source of what somebody gave a chip in place of its own


@dataclass(frozen=True)
class Station:
    """What passes packets on, or takes them in, in physical units.

    Attributes
    ----------
    service
        For how long a packet occupies it, in seconds; of a core ``axon_in``, to which `Chip.work` adds the rest.
    latency
        For how long a packet is under way after it, in seconds.
    buffer, intake
        How many packets of each station before it, or of neurons, may wait; infinity is without a limit.
    full
        "stall" or "drop": what the stations before it do.
    arbiter
        One of `eventsim.hardware.keys.ARBITERS`.
    """

    service: float
    latency: float
    buffer: float = math.inf
    intake: float = math.inf
    full: str = STALL
    arbiter: str = ARBITERS[0]


@dataclass(frozen=True)
class ChipDescription(Tabled, Priced):
    """A chip as it is described: values with units, sources and grades, by key. ``print(chip)`` shows all of them.

    Attributes
    ----------
    name, title, note
        What it is called, what it is in one line, what else is to be known.
    facts
        What is known: a `Fact` by key, in the order of the table of keys; not to be changed.
    sources
        Who says so, by the name that facts have.
    """

    name: str
    title: str
    note: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict, hash=False)
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for key in self.facts:
            self.fact(key)
        order = list(KEYS)
        in_order = sorted(self.facts, key=lambda key: (order.index(_of_table(key)), _count(key)))
        object.__setattr__(self, "facts", {key: self.facts[key] for key in in_order})
        problem = inconsistency(self.facts)
        if problem:
            raise InputError(f"Chip {self.name}: {problem.text}")

    def fact(self, key: str) -> Fact | None:
        """What is known of a value; None where nothing is.

        Raises
        ------
        InputError
            No chip has such a value, with the nearest name.
        """
        if _of_table(key) not in KEYS:
            known = [name for name in KEYS if name.partition(".")[2] == key] or KEYS
            raise InputError(
                f"Chip {self.name}: key = {shown(key)}{nearest(key, KEYS)}; must be a value of a chip: "
                f"{listed(known, 6)}. docs/reference/chips.md lists them."
            )
        return self.facts.get(key)

    def need(self, key: str) -> Any:
        """The value of a key: seconds, joules, watts, bits, a number, a word.

        Raises
        ------
        InputError
            It is unknown, or a range; the message says how to give one. No such key.
        """
        fact = self.fact(key)
        if fact is None:
            unit = {"time": '"5 ns"', "choice": f'"{(*KEYS[_of_table(key)].choices, "")[0]}"'}
            example = unit.get(KEYS[_of_table(key)].kind, "…")
            raise InputError(
                f"Chip {self.name}: {key} is unknown; must be known here. Give one: "
                f"chip.replace({{{key!r}: {example}}})."
            )
        if fact.is_range:
            raise InputError(
                f"Chip {self.name}: {key} is a range, {fact.text} ({fact.grade}); must be one value here. Take an end "
                f'everywhere, chip.at("low") or chip.at("high"), or here: chip.replace({{{key!r}: …}}).'
            )
        return fact.value

    def known(self, key: str, otherwise: Any = None) -> Any:
        """The value of a key, as `need` has it; `otherwise` where it is unknown."""
        return otherwise if self.fact(key) is None else self.need(key)

    def station(self, name: str) -> Station:
        """A part of the chip that packets go through, one of `eventsim.hardware.keys.STATIONS`.

        Raises
        ------
        InputError
            No such part; a value of it is unknown or a range. An intake that is unknown is one without a limit.
        """
        choice(f"Chip {self.name}", "station", name, list(STATIONS))
        service = self.need(f"{name}.{'axon_in' if name == 'core' else 'service'}")
        latency = self.need(f"{name}.latency")
        if "intake" in STATIONS[name]:
            return Station(service, latency, intake=self.known(f"{name}.intake", math.inf))
        return Station(
            service,
            latency,
            buffer=self.need(f"{name}.buffer"),
            full=self.need(f"{name}.full"),
            arbiter=self.need(f"{name}.arbiter"),
        )

    def work(self, n_synapses: int, n_neurons: int) -> float:
        """For how long a packet occupies a core where it reaches so many synapses and neurons, in seconds."""
        parts = ((1, "axon_in"), (n_synapses, "per_synapse"), (n_neurons, "per_neuron"))
        return math.fsum(n * self.need(f"core.{name}") for n, name in parts)

    def barrier_length(self, cores: int, tiles: int) -> float:
        """Length of a barrier in seconds, with so many cores and tiles in use.

        Raises
        ------
        InputError
            It is unknown, or a range; numbers below 1.
        """
        where = f"Chip {self.name}: barrier_length"
        used = (1, integer(where, "cores", cores, low=1), integer(where, "tiles", tiles, low=1))
        for key, n in zip(BARRIERS, used, strict=True):
            if key in self.facts:
                break
            counts = [int(name.rpartition(".")[2]) for name in self.facts if name.startswith(f"{key}.")]
            if counts:
                return float(self.need(f"{key}.{max(count for count in counts if count <= n)}"))
        return float(self.need(BARRIERS[0]))

    @property
    def n_tiles(self) -> int:
        """Number of tiles; of a chip without a grid, where a core is a tile, the cores."""
        if "topology.positions" in self.facts:
            return len(self.need("topology.positions"))
        if "topology.cores" in self.facts and "topology.size" not in self.facts:
            return int(-(-self.need("topology.cores") // self.cores_per_tile))
        width, height = self.need("topology.size" if self.need("topology.kind") in ON_GRID else "topology.cores")
        return int(width * height)

    @property
    def cores_per_tile(self) -> int:
        """Number of cores that share a tile."""
        return int(self.known("topology.cores_per_tile", 1))

    @property
    def n_cores(self) -> int:
        """Number of cores."""
        return int(self.known("topology.cores") or self.n_tiles * self.cores_per_tile)

    def tile(self, core: int) -> int:
        """The number of the tile that a core is on."""
        return integer(f"Chip {self.name}", "core", core, low=0, high=self.n_cores - 1) // self.cores_per_tile

    def position(self, core: int) -> tuple[int, int]:
        """Where the tile of a core is, (x, y).

        Raises
        ------
        InputError
            No such core; a chip that has neither a grid nor positions.
        """
        tile = self.tile(core)
        if "topology.positions" in self.facts:
            x, y = self.need("topology.positions")[tile]
        elif self.need("topology.numbering") == "rows":
            y, x = divmod(tile, self.need("topology.size")[0])
        else:
            x, y = divmod(tile, self.need("topology.size")[1])
        return int(x), int(y)

    @property
    def prices(self) -> dict[str, Fact]:
        """What operations cost, in joules (a second: watts), by their names."""
        return {name: self.facts[f"prices.{name}"] for name in OPERATIONS if f"prices.{name}" in self.facts}

    @property
    def ranges(self) -> tuple[str, ...]:
        """Keys whose values are ranges."""
        return tuple(key for key, fact in self.facts.items() if fact.is_range)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Keys of which nothing is known, of those that such a chip has.

        What an all-in price contains is paid for and not among them.
        """
        return tuple(key for key in KEYS if self._lacks(key))

    def _lacks(self, key: str) -> bool:
        entry, section = KEYS[key], key.partition(".")[0]
        kind, discipline = (self.facts.get(name) for name in ("topology.kind", "time.discipline"))
        if entry.optional or key in self.facts or key in self._paid:
            return False
        if kind is None and discipline is None and section != "prices":
            return False  # prices of a technology, and no chip
        if (entry.kinds and kind and kind.value not in entry.kinds) or (entry.kinds and kind is None):
            return False
        if entry.disciplines and (discipline is None or discipline.value not in entry.disciplines):
            return False
        if key == "topology.cores":
            return kind is not None and kind.value not in ON_GRID
        if key in BARRIERS:
            return key == BARRIERS[0] and not any(name.startswith(BARRIERS[0]) for name in self.facts)
        if key in ("limits.synapses_per_core", "limits.synapse_memory_per_core"):
            return not {"limits.synapses_per_core", "limits.synapse_memory_per_core"} & {*self.facts}
        return True

    @functools.cached_property
    def _paid(self) -> frozenset[str]:
        return frozenset(f"prices.{name}" for fact in self.prices.values() for name in fact.contains)

    @property
    def grade(self) -> str:
        """The weakest grade of its values."""
        return weakest(fact.grade for fact in self.facts.values())

    def at(self, end: str) -> Self:
        """The chip with the low or the high end of every range: "low" or "high"."""
        choice(f"Chip {self.name}", "end", end, ("low", "high"))
        return self._with({key: _at_end(fact, end) for key, fact in self.facts.items()}, self.sources)

    def replace(self, values: Mapping[str, Any], grade: str = "assumed", source: str = CHOSEN) -> Self:
        """The chip with other values, or with such as were unknown.

        Parameters
        ----------
        values
            By key, each as a file has it: "5 ns", 16, "stall", [4, 4], or a dict with value or range, grade, source and
            note. None takes a value out: it is unknown. "link.…" of a mesh or torus is "link_x.…" and "link_y.…".
        grade, source
            Of values that do not say it. A source that the chip does not list is added to its list.

        Raises
        ------
        InputError
            Unknown keys, values of another kind or unit, values that contradict others.

        Examples
        --------
        >>> from eventsim import hardware
        >>> fast = hardware.chip("aer_bus").replace({"link.service": "200 MHz"})
        >>> fast.need("link.service"), fast.fact("link.service").grade
        (5e-09, 'assumed')
        """
        if not isinstance(values, Mapping):
            raise InputError(
                f"Chip {self.name}: replace: values = {shown(values)}; must be a dict of values by key. Give e.g. "
                '{"core.axon_in": "5 ns"}.'
            )
        values = self._on_both_axes(values)
        for key in values:
            self.fact(key)
        names = [source, *(name for given in values.values() for name in _sources_of(given))]
        added = {name: "given in place of the chip's own values" if name == CHOSEN else name for name in names}
        sources = added | dict(self.sources)
        try:
            facts = facts_of({"grade": grade, "source": source, **tables_of(values)}, sources, whole=False)
        except RefusedError as refused:
            raise InputError(f"Chip {self.name}: replace: {refused}") from None
        kept = {key: fact for key, fact in self.facts.items() if not any(_covers(name, key) for name in values)}
        return self._with(kept | facts, sources)

    def _on_both_axes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """On a grid, links are those along x and those along y, where nothing else is said of these."""
        kind = self.facts.get("topology.kind")
        both = [key for key in values if kind is not None and kind.value in ON_GRID and str(key).startswith("link.")]
        spread = {f"link_{axis}.{key[5:]}": values[key] for key in both for axis in "xy"}
        return spread | {key: value for key, value in values.items() if key not in both}

    def _with(self, facts: Mapping[str, Fact], sources: Mapping[str, str]) -> Self:
        used = {name for fact in facts.values() for name in fact.sources}
        return type(self)(
            self.name, self.title, self.note, facts, {n: text for n, text in sources.items() if n in used}
        )

    def table(self) -> Table:
        """Every value with its grade and sources; what is unknown and who the sources are below."""
        return chip_table(f"{self.name}: {self.title}", self.note, self.facts, self.unknown, self.sources)

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return (
            f"Chip({self.name!r}: {len(self.facts)} values, {len(self.unknown)} unknown, weakest grade {self.grade!r})"
        )


def _of_table(key: Any) -> str:
    """The key of the table that a key belongs to: those by count end with the count."""
    section, _, count = str(key).rpartition(".")
    return (
        section
        if count.isascii() and count.isdecimal() and KEYS.get(section, KEYS["core.axon_in"]).kind == "by count"
        else str(key)
    )


def _count(key: str) -> int:
    return int(key.rpartition(".")[2]) if _of_table(key) != key else 0


def _covers(name: str, key: str) -> bool:
    """Does a new value take the place of this one? A table by count takes the place of all its counts."""
    return key == name or (name in BARRIERS and _of_table(key) in BARRIERS)


def _sources_of(given: Any) -> tuple[str, ...]:
    """Names of sources that a value names; what is none is refused by the schema."""
    source = given.get("source") if isinstance(given, Mapping) else None
    several = source if isinstance(source, list | tuple) else (source,)
    return tuple(name for name in several if isinstance(name, str))


def _at_end(fact: Fact, end: str) -> Fact:
    if not fact.is_range:
        return fact
    value = getattr(fact, end)
    low, _, high = fact.text.partition(" to ")
    note = f"{end} end of {fact.text}"
    text = low if end == "low" else high
    return Fact(text, value, value, fact.grade, fact.sources, f"{fact.note}; {note}".lstrip("; "), fact.contains)
