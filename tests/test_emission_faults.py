"""Emission faults against closed forms, exact rationals and what the papers' formulas say; both engines alike."""

import itertools
import json
import math
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from adapters import both_engines
from hypothesis import given
from hypothesis import strategies as st

import eventsim
from eventsim import Dense, Network, SpikeTimes, faults, models, simulate
from eventsim.errors import FaultError, InputError
from eventsim.faults.contract import StageFault
from eventsim.faults.emission.clock import to_tick
from eventsim.faults.text import fault_from, kinds
from eventsim.randomness import normal, stream_key, uniforms

Array = np.ndarray[Any, Any]
KEY = np.uint64(stream_key(5, "draws"))
WINDOW = (1.0, 5.0)  # t_min and t_max of the layer below


def layer(n: int = 64, seed: int = 3, slope: float = 0.3) -> tuple[Network, Array]:
    """Eight inputs, a B1 layer with a window from 1 to 5, three read-outs; some neurons are silent."""
    rng = np.random.default_rng(seed)
    net = Network()
    source = net.source(8, name="input")
    hidden = net.population("ttfs_b1", n, name="hidden", window=(0.0, *WINDOW), threshold=rng.uniform(2.0, 4.5, n))
    out = net.population("integrator", 3, name="output", window=(1.0, 5.0))
    net.connect(source, hidden, Dense(rng.normal(0, slope, (n, 8))))
    net.connect(hidden, out, Dense(rng.normal(0, 1, (3, n))))
    return net, rng.uniform(0, 1, (20, 8))


def times(net: Network, x: Any, fault: Any, **options: Any) -> Array:
    """First spikes of the layer, (n_samples, n)."""
    found: Array = simulate(net, x, faults=fault, engine="reference", **options).spike_times("hidden")
    return found


ALL = [
    faults.Jitter(0.05), faults.Jitter(0.3, "uniform", past="drop"), faults.Jitter(0.4, past="clip", paper_compat=True),
    faults.Jitter(0.4, paper_compat=True, populations="all"), faults.Clock(0.13, comparator="strict"),
    faults.Clock(0.25, rounding="half_even", origin="t_max", populations="all"),
    faults.Clock(0.3, 0.1, rounding="floor", origin="t_min", past="drop"), faults.TimeBits(4),
    faults.TimeBits(3, populations="all"), faults.SpikeLoss(0.3), faults.Dead(0.2), faults.AlwaysOn(0.2),
    faults.Synchronised(), faults.Spurious(0.3), faults.ReadNoise(0.2, 0.01), faults.SynapticFailure(0.2),
]  # fmt: skip
NONE = [
    faults.Jitter(0.0, paper_compat=True), faults.Clock(0.0), faults.SpikeLoss(0.0), faults.Dead(0.0),
    faults.AlwaysOn(0.0), faults.Spurious(), faults.ReadNoise(), faults.SynapticFailure(0.0), faults.Synchronised(),
]  # fmt: skip


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_engines_agree_on_every_fault_whatever_threads_and_batches(fault: Any) -> None:
    net, x = layer()
    run = both_engines(net, x, faults=fault, seed=4).run
    for threads in (1, 2):
        again = simulate(net, x, faults=fault, seed=4, threads=threads)
        assert (again.spikes == run.spikes).all()
        assert (again.readout == run.readout).all()
    alone = simulate(net, x[7:9], sample_ids=[7, 8], faults=fault, seed=4, engine="reference")
    for name in run.populations:
        if name != "output":
            assert (alone.spike_times(name) == run.spike_times(name)[7:9]).all()
    assert (alone.readout == run.readout[7:9]).all()


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_a_fault_has_a_text_form_and_is_in_the_provenance(fault: Any) -> None:
    assert fault_from(json.loads(json.dumps(fault.describe()))) == fault
    net, x = layer(8)
    described = simulate(net, x[:1], faults=fault.describe(), engine="reference").provenance["faults"]
    assert described[0] | fault.describe() == described[0]


