"""The gate between the engines: compiled, reference and the naive oracle do the same, bit for bit.

Everything is compared exactly. The random networks of `strategies` are small; each family shares one compiled loop.
"""

import math
import subprocess
import sys
import time
from fractions import Fraction
from typing import Any

import naive
import numpy as np
import pytest
import strategies
from adapters import (
    Outcome,
    assert_equals_oracle,
    assert_near_oracle,
    assert_same_run,
    both_engines,
    in_fractions,
    outcome,
    spike_list,
    stored_otherwise,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Case

from eventsim import BudgetError, Dense, Network, Sparse, SpikeTimes, simulate
from eventsim._jit import INTERPRETED
from eventsim._jit.sources import closed_over
from eventsim.engines.compiled import alternatives, event_loop
from eventsim.fabric import AerBus
from eventsim.faults import Clock, Jitter
from eventsim.models.neurons import lif_exp
from eventsim.network.neuron_model import Model, installed_models


def is_brief(case: Case) -> bool:
    """Not one that excites itself: 10⁷ spikes would keep the reference engine busy for an hour.

    A filter, and no budget: with one, the compiled engine takes no packets together.
    """
    return "max_events" not in str(outcome(case.net, case.x, until=case.until, max_events=3_000).error)


ANY = st.one_of(
    strategies.dense_ttfs(), strategies.recurrent_lif(), strategies.clocked(), strategies.mixed(), strategies.jumping()
)
EXPONENTIAL = strategies.recurrent_exponential().filter(is_brief)
LIF_EXP = strategies.recurrent_exponential(models=("lif_exp",)).filter(is_brief)
SEEDS = st.integers(0, 2**32 - 1)


# -- the same as the oracle ------------------------------------------------------------------------------------------


@pytest.mark.engine_small
@given(strategies.dense_ttfs())
def test_dense_ttfs_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x), case.net, case.x)


@pytest.mark.engine_small
@given(strategies.recurrent_lif())
def test_recurrent_lif_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


@pytest.mark.engine_small
@given(strategies.travelling())
def test_networks_whose_synapses_have_delays_of_their_own_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


@pytest.mark.engine_small
@given(strategies.clocked())
def test_clocked_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


@pytest.mark.engine_small
@given(strategies.mixed())
def test_mixed_networks_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


@pytest.mark.engine_small
@given(strategies.jumping())
def test_networks_of_steps_and_falling_thresholds_run_alike_on_both_engines_and_the_oracle(case: Case) -> None:
    assert_equals_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


@pytest.mark.engine_small
@given(EXPONENTIAL)
def test_networks_of_exponential_currents_run_alike_on_both_engines(case: Case) -> None:
    both_engines(case.net, case.x, until=case.until)


@settings(max_examples=20)  # the oracle integrates, for seconds where there are many spikes
@given(LIF_EXP)
def test_networks_of_lif_exp_fire_as_those_of_an_oracle_that_integrates(case: Case) -> None:
    assert_near_oracle(both_engines(case.net, case.x, until=case.until), case.net, case.x, case.until)


def stepwise(n_steps: int, rasters_in: np.ndarray, w_in: np.ndarray, w_out: np.ndarray, layers: list[dict]) -> list:
    """Two clocked layers as a step-based trainer runs them; rows are added in the order of the source neurons."""
    v = [np.zeros(len(w_in)), np.zeros(len(w_out))]
    rasters: list[list[np.ndarray]] = [[], []]
    for k in range(n_steps):
        seen = [rasters_in[k], rasters[0][-1] if k and layers[1]["sees"] == "next_step" else np.zeros(len(w_in), bool)]
        for layer, (weights, p) in enumerate(zip((w_in, w_out), layers, strict=True)):
            if layer == 1 and p["sees"] == "same_step":
                seen[1] = rasters[0][-1]
            buffer = np.zeros(len(weights))
            for i in np.flatnonzero(seen[layer]):
                buffer = buffer + weights[:, i]
            v[layer] = p["decay"] * v[layer] + (buffer + p["bias"])
            fires = v[layer] > p["v_threshold"] if p["comparator"] == "strict" else v[layer] >= p["v_threshold"]
            after = v[layer] - p["v_threshold"] if p["reset"] == "soft" else p["v_reset"]
            v[layer] = np.where(fires, after, v[layer])
            rasters[layer].append(fires)
    return [np.array(raster) for raster in rasters]


