"""Options of the neuron models, and those whose spike times are closed forms: constants, equations, refusals."""

import dataclasses
import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from adapters import both_engines
from mpmath import mpf

from eventsim import Dense, Network, Run, SpikeTimes, simulate
from eventsim.errors import ModelError, SimulationError
from eventsim.network.neuron_model import find_model
from eventsim.network.parameters import check_parameters
from eventsim.network.regimes import Clocked, Free, Windowed

INF = math.inf
UNIT = 2.0**-53  # rounding of one operation


def one_cell(model: str, weights: list[Any], window: Any = None, delay: float = 0.0, **parameters: Any) -> Network:
    net = Network()
    net.source(len(weights), "input")
    dtype = object if any(isinstance(w, Fraction) for w in weights) else float
    net.population(model, 1, "cell", window, **parameters)
    net.connect("input", "cell", Dense(np.array([weights], dtype=dtype)), delay=delay)
    return net


def run_of(net: Network, times: list[Any], until: float = 50.0, **options: Any) -> Run:
    trains = [t if isinstance(t, list) else [t] for t in times]
    return both_engines(net, SpikeTimes([trains]), until=until, **options).run


def spikes_of(net: Network, times: list[Any], until: float = 50.0) -> list[float]:
    run = run_of(net, times, until)
    return run.spikes["time"][run.spikes["population"] == 1].tolist()


def rows(name: str, **given: Any) -> tuple:
    """The parameters of one neuron as the functions of the model see them."""
    model = find_model(name)
    return tuple(float(row[0]) for row in model.prepare(check_parameters(model, "test", 1, given), None))


# -- constants from elsewhere ----------------------------------------------------------------------------------------

TIMES, WEIGHTS = [0.1, 0.4, 0.7, 1.5], [1.2, -0.5, 0.9, 0.8]


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        ("linear_psp", {"threshold": 1.0}, 0.96875),
        ("lif_delta", {"tau_mem": 1.0, "spikes": "once"}, 0.1),
        ("step_psp", {"spikes": "once"}, 0.1),
    ],
)
def test_the_common_example_of_four_inputs_has_its_published_spike_times(model, parameters, expected):
    assert spikes_of(one_cell(model, WEIGHTS, **parameters), TIMES) == [pytest.approx(expected, rel=0, abs=1e-13)]


def test_a_constant_current_fires_a_delta_neuron_at_the_time_of_nests_test():
    """NEST, test_iaf_psc_delta: 1,000 pA into 250 pF, tau_mem = 10 ms, threshold 15 mV; again and again."""
    net = one_cell("lif_delta", [0.0], tau_mem=10.0, v_threshold=15.0, current=40.0, t_ref=2.0)
    period = -10.0 * math.log1p(-15.0 / 40.0)
    assert period == pytest.approx(4.700036292457356, rel=0, abs=1e-15)
    expected = [period + k * (period + 2.0) for k in range(7)]
    assert spikes_of(net, [1.0], until=45.0) == pytest.approx(expected, rel=0, abs=1e-13)


@pytest.mark.parametrize(("time", "tolerance"), [(5.0, 1e-13), (500.0, 1e-9)])
def test_the_potential_of_a_delta_neuron_does_not_depend_on_how_an_interval_is_cut(time, tolerance):
    model, p = find_model("lif_delta"), rows("lif_delta", tau_mem=10.0, v_threshold=2000.0, current=40.0)
    for pieces in (2**k for k in range(14)):
        s = model.dynamics.initial(p)
        for _ in range(pieces):
            s = model.dynamics.advance(model.dynamics.propagator(p, time / pieces), s)
        assert abs(s[0] + 40.0 * math.expm1(-time / 10.0)) < tolerance


def z_domain(threshold: Any, w: list[Any], t: list[Any]) -> Any:
    """Mostafa 2017, eq. 4: with z = e^t, z_out = sum of w z over the causal set / (sum of w - threshold)."""
    excess = mpmath.fsum(w) - threshold
    z = mpmath.fsum(wj * mpmath.exp(tj) for wj, tj in zip(w, t, strict=True))
    return mpmath.log(z / excess) if excess > 0 and z > 0 else INF