@pytest.mark.parametrize("fault", NONE, ids=str)
def test_zero_strength_is_the_ideal_run_bit_for_bit(fault: Any) -> None:
    net, x = layer()
    ideal, run = simulate(net, x, engine="reference"), simulate(net, x, faults=fault, engine="reference")
    assert (ideal.spikes == run.spikes).all()
    assert (ideal.readout == run.readout).all()
    assert run.counters["clipped"] == run.counters["lost"] == run.counters["delayed"] == 0


def test_all_shipped_faults_are_tried_here() -> None:
    shipped = {kind.name for kind in kinds().values() if kind.__module__.startswith("eventsim.faults.emission")}
    shipped |= {kind.name for kind in kinds().values() if kind.__module__.startswith("eventsim.faults.arrival")}
    assert shipped == {fault.name for fault in ALL}
    assert {fault.name for fault in NONE} == shipped - {"time_bits"}  # which has no strength of none


def test_draws_do_not_depend_on_what_else_is_in_the_list() -> None:
    net, x = layer()
    alone = times(net, x, faults.Jitter(0.1), seed=3)
    assert (times(net, x, [faults.Clock(0.0), faults.SpikeLoss(0.0), faults.Jitter(0.1)], seed=3) == alone).all()
    assert (times(net, x, [faults.Jitter(0.0), faults.Jitter(0.1)], seed=3) != alone).any()  # the second of its name


# -- time grids --------------------------------------------------------------------------------------------------------


def exact_tick(fault: faults.Clock, t: Fraction) -> Fraction:
    """The tick of a clock in exact arithmetic."""
    origin = {"zero": Fraction(0), "t_min": Fraction(WINDOW[0]), "t_max": Fraction(WINDOW[1])}[fault.origin]
    period, first = Fraction(fault.period), origin + Fraction(fault.phase)
    k: Any = (t - first) / period
    if fault.rounding == "ceil":
        k = math.floor(k) + 1 if fault.comparator == "strict" else math.ceil(k)
    elif fault.rounding == "floor":
        k = math.floor(k)
    else:
        k = round(k) if fault.rounding == "half_even" else math.floor(k + Fraction(1, 2))
    return first + k * period


@given(
    st.integers(0, 4096), st.integers(1, 64), st.integers(-16, 16), st.sampled_from(["zero", "t_min", "t_max"]),
    st.sampled_from([("ceil", "inclusive"), ("ceil", "strict"), ("floor", "inclusive"), ("half_up", "inclusive"),
                     ("half_even", "inclusive")]),
)  # fmt: skip
def test_a_clock_rounds_as_exact_arithmetic_does(t: int, period: int, phase: int, origin: str, how: Any) -> None:
    fault = faults.Clock(period / 256, phase / 256, how[0], how[1], origin)
    found = to_tick(fault.numbers(), WINDOW, KEY, 0, 0, 0, t / 256)
    assert Fraction(found) == exact_tick(fault, Fraction(t, 256))


def test_a_spike_never_leaves_before_it_is_certain() -> None:
    net, x = layer(slope=1.0)
    ideal = times(net, x, ())
    run = simulate(net, x, faults=faults.Clock(1.0, rounding="floor", origin="t_min", phase=0.5), engine="reference")
    early = ideal < 1.5  # its tick is before t_min, or before a premature crossing
    assert (early & (ideal > 1.0)).any()
    assert (run.spike_times("hidden")[early] == np.where(ideal < 1.0, ideal, 1.0)[early]).all()
    assert run.counters["clipped"] == early.sum()


def test_what_is_past_the_window_is_carried_clipped_or_dropped() -> None:
    net, x = layer()
    ideal = times(net, x, ())
    late = (ideal > 4.0) & (ideal < math.inf)
    assert late.any()
    for past, wanted in (("carry", 6.0), ("clip", math.nextafter(5.0, 0.0)), ("drop", math.inf)):
        run = simulate(net, x, faults=faults.Clock(2.0, past=past), engine="reference")
        assert (run.spike_times("hidden")[late] == wanted).all()
        assert (run.spike_times("hidden")[~late & (ideal < math.inf)] < 5.0).all()
        assert run.counters["lost"] == (late.sum() if past == "drop" else 0)
        assert (run.counters["late"] > 0) == (past == "carry")