@pytest.mark.parametrize("sees", ["same_step", "next_step"])
@pytest.mark.parametrize(("reset", "comparator"), [("soft", "inclusive"), ("hard", "strict"), ("soft", "strict")])
def test_clocked_layers_equal_a_stepwise_numpy_loop(reset: str, comparator: str, sees: str) -> None:
    rng = np.random.default_rng(5)
    n_steps, sizes, period = 80, (9, 12, 7), 0.1
    w_in, w_out = rng.normal(0.2, 0.5, (sizes[1], sizes[0])), rng.normal(0.2, 0.5, (sizes[2], sizes[1]))
    raster = rng.random((n_steps, sizes[0])) < 0.2
    first = {"decay": 0.9, "v_threshold": 1.0, "v_reset": -0.1, "bias": 0.03, "reset": reset, "comparator": comparator}
    second = {"decay": 0.7, "v_threshold": 0.6, "v_reset": 0.0, "bias": -0.01, "reset": "hard", "comparator": "strict"}
    layers = [first | {"sees": "same_step"}, second | {"sees": sees}]
    net = Network()
    net.source(sizes[0], "input")
    for name, size, parameters in zip(("one", "two"), sizes[1:], layers, strict=True):
        net.population("lif_clocked", size, name, period=period, **parameters)
    net.connect("input", "one", Dense(w_in))
    net.connect("one", "two", Dense(w_out))
    x = SpikeTimes([[[k * period for k in np.flatnonzero(raster[:, i]).tolist()] for i in range(sizes[0])]])
    run = both_engines(net, x, until=(n_steps - 0.5) * period).run
    for name, expected in zip(("one", "two"), stepwise(n_steps, raster, w_in, w_out, layers), strict=True):
        assert 20 < expected.sum() < expected.size - 20
        mine = [(t, i) for t, where, i in spike_list(run) if where == name]
        assert mine == [(k * period, i) for k, i in np.argwhere(expected).tolist()]


# -- what must not matter --------------------------------------------------------------------------------------------


@given(ANY | EXPONENTIAL, SEEDS)
def test_how_weights_are_stored_does_not_matter(case: Case, seed: int) -> None:
    copy = stored_otherwise(case.net, np.random.default_rng(seed))
    assert copy.hash() == case.net.hash()
    assert_same_outcome(outcome(copy, case.x, until=case.until), outcome(case.net, case.x, until=case.until))


def samples_of(x: Any, n: int) -> list[Any]:
    """`n` samples, those of `x` again and again; of a generator, which takes no data, as many times nothing."""
    times = [None] if x is None else x.times if isinstance(x, SpikeTimes) else x
    return [times[k % len(times)] for k in range(n)]


def batch_of(samples: list[Any]) -> Any:
    """The samples as what `simulate` takes."""
    if samples[0] is None:
        return None
    return np.array(samples) if isinstance(samples[0], np.ndarray) else SpikeTimes(samples)


@given(ANY | EXPONENTIAL)
def test_the_number_of_threads_does_not_matter(case: Case) -> None:
    x = batch_of(samples_of(case.x, 9))
    runs = [outcome(case.net, x, until=case.until, threads=threads, sample_ids=range(9)) for threads in (1, 2, 4)]
    assert_same_outcome(runs[0], runs[1])
    assert_same_outcome(runs[0], runs[2])


@given(LIF_EXP)
def test_a_loop_of_one_model_has_the_bits_of_one_of_its_family(case: Case) -> None:
    """Users' loops are those of their models alone; the tests' are broad, since there are fewer of them."""
    with pytest.MonkeyPatch.context() as patch:
        done = {}
        for broad in (False, True):
            patch.setattr(alternatives, "BROAD", broad)
            done[broad] = outcome(case.net, case.x, until=case.until)
    assert_same_outcome(done[False], done[True])


