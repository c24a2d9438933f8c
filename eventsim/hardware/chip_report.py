"""The report on a run on a chip: does the schedule survive it, where not, how fast is it, and what does it cost?

Relies on latency, flips, decision times, throughput and prices. Used by people and by ``eventsim hardware``.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import InputError, listed, nearest
from eventsim.hardware.chip_text import chip_from
from eventsim.hardware.counting import counted
from eventsim.hardware.decision_times import DecisionTimes, decision_times
from eventsim.hardware.flips import Flips, flips
from eventsim.hardware.ledger import Ledger
from eventsim.hardware.pricing import Bill, Priced, price
from eventsim.hardware.quantities import text_of
from eventsim.hardware.run_time import in_steps, said_of_chip, seconds_a_unit
from eventsim.hardware.step_times import StepTimes, step_times
from eventsim.hardware.throughput import Throughput, throughput
from eventsim.run.latency import Latency
from eventsim.run.run import Run
from eventsim.table import Table, Tabled

STATIONS_SHOWN = 10
BLAMED = 3  # stations that flips are due to, in the text


@dataclass(frozen=True, eq=False)
class Report(Tabled):
    """What a chip does to a run; ``print(report)`` shows it.

    Attributes
    ----------
    target
        The name of the chip, or of the transport.
    pools
        Where pools were: "receiver" or "neurons"; "" where the transport is no placed chip.
    seconds_a_unit
        How many seconds of the chip a unit of time of the network is; None where that is not known, or depends on the
        step.
    latency
        What became of packets, as a `Latency`.
    flips
        Which decisions differ from those of the ideal run, as `Flips`; None without one, and where nothing decides.
    decision
        When samples were decided, as `DecisionTimes`; None where nothing decides.
    throughput
        How often a new sample can begin, as a `Throughput`; None where layers have no windows and samples no end, and
        on a chip whose steps end at a barrier: these get longer where layers work at the same time.
    ledger
        What was counted.
    bill
        What that costs on the chip, as a `Bill`; None where the transport is no chip and no prices were given.
    steps
        How long the steps of the chip took, as a `StepTimes`; None where no barrier ends them. Then `latency` is that
        of the network's time, which counts steps, and stations are those of `steps`.
    """

    target: str
    pools: str
    seconds_a_unit: float | None
    latency: Latency
    flips: Flips | None
    decision: DecisionTimes | None
    throughput: Throughput | None
    ledger: Ledger
    bill: Bill | None
    steps: StepTimes | None = None

    @property
    def statement(self) -> str:
        """What it comes to, in one sentence or two."""
        unit = "" if self.seconds_a_unit is None else f", with {text_of(self.seconds_a_unit, 's')} a unit of time"
        if self.steps is not None:
            unit = f", in steps of {self.steps.step:g}"
        where = f"On {self.target}{unit}, "
        late, lost = self.latency.first_late, self.latency.counted["lost"]
        known = self.latency.late_by_sample is not None
        losses = f"{lost:,} packet{'s are' if lost > 1 else ' is'} lost" if lost else ""
        if self.flips is None:
            said = f"the first layer that is late is {late}" if late else "no layer is late"
            if not known:
                said = f"{self.latency.counted['delivered']:,} packets were delivered"
            return f"{where}{' and '.join(filter(None, (said, losses)))}."
        n, of = len(self.flips.samples), self.flips.n_samples
        if not n:
            troubles = " and ".join(filter(None, (f"packets of {late} are late" if late else "", losses)))
            but = f", although {troubles}" if troubles else " and no layer is late" if known else ""
            return f"{where}no decision of {of:,} flips{but}."
        return f"{where}{100 * self.flips.share:.3g} % of decisions flip ({n:,} of {of:,}); {self._blamed(known)}."

    def _blamed(self, known: bool) -> str:
        """The first layer of the samples that flip; `known`: is it known whom packets are late for?"""
        found = self.flips
        assert found is not None
        if not found.late:
            nobody = "no layer of these is late, the first one" if known else "the first layer"
            return f"{nobody} that differs is {found.first}"
        lost = self.latency.lost_by_sample[found.samples].any()
        what = " or ".join(["is late"] * known + ["loses packets"] * bool(lost))
        return f"the first layer that {what} is {found.first}"

    def table(self) -> Table:
        """A row for each layer, as `Latency.table` has it: the statement above; decisions and throughput below."""
        found = self.latency.table()
        below = (*found.below, *(f"{name}: {value}" for name, value in self._facts()))
        return Table(found.columns, found.rows, above=(self.statement, ""), below=below)

    def _facts(self) -> list[tuple[str, str]]:
        rows = []
        if self.flips is not None and len(self.flips.samples):
            if self.flips.late:
                rows.append(("flipped samples by the first layer late", _counts(self.flips.late)))
            if self.flips.changed:
                rows.append(("flipped samples by the first layer that differs", _counts(self.flips.changed)))
            if self.flips.stations:
                shares = list(self.flips.stations.items())[:BLAMED]
                said = ", ".join(f"{name} {share:.0%}" for name, share in shares)
                rows.append(("where the packets before that layer spent their time", said))
        if self.decision is not None and self.decision.latest is not None:
            rows.append(("decided at the latest at", self._time(self.decision.latest)))
            spare = self.decision.least_margin
            if spare is not None:
                rows.append(("time from the last packet needed to the decision, at least", self._time(spare)))
        if self.throughput is not None:
            a_second = self.throughput.per_second(self.seconds_a_unit)
            often = "" if a_second is None else f", {a_second:.4g} samples a second"
            period, longest = self._time(self.throughput.period), self.throughput.bottleneck
            rows.append(("a new sample can begin every", f"{period}{often}; what takes longest is {longest}"))
        if self.steps is not None:
            rows += self._of_steps(self.steps)
        if self.pools:
            rows.append(("pools are", "at their receivers" if self.pools == "receiver" else "placed as neurons"))
        return rows

    def _of_steps(self, steps: StepTimes) -> list[tuple[str, str]]:
        seconds, longest = steps.seconds, float(np.nanmax(steps.lengths))
        mean = float(seconds.mean())
        rows = [("a sample takes", f"{text_of(mean, 's')}, {1 / mean:.4g} a second, one behind the other")]
        if self.decision is not None and np.isfinite(self.decision.decided).any():
            decided = steps.until(self.decision.decided)[np.isfinite(self.decision.decided)]
            rows.append(("decided after", f"{text_of(float(decided.max()), 's')} at most"))
        return [*rows, ("the longest step takes", text_of(longest, "s"))]

    def _time(self, t: float) -> str:
        return f"{t:.4g}" if self.seconds_a_unit is None else f"{t:.4g} ({text_of(t * self.seconds_a_unit, 's')})"

    def energy(self) -> Table:
        """The energy by component, as `Bill.table` has it.

        Raises
        ------
        InputError
            There are no prices.
        """
        if self.bill is None:
            raise InputError(
                f"report: {self.target} has no prices; must have some for an energy. Give a chip: "
                'report(run, prices=hardware.chip("loihi")).'
            )
        return self.bill.table()

    def __str__(self) -> str:
        parts = [str(self.table())]
        if self.steps is None:
            parts.append(str(self.latency.station_table(STATIONS_SHOWN)))
        else:
            parts += [str(self.steps), str(self.steps.station_table(STATIONS_SHOWN))]
        if self.bill is not None:
            parts.append(str(self.bill))
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        return f"Report: {self.statement}"

    def content(self) -> dict[str, Any]:
        """All of it in dicts, lists, words and numbers; what is not known is None."""
        one, when, often = self.flips, self.decision, self.throughput
        return {
            "target": self.target,
            "statement": self.statement,
            "pools": self.pools or None,
            "seconds_a_unit": self.seconds_a_unit,
            "flips": None if one is None else {
                "samples": one.n_samples, "share": one.share, "flipped": one.samples.tolist(), "first": one.first,
                "late": one.late, "changed": one.changed, "stations": one.stations,
            },
            "decision": None if when is None else {
                "decided": _finite(when.decided), "needed": None if when.needed is None else _finite(when.needed),
                "least_margin": when.least_margin,
            },
            "throughput": None if often is None else {
                "period": often.period, "bottleneck": often.bottleneck, "stages": often.stages,
                "per_second": often.per_second(self.seconds_a_unit),
            },
            "energy": None if self.bill is None else _bill_content(self.bill),
            "ledger": self.ledger.counts(),
            "latency": self.latency.content(),
            "steps": None if self.steps is None else self.steps.content(),
        }  # fmt: skip

    def to_json(self) -> str:
        """Return `content` as JSON."""
        return json.dumps(self.content(), allow_nan=False)


def report(run: Run, ideal: Run | None = None, *, prices: Priced | None = None, output: str | None = None) -> Report:
    """Report on a run on a chip.

    Parameters
    ----------
    run
        A run with a transport that kept a log, ``simulate(net, x, transport=chip.place(net))``.
    ideal
        The same network on the same data without a transport: what decisions are held against.
    prices
        The chip whose prices are taken; None: the one that the run was on.
    output
        The population whose earliest spike decides; None: the read-out does.

    Raises
    ------
    InputError
        No runs; a run without a transport or a log, one that ended early; an ideal run of something else; an output
        that there is not, or that never fires.

    Notes
    -----
    Whom packets are too late for is known where the network is: of a run from a file, give it to `load_run`. Held by
    tests/test_hardware_report.py against plain loops over the log.
    """
    for name, given in (("run", run), ("ideal", ideal)):
        if not isinstance(given, Run) and not (name == "ideal" and given is None):
            raise InputError(f"report: {name} is a {type(given).__name__}; must be a Run. Give what simulate returned.")
    if prices is not None and not isinstance(prices, Priced):
        raise InputError(f'report: prices = {shown(prices)}; must be a Chip. Give e.g. hardware.chip("loihi").')
    _check_output(run, output)
    steps = step_times(run) if in_steps(run) else None
    ledger, found = counted(run, steps), run.latency()
    on = said_of_chip(run)
    chip = chip_from(on["chip"]) if on else None
    priced = prices or chip
    return Report(
        target=run.provenance["transport"]["transport"] if chip is None else chip.name,
        pools=on["placement"]["pools"] if on else "",
        seconds_a_unit=seconds_a_unit(run) if steps is None else None,
        latency=found,
        flips=None if ideal is None else flips(run, ideal, found, output),
        decision=decision_times(run, found, output),
        throughput=throughput(run, found) if steps is None else None,
        ledger=ledger,
        bill=None if priced is None else price(ledger, priced),
        steps=steps,
    )


def _check_output(run: Run, output: Any) -> None:
    if output is None:
        return
    names = [name for name in run.populations if name not in run.sources]
    if output not in names:
        hint = nearest(output, names) if isinstance(output, str) else ""
        raise InputError(
            f"report: output = {shown(output)}{hint}; must be one of {listed(names)}. Name the population whose first "
            "spike decides."
        )
    window = run.windows.get(output)
    if window is not None and window[-1] == math.inf:
        raise InputError(
            f"report: output = {output!r}, a read-out, which never fires; must be a population whose first spike "
            "decides. Leave it out: the read-out decides by its values."
        )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())


def _finite(times: Any) -> list[float | None]:
    return [time if math.isfinite(time) else None for time in times.tolist()]


def _bill_content(bill: Bill) -> dict[str, Any]:
    ends = (bill.low, bill.high) if bill.is_known else None
    return {
        "chip": bill.chip,
        "total": ends,
        "grade": bill.grade,
        "scope": bill.scope,
        "items": [
            {"operation": item.operation, "count": item.count, "status": item.status, "energy": item.energy}
            for item in bill.items
        ],
        "unpriced": bill.unpriced,
        "uncounted": bill.uncounted,
    }