def fake_quantized(t: Array, t_min: float, t_max: float, bits: int) -> Array:
    """TensorFlow's fake_quant_with_min_max as the published code calls it: the range, nudged to begin at 0, in levels.

    Values are clipped to the range and rounded to the nearest level, a half upwards.
    """
    scale = (t_max - t_min) / (2**bits - 1)
    return np.asarray(t_min + np.floor(np.clip(t - t_min, 0, t_max - t_min) / scale + 0.5) * scale)


@pytest.mark.parametrize("bits", [1, 2, 5, 9])
def test_time_bits_are_the_published_fake_quantization(bits: int) -> None:
    net, x = layer()
    ideal, found = times(net, x, ()), times(net, x, faults.TimeBits(bits))
    fired = ideal < math.inf
    expected = fake_quantized(ideal, *WINDOW, bits)
    expected[expected >= 5.0 - 1e-9] = math.inf  # t_max stands for 0: no event
    np.testing.assert_allclose(found[fired], expected[fired], rtol=0, atol=1e-14)
    assert (found[~fired] == math.inf).all()
    assert len(np.unique(found[found < math.inf])) <= 2**bits - 1
    kept = found < math.inf
    assert np.abs(found[kept] - ideal[kept]).max() <= 4.0 / (2 * (2**bits - 1)) * (1 + 1e-12)


def test_many_bits_converge_to_the_ideal_run() -> None:
    net, x = layer()
    ideal = simulate(net, x, engine="reference")
    off = []
    for bits in (6, 12, 24, 48):
        run = simulate(net, x, faults=faults.TimeBits(bits, populations="all"), engine="reference")
        off.append(np.abs(run.readout - ideal.readout).max())
    assert off[0] > 1e-3
    assert all(later < 2**-5 * before for before, later in itertools.pairwise(off))
    assert off[-1] < 1e-11


def test_faults_act_on_sources_that_are_named_and_on_all() -> None:
    net, x = layer()
    ideal = simulate(net, x, engine="reference")
    for names in ("all", ["input"]):
        run = simulate(net, x, faults=faults.Clock(0.125, populations=names), engine="reference")
        expected = np.ceil(ideal.spike_times("input") * 8) / 8
        assert (run.spike_times("input") == expected).all()
        fired = run.spike_times("hidden")
        assert (fired[fired < math.inf] * 8 % 1 != 0).any() == (names != "all")
    trains = SpikeTimes([[[0.1, 0.3, 0.7], *[[]] * 6, [0.2]]])
    run = simulate(net, trains, faults=faults.Clock(0.25, populations="input"), engine="reference")
    assert run.spikes[run.spikes["population"] == 0]["time"].tolist() == [0.25, 0.25, 0.5, 0.75]
    with pytest.raises(InputError, match=r"two spikes of neuron 0 leave at t = 0\.5"):
        simulate(net, trains, faults=faults.Clock(0.5, populations="input"), engine="reference")


# -- jitter ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kurtosis"), [("gaussian", 3.0), ("uniform", 1.8)])
def test_jitter_has_the_moments_of_its_distribution(name: str, kurtosis: float) -> None:
    n, fault = 100_000, faults.Jitter(1.0, name)
    draws = np.array([fault.perturb(fault.numbers(), (0.0, 1e9), KEY, k, 7, 3, 0.0) for k in range(n)])
    assert abs(draws.mean()) < 4 / math.sqrt(n)
    assert abs(draws.var() - 1) < 4 * math.sqrt((kurtosis - 1) / n)
    assert np.abs(draws).max() <= (math.sqrt(3) if name == "uniform" else 7)


def test_published_jitter_moves_silent_neurons_too_and_the_physical_one_does_not() -> None:
    """t <- t + sigma N(0, 1) behind the clamp to t_max (Stanojevic et al. 2024), where that is inside the window."""
    net, x = layer()
    sigma, seed = 0.2, 6
    ideal = times(net, x, ())
    silent = ideal == math.inf
    assert 0.1 < silent.mean() < 0.9
    found = times(net, x, faults.Jitter(sigma, paper_compat=True), seed=seed)
    key = np.uint64(stream_key(seed, "jitter", 0, "hidden"))
    noise = np.array([[normal(key, s, i, 0) for i in range(64)] for s in range(20)])
    published = np.minimum(ideal, 5.0) + sigma * noise
    inside = published >= 1.0
    assert (found[inside] == published[inside]).all()
    assert (found[~inside] == 1.0).all()  # no event precedes its cause
    assert abs((found[silent] < 5.0).mean() - 0.5) < 4 * 0.5 / math.sqrt(silent.sum())
    assert (times(net, x, faults.Jitter(sigma), seed=seed)[silent] == math.inf).all()
    dropped = times(net, x, faults.Jitter(sigma, past="drop", paper_compat=True), seed=seed)
    assert (dropped == np.where(found < 5.0, found, math.inf)).all()