def test_a_sample_without_end_does_not_outlive_an_error_in_one_before_it() -> None:
    """Sample 0 fires twice at once; sample 1, on another thread, excites itself for ever."""
    net = Network()
    net.source(2, "input")
    net.population("if_delta", 1, "twice")
    net.population("if_delta", 1, "endless")
    net.connect("input", "twice", Dense([[2.0, 0.0]]))
    net.connect("twice", "twice", Dense([[2.0]]))
    net.connect("input", "endless", Dense([[0.0, 2.0]]))
    net.connect("endless", "endless", Dense([[2.0]]), delay=1e-9)
    began = time.perf_counter()
    for _ in range(5):
        done = outcome(
            net, SpikeTimes([[[0.75], []], [[], [0.0]]]), until=1e3, threads=2, record="first_spikes", max_time=30.0
        )
        assert done.error is not None
        assert "fires twice" in done.error
    assert time.perf_counter() - began < 25.0  # none ran until its budget of time ended it


def assert_same_outcome(a: Outcome, b: Outcome) -> None:
    assert a.error == b.error
    if a.error is None:
        assert_same_run(a.run, b.run)


@given(st.one_of(strategies.dense_ttfs(), strategies.recurrent_lif()), SEEDS)
def test_a_sample_alone_or_in_any_batch_has_the_same_bits(case: Case, seed: int) -> None:
    samples, ids = samples_of(case.x, 5), [7, 3, 2**40, 0, 11]
    options = perturbed(case, jitter=0.1, period=0.05, service=0.01) | {"until": case.until, "seed": seed}
    together = outcome(case.net, batch_of(samples), sample_ids=ids, **options)
    backwards = outcome(case.net, batch_of(samples[::-1]), sample_ids=ids[::-1], **options)
    assert (together.error is None) == (backwards.error is None)
    for k in range(5 if together.error is None else 0):
        alone = outcome(case.net, batch_of(samples[k : k + 1]), sample_ids=[ids[k]], **options)
        assert spike_list(alone.run) == spike_list(together.run, k) == spike_list(backwards.run, 4 - k)
        for name in ("first", "readout"):
            one, two, three = (getattr(done.run.records, name) for done in (alone, together, backwards))
            assert one is None or one[0].tobytes() == two[k].tobytes() == three[4 - k].tobytes()


@given(ANY | EXPONENTIAL, SEEDS)
def test_a_run_until_t_is_the_exact_beginning_of_a_longer_one(case: Case, seed: int) -> None:
    whole = outcome(case.net, case.x, until=case.until)
    if whole.error is not None:
        return
    last = case.until or float(whole.run.spikes["time"].max(initial=1.0))
    some = whole.run.spikes["time"][:5].tolist()  # `until` is exclusive
    for until in [*np.random.default_rng(seed).uniform(0.0, last, 20).tolist(), *some]:
        if until > 0:
            part = both_engines(case.net, case.x, until=until)
            if all(population.model.name in naive.EXACT for population in case.net.populations):
                assert_equals_oracle(part, case.net, case.x, until)
            for sample in range(whole.run.n_samples):
                before = [spike for spike in spike_list(whole.run, sample) if spike[0] < until]
                assert spike_list(part.run, sample) == before


# -- exact numbers ---------------------------------------------------------------------------------------------------


@given(st.one_of(strategies.dense_ttfs(), strategies.mixed(leaky=False), strategies.jumping()))
def test_networks_of_fractions_give_the_fractions_of_the_oracle(case: Case) -> None:
    net = in_fractions(case.net, lambda number: Fraction(number).limit_denominator(12))
    if isinstance(case.x, SpikeTimes):
        x: Any = SpikeTimes([[[Fraction(t) for t in train] for train in sample] for sample in case.x.times])
    else:
        x = np.vectorize(lambda value: Fraction(value).limit_denominator(12), otypes=[object])(case.x)
    done = outcome(net, x, engine="reference", until=case.until)
    assert_equals_oracle(done, net, x, case.until)
    if done.error is None:
        parts = [part for part in (done.run.records.first, done.run.records.readout) if part is not None]
        numbers = [number for part in parts for number in part.ravel()]
        assert all(isinstance(value, Fraction) for value in numbers if abs(value) < np.inf)
        first = [float(t) for name in done.run.populations for t in done.run.spike_times(name).ravel() if t < np.inf]
        assert {*first} <= {*done.run.spikes["time"].tolist()}  # there, and only there, they are rounded


