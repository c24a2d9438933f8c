"""The load of a chip's stations on its floor plan: cores as shades, links as arrows, what is not on it in words.

Relies on what reports say of stations (`run.station_load`) and on the floor plan.
"""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from eventsim.checks import choice
from eventsim.inspection.packets import carried
from eventsim.run.packets import log_of
from eventsim.run.run import Run
from eventsim.run.spans import began, durations
from eventsim.run.station_load import StationLoad, station_loads
from eventsim.viz.chip_parts import AXON_OUT, CORE, Part, parts_of, placement_of
from eventsim.viz.durations import Unit, duration_label, suiting
from eventsim.viz.floor_plan import floor_plan, value_text
from eventsim.viz.frame import LETTER, SHORTEST_TITLE, Array, axes_points, note_size, plain_text
from eventsim.viz.layers import check_sample
from eventsim.viz.palette import INK
from eventsim.viz.waiting_histogram import ROUNDING

WHICH = {
    "utilisation": "share of time in service",
    "waiting": "mean waiting of a packet",
    "longest": "longest waiting of a packet",
    "blocked": "share of time blocked",
    "packets": "packets a sample",
    "dropped": "packets lost a sample",
    "deepest": "most packets waiting",
}
DURATIONS = ("waiting", "longest")
MOST_BELOW = 6  # stations that are nowhere on the plan and are said below it, those of the largest numbers


def station_load(
    run: Run,
    ax: Axes | None = None,
    *,
    which: str = "utilisation",
    cores: str = CORE,
    sample: int | None = None,
    title: str | None = None,
) -> Axes:
    """Draw what the stations of a chip had to do, on its floor plan.

    A core has the shade, and in its head the number, of one of its two stations; a link is an arrow, the darker and
    thicker the more. Links that lead to no core, such as those of a bus, and the links off the chip are written below.
    Stations that no route uses are pale or left out.

    Parameters
    ----------
    run
        A run on a placed chip, with its log.
    ax
        Axes to draw into; None makes a figure.
    which
        "utilisation" and "blocked": the share of the time for which a station served, or held what found no room, until
        the end of the last window or the last delivery, where nothing ended a sample before. "waiting" and "longest":
        the mean and the longest time that packets waited for it. "packets" and "dropped": how many it served, or lost,
        in a sample. "deepest": the most that waited for it at one time.
    cores
        Which station of a core: "core", where packets come in and are worked off, or "axon_out", where they leave.
    sample
        Which sample; None takes all.
    title
        In place of the usual one; "" for none.

    Raises
    ------
    InputError
        An unknown choice or sample, no log, a transport that is no placed chip, a run from a file without its network.
    """
    log_of("station_load", run, some=True)
    which = choice("station_load", "which", which, [*WHICH])
    cores = choice("station_load", "cores", cores, (CORE, AXON_OUT))
    if sample is not None:
        check_sample("station_load", run, sample)
    on = carried("station_load", run)
    placement = placement_of("station_load", on)
    parts, values = parts_of(on), station_values(run, which, sample)
    unit = Unit(1.0, "")
    if which in DURATIONS:
        unit = suiting(run, float(np.nanmax(values, initial=0.0)))
    values = values * unit.factor
    squares, ends, on_links = _on_the_plan(parts, values, placement.n_cores, cores)
    said = duration_label(which, unit) if which in DURATIONS else which
    links: dict[str, Any] = {}
    if ends:
        links = {"links": ends, "link_values": on_links, "link_label": f"links: {said}"}
    of = "cores" if cores == CORE else "out of cores"
    n = int(np.count_nonzero(began(run)))
    over = f"sample {sample}" if sample is not None else f"{n:,} sample{'s' if n != 1 else ''}"
    usual = f"{WHICH[which]}, {over}" if title is None else title
    ax = floor_plan(placement, ax, values=squares, label=f"{of}: {said}", title=usual, **links)
    _say_below(ax, parts, values, unit)
    return ax


def station_values(run: Run, which: str, sample: int | None = None) -> Array:
    """Return one of `WHICH` for each station, (n_stations,), over one sample or all; NaN where there is none."""
    chosen = slice(None) if sample is None else slice(sample, sample + 1)
    lasted = durations(run)
    n, time = int(np.count_nonzero(began(run)[chosen])), float(np.nansum(lasted[chosen]))
    values_of: dict[str, Callable[[StationLoad], float | None]] = {
        "utilisation": lambda one: one.utilisation,
        "blocked": lambda one: None if one.utilisation is None else one.blocked / time,
        "waiting": lambda one: one.waiting if one.packets else None,
        "longest": lambda one: one.longest,
        "packets": lambda one: one.packets / max(n, 1),
        "dropped": lambda one: (one.dropped + one.lost_late) / max(n, 1),
        "deepest": lambda one: one.deepest,
    }
    values = np.array([values_of[which](one) for one in station_loads(run, lasted, sample)], dtype=np.float64)
    if which in DURATIONS:
        # Times that are equal but for their rounding are no wait.
        values[values <= ROUNDING * np.spacing(np.nanmax(lasted[chosen], initial=0.0))] = 0.0
    return values


def _on_the_plan(
    parts: Sequence[Part], values: Array, n_cores: int, cores: str
) -> tuple[Array, list[tuple[int, ...]], list[float]]:
    """The number of each core, the ends of the links that lead between cores, and their numbers."""
    squares = np.full(n_cores, np.nan)
    ends: list[tuple[int, ...]] = []
    on_links: list[float] = []
    for part, value in zip(parts, values.tolist(), strict=True):
        if part.kind == cores:
            squares[part.cores[0]] = value
        elif len(part.cores) == 2:
            ends.append(part.cores)
            on_links.append(value)
    return squares, ends, on_links


def _say_below(ax: Axes, parts: Sequence[Part], values: Array, unit: Unit) -> None:
    """Stations that are nowhere on the plan, in words below it, behind what the floor plan says there."""
    there = [(value, part.name) for part, value in zip(parts, values.tolist(), strict=True) if not part.cores]
    there = sorted((one for one in there if one[0] == one[0]), key=lambda one: -one[0])
    if not there:
        return
    said = [f"{name}: {value_text(value)}{unit.name and ' ' + unit.name}" for value, name in there[:MOST_BELOW]]
    if len(there) > MOST_BELOW:
        said.append(f"{len(there) - MOST_BELOW:,} more with less")
    letters = max(int(axes_points(ax)[0] / (LETTER * note_size())), SHORTEST_TITLE)
    lines = textwrap.wrap(f"not on the plan: {'; '.join(said)}", letters)
    ax.set_xlabel(
        "\n".join(filter(None, [ax.get_xlabel(), *map(plain_text, lines)])), loc="left", fontsize=note_size(), color=INK
    )