def lambert(threshold: Any, w: list[Any], t: list[Any]) -> Any:
    """Comsa et al. 2020, eq. 5, with K = 1; of Göltz et al. 2021 for equal time constants."""
    a = mpmath.fsum(wj * mpmath.exp(tj) for wj, tj in zip(w, t, strict=True))
    b = mpmath.fsum(wj * tj * mpmath.exp(tj) for wj, tj in zip(w, t, strict=True))
    if a <= 0 or threshold / a * mpmath.exp(b / a) > mpmath.exp(-1):
        return INF
    return b / a - mpmath.lambertw(-threshold / a * mpmath.exp(b / a)).real


def two_to_one(threshold: Any, w: list[Any], t: list[Any]) -> Any:
    """Göltz et al. 2021, for tau_mem = 2 and tau_syn = 1."""
    one = mpmath.fsum(wj * mpmath.exp(tj) for wj, tj in zip(w, t, strict=True))
    two = mpmath.fsum(wj * mpmath.exp(tj / 2) for wj, tj in zip(w, t, strict=True))
    inside = two * two - 4 * one * threshold
    if one <= 0 or inside < 0 or two + mpmath.sqrt(inside) <= 0:
        return INF
    return 2 * mpmath.log(2 * one / (two + mpmath.sqrt(inside)))


@pytest.mark.parametrize(
    ("model", "given", "closed_form"),
    [
        ("if_exp", {"tau_syn": 1.0, "v_threshold": 1.0}, z_domain),
        ("alpha_psp", {"tau_syn": 1.0, "v_threshold": 0.25}, lambert),
        ("lif_exp", {"tau_mem": 1.0, "tau_syn": 1.0, "v_threshold": 0.25}, lambert),
        ("lif_exp", {"tau_mem": 2.0, "tau_syn": 1.0, "v_threshold": 0.25}, two_to_one),
    ],
)
def test_first_spikes_are_at_the_times_of_the_closed_forms_over_causal_sets(model, given, closed_form):
    """The first solution that comes after the last input of its set and before the next input."""
    rng = np.random.default_rng(1)
    fired = 0
    for _ in range(200):
        times, weights = np.sort(rng.uniform(0.0, 3.0, 6)), rng.normal(0.4, 0.8, 6)
        net = one_cell(model, weights.tolist(), spikes="once", **given)
        found = float(simulate(net, SpikeTimes([times]), until=100.0, engine="reference").spike_times("cell")[0, 0])
        expected, ends = INF, [*times.tolist(), INF]
        with mpmath.workdps(50):
            exact = [mpf(t) for t in times.tolist()], [mpf(w) for w in weights.tolist()]
            for k in range(1, 7):
                t = closed_form(mpf(given["v_threshold"]), exact[1][:k], exact[0][:k])
                if ends[k - 1] <= t < ends[k]:
                    expected = float(t)
                    break
        assert found == pytest.approx(expected, rel=1e-11)
        fired += expected < INF
    assert 60 < fired < 190


# -- closed forms ----------------------------------------------------------------------------------------------------


def test_10000_crossings_of_delta_neurons_are_those_of_50_digits():
    """Spike exists or not as exact arithmetic on the same numbers has it; times to a few roundings."""
    rng = np.random.default_rng(5)
    model = find_model("lif_delta")
    fired = 0
    for _ in range(10_000):
        tau, threshold = 2.0 ** rng.uniform(-3, 5), 2.0 ** rng.uniform(-2, 1)
        near = rng.random() < 0.3
        v_inf = threshold * (
            1.0 + rng.choice([-1.0, 1.0]) * 2.0 ** rng.uniform(-52, -1) if near else rng.uniform(-1, 4)
        )
        v = threshold * (1.0 - (2.0 ** rng.uniform(-52, 2)))
        p = rows("lif_delta", tau_mem=tau, v_threshold=threshold, v_leak=v_inf, v_reset=-100.0, v_init=-100.0)
        t = model.dynamics.time_to_spike(p, (v,))
        assert (t < INF) == (v_inf > threshold)
        assert (t < INF) <= model.dynamics.may_spike(p, (v,), INF)
        if t < INF:
            fired += 1
            with mpmath.workdps(50):
                exact = mpf(tau) * mpmath.log((mpf(v_inf) - mpf(v)) / (mpf(v_inf) - mpf(threshold)))
                to_go = mpf(v_inf) - mpf(threshold)
                # V' at the crossing is to_go / tau; the quotient of the differences is rounded near 1.
                assert abs(t - exact) <= 2 * UNIT * (exact + mpf(tau) * (1 + (threshold - v) / to_go) + tau)
    assert 3_000 < fired < 8_000


