"""`compare`: equal runs have no differences, a planted one is found exactly, and what cannot be compared is refused."""

import dataclasses
import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim
import eventsim.models  # registers the neuron models
from eventsim import Comparison, Dense, Network, Run, SpikeTimes, compare, simulate
from eventsim.engines.records import RunRecords
from eventsim.errors import InputError

SPIKE = np.dtype([("sample", "i4"), ("population", "u2"), ("neuron", "i4"), ("time", "f8")])
# (sample, population, neuron, time) in event order; neuron 1 of "cells" fires twice in sample 0.
SPIKES = [
    *((0, 0, 0, 0.5), (0, 1, 1, 1.0), (0, 1, 2, 1.0), (0, 1, 1, 2.5)),
    *((1, 0, 0, 0.25), (1, 0, 1, 0.25), (1, 1, 0, 1.5)),
]


def run_of(spikes: Any = SPIKES, keep: str = "spikes", n_samples: int = 2, readout: Any = None, **changes: Any) -> Run:
    """A run of "input" (2) and "cells" (3), made by hand."""
    records = np.array(spikes, dtype=SPIKE)
    first = np.full((n_samples, 5), math.inf)
    column = records["population"].astype(int) * 2 + records["neuron"]
    np.minimum.at(first, (records["sample"], column), records["time"])
    provenance = {"until": None, "sample_ids": list(range(n_samples)), "network_hash": "a"}
    made = Run(
        populations=["input", "cells"],
        shapes=[(2,), (3,)],
        n_samples=n_samples,
        counters={},
        provenance=provenance | changes.pop("provenance", {}),
        records=RunRecords(
            records if keep == "spikes" else None, first=first if keep != "readout" else None, readout=readout
        ),
    )
    return dataclasses.replace(made, **changes)


def with_spike(place: int, **changes: Any) -> list[tuple[Any, ...]]:
    """The spikes, one of them changed."""
    names = ("sample", "population", "neuron", "time")
    changed = dict(zip(names, SPIKES[place], strict=True)) | changes
    return [*SPIKES[:place], tuple(changed.values()), *SPIKES[place + 1 :]]


def records_of(comparison: Comparison) -> list[tuple[Any, ...]]:
    return [record.tolist()[:-1] for record in comparison.differences]  # of populations of one axis, without places


# -- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", ["spikes", "first_spikes"])
def test_a_run_does_not_differ_from_itself(keep: str) -> None:
    found = compare(run_of(keep=keep), run_of(keep=keep))
    assert found.same
    assert not len(found.differences)
    assert found.first == [None, None]
    assert (found.only_a, found.only_b) == (0, 0)
    words = "7 spikes" if keep == "spikes" else "6 first spikes"
    assert str(found.table()).splitlines()[-1] == f"SAME: 2 samples, {words} equal to the last bit"


def test_one_bit_is_a_difference() -> None:
    later = math.nextafter(2.5, math.inf)
    found = compare(run_of(), run_of(with_spike(3, time=later)))
    assert not found.same
    assert records_of(found) == [("cells", 1, 0, 1, 2.5, later)]
    assert found.first[0]["number"] == 1
    assert found.first[1] is None
    none = {"different": 0, "only_a": 0, "only_b": 0, "earlier": 0, "later": 0, "largest": 0.0, "median": 0.0}
    assert found.by_population == {
        "input": {"compared": 4} | none,
        "cells": none | {"compared": 6, "different": 1, "later": 1, "largest": later - 2.5},
    }


def test_a_missing_spike_is_inf_and_counted_for_the_run_that_has_it() -> None:
    found = compare(run_of(), run_of(SPIKES[:-1]))
    assert records_of(found) == [("cells", 0, 1, 0, 1.5, math.inf)]
    assert (found.only_a, found.only_b) == (1, 0)
    back = compare(run_of(SPIKES[:-1]), run_of())
    assert records_of(back) == [("cells", 0, 1, 0, math.inf, 1.5)]
    assert (back.only_a, back.only_b) == (0, 1)


def test_a_spike_too_many_is_one_difference_of_its_train() -> None:
    # Of neuron 1: 1.0, 2.5 against 1.0, 2.0, 2.5. Number 1 differs by 0.5, number 2 is in b alone.
    found = compare(run_of(), run_of([*SPIKES[:3], (0, 1, 1, 2.0), *SPIKES[3:]]))
    assert records_of(found) == [("cells", 1, 0, 1, 2.5, 2.0)]
    assert found.by_population["cells"] == {
        "compared": 6, "different": 1, "only_a": 0, "only_b": 1, "earlier": 1, "later": 0, "largest": 0.5,
        "median": 0.0,
    }  # fmt: skip


