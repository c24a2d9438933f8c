"""Rasters of zeros and ones are spike times, and runs become rasters again; trials of one sample."""

from fractions import Fraction
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim import InputError, SpikeTimes

rasters = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=4, max_side=6))


def trains(given: SpikeTimes, shape: Any) -> list[list[tuple[Any, int]]]:
    found: Any = given.checked("test", shape)
    return [list(zip(times.tolist(), neurons.tolist(), strict=True)) for times, neurons in found]


def sent_on(raster: Any, dt: Any, start: Any = 0.0, **options: Any) -> eventsim.Run:
    """A run whose source has the spikes of a raster."""
    net = eventsim.Network()
    source = net.source(np.shape(raster)[2:], "input")
    cells = net.population("lif_delta", np.shape(raster)[2:], "cells", tau_mem=1.0, v_threshold=1e9)
    net.connect(source, cells, eventsim.OneToOne(np.ones(source.size)))
    given = SpikeTimes.from_raster(raster, dt, start)
    return eventsim.simulate(net, given, engine="reference", **options)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32, object])
def test_a_one_is_a_spike_at_the_time_of_its_step(kind: Any) -> None:
    raster = np.array([[[1, 0], [0, 0], [1, 1]], [[0, 0], [0, 0], [0, 0]]]).astype(int).astype(kind)
    assert trains(SpikeTimes.from_raster(raster, 0.25), (2,)) == [[(0.0, 0), (0.5, 0), (0.5, 1)], []]
    assert trains(SpikeTimes.from_raster(raster, 1, start=3), (2,)) == [[(3.0, 0), (5.0, 0), (5.0, 1)], []]


def test_times_of_decimals_are_computed_once_and_those_of_fractions_are_exact() -> None:
    ones = np.ones((1, 8, 1))
    assert [t for t, _ in trains(SpikeTimes.from_raster(ones, 0.1), (1,))[0]] == [k * 0.1 for k in range(8)]
    exact = [t for t, _ in trains(SpikeTimes.from_raster(ones, Fraction(1, 10), start=Fraction(1, 3)), (1,))[0]]
    assert exact == [Fraction(1, 3) + Fraction(k, 10) for k in range(8)]


def test_the_neurons_of_a_shaped_raster_are_in_c_order() -> None:
    raster = np.zeros((1, 2, 2, 3))
    raster[0, 1, 1, 2] = raster[0, 0, 0, 1] = 1
    spikes = SpikeTimes.from_raster(raster, 1.0)
    assert trains(spikes, (2, 3)) == trains(spikes, (6,)) == [[(0.0, 1), (1.0, 5)]]
    with pytest.raises(InputError, match=r"spikes of a source of shape \(2, 3\); must be \(3, 2\)"):
        spikes.checked("test", (3, 2))
    with pytest.raises(InputError, match=r"spikes of a source of shape \(2, 3\); must be \(7,\)"):
        spikes.checked("test", (7,))


def test_a_raster_without_steps_is_silent() -> None:
    spikes = SpikeTimes.from_raster(np.zeros((2, 0, 3)), 1.0)
    assert trains(spikes, (3,)) == [[], []]


@pytest.mark.parametrize(("raster", "dt", "start", "message"), [
    ([[1, 0]], 1.0, 0.0, r"raster has shape \(1, 2\); must be \(samples, steps, \*shape of the source\).*newaxis"),
    ([[[0, 2]]], 1.0, 0.0, r"raster\[0, 0, 1\] = 2; must be 0 or 1.*raster > 0"),
    ([[[0.5]]], 1.0, 0.0, r"raster\[0, 0, 0\] = 0.5; must be 0 or 1"),
    ([[[np.nan]]], 1.0, 0.0, r"raster\[0, 0, 0\] = nan; must be 0 or 1"),
    ([[["a"]]], 1.0, 0.0, "raster has type <U1; must be real numbers"),
    ([[[1]]], 0.0, 0.0, r"dt = 0\.0; must be > 0"),
    ([[[1]]], np.inf, 0.0, "dt = inf; must be > 0, a finite number"),
    ([[[1]]], 1.0, -1.0, r"start = -1\.0; must be >= 0"),
    ([[[1], [1]]], 1e-9, 1e9, "2 steps whose times float64 does not tell apart"),
    ([[[1]] * 3], 1e308, 0.0, "3 steps whose times float64 does not tell apart, or does not hold"),
])  # fmt: skip
def test_what_is_no_raster_is_refused(raster: Any, dt: Any, start: Any, message: str) -> None:
    with pytest.raises(InputError, match=rf"SpikeTimes\.from_raster: .*{message}"):
        SpikeTimes.from_raster(raster, dt, start)


