"""Neuron models with exponential currents: constants from elsewhere, 50-digit crossings, identities, refractoriness.

`golden/crossings.py` made the golden file, and solves some of its cases again here.
"""

import math
import random
from typing import Any

import mpmath
import numpy as np
import pytest
from adapters import both_engines
from golden import crossings
from golden.crossings import KINDS, MODELS, N_CASES, TANGENCY, Case
from mpmath import mpf

from eventsim import Dense, Network, SpikeTimes, simulate
from eventsim.errors import ModelError
from eventsim.models.neurons.responses import alpha_response, response
from eventsim.network.neuron_model import Model, find_model
from eventsim.network.parameters import check_parameters

INF = math.inf
UNIT = 2.0**-53  # rounding of one operation
# Where the highest potential is below the threshold by no more than so many roundings of its terms, there may be a
# spike, which is flagged. None is ever missed, but by `if_exp`, whose V reaches its highest only in the limit.
BAND = {"lif_exp": 32 * UNIT, "alpha_psp": 32 * UNIT, "lif_alpha": 64 * UNIT, "if_exp": 2 * UNIT}
# Spike times are right to so many roundings of the terms of V there, over V', and of the time itself.
TIMES = 4 * UNIT


def one_cell(model: str, weights: list[float], delay: float = 0.0, **parameters: Any) -> Network:
    net = Network()
    net.source(len(weights), "input")
    net.population(model, 1, "cell", **parameters)
    net.connect("input", "cell", Dense([weights]), delay=delay)
    return net


def spikes_of(net: Network, times: list[Any], until: float = 50.0, **options: Any) -> list[float]:
    trains = [t if isinstance(t, list) else [t] for t in times]
    run = both_engines(net, SpikeTimes([trains]), until=until, **options).run
    return run.spikes["time"][run.spikes["population"] == 1].tolist()


def evolved(model: Model, p: tuple, s: tuple, dt: float, pieces: int = 1) -> tuple:
    for _ in range(pieces):
        s = model.dynamics.advance(model.dynamics.propagator(p, dt / pieces), s)
    return s


def rows(model: Model, **given: Any) -> tuple:
    """The parameters of one neuron as the functions of the model see them."""
    return tuple(float(row[0]) for row in model.prepare(check_parameters(model, "test", 1, given), None))


# -- constants from elsewhere ----------------------------------------------------------------------------------------

TIMES_IN, WEIGHTS = [0.1, 0.4, 0.7, 1.5], [1.2, -0.5, 0.9, 0.8]


@pytest.mark.engine_small
@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        ("if_exp", {"tau_syn": 1.0, "v_threshold": 1.0}, 1.3832356002073771),
        ("alpha_psp", {"tau_syn": 1.0, "v_threshold": 0.3}, 0.7180456330211056),
        ("lif_exp", {"tau_mem": 2.0, "tau_syn": 1.0, "v_threshold": 0.2}, 0.7610824211826689),
    ],
)
def test_the_common_example_of_four_inputs_has_its_published_spike_times(model, parameters, expected):
    """Closed forms of Mostafa 2017, Comsa et al. 2020 and Göltz et al. 2021 (tau_mem = 2 tau_syn), to all digits."""
    found = spikes_of(one_cell(model, WEIGHTS, spikes="once", **parameters), TIMES_IN)
    assert found == [pytest.approx(expected, rel=0, abs=1e-13)]


def test_a_constant_current_fires_at_the_time_of_nests_test():
    """NEST, test_iaf_psc_exp_ps: 1,000 pA into 250 pF, tau_mem = 10 ms, threshold 15 mV."""
    parameters = {"tau_mem": 10.0, "v_threshold": 15.0, "current": 1000.0 * 10.0 / 250.0}
    for model in ("lif_exp", "lif_alpha"):
        found = spikes_of(one_cell(model, [0.0], tau_syn=0.5, **parameters), [1.0], until=6.0)
        assert found == [pytest.approx(4.700036292457356, rel=0, abs=1e-13)]


