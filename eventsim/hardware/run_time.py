"""How many seconds of a chip a unit of time of a run is.

Relies on the provenance of runs. Used by ledgers and reports.
"""

from collections.abc import Mapping
from typing import Any

from eventsim.hardware.placed_chip import PlacedChip
from eventsim.run.recorded import RecordedRun


def seconds_a_unit(run: RecordedRun) -> float | None:
    """Return how long a unit of time of a run takes on its chip, in seconds; None where its network has no `time_unit`.

    Where the neurons of a chip are faster than their models, its second is shorter: ``time.speedup``.
    """
    unit, chip = run.provenance.get("time_unit"), said_of_chip(run).get("chip") or {}
    speedup = (chip.get("facts", {}).get("time.speedup") or {"low": 1.0})["low"]
    return None if unit is None else float(unit) / float(speedup)


def said_of_chip(run: RecordedRun) -> Mapping[str, Any]:
    """Return what the provenance of a run says of the placed chip that it was on; {} where it was on none."""
    said: Mapping[str, Any] = run.provenance.get("transport") or {}
    return said if said.get("transport") == PlacedChip.name else {}


def in_steps(run: RecordedRun) -> bool:
    """Was a run on a chip whose steps end at a barrier?"""
    return said_of_chip(run).get("step") is not None
