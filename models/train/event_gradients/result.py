"""What `gradients` found, as a table and as arrays in the shapes of the network.

Relies on tables. Made by `gradients`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.errors import InputError, listed, nearest
from eventsim.table import Column, Table, Tabled
from eventsim.wording import size_text

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Gradients(Tabled):
    """The result of `eventsim.models.train.gradients`; with Fractions where the run is exact.

    Attributes
    ----------
    value
        The loss.
    weights : dict of arrays
        By projection, "input -> hidden", in the shape of its weights; of a convolution summed over its positions. Pools
        have none.
    delays
        By projection: a number, or (n_synapses,) where synapses have delays of their own.
    thresholds : dict of arrays (size,)
        By population, of those that have a threshold; neurons that share one have the sum.
    drifts : dict of arrays (size,)
        By population of read-outs: their slopes before any input, which carry the biases.
    inputs : dict of arrays
        By source, the derivatives by its spike times: (n_spikes,) in the order of `Run.spikes`, or (n_samples, size)
        of a run that recorded first spikes; `first_inputs` has the latter of all runs.
    forced
        How many spikes passed nothing back, since their time is that of a window, whatever reaches them.
    """

    value: float
    weights: Mapping[str, Array]
    delays: Mapping[str, Any]
    thresholds: Mapping[str, Array]
    drifts: Mapping[str, Array]
    inputs: Mapping[str, Array]
    forced: int
    _first: Mapping[str, Array]

    def first_inputs(self, source: str) -> Array:
        """Return the derivatives by the first spike of each neuron of a source, (n_samples, size); 0 of silent ones.

        Raises
        ------
        InputError
            No such source.
        """
        if source not in self._first:
            raise InputError(
                f"gradients: unknown source {source!r}{nearest(source, self._first)}; must be one of "
                f"{listed(self._first)}. Name one of them."
            )
        return self._first[source]

    def table(self) -> Table:
        """A row for each part: what of it, the shape, the length of the gradient, its largest entry and where that is.

        Columns: by (weights, delays, thresholds, drifts, inputs); of; shape; length; largest; at.
        """
        columns = [Column(name, text=True) for name in ("by", "of", "shape")]
        columns += [Column("length", ".4g"), Column("largest", ".4g"), Column("at", text=True)]
        return Table(tuple(columns), tuple(self._rows()), (f"loss {float(self.value):.6g}",), self._notes())

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for name in ("weights", "delays", "thresholds", "drifts", "inputs"):
            for part, given in getattr(self, name).items():
                values = np.asarray(given).astype(np.float64)
                if not values.size:
                    continue
                at = np.unravel_index(int(np.abs(values).argmax()), values.shape)
                place = ", ".join(str(int(k)) for k in at)
                shape = size_text(values.shape) or "1"
                yield name, part, shape, float(np.sqrt((values * values).sum())), float(values[at]), place

    def _notes(self) -> tuple[str, ...]:
        if not self.forced:
            return ()
        return (f"{self.forced} spikes at the beginning of a window, which no input moves, passed nothing back",)

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        parts = f"{len(self.weights)} projections, {len(self.thresholds)} populations"
        return f"Gradients: loss {float(self.value):.6g}, {parts}"