def test_a_published_network_has_its_exact_rational_spike_times() -> None:
    """The B1 counterexample (premature crossing at 19/100), and a crossing after t_min at a third."""
    net = Network()
    net.source(2, "input")
    weights = np.array([[Fraction(10), Fraction(-28)], [Fraction(1, 3), Fraction(0)]], dtype=object)
    threshold = np.array([Fraction(9, 10), Fraction(2)], dtype=object)
    net.population("ttfs_b1", 2, "hidden", (0, 1, 3), threshold=threshold)
    net.connect("input", "hidden", Dense(weights))
    times = np.array([[Fraction(1, 10), Fraction(7, 10)]], dtype=object)
    run = simulate(net, SpikeTimes(times), engine="reference")
    assert run.spike_times("hidden").tolist() == [[Fraction(19, 100), Fraction(27, 10)]]
    assert all(isinstance(t, Fraction) for t in run.spike_times("hidden").ravel())
    assert run.spikes["time"].tolist() == [0.1, 0.19, 0.7, 2.7]
    assert run.counters["premature"] == 1


def test_exact_input_makes_the_run_exact_and_the_compiled_engine_refuses_it() -> None:
    net = Network()
    net.source(1, "input")
    net.population("linear_psp", 1, "cell", threshold=2.0)
    net.connect("input", "cell", Dense([[3.0]]), delay=0.5)
    for times in (np.array([[Fraction(1, 3)]], dtype=object), [[Fraction(1, 3)]], [[[Fraction(1, 3)]]]):
        run = simulate(net, SpikeTimes(times), engine="reference")
        assert run.spike_times("cell").tolist() == [[Fraction(1, 3) + Fraction(1, 2) + Fraction(2, 3)]]
        with pytest.raises(ValueError, match="Fractions"):
            simulate(net, SpikeTimes(times))


# -- compiled code ---------------------------------------------------------------------------------------------------


def test_parts_of_loops_that_other_processes_compiled_have_other_symbols() -> None:
    """Else a loop from the disk cache calls functions of a loop compiled here: one had lost its first predictions."""
    code = "from eventsim._jit import lowering; print(lowering.short_name('begin', (), uid=7))"
    names = {subprocess.check_output([sys.executable, "-c", code], text=True, timeout=300) for _ in range(3)}
    assert len(names) == 3


def test_the_fingerprint_covers_what_a_function_calls_by_a_global_name() -> None:
    covered = {function.__qualname__ for function in closed_over([lif_exp.time_to_spike])}
    assert {"first_crossing", "excess", "response", "make_crossing.<locals>.crossing"} <= covered


# -- stages ----------------------------------------------------------------------------------------------------------


def _bytes(array: Any) -> bytes:
    return b"" if array is None else array.tobytes()


def perturbed(case: Case, jitter: float, period: float, service: float) -> dict[str, Any]:
    """Faults and transport: jitter where every population has a window."""
    windowed = all(p.model.windowed for p in case.net.populations)
    faults = (Jitter(jitter), Clock(period)) if windowed else (Clock(period),)
    return {"faults": faults, "transport": AerBus(service)}


STRENGTHS = st.sampled_from([0.0, 0.01, 0.1, 0.5])


@pytest.mark.engine_small
@given(st.one_of(strategies.dense_ttfs(), strategies.recurrent_lif(), LIF_EXP), STRENGTHS, STRENGTHS, STRENGTHS, SEEDS)
def test_faults_and_transport_have_the_same_bits_on_both_engines(
    case: Case, jitter: float, period: float, service: float, seed: int
) -> None:
    both_engines(case.net, case.x, until=case.until, seed=seed, **perturbed(case, jitter, period, service))