@given(rasters, st.integers(-20, 20).map(lambda k: 2.0**k) | st.floats(1e-6, 1e6), st.sampled_from([0.0, 1.0, 0.3]))
def test_a_raster_comes_back_from_the_run_that_it_was_sent_in(raster: Any, dt: float, start: float) -> None:
    run = sent_on(raster, dt, start)
    assert (run.to_raster("input", dt, start, n_steps=raster.shape[1]) == raster).all()
    exact = Fraction(dt).limit_denominator(1000) or Fraction(1, 7)
    run = sent_on(raster, exact, start)
    assert (run.to_raster("input", exact, start, n_steps=raster.shape[1]) == raster).all()


def test_a_run_is_as_many_steps_as_begin_before_its_end() -> None:
    raster = np.zeros((2, 7, 3), bool)
    raster[0, 3, 1] = raster[1, 0, 2] = True
    assert sent_on(raster, 0.1, until=0.7).to_raster("input", 0.1).shape == (2, 7, 3)
    assert sent_on(raster, 0.5, until=10.0).to_raster("input", 0.5).shape == (2, 20, 3)
    assert sent_on(raster, 0.5, until=10.1).to_raster("input", 0.5).shape == (2, 21, 3)
    found = sent_on(raster, 1.0).to_raster("input", 1.0)  # nothing ended it: 3.1 is behind its last spike, at 3
    assert (found == raster[:, :4]).all()
    assert (sent_on(raster, 1.0).to_raster("input", 1.0, samples=[1]) == raster[1:, :1]).all()
    silent = sent_on(np.zeros((1, 1, 2)), 1.0, until=0.5)
    assert silent.to_raster("cells", 1.0).tolist() == [[[False, False]]]


def test_several_spikes_of_a_step_are_counted_or_refused_and_none_is_cut_off() -> None:
    run = sent_on([[[1], [1], [0], [1]]], 1.0, until=4.0)
    assert run.to_raster("input", 2.0, counts=True).tolist() == [[[2], [1]]]
    for options, message in (
        (
            {"dt": 2.0},
            r"dt = 2\.0: 1 spikes come in a step in which their neuron has spiked before; must be one a step",
        ),
        ({"dt": 1.0, "n_steps": 3}, r"a spike at 3\.0 lies outside the 3 steps from 0 on; must lie in one"),
        ({"dt": 1.0, "start": 0.5}, r"a spike at 0\.0 lies outside the 4 steps from 0\.5 on"),
        ({"dt": 1e-12}, r"dt = 1e-12 is 4e\+12 steps until 4; must be 2,147,483,647 at most"),
        ({"dt": -1}, "dt = -1; must be > 0"),
        ({"dt": 1.0, "n_steps": 0}, "n_steps = 0; must be an integer >= 1"),
        ({"dt": 1.0, "counts": 1}, "counts = 1; must be True or False"),
        ({"dt": 1.0, "samples": [1]}, r"samples\[0\] = 1; must be in 0\.\.0"),
    ):
        with pytest.raises(InputError, match=rf"run\.to_raster: {message}"):
            run.to_raster("input", **options)
    with pytest.raises(InputError, match="unknown population 'inptu'"):
        run.to_raster("inptu", 1.0)


