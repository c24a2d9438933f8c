"""Ledgers and prices: sums against exact rationals, and nothing that is unknown becomes 0."""

import pickle  # noqa: TID251 - a ledger travels to the processes of a study
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim import hardware, models
from eventsim.errors import BudgetError, InputError
from eventsim.hardware import Ledger
from eventsim.hardware.facts import GRADES, weakest
from eventsim.hardware.keys import OPERATIONS
from eventsim.models import digits

COUNTS = st.one_of(st.none(), st.integers(0, 10**12))
LEDGERS = st.builds(
    Ledger,
    **{name: COUNTS for name in OPERATIONS if name != "seconds"},
    seconds=st.one_of(st.none(), st.floats(0, 1e6)),
)
CHIPS = {name: hardware.chip(name) for name in hardware.chips()}
EXAMPLE = Ledger(
    synaptic_operations=10_000, spikes=100, neuron_updates_driven=2000, hops_x=10, packets=100, samples=5, seconds=0.01
)


@pytest.mark.parametrize("name", CHIPS)
@given(ledger=LEDGERS)
def test_a_bill_is_counts_times_prices_and_says_what_it_leaves_out(name: str, ledger: Ledger) -> None:
    chip = CHIPS[name]
    bill = hardware.price(ledger, chip)
    contained = {inner for fact in chip.prices.values() for inner in fact.contains}
    low = high = Fraction(0)
    unpriced, uncounted, grades = set(), set(), set()
    for operation, count in ledger:
        fact = chip.prices.get(operation)
        if operation in contained:
            continue
        if fact is None:
            if count and operation != "samples":
                unpriced.add(operation)
        elif count is None:
            uncounted.add(operation)
        else:
            low, high = low + Fraction(count) * Fraction(fact.low), high + Fraction(count) * Fraction(fact.high)
            if count:
                grades.add(fact.grade)
    # One rounding a product and one of the sum, so relative 2^-51 is wide enough for sums of terms >= 0.
    assert bill.low == pytest.approx(float(low), rel=2**-51)
    assert bill.high == pytest.approx(float(high), rel=2**-51)
    assert ({*bill.unpriced}, {*bill.uncounted}) == (unpriced, uncounted)
    assert bill.grade == weakest(grades)
    assert not {*bill.charged} & contained
    assert str(bill)


def test_a_total_is_a_range_with_the_weakest_grade_and_the_list_of_what_lacks() -> None:
    bill = hardware.price(EXAMPLE, hardware.chip("loihi"))
    assert bill.low == bill.high == pytest.approx(10_000 * 23.6e-12 + 2000 * 81e-12 + 10 * 3e-12 + 100 * 1.7e-12)
    assert (bill.grade, bill.scope) == ("pre-silicon", "per term")
    assert bill.unpriced == ("spikes", "seconds")
    assert bill.uncounted == ("neuron_updates_idle", "hops_y")
    shown = str(bill)
    assert "total on loihi: 398.2 nJ, per term, pre-silicon" in shown
    assert "a sample: 79.64 nJ" in shown
    assert "left out, without a price: spikes, seconds" in shown
    assert "left out, not counted: neuron_updates_idle, hops_y" in shown
    weaker = hardware.chip("loihi").replace({"prices.spikes": "10 pJ"})
    assert hardware.price(EXAMPLE, weaker).grade == "assumed"
    assert hardware.price(EXAMPLE.replace(spikes=0), weaker).grade == "pre-silicon"  # it weighs nothing


def test_samples_are_charged_where_they_have_a_price_and_else_no_lack() -> None:
    assert "samples" not in hardware.price(EXAMPLE, hardware.chip("loihi")).unpriced
    bill = hardware.price(Ledger(samples=5), hardware.chip("mesh").replace({"prices.samples": "2 nJ"}))
    assert bill.charged == ("samples",)
    assert not bill.unpriced
    assert bill.low == pytest.approx(1e-8)


def test_an_all_in_price_charges_nothing_twice() -> None:
    bill = hardware.price(EXAMPLE, hardware.chip("truenorth"))
    assert bill.low == pytest.approx(10_000 * 2.5e-12)
    assert bill.high == pytest.approx(10_000 * 26e-12)
    assert (bill.scope, bill.grade, bill.charged) == ("all-in", "conflicting", ("synaptic_operations",))
    assert bill.unpriced == bill.uncounted == ()
    within = {item.operation: item.within for item in bill.items if item.status == "contained"}
    assert within == dict.fromkeys(
        ("neuron_updates_driven", "spikes", "packets", "hops_x", "seconds"), "synaptic_operations"
    )
    assert "in synaptic_operations" in str(bill)
    assert hardware.price(EXAMPLE, hardware.chip("odin")).unpriced == ("hops_x",)


def test_what_nobody_counted_is_no_energy() -> None:
    bill = hardware.price(Ledger(), hardware.chip("loihi"))
    assert not bill.is_known
    assert bill.grade == bill.scope == ""
    assert "total on loihi: unknown" in str(bill)
    (row,) = hardware.compare_prices(Ledger(), ["loihi"])
    assert (row["least"], row["most"], row["charged"]) == (None, None, "")
    nothing = hardware.price(Ledger(synaptic_operations=0), hardware.chip("odin"))
    assert (nothing.is_known, nothing.low, nothing.high, nothing.charged) == (True, 0, 0, ())