@given(st.one_of(strategies.dense_ttfs(), strategies.recurrent_lif()), SEEDS)
def test_stages_of_zero_strength_are_the_ideal_run(case: Case, seed: int) -> None:
    ideal = outcome(case.net, case.x, until=case.until, seed=seed)
    zero = both_engines(case.net, case.x, until=case.until, seed=seed, **perturbed(case, 0.0, 0.0, 0.0))
    assert zero.error == ideal.error
    assert zero.run.spikes.tobytes() == ideal.run.spikes.tobytes()
    if ideal.error is None:
        assert _bytes(zero.run.records.first) == _bytes(ideal.run.records.first)
        assert ideal.run.records.readout is None or _bytes(zero.run.records.readout) == _bytes(
            ideal.run.records.readout
        )
        assert zero.run.counters["clipped"] == zero.run.counters["delayed"] == 0
        sending = {projection.pre.name for projection in case.net.projections}
        sent = sum(name in sending for k in range(ideal.run.n_samples) for _, name, _ in spike_list(ideal.run, k))
        nothing = dict.fromkeys(("lost", "under_way", "late", "mean_waiting", "max_waiting", "blocked"), 0)
        assert zero.run.counters["transport"] == {"spikes": sent, "packets": sent, "delivered": sent, **nothing}


def test_faults_of_zero_strength_really_run() -> None:
    # With or without strength it is the same loop, and with strength that loop moves spikes.
    net = Network()
    net.source(1, "input")
    net.population("ttfs_b1", 3, "cell", (0.0, 1.0, 3.0), threshold=[0.75, 1.0, 1.75])
    net.connect("input", "cell", Dense([[0.0]] * 3))
    runs, loops = [], []
    for strength in (0.0, 0.2):
        faults = (Jitter(strength), Clock(strength))
        runs.append(simulate(net, [[1.0]], faults=faults, transport=AerBus(0.0)))
        loops.append(event_loop.event_loop.cache_info().misses)
    assert loops[0] == loops[1]
    assert runs[0].counters["delayed"] == 0 < runs[1].counters["delayed"]
    assert (runs[0].spike_times("cell") != runs[1].spike_times("cell")).all()


@given(strategies.dense_ttfs())
def test_error_bounds_change_no_bit_and_agree_between_the_engines(case: Case) -> None:
    plain = outcome(case.net, case.x)
    bounded = both_engines(case.net, case.x, error_bounds=True)
    assert bounded.error == plain.error
    assert bounded.run.spikes.tobytes() == plain.run.spikes.tobytes()
    assert _bytes(bounded.run.records.first) == _bytes(plain.run.records.first)
    assert _bytes(bounded.run.records.readout) == _bytes(plain.run.records.readout)
    for population in case.net.populations:
        if population.model.spiking:
            fired = plain.run.spike_times(population.name) < np.inf
            for propagated in (False, True):
                errors = bounded.run.spike_errors(population.name, propagated)
                assert (errors[fired] >= 0).all()
                assert np.isnan(errors[~fired]).all()


# -- recording -------------------------------------------------------------------------------------------------------


@given(strategies.mixed() | LIF_EXP)
def test_membranes_are_the_same_on_both_engines(case: Case) -> None:
    probes = {population.name: list(range(population.size)) for population in case.net.populations}
    runs = [
        outcome(case.net, case.x, until=case.until, record=probes, engine=name) for name in ("compiled", "reference")
    ]
    if runs[0].error is None:
        assert_same_run(runs[0].run, runs[1].run)
        assert _bytes(runs[0].run.records.traces) == _bytes(runs[1].run.records.traces)