# -- spikes that are lost, held, or too many ---------------------------------------------------------------------------


def test_spikes_are_lost_with_their_probability_and_counted() -> None:
    net, x = layer()
    fired = times(net, x, ()) < math.inf
    run = simulate(net, x, faults=faults.SpikeLoss(0.3), engine="reference")
    kept = run.spike_times("hidden") < math.inf
    assert not (kept & ~fired).any()
    assert run.counters["lost"] == (fired & ~kept).sum()
    assert abs((fired & ~kept).sum() / fired.sum() - 0.3) < 4 * math.sqrt(0.21 / fired.sum())


@pytest.mark.parametrize(
    ("fault", "gone"),
    [(faults.SpikeLoss(0.3), math.inf), (faults.Dead(0.3), math.inf), (faults.AlwaysOn(0.3), 1.0)], ids=str,
)  # fmt: skip
def test_losses_and_defects_have_their_probability_over_many_draws(fault: Any, gone: float) -> None:
    n, p = 100_000, fault.numbers()
    hit = sum(fault.perturb(p, WINDOW, KEY, 0, i, 0, 2.0) == gone for i in range(n))
    assert abs(hit / n - 0.3) < 4 * math.sqrt(0.21 / n)


def test_one_spike_at_most_comes_with_its_probability_and_anywhere_in_the_interval() -> None:
    n = 100_000
    sent, neurons = eventsim.OnceAtMost(0.2, 1.0, 5.0).trains("source", n, math.inf, 0, 0)
    assert len(set(neurons.tolist())) == len(neurons)
    assert abs(len(sent) / n - 0.2) < 4 * math.sqrt(0.16 / n)
    assert abs(sent.mean() - 3.0) < 4 * math.sqrt(16 / 12 / len(sent))
    assert abs(sent.var() - 16 / 12) < 4 * math.sqrt((9 / 5 - 1) / len(sent)) * 16 / 12


def test_a_free_neuron_whose_spike_is_lost_is_reset_all_the_same() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 200, "cells", tau_mem=10.0, v_threshold=1.0)
    net.connect("input", "cells", Dense(np.full((200, 1), 1.5)))
    x = SpikeTimes([[[1.0, 2.0, 3.0, 4.0]]])
    run = both_engines(net, x, faults=faults.SpikeLoss(0.5)).run
    assert run.counters["spikes"] + run.counters["lost"] == 800
    assert abs(run.counters["lost"] - 400) < 4 * math.sqrt(200)


def test_dead_neurons_are_the_same_in_all_samples_and_always_on_ones_fire_at_t_min() -> None:
    net, x = layer(400)
    ideal = times(net, x, ())
    key = np.uint64(stream_key(0, "dead", 0, "hidden"))
    dead = np.array([uniforms(key, 0, i, 0)[0] < 0.25 for i in range(400)])
    assert abs(dead.mean() - 0.25) < 4 * math.sqrt(0.1875 / 400)
    assert (times(net, x, faults.Dead(0.25)) == np.where(dead, math.inf, ideal)).all()
    found = times(net, x, faults.AlwaysOn(0.25))
    key = np.uint64(stream_key(0, "always_on", 0, "hidden"))
    on = np.array([uniforms(key, 0, i, 0)[0] < 0.25 for i in range(400)])
    assert (found[:, on] == np.minimum(ideal, 1.0)[:, on]).all()
    assert abs(on.mean() - 0.25) < 4 * math.sqrt(0.1875 / 400)
    assert (found[:, ~on] == ideal[:, ~on]).all()
    cells = Network()
    cells.population("lif_delta", 1, "cells", tau_mem=10.0)
    with pytest.raises(FaultError, match="needs a neuron with a window"):
        simulate(cells, faults=faults.AlwaysOn(0.5), until=1.0)


