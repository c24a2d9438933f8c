"""Which rows a raster has and where they stand: layers below each other, in each the samples, in these the neurons.

Heights are shares of the axes, from 0 at the top to 1 at the bottom. Relies on the layers of a run. Used by the raster
and its parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eventsim.run.run import Run
from eventsim.viz.layers import Array, Layer, spikes_of
from eventsim.viz.selection import Stretch

LEAST_SHARE = 0.35  # a layer is at least this much of the mean layer height, so that ten outputs can be seen
MOST_HEADERS = 0.5  # of the height of the axes


class Band(NamedTuple):
    """Where a layer's rows are, from top to bottom; y grows downwards."""

    top: float
    bottom: float

    def middle(self, row: Array, n_rows: int) -> Array:
        """Return the height of the middle of each row."""
        return self.top + (row + 0.5) / n_rows * (self.bottom - self.top)

    def part(self, first: int, last: int, n: int) -> "Band":
        """Return the band of the parts first to last - 1 of n equal ones."""
        height = (self.bottom - self.top) / n
        return Band(self.top + first * height, self.top + last * height)


@dataclass(frozen=True, eq=False)
class Rows:
    """A layer as a raster shows it: a block of rows for each sample, a row of it for each neuron.

    Attributes
    ----------
    neurons : array (n_neurons,)
        Which neurons are shown, in the order of their rows.
    samples
        Which samples are shown, in the order of their blocks.
    times, row : arrays (n_spikes,)
        The spikes of these in the stretch that is shown, and the row that each is in.
    """

    layer: Layer
    neurons: Array
    samples: list[int]
    times: Array
    row: Array

    @property
    def n_rows(self) -> int:
        """Rows of all blocks."""
        return len(self.neurons) * len(self.samples)

    @property
    def silent(self) -> Array:
        """In which rows, (n_rows,), is no spike?"""
        result = np.ones(self.n_rows, dtype=bool)
        result[self.row] = False
        return result

    def place(self, row: int) -> tuple[int, int]:
        """Return the sample and the neuron of a row."""
        block, place = divmod(row, len(self.neurons))
        return self.samples[block], int(self.neurons[place])


def rows_of(
    run: Run, chosen: Sequence[Layer], neurons: Sequence[Array], samples: list[int], stretch: Stretch | None
) -> list[Rows]:
    """Return the rows of each layer. O(n) in the spikes of these samples, and in the neurons."""
    times: list[list[Array]] = [[] for _ in chosen]
    rows: list[list[Array]] = [[] for _ in chosen]
    places = []
    for layer, shown in zip(chosen, neurons, strict=True):
        place = np.full(layer.size, -1)
        place[shown] = np.arange(shown.size)
        places.append(place)
    for block, sample in enumerate(samples):
        spikes = spikes_of(run, sample)
        for k, layer in enumerate(chosen):
            mine = spikes.population == layer.order
            if stretch is not None:
                mine &= (spikes.time >= stretch[0]) & (spikes.time < stretch[1])
            place = places[k][spikes.neuron[mine]]
            times[k].append(spikes.time[mine][place >= 0])
            rows[k].append(block * neurons[k].size + place[place >= 0])
    return [
        Rows(layer, neurons[k], samples, np.concatenate(times[k]), np.concatenate(rows[k]))
        for k, layer in enumerate(chosen)
    ]


def stack(chosen: Sequence[Rows], header: float, below: float) -> list[Band]:
    """Share the height among layers, each below a header of this height; `below` of it is left free at the bottom.

    A layer's height is proportional to the square root of its rows; a source has no more than populations have on
    average, since it is what they are driven by and not what is looked at.
    """
    heights = np.sqrt([rows.n_rows for rows in chosen])
    sources = np.array([rows.layer.is_source for rows in chosen])
    if not sources.all():
        heights[sources] = np.minimum(heights[sources], heights[~sources].mean())
    heights = np.maximum(heights, LEAST_SHARE * heights.mean())
    heights *= (1.0 - below - len(chosen) * header) / heights.sum()
    bottoms = np.cumsum(heights + header)
    return [Band(float(bottom - height), float(bottom)) for bottom, height in zip(bottoms, heights, strict=True)]


def counted_indices(indices: Array) -> str:
    """Return indices in words: a stretch of them by its ends, others by their number.

    >>> counted_indices(np.arange(5, 9)), counted_indices(np.array([7])), counted_indices(np.array([7, 3]))
    ('5–8', '7', '')
    """
    if indices.size == 1:
        return f"{indices[0]}"
    return f"{indices[0]}–{indices[-1]}" if (np.diff(indices) == 1).all() else ""
