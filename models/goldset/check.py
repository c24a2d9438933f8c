"""A simulator's results held against the exact answers of the gold set.

Relies on the cases and on files of results. Used by ``eventsim goldset check``. Differences are those of exact numbers:
what a file says as a decimal or a hex float is not rounded on the way.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from eventsim.checks import number
from eventsim.errors import InputError
from eventsim.models.goldset.case_file import Case, Event, cases
from eventsim.models.goldset.results_file import Entry, Results

UNIT = Fraction(1, 2**53)
SHOWN = 3  # spikes of a case that a table names


@dataclass
class Verdict:
    """What is wrong with one case.

    Attributes
    ----------
    missing
        Expected spikes that are not there.
    extra
        Spikes (population, neuron, time) that nobody expected.
    late
        Spikes (population, neuron, exact time, difference) that are off by more than is allowed.
    largest, roundings
        The largest difference, in time and in roundings (2^-53) of the time itself.
    wrong_readouts
        Potentials (population, neuron, exact, difference or None) that are off or missing.
    """

    case: str
    expected: int
    missing: list[Event] = field(default_factory=list)
    extra: list[Entry] = field(default_factory=list)
    late: list[tuple[str, int, float, float]] = field(default_factory=list)
    largest: float = 0.0
    roundings: float = 0.0
    wrong_readouts: list[tuple[str, int, float, float | None]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Is every spike there, none beside it, and each within its tolerance?"""
        return not (self.missing or self.extra or self.late or self.wrong_readouts)

    def text(self) -> str:
        """What is wrong, in one line; "" where nothing is."""
        parts = []
        if self.missing:
            parts.append(_listed("missing", [(one.population, one.neuron, one.nearest) for one in self.missing]))
        if self.extra:
            parts.append(_listed("extra", self.extra))
        if self.late:
            parts.append(_listed("off", [(name, i, t) for name, i, t, _ in self.late]))
        if self.wrong_readouts:
            parts.append(_listed("read-out wrong", [(name, i, v) for name, i, v, _ in self.wrong_readouts]))
        return "; ".join(parts)


