"""Results of a study: a row for each point, as tables, for pandas, CSV and Parquet; points held against each other.

Relies on the store and on the statistics. Made by `Study.run` and `load_results`; used by figures and people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import InputError, listed, nearest
from eventsim.extras import package
from eventsim.files.output import replaced
from eventsim.study.bisection import Bisection, Border
from eventsim.study.evaluate import rows_paired
from eventsim.study.point import Point, canonical, plain
from eventsim.study.statistics import Band, band, mcnemar, wilson, wilson_of_share
from eventsim.study.store import DONE, FAILED, read_file
from eventsim.table import Column, Table, Tabled, dotted

Array = np.ndarray[Any, Any]
TIMINGS = ("seconds", "run_seconds")  # of one run on one machine: all else is the same in any run
COUNTED = ("premature", "late", "clipped", "lost")
NESTED = ("layers", "counters", "by_population")


@dataclass(frozen=True, eq=False)
class Entry:
    """A point and what is known of it.

    Attributes
    ----------
    number
        Its place in the study, from 1 on.
    state
        "done", "failed", "open" or "claimed".
    error
        Why it has no result; else None.
    result
        Values by name (docs/reference/studies.md); None where there are none.
    decisions : array (n_samples,) or (n_samples, n_out)
        Int64, -1 where nothing was decided; None where nothing decides.
    """

    number: int
    point: Point
    state: str
    error: str | None
    result: dict[str, Any] | None
    decisions: Array | None


@dataclass(frozen=True, eq=False, repr=False)
class Results(Tabled):
    """The results of a study.

    Attributes
    ----------
    knobs
        Names of the knobs.
    entries
        The points in the order of the design, seeds last; those that failed, and that nobody has computed, among them.
    labels : array (n_samples,)
        The right decisions; None where there are none.
    about
        Design, seeds and versions, as the file has them.
    tally
        What the call that returned it did; "" of a file.
    """

    knobs: tuple[str, ...]
    entries: tuple[Entry, ...]
    labels: Array | None
    about: dict[str, Any]
    tally: Any = ""

    # -- tables -------------------------------------------------------------------------------------------------------

    def table(self) -> Table:
        """A row for each point: knobs, seed, accuracy with its Wilson interval of 95 %, flips, counters, latency.

        "p" is that of McNemar's exact test against the ideal run. "moved in flips" is the first layer, in order of
        creation, any first spike of which differs in any sample whose decision flipped: where such samples begin to
        differ, which need not be what flipped them.
        """
        columns = [Column("point"), *(Column(name, _short) for name in self.knobs), Column("seed")]
        columns += [Column(name, ".4f") for name in ("accuracy", "low", "high", "agreement")]
        columns += [Column("r→w", dotted), Column("w→r", dotted), Column("p", ".2g")]
        columns += [Column(name, dotted) for name in COUNTED]
        columns += [Column("spikes", ","), Column("decided", ".5g"), Column("moved in flips", text=True)]
        columns += [Column("error", text=True)]
        rows = []
        for entry in self.entries:
            r = entry.result or {}
            state = entry.error if entry.error is not None else "" if entry.result else entry.state
            row = [entry.number, *(entry.point.settings[name] for name in self.knobs), entry.point.seed]
            row += [r.get("accuracy"), *_interval(r), r.get("agreement"), r.get("right_to_wrong")]
            row += [r.get("wrong_to_right"), _p_value(r), *(r.get(name) for name in COUNTED), r.get("spikes")]
            rows.append((*row, r.get("decided_median"), r.get("first_moved_flipped") or "", state))
        return Table(tuple(columns), tuple(rows), below=(self._verdict(),))

    def summary(self, of: str = "accuracy") -> Table:
        """A row for each setting of the knobs: the mean of a result over the seeds, and how far it spreads.

        "lowest" and "highest" are over seeds. For accuracy and agreement "low" and "high" are Wilson's interval of 95 %
        of the mean for the samples of one seed: other seeds look at the same samples, so they do not make it narrower.
        """
        self._check_result("summary", of)
        share = of in ("accuracy", "agreement")
        columns = [*(Column(name, _short) for name in self.knobs), Column("seeds")]
        form = ".4f" if share else ".6g"
        columns += [Column(name, form) for name in (of, "deviation", "lowest", "highest")]
        columns += [Column("low", form), Column("high", form)] if share else []
        rows = []
        for settings, entries in self.by_settings():
            values = [entry.result[of] for entry in entries if entry.result and entry.result.get(of) is not None]
            found = band(values) if values else None
            row = [*(settings[name] for name in self.knobs), len(values)]
            row += [None] * 4 if found is None else [found.mean, found.deviation, found.low, found.high]
            if share:
                n = next((entry.result["samples"] for entry in entries if entry.result), 0)
                row += [None] * 2 if found is None else wilson_of_share(found.mean, n)
            rows.append(tuple(row))
        return Table(tuple(columns), tuple(rows), below=(self._verdict(),))

    def layers(self) -> Table:
        """A row for each point and layer: how its spike times differ from those of the ideal run.

        Mean and standard deviation of the errors; median, 95th percentile and largest of their sizes, in units of time;
        spikes that vanished and that are new; samples in which anything differs, in which this layer is the first to,
        and those of them whose decision flipped.
        """
        columns = [Column("point"), *(Column(name, _short) for name in self.knobs), Column("seed")]
        columns += [Column("layer", text=True), Column("compared", ",")]
        columns += [Column(name, ".3g") for name in ("mean", "deviation", "median", "p95", "max")]
        columns += [Column(name, dotted) for name in ("vanished", "new", "differing", "begun", "flips_begun")]
        names = [column.name for column in columns[len(self.knobs) + 2 :]]
        rows = [
            (
                entry.number, *(entry.point.settings[name] for name in self.knobs), entry.point.seed,
                *(layer[name] for name in names),
            )
            for entry in self.entries
            for layer in (entry.result or {}).get("layers", [])
        ]  # fmt: skip
        return Table(tuple(columns), tuple(rows))

    # -- points -------------------------------------------------------------------------------------------------------

    def by_settings(self) -> list[tuple[dict[str, Any], list[Entry]]]:
        """The entries of each setting of the knobs, one a seed, in the order of the design."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(canonical(entry.point.settings), []).append(entry)
        return [(entries[0].point.settings, entries) for entries in found.values()]

    def entry(self, which: int | Mapping[str, Any], seed: int | None = None) -> Entry:
        """Return a point by its number, or by the values of its knobs and, of several seeds, its seed.

        Raises
        ------
        InputError
            No such point, or several.
        """
        if isinstance(which, Mapping):
            wanted = {name: plain("entry", name, value) for name, value in which.items()}
            found = [
                entry
                for entry in self.entries
                if all(entry.point.settings.get(name) == value for name, value in wanted.items())
                and seed in (None, entry.point.seed)
            ]
        else:
            found = [entry for entry in self.entries if entry.number == which]
        if len(found) != 1:
            raise InputError(
                f"results: {shown(which)}, seed {seed}: {len(found)} points; must be one of {len(self.entries)}. Give "
                "its number, or the value of each knob and a seed."
            )
        return found[0]

    def compare(self, a: int | Mapping[str, Any], b: int | Mapping[str, Any], seed: int | None = None) -> float:
        """Return the p-value of McNemar's exact test of two points: are their decisions equally often right?

        Raises
        ------
        InputError
            No such point, a point without decisions, no labels.
        """
        if self.labels is None:
            raise InputError("results: the study has no labels; must have them to say what is right. Give labels=.")
        one, other = self.entry(a, seed).decisions, self.entry(b, seed).decisions
        if one is None or other is None:
            raise InputError("results: a point has no decisions; must have them. Look at its error.")
        return mcnemar(*rows_paired(one, other, self.labels))

    def values(self, of: str) -> list[tuple[dict[str, Any], Band | None]]:
        """The band of a result over the seeds, for each setting of the knobs; None where nothing is known."""
        self._check_result("values", of)
        found = []
        for settings, entries in self.by_settings():
            values = [entry.result[of] for entry in entries if entry.result and entry.result.get(of) is not None]
            found.append((settings, band(values) if values else None))
        return found

    @property
    def border(self) -> Border:
        """What a bisection found.

        Raises
        ------
        InputError
            A study of another design.
        """
        design = dict(self.about["design"])
        if design.pop("design") != Bisection.kind:
            raise InputError("results: the study is no bisection; must be one to have a border. See summary().")
        return Bisection(design.pop("knob"), design.pop("low"), design.pop("high"), **design).border(self)

    @property
    def failures(self) -> list[Entry]:
        """The points that have an error in place of a result."""
        return [entry for entry in self.entries if entry.state == FAILED]

    @property
    def complete(self) -> bool:
        """Has every point been computed, or failed?"""
        return all(entry.state in (DONE, FAILED) for entry in self.entries)

    # -- for others ---------------------------------------------------------------------------------------------------

    def full_table(self) -> Table:
        """All numbers of all points, a column each: knobs, seed, state, error, results, Wilson interval, counters."""
        names: dict[str, None] = {}
        for entry in self.entries:
            names |= dict.fromkeys(name for name in entry.result or {} if name not in NESTED)
            names |= dict.fromkeys(f"counters.{name}" for name, value in _counters(entry).items())
        texts = {name for name in names if name.startswith("first_moved")}
        columns = [Column("point"), *(Column(f"knob {name}") for name in self.knobs), Column("seed")]
        columns += [
            Column("state", text=True),
            Column("error", text=True),
            Column("accuracy_low"),
            Column("accuracy_high"),
        ]
        columns += [Column(name, text=name in texts) for name in names]
        rows = []
        for entry in self.entries:
            values = {**(entry.result or {}), **{f"counters.{name}": one for name, one in _counters(entry).items()}}
            told = [entry.number, *(entry.point.settings[name] for name in self.knobs), entry.point.seed, entry.state]
            told += [entry.error, *_interval(entry.result or {})]
            rows.append((*told, *(values.get(name) for name in names)))
        return Table(tuple(columns), tuple(rows))

    def to_pandas(self) -> Any:
        """All numbers of all points as a `pandas.DataFrame`, a row each; NaN where there is none."""
        return self.full_table().to_pandas()

    def to_csv(self, path: str | Path) -> None:
        """Write `to_pandas` as text; each number is the shortest decimal that reads back as its bits."""
        replaced("results", path, lambda place: self.to_pandas().to_csv(place, index=False))

    def to_parquet(self, path: str | Path) -> None:
        """Write `to_pandas` as an Apache Parquet file."""
        package("pyarrow", "results.to_parquet")
        replaced("results", path, lambda place: self.to_pandas().to_parquet(place, engine="pyarrow", index=False))

    def _check_result(self, where: str, of: str) -> None:
        known = {name for entry in self.entries for name, value in (entry.result or {}).items() if _is_number(value)}
        if of not in known:
            raise InputError(
                f"results: {where}: of = {shown(of)}{nearest(of, known)}; must be one of {listed(sorted(known), 40)}. "
                "Choose one of them; accuracy needs labels."
            )

    def _verdict(self) -> str:
        n = len(self.entries)
        done = sum(entry.state == DONE for entry in self.entries)
        failed = f", {len(self.failures)} failed: {self.failures[0].error}" if self.failures else ""
        return f"{done} of {n} points done{failed}"

    def __repr__(self) -> str:
        return f"Results: {', '.join(self.knobs) or 'no knobs'}; {self._verdict()}"


