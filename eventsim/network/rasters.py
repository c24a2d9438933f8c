"""Rasters: arrays of steps in which a 1 says that a neuron spikes, as spike times, and the times of their steps.

Step-based trainers have spikes so. Step k stands for the time ``start + k dt``, computed once and never accumulated.
Relies on the checks. Used by `SpikeTimes.from_raster`, and by `Run.to_raster`, which is its inverse.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.checks import number, real_array
from eventsim.errors import InputError
from eventsim.network.camera_events import Array, Events


def step_times(where: str, dt: Any, start: Any, n_steps: int) -> Array:
    """The times of so many steps, increasing: (n_steps,), Fractions where `dt` or `start` is one, else float64.

    Raises
    ------
    InputError
        A `dt` that is not > 0, or lost behind a large start; a `start` below 0; times beyond the range of float64.
    """
    dt = number(where, "dt", dt, low=0, open_low=True, remedy="Give the time between two steps.")
    start = number(where, "start", start, low=0, remedy="Give the time of the first step.")
    if isinstance(dt, Fraction) or isinstance(start, Fraction):
        return np.array([Fraction(start) + k * Fraction(dt) for k in range(n_steps)], dtype=object)
    with np.errstate(over="ignore"):
        times: Array = float(start) + np.arange(n_steps) * float(dt)
    good = bool(np.isfinite(times).all() and (times[1:] > times[:-1]).all())
    if not good:
        raise InputError(
            f"{where}: dt = {dt:g} from start = {start:g} gives {n_steps:,} steps whose times float64 does not tell "
            "apart, or does not hold; must be increasing. Give another unit of time, or a smaller start."
        )
    return times


def raster_spikes(where: str, raster: Any, dt: Any, start: Any) -> list[Events]:
    """The spikes of each sample of a raster (n_samples, n_steps, *shape)."""
    given = real_array(where, "raster", raster)
    if given.ndim < 3:
        raise InputError(
            f"{where}: raster has shape {given.shape}; must be (samples, steps, *shape of the source). One sample "
            "needs a leading axis of length 1: raster[np.newaxis]."
        )
    other = (given != 0) & (given != 1)
    if other.any():
        place = tuple(int(i) for i in np.argwhere(other)[0])
        raise InputError(
            f"{where}: raster[{', '.join(map(str, place))}] = {given[place]}; must be 0 or 1, whether the neuron "
            "spikes in this step: it cannot spike twice at one time. Take shorter steps, or raster > 0 to count "
            "several as one."
        )
    times = step_times(where, dt, start, given.shape[1])
    found = []
    for sample in given:
        neurons, steps = np.nonzero(sample.reshape(len(sample), math.prod(given.shape[2:])).T)
        found.append(Events(times[steps], neurons, given.shape[2:]))
    return found
