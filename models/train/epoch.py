"""What an epoch of training came to: as a value, as entries of a file, and as a row of a log.

Relies on the judge's verdicts. Used by the training, its checkpoints, the command line and the figures.
"""

import csv
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventsim.files.output import replacing
from eventsim.models.train.judge import Verdict

NUMBERS = ("loss", "accuracy", "validation", "rate", "seconds")
OF_VERDICT = ("samples", "agreement", "spikes_per_neuron")


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Attributes
    ----------
    number
        From 1.
    loss
        Mean over its batches, before each step.
    accuracy
        Of the training samples, each before its own step; NaN where targets are no labels.
    validation
        Accuracy on the validation data, NaN without.
    rate
        The learning rate of its last step.
    seconds
        How long it took, without the judge.
    windows
        Length of each window at its end.
    verdict
        What the event simulator says, None where it was not asked.
    """

    number: int
    loss: float
    accuracy: float
    validation: float
    rate: float
    seconds: float
    windows: Mapping[str, float]
    verdict: Verdict | None = None

    def entries(self) -> dict[str, Any]:
        """Return it as JSON has it, None for NaN; `epoch_of` takes that."""
        found: dict[str, Any] = {"number": self.number} | {name: _plain(getattr(self, name)) for name in NUMBERS}
        found["windows"] = {name: float(length) for name, length in self.windows.items()}
        found["verdict"] = None if self.verdict is None else _of_verdict(self.verdict)
        return found

    def row(self) -> dict[str, Any]:
        """Return it as a row of a log: names with the layers behind a point, "" where there is no value."""
        found: dict[str, Any] = {"epoch": self.number} | {name: _cell(getattr(self, name)) for name in NUMBERS}
        found |= {f"window.{name}": float(length) for name, length in self.windows.items()}
        if self.verdict is not None:
            found |= {name: getattr(self.verdict, name) for name in OF_VERDICT}
            found |= {f"premature.{name}": count for name, count in self.verdict.premature.items()}
        return found


def epoch_of(entries: Mapping[str, Any]) -> Epoch:
    """Return the epoch of `Epoch.entries`.

    Raises
    ------
    LookupError, TypeError, ValueError
        Entries that are none.
    """
    verdict = entries["verdict"]
    numbers = {name: math.nan if entries[name] is None else float(entries[name]) for name in NUMBERS}
    return Epoch(
        int(entries["number"]),
        windows=_numbers(entries["windows"], float),
        verdict=None if verdict is None else _verdict_of(verdict),
        **numbers,
    )


def _verdict_of(entries: Mapping[str, Any]) -> Verdict:
    return Verdict(
        int(entries["samples"]), float(entries["agreement"]), _numbers(entries["premature"], int),
        float(entries["spikes_per_neuron"]), _numbers(entries["grown"], float),
    )  # fmt: skip


def _numbers(entries: Any, kind: Callable[[Any], Any]) -> dict[str, Any]:
    """A number for each layer."""
    if not isinstance(entries, Mapping):
        raise TypeError(f"{entries!r} in place of a number for each layer")
    return {name: kind(value) for name, value in entries.items()}


def write_log(path: str | os.PathLike[str], epochs: Sequence[Epoch]) -> None:
    """Write a CSV file with a row an epoch, at once or not at all; numbers are the shortest that read back as they are.

    Raises
    ------
    InputError
        `path` is no place for a file.
    OSError
        The disk is full; the old file is as it was.
    """
    rows = [epoch.row() for epoch in epochs]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing("", path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _of_verdict(verdict: Verdict) -> dict[str, Any]:
    counts = {name: int(count) for name, count in verdict.premature.items()}
    grown = {name: float(length) for name, length in verdict.grown.items()}
    return {name: getattr(verdict, name) for name in OF_VERDICT} | {"premature": counts, "grown": grown}


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _cell(value: float) -> Any:
    return "" if math.isnan(value) else float(value)
