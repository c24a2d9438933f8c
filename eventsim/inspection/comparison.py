"""What `compare` found: the first difference of each neuron, counts by population, and how to read them.

Relies on tables and wording. Made by `eventsim.compare`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.table import Column, Table, Tabled, dotted
from eventsim.wording import longest_place, name_text, neuron_text

Array = np.ndarray[Any, Any]


def difference_dtype(shapes: Mapping[str, Sequence[int]], exact: bool) -> np.dtype[Any]:
    """Return the type of a record of `Comparison.differences`; times are objects where they may be Fractions."""
    time = "O" if exact else "f8"
    width, where = max(map(len, shapes), default=1), longest_place(shapes.values())
    whole = [(name, "i8") for name in ("neuron", "sample", "number")]
    return np.dtype([("population", f"U{width}"), *whole, ("time_a", time), ("time_b", time), ("place", f"U{where}")])


def neuron_dtype(shapes: Mapping[str, Sequence[int]]) -> np.dtype[Any]:
    """Return the type of a record of `Comparison.neurons`."""
    width, where = max(map(len, shapes), default=1), longest_place(shapes.values())
    counts = [(name, "i8") for name in ("neuron", "both", "only_a", "only_b", "earlier", "later")]
    return np.dtype([("population", f"U{width}"), *counts, ("largest", "f8"), ("place", f"U{where}")])


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Tabled):
    """The result of `eventsim.compare`; a and b are the runs, or a run and given spikes, in the order of the arguments.

    Attributes
    ----------
    differences : structured array (n,)
        A record for each neuron and sample whose spikes differ, at the first spike that does: population, neuron,
        sample (its place in a), number (of the spike, from 0), time_a, time_b (inf = no such spike; objects where a run
        is of Fractions), place (of the neuron, "c 0, y 2, x 3" in a shape (channels, height, width); empty where the
        population has one axis). By sample, in event order.
    neurons : structured array (n,)
        A record for each neuron that was compared, over all samples: population, neuron, both (spikes that a and b
        have), only_a, only_b, earlier and later (spikes that both have, but b earlier or later than a), largest
        (distance of these), place.
    shapes
        Shape of each source and population, by name.
    by_population
        Dicts by name: compared and different (neurons times samples), only_a and only_b (spikes that the other side has
        not), earlier and later (spikes that both have, but b earlier or later than a), largest and median (distance of
        time_a and time_b, of spikes that both have).
    n_samples
        Number of samples compared.
    n_spikes
        Numbers of spikes of a and of b that were compared.
    all_spikes
        False where first spikes were compared.
    differing_predictions : array (n,)
        Places of the samples that are predicted differently; None where a run predicts nothing.
    readout_difference
        Largest difference of an output, as a potential; inf where one run alone has outputs, None where neither has
        any.
    notes
        What else a reader should know.
    within
        As it was asked for.
    """

    n_samples: int
    n_spikes: tuple[int, int]
    all_spikes: bool
    differences: Array
    neurons: Array
    shapes: dict[str, tuple[int, ...]]
    by_population: dict[str, dict[str, Any]]
    differing_predictions: Array | None
    readout_difference: float | None
    notes: tuple[str, ...]
    within: float | None = None

    @property
    def same(self) -> bool:
        """Is every spike that was compared equal to the last bit? Read-outs are told apart."""
        return not len(self.differences)

    @property
    def ok(self) -> bool:
        """Has b every spike of a and none else, each at most `within` away, or where that is None to the last bit?"""
        return self.same if self.within is None else not (self.only_a or self.only_b)

    @property
    def first(self) -> list[Any]:
        """The earliest difference of each sample in event order, a record of `differences`; None where there is none.

        Spikes of one time are in event order where all spikes were recorded, else in that of populations and neurons.
        """
        earliest: list[Any] = [None] * self.n_samples
        samples, places = np.unique(self.differences["sample"], return_index=True)
        for sample, place in zip(samples.tolist(), places.tolist(), strict=True):
            earliest[sample] = self.differences[place]
        return earliest

    @property
    def only_a(self) -> int:
        """Spikes, counted by neuron and number, that b has not."""
        return sum(counts["only_a"] for counts in self.by_population.values())

    @property
    def only_b(self) -> int:
        """Spikes, counted by neuron and number, that a has not."""
        return sum(counts["only_b"] for counts in self.by_population.values())

    def table(self) -> Table:
        """Return the comparison as a table: a row for each population, notes, and a verdict."""
        columns = [Column("population", text=True), Column("compared"), Column("different", dotted)]
        columns += [Column("only in a", dotted), Column("only in b", dotted), Column("max |Δt|", ".2g")]
        keys = ("compared", "different", "only_a", "only_b")
        rows = [
            (name, *(counts[key] for key in keys), float(counts["largest"]))
            for name, counts in self.by_population.items()
        ]
        lines = [f"note: {note}" for note in self.notes]
        lines += [", ".join(self._outputs())] if self._outputs() else []
        return Table(tuple(columns), tuple(rows), below=(*lines, self._verdict()), ruled=True)

    def _outputs(self) -> list[str]:
        said = []
        if self.differing_predictions is not None:
            said.append(f"predictions differ in {len(self.differing_predictions)} of {_samples(self.n_samples)}")
        if self.readout_difference is not None:
            said.append(f"outputs differ by at most {self.readout_difference:.2g}")
        return said

    def _verdict(self) -> str:
        what = "spikes" if self.all_spikes else "first spikes"
        if self.same:
            return f"SAME: {_samples(self.n_samples)}, {self.n_spikes[0]:,} {what} equal to the last bit"
        n_samples = len(np.unique(self.differences["sample"]))
        d = self.differences[0]
        plural = "s" if len(self.differences) != 1 else ""
        how_many = f"{n_samples} of {_samples(self.n_samples)}, {len(self.differences):,} spike train{plural}"
        name = str(d["population"])
        who = f"{neuron_text(d['neuron'], self.shapes[name])} of {name_text(name)}"
        where = f"{who}, sample {d['sample']}, spike {d['number']}"
        times = f"{_time(d['time_a'])} in a, {_time(d['time_b'])} in b"
        return f"DIFFERENT: {how_many}; first: {where}: {times}"

    def __repr__(self) -> str:
        return f"Comparison: {'; '.join([self._verdict(), *self._outputs()])}"

    def to_json(self, limit: int = 1000) -> str:
        """Return the comparison as JSON, with at most `limit` differences; no such spike is null, Fractions round."""
        differing = self.differing_predictions
        return json.dumps(
            {
                "same": self.same,
                "samples": self.n_samples,
                "spikes": list(self.n_spikes),
                "all_spikes": self.all_spikes,
                "only_a": self.only_a,
                "only_b": self.only_b,
                "populations": [
                    {"population": name} | {key: _plain(value) for key, value in counts.items()}
                    for name, counts in self.by_population.items()
                ],
                "differing_predictions": None if differing is None else differing.tolist(),
                "readout_difference": _plain(self.readout_difference),
                "n_differences": len(self.differences),
                "differences": [
                    {field: _plain(record[field]) for field in self.differences.dtype.names or ()}
                    for record in self.differences[:limit]
                ],
                "notes": list(self.notes),
            }
        )


def _samples(n: int) -> str:
    return f"{n} sample{'s' if n != 1 else ''}"


def _time(t: Any) -> str:
    return "none" if t == math.inf else repr(float(t))


def _plain(value: Any) -> Any:
    """A number, text or None as JSON has it; what is infinite is null."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, np.integer):
        return int(value)
    return float(value) if math.isfinite(value) else None
