"""How far spike times of one run are from those of another, layer by layer, and where samples begin to differ.

Relies on observations. Used by `evaluate`.
"""

import math
from typing import Any

import numpy as np

from eventsim.study.observation import Observation

Array = np.ndarray[Any, Any]


def layer_errors(ideal: Observation, run: Observation, flipped: Array | None) -> list[dict[str, Any]]:
    """Return for each source and population how its first spikes differ from those of the ideal run.

    A time of a population whose window is another than in the ideal run is taken from the end of its window, which is
    the value that it codes.

    Parameters
    ----------
    flipped : array (n_samples,)
        Of bool: the decision is another than that of the ideal run; None where nothing is decided.

    Returns
    -------
    list of dict
        A dict each: layer (its name), compared (spikes that both runs have), mean and deviation (standard) of their
        time errors;
        median, p95 and max of the sizes of these; vanished and new (neurons and samples that fire in one run alone);
        differing (samples in which any time differs); begun (samples in which it is the first layer to differ), and
        flips_begun (those of them whose decision flipped). Read-outs never fire and are left out, and so is what one
        run alone has, or another number of neurons: a fault may add a source, a knob change a layer.
    """
    untouched = np.ones(run.n_samples, dtype=bool)
    rows = []
    for name, before in ideal.times.items():
        if name not in run.times or run.times[name].shape != before.shape or _is_readout(ideal.windows.get(name)):
            continue
        error, vanished, new = _errors(before, run.times[name], ideal.windows.get(name), run.windows.get(name))
        differs = (np.nan_to_num(error) != 0).any(axis=1) | vanished.any(axis=1) | new.any(axis=1)
        begun, untouched = untouched & differs, untouched & ~differs
        both = error[~np.isnan(error)]
        counts = {"vanished": vanished, "new": new, "differing": differs, "begun": begun}
        row = {"layer": name, "compared": int(both.size), **_moments(both)}
        row |= {what: int(which.sum()) for what, which in counts.items()}
        rows.append(row | {"flips_begun": None if flipped is None else int((begun & flipped).sum())})
    return rows


def first_moved(rows: list[dict[str, Any]], what: str) -> str | None:
    """Return the first layer of which `what`, "begun" or "flips_begun", is not 0; None where there is none."""
    return next((str(row["layer"]) for row in rows if row[what]), None)


def _is_readout(window: Any) -> bool:
    return window is not None and len(window) == 3 and float(window[2]) == math.inf


def _errors(before: Array, after: Array, window_before: Any, window_after: Any) -> tuple[Array, Array, Array]:
    """Later minus earlier, NaN where not both fire; who fell silent, and who fires that did not."""
    fired_before, fired_after = np.isfinite(before), np.isfinite(after)
    both = fired_before & fired_after
    error = np.full(before.shape, math.nan)
    if window_before != window_after and window_before is not None and window_after is not None:
        shift = float(window_after[-1]) - float(window_before[-1])
        error[both] = after[both] - (before[both] + (shift if math.isfinite(shift) else 0.0))
    else:
        error[both] = after[both] - before[both]
    return error, fired_before & ~fired_after, fired_after & ~fired_before


def _moments(errors: Array) -> dict[str, float | None]:
    if not errors.size:
        return dict.fromkeys(("mean", "deviation", "median", "p95", "max"))
    sizes = np.abs(errors)
    median, p95 = np.quantile(sizes, [0.5, 0.95])
    return {
        "mean": float(errors.mean()), "deviation": float(errors.std()), "median": float(median), "p95": float(p95),
        "max": float(sizes.max()),
    }  # fmt: skip