@pytest.mark.parametrize(("weight", "expected"), [(55.0, None), (70.0, 4.0144154599), (90.0, 4.0065863857)])
@pytest.mark.parametrize("tau_syn", [1.0])
def test_the_spikes_that_an_endpoint_test_misses_are_found(weight, expected, tau_syn):
    """The lossless test of NEST (Krishnan et al. 2018): V rises above the threshold and is below it a step later."""
    model, tau_mem, capacity = find_model("lif_exp"), 100.0, 250.0
    r = tau_mem / capacity
    p = rows(model, tau_mem=tau_mem, tau_syn=tau_syn, r=r, v_threshold=21.0, current=52.5 * r)
    v = evolved(model, p, (20.999, 0.0, 0.0), 2.0)[0]  # from 2 to 4 ms
    without = rows(model, tau_mem=tau_mem, tau_syn=tau_syn, r=r, v_threshold=21.0, v_init=v)
    wait = model.dynamics.time_to_spike(without, (v, weight, 0.0))
    assert 4.0 + wait == (pytest.approx(expected, rel=0, abs=2e-10) if expected else INF)
    assert model.dynamics.may_spike(without, (v, weight, 0.0), INF) or not expected
    high = max(evolved(model, without, (v, weight, 0.0), s)[0] for s in np.linspace(0.0, 0.1, 1001))
    assert (high >= 21.0) == (expected is not None)
    if weight == 55.0:
        assert high - 21.0 == pytest.approx(-7.49e-4, abs=1e-6)
    assert evolved(model, without, (v, weight, 0.0), 1.0)[0] < 21.0 or weight > 70.0


@pytest.mark.parametrize(("time", "tolerance"), [(5.0, 1e-13), (500.0, 1e-9)])
@pytest.mark.parametrize("name", ["lif_exp", "lif_alpha"])
def test_the_potential_does_not_depend_on_how_an_interval_is_cut(name, time, tolerance):
    model = find_model(name)
    p = rows(model, tau_mem=10.0, tau_syn=2.0, v_threshold=2000.0, current=40.0)
    expected = -40.0 * math.expm1(-time / 10.0)
    for pieces in (2**k for k in range(14)):
        assert abs(evolved(model, p, model.dynamics.initial(p), time, pieces)[0] - expected) < tolerance


def test_an_alpha_potential_off_any_grid_is_that_of_nests_test():
    """NEST, test_iaf_psc_alpha_ps: weight 500 pA, spike at 1.132123512 ms and a delay of 1 ms, V at 3 and 6 ms."""
    w, tau_syn, tau_mem, capacity = 500.0, 0.3, 10.0, 250.0
    parameters = {"tau_mem": tau_mem, "tau_syn": tau_syn, "r": tau_mem / capacity, "v_threshold": 1e3}
    net = one_cell("lif_alpha", [w], delay=1.0, **parameters)
    run = both_engines(net, SpikeTimes([[[1.132123512]]]), until=7.0, record={"cell": [0]}).run
    found = run.membrane("cell", 0, times=np.array([3.0, 6.0]))[1]
    for v, t in zip(found, (3.0, 6.0), strict=True):
        s, rate = t - 2.132123512, 1 / tau_syn - 1 / tau_mem
        bump = (math.exp(-s / tau_mem) - math.exp(-s / tau_syn)) / rate**2 - s * math.exp(-s / tau_syn) / rate
        assert v == pytest.approx(w * math.e / (tau_syn * capacity) * bump, rel=1e-13)


# -- the golden file -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(crossings.FILE) as file:
        return dict(file)


def prepared(name: str, case: Case) -> tuple[Model, tuple, tuple]:
    """A model, its parameters and its state in a case."""
    model = find_model(name)
    values = {
        "tau_mem": case.tau_mem, "tau_syn": case.tau_syn, "r": case.r, "v_threshold": case.v_threshold,
        "v_reset": case.v, "v_leak": case.v_inf, "v_init": case.v,
    }  # fmt: skip
    p = rows(model, **{one.name: values[one.name] for one in model.parameters if one.name in values})
    return model, p, (case.v, case.i, *[case.a] * (name == "lif_alpha"), 0.0)


