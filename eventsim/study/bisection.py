"""Bisection: the border of a knob up to which a result holds, as the slowest clock that keeps 99 % of the accuracy.

It assumes that the result is monotone in the knob, and says where the values that it tried show that it is not. Every
value is a run, or one for each seed. A value at which the network does not fit on the chip, or the chip deadlocks, has
no run and misses the target: its reason is kept. Relies on designs. Used by `Study`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventsim.checks import choice, number, shown
from eventsim.errors import DeadlockError, InputError, PlacementError, listed, nearest
from eventsim.study.design import Design, checked_range
from eventsim.study.evaluate import DECIDED, LABELLED, NUMBERS
from eventsim.study.point import plain_settings
from eventsim.study.statistics import wilson_of_share
from eventsim.table import Column, Table, Tabled

IDEAL = {"accuracy": "ideal_correct", "agreement": "samples"}  # what "keep" is a share of, as counts
STEPS = 128  # of a linear range, where nothing says how near is near enough
NEAR = 0.05  # ratio minus 1, on a log scale
# Errors of points that are answers: with this value the chip does not do it. Rows hold them behind their class.
REFUSALS = tuple(f"{kind.__name__}: " for kind in (PlacementError, DeadlockError))
ASSUMED = "it is assumed that the result is monotone in the knob"


@dataclass(frozen=True, eq=False, repr=False)
class Border(Tabled):
    """What a bisection found.

    Attributes
    ----------
    knob, of
        The knob, and the result that is looked at.
    holds, fails
        The last value at which the target is met, and the next one tried, at which it is not; None where all values
        tried do the other.
    tried
        Triples (value, mean of the result over seeds, least that is allowed), by value.
    refused
        Pairs (value, reason), by value, of those that could not run: the network does not fit on the chip, or the chip
        deadlocks. They miss the target.
    samples
        Of one seed; 0 where nothing has run.
    monotone
        Whether the values tried are met on one side and missed on the other.
    complete
        False where more is to be run.
    note
        What else a reader should know.
    """

    knob: str
    of: str
    holds: Any
    fails: Any
    tried: tuple[tuple[Any, float, float], ...]
    refused: tuple[tuple[Any, str], ...]
    samples: int
    monotone: bool
    complete: bool
    note: str

    def table(self) -> Table:
        """The values tried, and a verdict, which is that of the mean alone.

        For accuracy and agreement "low" and "high" are Wilson's interval of 95 % of the mean for the samples of one
        seed: where it has the least in it, other samples might decide otherwise.
        """
        share = self.of in IDEAL
        names = (self.of, *(("low", "high") if share else ()), "least")
        columns = [Column(self.knob, ".6g"), *(Column(name, ".4f") for name in names), Column("", text=True)]
        rows = []
        for value, mean, least in self.tried:
            interval = wilson_of_share(mean, self.samples) if share else ()
            rows.append((value, mean, *interval, least, "holds" if mean >= least else "fails"))
        rows += [(value, *(None,) * len(names), "cannot run") for value, _ in self.refused]
        reasons = (f"{self.knob} = {value:.6g}: {reason}" for value, reason in self.refused)
        return Table(tuple(columns), tuple(sorted(rows, key=lambda row: row[0])), below=(str(self), *reasons))

    def __str__(self) -> str:
        if self.holds is None:
            found = f"{self.knob}: no value tried meets the target"
        elif self.fails is None:
            found = f"{self.knob}: every value tried meets the target"
        else:
            found = f"{self.knob} = {self.holds:.6g} meets the target, {self.fails:.6g} does not"
        return f"{found}; {self.note}"

    def __repr__(self) -> str:
        return f"Border: {self}"


class Bisection(Design):
    """Look for the border of one knob up to which a result is good enough, by halving.

    Parameters
    ----------
    knob
        Its name.
    low, high
        The ends of the range, which are tried first. Where both are integers, so are all values.
    keep
        The share of what the ideal run reaches that is to be kept, such as 0.99 of its accuracy.
    at_least
        In place of `keep`: the least value of the result that is good enough.
    of
        The result: "accuracy", "agreement" or, with `at_least`, another number of a row; its mean over seeds counts.
    find
        "largest" looks for the largest value at which the target is met, so that the low end must meet it; "smallest"
        for the smallest, so that the high end must.
    within
        How near the two sides of the border must be: a difference or, on a log scale, a ratio minus 1. None is a 128th
        of the range, or 0.05; integers end beside each other.
    scale
        "linear" or "log".
    fixed
        Values of other knobs.

    Raises
    ------
    InputError
        A range that is none, no target or two of them.
    """

    kind = "bisection"

    def __init__(
        self, knob: str, low: Any, high: Any, *, keep: float | None = None, at_least: float | None = None,
        of: str = "accuracy", find: str = "largest", within: float | None = None, scale: str = "linear",
        fixed: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(knob, str) or not knob:
            raise InputError(f"bisection: knob = {shown(knob)}; must be the name of one. Give e.g. 'clock.period'.")
        self.knob, (self.low, self.high, self.scale) = knob, checked_range("bisection", knob, (low, high, scale))
        if (keep is None) == (at_least is None):
            raise InputError(
                "bisection: a target is either keep or at_least; must be one of them. Give e.g. keep=0.99."
            )
        if keep is not None and of not in IDEAL:
            raise InputError(
                f"bisection: keep is a share of what the ideal run reaches, which is known of accuracy and agreement, "
                f"not of {of!r}; must be one of them. Give at_least= for another result."
            )
        if of not in NUMBERS:
            raise InputError(
                f"bisection: of = {shown(of)}{nearest(str(of), NUMBERS)}; must be a number of a row, one of "
                f"{listed(NUMBERS, 40)}. Choose one of them."
            )
        remedy = "It is a share, such as 0.99."
        self.keep = (
            None if keep is None else number("bisection", "keep", keep, low=0, open_low=True, high=1, remedy=remedy)
        )
        self.at_least = None if at_least is None else number("bisection", "at_least", at_least)
        self.of, self.find = of, choice("bisection", "find", find, ("largest", "smallest"))
        self.whole = isinstance(self.low, int) and isinstance(self.high, int)
        usual = NEAR if scale == "log" else (self.high - self.low) / STEPS
        self.within = usual if within is None else number("bisection", "within", within, low=0, open_low=True)
        self.fixed = plain_settings("bisection: fixed", fixed or {})
        if knob in self.fixed:
            raise InputError(
                f"bisection: {knob!r} is looked for and fixed; must be one of them. Leave it out of fixed."
            )
        self.knobs = (*self.fixed, knob)

    def check(self, decides: bool, labelled: bool) -> None:
        """Refuse to look at decisions where nothing decides, and at right ones where nobody says which are."""
        if self.of in DECIDED and not decides:
            raise InputError(
                f"bisection: of = {self.of!r}, but nothing of the network decides; must be a read-out of several "
                "outputs, or output=. Name the population whose first spike decides, or look at another result."
            )
        if self.of in LABELLED and not labelled:
            raise InputError(
                f"bisection: of = {self.of!r} without labels; must have them to say what is right. Give labels, or "
                "look at agreement."
            )

    def settings(self) -> list[dict[str, Any]]:
        """Both ends."""
        return [self.fixed | {self.knob: value} for value in (self.low, self.high)]

    def more(self, results: Any) -> list[dict[str, Any]]:
        """The next value, until the border is near enough."""
        following = self._search(results)[2]
        return [] if following is None else [self.fixed | {self.knob: following}]

    def border(self, results: Any) -> Border:
        """What the results say so far."""
        tried = self._tried(results)
        holds, fails, following, note = self._search(results)
        refused = self._refused(results)
        met = {value: mean >= least for value, mean, least in tried} | dict.fromkeys(refused, False)
        verdicts = [met[value] for value in sorted(met, reverse=self.find == "smallest")]
        monotone = verdicts == sorted(verdicts, reverse=True)
        if not monotone:
            note += "; but the values tried show that it is not: look at the whole range with a grid"
        samples = next((entry.result["samples"] for entry in results.entries if entry.result), 0)
        return Border(
            self.knob, self.of, holds, fails, tuple(tried), tuple(sorted(refused.items())), samples, monotone,
            following is None, note,
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Everything that it was given."""
        names = ("knob", "low", "high", "keep", "at_least", "of", "find", "within", "scale", "fixed")
        return {"design": self.kind} | {name: getattr(self, name) for name in names}

    def _search(self, results: Any) -> tuple[Any, Any, Any, str]:
        """The value that holds, the one that fails, what to try next (None: done), and a note."""
        refused = self._refused(results)
        met = {value: mean >= least for value, mean, least in self._tried(results)} | dict.fromkeys(refused, False)
        failed = [entry.error for entry in results.entries if entry.error and not is_refusal(entry.error)]
        if failed:
            return None, None, None, f"a point has no result: {failed[0]}"
        good, bad = (self.low, self.high) if self.find == "largest" else (self.high, self.low)
        for end in (good, bad):
            if end not in met:
                return None, None, end, ASSUMED
        if not met[good]:
            turned = ", though the other end does: is it the other direction?" if met[bad] else ""
            return (bad if met[bad] else None), good, None, f"the end {good:.6g} does not meet the target{turned}"
        if met[bad]:
            return bad, None, None, f"both ends meet it, and {ASSUMED}"
        while not self._is_near(good, bad):
            middle = self._middle(good, bad)
            if middle not in met:
                return good, bad, middle, ASSUMED
            good, bad = (middle, bad) if met[middle] else (good, middle)
        return good, bad, None, ASSUMED

    def _is_near(self, a: Any, b: Any) -> bool:
        low, high = min(a, b), max(a, b)
        if self.whole and high - low <= 1:
            return True
        near = high / low - 1 if self.scale == "log" else high - low
        middle = self._middle(a, b)
        return bool((near <= self.within and not self.whole) or middle in (a, b))

    def _middle(self, a: Any, b: Any) -> Any:
        if self.whole:
            return round(math.sqrt(a * b)) if self.scale == "log" else (a + b) // 2
        return math.sqrt(a * b) if self.scale == "log" else a + (b - a) / 2

    def _refused(self, results: Any) -> dict[Any, str]:
        """The values that could not run, and why: the reason of the first seed that could not."""
        found: dict[Any, str] = {}
        for entry in results.entries:
            if is_refusal(entry.error):
                found.setdefault(entry.point.settings[self.knob], entry.error.partition(": ")[2])
        return found

    def _tried(self, results: Any) -> list[tuple[Any, float, float]]:
        """The values with results of all seeds, with their mean and the least that is allowed."""
        found = []
        for settings, entries in results.by_settings():
            if any(entry.result is None for entry in entries):
                continue
            values = [self._value(entry.result) for entry in entries]
            least = self.at_least
            if least is None:
                assert self.keep is not None
                ideal = [entry.result[IDEAL[self.of]] / entry.result["samples"] for entry in entries]
                least = self.keep * math.fsum(ideal) / len(ideal)
            found.append((settings[self.knob], math.fsum(values) / len(values), least))
        return sorted(found)

    def _value(self, result: Mapping[str, Any]) -> float:
        value = result.get(self.of)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                f"bisection: {self.of} of a row is {shown(value)}; must be a number. Accuracy needs labels, and both "
                "accuracy and agreement a read-out or output=."
            )
        return float(value)


def is_refusal(error: str | None) -> bool:
    """Whether the error of a point says that the chip cannot do it: no room, or stations that wait for each other."""
    return error is not None and error.startswith(REFUSALS)
