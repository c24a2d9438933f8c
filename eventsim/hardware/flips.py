"""Which decisions a chip changes, and which layer was the first to be late, or another, in these samples.

Relies on decisions, on the comparison of runs and on latency. Used by `chip_report`.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.engines.fabric_records import NO_ROOM
from eventsim.errors import InputError
from eventsim.inspection.compare import compare
from eventsim.run.decisions import decisions_of
from eventsim.run.latency import Latency
from eventsim.run.packets import log_of
from eventsim.run.run import Run
from eventsim.wording import name_text

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Flips:
    """Decisions of a run that are not those of the ideal run.

    Attributes
    ----------
    n_samples
        How many decisions were compared.
    samples : array (n,)
        Which of them differ; a sample that decides nothing differs from one that does.
    late
        Of how many of these each layer is the first, in the order of the network, with a packet that came too late for
        what it reaches, or that was lost; layers that are the first of none are left out.
    changed
        Of how many each layer is the first whose spikes (of a read-out: values) differ from those of the ideal run.
    stations
        Where the packets of these samples were that may have changed that first layer, those of the layers before it:
        the share of their time at each station, waiting, served and blocked, the largest first. A station that blocks
        others has their time counted at these.
    """

    n_samples: int
    samples: Array = field(repr=False)
    late: dict[str, int]
    changed: dict[str, int]
    stations: dict[str, float]

    @property
    def share(self) -> float:
        """The share of decisions that differ; 0 of none."""
        return len(self.samples) / self.n_samples if self.n_samples else 0.0

    @property
    def first(self) -> str | None:
        """The layer that is responsible: the first one that is late, or lost packets, in the samples that differ.

        Where none is, delays alone changed spike times: the first one of `changed`. None where no decision differs.
        """
        return next(iter(self.late or self.changed), None)


def flips(run: Run, ideal: Run, latency: Latency, output: str | None) -> Flips | None:
    """Return which decisions differ from those of the ideal run; None where nothing decides.

    Raises
    ------
    InputError
        Runs of other samples, data, seeds or faults; an ideal run with a transport; what `eventsim.compare` refuses.
    """
    for key, what in (
        ("network_hash", "another network"), ("sample_ids", "other samples"), ("seed", "another seed"),
        ("faults", "other faults"),
    ):  # fmt: skip
        if run.provenance.get(key) != ideal.provenance.get(key):
            raise InputError(
                f"report: ideal is a run of {what}; must differ from the run in nothing but the transport. "
                "Simulate the same network on the same data with transport=None."
            )
    if ideal.provenance.get("transport") is not None:
        raise InputError(
            "report: ideal is a run with a transport, too; must be one without, whose decisions are taken for right. "
            "Simulate the same network on the same data with transport=None."
        )
    mine, theirs = decisions_of(run, output)[0], decisions_of(ideal, output)[0]
    if mine is None or theirs is None:
        return None
    differ = np.atleast_2d((mine != theirs).reshape(run.n_samples, -1)).any(axis=1)
    samples = np.flatnonzero(differ)
    troubled = latency.lost_by_sample if latency.late_by_sample is None else (
        latency.lost_by_sample + latency.late_by_sample
    )  # fmt: skip
    other = _different(run, ideal, output)
    return Flips(
        run.n_samples, samples, _firsts(troubled[samples] > 0, run.populations),
        _firsts(other[samples], run.populations), _shares(run, samples, other),
    )  # fmt: skip


def _different(run: Run, ideal: Run, output: str | None) -> Array:
    """Which layers are not those of the ideal run in which sample, (n_samples, n_populations)."""
    found = compare(run, ideal).differences
    order = {name: k for k, name in enumerate(run.populations)}
    other_data = [name for name in run.sources if (found["population"] == name).any()]
    if other_data:
        raise InputError(
            f"report: ideal is a run of other data: {name_text(other_data[0])} sent other spikes; must differ from the "
            "run in nothing but the transport. Simulate the same network on the same data with transport=None."
        )
    other = np.zeros((run.n_samples, len(order)), dtype=bool)
    other[found["sample"], [order[name] for name in found["population"].tolist()]] = True
    if output is None:
        same = (run.readout == ideal.readout) | ((run.readout != run.readout) & (ideal.readout != ideal.readout))
        read_outs = [order[name] for name, window in run.windows.items() if window and window[-1] == math.inf]
        other[np.ix_(~same.all(axis=1), read_outs)] = True
    return other


def _shares(run: Run, samples: Array, other: Array) -> dict[str, float]:
    """The share of time at each station of packets before the first layer that is another, by name, largest first."""
    first = np.zeros(run.n_samples, dtype=np.int64)
    first[samples] = np.where(other[samples].any(axis=1), other[samples].argmax(axis=1), other.shape[1])
    log = log_of("report", run)
    mine = log[(log["outcome"] != NO_ROOM) & (log["population"] < first[log["sample"]])]
    names = run.provenance["stations"]
    time = np.bincount(mine["station"], weights=mine["left"] - mine["entered"], minlength=len(names))
    if not time.sum() > 0:
        return {}
    return {names[k]: float(time[k] / time.sum()) for k in np.argsort(-time, kind="stable") if time[k] > 0}


def _firsts(marked: Array, names: list[str]) -> dict[str, int]:
    """Of how many rows each column is the first that is marked, by name, in the order of columns."""
    counts = np.bincount(marked.argmax(axis=1)[marked.any(axis=1)], minlength=len(names))
    return {name: int(n) for name, n in zip(names, counts, strict=True) if n}
