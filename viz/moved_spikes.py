"""A raster of a perturbed run over the ideal one: which spikes moved, vanished, or are new.

Relies on the raster and its rows: both runs have the same ones.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.errors import InputError
from eventsim.run.run import Run
from eventsim.viz.fitted import FittedMarks
from eventsim.viz.frame import axes_points, left_title, line_height
from eventsim.viz.layers import layers
from eventsim.viz.palette import SILENT
from eventsim.viz.raster import raster
from eventsim.viz.raster_marks import strokes
from eventsim.viz.raster_rows import MOST_HEADERS, rows_of, stack
from eventsim.viz.selection import checked_stretch, chosen_neurons, chosen_samples

MOST_SPIKES = 10**9  # all are drawn as strokes: an image of a density shows no spike that moved


def moved_spikes(
    ideal: Run,
    run: Run,
    sample: int = 0,
    ax: Axes | None = None,
    populations: Iterable[str] | None = None,
    *,
    neurons: Mapping[str, Any] | Iterable[int] | slice | int | None = None,
    time: tuple[float, float] | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the spikes of `run` in the colours of their layers, and below them those of `ideal` in grey.

    A grey stroke that is seen moved or vanished; a coloured one without grey beside it is new.

    Parameters
    ----------
    ideal, run
        Two runs of one network on the same samples, with spikes or first spikes.
    sample, ax, populations, neurons, time
        As `raster` has them.
    title
        In place of the usual one, which counts the neurons whose first spikes differ; "" for none.

    Raises
    ------
    InputError
        Runs of different populations, and what `raster` refuses.
    """
    for name, one in (("ideal", ideal), ("run", run)):
        if not isinstance(one, Run):
            raise InputError(f"moved_spikes: {name} is a {type(one).__name__}; must be what eventsim.simulate returned")
    if (ideal.populations, ideal.shapes) != (run.populations, run.shapes):
        raise InputError(
            f"moved_spikes: the runs have {', '.join(ideal.populations)} and {', '.join(run.populations)}; must have "
            "the same populations, of one size. Give two runs of one network."
        )
    named = None if populations is None else list(populations)
    ax = raster(run, sample, ax, MOST_SPIKES, named, neurons=neurons, time=time, silent=True, title="")
    chosen = layers("moved_spikes", ideal, named, recorded=True)
    wanted = chosen_samples("moved_spikes", ideal, sample, None)
    shown = chosen_neurons("moved_spikes", neurons, chosen)
    rows = rows_of(ideal, chosen, shown, wanted, checked_stretch("moved_spikes", time))
    header = min(line_height() / axes_points(ax)[1], MOST_HEADERS / len(chosen))
    last = ax.get_xlim()
    for mine, band in zip(rows, stack(rows, header, 0.0), strict=True):
        if not mine.layer.is_readout:
            fit = strokes(band, mine.n_rows, mine.times.size)
            grey: dict[str, Any] = {"color": SILENT, "alpha": 0.8, "zorder": 1.5, "gid": f"ideal {mine.layer.name}"}
            ax.add_line(FittedMarks(mine.times, band.middle(mine.row, mine.n_rows), fit, marker="|", **grey))
    ax.set_xlim(last)
    differing = sum(
        int(np.count_nonzero(ideal.spike_times(layer.name)[sample] != run.spike_times(layer.name)[sample]))
        for layer in chosen
    )
    left_title(ax, f"sample {sample}: {differing:,} neurons differ from the ideal run (grey)", title)
    return ax