def test_differences_are_by_sample_and_time_and_simultaneous_ones_in_event_order() -> None:
    # In sample 0 neuron 2 fires before neuron 1 at t = 1 (a later micro-step), then both are delayed in b.
    spikes_a = [(0, 1, 2, 1.0), (0, 1, 1, 1.0), (1, 0, 0, 0.25)]
    spikes_b = [(0, 1, 1, 3.0), (0, 1, 2, 4.0), (1, 0, 1, 0.125), (1, 0, 0, 0.25)]
    found = compare(run_of(spikes_a), run_of(spikes_b))
    assert [(d["sample"], d["neuron"]) for d in found.differences] == [(0, 2), (0, 1), (1, 1)]
    assert found.first[0]["neuron"] == 2
    first_only = compare(run_of(spikes_a, keep="first_spikes"), run_of(spikes_b, keep="first_spikes"))
    assert [(d["sample"], d["neuron"]) for d in first_only.differences] == [(0, 1), (0, 2), (1, 1)]


def test_first_spikes_are_compared_where_one_run_has_no_others() -> None:
    later = run_of(with_spike(3, time=9.0))
    found = compare(run_of(keep="first_spikes"), later)
    assert found.same
    assert not found.all_spikes
    assert "note: first spikes are compared; later ones were not recorded" in found.table()


def test_samples_are_matched_by_their_ids() -> None:
    swapped = [(1 - s, *rest) for s, *rest in SPIKES]
    other = run_of(sorted(swapped, key=lambda record: record[0]), provenance={"sample_ids": [1, 0]})
    found = compare(run_of(), other)
    assert found.same
    assert any("another order in b" in note for note in found.notes)
    changed = run_of(sorted([(1 - s, *r) for s, *r in with_spike(6, time=2.0)]), provenance={"sample_ids": [1, 0]})
    assert records_of(compare(run_of(), changed)) == [("cells", 0, 1, 0, 1.5, 2.0)]
    assert records_of(compare(changed, run_of())) == [("cells", 0, 0, 0, 2.0, 1.5)]


def test_what_the_runs_were_made_with_is_told_apart() -> None:
    other = run_of(provenance={"network_hash": "b", "seed": 3})
    assert compare(run_of(), other).notes == ("the runs have different networks, seeds",)


def test_readouts_are_compared_where_both_have_them() -> None:
    a = run_of(readout=np.array([[1.0, 2.0], [0.5, 0.25]]))
    b = run_of(readout=np.array([[1.0, 0.75], [0.5, 0.375]]))
    found = compare(a, b)
    assert found.same
    assert found.differing_predictions is not None
    assert found.differing_predictions.tolist() == [0]
    assert found.readout_difference == 1.25
    assert "predictions differ in 1 of 2 samples, outputs differ by at most 1.2" in found.table()
    one_sided = compare(a, run_of())
    assert (one_sided.differing_predictions, one_sided.readout_difference) == (None, None)
    unread = compare(a, run_of(readout=np.array([[1.0, math.nan], [0.5, 0.25]])))
    assert unread.differing_predictions is None
    assert unread.readout_difference == math.inf


def test_the_table_names_the_first_difference() -> None:
    found = compare(run_of(), run_of(with_spike(3, time=2.75)))
    assert str(found.table()).splitlines() == [
        "population  compared  different  only in a  only in b  max |Δt|",
        "---------------------------------------------------------------",
        "input              4          ·          ·          ·         0",
        "cells              6          1          ·          ·      0.25",
        "DIFFERENT: 1 of 2 samples, 1 spike train; first: neuron 1 of 'cells', sample 0, spike 1: 2.5 in a, 2.75 in b",
    ]
    assert repr(found).startswith("Comparison: DIFFERENT: 1 of 2 samples")


def test_json_has_null_for_a_spike_that_is_not_there() -> None:
    said = json.loads(compare(run_of(), run_of(SPIKES[:-1])).to_json())
    assert said["same"] is False
    who = {"population": "cells", "neuron": 0, "place": "", "sample": 1, "number": 0}
    assert said["differences"] == [who | {"time_a": 1.5, "time_b": None}]
    assert said["populations"][1]["only_a"] == 1
    assert json.loads(compare(run_of(), run_of(SPIKES[:-1])).to_json(limit=0))["n_differences"] == 1


# -- networks ---------------------------------------------------------------------------------------------------------


def one_cell(number: Any, weight: Any) -> Run:
    """One neuron that fires at 1 / weight, of floats or Fractions, and a source that spikes twice."""
    net = Network()
    source = net.source(2, "input")
    cell = net.population("linear_psp", 1, "cell", threshold=[number(1)])
    net.connect(source, cell, Dense([[weight, number(0)]]))
    times = [[[number(0)], [number(1), number(Fraction(10, 3))]]]
    return simulate(net, SpikeTimes(times), engine="reference")


def test_fractions_are_compared_exactly_also_with_floats() -> None:
    exact, rounded = one_cell(Fraction, Fraction(3)), one_cell(float, 3.0)
    assert compare(exact, one_cell(Fraction, Fraction(3))).same
    found = compare(exact, rounded)
    assert [tuple(d)[:4] for d in found.differences] == [("cell", 0, 0, 0), ("input", 1, 0, 1)]
    assert found.differences["time_a"].tolist() == [Fraction(1, 3), Fraction(10, 3)]  # later spikes are exact too
    assert found.by_population["cell"]["largest"] == Fraction(1, 3) - Fraction(1 / 3)
    assert "one run is of Fractions, the other of floats" in found.notes
    json.loads(found.to_json())


