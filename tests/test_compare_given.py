"""`compare` of a run and given spikes: what is missed, false, early or late, by number or by nearness."""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compare import run_of

from eventsim import SpikeTimes, compare
from eventsim.errors import InputError

TRAINS = {"input": [[[0.5], []], [[0.25], [0.25]]], "cells": [[[], [1.0, 2.5], [1.0]], [[1.5], [], []]]}


def given_spikes(**changes: Any) -> dict[str, SpikeTimes]:
    return {name: SpikeTimes(times) for name, times in (TRAINS | changes).items()}


def test_spikes_that_are_those_of_the_run_do_not_differ() -> None:
    found = compare(run_of(), given_spikes())
    assert found.same
    assert found.n_spikes == (7, 7)
    assert found.neurons["both"].tolist() == [2, 1, 1, 2, 1]


def test_only_the_named_populations_are_compared() -> None:
    found = compare(run_of(), {"cells": SpikeTimes(TRAINS["cells"])})
    assert found.same
    assert list(found.by_population) == ["cells"]
    assert found.n_spikes == (4, 4)
    assert found.neurons["population"].tolist() == ["cells"] * 3


def test_missed_false_early_and_late_spikes_are_told_apart_neuron_by_neuron() -> None:
    changed = [[[0.5], [1.25, 2.25], [1.0]], [[], [], []]]
    found = compare(run_of(), given_spikes(cells=changed))
    counts = found.by_population["cells"]
    assert counts == {
        "compared": 6, "different": 3, "only_a": 1, "only_b": 1, "earlier": 1, "later": 1, "largest": 0.25,
        "median": 0.25,
    }  # fmt: skip
    cells = found.neurons[found.neurons["population"] == "cells"]
    assert cells[["both", "only_a", "only_b", "earlier", "later", "largest"]].tolist() == [
        (0, 1, 1, 0, 0, 0.0), (2, 0, 0, 1, 1, 0.25), (1, 0, 0, 0, 0, 0.0),
    ]  # fmt: skip


def test_a_missing_spike_shifts_those_behind_it_unless_they_are_held_against_the_nearest() -> None:
    missing = given_spikes(cells=[[[], [2.5], [1.0]], [[1.5], [], []]])
    by_number = compare(run_of(), missing).by_population["cells"]
    assert (by_number["only_a"], by_number["later"], by_number["largest"]) == (1, 1, 1.5)
    near = compare(run_of(), missing, within=0.5)
    assert near.by_population["cells"] | {"compared": 0} == {
        "compared": 0, "different": 1, "only_a": 1, "only_b": 0, "earlier": 0, "later": 0, "largest": 0.0,
        "median": 0.0,
    }  # fmt: skip
    assert [d.tolist()[:6] for d in near.differences] == [("cells", 1, 0, 0, 1.0, math.inf)]


def test_one_time_a_neuron_is_held_against_first_spikes() -> None:
    times = np.array([[math.inf, 1.0, 1.0], [1.5, math.inf, math.inf]])
    found = compare(run_of(keep="first_spikes"), {"cells": SpikeTimes(times)})
    assert found.same
    assert "note: first spikes are compared; later ones were not recorded" in found.table()
    assert compare(run_of(keep="first_spikes"), given_spikes()).same  # of trains, the first are taken


def test_fractions_are_held_exactly_against_floats() -> None:
    third = [[[], [Fraction(1), Fraction(5, 2)], [Fraction(1)]], [[Fraction(3, 2)], [], []]]
    assert compare(run_of(), given_spikes(cells=third)).same


TIMES = st.lists(st.integers(0, 12), max_size=5, unique=True).map(sorted)


@settings(max_examples=100)
@given(TIMES, TIMES, st.integers(0, 4))
def test_as_many_spikes_as_possible_are_joined_and_in_order(a: list[int], b: list[int], within: int) -> None:
    run = run_of([(0, 1, 0, float(t)) for t in a], n_samples=1, provenance={"sample_ids": [0]})
    found = compare(run, {"cells": SpikeTimes([[[float(t) for t in b], [], []]])}, within=float(within))
    most = max(
        n
        for n in range(min(len(a), len(b)) + 1)
        for left, right in itertools.product(itertools.combinations(a, n), itertools.combinations(b, n))
        if all(abs(x - y) <= within for x, y in zip(left, right, strict=True))
    )
    assert found.neurons["both"].sum() == most
    assert (found.only_a, found.only_b) == (len(a) - most, len(b) - most)
    assert found.by_population["cells"]["largest"] <= within


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({}, r"compare: run_b is empty; must name a source or population\. Give one of: input, cells"),
        ({"cell": SpikeTimes([])}, r"compare: run_b names 'cell'; must be a source or population of run_a"),
        ({"cells": np.ones((2, 3))}, r"run_b\['cells'\] is a ndarray; must be SpikeTimes\. Give eventsim.SpikeTimes"),
        ({"cells": SpikeTimes(np.ones((1, 3)))}, r"run_b\['cells'\] has 1 samples, run_a has 2; must have as many"),
        ({"cells": SpikeTimes(np.ones((2, 4)))}, r"compare: run_b\['cells'\]: SpikeTimes has shape \(2, 4\)"),
        ({"cells": SpikeTimes(np.full((2, 3), math.nan))}, r"compare: run_b\['cells'\]: "),
    ],
)
def test_spikes_that_cannot_be_compared_are_refused(other: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(run_of(), other)


@pytest.mark.parametrize("within", [-1.0, math.inf, math.nan])
def test_a_distance_that_is_none_is_refused(within: float) -> None:
    with pytest.raises(InputError, match=r"compare: within = .*; must be None or a finite time of at least 0"):
        compare(run_of(), run_of(), within=within)