def falling_time(weights: list[Any], times: list[Any], window: tuple, threshold: Any, decline: Any) -> Any:
    """First time from t_min on at which the sum of w (t - t_j) meets threshold - decline (t - t_min), by pieces."""
    _, t_min, t_max = window
    ends = sorted({t_min, *(t for t in times if t_min < t < t_max), t_max})
    for start, end in itertools.pairwise(ends):
        here = [(w, t) for w, t in zip(weights, times, strict=True) if t <= start]
        missing = threshold - decline * (start - t_min) - sum(w * (start - t) for w, t in here)
        slope = sum(w for w, _ in here) + decline
        if missing <= 0 and start == t_min:
            return t_min
        if slope > 0 and max(missing, 0) / slope < end - start:
            return start + max(missing, 0) / slope
    return INF


def test_a_falling_threshold_is_met_at_the_time_of_its_closed_form():
    """Wei et al. 2023: windows [1, 2], t = (2 + sum of w t_j) / (1 + sum of w), inputs in [0, 1]."""
    net = one_cell("falling_threshold", [0.6, -0.2, 0.4], (0.0, 1.0, 2.0), threshold=1.0)
    assert spikes_of(net, [0.2, 0.5, 0.9]) == [pytest.approx((2.0 + 0.38) / 1.8, rel=0, abs=1e-15)]
    early = one_cell("falling_threshold", [3.0], (0.0, 1.0, 2.0), threshold=1.0)
    assert spikes_of(early, [0.25]) == [1.0]  # 2.25 above a threshold that was infinite before
    assert run_of(early, [0.25]).counters["premature"] == 0
    falling = one_cell("falling_threshold", [4.0, -9.0], (0.0, 1.0, 2.0), threshold=1.0)
    assert spikes_of(falling, [0.0, 0.75]) == [1.0]  # V falls, but is above the threshold that appears
    silent = one_cell("falling_threshold", [-1.0], (0.0, 1.0, 2.0), threshold=1.0)
    assert spikes_of(silent, [0.0]) == []  # at t_max the threshold is 0 and V is below it
    at_end = one_cell("falling_threshold", [1.0], (0.0, 1.0, 2.0), threshold=1.0)
    assert spikes_of(at_end, [2.0]) == []  # V = 0 meets the threshold at t_max, which is outside


def test_falling_thresholds_are_met_at_exactly_the_rational_times():
    rng = np.random.default_rng(2)
    fired = 0
    for _ in range(300):
        n = int(rng.integers(1, 6))
        weights = [Fraction(int(k), 7) for k in rng.integers(-10, 14, n)]
        times = [Fraction(int(k), 9) for k in rng.integers(0, 24, n)]
        window = (Fraction(0), Fraction(4, 3), Fraction(8, 3))
        threshold, decline = Fraction(int(rng.integers(1, 12)), 4), Fraction(int(rng.integers(0, 6)), 5)
        net = one_cell("falling_threshold", weights, window, threshold=threshold, decline=decline)
        x = SpikeTimes([[[t] for t in times]])
        found = simulate(net, x, engine="reference", until=5.0).spike_times("cell")[0, 0]
        assert found == falling_time(weights, times, window, threshold, decline)
        fired += found < INF
    assert 50 < fired < 290


# -- resets, once, comparators ---------------------------------------------------------------------------------------


@pytest.mark.engine_small
def test_a_soft_reset_keeps_what_was_above_the_threshold():
    for reset, after in (("hard", -0.25), ("soft", 0.5)):
        net = one_cell("lif_delta", [1.5, 0.25], tau_mem=1.0, v_reset=-0.25, reset=reset)
        run = run_of(net, [1.0, 2.0], record={"cell": [0]})
        assert run.spike_times("cell")[0, 0] == 1.0
        assert run.membrane("cell", 0, times=np.array([1.0, 1.5]))[1].tolist() == [after, after * math.exp(-0.5)]
    # A constant current crosses with nothing to spare: the soft reset is to 0, but for rounding.
    soft = one_cell("lif_delta", [0.0], tau_mem=1.0, current=2.0, reset="soft")
    assert spikes_of(soft, [1.0], until=4.0) == pytest.approx([k * math.log(2.0) for k in range(1, 6)], abs=1e-14)