# -- trials ------------------------------------------------------------------------------------------------------------


def noisy(data: bool = False) -> eventsim.Network:
    net = eventsim.Network()
    noise = net.source(3, "noise", generator=eventsim.Poisson(0.7))
    cells = net.population("lif_delta", 2, "cells", tau_mem=5.0, v_threshold=1.5)
    net.connect(noise, cells, eventsim.Dense([[1.0, 0.5, 0.25], [0.25, 1.0, 1.0]]), delay=0.5)
    if data:
        source = net.source(2, "input", window=(0.0, 1.0))
        net.connect(source, cells, eventsim.Dense([[1.0, -0.5], [0.5, 1.0]]))
    return net


def same(a: eventsim.Run, b: eventsim.Run) -> bool:
    return a.spikes.tobytes() == b.spikes.tobytes() and a.counters == b.counters


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_trials_are_samples_with_draws_of_their_own(engine: str) -> None:
    net = noisy()
    run = eventsim.simulate(net, until=20.0, trials=4, engine=engine, seed=3)
    assert run.n_samples == 4
    assert run.provenance["sample_ids"] == [0, 1, 2, 3]
    assert same(run, eventsim.simulate(net, until=20.0, sample_ids=range(4), engine=engine, seed=3))
    trains = [run.spikes["time"][run.spikes["sample"] == k].tolist() for k in range(4)]
    assert len({tuple(train) for train in trains}) == 4
    third = eventsim.simulate(net, until=20.0, trials=1, sample_ids=[2], engine=engine, seed=3)
    assert third.spikes["time"].tolist() == trains[2]


@pytest.mark.parametrize("x", [[[0.25, 1.0]], SpikeTimes([[[0.5, 2.0], [1.0]]])])
def test_one_sample_of_data_is_given_to_all_trials(x: Any) -> None:
    net, ids = noisy(data=True), [5, 1, 9]
    options: Any = {"until": 20.0, "engine": "reference"}
    run = eventsim.simulate(net, x, trials=3, sample_ids=ids, **options)
    three = SpikeTimes(x.times * 3) if isinstance(x, SpikeTimes) else x * 3
    assert same(run, eventsim.simulate(net, three, sample_ids=ids, **options))


def test_clipped_values_of_trials_are_counted_as_often_as_they_are_used() -> None:
    net = noisy(data=True)
    run = eventsim.simulate(net, [[0.5, 2.0]], trials=3, until=2.0, clip=True, engine="reference")
    assert run.counters["clipped"] == 3


def test_trials_are_gone_on_with() -> None:
    net = noisy()
    options: Any = {"trials": 3, "engine": "reference", "seed": 8}
    first = eventsim.simulate(net, until=7.0, keep_state=True, **options)
    whole = eventsim.simulate(net, until=20.0, **options)
    assert eventsim.simulate(net, until=20.0, resume=first, **options).spikes.tobytes() == whole.spikes.tobytes()
    with pytest.raises(InputError, match="resume = a run with another sample_ids"):
        eventsim.simulate(net, until=20.0, resume=first, **options | {"trials": 4})


@pytest.mark.parametrize(("x", "options", "message"), [
    ([[0, 0], [1, 1]], {"trials": 2}, "trials = 2, but source 'input' has 2 samples; must be one, which all trials"),
    ([[0, 0]], {"trials": 0}, r"trials = 0; must be an integer in 1\.\.2147483647"),
    ([[0, 0]], {"trials": 2.0}, r"trials = 2\.0; must be an integer"),
    ([[0, 0]], {"trials": True}, "trials = True; must be an integer"),
    ([[0, 0]], {"trials": 3, "sample_ids": [1, 2]}, "sample_ids has 2 numbers for 3 samples; must be one a sample"),
])  # fmt: skip
def test_trials_that_cannot_be_are_refused(x: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"simulate: {message}"):
        eventsim.simulate(noisy(data=True), x, until=1.0, **options)