def test_buffers_that_fill_up_lose_nothing() -> None:
    # The compiled engine's buffer holds 4,096 spikes; here the source alone fills it up to the last few places.
    for n_source in (4080, 4090, 4095, 4096, 4097, 9000):
        net = Network()
        net.source(1, "input")
        net.population("lif_delta", 12, "cell", tau_mem=1.0)
        net.connect("input", "cell", Dense([[2.0]] * 12), delay=1000.0)
        x = SpikeTimes([[[k / 16 for k in range(n_source)]]])
        run = both_engines(net, x, until=1000.5).run
        assert len(run.spikes) == run.counters["spikes"] + n_source


def test_a_budget_ends_the_run_with_what_was_done() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 2, "cell", tau_mem=1.0, current=2.0)
    net.connect("input", "cell", Dense([[0.5], [0.25]]))
    x = SpikeTimes([[[0.5, 1.5, 2.5]]])
    whole = simulate(net, x, until=20.0)
    for engine in ("compiled", "reference"):
        with pytest.raises(BudgetError, match=r"sample 0: max_events = 10 reached\. The partial run") as caught:
            simulate(net, x, until=20.0, max_events=10, engine=engine)
        part = caught.value.run
        assert not part.complete
        assert 10 <= part.counters["events"] <= 12
        assert part.spikes.tolist() == whole.spikes[: len(part.spikes)].tolist()
        assert len(part.spikes) >= 8


def test_a_budget_is_used_up_in_the_order_of_samples_whatever_the_threads() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 3, "cell", tau_mem=1.0, current=[2.0, 2.5, 3.0])
    net.connect("input", "cell", Dense([[0.5], [0.25], [0.0]]))
    x = SpikeTimes([[[0.5 + k / 64]] for k in range(16)])
    parts = []
    for options in ({"threads": 1}, {"threads": 2}, {"threads": 4}, {"engine": "reference"}):
        with pytest.raises(BudgetError) as caught:
            simulate(net, x, until=20.0, max_events=500, **options)
        parts.append(caught.value.run)
    for part in parts[1:]:
        assert_same_run(part, parts[0])
    assert parts[0].counters["by_population"]["input"]["spikes"] == np.count_nonzero(parts[0].spikes["population"] == 0)


def test_emissions_that_wait_long_are_all_kept() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 2, "cell", tau_mem=1.0, current=[2.0, 3.0])
    # With a bus, which no spike reaches: the loop is one that other tests have, too.
    run = both_engines(net, SpikeTimes([[[]]]), until=900.0, faults=[Clock(1000.0)], transport=AerBus(0.0)).run
    assert run.counters["delayed"] > 2_000
    assert run.counters["spikes"] == 0


@pytest.mark.engine_small
@pytest.mark.parametrize("model", ["linear_psp", "ttfs_b1", "ttfs_alpha1"])
def test_packets_taken_together_give_the_bits_of_packets_taken_alone(model: str) -> None:
    rng = np.random.default_rng(11)
    net = Network()
    before: Any = net.source(40, name="input")
    n_before = 40
    for layer in range(2):
        window = None if model == "linear_psp" else (0.9 * layer, 1.0 + layer, 3.0 + layer)
        extra: dict[str, Any] = {} if window is None else {"window": window}
        extra |= {"slope": 1.5} if model == "ttfs_alpha1" else {}
        population = net.population(model, 24, name=f"layer{layer}", threshold=rng.uniform(0.5, 2.0, 24), **extra)
        net.connect(before, population, Dense(rng.normal(0.02, 0.05, (24, n_before))), delay=0.02)
        before, n_before = population, 24
    times = rng.random((6, 40))
    times[:, :8] = np.round(times[:, :8], 1)  # some at the same time
    x = SpikeTimes(times)
    together = both_engines(net, x, until=8.0).run
    alone = simulate(net, x, until=8.0, record={"layer0": [0], "layer1": [0]})  # a probe sees every packet
    assert (alone.spikes == together.spikes).all()
    for name in ("events", "visited", "synaptic_events", "premature", "late"):
        assert alone.counters[name] == together.counters[name]
    assert together.counters["queue_operations"] < alone.counters["queue_operations"]
    for until in rng.uniform(0.0, 4.0, 5 if INTERPRETED else 20):  # compiled, all of them
        part = both_engines(net, x, until=until).run
        assert (part.spikes == together.spikes[together.spikes["time"] < until]).all()


