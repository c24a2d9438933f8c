"""What `verify` found: a cause for every neuron of every sample, bounds, and how to read them.

Relies on tables and wording. Made by `eventsim.models.verify`; read by people (`table`), programs (`to_json`) and
figures (the arrays by population).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eventsim.models.checking.transport_effects import (
    Undisturbed,
    effect_of,
    effects_line,
    effects_table,
)
from eventsim.table import Column, Table, Tabled, dotted
from eventsim.wording import longest_place, name_text, neuron_text, places

Array = np.ndarray[Any, Any]

# In this order a cause's code is its place; `eventsim.models.verify` defines them.
CAUSES = ("ok", "rounding", "tie", "inherited", "transport", "fault", "late", "premature", "clamped", "structural")
OK, ROUNDING, TIE, INHERITED, TRANSPORT, FAULT, LATE, PREMATURE, CLAMPED, STRUCTURAL = range(len(CAUSES))
# Causes that make a report not ok: the network does not compute what it was made for.
FAILURES = ("late", "premature", "clamped", "structural")
# Causes under which a neuron carries the value that it should.
AGREEING = (OK, ROUNDING)


def divergence_dtype(shapes: Mapping[str, Sequence[int]]) -> np.dtype[Any]:
    """Return the type of a record of `VerificationReport.divergences`, wide enough for these populations."""
    name = max(map(len, shapes), default=1)
    where = longest_place(shapes.values())
    fields = [("population", f"U{name}"), ("neuron", "i8"), ("sample", "i8"), ("time", "f8"), ("size", "f8")]
    return np.dtype([*fields, ("cause", "U10"), ("place", f"U{where}")])


@dataclass(frozen=True, eq=False, repr=False)
class Checked:
    """One source or population, checked; arrays are (n_samples, size), times of inf are silence.

    Attributes
    ----------
    event
        Observed times; of a read-out, potentials.
    expected
        What the closed form makes of what the neuron received.
    gap
        The difference event - expected, made before `expected` is rounded to float64, silence counted as the end of the
        window.
    bound
        Bound on |gap|.
    ideal
        The value that the neuron ought to carry, as a time.
    ideal_bound
        Bound on |event - ideal|.
    causes
        Codes of the causes.
    end
        The t_max, which stands for silence in differences; None for a read-out.
    scale
        Length of the window, or the largest ideal potential.
    undisturbed
        What a transport took it from; None where there was none, and of a source.
    """

    event: Array
    expected: Array
    gap: Array
    bound: Array
    ideal: Array
    ideal_bound: Array
    causes: Array
    end: float | None
    scale: float
    undisturbed: Undisturbed | None = None

    def of(self, neurons: Array) -> "Checked":
        """The same of some neurons, (n,) indices."""
        parts = {name: array[:, neurons] for name, array in _arrays(self).items()}
        without = None if self.undisturbed is None else self.undisturbed.of(neurons)
        return Checked(**parts, end=self.end, scale=self.scale, undisturbed=without)

    def from_ideal(self) -> Array:
        """`event` minus `ideal`, (n_samples, size), silence counted as the end of the window."""
        return self._apart(self.ideal)

    def shift(self) -> Array:
        """How much later the transport made it, (n_samples, size), silence counted as the end of the window."""
        assert self.undisturbed is not None
        return self._apart(self.undisturbed.time)

    def _apart(self, other: Array) -> Array:
        limit = np.inf if self.end is None else self.end
        result: Array = np.minimum(self.event, limit) - np.minimum(other, limit)
        return result


def joined(parts: Sequence[tuple[Array, Checked]], size: int) -> Checked:
    """One record of a population of `size` neurons, from those of parts of it and the neurons (n,) that these are."""
    first = parts[0][1]
    columns = _columns([(neurons, _arrays(part)) for neurons, part in parts], size)
    scale = max(part.scale for _, part in parts)
    without = None
    if first.undisturbed is not None:
        without = Undisturbed(**_columns([(neurons, _arrays(part.undisturbed)) for neurons, part in parts], size))
    return Checked(**columns, end=first.end, scale=scale, undisturbed=without)


def _arrays(record: Any) -> dict[str, Array]:
    return {name: array for name, array in vars(record).items() if isinstance(array, np.ndarray)}


def _columns(parts: Sequence[tuple[Array, dict[str, Array]]], size: int) -> dict[str, Array]:
    """Arrays (n_samples, size), by name, of those of some neurons each."""
    found = {name: np.empty((len(array), size), array.dtype) for name, array in parts[0][1].items()}
    for neurons, arrays in parts:
        for name, array in found.items():
            array[:, neurons] = arrays[name]
    return found


class VerificationReport(Tabled):
    """The result of `eventsim.models.verify`.

    Attributes
    ----------
    CAUSES
        Names of the causes; a code in `causes` is a place in it.
    populations
        Names of sources and spiking populations, in the order of the network.
    readouts
        Names of the populations of integrators.
    shapes
        Shape of each source and population, by name.
    event_times, expected_times, ideal_times : dict of arrays (n_samples, size)
        Times by population, silence as inf: observed first spikes; those that the closed form gives for what each
        neuron received (where the cause is the transport, those of the first crossing); those that the ReLU network
        gives (without one: the closed form from the inputs on).
    potentials, expected_potentials, ideal_potentials : dict of arrays (n_samples, size)
        The same for read-outs, as potentials at their read-out time.
    differences : dict of arrays (n_samples, size)
        For both, by name: the observed minus the expected, silence counted as the end of the window. Made in extended
        precision: `expected_times` are rounded to float64, so that a difference of these may be off by half an ulp.
    ideal_differences : dict of arrays (n_samples, size)
        For both, by name: the observed minus the ideal, silence counted as the end of the window.
    bounds, ideal_bounds, causes : dict of arrays (n_samples, size)
        For both, by name: rounding bounds on the differences and on the observed minus the ideal; codes of causes
        (int8).
    transport : dict
        What the transport of the run made of each population, a `TransportEffect` by name; empty without one.
    undisturbed_times, undisturbed_potentials : dict of arrays (n_samples, size)
        What each population would have done without the transport; empty without one.
    agreement
        Fraction of samples on which the outputs decide as those of the ReLU network: the largest is the same or, where
        the network's provenance has ``decision = "sign"``, the same ones are > 0. None where there is nothing to
        decide: no read-out, or a single output that is no classifier's.
    logit_error
        Largest difference of an output from the ReLU network's, relative to the largest output.
    n_samples
        Number of samples.
    notes
        What else a reader should know.
    """

    CAUSES = CAUSES

    def __init__(
        self,
        checked: dict[str, Checked],
        shapes: Mapping[str, tuple[int, ...]],
        n_samples: int,
        notes: list[str],
        decision: str | None = None,
    ) -> None:
        self._checked = checked
        self.shapes = {name: shapes[name] for name in checked}
        self.n_samples = n_samples
        self.notes = list(notes)
        spiking = {name: part for name, part in checked.items() if part.end is not None}
        others = {name: part for name, part in checked.items() if part.end is None}
        self.populations, self.readouts = list(spiking), list(others)
        self.event_times = {name: part.event for name, part in spiking.items()}
        self.expected_times = {name: part.expected for name, part in spiking.items()}
        self.ideal_times = {name: part.ideal for name, part in spiking.items()}
        self.potentials = {name: part.event for name, part in others.items()}
        self.expected_potentials = {name: part.expected for name, part in others.items()}
        self.ideal_potentials = {name: part.ideal for name, part in others.items()}
        self.differences = {name: part.gap for name, part in checked.items()}
        self.ideal_differences = {name: part.from_ideal() for name, part in checked.items()}
        self.bounds = {name: part.bound for name, part in checked.items()}
        self.ideal_bounds = {name: part.ideal_bound for name, part in checked.items()}
        self.causes = {name: part.causes for name, part in checked.items()}
        moved = {name: part.undisturbed for name, part in checked.items() if part.undisturbed is not None}
        self.undisturbed_times = {name: one.time.astype(np.float64) for name, one in moved.items() if name in spiking}
        self.undisturbed_potentials = {
            name: one.time.astype(np.float64) for name, one in moved.items() if name in others
        }
        self.transport = {
            name: effect_of(name, part.event, moved[name], part.end, part.causes == TRANSPORT)
            for name, part in checked.items()
            if name in moved
        }
        self.agreement: float | None = None
        self.logit_error: float | None = None
        if others:
            same = [_decide_alike(part, decision) for part in others.values() if _decides(part, decision)]
            self.agreement = float(np.mean(np.concatenate(same))) if same else None
            self.logit_error = max(
                float(np.abs(part.event - part.ideal).max() / (part.scale or 1.0)) for part in others.values()
            )

    @property
    def ok(self) -> bool:
        """Does every neuron do what the mapping says, but for rounding, ties and the run's own stages?"""
        return not any(self.summary[cause] for cause in FAILURES)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many neurons times samples have each cause, by population."""
        return {
            name: dict(zip(CAUSES, np.bincount(part.causes.ravel(), minlength=len(CAUSES)).tolist(), strict=True))
            for name, part in self._checked.items()
        }

    @property
    def summary(self) -> dict[str, int]:
        """How many neurons times samples have each cause, over all populations."""
        by = self.counts.values()
        return {cause: sum(counts[cause] for counts in by) for cause in CAUSES}

    @property
    def divergences(self) -> Array:
        """All that is neither ok nor rounding, by population, sample and neuron.

        Records (population, neuron, sample, time, size, cause, place): the observed time (inf = silent; a read-out's
        potential), and how much later than it should be, silence counted as the end of the window. It should be what
        the closed form gives for what the neuron received; where the cause is inherited, the ideal time; where it is
        the transport, what the neuron would have done without it. The place is that of the neuron, "c 0, y 2, x 3" in a
        shape (channels, height, width); empty where the population has one axis.
        """
        kind = divergence_dtype(self.shapes)
        parts = []
        for name, part in self._checked.items():
            sample, neuron = np.nonzero(~np.isin(part.causes, AGREEING))
            records = np.zeros(len(sample), dtype=kind)
            cause = part.causes[sample, neuron]
            own, ideal = part.gap, part.from_ideal()
            local = (cause != INHERITED) & (own[sample, neuron] != 0)
            size = np.where(local, own[sample, neuron], ideal[sample, neuron])
            if part.undisturbed is not None:
                size = np.where(cause == TRANSPORT, part.shift()[sample, neuron], size)
            records["population"], records["neuron"], records["sample"] = name, neuron, sample
            records["place"] = places(neuron, self.shapes[name])
            records["time"] = part.event[sample, neuron]
            records["size"] = size
            records["cause"] = np.array(CAUSES)[cause]
            parts.append(records)
        return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)

    def table(self) -> Table:
        """Return the report as a table: a row for each population, the outputs last, and a verdict.

        Causes that no neuron has are named below the rows, in place of columns of nothing. The last two columns are the
        worst |event - expected| among neurons that are ok or differ by rounding, which is what decided that they are:
        in units of its bound at most 1.
        """
        found = self.summary
        shown = [cause for cause in CAUSES if cause == CAUSES[OK] or found[cause]]
        columns = [Column("population", text=True), Column("checked"), *(Column(cause, dotted) for cause in shown)]
        columns += [Column("|Δt|/bound", ".2g"), Column("|Δt|/window", ".2g")]
        rows = []
        for name, counts in self.counts.items():
            part = self._checked[name]
            gap, bound = self._worst(part)
            what = name if part.end is not None else f"{name} (potentials)"
            rows.append((what, part.causes.size, *(counts[cause] for cause in shown), bound, gap))
        absent = [cause for cause in CAUSES if cause not in shown]
        lines = [f"none: {', '.join(absent)}"] if absent else []
        lines += [effects_line(self.transport)] if self.transport else []
        lines += [f"note: {note}" for note in self.notes]
        lines += [", ".join(self._outputs())] if self._outputs() else []
        return Table(tuple(columns), tuple(rows), below=(*lines, self._verdict()), ruled=True)

    def transport_table(self) -> Table:
        """Return what the transport made of each population, as a table; without a transport it has no row."""
        return effects_table(self.transport)

    @staticmethod
    def _worst(part: Checked) -> tuple[float, float]:
        """Largest |event - expected| in units of the window, and in units of its bound, where neurons agree."""
        gap = np.where(np.isin(part.causes, AGREEING), np.abs(part.gap), 0.0)
        ratio = np.divide(gap, part.bound, out=np.where(gap > 0, np.inf, 0.0), where=part.bound > 0)
        return float(gap.max(initial=0.0) / (part.scale or 1.0)), float(ratio.max(initial=0.0))

    def _verdict(self) -> str:
        words = [f"{count:,} {cause}" for cause, count in self.summary.items() if count and cause not in CAUSES[:2]]
        samples = f"{self.n_samples} sample{'s' if self.n_samples != 1 else ''}"
        if self.ok:
            return f"OK: {samples}, {', '.join(words) or 'every spike where the mapping puts it'}"
        first = next(d for d in self.divergences if d["cause"] in FAILURES)
        name = str(first["population"])
        who = f"{neuron_text(first['neuron'], self.shapes[name])} of {name_text(name)}"
        return f"NOT OK: {samples}, {', '.join(words)}; first: {who}, sample {first['sample']}, {first['cause']}"

    def _outputs(self) -> list[str]:
        """What the read-outs say, if there are any."""
        said = [] if self.agreement is None else [f"predictions agree on {self.agreement:.2%}"]
        if self.logit_error is not None:
            said.append(f"outputs differ by at most {self.logit_error:.2g} of the largest")
        return said

    def __repr__(self) -> str:
        return f"VerificationReport: {'; '.join([self._verdict(), *self._outputs()])}"

    def to_json(self, limit: int = 1000) -> str:
        """Return the report as JSON, without the arrays and with at most `limit` divergences; silence is null."""
        found = self.divergences
        populations = []
        for name, counts in self.counts.items():
            part = self._checked[name]
            gap, bound = self._worst(part)
            populations.append(
                {"population": name, "checked": int(part.causes.size), "causes": counts}
                | {"worst_over_bound": _finite(bound), "worst_over_window": _finite(gap)}
            )
        return json.dumps(
            {
                "ok": self.ok,
                "samples": self.n_samples,
                "summary": self.summary,
                "agreement": self.agreement,
                "logit_error": self.logit_error,
                "populations": populations,
                "transport": [asdict(one) for one in self.transport.values()],
                "n_divergences": len(found),
                "divergences": [
                    {field: _finite(record[field].item()) for field in found.dtype.names or ()}
                    for record in found[:limit]
                ],
                "notes": self.notes,
            }
        )


def _decides(part: Checked, decision: str | None) -> bool:
    """Do outputs decide? The largest of one output says nothing, and nothing can be said where there is no sample."""
    return len(part.event) > 0 and (decision == "sign" or part.event.shape[1] > 1)


def _decide_alike(part: Checked, decision: str | None) -> Array:
    """In which samples, (n_samples,), do the observed and the ideal outputs decide alike?"""
    same: Array = part.event.argmax(axis=1) == part.ideal.argmax(axis=1)
    if decision == "sign":
        same = ((part.event > 0) == (part.ideal > 0)).all(axis=1)
    return same


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
