"""Random networks on both engines and the naive oracle, until told to stop: ``make torture``.

    make torture                        all families in turn, until Ctrl-C
    make torture NETWORKS=100000        that many, then the figures
    make torture FIRST=500000           another range of numbers
    make torture REPLAY=folder/123      a kept failure again

Each case must leave the same bits on both engines (spikes, traces, counters, read-outs, also where an error or a
budget ends it), the same without its budget where that is not used up (the compiled engine takes packets together
then), the same as in one piece where it is interrupted and taken up, and what `tests/naive.py` says where that knows
the models. A fourth of them have faults at arrival (`toy_faults.py`). A failure is kept as two files, ``NUMBER.npz``
and ``NUMBER.json``, in the folder ``torture``. The last lines say how many networks there were, and in how many
something happened. A case that does not end within `TOO_LONG` ends all; its number stands in ``torture/under way``.
"""

import argparse
import faulthandler
import itertools
import os
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("EVENTSIM_LOOPS", "broad")  # before eventsim is imported: a few loops serve all networks

import naive
from adapters import Outcome, assert_equals_oracle, assert_same_run, both_engines, outcome
from random_networks import Case, case
from toy_faults import Tired

TOO_LONG = 600.0  # seconds, those of compiling its loops included

# Every delivery has a weight of its own; that of tests is found by its name, too.
ARRIVAL = [{"fault": "read_noise", "relative": 0.3}, {"fault": Tired.name}]


def check(one: Case) -> Counter[str]:
    """Hold one case against all that it must equal; AssertionError where it does not. Returns what happened in it."""
    options = one.simulate_options()
    whole = both_engines(one.net, one.x, **options)
    happened = Counter(_what(whole, one))
    if not _of_budget(whole):
        assert_same_outcome(outcome(one.net, one.x, **options | {"max_events": None}), whole)
    if _oracle_knows(one) and not _of_budget(whole):
        assert_equals_oracle(whole, one.net, one.x, one.options["until"])
        happened["held against the oracle"] += 1
    if one.cuts:
        for engines in (("compiled",), ("reference",), ("compiled", "reference"), ("reference", "compiled")):
            assert_same_outcome(in_pieces(one, engines), whole)
        happened["cut and taken up"] += 1
    return happened


def _what(done: Outcome, one: Case) -> list[str]:
    spikes = done.run.counters["by_population"]
    found = ["networks"]
    if any(spikes[p.name]["spikes"] for p in one.net.populations):
        found.append("a population spiked")
    if done.error:
        found.append("budgets" if _of_budget(done) else "errors")
    if max(p.size for p in one.net.populations) > 62:
        found.append("63 neurons or more")
    return found


def _oracle_knows(one: Case) -> bool:
    plain = {"until", "max_events", "seed"}
    models = {population.model.name for population in one.net.populations}
    return models <= set(naive.EXACT) and {*one.options} <= plain


def in_pieces(one: Case, engines: tuple[str, ...]) -> Outcome:
    """The run of a case, interrupted after some numbers of events, each time taken up by the next engine."""
    options, one_after_another = one.simulate_options() | {"keep_state": True}, itertools.cycle(engines)
    budget = options.pop("max_events")
    piece, done = None, 0
    for events in [*[cut for cut in one.cuts if cut < budget], budget]:
        if events <= done:
            continue
        piece = outcome(
            one.net,
            one.x,
            engine=next(one_after_another),
            resume=piece and piece.run,
            max_events=events - done,
            **options,
        )
        done = int(piece.run.counters["events"])
        if piece.error is None or not _of_budget(piece):
            break
    assert piece is not None
    return piece


def _of_budget(done: Outcome) -> bool:
    return done.error is not None and "max_events" in done.error


def assert_same_outcome(a: Outcome, b: Outcome) -> None:
    """All but the number that stands in the message of a budget."""
    assert _of_budget(a) == _of_budget(b)
    assert _of_budget(a) or a.error == b.error
    assert_same_run(a.run, b.run)


def run_all(numbers: Any, kept: Path, families: str | None, report: float) -> int:
    """Check the cases; returns how many failed."""
    kept.mkdir(parents=True, exist_ok=True)
    found: Counter[str] = Counter()
    failures, began, said = 0, time.monotonic(), time.monotonic()
    try:
        for number in numbers:
            one = case(number, families)
            if number % 4 == 3:
                one.options["faults"] = [*one.options.get("faults", []), *ARRIVAL]
            (kept / "under way").write_text(f"{number}\n", encoding="utf-8")
            faulthandler.dump_traceback_later(TOO_LONG, exit=True, file=sys.__stderr__ or sys.stderr)
            try:
                found += check(one)
            except Exception:  # noqa: BLE001 - a failure of any kind is kept
                failures += 1
                found["networks"] += 1
                one.save(kept / str(number))
                (kept / f"{number}.txt").write_text(f"{traceback.format_exc()}\n{one!r}\n", encoding="utf-8")
                print(f"case {number} failed: kept as {kept / str(number)}", flush=True)
            if time.monotonic() - said > report:
                said = time.monotonic()
                print(f"{found['networks']} networks, {failures} failures, {said - began:.0f} s", flush=True)
    except KeyboardInterrupt:
        print()
    faulthandler.cancel_dump_traceback_later()
    (kept / "under way").unlink(missing_ok=True)
    print(f"{time.monotonic() - began:.0f} s, {failures} failures")
    for name, count in found.most_common():
        print(f"  {count:8d} {name}")
    return failures


def main() -> int:
    """Parse the command line, and go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, help="how many; without it until Ctrl-C")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--family", help="of models; without it all in turn")
    parser.add_argument("--replay", type=Path, help="a kept failure, without its suffix")
    parser.add_argument("--keep", type=Path, default=Path("torture"), help="folder for failures")
    parser.add_argument("--report", type=float, default=30.0, help="seconds between two lines")
    given = parser.parse_args()
    if given.replay:
        one = Case.load(given.replay)
        print(one)
        print(dict(check(one)))
        return 0
    last = sys.maxsize if given.networks is None else given.first + given.networks
    return 1 if run_all(range(given.first, last), given.keep, given.family, given.report) else 0


if __name__ == "__main__":
    sys.exit(main())