@dataclass(frozen=True)
class Report:
    """The verdicts of all cases that a simulator gave results of."""

    simulator: str
    tolerance: float
    verdicts: tuple[Verdict, ...]
    skipped: dict[str, str]
    not_given: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Was at least one case simulated, and is none wrong?"""
        return bool(self.verdicts) and all(verdict.ok for verdict in self.verdicts)

    @property
    def passed(self) -> int:
        """Number of cases without a fault."""
        return sum(verdict.ok for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """What the report says, for a program."""
        return {
            "simulator": self.simulator,
            "ok": self.ok,
            "tolerance": self.tolerance,
            "passed": self.passed,
            "failed": len(self.verdicts) - self.passed,
            "skipped": self.skipped,
            "not_given": list(self.not_given),
            "cases": [
                {
                    "case": one.case,
                    "ok": one.ok,
                    "spikes": one.expected,
                    "missing": [[event.population, event.neuron, event.nearest] for event in one.missing],
                    "extra": [[name, i, float(t)] for name, i, t in one.extra],
                    "off": [list(entry) for entry in one.late],
                    "wrong_readouts": [list(entry) for entry in one.wrong_readouts],
                    "largest_difference": one.largest,
                    "largest_difference_in_roundings": one.roundings,
                }
                for one in self.verdicts
            ],
        }


def check(results: Results, tolerance: float = 0.0) -> Report:
    """Hold results against the exact answers.

    Parameters
    ----------
    results
        What a simulator made of the cases.
    tolerance
        How far a spike may be off, in units of time (and a potential in its unit), where that is more than the
        roundings that the case allows; for simulators with time steps.

    Raises
    ------
    InputError
        A tolerance that is no finite number >= 0.
    """
    if not isinstance(results, Results):
        raise InputError(
            f"goldset.check: results = {type(results).__name__}; must be Results. Read them with goldset.read_results."
        )
    remedy = "Give it in units of time."
    tolerance = float(number("goldset.check", "tolerance", tolerance, InputError, low=0, remedy=remedy))
    verdicts = tuple(_verdict(one, results, Fraction(tolerance)) for one in cases() if one.name in results.spikes)
    known = {*results.spikes, *results.skipped}
    not_given = tuple(one.name for one in cases() if one.name not in known)
    return Report(results.simulator, tolerance, verdicts, dict(results.skipped), not_given)


def _verdict(case: Case, results: Results, tolerance: Fraction) -> Verdict:
    verdict = Verdict(case.name, len(case.spikes))
    expected, found = defaultdict(list), defaultdict(list)
    for event in case.spikes:
        expected[event.population, event.neuron].append(event)
    for name, i, t in results.spikes[case.name]:
        found[name, i].append(Fraction(t))
    for neuron in sorted({*expected, *found}):
        events, times = sorted(expected[neuron], key=lambda one: one.value), sorted(found[neuron])
        for event, time in _pairs(events, times, case, tolerance):
            if event is None:
                verdict.extra.append((*neuron, time))
            elif time is None:
                verdict.missing.append(event)
            else:
                _note(verdict, event, time, allowed(event, case, tolerance))
    _check_readouts(verdict, case, results.readouts.get(case.name, []), tolerance)
    return verdict


def allowed(event: Event, case: Case, tolerance: Fraction) -> Fraction:
    """How far a spike, or a potential, may be off."""
    return max(tolerance, case.roundings * UNIT * abs(event.value))


def _pairs(events: list[Event], times: list[Fraction], case: Case, tolerance: Fraction) -> list[tuple[Any, Any]]:
    """Which time belongs to which expected spike of a neuron; None where there is none.

    One by one where there are as many as expected; else those that are within their tolerance, in order.
    """
    if len(events) == len(times):
        return list(zip(events, times, strict=True))
    pairs: list[tuple[Any, Any]] = []
    rest = deque(times)
    for event in events:
        limit = allowed(event, case, tolerance)
        while rest and rest[0] < event.value - limit:
            pairs.append((None, rest.popleft()))
        near = bool(rest) and rest[0] <= event.value + limit
        pairs.append((event, rest.popleft() if near else None))
    return pairs + [(None, time) for time in rest]


def _note(verdict: Verdict, event: Event, time: Fraction, limit: Fraction) -> None:
    """The difference of a spike that is there."""
    difference = abs(time - event.value)
    verdict.largest = max(verdict.largest, float(difference))
    if event.value:
        verdict.roundings = max(verdict.roundings, float(difference / abs(event.value) / UNIT))
    # The nearest float64 of an exact answer is right by definition, also where no rounding is allowed.
    if difference > limit and time != Fraction(event.nearest):
        verdict.late.append((event.population, event.neuron, event.nearest, float(time - event.value)))


def _check_readouts(verdict: Verdict, case: Case, found: list[Entry], tolerance: Fraction) -> None:
    """Each potential that is to be read, once; those of neurons that are not read out are refused, too."""
    given = defaultdict(list)
    for name, i, value in found:
        given[name, i].append(Fraction(value))
    for event in case.readouts:
        values = given.pop((event.population, event.neuron), [])
        difference = float(values[0] - event.value) if len(values) == 1 else None
        if difference is None or abs(values[0] - event.value) > max(allowed(event, case, tolerance), 4 * UNIT):
            verdict.wrong_readouts.append((event.population, event.neuron, event.nearest, difference))
    verdict.wrong_readouts += [(*neuron, float(values[0]), None) for neuron, values in given.items()]


def _listed(what: str, entries: list[Any]) -> str:
    """How many spikes there are of a kind, and which the first ones are."""
    shown = ", ".join(f"{name}[{i}] at {float(t):.10g}" for name, i, t in entries[:SHOWN])
    return f"{len(entries)} {what}: {shown}{', …' if len(entries) > SHOWN else ''}"
