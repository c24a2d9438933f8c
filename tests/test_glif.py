"""The generalised neuron: crossings of many digits, its equations, its limits, and the same bits on both engines.

`golden/glif.py` made the golden file, and solves some of its cases again here.
"""

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import strategies
from adapters import both_engines
from golden import glif as golden_glif
from golden.crossings import Solution
from golden.glif import KINDS, N_CASES, TANGENCY, Case
from hypothesis import given, settings
from mpmath import mpf

from eventsim import Dense, Network, SpikeTimes
from eventsim._jit import INTERPRETED
from eventsim.errors import ModelError
from eventsim.models.neurons.exponentials import make_forms
from eventsim.models.neurons.glif import GLIF
from eventsim.models.neurons.responses import double_response, mean_decay, twice_mean_decay
from eventsim.network.parameters import check_parameters

INF = math.inf
UNIT = 2.0**-53  # rounding of one operation
# Where the highest V - threshold is below 0 by no more than so many roundings of its terms, there may be a spike.
BAND = 128 * UNIT
# Spike times are right to so many roundings of these terms, over the slope there, and of the time itself.
TIMES = 4 * UNIT


def rows(**given: Any) -> tuple:
    """The parameters of one neuron as the functions of the model see them."""
    prepared = GLIF.prepare(check_parameters(GLIF, "test", 1, given), None)
    return tuple(float(row[0]) for row in prepared)


def evolved(p: tuple, s: tuple, dt: float, pieces: int = 1) -> tuple:
    for _ in range(pieces):
        s = GLIF.dynamics.advance(GLIF.dynamics.propagator(p, dt / pieces), s)
    return s


def one_cell(weights: list[float], **parameters: Any) -> Network:
    net = Network()
    net.source(len(weights), "input")
    net.population("glif", 1, "cell", **parameters)
    net.connect("input", "cell", Dense([weights]))
    return net


def spikes_of(net: Network, times: list[list[float]], until: float = 60.0) -> list[float]:
    run = both_engines(net, SpikeTimes([times]), until=until).run
    return run.spikes["time"][run.spikes["population"] == 1].tolist()


# -- the golden file -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(golden_glif.FILE) as file:
        return dict(file)


def prepared(case: Case) -> tuple[tuple, tuple]:
    """Parameters and state of a case."""
    names = (*golden_glif.TIMES, "v_leak", "current", "v_threshold", "coupling")
    p = rows(**{name: getattr(case, name) for name in names}, v_reset=-1e9, v_init=-1e9)
    return p, (case.v, case.threshold, case.i, case.j1, case.j2, 0.0)


value = make_forms(3, adapts=True).value
touching: Any = GLIF.dynamics.touching


def form(p: tuple, s: tuple) -> tuple:
    """V - threshold as a form of `exponentials`, of a neuron that is not held."""
    tau_mem, tau_threshold, v_inf, h_inf, gain, coupling = p[:6]
    v, threshold, *currents = s[:5]
    tau_syn, tau_1, tau_2 = p[-3:]
    return (
        v_inf - h_inf, 1.0, -1.0, (0.0,) * 3, (0.0,) * 3, v - v_inf, threshold - h_inf, tuple(currents), (0.0,) * 3,
        tau_mem, tau_threshold, (tau_syn, tau_1, tau_2), gain, coupling, abs(v_inf) + abs(h_inf), v - threshold,
    )  # fmt: skip


def judge(case: Case, truth: Solution) -> str:
    """What is wrong with the model's answer in a case; "" where nothing is."""
    p, s = prepared(case)
    found, expected = GLIF.dynamics.time_to_spike(p, s), float(truth.time)
    if found < INF and not GLIF.dynamics.may_spike(p, s, INF):
        return f"{case}: fires at {found}, which may_spike denies"
    flagged = found < INF and touching(p, s)
    q = form(p, s)
    near = abs(truth.margin) <= BAND * value(q, min(found, expected, 1e300))[2]
    if expected < found == INF:  # only where V - threshold never turns, and tends to 0 but for rounding
        return "" if near and abs(q[0]) <= BAND * q[14] else f"{case}: missed at {expected}, margin {truth.margin}"
    if found < expected == INF and not (near and flagged):
        return f"{case}: fires at {found}, margin {float(truth.margin)}, flagged {flagged}"
    if flagged and not near:
        return f"{case}: flagged, with a margin of {float(truth.margin)}"
    return ""