def test_synchronised_layers_hold_premature_spikes_until_their_window() -> None:
    """The counterexample of the mapping: W = (10, -28), x = (0.9, 0.3) crosses at 0.19, long before t_min = 1."""
    net = Network()
    net.source(2, "input")
    net.population("ttfs_b1", 1, "hidden", window=(0.0, 1.0, 1.9), threshold=0.9)
    net.connect("input", "hidden", Dense([[10.0, -28.0]]))
    assert times(net, [[0.9, 0.3]], ()) == pytest.approx(0.19)
    assert times(net, [[0.9, 0.3]], faults.Synchronised()) == 1.0


def test_spurious_spikes_are_uniform_in_the_window_and_leave_the_neurons_alone() -> None:
    net, x = layer(2000)
    run = simulate(net, x, faults=faults.Spurious(0.2), engine="reference", seed=2)
    assert (run.spike_times("hidden") == times(net, x, ())).all()
    sent = run.spike_times("hidden (spurious)")
    share = (sent < math.inf).mean()
    assert abs(share - 0.2) < 4 * math.sqrt(0.16 / sent.size)
    at = np.sort(sent[sent < math.inf])
    assert at[0] >= 1.0
    assert at[-1] < 5.0
    steps = np.abs((at - 1.0) / 4.0 - (np.arange(at.size) + 0.5) / at.size).max()
    assert steps < 2.0 / math.sqrt(at.size)  # Kolmogorov's distance, p < 1e-3
    extra = np.where(sent < math.inf, 5.0 - sent, 0.0) @ net.projections[1].kind.weights.T
    ideal = simulate(net, x, engine="reference")
    np.testing.assert_allclose(run.readout, ideal.readout + extra, rtol=0, atol=1e-9)


def test_free_neurons_send_spurious_spikes_at_a_rate() -> None:
    net = Network()
    net.population("lif_delta", 300, "cells", tau_mem=10.0)
    net.population("integrator", 1, "out", window=(0.0, 20.0))
    net.connect("cells", "out", Dense(np.ones((1, 300))))
    run = simulate(net, faults=faults.Spurious(rate=0.1), until=21.0, engine="reference")
    n = run.n_spikes("cells (spurious)")
    assert abs(n - 630) < 4 * math.sqrt(630)
    with pytest.raises(FaultError, match="populations"):
        faults.Spurious(0.1, populations=3)  # type: ignore[arg-type]


# -- arrival -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("relative", "absolute"), [(0.1, 0.0), (0.0, 0.2), (0.1, 0.2)])
def test_read_noise_has_its_standard_deviation_at_each_delivery(relative: float, absolute: float) -> None:
    n, fault = 100_000, faults.ReadNoise(relative, absolute)
    read = np.array([fault.deliver(fault.numbers(), KEY, 0, k, 0, -2.0) for k in range(n)])
    sigma = relative * 2.0 + absolute
    assert abs(read.mean() + 2.0) < 4 * sigma / math.sqrt(n)
    assert abs(read.var() / sigma**2 - 1) < 4 * math.sqrt(2 / n)


def test_deliveries_fail_with_their_probability() -> None:
    n, fault = 100_000, faults.SynapticFailure(0.1)
    failed = sum(fault.deliver(fault.numbers(), KEY, 0, k, 0, 1.5) == 0.0 for k in range(n))
    assert abs(failed / n - 0.1) < 4 * math.sqrt(0.09 / n)