@pytest.mark.parametrize("count", [1.0, 2.0, 5.0])
def test_relays_fire_among_packets_that_could_be_taken_together(count: float) -> None:
    """Only an input makes them fire; one of four that were taken at once did not."""
    net = Network()
    net.source(8, "input")
    net.population("relay", 5, "relays", count=count)
    net.connect("input", "relays", Dense(np.ones((5, 8))))
    x = SpikeTimes([[[0.25 * (i + 1)] for i in range(8)]])
    assert both_engines(net, x).run.spike_times("relays").tolist() == [[0.25 * count] * 5]


@pytest.mark.parametrize("model", [model for model in installed_models() if model.jumps], ids=lambda model: model.name)
def test_whoever_stands_at_its_threshold_may_spike(model: Model) -> None:
    """Lookahead asks only `may_spike`, also behind an input that moves V itself."""
    draw, above = np.random.default_rng(2), 0
    for _ in range(2000):
        p, s = (
            tuple(
                float(sign * 10.0**k)
                for sign, k in zip(draw.choice([1, 1, -1], n), draw.uniform(-3, 3, n), strict=True)
            )
            for n in (len(model.dynamics.rows), len(model.dynamics.state))
        )
        if not model.clocked and model.dynamics.above(p, s):
            above += 1
            assert model.dynamics.may_spike(p, s, 0.0)
            assert model.dynamics.may_spike(p, s, 1.0)
    assert above > 100 or model.clocked


def test_a_membrane_begins_with_the_first_moment_of_integration() -> None:
    net = Network()
    net.source(1, "input")
    net.population("lif_delta", 1, "cell", tau_mem=1.0, v_leak=0.5, v_init=0.25)
    net.population("ttfs_b1", 1, "windowed", window=(0.5, 1.0, 2.0), threshold=3.0)
    net.population("lif_clocked", 1, "ticking", period=1.0, decay=0.5)  # with it, the loop is that of mixed networks
    run = both_engines(net, SpikeTimes([[[]]]), until=3.0, record={"cell": [0], "windowed": [0]}).run
    assert [record.tolist() for record in (*run.membrane("cell", 0), *run.membrane("windowed", 0))] == [
        [0.0], [0.25], [0.5, 1.0], [0.0, 0.0],
    ]  # fmt: skip
    assert run.membrane("cell", 0, times=np.array([1.0]))[1][0] == 0.5 - 0.25 * math.exp(-1.0)


# -- neurons that spike once -----------------------------------------------------------------------------------------


@pytest.mark.engine_small
def test_a_neuron_that_spikes_once_forgets_a_crossing_that_was_stored_before_the_one_that_fires() -> None:
    """The second input moves the crossing from 1 to the moment at which it arrives, a rounding earlier."""
    net = Network()
    net.source(2, "input")
    net.population("linear_psp", 1, "cell", threshold=1.0)
    net.connect("input", "cell", Sparse([0, 1], [0, 0], [1.0, 2.0]))
    run = both_engines(net, SpikeTimes([[[0.0], [1.0 - 2.0**-53]]])).run
    assert run.spike_times("cell")[0].tolist() == [1.0 - 2.0**-53]
    assert run.n_spikes("cell") == 1


@given(st.integers(0, 2**32 - 1))
def test_jitter_delays_each_spike_of_a_neuron_that_spikes_once_once(seed: int) -> None:
    net = Network()
    net.source(1, "input")
    net.population("ttfs_b1", 1, "cell", (0.0, 1.0, 4.0), threshold=0.6, slope=1.0)
    net.connect("input", "cell", Sparse([0], [0], [1.0]))
    x = SpikeTimes([[[0.5]]] * 4)
    options: dict[str, Any] = {"faults": [Jitter(0.2)], "transport": AerBus(0.0), "seed": seed}
    run = both_engines(net, x, until=10.0, keep_state=True, **options).run
    assert simulate(net, x, until=20.0, resume=run, **options).n_spikes("cell") == 4
