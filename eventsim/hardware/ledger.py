"""What a run did, counted: synaptic operations, updates, spikes, packets, hops. Prices are applied afterwards.

Relies on the names of operations. Made by hand, or of a run; read by `pricing`. A count that nobody knows is None,
never 0: a run without a fabric has no hops to tell of.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.checks import integer, number, shown
from eventsim.engines.fabric_records import SERVED
from eventsim.errors import InputError
from eventsim.hardware.keys import OPERATIONS
from eventsim.hardware.run_time import seconds_a_unit
from eventsim.run.recorded import RecordedRun
from eventsim.run.spans import durations
from eventsim.table import Column, Table, Tabled

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a packet that a part of a chip has served counts as.
COUNTED_AS = {
    "link_x": "hops_x", "link_y": "hops_y", "link": "hops", "axon_out": "axon_out", "core": "axon_in",
    "input": "input_packets", "output": "output_packets",
}  # fmt: skip


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

    @classmethod
    def of(cls, run: RecordedRun) -> "Ledger":
        """Return what a run knows: synaptic operations, spikes, samples, time and, with a transport, packets.

        Synaptic operations are deliveries that were made (``counters["visited"]``), those to pools included. Spikes are
        those of populations, not of sources. Seconds are the time of all samples, each up to where it was simulated or,
        where nothing but the lack of events ended it, to the end of the last window or, where that is later, to the
        last packet of a log; on a chip whose neurons are faster than their models they are its own. They are unknown
        without such an end and without the network's `time_unit`.

        Packets, hops and messages are what stations have served, by the part of a chip that they are: packets those of
        inputs and of what leaves cores, so that copies on the way count as hops and not as packets. Where cores are
        stations, parts that no packet came to count 0; of other fabrics what no station is remains unknown.

        Updates of neurons that received something are known of a run with a transport, in real time and with its
        network at hand, whose packets reach each neuron by one synapse: one for each synaptic operation at a neuron
        that is no pool. On a tick or in steps they depend on the chip, as idle ones do, and are unknown. Reads and
        barriers are those of a chip, too.

        Raises
        ------
        InputError
            The run ended early: its counts are those of a part.
        """
        if not run.complete:
            raise InputError(
                "Ledger.of: run ended early; must be complete, or its energy would be that of a part. Go on with it "
                "(simulate with resume=run), and count then."
            )
        unit, time = seconds_a_unit(run), math.fsum(durations(run).tolist())
        return cls(
            synaptic_operations=run.counters["visited"],
            neuron_updates_driven=_driven_updates(run),
            spikes=run.counters["spikes"],
            samples=run.n_samples,
            seconds=None if unit is None or time == math.inf else time * unit,
            **_served(run),
        )

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
        columns = (Column("operation", text=True), Column("count", ",", missing="?"), Column("what it is", text=True))
        return Table(columns, tuple((name, count, OPERATIONS[name]) for name, count in self))

    def __str__(self) -> str:
        return str(self.table())


def _served(run: RecordedRun) -> dict[str, int]:
    """What the stations of a fabric count as, from how many packets each has served."""
    fabric = run.provenance.get("fabric")
    if fabric is None or run.records.stations is None:
        return {}
    served = run.records.stations[..., SERVED].sum(axis=0)
    whole = "core" in fabric["parts"]
    by_part = {part: 0 for part in (COUNTED_AS if whole else fabric["parts"]) if part}
    for part, n in zip(fabric["parts"], served.tolist(), strict=True):
        if part:
            by_part[part] += int(n)
    found = {name: by_part[part] for part, name in COUNTED_AS.items() if part in by_part}
    if whole:
        found["packets"] = by_part["input"] + by_part["axon_out"]
    return found


def _driven_updates(run: RecordedRun) -> int | None:
    """Updates of neurons by packets: one a synaptic operation, where no packet has two for a neuron; else None."""
    net, fabric = run._network, run.provenance.get("fabric")
    if net is None or fabric is None or fabric["tick"]:
        return None
    ends = [(one.pre.name, one.post.name) for one in net.projections if not one.post.model.relay]
    parallel = any(getattr(one.kind, "parallel", False) for one in net.projections)
    if parallel or len({*ends}) < len(ends):
        return None
    by = run.counters["by_population"]
    return sum(int(by[one.name]["visited"]) for one in net.populations if not one.model.relay)