# -- verification ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [fault for fault in ALL if isinstance(fault, StageFault) and fault.place == "emission"
     and getattr(fault, "populations", None) is None],
    ids=str,
)  # fmt: skip
def test_verify_blames_faults_for_what_they_did_and_nothing_else(fault: Any) -> None:
    net, x = layer(24)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = simulate(net, x[:6], faults=fault, engine="reference", error_bounds=True)
        report = models.verify(net, run=run)
    ideal = simulate(net, x[:6], engine="reference").spike_times("hidden")
    moved = (run.spike_times("hidden") != ideal).sum()
    late = (run.spike_times("hidden") < math.inf) & (run.spike_times("hidden") >= 5.0)
    assert report.summary["structural"] == report.summary["clamped"] == 0
    assert report.summary["fault"] >= moved
    assert report.ok == (not late.any() and not run.counters["premature"])


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "said"), [
    ({"fault": "jiter", "sigma": 0.1}, "did you mean 'jitter'"),
    ({"fault": "jitter", "sgma": 0.1}, "unknown setting 'sgma', did you mean 'sigma'"),
    ({"fault": "jitter"}, "sigma missing"),
    ({"fault": "jitter", "sigma": -1.0}, "sigma = -1.0; must be >= 0"),
    ({"fault": "jitter", "sigma": 0.1, "distribution": "cauchy"}, "distribution"),
    ({"fault": "clock", "period": 0.1, "rounding": "floor", "comparator": "strict"}, "must be with 'ceil'"),
    ({"fault": "clock", "period": 0.1, "phase": 1e15}, "is 1e\\+16 periods; must be below 2\\^53 of them"),
    ({"fault": "clock", "period": Fraction(1, 10), "phase": Fraction(10**15)}, "is 1e\\+16 periods; must be below"),
    ({"fault": "time_bits", "bits": 0}, "bits = 0"),
    ({"fault": "spike_loss", "probability": 1.5}, "must be >= 0, <= 1"),
    ({"preset": "stanojevic2025"}, "did you mean 'stanojevic202"),
    ({"preset": "stanojevic2024", "bits": 3}, "unknown setting 'bits', did you mean 'time_bits'"),
    (3, "must be a fault or a list of faults"),
    ("jitter:sigma=0.1,sigma=5", "there already"),
    ("stanojevic2024:preset=pcm_single", "there already"),
    ({"fault": "jitter", "sigma": 0.1, "acts": "x"}, "acts = 'x'"),
    ({"fault": "jitter", "sigma": 0.1, "populations": []}, "must name at least one"),
    ("goltz_hwaware:threshold=x", "goltz_hwaware: threshold = 'x'"),
    ("fixed_point:weights=[8,6],membrane=[16,8],time=6,overflow=never", "overflow"),
])  # fmt: skip
def test_what_is_no_fault_is_refused_in_words(given: Any, said: str) -> None:
    with pytest.raises(FaultError, match=said):
        faults.read(given)


def test_presets_say_what_they_contain_and_where_it_is_from() -> None:
    from eventsim.faults.presets import PRESETS

    for name, preset in PRESETS.items():
        text = str(preset)
        assert name in text
        assert preset.source in text
        assert all(repr(fault) in text for fault in preset.make(**preset.settings))
    net, x = layer(8)
    run = simulate(net, x, faults={"preset": "stanojevic2024", "time_bits": 4}, engine="reference")
    assert [entry["fault"] for entry in run.provenance["faults"]] == ["jitter", "time_bits"]


def test_a_spurious_spike_never_counts_in_a_min_pool() -> None:
    net = Network()
    net.source(2, "input")
    net.population("ttfs_b1", 2, "hidden", window=(0.0, 1.0, 3.0), threshold=1.0)
    net.population("relay", 1, "pool", count=2)
    net.connect("input", "hidden", Dense(np.eye(2)))
    net.connect("hidden", "pool", Dense(np.ones((1, 2))))
    with pytest.raises(FaultError, match="min pool 'pool'"):
        simulate(net, [[0.5, 0.5]], faults=faults.Spurious(0.5), engine="reference")


def test_eventsim_knows_the_source_of_a_spurious_spike() -> None:
    assert eventsim.OnceAtMost(0.5, 0.0, 1.0).ends


# -- what a review found -----------------------------------------------------------------------------------------------