@pytest.mark.engine_small
@pytest.mark.parametrize(("model", "given"), [("lif_delta", {"tau_mem": 1e9}), ("step_psp", {}), ("if_delta", {})])
def test_what_a_soft_reset_leaves_above_the_threshold_fires_again_when_it_may(model, given):
    net = one_cell(model, [3.5], reset="soft", t_ref=0.25, **given)
    assert spikes_of(net, [1.0]) == [1.0, 1.25, 1.5]
    at_once = one_cell(model, [3.5], reset="soft", **given)
    done = both_engines(at_once, SpikeTimes([[[1.0]]]), until=5.0)
    assert "fires twice at t = 1.0" in (done.error or "")
    for engine in ("compiled", "reference"):
        with pytest.raises(SimulationError, match=r"neuron 0 of 'cell' fires twice"):
            simulate(at_once, SpikeTimes([[[1.0]]]), until=5.0, engine=engine)


@pytest.mark.engine_small
@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("lif_delta", {"tau_mem": 10.0}),
        ("step_psp", {}),
        ("if_delta", {}),
        ("lif_clocked", {"period": 0.5, "decay": 1.0}),
    ],
)
def test_a_neuron_that_may_spike_once_does(model, given):
    for spikes, expected in (("many", [1.0, 2.0, 3.0]), ("once", [1.0])):
        assert spikes_of(one_cell(model, [1.25], spikes=spikes, **given), [[1.0, 2.0, 3.0]], 6.0) == expected


@pytest.mark.engine_small
def test_simultaneous_inputs_are_summed_before_the_threshold_of_a_step_neuron_is_tested():
    times = [1.0, 1.0, 2.0]
    for comparator, expected in (("inclusive", [1.0]), ("strict", [2.0])):
        net = one_cell("step_psp", [2.0, -1.0, 0.25], comparator=comparator, spikes="once")
        assert spikes_of(net, times) == expected


@pytest.mark.engine_small
def test_a_current_alone_fires_at_equal_intervals_and_an_input_moves_what_is_left():
    assert spikes_of(one_cell("if_delta", [0.5], current=0.25), [5.0], until=13.0) == [4.0, 6.0, 10.0]
    for comparator, current, expected in (
        ("inclusive", 0.0, [1.0]),
        ("strict", 0.0, []),
        ("strict", -0.25, []),
        ("strict", 0.25, [1.0, 5.0]),
    ):
        net = one_cell("if_delta", [1.0 - current], current=current, comparator=comparator)  # to the threshold
        assert spikes_of(net, [1.0], until=6.0) == expected


