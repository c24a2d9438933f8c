"""What each sample of a run decides, and when: by its read-out, or by the earliest spike of a population.

Relies on what was recorded. Used by studies and by reports of hardware.
"""

import math
from typing import Any

import numpy as np

from eventsim.run.recorded import RecordedRun

Array = np.ndarray[Any, Any]
UNDECIDED = -1


def decisions_of(run: RecordedRun, output: str | None = None) -> tuple[Array | None, Array]:
    """Return what samples decide, and when.

    The decisions are int64, (n_samples,) or of several signs (n_samples, n_out), `UNDECIDED` where a sample says
    nothing; None where the run has nothing that decides. The times, (n_samples,), are those of the read-out, or of the
    first spike; inf where nothing is decided.

    Parameters
    ----------
    output
        The population whose earliest spike decides, the lowest index of several at one time; None: the read-out does.
    """
    if output is not None:
        first = run.spike_times(output).astype(np.float64)
        decided: Array = first.min(axis=1)
        return np.where(np.isfinite(decided), first.argmin(axis=1), UNDECIDED), decided
    if run.records.readout is not None:
        return _read_out(run)
    return None, np.full(run.n_samples, math.inf)


def _read_out(run: RecordedRun) -> tuple[Array | None, Array]:
    """What the read-out says, and when; NaN in a row is nothing said."""
    values = np.asarray(run.readout, dtype=np.float64)
    missing: Array = np.asarray(np.isnan(values).any(axis=1))
    read = [
        window[1]
        for window in run.windows.values()
        if window is not None and len(window) == 3 and float(window[2]) == math.inf
    ]
    at = float(max(read)) if read else math.inf
    decided = np.where(missing, math.inf, at)
    if run.provenance.get("decision") == "sign":
        above = np.where(missing[:, None], UNDECIDED, values > 0).astype(np.int64)
        return (above[:, 0] if above.shape[1] == 1 else above), decided
    if values.shape[1] == 1:
        return None, decided
    return np.where(missing, UNDECIDED, np.argmax(np.where(missing[:, None], 0.0, values), axis=1)), decided