def load_results(path: str | Path) -> Results:
    """Return the results that a file of a study has so far, also while others still write to it.

    Raises
    ------
    FileFormatError
        No such file, none of a study, a damaged one.
    """
    _, about, rows = read_file(path)
    return results_of(about, rows)


def results_of(about: Mapping[str, Any], rows: list[dict[str, Any]], tally: Any = "") -> Results:
    """Return the results that the rows of a store are."""
    entries = tuple(
        Entry(row["number"], row["point"], row["state"], row["error"], row["result"], row["decisions"]) for row in rows
    )
    labels = None if about.get("labels") is None else np.array(about["labels"], dtype=np.int64)
    return Results(tuple(about["knobs"]), entries, labels, dict(about), tally)


def _interval(result: Mapping[str, Any]) -> tuple[float | None, float | None]:
    if result.get("correct") is None:
        return None, None
    return wilson(result["correct"], result["samples"])


def _p_value(result: Mapping[str, Any]) -> float | None:
    if result.get("right_to_wrong") is None:
        return None
    return mcnemar(result["right_to_wrong"], result["wrong_to_right"])


def _counters(entry: Entry) -> dict[str, Any]:
    """The counters that are numbers, those of a transport under its name."""
    counters = dict((entry.result or {}).get("counters", {}))
    transport = counters.pop("transport", None) or {}
    return counters | {f"transport.{name}": value for name, value in transport.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
