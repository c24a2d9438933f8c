"""What can go wrong while a network runs, in words that are the same from both engines.

Relies on wording. Used by both engines, which know the sample, the neuron and the time.
"""

from collections.abc import Sequence
from typing import Any

from eventsim.network.nodes import Population, Source
from eventsim.wording import neuron_text


def fires_twice(sample: int, neuron: int, node: Source | Population, t: Any) -> str:
    """A neuron emits for the second time at t: the order of events at t has no end, or no meaning."""
    return _where(
        sample,
        f"{neuron_text(neuron, node.shape)} of {node.name!r} fires twice at t = {t}; a neuron may fire once at one "
        "time. Add a refractory period, or a delay to the cycle that it is part of",
    )


def delay_lost(sample: int, neuron: int, node: Source | Population, t: Any) -> str:
    """A spike would arrive at its time of departure in spite of a positive delay."""
    return _where(
        sample,
        f"a spike of {neuron_text(neuron, node.shape)} of {node.name!r} at t = {t} would arrive at the same time in "
        "spite of its positive delay or service time, which is lost by rounding. Use delays above ulp(t), or a smaller "
        "time unit",
    )


def no_weight(sample: int, projection: str, t: Any) -> str:
    """A fault at arrival gave a spike a weight that is no number, or one beyond all weights."""
    return _where(
        sample,
        f"at t = {t} the faults at arrival gave a spike over {projection} a weight that is not finite, or beyond "
        "1e100; must be within. Look at what their deliver() returns",
    )


def overflowed(sample: int, node: Source | Population, count: int) -> str:
    """Additions left the range of a register that may not, or an input came between the ticks of a clock."""
    if count < 0:
        return _where(
            sample,
            f"{node.name!r} was reached between two of its ticks; all times must be multiples of the tick. Put a Clock "
            "of that period behind the faults that move spikes, name sources in it, and give delays of whole ticks",
        )
    return _where(
        sample,
        f"{count:,} addition{'s' if count != 1 else ''} in {node.name!r} left the range of a register; overflow = "
        '"error" allows none. Give more bits, or overflow="saturate" or "wrap", which count them',
    )


def out_of_room(sample: int, t: Any) -> str:
    """A list of the compiled engine was full: a fault of eventsim, found before it could do harm."""
    return _where(
        sample,
        f"at t = {t} the compiled engine had more to note than it has room for, which is a fault of eventsim. Use "
        'engine="reference", and report the network',
    )


def packets_unaccounted(sample: int, counted: Sequence[int]) -> str:
    """The packets of a fabric do not add up (`fabric_records.FABRIC_COUNTERS`): a fault of eventsim."""
    _, packets, delivered, lost, under_way = (f"{n:,}" for n in counted)
    return _where(
        sample,
        f"the fabric took in {packets} packets, but {delivered} delivered, {lost} lost and {under_way} under way do "
        "not add up to that, which is a fault of eventsim. Trust nothing of the run, and report the network",
    )


def budget_used_up(sample: int, which: str) -> str:
    """A budget of events or of time was reached before the run was complete."""
    return _where(sample, which)


def _where(sample: int, what: str) -> str:
    return f"simulate: sample {sample}: {what}. The partial run is in error.run."


def deadlock(sample: int, stations: Sequence[str], t: Any) -> str:
    """Stations of a fabric that wait for each other."""
    circle = " waits for ".join(map(repr, (*stations, stations[0])))
    return _where(
        sample,
        f"the fabric is deadlocked at t = {t}: {circle}, and all of these are full. Give them more places (buffer), "
        'let them lose packets (full="drop"), or choose routes that lead round in no circle',
    )