def late_by(case: Case, truth: Solution) -> float:
    """How far off a spike time is, in roundings over the slope; 0 where rounding decides whether there is one."""
    p, s = prepared(case)
    found, expected, slope = GLIF.dynamics.time_to_spike(p, s), float(truth.time), abs(float(truth.slope))
    if INF in (found, expected):
        return 0.0
    allowed = value(form(p, s), expected)[2] + expected * slope
    return slope * abs(float(found - truth.time)) / allowed if truth.margin > 8 * UNIT * allowed else 0.0


def test_every_crossing_of_the_golden_file_is_found_and_none_beside_it(golden):
    every = golden_glif.cases(golden["shift"])
    assert len(every) == N_CASES >= 10_000
    for case, *truth in zip(every, golden["time"], golden["slope"], golden["margin"], strict=True):
        solution = Solution(*map(float, truth))
        problem = judge(case, solution)
        assert not problem
        assert late_by(case, solution) <= TIMES, case
    for kind in range(len(KINDS)):
        fired = np.isfinite(golden["time"][kind :: len(KINDS)]).mean()
        assert 0.05 < fired < 1.0, KINDS[kind]


def test_300_random_cases_of_the_golden_file_are_solved_again(golden):
    every = golden_glif.cases(golden["shift"])
    with mpmath.workdps(110):
        for number in np.random.default_rng(7).choice(N_CASES, 300, replace=False):
            truth = golden_glif.solve(every[number])
            assert float(truth.time) == golden["time"][number]
            assert not judge(every[number], truth)
            assert late_by(every[number], truth) <= TIMES
        for place in range(0, golden["shift"].size, 40):
            assert golden_glif.near_tangency(TANGENCY + place * len(KINDS)) == golden["shift"][place]


def test_the_state_later_is_that_of_many_digits():
    """V - threshold after a time of any length, and by way of states in between."""
    rng = np.random.default_rng(3)
    with mpmath.workdps(110):
        for number in range(120):
            case = golden_glif.case_of(number)
            p, s = prepared(case)
            steps = float(rng.choice([1e-6, 0.01, 1.0, 30.0]) * rng.uniform(0.5, 1.0))
            dt = steps * min(case.tau_mem, case.tau_threshold, case.tau_syn, case.tau_1, case.tau_2)
            exact = golden_glif.difference(case)(mpf(dt))
            size = value(form(p, s), dt)[2] + abs(case.v) + abs(case.threshold)
            for pieces in (1, 8):
                v, threshold, *_ = evolved(p, s, dt, pieces)
                assert abs(v - threshold - exact) <= 16 * pieces * UNIT * size


def test_divided_differences_are_right_wherever_their_points_lie():
    rng = np.random.default_rng(9)
    for _ in range(2_000):
        taus = 2.0 ** rng.uniform(-3, 5) * (1.0 + rng.choice([0.0, 1e-15, 1e-9, 1e-3, 1.0, 30.0], 3) * rng.random(3))
        s = float(2.0 ** rng.uniform(-20, 6))
        one, two, three = map(float, taus)
        with mpmath.workdps(110):
            rates = [1 / (mpf(tau) * (1 + k * mpf(10) ** -30)) for k, tau in enumerate((one, two, three))]
            exact = sum(
                mpmath.exp(-a * mpf(s)) / ((b - a) * (c - a))
                for a, b, c in (rates, rates[1:] + rates[:1], rates[2:] + rates[:2])
            )
        found = double_response(one, two, three, s)
        assert abs(found / exact - 1) <= (16 + s / max(one, two, three)) * UNIT
    assert (mean_decay(0.0), twice_mean_decay(0.0, 0.0, 0.0)) == (1.0, 0.5)


# -- limits that are other models ------------------------------------------------------------------------------------


