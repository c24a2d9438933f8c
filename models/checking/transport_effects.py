"""How far a transport took each layer from what it would have done without one: the sizes that a report gives.

Relies on tables. Used by `report`; what neurons would have done is worked out in `undisturbed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.table import Column, Table, dotted
from eventsim.wording import name_text

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Undisturbed:
    """One population as it would have been without the transport; arrays (n_samples, size).

    Attributes
    ----------
    time
        Spike times, inf = silent; of a read-out, potentials.
    bound
        What rounding may make of the difference of the run from them.
    late, lost
        How many inputs the transport brought at or after t_min that would have been in time, and how many it lost.
    """

    time: Array
    bound: Array
    late: Array
    lost: Array

    def of(self, neurons: Array) -> "Undisturbed":
        """The same of some neurons, (n,) indices."""
        return Undisturbed(**{name: array[:, neurons] for name, array in vars(self).items()})


@dataclass(frozen=True)
class TransportEffect:
    """What a transport made of one population, over all samples; times in the unit of the network.

    Attributes
    ----------
    population
        Its name.
    readout
        Whether it is one of potentials, which take the place of times.
    checked
        Neurons times samples.
    caused
        How many of them have the cause "transport".
    moved
        How many do something else than they would without the transport, by more than rounding: by what came late or
        was lost on its way to them, or because a neuron before them was moved.
    median, largest
        By how much: the median and the largest size of the difference, of those that fire in both. 0 where there are
        none.
    silenced, roused
        How many would fire without it and are silent, and the other way round.
    late, lost
        How many inputs came at or after t_min because of it, and how many never came; an input counts at each neuron
        that hears it.
    """

    population: str
    readout: bool
    checked: int
    caused: int
    moved: int
    median: float
    largest: float
    silenced: int
    roused: int
    late: int
    lost: int


def effect_of(name: str, event: Array, without: Undisturbed, end: float | None, caused: Array) -> TransportEffect:
    """Return what the transport made of one population.

    Parameters
    ----------
    event : array (n_samples, size)
        What it did: times, inf = silent, or the potentials of a read-out.
    without
        What it would have done.
    end
        The t_max, which stands for silence in differences; None for a read-out.
    caused : array (n_samples, size)
        Whether the cause is the transport.
    """
    fired, would = np.isfinite(event), np.isfinite(without.time)
    # Only silence counts as the end: a spike beyond it, which a pool passes on late, is there all the same.
    silence = 0.0 if end is None else end
    shift = np.abs(np.where(fired, event, silence) - np.where(would, without.time, silence)).astype(np.float64)
    moved = shift > without.bound
    sizes = shift[moved & fired & would]
    return TransportEffect(
        population=name,
        readout=end is None,
        checked=event.size,
        caused=int(np.count_nonzero(caused)),
        moved=int(np.count_nonzero(moved)),
        median=float(np.median(sizes)) if sizes.size else 0.0,
        largest=float(sizes.max(initial=0.0)),
        silenced=int(np.count_nonzero(moved & would & ~fired)),
        roused=int(np.count_nonzero(moved & fired & ~would)),
        late=int(without.late.sum()),
        lost=int(without.lost.sum()),
    )


def effects_table(effects: Mapping[str, TransportEffect]) -> Table:
    """Return a row for each population."""
    columns = [Column("population", text=True), Column("checked"), Column("transport", dotted), Column("moved", dotted)]
    columns += [Column("median", ".3g", missing="."), Column("largest", ".3g", missing=".")]
    columns += [Column(name, dotted) for name in ("silenced", "roused", "late inputs", "lost inputs")]
    rows = []
    for name, one in effects.items():
        sizes = (one.median, one.largest) if one.largest else (None, None)
        what = f"{name} (potentials)" if one.readout else name
        rows.append((what, one.checked, one.caused, one.moved, *sizes, one.silenced, one.roused, one.late, one.lost))
    return Table(tuple(columns), tuple(rows), ruled=True)


def effects_line(effects: Mapping[str, TransportEffect]) -> str:
    """Return one sentence on all of them."""
    moved = {name: one for name, one in effects.items() if one.moved}
    late, lost = (sum(getattr(one, what) for one in effects.values()) for what in ("late", "lost"))
    inputs = f"inputs late {late:,}, lost {lost:,}"
    if not moved:
        return f"transport: moved nothing; {inputs}"
    count = sum(one.moved for one in moved.values())
    spiking = [one for one in moved.values() if not one.readout]
    farthest = max(spiking, key=lambda one: one.largest, default=None)
    by = ""
    if farthest is not None and farthest.largest:
        by = f", a spike of {name_text(farthest.population)} farthest, by {farthest.largest:.3g}"
    return f"transport: moved {count:,} in {len(moved)} layer{'s' if len(moved) > 1 else ''}{by}; {inputs}"
