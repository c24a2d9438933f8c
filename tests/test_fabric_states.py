"""Runs with packets under way that are stopped and gone on with, by either engine; and states that are damaged."""

import copy
import random
from typing import Any

import numpy as np
import pytest
from fabric_networks import Given, as_network
from random_fabrics import case

import eventsim
from eventsim import BudgetError, InputError, SimulationError, simulate
from eventsim.engines.fabric_records import DELIVERED, LOST, PACKETS, UNDER_WAY
from eventsim.engines.task import Task
from eventsim.run.run import Run

END = 60.0
WHOLE = ("station_child", "station_blocked", "parcel_place", "parcel_hop", "parcel_child", "parcel_neuron", "fabric")
FLOATS = ("stations", "station_since", "parcel_emitted", "parcel_entered", "parcel_started", "parcel_t")


def same(a: Run, b: Run) -> None:
    assert a.spikes.tolist() == b.spikes.tolist()
    one, other = a.records, b.records
    assert one.hops is not None
    assert other.hops is not None
    for name in one.hops.dtype.names or ():
        np.testing.assert_array_equal(one.hops[name], other.hops[name], err_msg=name)
    np.testing.assert_array_equal(one.stations, other.stations)
    np.testing.assert_array_equal(one.fabric, other.fabric)
    assert a.counters["events"] == b.counters["events"]


def at_work(number: int) -> tuple[Any, Any, Any]:
    """A case that does not come to a deadlock; its network, inputs and transport."""
    drawn = case(number)
    net, x, made, _ = as_network(drawn.fabric, float, drawn.load)
    return net, x, Given(made)


def test_runs_in_pieces_are_the_run_in_one_piece_whichever_engine_goes_on() -> None:
    under_way = blocked = 0
    for number in range(120):
        net, x, transport = at_work(number)
        draw = random.Random(number)
        try:
            whole = simulate(net, x, until=END, transport=transport, engine="reference")
        except SimulationError:
            continue
        cut = draw.choice([draw.randrange(1, 16) / 2, draw.uniform(0.1, 8.0)])
        engines = [draw.choice(["reference", "compiled"]) for _ in range(2)]
        begun = simulate(net, x, until=cut, transport=transport, engine=engines[0], keep_state=True)
        state = state_of(begun)
        under_way += len(state.parcel_t) > 0
        blocked += bool((state.station_blocked >= 0).any())
        same(whole, simulate(net, x, until=END, transport=transport, engine=engines[1], resume=begun))
    assert under_way >= 50
    assert blocked >= 5


def test_a_run_with_packets_under_way_is_saved_and_gone_on_with(tmp_path: Any) -> None:
    number = next(k for k in range(50) if runs_through(k) and len(state_of(stopped(k)).parcel_t) >= 3)
    net, x, transport = at_work(number)
    stopped(number).save(tmp_path / "run.npz")
    loaded = eventsim.load_run(tmp_path / "run.npz")
    same(
        simulate(net, x, until=END, transport=transport, engine="reference"),
        simulate(net, x, until=END, transport=transport, engine="reference", resume=loaded),
    )
    again = simulate(net, x, until=END, transport=transport, engine="reference")
    again.save(tmp_path / "whole.npz")
    same(again, eventsim.load_run(tmp_path / "whole.npz"))


def runs_through(number: int) -> bool:
    net, x, transport = at_work(number)
    try:
        return simulate(net, x, until=END, transport=transport, engine="reference").complete
    except SimulationError:
        return False


def state_of(run: Run) -> Any:
    return run.records.state.samples[0]  # type: ignore[union-attr]


def stopped(number: int) -> Run:
    net, x, transport = at_work(number)
    return simulate(net, x, until=2.25, transport=transport, engine="reference", keep_state=True)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_damaged_packets_are_refused_or_harmless(engine: str) -> None:
    """Whatever stands in a state, a run ends: with an error that says what is wrong, or with a result."""
    refused = 0
    for number in filter(runs_through, range(50)):
        run = stopped(number)
        net, x, transport = at_work(number)
        draw = random.Random(number)
        for name in (*WHOLE, *FLOATS):
            damaged = copy.deepcopy(run)
            array = getattr(state_of(damaged), name)
            if not len(array):
                continue
            worst = [-1, 1, 2, 7, 10**6, -(2**40)] if name in WHOLE else [-1.0, 0.5, 1e300, np.nan, np.inf, -np.inf]
            array[draw.randrange(len(array))] = draw.choice(worst)
            try:
                simulate(net, x, until=END, transport=transport, engine=engine, resume=damaged, max_events=10_000)
            except InputError as problem:
                refused += "it is damaged" in str(problem)
            except SimulationError:
                pass
    assert refused >= 100


@pytest.mark.parametrize("more", [{PACKETS: 1}, {DELIVERED: 1}, {LOST: 2}, {UNDER_WAY: 1}, {PACKETS: 1, UNDER_WAY: 1}])
def test_counts_that_are_not_those_of_the_packets_of_a_state_are_refused(more: dict[int, int]) -> None:
    """Also where they add up: what is under way is counted anew."""
    number = next(k for k in range(50) if runs_through(k) and len(state_of(stopped(k)).parcel_t) >= 3)
    net, x, transport = at_work(number)
    damaged = stopped(number)
    for counter, n in more.items():
        state_of(damaged).fabric[counter] += n
    with pytest.raises(InputError, match="a packet of the fabric is none that this network can have; it is damaged"):
        simulate(net, x, until=END, transport=transport, engine="reference", resume=damaged)


def test_a_budget_and_an_interruption_keep_what_was_done_with_packets_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was done is the beginning of the whole run, on either engine, and the run goes on from there."""
    kept = 0
    for number in filter(runs_through, range(30)):
        net, x, transport = at_work(number)
        options: dict[str, Any] = {"until": END, "transport": transport}
        whole = simulate(net, x, engine="reference", **options)
        half = whole.counters["events"] // 2
        parts = []
        for engine in ("reference", "compiled"):
            with pytest.raises(BudgetError) as ended:
                simulate(net, x, engine=engine, max_events=half, keep_state=True, **options)
            parts.append(ended.value.run)
        with monkeypatch.context() as patch:  # as the Ctrl-C of the command line, which stops at the next look
            looks = [0, 10**9]
            patch.setattr(Task, "check_budget", lambda _, __, looks=looks: looked(looks))
            simulate(net, x, engine="reference", **options)
            looks[:] = 0, looks[0] // 2
            with pytest.raises(SimulationError, match="interrupted") as stopped_by:
                simulate(net, x, engine="reference", **options)
        parts.append(stopped_by.value.run)
        for part in parts:
            assert not part.complete
            assert part.spikes.tolist() == whole.spikes[: len(part.spikes)].tolist()
            assert part.records.hops is not None
            assert whole.records.hops is not None
            assert {one.tobytes() for one in part.records.hops} <= {one.tobytes() for one in whole.records.hops}
            kept += part.counters["transport"]["under_way"] > 0
        same(parts[0], parts[1])
        same(whole, simulate(net, x, engine="compiled", resume=parts[0], **options))
    assert kept >= 10


def looked(looks: list[int]) -> str | None:
    """Count a look at the budget; say what an interruption says behind the last one."""
    looks[0] += 1
    return "interrupted" if looks[0] > looks[1] else None