def chain(weight: float = 1.0) -> Network:
    net = Network()
    net.source(2, "input")
    net.population("lif_delta", 2, "cells", tau_mem=5.0)
    net.connect("input", "cells", Dense([[weight, 0.0], [0.5, 0.75]]))
    return net


def test_a_changed_weight_shows_in_the_neuron_that_it_reaches() -> None:
    x = SpikeTimes([[[0.5, 2.0], [1.0]]])
    found = compare(*(simulate(chain(w), x, engine="reference") for w in (1.0, 0.875)))
    assert [(str(d["population"]), d["neuron"], d["number"]) for d in found.differences] == [("cells", 0, 0)]
    assert found.differences["time_a"][0] == 0.5
    assert found.notes == ("the runs have different networks",)


@settings(max_examples=25)
@given(strategies.mixed(), st.integers(0, 2**32))
def test_compare_is_symmetric_and_a_planted_difference_is_found(case: strategies.Case, draw: int) -> None:
    run = simulate(case.net, case.x, until=case.until, engine="reference")
    assert compare(run, run).same
    if not len(run.spikes):
        return
    spikes = run.spikes.copy()
    k = draw % len(spikes)
    spikes["time"][k] = math.nextafter(spikes["time"][k], math.inf)
    other = dataclasses.replace(run, records=dataclasses.replace(run.records, spikes=spikes))
    there, back = compare(run, other), compare(other, run)
    (planted,) = there.differences
    assert (planted["time_a"], planted["time_b"]) == (run.spikes["time"][k], spikes["time"][k])
    assert run.populations[spikes["population"][k]] == planted["population"]
    assert (planted["neuron"], planted["sample"]) == (spikes["neuron"][k], spikes["sample"][k])
    assert back.differences["time_a"].tolist() == there.differences["time_b"].tolist()
    assert back.differences["time_b"].tolist() == there.differences["time_a"].tolist()
    assert {name: counts["different"] for name, counts in back.by_population.items()} == {
        name: counts["different"] for name, counts in there.by_population.items()
    }


# Few spikes: sample, population, neuron and time of each.
FEW = st.lists(st.tuples(*[st.integers(0, 1)] * 3, st.integers(0, 6)), max_size=12, unique=True)


@settings(max_examples=50)
@given(FEW, FEW)
def test_the_differences_are_those_of_a_walk_through_both_runs(a: list[Any], b: list[Any]) -> None:
    runs = [sorted(spikes, key=lambda r: (r[0], r[3], r[1], r[2])) for spikes in (a, b)]
    found = compare(*(run_of(spikes) for spikes in runs))
    expected = set()
    for sample, population, neuron in {record[:3] for record in a + b}:
        trains = [[r[3] for r in spikes if r[:3] == (sample, population, neuron)] for spikes in runs]
        length = max(map(len, trains))
        padded = [train + [math.inf] * (length - len(train)) for train in trains]
        for number, (time_a, time_b) in enumerate(zip(*padded, strict=True)):
            if time_a != time_b:
                expected.add((["input", "cells"][population], neuron, sample, number, time_a, time_b))
                break
    assert set(records_of(found)) == expected
    times = [(d["sample"], min(d["time_a"], d["time_b"])) for d in found.differences]
    assert times == sorted(times)


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("run", r"compare: run_b is a str; must be a Run\. Give what eventsim.simulate or load_run returned"),
        (
            run_of(shapes=[(2,), (4,)], records=RunRecords(first=np.zeros((2, 6)))),
            r"run_a has input 2, cells 3; run_b has input 2, cells 4; must have the same populations of the same sizes",
        ),
        (run_of(populations=["input", "other"]), r"run_b has input 2, other 3"),
        (run_of(n_samples=3), r"run_a has 2 samples, run_b has 3; must have as many"),
        (run_of(provenance={"sample_ids": [0, 2]}), r"sample ids differ \(in order, 1 in run_a, 2 in run_b\)"),
        (run_of(keep="readout"), r"run_b recorded no spikes .* Simulate with record=\"spikes\""),
        (run_of(complete=False), r"run_b ended early .*; must be complete\. Simulate it to its end"),
        (run_of(provenance={"until": 2.0}), r"run_a was simulated with until = None, run_b with until = 2.0; must be"),
    ],
)
def test_what_cannot_be_compared_is_refused(other: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(run_of(), other)


def test_compare_is_public() -> None:
    assert eventsim.compare is compare
    assert isinstance(compare(run_of(), run_of()), eventsim.Comparison)
    with pytest.raises(dataclasses.FrozenInstanceError):
        compare(run_of(), run_of()).n_samples = 3  # type: ignore[misc]