def size_of_terms(name: str, case: Case, s: float) -> float:
    """What V - threshold is the sum of at s, without signs: from V or from v_inf, whichever is less."""
    tau_mem, tau_syn, gain, v_inf = case.tau_mem, case.tau_syn, case.r / case.tau_mem, case.v_inf
    if name == "if_exp":
        return abs(case.v_threshold - case.v) + abs(case.i * tau_syn * math.expm1(-s / tau_syn))
    if name == "alpha_psp":
        tau_mem, gain, v_inf = tau_syn, 1.0, 0.0
    added = abs(gain * case.i * response(tau_mem, tau_syn, s))
    if name == "lif_alpha":
        added += abs(gain * case.a * math.e / tau_syn * alpha_response(tau_mem, tau_syn, s))
    away, to_go = v_inf - case.v, case.v_threshold - case.v
    near = abs(to_go) + abs(away * math.expm1(-s / tau_mem))
    return added + min(near, abs(v_inf - case.v_threshold) + abs(away * math.exp(-s / tau_mem)))


def judge(name: str, case: Case, truth: crossings.Solution) -> str:
    """What is wrong with the model's answer in a case; "" where nothing is."""
    model, p, s = prepared(name, case)
    found, expected = model.dynamics.time_to_spike(p, s), float(truth.time)
    if found < INF and not model.dynamics.may_spike(p, s, INF):
        return f"{case}: fires at {found}, which may_spike denies"
    flagged = found < INF and model.dynamics.touching is not None and model.dynamics.touching(p, s)
    near = abs(truth.margin) <= BAND[name] * size_of_terms(name, case, min(found, expected, 1e300))
    if (found < INF) != (expected < INF) and not (near and flagged != (name == "if_exp")):
        return f"{case}: {found}, should be {expected}, margin {float(truth.margin)}, flagged {flagged}"
    if flagged and not near:
        return f"{case}: flagged, with a margin of {float(truth.margin)}"
    if INF in (expected, found):
        return ""
    slope = abs(float(truth.slope))
    allowed = TIMES * (size_of_terms(name, case, expected) + expected * slope)
    if slope * abs(float(found - truth.time)) > allowed and truth.margin > allowed:
        return f"{case}: {found}, should be {expected}: off by {slope * abs(found - expected) / allowed} tolerances"
    return ""


@pytest.mark.parametrize("name", MODELS)
def test_every_crossing_of_the_golden_file_is_found_and_none_beside_it(name, golden):
    times, slopes, margins = (golden[f"{name}_{part}"] for part in ("time", "slope", "margin"))
    assert times.size == N_CASES >= 10_000
    for case, *truth in zip(crossings.cases(name, golden[f"{name}_threshold"]), times, slopes, margins, strict=True):
        problem = judge(name, case, crossings.Solution(*map(float, truth)))
        assert not problem
    assert 0.3 * N_CASES < np.isfinite(times).sum() < 0.7 * N_CASES
    for kind in range(len(KINDS)):  # every kind has crossings and silence, but for two of `if_exp` and `alpha_psp`
        of_kind = np.isfinite(times[kind :: len(KINDS)])
        assert of_kind.any() or KINDS[kind] == "falls, then rises"


@pytest.mark.parametrize("name", MODELS)
def test_300_random_cases_of_the_golden_file_are_solved_again(name, golden):
    every = crossings.cases(name, golden[f"{name}_threshold"])
    for number in np.random.default_rng(7).choice(N_CASES, 300, replace=False):
        truth = crossings.solve(name, every[number])
        assert float(truth.time) == golden[f"{name}_time"][number]
        assert not judge(name, every[number], truth)


@pytest.mark.parametrize("name", MODELS)
def test_the_thresholds_of_near_tangencies_are_those_of_the_script(name, golden):
    kept = golden[f"{name}_threshold"]
    for place in range(0, kept.size, 40):
        case = crossings.near_tangency(name, TANGENCY + place * len(KINDS))
        assert case.v_threshold == kept[place]


@pytest.mark.parametrize("name", MODELS)
def test_the_state_later_is_that_of_50_digits(name):
    """V after a time of any length, and by way of states in between; e^-x is as good as its rounded x."""
    rng = np.random.default_rng(3)
    for number in range(360):
        case = crossings.case_of(name, number)
        model, p, s = prepared(name, case)
        steps = float(rng.choice([1e-6, 0.01, 1.0, 30.0]) * rng.uniform(0.5, 1.0))
        dt = steps * min(case.tau_mem, case.tau_syn)
        potential = crossings._Potential(name, case)
        exact = potential(mpf(dt)) + potential.threshold
        size = abs(case.v) + size_of_terms(name, case, dt) + abs(case.v_threshold)
        assert abs(evolved(model, p, s, dt)[0] - exact) <= (8 + steps) * UNIT * size
        assert abs(evolved(model, p, s, dt, 8)[0] - exact) <= 64 * UNIT * (size + abs(case.v_inf))