def test_s4nn_layers_fire_in_the_steps_of_a_stepwise_loop():
    """Kheradpisheh and Masquelier 2020: V adds the weights of what fired a step ago; first V > threshold, once."""
    rng = np.random.default_rng(8)
    n_steps, sizes = 40, (20, 15, 6)
    times = rng.integers(0, n_steps, sizes[0])
    weights = [rng.uniform(-2.0, 5.0, (b, a)) for a, b in itertools.pairwise(sizes)]
    thresholds, fired = (12.0, 9.0), [times.astype(float)]
    for w, threshold in zip(weights, thresholds, strict=True):
        first = np.full(len(w), INF)
        v = np.zeros(len(w))
        for step in range(n_steps + 5):
            for i in np.flatnonzero(fired[-1] == step - 1):
                v = v + w[:, i]
            first = np.where((v > threshold) & (first == INF), step, first)
        fired.append(first)
    net = Network()
    net.source(sizes[0], "layer0")
    for k, (w, threshold) in enumerate(zip(weights, thresholds, strict=True), start=1):
        net.population("step_psp", len(w), f"layer{k}", v_threshold=threshold, comparator="strict", spikes="once")
        net.connect(f"layer{k - 1}", f"layer{k}", Dense(w), delay=1.0)
    run = both_engines(net, SpikeTimes(times[np.newaxis].astype(float)), until=n_steps + 4.5).run
    for k in (1, 2):
        assert np.isfinite(fired[k]).any()
        assert run.spike_times(f"layer{k}")[0].tolist() == fired[k].tolist()


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("resets", ["at_spike", "next_tick", "before_leak"])
@pytest.mark.parametrize("leaks", ["before_input", "after_input"])
@pytest.mark.parametrize("decay_syn", [0.0, 0.5])
def test_a_clocked_neuron_keeps_to_the_order_of_operations_that_was_chosen(reset, resets, leaks, decay_syn):
    """As a step-based trainer would write it: synapse, leak, input, the reset of the last step or of this one, test."""
    x = np.random.default_rng(4).choice([0.0, 0.0, 0.5, 0.75, 1.5], 200)
    v, i, before, expected = 0.0, 0.0, False, []
    for k, value in enumerate(x.tolist()):
        if resets == "before_leak" and before:
            v = v - 1.0 if reset == "soft" else -0.25
        i = decay_syn * i + (value + 0.0625)
        v = 0.875 * (v + i) if leaks == "after_input" else 0.875 * v + i
        lowered = v - 1.0 if reset == "soft" else -0.25
        v = lowered if resets == "next_tick" and before else v
        before = v >= 1.0
        expected += [float(k)] * before
        if before and resets == "at_spike":
            v = v - 1.0 if reset == "soft" else -0.25
    options = {"reset": reset, "resets": resets, "leaks": leaks, "v_reset": -0.25, "bias": 0.0625}
    net = one_cell("lif_clocked", [0.5, 0.75, 1.5], period=1.0, decay=0.875, decay_syn=decay_syn, **options)
    times = [np.flatnonzero(x == w).astype(float).tolist() for w in (0.5, 0.75, 1.5)]
    assert 20 < len(expected) < 200
    assert spikes_of(net, times, until=199.5) == expected


@pytest.mark.parametrize(("resets", "expected"), [("before_leak", [2.0, 5.0]), ("next_tick", [2.0, 6.0])])
def test_a_delayed_reset_to_zero_comes_before_leak_and_input_or_loses_an_input(resets, expected):
    """snnTorch's Leaky(beta=0.5, reset_mechanism="zero"), 0.6 at each step, fires at steps 2 and 5."""
    given = {"decay": 0.5, "comparator": "strict", "reset": "hard", "resets": resets}
    net = one_cell("lif_clocked", [0.6], period=1.0, **given)
    assert spikes_of(net, [[float(k) for k in range(7)]], until=6.5) == expected


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_a_reset_before_the_leak_fires_as_one_at_the_spike_and_shows_the_potential_that_fired(reset):
    times = np.flatnonzero(np.random.default_rng(5).random(40) < 0.8).astype(float).tolist()
    runs = []
    for resets in ("at_spike", "before_leak"):
        net = one_cell("lif_clocked", [0.375], period=1.0, decay=0.875, reset=reset, resets=resets)
        runs.append(run_of(net, [times], until=39.5, record={"cell": [0]}))
    spikes = runs[0].spikes
    assert runs[1].spikes.tobytes() == spikes.tobytes()
    last = spikes["time"][spikes["population"] == 1][-1]
    between = [float(run.membrane("cell", 0, times=[last + 0.5])[1][0]) for run in runs]
    assert between[0] < 1.0 <= between[1]
    assert between[0] == (between[1] - 1.0 if reset == "soft" else 0.0)


# -- what is refused -------------------------------------------------------------------------------------------------

ENOUGH: dict[str, dict[str, Any]] = {
    "lif_delta": {"tau_mem": 1.0},
    "step_psp": {},
    "if_delta": {},
    "lif_clocked": {"period": 1.0, "decay": 0.5},
    "falling_threshold": {"threshold": 1.0, "window": (0.0, 1.0, 2.0)},
}


