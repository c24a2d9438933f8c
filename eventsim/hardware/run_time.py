"""How many seconds of a chip a unit of time of a run is.

Relies on the provenance of runs. Used by ledgers and reports.
"""

from eventsim.run.recorded import RecordedRun


def seconds_a_unit(run: RecordedRun) -> float | None:
    """Return how long a unit of time of a run takes on its chip, in seconds; None where its network has no `time_unit`.

    Where the neurons of a chip are faster than their models, its second is shorter: ``time.speedup``.
    """
    unit = run.provenance.get("time_unit")
    chip = (run.provenance.get("transport") or {}).get("chip") or {}
    speedup = (chip.get("facts", {}).get("time.speedup") or {"low": 1.0})["low"]
    return None if unit is None else float(unit) / float(speedup)


def in_steps(run: RecordedRun) -> bool:
    """Was a run on a chip whose steps end at a barrier?"""
    return (run.provenance.get("transport") or {}).get("step") is not None
