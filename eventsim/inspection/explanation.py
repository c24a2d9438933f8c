"""What `explain` found: a neuron, its inputs, what each did to its potential, and their own explanations.

Relies on the replay for potentials in between. Made by `eventsim.explain`; read by people (`table`), programs (`chain`)
and the figure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import finite_array, integer
from eventsim.engines.packet_way import Leg, legs_text
from eventsim.errors import InputError
from eventsim.inspection.replay import Replay
from eventsim.run.run import Run
from eventsim.table import Column, Table, Tabled
from eventsim.wording import numbered, place

Array = np.ndarray[Any, Any]
LATE_SHOWN = 3  # inputs that are named in a line
REASONS = {
    "late": "came too late to count",
    "after": "came after the spike",
    "refractory": "came while it was refractory",
}


class Input(NamedTuple):
    """One spike at one synapse of an explained neuron.

    Attributes
    ----------
    population, neuron, number
        The sender, and which of its spikes.
    emitted, arrived
        When the spike was emitted, and when it arrived, in time.
    weight
        Weight of the synapse.
    contribution
        Potential at the explained time with this input minus that without it.
    decisive
        Whether it lifted the potential to the threshold (models whose potential an input moves).
    reason
        Why it changed nothing ("late", "after", "refractory"); "" where it counted.
    shape
        Shape of the sender's population.
    receptor
        Which of the neuron's receptors it reached; None where there is one kind of input.
    stops
        The stations of the fabric that it went through; () without one, and where it needed no packet.
    """

    population: str
    neuron: int
    number: int
    emitted: Any
    arrived: Any
    weight: Any
    contribution: Any
    decisive: bool = False
    reason: str = ""
    shape: tuple[int, ...] = ()
    receptor: str | None = None
    stops: tuple[Leg, ...] = ()

    @property
    def sender(self) -> str:
        """Whose spike it is, in words."""
        which = f" spike {self.number}" if self.number else ""
        receptor = f" [{self.receptor}]" if self.receptor else ""
        return f"{self.population} {numbered(self.neuron, self.shape)}{which}{receptor}"


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Tabled):
    """The result of `eventsim.explain`. Times and potentials are Fractions where the run is of Fractions.

    Attributes
    ----------
    population, neuron, sample, number
        Which neuron, in which sample, and which of its spikes (of `spikes` recorded).
    model
        Name of its model, or "source".
    time
        When its spike left; inf where it is silent.
    crossing
        When it crossed its threshold; differs from `time` under emission faults.
    at
        The time of all potentials here: that of the crossing, or that at which silence is looked at.
    window, threshold
        The window and the threshold as the network has them; a threshold of inf is a read-out's, None a source's.
    potential
        The membrane potential V at `at`.
    base
        V at `at` without any input.
    inputs
        The inputs that counted (not those that an earlier spike wiped out), the decisive one first where inputs move
        the potential itself, then by the size of their contribution.
    late
        The inputs that arrived and changed nothing.
    at_opening
        For a premature spike, V at t_min with all inputs that were there by then, had it not fired.
    fan_in
        For a relay, which counts its inputs and passes one of them on, how many can reach it; None for others.
    value
        What the spike of a source stands for; None where it stands for none.
    upstream
        The most important inputs, each with its own explanation.
    notes
        What else a reader should know.
    run
        The run that is explained.
    """

    population: str
    neuron: int
    sample: int
    number: int
    model: str
    run: Run
    time: Any
    crossing: Any
    at: Any
    window: tuple[Any, ...] | None = None
    threshold: Any = None
    potential: Any = None
    base: Any = None
    inputs: tuple[Input, ...] = ()
    late: tuple[Input, ...] = ()
    at_opening: Any = None
    fan_in: int | None = None
    value: Any = None
    spikes: int = 0
    upstream: "tuple[tuple[Input, Explanation], ...]" = ()
    notes: tuple[str, ...] = ()
    _replay: Replay | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the neuron's population."""
        return self.run.shapes[self.run.populations.index(self.population)]

    @property
    def fired(self) -> bool:
        """Is there a spike to explain?"""
        return bool(self.time < math.inf)

    @property
    def is_source(self) -> bool:
        """Do its spikes come from outside?"""
        return self._replay is None

    @property
    def is_readout(self) -> bool:
        """Does it never fire?"""
        return not self.is_source and bool(self.threshold == math.inf)

    @property
    def residual(self) -> Any:
        """Threshold minus potential: of a spike what rounding left, of silence what was missing; None without one."""
        return None if self.is_source or self.is_readout else self.threshold - self.potential

    @property
    def earlier(self) -> tuple[Any, ...]:
        """When the neuron crossed its threshold before."""
        return () if self._replay is None else tuple(self._replay.crossings[: self.number])

    @property
    def premature(self) -> Any:
        """How long before t_min the spike left; 0 where it did not."""
        if self.at_opening is None or self.window is None:
            return 0
        return self.window[1] - self.time

    @property
    def missing(self) -> tuple[Input, ...]:
        """Inputs that a premature spike did not wait for: they arrived after it and before t_min."""
        if self.at_opening is None or self.window is None:
            return ()
        return tuple(one for one in self.late if one.arrived < self.window[1])

    @property
    def chain(self) -> dict[str, Any]:
        """The chain as nested records: the neuron, and under "inputs" those that mattered most, each with its own."""
        return {
            "population": self.population,
            "neuron": self.neuron,
            "place": place(self.neuron, self.shape),
            "number": self.number,
            "time": self.time,
            "value": self.value,
            "potential": self.potential,
            "inputs": [
                {"arrived": one.arrived, "weight": one.weight, "contribution": one.contribution} | upstream.chain
                for one, upstream in self.upstream
            ],
        }

    def membrane(self, times: Any = None) -> tuple[Array, Array]:
        """Membrane potential as it was until `at`, float64.

        Parameters
        ----------
        times : array (n,)
            Times up to `at`; None gives those at which the state changed, and `at`.

        Raises
        ------
        InputError
            A source, which has no membrane; times after `at` or that are no finite numbers.
        """
        if self._replay is None:
            raise InputError(
                f"membrane: {self.population!r} is a source; must be a population. Explain one of its targets."
            )
        if times is None:
            times = [*dict.fromkeys(t for t, *_ in self._replay.path if t <= self.at), self.at]
        wanted = finite_array("membrane", "times", times)
        late = np.flatnonzero((wanted > self.at).ravel())
        if late.size:
            raise InputError(
                f"membrane: times[{late[0]}] = {float(wanted.flat[late[0]])}; must be <= {float(self.at)}, the time "
                "that is explained. Explain a later spike."
            )
        values = [float(self._replay.potential_at(self._replay.number(t))) for t in wanted.ravel().tolist()]
        return wanted.astype(np.float64), np.array(values).reshape(wanted.shape)

    # -- text -------------------------------------------------------------------------------------------------------

    def table(self, rows: int = 8) -> Table:
        """Return the explanation as a table: what happened, the `rows` first inputs, and where they came from."""
        rows = integer("Explanation.table", "rows", rows, low=0, remedy="Give how many inputs are to be listed.")
        above, below = [self.headline], []
        if not self.is_source:
            above += [f"  {line}" for line in (self._what(), self._balance(), *self._why_early())]
            if not self.inputs and self.fan_in is None:
                above.append("  no input arrived before")
            below += [f"  {line}" for line in self._late_lines()]
        below += [f"  {line}" for line in self._ways(rows)]
        below += [f"  note: {note}" for note in self.notes]
        if self.upstream:
            below += ["  where they came from:", *_chain_lines(self, "    ")]
        columns, listed = self._input_rows(rows)
        return Table(columns, listed, tuple(above), tuple(below), indent=2)

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return f"Explanation: {self.headline}"

    @property
    def headline(self) -> str:
        """What happened, in one line."""
        return f"{self._name()}, sample {self.sample}: {self._event()}"

    def _name(self) -> str:
        which = f"spike {self.number} of " if self.spikes > 1 else ""
        return f"{which}{self.population} {numbered(self.neuron, self.shape)}"

    def _event(self) -> str:
        """What the neuron did."""
        if self.is_readout:
            return f"read at {_short(self.at)}: {_short(self.potential)}"
        if not self.fired:
            return (
                "silent"
                if self.is_source or self.fan_in is not None
                else f"silent, {_short(self.potential)} at {_short(self.at)}"
            )
        value = "" if self.value is None else f", value {_short(self.value)}"
        moved = f" (crossed at {_short(self.crossing)})" if self.time != self.crossing < math.inf else ""
        return f"fired at {_short(self.time)}{moved}{value}"

    def _what(self) -> str:
        parts = [self.model]
        if self.window is not None:
            names = ("t_start", "t_min", "t_max")
            parts += [f"{name} {_short(t)}" for name, t in zip(names, self.window, strict=True) if t < math.inf]
        if not self.is_readout and self.fan_in is None:
            parts.append(f"threshold {_short(self.threshold)}")
        return ", ".join(parts)

    def _balance(self) -> str:
        """How the potential is made up; of a relay, which input it passed on."""
        if self.fan_in is not None:
            return self._passed_on()
        total = sum(one.contribution for one in self.inputs)
        text = (
            f"potential at {_short(self.at)}: {_short(self.potential)} = {_short(self.base)} without inputs "
            f"{_signed(total)} from {_counted(len(self.inputs), 'input')}"
        )
        if self.residual is None:
            return text
        if abs(self.residual) <= 1e-9 * max(abs(self.threshold), abs(self.potential)):
            return f"{text}; the threshold" + (f" to {float(abs(self.residual)):.1g}" if self.residual else "")
        side = "below" if self.residual > 0 else "above"
        return f"{text}; {_short(abs(self.residual))} {side} the threshold"

    def _passed_on(self) -> str:
        """Which of its inputs a relay waits for, and whether that came."""
        assert self.fan_in is not None
        count = math.ceil(self.threshold)
        which = {self.fan_in: "the last of", 1: "the first of"}.get(count, f"number {count} of")
        text = f"passes on {which} {_counted(self.fan_in, 'input')}"
        if not self.fired:
            came = len(self.inputs)
            return f"{text}; {came or 'none'} came"
        sender = next((one for one in self.inputs if one.decisive), None)
        return text if sender is None else f"{text}: {sender.sender} at {_short(sender.arrived)}"

    def _why_early(self) -> list[str]:
        if not self.premature:
            return []
        assert self.window is not None
        lines = [f"PREMATURE: fired {_short(self.premature)} before t_min = {_short(self.window[1])}"]
        if self.missing:
            names = _named(sorted(self.missing, key=lambda one: -abs(one.weight)))
            lines[0] += f"; {_counted(len(self.missing), 'input')} had not arrived yet: {names}"
            lines.append(f"with all of them the potential would have been {_short(self.at_opening)} at t_min")
        return lines

    def _input_rows(self, rows: int) -> tuple[tuple[Column, ...], tuple[tuple[Any, ...], ...]]:
        """Columns, and a row for each of the first `rows` inputs and one for the others."""
        if not self.inputs:
            return (), ()
        listed, rest = self.inputs[:rows], self.inputs[rows:]
        found: list[tuple[Any, ...]] = [
            (one.sender + " (decided)" * one.decisive, one.emitted, one.arrived, one.weight, one.contribution)
            for one in listed
        ]
        if rest:
            total = sum(one.contribution for one in rest)
            found.append((f"{_counted(len(rest), 'more input')} together", None, None, None, total))
        columns = (
            Column("input", text=True), Column("emitted", _short), Column("arrived", _short), Column("weight", _signed),
            Column("contribution", _signed),
        )  # fmt: skip
        n = 5 if self.fan_in is None else 3  # what a relay hears has no weight
        return columns[:n], tuple(row[:n] for row in found)

    def _ways(self, rows: int) -> list[str]:
        """Over which stations the inputs that are named came."""
        named = [one for one in (*self.inputs[:rows], *self.late[:LATE_SHOWN]) if one.stops]
        lines = [
            f"  {one.sender}, {_short(one.emitted)} to {_short(one.arrived)}: {legs_text(one.stops)}" for one in named
        ]
        return ["over the fabric:", *dict.fromkeys(lines)] if lines else []

    def _late_lines(self) -> list[str]:
        known = set(self.missing)
        lines = []
        for reason, words in REASONS.items():
            mine = [one for one in self.late if one.reason == reason and one not in known]
            if mine:
                lines.append(f"{_counted(len(mine), 'input')} {words}: {_named(mine)}")
        return lines


def _chain_lines(explained: Explanation, indent: str) -> list[str]:
    lines = []
    for one, cause in explained.upstream:
        what = "passed on" if explained.fan_in is not None else _signed(one.contribution)
        lines.append(f"{indent}{cause._name()} ({what}): {cause._event()}")
        lines += [f"{indent}  {line}" for line in cause._why_early()[:1]]
        lines += _chain_lines(cause, indent + "  ")
    return lines


def _named(inputs: Sequence[Input]) -> str:
    """The first few inputs in words."""
    words = [f"{one.sender} at {_short(one.arrived)}, weight {_signed(one.weight)}" for one in inputs[:LATE_SHOWN]]
    more = len(inputs) - LATE_SHOWN
    return "; ".join([*words, f"{more} more"] if more > 0 else words)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def _short(x: Any) -> str:
    return f"{float(x):.5g}"


def _signed(x: Any) -> str:
    return f"{float(x):+.4g}"