def test_the_responses_to_a_current_are_continuous_where_the_time_constants_meet():
    for k in range(1, 53):
        for tau_syn in (1.0 + 2.0**-k, 1.0 - 2.0**-k):
            for s in (1e-3, 1.0, 20.0):
                with mpmath.workdps(60):
                    rate = 1 / mpf(tau_syn) - 1
                    g = (mpmath.exp(-s) - mpmath.exp(-s / mpf(tau_syn))) / rate
                    h = (g - s * mpmath.exp(-s / mpf(tau_syn))) / rate
                    assert abs(response(1.0, tau_syn, s) / g - 1) < 32 * UNIT
                    assert abs(alpha_response(1.0, tau_syn, s) / h - 1) < 32 * UNIT


# -- shapes of V -----------------------------------------------------------------------------------------------------


def test_a_potential_that_falls_first_and_rises_later_crosses_later():
    """A negative current under a drive above the threshold: V falls from just below it, and crosses when it is back."""
    model = find_model("lif_exp")
    p = rows(model, tau_mem=10.0, tau_syn=2.0, current=1.5)
    s = (0.99, -3.0, 0.0)
    t = model.dynamics.time_to_spike(p, s)
    v = [evolved(model, p, s, x)[0] for x in np.linspace(0.0, 0.999 * t, 200)]
    assert min(v) < 0.75
    assert max(v) < 1.0
    assert evolved(model, p, s, t)[0] == pytest.approx(1.0, abs=1e-15)
    assert model.dynamics.may_spike(p, s, INF)


def test_a_state_that_rounding_left_at_the_threshold_fires_at_once_where_it_rises_and_later_where_it_falls():
    model = find_model("lif_exp")
    p = rows(model, tau_mem=10.0, tau_syn=2.0, current=1.5)
    assert model.dynamics.time_to_spike(p, (1.0, 0.5, 0.0)) == 0.0
    assert 1.0 < model.dynamics.time_to_spike(p, (1.0, -3.0, 0.0)) < INF
    silent = rows(model, tau_mem=10.0, tau_syn=2.0)
    assert model.dynamics.time_to_spike(silent, (1.0, 0.5, 0.0)) == INF
    assert model.dynamics.time_to_spike(silent, (1.0, 3.0, 0.0)) == 0.0
    assert (
        model.dynamics.time_to_spike(rows(model, tau_mem=10.0, tau_syn=2.0, current=1.0), (0.0, 0.0, 0.0)) == INF
    )  # the limit


def test_an_alpha_current_may_make_v_turn_twice():
    """Falls under an old current, rises with a new one, falls back: the crossing is in the middle."""
    model = find_model("lif_alpha")
    p = rows(model, tau_mem=5.0, tau_syn=5.0, v_init=0.5)
    s = (0.5, -2.0, 8.0, 0.0)
    path = np.array([evolved(model, p, s, x)[0] for x in np.linspace(0.0, 60.0, 3001)])
    turns = np.flatnonzero(np.diff(np.sign(np.diff(path))))
    assert turns.size == 2
    t = model.dynamics.time_to_spike(p, s)
    assert turns[0] < t / 0.02 < turns[1]
    assert evolved(model, p, s, t)[0] == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(("i", "v_leak"), [(-math.e, math.e), (0.0, math.e / 2)])
def test_an_alpha_current_under_which_v_stops_to_rise_for_a_moment_does_not_hide_the_crossing(i, v_leak):
    """dV/dt is exactly 0 at 0, as its slope is, or exactly 0 at tau_syn, where it is least: V turns at neither."""
    model = find_model("lif_alpha")
    p = rows(model, tau_mem=1.0, tau_syn=1.0, v_leak=v_leak, v_threshold=0.9 * v_leak)
    t = model.dynamics.time_to_spike(p, (0.0, i, -1.0, 0.0))
    assert 1.0 < t < INF
    assert evolved(model, p, (0.0, i, -1.0, 0.0), t)[0] == pytest.approx(0.9 * v_leak, abs=1e-15)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", MODELS)
