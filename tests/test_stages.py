"""Two proofs that the spine bears weight: emission faults (jitter, clock) and a transport (address-event bus)."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim import fabric, faults
from eventsim.faults.emission.clock import Clock, to_tick

NO_WINDOW = (math.inf, math.inf)
NO_DRAW = (NO_WINDOW, np.uint64(0), np.uint64(0), 0, 0)


def layer(n=64, seed=3):
    rng = np.random.default_rng(seed)
    net = eventsim.Network()
    source = net.source(8, name="input")
    hidden = net.population("ttfs_b1", n, name="hidden", window=(0.0, 1.0, 4.0), threshold=2.0)
    out = net.population("integrator", 3, name="output", window=(1.0, 4.0))
    net.connect(source, hidden, eventsim.Dense(rng.normal(0, 0.3, (n, 8))))
    net.connect(hidden, out, eventsim.Dense(rng.normal(0, 1, (3, n))))
    return net, rng.uniform(0, 1, (20, 8))


def same(a, b):
    assert (a.spikes == b.spikes).all()
    assert (a.readout == b.readout).all()


@pytest.mark.parametrize("stages", [
    {"faults": (faults.Jitter(0.0), faults.Clock(0.0))}, {"transport": fabric.AerBus(0.0)},
    {"faults": (faults.Jitter(0.0), faults.Clock(0.0)), "transport": fabric.AerBus(0.0)},
])  # fmt: skip
def test_zero_strength_is_the_ideal_run_bit_for_bit(stages):
    net, x = layer()
    for engine in ("compiled", "reference"):
        perturbed = eventsim.simulate(net, x, engine=engine, **stages)
        same(perturbed, eventsim.simulate(net, x))
        if "transport" in stages:
            assert perturbed.counters["transport"]["spikes"] == len(perturbed.spikes)


@pytest.mark.parametrize("stages", [
    {"faults": (faults.Jitter(0.05),)}, {"faults": (faults.Clock(0.1),)},
    {"faults": (faults.Jitter(0.05), faults.Clock(0.03, phase=0.01)), "transport": fabric.AerBus(0.002)},
])  # fmt: skip
def test_both_engines_perturb_alike_whatever_threads_and_batches(stages):
    net, x = layer()
    run = eventsim.simulate(net, x, threads=1, **stages)
    same(run, eventsim.simulate(net, x, engine="reference", **stages))
    same(run, eventsim.simulate(net, x, threads=4, **stages))
    alone = eventsim.simulate(net, x[7:8], sample_ids=[7], **stages)
    assert (alone.spike_times("hidden")[0] == run.spike_times("hidden")[7]).all()


def test_jitter_shifts_by_its_draws_and_never_before_a_spike_is_certain():
    net, x = layer()
    sigma = 0.05
    ideal, run = eventsim.simulate(net, x), eventsim.simulate(net, x, faults=(faults.Jitter(sigma),))
    before, after = ideal.spike_times("hidden"), run.spike_times("hidden")
    assert (np.isfinite(before) == np.isfinite(after)).all()  # silent neurons stay silent
    fired = np.isfinite(before)
    assert (after[fired] >= 1.0).all()
    far = fired & (before > 1.0 + 6 * sigma)
    shifts = (after[far] - before[far]) / sigma
    assert far.sum() > 500
    assert abs(shifts.mean()) < 4 / math.sqrt(far.sum())
    assert abs(shifts.var() - 1) < 4 * math.sqrt(2 / far.sum())
    near = eventsim.simulate(net, x, faults=(faults.Jitter(5.0),))
    assert near.counters["clipped"] > 0
    assert near.counters["clipped"] == np.isclose(near.spike_times("hidden"), 1.0).sum()


@given(st.floats(0, 1e6), st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_the_clock_emits_at_the_smallest_tick_not_before_the_crossing(t, period, phase):
    tick = to_tick(Clock(period, phase).numbers(), *NO_DRAW, t)
    assert tick >= t
    k = round((tick - phase) / period)
    assert tick == k * period + phase
    assert (k - 1) * period + phase < t


def test_symmetric_faults_are_refused_where_a_spike_is_not_certain():
    net = eventsim.Network()
    source = net.source(1, name="input")
    net.connect(source, net.population("lif_delta", 1, name="cells", tau_mem=5.0), eventsim.Dense([[2.0]]))
    x = eventsim.SpikeTimes([[1.03]])
    with pytest.raises(eventsim.FaultError, match="symmetric fault needs a neuron with a window"):
        eventsim.simulate(net, x, faults=(faults.Jitter(0.1),))
    driven = eventsim.Network()
    noise = driven.source(1, name="noise", generator=eventsim.Poisson(2.0))
    driven.connect(noise, driven.population("lif_delta", 1, name="cells", tau_mem=5.0), eventsim.Dense([[2.0]]))
    with pytest.raises(eventsim.FaultError, match="'noise' emits no spikes of its own"):
        eventsim.simulate(driven, until=1.0, faults=(faults.Clock(0.1, populations=("noise",)),))
    run = eventsim.simulate(net, x, faults=(faults.Clock(0.25),))
    assert run.spike_times("cells")[0, 0] == 1.25


def bus(times, service):
    net = eventsim.Network()
    source = net.source(1, name="input")
    net.connect(source, net.population("linear_psp", 1, name="cell", threshold=1e9), eventsim.Dense([[0.0]]))
    return eventsim.simulate(net, eventsim.SpikeTimes([[times]]), transport=fabric.AerBus(service)).counters


def test_a_regular_stream_waits_as_d_d_1_says():
    spacing = 0.25
    regular = [spacing * k for k in range(200)]
    assert bus(regular, spacing)["transport"] == {
        "spikes": 200, "packets": 200, "delivered": 200, "lost": 0, "under_way": 0, "late": 0, "mean_waiting": 0.0,
        "max_waiting": 0.0, "blocked": 0.0,
    }  # fmt: skip
    overload = bus(regular, 2 * spacing)["transport"]  # the k-th waits k (service - spacing)
    assert overload["max_waiting"] == 199 * spacing
    assert overload["mean_waiting"] == spacing * 199 / 2


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_a_poisson_stream_waits_as_m_d_1_says(load):
    """Pollaczek-Khinchine: mean waiting = load * service / (2 (1 - load)); batch means at 4 standard errors."""
    net = eventsim.Network()
    source = net.source(1, name="input", generator=eventsim.Poisson(1.0))
    net.connect(source, net.population("linear_psp", 1, name="cell", threshold=1e9), eventsim.Dense([[0.0]]))
    run = eventsim.simulate(
        net, until=20_000.0, sample_ids=list(range(24)), record="readout", transport=fabric.AerBus(load)
    )
    waits = np.array([
        eventsim.simulate(
            net, until=20_000.0, sample_ids=[k], record="readout", transport=fabric.AerBus(load)
        ).counters["transport"]["mean_waiting"] for k in range(24)
    ])  # fmt: skip
    expected = load * load / (2 * (1 - load))
    assert abs(waits.mean() - expected) < 4 * waits.std(ddof=1) / math.sqrt(len(waits))
    assert run.counters["transport"]["mean_waiting"] == pytest.approx(waits.mean(), rel=0.02)


@pytest.mark.parametrize("slope", [-1.0, 0.0])
def test_a_spike_that_crosses_exactly_at_t_min_is_not_lost_where_the_slope_turns(slope):
    net = eventsim.Network()
    net.source(1, "input")
    net.population("ttfs_alpha1", 1, "cell", window=(0.0, 1.0, 2.0), threshold=1.0, slope=slope)
    x = eventsim.SpikeTimes([[[]]])
    for engine in ("compiled", "reference"):
        for stages, expected in (
            ((), 1.0), ((faults.Jitter(0.0),), 1.0), ((faults.Jitter(0.0), faults.Clock(0.75)), 1.5)
        ):  # fmt: skip
            run = eventsim.simulate(net, x, engine=engine, faults=stages)
            assert run.spike_times("cell")[0, 0] == expected
    bounds = [eventsim.simulate(net, x, engine=e, error_bounds=True) for e in ("compiled", "reference")]
    assert bounds[0].spike_errors("cell") == bounds[1].spike_errors("cell") > 0.0


@pytest.mark.parametrize("period", [5e-324, 1e-300, 1e-20])
def test_a_clock_too_fast_for_float64_leaves_times_as_they_are(period):
    assert to_tick(Clock(period).numbers(), *NO_DRAW, 0.7) == 0.7
    net, x = layer()
    same(eventsim.simulate(net, x, faults=[faults.Clock(period)]), eventsim.simulate(net, x))