@pytest.mark.parametrize(
    ("model", "changed", "message"),
    [
        ("lif_delta", {"tau_mem": 0.0}, r"tau_mem\[0\] = 0.0; must be >= 1e-50"),
        ("lif_delta", {"tau_mem": [1.0, -1.0]}, r"tau_mem\[1\] = -1.0; must be >= 1e-50"),
        ("lif_delta", {"tau_mem": 1e51}, r"tau_mem\[0\] = 1e\+51; must be >= 1e-50 and <= 1e\+50"),
        ("lif_delta", {"t_ref": -0.5}, r"t_ref\[0\] = -0.5; must be >= 0"),
        ("lif_delta", {"v_reset": [0.0, 1.0]}, r"v_reset\[1\] = 1.0; must be below v_threshold = 1.0"),
        ("lif_delta", {"v_init": 2.0}, r"v_init\[0\] = 2.0; must be below v_threshold"),
        ("lif_delta", {"reset": "sotf"}, "did you mean 'soft'"),
        ("lif_delta", {"spikes": "twice"}, "spikes = 'twice'"),
        ("step_psp", {"t_ref": -1.0}, r"t_ref\[0\] = -1.0"),
        ("step_psp", {"v_reset": 1.0}, r"v_reset\[0\] = 1.0; must be below v_threshold"),
        ("step_psp", {"v_init": 1.0}, r"v_init\[0\] = 1.0; must be below v_threshold"),
        ("if_delta", {"v_reset": 1.0}, r"v_reset\[0\] = 1.0; must be below v_threshold"),
        ("if_delta", {"current": math.inf}, r"current\[0\] = inf"),
        ("step_psp", {"comparator": "strictly"}, "comparator = 'strictly'"),
        ("lif_clocked", {"decay": 1.5}, r"decay\[0\] = 1.5"),
        ("lif_clocked", {"decay": 0.5, "decay_syn": -0.5}, r"decay_syn\[0\] = -0.5"),
        ("lif_clocked", {"period": 0.0}, r"period\[0\] = 0.0; must be > 0"),
        ("lif_clocked", {"leaks": "never"}, "leaks = 'never'"),
        ("lif_clocked", {"resets": "later"}, "resets = 'later'"),
        ("falling_threshold", {"decline": -1.0}, r"decline\[0\] = -1.0; must be >= 0"),
        ("falling_threshold", {"threshold": math.nan}, r"threshold\[0\] = nan"),
    ],
)
def test_parameters_out_of_range_are_refused(model, changed, message):
    with pytest.raises(ModelError, match=message):
        Network().population(model, 2, "cell", **(ENOUGH[model] | changed))


def test_a_soft_reset_needs_no_potential_to_reset_to():
    Network().population("lif_delta", 1, "cell", tau_mem=1.0, reset="soft", v_reset=5.0)


def test_a_known_name_stands_for_all_of_a_model() -> None:
    known = find_model("lif_delta")
    net = Network()
    with pytest.raises(ModelError, match="a neuron model named 'lif_delta' exists already"):
        net.population(dataclasses.replace(known, regime=Free(once=True)), 1, "cells", tau_mem=1.0)
    assert find_model("lif_delta").regime == Free(jumps=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regime": "free"}, "regime = 'free'; must be a value of Free, Windowed, Clocked or Relay"),
        ({"regime": Free}, "must be a value of Free"),
        ({"regime": None}, "must be a value of Free"),
        ({"regime": Clocked()}, "its regime is Clocked, and it has no parameter period, sees"),
    ],
)
def test_regimes_that_are_none_are_refused(changes: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        dataclasses.replace(find_model("lif_delta"), name="odd", **changes)


@pytest.mark.parametrize(
    ("model", "changes", "given", "response"),
    [
        ("lif_delta", {"family": ""}, {"tau_mem": 2.0}, lambda s: math.exp(-s / 2.0)),  # a loop of its own, a small one
        ("ttfs_b1", {}, {"threshold": 1.0}, lambda s: s),
    ],
)
def test_a_read_out_never_fires_whatever_its_dynamics(model, changes, given, response) -> None:
    silent = dataclasses.replace(find_model(model), name=f"{model} read", regime=Windowed(spiking=False), **changes)
    net = Network()
    net.source(1, "input")
    net.population(silent, 2, "out", (0, 2, 4), **given)
    net.connect("input", "out", Dense([[0.8], [0.9]]))
    run = run_of(net, [[0.25, 0.5, 1.0, 3.0]], 6.0)
    assert run.n_spikes() == 0
    expected = [w * sum(response(2.0 - t) for t in (0.25, 0.5, 1.0)) for w in (0.8, 0.9)]
    assert run.readout[0].tolist() == pytest.approx(expected, rel=1e-14)