def test_currents_of_which_almost_nothing_is_left_are_no_obstacle(name, sign):
    """Also denormal ones, with equal time constants too."""
    model = find_model(name)
    drive = {"current": 2.0} if name in ("lif_exp", "lif_alpha") else {}
    for tau_mem in (1.0, 3.0) if drive else (1.0,):
        p = rows(model, tau_syn=1.0, **drive, **({"tau_mem": tau_mem} if drive else {}))
        without = model.dynamics.time_to_spike(p, (0.25, *[0.0] * (len(model.dynamics.state) - 2), 0.0))
        for current in (2.0**-1074, 2.0**-1030, 2.0**-500):
            s = (0.25, *[sign * current] * (len(model.dynamics.state) - 2), 0.0)
            assert model.dynamics.time_to_spike(p, s) == without


@pytest.mark.engine_small
@pytest.mark.parametrize("name", ["alpha_psp", "lif_exp"])
def test_a_potential_that_touches_the_threshold_fires_and_is_counted(name):
    """The highest potential of one input is w tau / e, at tau; one part in 10^14 below the threshold is silence."""
    given = {"tau_syn": 1.0} | ({"tau_mem": 1.0} if name == "lif_exp" else {})
    for w, expected in ((1.0, 1), (1.0 + 1e-14, 0), (1.0 - 1e-14, None)):
        net = one_cell(name, [w], **given, v_threshold=1.0 / math.e)
        run = both_engines(net, SpikeTimes([[[0.5]]]), until=20.0).run
        assert run.spike_times("cell")[0, 0] == (INF if expected is None else pytest.approx(1.5, abs=1e-6))
        assert run.counters["tangent"] == run.counters["by_population"]["cell"]["tangent"] == (expected or 0)


# -- identities ------------------------------------------------------------------------------------------------------

PARAMETERS: dict[str, dict[str, Any]] = {
    "lif_exp": {"tau_mem": 10.0, "tau_syn": 2.5, "t_ref": 1.0},
    "if_exp": {"tau_syn": 2.5, "t_ref": 1.0},
    "lif_alpha": {"tau_mem": 10.0, "tau_syn": 2.5, "t_ref": 1.0},
    "alpha_psp": {"tau_syn": 2.5, "t_ref": 1.0},
}
GAIN = {"lif_exp": 3.0, "if_exp": 0.4, "lif_alpha": 3.0, "alpha_psp": 0.6}


def random_input(name: str) -> tuple[list[float], list[list[float]]]:
    rng = np.random.default_rng(11)
    weights = (GAIN[name] * rng.normal(0.3, 1.0, 6)).tolist()
    return weights, [np.sort(rng.uniform(0.0, 40.0, 8)).tolist() for _ in weights]