def test_one_ledger_is_priced_on_every_chip() -> None:
    table = hardware.compare_prices(EXAMPLE)
    rows = {row["chip"]: row for row in table}
    assert set(rows) == {name for name in hardware.chips() if hardware.chip(name).prices}
    for name, row in rows.items():
        bill = hardware.price(EXAMPLE, hardware.chip(name))
        assert (row["least"], row["most"], row["grade"]) == (bill.low, bill.high, bill.grade)
        assert row["without a price"] == ", ".join(bill.unpriced)
        assert row["not counted"] == ", ".join(bill.uncounted)
    mine = hardware.chip("mesh").replace({"prices.packets": "1 pJ"})
    assert [row["chip"] for row in hardware.compare_prices(EXAMPLE, [mine, "odin"])] == ["mesh", "odin"]


def test_ledgers_add_up_and_what_is_unknown_stays_unknown() -> None:
    total = EXAMPLE + Ledger(synaptic_operations=5, spikes=1, seconds=0.5)
    assert total == Ledger(synaptic_operations=10_005, spikes=101, seconds=0.51)
    assert pickle.loads(pickle.dumps(EXAMPLE)) == EXAMPLE
    assert EXAMPLE.replace(hops_x=None).hops_x is None
    assert {row["operation"]: row["count"] for row in EXAMPLE.table()} == EXAMPLE.counts()
    assert Ledger(spikes=np.int64(3)) == Ledger(spikes=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"spikes": -1}, "Ledger: spikes = -1; must be an integer >= 0. Leave it out where it is unknown."),
        ({"spikes": 1.5}, "Ledger: spikes = 1.5; must be an integer >= 0."),
        ({"seconds": float("nan")}, "Ledger: seconds = nan; must be >= 0, a finite number."),
        ({"seconds": float("inf")}, "Ledger: seconds = inf; must be >= 0, a finite number."),
    ],
)
def test_counts_that_are_none_are_refused(counts: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        Ledger(**counts)
    assert message in str(error.value)


def test_what_is_no_ledger_and_no_chip_is_refused() -> None:
    with pytest.raises(InputError, match=r"price: ledger is a dict; must be a Ledger\. Give hardware\.counted\(run\)"):
        hardware.price({}, hardware.chip("loihi"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="price: chip is a str; must be a Chip"):
        hardware.price(EXAMPLE, "loihi")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'hopps' is no operation; must be one of synaptic_operations"):
        EXAMPLE.replace(hopps=3)


def test_a_run_without_a_fabric_knows_its_synaptic_operations_spikes_and_time() -> None:
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0], time_unit=1e-6)
    images = digits.test_images()[0][:2]
    run = eventsim.simulate(net, images, engine="reference")
    ledger = hardware.counted(run)
    assert ledger.synaptic_operations == run.counters["visited"] > 0
    sources = {population.name for population in net.sources}
    named = [run.populations[index] for index in run.spikes["population"]]
    assert ledger.spikes == sum(name not in sources for name in named)
    assert ledger.samples == 2
    last = max(float(t) for window in run.windows.values() for t in window or () if t != float("inf"))
    assert ledger.seconds == pytest.approx(2 * last * 1e-6)
    unknown = {name for name, count in ledger if count is None}
    assert unknown == set(OPERATIONS) - {"synaptic_operations", "spikes", "samples", "seconds"}


def test_time_is_unknown_without_a_unit_or_an_end() -> None:
    times = eventsim.SpikeTimes([[0.5]])
    for unit, until, seconds in ((1e-3, 4.0, 4e-3), (1e-3, None, None), (None, 4.0, None)):
        net = eventsim.Network(time_unit=unit)
        source = net.source(1)
        net.connect(source, net.population("lif_delta", 1, tau_mem=10.0, v_threshold=1.0), eventsim.Dense([[2.0]]))
        run = eventsim.simulate(net, times, engine="reference", until=until)
        assert hardware.counted(run) == Ledger(synaptic_operations=1, spikes=1, samples=1, seconds=seconds)


def test_a_run_that_ended_early_has_no_ledger() -> None:
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0])
    with pytest.raises(BudgetError) as error:
        eventsim.simulate(net, digits.test_images()[0][:2], engine="reference", max_events=100)
    with pytest.raises(InputError, match=r"counted: run ended early; must be complete"):
        hardware.counted(error.value.run)


def test_seconds_are_shown_in_six_digits_and_counts_whole() -> None:
    text = str(Ledger(seconds=0.028116363000000002, spikes=1_234_567))
    assert "0.0281164" in text
    assert "028116363" not in text
    assert "1,234,567" in text


def test_grades_have_an_order() -> None:
    assert weakest(GRADES) == "assumed"
    assert weakest(["measured"]) == "measured"
    assert weakest([]) == ""


def test_energies_that_could_be_infinite_are_refused() -> None:
    dear = hardware.chip("mesh").replace({"prices.spikes": {"range": ["1 J", "1e308 J"]}})
    with pytest.raises(
        InputError,
        match=r"price: mesh: 24 of spikes at 1 J to 1e308 J each; must be at most 1e\+300 J\. Give the price",
    ):
        hardware.price(hardware.Ledger(spikes=24), dear)
    assert hardware.price(hardware.Ledger(spikes=0), dear).high == 0.0
    with pytest.raises(InputError, match=r"price: mesh: 10,.* of spikes at 1 J each"):
        hardware.price(hardware.Ledger(spikes=10**400), dear.at("low"))


@pytest.mark.parametrize("among", ["loihi", 5, hardware.chip("loihi")])
def test_prices_are_compared_among_several_chips(among: object) -> None:
    with pytest.raises(InputError, match=r"compare_prices: among = .*; must be several chips\. Give a list"):
        hardware.compare_prices(hardware.Ledger(spikes=1), among)  # type: ignore[arg-type]