def test_what_faults_do_to_sources_is_counted_and_they_wake_silent_inputs() -> None:
    net, x = layer()
    sent = (simulate(net, x, engine="reference").spike_times("input") < math.inf).sum()
    run = simulate(net, x, faults=faults.SpikeLoss(1.0, populations="input"), engine="reference")
    assert run.counters["by_population"]["input"]["lost"] == sent
    early = simulate(net, x, faults=faults.Jitter(5.0, populations="input"), engine="reference", seed=2)
    assert early.counters["by_population"]["input"]["clipped"] == (early.spike_times("input") == 0.0).sum() > 0
    dark = np.zeros((4, 8))
    lit = simulate(net, dark, faults=faults.AlwaysOn(0.5, populations="all"), engine="reference")
    key = np.uint64(stream_key(0, "always_on", 0, "input"))
    on = np.array([uniforms(key, 0, i, 0)[0] < 0.5 for i in range(8)])
    assert (lit.spike_times("input") == np.where(on, 0.0, math.inf)).all()


def test_spurious_spikes_of_all_populations_have_the_weights_of_the_device() -> None:
    net, x = layer(16)
    noisy = [faults.Spurious(0.5, populations="all"), faults.WeightNoise(0.3)]
    run = simulate(net, x, faults=noisy, engine="reference")
    assert run.populations[-1] == "hidden (spurious)"
    for order in (noisy, noisy[::-1]):
        made = faults.manufacture(net, order)
        own, added = made.projections[1], made.projections[2]
        assert (own.kind.weights == added.kind.weights).all()
        assert (own.kind.weights != net.projections[1].kind.weights).any()
    with pytest.raises(FaultError, match="must be given once"):
        faults.manufacture(net, [faults.Spurious(0.1), faults.Spurious(0.2)])


def test_words_hold_lists_and_infinities() -> None:
    (fault,) = faults.read("fixed_point:weights=[8,6],membrane=[16,8],time=6")
    assert fault == faults.FixedPoint(weights=(8, 6), membrane=(16, 8), time=6)
    assert faults.read("leak: tau = inf")[0] == faults.Leak(math.inf)


def test_a_named_population_without_a_strength_of_its_kind_is_refused() -> None:
    net, _ = layer(8)
    with pytest.raises(FaultError, match="'hidden' has a window, and probability is 0"):
        faults.manufacture(net, faults.Spurious(rate=1.0, populations=["hidden"]))
    with pytest.raises(FaultError, match="net is a NoneType"):
        faults.manufacture(None, faults.Dead(0.1))  # type: ignore[arg-type]
    assert faults.Jitter(0.1, populations=np.array(["hidden"])).populations == ("hidden",)  # type: ignore[arg-type]


def test_a_fault_that_is_defined_again_is_not_taken_for_the_first() -> None:
    from dataclasses import dataclass

    net, x = layer(8)
    found = []
    for factor in (1.1, 1.3):

        @dataclass(frozen=True, repr=False)
        class Scaled(faults.DeviceFault):
            name = "scaled again"

            def acts_on(self, part: Any) -> bool:
                return getattr(part, "name", "") == "hidden"

            def alter(self, part: Any, draws: Any, factor: float = factor) -> dict[str, Any]:
                return {"threshold": part.parameters["threshold"] * factor}

        found.append(simulate(net, x, faults=Scaled(), engine="reference").spike_times("hidden"))
    assert (found[0] != found[1]).any()


def test_settings_of_numpy_and_fractions_have_a_plain_text_form() -> None:
    for fault in (faults.Clock(Fraction(1, 4)), faults.Jitter(np.float32(0.25)), faults.TimeBits(np.int64(4))):  # type: ignore[arg-type]
        assert fault_from(json.loads(json.dumps(fault.describe()))) == fault


def test_the_published_order_is_noise_and_then_few_bits() -> None:
    made = faults.preset("stanojevic2024", sigma=0.1, time_bits=3)
    assert [fault.name for fault in made] == ["jitter", "time_bits"]


def test_verify_says_which_network_a_faulted_run_is_held_against() -> None:
    net, x = layer(8)
    run = simulate(net, x, faults=faults.WeightNoise(0.1), engine="reference", error_bounds=True)
    with pytest.raises(InputError, match=r"weight_noise.*so that another network ran"):
        models.verify(net, run=run)
    assert models.verify(faults.manufacture(net, faults.WeightNoise(0.1)), run=run).ok == (
        not run.counters["premature"]
    )
    with pytest.raises(InputError, match="sample_id = -3"):
        faults.manufacture(net, faults.WeightNoise(0.1), sample_id=-3)