@pytest.mark.engine_small
def test_without_what_is_its_own_it_is_lif_exp():
    rng = np.random.default_rng(11)
    weights, times = (
        (3.0 * rng.normal(0.3, 1.0, 6)).tolist(),
        [np.sort(rng.uniform(0, 40, 8)).tolist() for _ in range(6)],
    )
    common = {"tau_mem": 10.0, "tau_syn": 2.5, "t_ref": 1.0, "current": 0.5, "v_leak": 0.1}
    expected = Network()
    expected.source(6, "input")
    expected.population("lif_exp", 1, "cell", **common)
    expected.connect("input", "cell", Dense([weights]))
    found = spikes_of(one_cell(weights, **common), times)
    assert len(found) > 5
    assert found == pytest.approx(spikes_of(expected, times), rel=0, abs=1e-11)


@pytest.mark.parametrize(("time", "tolerance"), [(5.0, 1e-13), (500.0, 1e-9)])
def test_the_potential_does_not_depend_on_how_an_interval_is_cut(time, tolerance):
    p = rows(tau_mem=10.0, tau_syn=2.0, tau_threshold=10.0, coupling=0.25, v_threshold=2000.0, current=40.0)
    for pieces in (2**k for k in range(14)):
        v, threshold, *_ = evolved(p, GLIF.dynamics.initial(p), time, pieces)
        assert abs(v + 40.0 * math.expm1(-time / 10.0)) < tolerance
        follows = 10.0 * (-math.expm1(-time / 10.0) - time / 10.0 * math.exp(-time / 10.0))
        assert abs(threshold - 2000.0 - follows) < 1000 * tolerance


def test_a_spike_moves_the_threshold_and_the_currents_as_it_is_told():
    own = {"tau_threshold": 7.0, "threshold_reset": 1.5, "threshold_jump": 0.25, "after_1": -0.5, "kept_1": 0.25}
    p = rows(tau_mem=10.0, tau_syn=2.0, v_reset=-0.5, t_ref=2.0, after_2=1.0, kept_2=0.0, **own)
    assert GLIF.dynamics.reset(p, (1.0, 1.0, 3.0, 2.0, 7.0, 0.0)) == (-0.5, 1.75, 3.0, 0.0, 1.0, 2.0)
    assert GLIF.dynamics.reset(p, (2.0, 2.0, 3.0, 2.0, 7.0, 0.0))[1] == 2.25


def test_while_v_is_held_all_else_goes_on():
    """The threshold follows a V that stands still; the two halves of a time are the whole."""
    p = rows(tau_mem=10.0, tau_syn=2.0, tau_threshold=5.0, coupling=0.5, v_reset=-0.5, t_ref=2.0)
    s = (-0.5, 2.0, 3.0, 1.0, -1.0, 2.0)
    v, threshold, i, j1, j2, left = evolved(p, s, 1.5)
    assert (v, left) == (-0.5, 0.5)
    assert threshold == pytest.approx(0.75 + 1.25 * math.exp(-0.3), abs=1e-15)
    assert (i, j1, j2) == pytest.approx((3.0 * math.exp(-0.75), math.exp(-1.5), -math.exp(-1.5)), abs=1e-15)
    assert evolved(p, evolved(p, s, 1.5), 1.5) == pytest.approx(evolved(p, s, 3.0), abs=1e-14)


@pytest.mark.engine_small
def test_a_neuron_above_its_threshold_when_it_is_released_fires_then():
    """A coupling makes the threshold fall while V is held."""
    cell: dict[str, Any] = {
        "tau_mem": 100.0,
        "tau_syn": 1.0,
        "tau_threshold": 0.5,
        "coupling": 2.0,
        "v_leak": 2.0,
        "v_threshold": 3.0,
    }
    net = one_cell([0.0], **cell, v_init=0.5, v_reset=0.5, t_ref=4.0, threshold_reset=3.0)
    found = spikes_of(net, [[1.0]], until=12.0)
    assert len(found) > 1
    assert found[1] - found[0] == 4.0