@pytest.mark.parametrize("name", MODELS)
def test_weights_and_threshold_times_a_power_of_two_leave_every_bit_of_the_times(name):
    weights, times = random_input(name)
    expected = spikes_of(one_cell(name, weights, **PARAMETERS[name]), times)
    assert len(expected) > 3
    for factor in (2.0**-30, 0.5, 2.0**40):
        net = one_cell(name, [factor * w for w in weights], v_threshold=factor, **PARAMETERS[name])
        assert spikes_of(net, times) == expected
    net = one_cell(name, [3.0 * w for w in weights], v_threshold=3.0, **PARAMETERS[name])
    assert spikes_of(net, times) == pytest.approx(expected, rel=0, abs=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_shifted_inputs_shift_the_spikes(name):
    weights, times = random_input(name)
    times = [[round(t * 1024) / 1024 for t in train] for train in times]  # shifted without rounding
    expected = spikes_of(one_cell(name, weights, **PARAMETERS[name]), times)
    for shift in (0.5, 1000.0, 2.0**20):
        moved = spikes_of(one_cell(name, weights, **PARAMETERS[name]), [[t + shift for t in x] for x in times], 2.0**21)
        assert [t - shift for t in moved[: len(expected)]] == pytest.approx(expected, rel=0, abs=1e-11 + 1e-14 * shift)
    stretched = PARAMETERS[name] | {key: 8.0 * PARAMETERS[name][key] for key in PARAMETERS[name]}
    if name in ("lif_exp", "lif_alpha"):  # the equation has no other time in it
        slow = spikes_of(one_cell(name, weights, **stretched), [[8.0 * t for t in train] for train in times], 400.0)
        assert slow == [8.0 * t for t in expected]


@pytest.mark.parametrize("name", MODELS)
def test_the_derivatives_of_a_spike_time_by_its_input_times_add_up_to_one(name):
    """And Σ w ∂t/∂w + threshold ∂t/∂threshold = 0: the equations know no absolute time, and no unit of V."""
    times, weights = [0.1, 0.4, 0.7], [GAIN[name] * w for w in (1.2, -0.5, 1.5)]

    def first(times: list[float], weights: list[float], threshold: float) -> float:
        net = one_cell(name, weights, spikes="once", v_threshold=threshold, **PARAMETERS[name])
        run = simulate(net, SpikeTimes([times]), until=50.0, engine="reference")
        return float(run.spike_times("cell")[0, 0])

    threshold, h = 0.25, 2.0**-18
    assert first(times, weights, threshold) < 20.0
    by_time, by_weight = 0.0, 0.0
    for k in range(3):
        step = [h * (j == k) for j in range(3)]
        ahead, behind = ([t + sign * d for t, d in zip(times, step, strict=True)] for sign in (1.0, -1.0))
        by_time += (first(ahead, weights, threshold) - first(behind, weights, threshold)) / (2.0 * h)
        up, down = ([w * (1.0 + sign * d) for w, d in zip(weights, step, strict=True)] for sign in (1.0, -1.0))
        by_weight += (first(times, up, threshold) - first(times, down, threshold)) / (2.0 * h)
    scaled = [first(times, weights, threshold * (1.0 + sign * h)) for sign in (1.0, -1.0)]
    assert by_time == pytest.approx(1.0, abs=1e-8)
    assert by_weight + (scaled[0] - scaled[1]) / (2.0 * h) == pytest.approx(0.0, abs=1e-7)


# -- refractoriness --------------------------------------------------------------------------------------------------


@pytest.mark.engine_small
@pytest.mark.parametrize("name", MODELS)
def test_currents_go_on_while_v_is_held(name):
    """After the spike V stays at v_reset for t_ref and then follows what is left of the currents, new ones included."""
    w, hold = 4.0 * GAIN[name], 4.0
    net = one_cell(name, [w, 0.5 * w], **(PARAMETERS[name] | {"t_ref": hold, "v_reset": -0.5}))
    run = both_engines(net, SpikeTimes([[[1.0], [4.0]]]), until=30.0, record={"cell": [0]}).run
    times = run.spikes["time"][run.spikes["population"] == 1]
    end = times[0] + hold
    assert 1.0 < times[0] < 4.0 < end  # so the second input comes while V is held
    assert (run.membrane("cell", 0, times=np.linspace(times[0], end, 50)[:-1])[1] == -0.5).all()
    # What follows is a neuron that begins at v_reset with the currents of one that has no threshold.
    model = find_model(name)
    p = rows(model, **PARAMETERS[name])
    s = model.dynamics.receive(evolved(model, p, model.dynamics.receive(model.dynamics.initial(p), w), 3.0), 0.5 * w)
    free = (-0.5, *evolved(model, p, s, end - 4.0)[1:-1], 0.0)
    v = run.membrane("cell", 0, times=np.array([end, end + 0.25]))[1]
    assert v.tolist() == pytest.approx([-0.5, evolved(model, p, free, 0.25)[0]], abs=1e-13)
    following = model.dynamics.time_to_spike(p, free)
    assert times[1:2].tolist() == pytest.approx([end + following] if following < INF else [], abs=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_a_neuron_that_may_spike_once_does(name):
    weights, times = random_input(name)
    many = spikes_of(one_cell(name, weights, **PARAMETERS[name]), times)
    once = spikes_of(one_cell(name, weights, spikes="once", **PARAMETERS[name]), times)
    assert len(many) > 1
    assert once == many[:1]


# -- the whole range of parameters -----------------------------------------------------------------------------------


def decade(rng: random.Random, low: float, high: float) -> float:
    return 10.0 ** rng.choice([rng.uniform(low, high), rng.uniform(-3, 3), low, high])


def any_parameters(rng: random.Random, model: Model) -> dict[str, Any]:
    """Numbers from all over what is allowed, often at its borders."""
    given: dict[str, Any] = {}
    for p in model.parameters:
        if p.choices:
            given[p.name] = p.choices[0]
        elif p.name.startswith("tau"):
            given[p.name] = decade(rng, -50, 50)
        elif p.name in ("t_ref", "v_threshold"):
            given[p.name] = decade(rng, -300, 100)
        else:
            size = rng.choice([0.0, min(1.0, p.high), decade(rng, -300, min(math.log10(p.high), 100))])
            given[p.name] = rng.choice([size, -size]) if p.low < 0 else size
    return given


@pytest.mark.parametrize("name", [*MODELS, "lif_delta", "glif"])
def test_no_state_leaves_float64_whatever_the_parameters_weights_and_times(name: str) -> None:
    model, rng, tried = find_model(name), random.Random(1), 0
    while tried < 3000:
        try:
            p = rows(model, **any_parameters(rng, model))
        except ModelError:  # a potential above its threshold
            continue
        tried += 1
        s = model.dynamics.initial(p)
        for _ in range(4):
            following = model.dynamics.time_to_spike(p, s)
            assert following >= 0.0
            dt = min(following, rng.choice([0.0, decade(rng, -300, 300)]))
            s = model.dynamics.receive(
                model.dynamics.advance(model.dynamics.propagator(p, dt), s),
                rng.choice([1, -1]) * decade(rng, -300, 100),
            )
            assert np.isfinite(s[:-1]).all()
            assert s[-1] >= 0.0 or name == "lif_delta"


@pytest.mark.parametrize("name", MODELS)
def test_an_input_long_after_another_meets_a_neuron_at_rest(name: str) -> None:
    """1e200 time constants, whose square is no number."""
    first = spikes_of(one_cell(name, [8.0], **PARAMETERS[name]), [0.0])
    assert first
    spaced = spikes_of(one_cell(name, [0.01, 8.0], **PARAMETERS[name]), [0.0, 1e200], until=1e300)
    if name != "if_exp":  # which keeps its potential
        assert spaced == [1e200]  # less a time that is lost in rounding


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tau_syn": 0.0}, r"tau_syn\[0\] = 0.0; must be >= 1e-50"),
        ({"tau_syn": [1.0, -2.0]}, r"tau_syn\[1\] = -2.0; must be >= 1e-50"),
        ({"tau_syn": np.nan}, r"tau_syn\[0\] = nan"),
        ({"tau_syn": np.inf}, r"tau_syn\[0\] = inf"),
        ({"t_ref": -1.0}, r"t_ref\[0\] = -1.0; must be >= 0"),
        ({"v_threshold": np.nan}, r"v_threshold\[0\] = nan"),
        ({"v_reset": 1.0}, r"v_reset\[0\] = 1.0; must be below v_threshold = 1.0"),
        ({"v_init": [0.0, 1.5]}, r"v_init\[1\] = 1.5; must be below v_threshold"),
        ({"spikes": "onec"}, "did you mean 'once'"),
        ({"tau_sny": 1.0}, "unknown parameter 'tau_sny', did you mean 'tau_syn'"),
    ],
)
def test_parameters_out_of_range_are_refused(name, changed, message):
    with pytest.raises(ModelError, match=message):
        Network().population(name, 2, "cell", **(PARAMETERS[name] | changed))


@pytest.mark.parametrize("name", ["lif_exp", "lif_alpha"])
@pytest.mark.parametrize("tau_mem", [0.0, -1.0, np.nan, np.inf])
def test_membrane_time_constants_out_of_range_are_refused(name, tau_mem):
    with pytest.raises(ModelError, match=r"tau_mem\[0\] = "):
        Network().population(name, 1, "cell", tau_mem=tau_mem, tau_syn=1.0)
    with pytest.raises(ModelError, match="needs tau_mem"):
        Network().population(name, 1, "cell", tau_syn=1.0)
