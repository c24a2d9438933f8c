"""The time that was simulated, sample by sample, and where a recording of it ends.

A plan says less than what happened: a stop condition, a budget or an error ends a sample before `until`, and samples
behind it may never begin. Relies on the run. Used by what hands runs on (`export`) and by the figures.
"""

import math
from decimal import Decimal
from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.run.packets import deliveries
from eventsim.run.recorded import RecordedRun

Array = np.ndarray[Any, Any]


def began(run: RecordedRun) -> Array:
    """Return which samples were simulated at all, (n_samples,)."""
    result: Array = ~np.isnan(run.reached)
    return result


def last_spike(run: RecordedRun, sample: int) -> float:
    """Return the time of the last recorded spike of a sample, 0 where it has none."""
    low, high = np.searchsorted(run.spikes["sample"], [sample, sample + 1])
    return float(run.spikes["time"][low:high].max(initial=0.0))


def recording_end(run: RecordedRun, sample: int) -> float:
    """Return where a recording of one sample ends, behind all of its spikes; NaN where it never began.

    That is the time that was reached; the next number of float64 where there is a spike at that time, as where a stop
    condition ended the sample. Where nothing ended the sample it is the end of the last window or, where no population
    has one or a spike comes after it, the next number of two decimal digits behind the last spike, whatever the unit of
    time is: 4.1 behind 4.0, 0.0041 behind 0.004; 1 where there is no spike.
    """
    end, last = float(run.reached[sample]), last_spike(run, sample)
    if end == math.inf:
        windows = [window[:2] if window[2] == math.inf else window for window in _windows(run)]
        end = max((float(t) for window in windows for t in window), default=0.0)
        if last >= end:
            end = _behind(last)
    return math.nextafter(last, math.inf) if last >= end else end


def _behind(last: float) -> float:
    """The next number of two decimal digits."""
    if last == 0.0:
        return 1.0
    shown = Decimal(repr(last))  # 4.1, not the float64 below it
    step = Decimal(1).scaleb(shown.adjusted() - 1)
    return float((shown // step + 1) * step)


def durations(run: RecordedRun) -> Array:
    """Return how long each sample took, (n_samples,): NaN where it never began, inf where nothing tells.

    That is the time that was reached; where nothing ended a sample, the end of the last window or, where that is later
    or there is none, the last packet that its fabric delivered, of which a log tells.
    """
    reached = run.reached.copy()
    windows = [t for window in _windows(run) for t in window if math.isfinite(t)]
    end = np.full(run.n_samples, max(map(float, windows), default=-math.inf))
    if run.records.hops is not None and run.provenance.get("fabric") is not None:
        came = deliveries(run, run.records.hops)
        np.maximum.at(end, came["sample"], came["delivered"])
    endless = reached == math.inf
    reached[endless] = np.where(end > -math.inf, end, math.inf)[endless]
    return reached


def checked_end(where: str, run: RecordedRun, sample: int, end: float) -> float:
    """Return an end that the user gave, who may know more than what was simulated; InputError where it cuts spikes."""
    last = last_spike(run, sample)
    if end <= last:
        raise InputError(
            f"{where} = {end}, but there is a spike at {last} in sample {sample}; must be later. Nothing is cut off: "
            "give a later end."
        )
    return end


def _windows(run: RecordedRun) -> list[tuple[Any, ...]]:
    """(t_start, t_min, t_max) of the populations that have a window."""
    return [window for window in run.windows.values() if window is not None and len(window) == 3]