@pytest.mark.engine_small
def test_an_adapting_neuron_fires_more_and_more_slowly():
    for own in ({"after_1": -0.5, "tau_1": 40.0}, {"tau_threshold": 40.0, "threshold_jump": 0.25}):
        net = one_cell([0.0], tau_mem=10.0, tau_syn=2.0, current=4.0, **own)
        gaps = np.diff(spikes_of(net, [[]], until=100.0))
        assert gaps.size > 5
        assert (np.diff(gaps[:5]) > 0.0).all()


# -- identities and engines ------------------------------------------------------------------------------------------

OWN = {"tau_threshold": 5.0, "coupling": 0.25, "threshold_jump": 0.125, "after_1": -0.25, "kept_1": 0.5, "tau_1": 20.0}


@pytest.mark.engine_small
def test_weights_and_thresholds_times_a_power_of_two_leave_every_bit_of_the_times():
    rng = np.random.default_rng(12)
    weights, times = rng.normal(1.0, 3.0, 6).tolist(), [np.sort(rng.uniform(0, 40, 8)).tolist() for _ in range(6)]
    common = {"tau_mem": 10.0, "tau_syn": 2.5, "t_ref": 1.0} | OWN
    expected = spikes_of(one_cell(weights, **common), times)
    assert len(expected) > 3
    for factor in (2.0**-30, 2.0**40):
        scaled = common | {name: factor * common[name] for name in ("threshold_jump", "after_1")}
        net = one_cell([factor * w for w in weights], **scaled, v_threshold=factor, threshold_reset=factor)
        assert spikes_of(net, times) == expected


def test_the_derivatives_of_a_spike_time_by_its_input_times_add_up_to_one():
    times, weights, h = [0.1, 0.4, 0.7], [7.2, -3.0, 9.0], 2.0**-18

    def first(moved: list[float], factors: list[float]) -> float:
        return spikes_of(
            one_cell([w * f for w, f in zip(weights, factors, strict=True)], **cell), [[t] for t in moved]
        )[0]

    cell: dict[str, Any] = {"tau_mem": 10.0, "tau_syn": 2.5, "spikes": "once"} | OWN
    total = 0.0
    for k in range(3):
        ahead, behind = ([t + sign * h * (j == k) for j, t in enumerate(times)] for sign in (1.0, -1.0))
        total += (first(ahead, [1.0] * 3) - first(behind, [1.0] * 3)) / (2.0 * h)
    assert first(times, [1.0] * 3) < 20.0
    assert total == pytest.approx(1.0, abs=1e-8)


@pytest.mark.engine_small
@given(strategies.recurrent_glif())
@settings(max_examples=10 if INTERPRETED else 30)  # interpreted, each takes a second or more
def test_networks_run_alike_on_both_engines(case):
    both_engines(case.net, case.x, until=case.until)


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        *(({name: 0.0}, rf"{name}\[0\] = 0.0; must be >= 1e-50") for name in golden_glif.TIMES),
        ({"tau_1": [1.0, -1.0]}, r"tau_1\[1\] = -1.0; must be >= 1e-50"),
        ({"t_ref": -1.0}, r"t_ref\[0\] = -1.0; must be >= 0"),
        ({"threshold_jump": -1.0}, r"threshold_jump\[0\] = -1.0; must be >= 0"),
        ({"v_reset": 1.0}, r"v_reset\[0\] = 1.0; must be below v_threshold"),
        ({"v_threshold": 9.0, "v_reset": 2.0}, r"v_reset\[0\] = 2.0; must be below threshold_reset = 1.0"),
        ({"v_init": [0.0, 1.5]}, r"v_init\[1\] = 1.5; must be below v_threshold"),
        ({"coupling": math.nan}, r"coupling\[0\] = nan"),
        ({"couplin": 1.0}, "unknown parameter 'couplin', did you mean 'coupling'"),
    ],
)
def test_parameters_out_of_range_are_refused(changed, message):
    with pytest.raises(ModelError, match=message):
        Network().population("glif", 2, "cell", **({"tau_mem": 10.0, "tau_syn": 2.0} | changed))
