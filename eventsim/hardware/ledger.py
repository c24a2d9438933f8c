"""What a run did, counted: synaptic operations, updates, spikes, packets, hops. Prices are applied afterwards.

Relies on the names of operations. Made by hand, or of a run by `counted`; read by `pricing`. A count that nobody
knows is None, never 0: a run without a fabric has no hops to tell of.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.checks import integer, number, shown
from eventsim.errors import InputError
from eventsim.hardware.keys import OPERATIONS
from eventsim.table import Column, Table, Tabled

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Ledger(Tabled):
    """Counts of operations; None where a count is unknown.

    Two ledgers add up, ``a + b``, as those of two batches: what is unknown in one of them is unknown.

    Attributes
    ----------
    synaptic_operations
        Spikes that arrived at a synapse.
    neuron_updates_driven, neuron_updates_idle
        Updates of neurons that received something, and of others, on chips that visit all in each step.
    spikes
        Spikes of neurons.
    packets
        Packets that were put into the fabric.
    hops_x, hops_y, hops
        Links that packets took: along x, along y, of a bus, a star or a tree.
    axon_out, axon_in
        Messages that left cores and that cores took in.
    input_packets, output_packets
        Packets that entered the chip and left it.
    read_bits
        Bits that were read from the memory of synapses.
    barriers
        Synchronisations at the end of a step.
    samples
        Samples.
    seconds
        Physical time for which the chip was on, in seconds.

    Raises
    ------
    InputError
        A count that is no integer >= 0, seconds that are no number >= 0.
    """

    synaptic_operations: int | None = None
    neuron_updates_driven: int | None = None
    neuron_updates_idle: int | None = None
    spikes: int | None = None
    packets: int | None = None
    hops_x: int | None = None
    hops_y: int | None = None
    hops: int | None = None
    axon_out: int | None = None
    axon_in: int | None = None
    input_packets: int | None = None
    output_packets: int | None = None
    read_bits: int | None = None
    barriers: int | None = None
    samples: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        remedy = "Leave it out where it is unknown."
        for name, count in self.counts().items():
            if count is not None and name == "seconds":
                object.__setattr__(self, name, float(number("Ledger", name, count, low=0, remedy=remedy)))
            elif count is not None:
                object.__setattr__(self, name, integer("Ledger", name, count, low=0, remedy=remedy))

    def counts(self) -> dict[str, Any]:
        """Every operation and its count, None where that is unknown."""
        return {name: getattr(self, name) for name in OPERATIONS}

    def __add__(self, other: "Ledger") -> "Ledger":
        if not isinstance(other, Ledger):
            return NotImplemented
        pairs = ((name, mine, other.counts()[name]) for name, mine in self.counts().items())
        return Ledger(**{name: None if None in (a, b) else a + b for name, a, b in pairs})

    def __iter__(self) -> "Iterator[tuple[str, Any]]":
        return iter(self.counts().items())

    def replace(self, **counts: int | float | None) -> "Ledger":
        """Return the same with other counts, by name; None makes one unknown."""
        unknown = [name for name in counts if name not in OPERATIONS]
        if unknown:
            raise InputError(
                f"Ledger: {shown(unknown[0])} is no operation; must be one of {', '.join(OPERATIONS)}. Rename it."
            )
        return dataclasses.replace(self, **counts)  # type: ignore[arg-type]

    def table(self) -> Table:
        """A row for each operation; what is unknown has no count."""
        counts = Column("count", count_text, missing="?")
        columns = (Column("operation", text=True), counts, Column("what it is", text=True))
        return Table(columns, tuple((name, count, OPERATIONS[name]) for name, count in self))

    def __str__(self) -> str:
        return str(self.table())


def count_text(count: int | float) -> str:
    """A count as tables show it; seconds, which are no integers, in six digits."""
    return f"{count:,}" if isinstance(count, int) else f"{count:,.6g}"
