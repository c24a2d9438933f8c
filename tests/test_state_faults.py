"""State faults: leaks, ranges, refractoriness and complete sums, against closed forms and exact oracles."""

import functools
import math
import pickle  # noqa: TID251 - what pools of processes do is what is tested; nothing is read from a file
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, cast

import mpmath
import numpy as np
import pytest

import eventsim
from eventsim._jit import jitable
from eventsim.errors import FaultError, ModelError
from eventsim.faults import CompleteSum, Leak, Refractory, Saturation, StateFault, manufacture, read
from eventsim.models import read_relu, to_ttfs
from eventsim.network.neuron_model import VARIANT, find_model, register

RELU = read_relu({"weights": [[[1.0, -0.5], [0.5, 1.0]], [[1.0, -1.0], [0.5, 0.5]]]})
NET = to_ttfs(RELU, [[0, 1], [1, 0], [1, 1]])
X = [[0.75, 0.25], [0.5, 1.0], [1.0, 0.125]]
NONE = [Leak(math.inf), Saturation(), Refractory(0.0)]


def one_neuron(weights: Any, model: str = "ttfs_b1", window: Any = (0.0, 1.0, 3.0), **parameters: Any) -> Any:
    net = eventsim.Network()
    net.source(len(weights), "input", window=(0.0, 1.0))
    net.population(model, 1, "cell", window=window, **parameters)
    net.connect("input", "cell", eventsim.Dense([weights]))
    return net


def parameters(net: Any, name: str) -> Any:
    return net.node(name).parameters


def first(net: Any, times: Any, faults: Any, engine: str = "reference", **options: Any) -> float:
    run = eventsim.simulate(net, eventsim.SpikeTimes([times]), faults=faults, engine=engine, **options)
    return float(run.spike_times("cell")[0, 0])


@pytest.mark.parametrize("tau", [0.3, 1.0, 7.0, 1e3, 1e8])
@pytest.mark.parametrize("seed", range(8))
def test_a_leak_delays_b1_as_its_closed_form_says(tau: float, seed: int) -> None:
    """t = t_min + tau ln((B tau - V0) / (B tau - threshold)), with V0 solved exactly between the inputs (mpmath)."""
    draws = np.random.default_rng(seed)
    times, weights = np.sort(draws.random(4)), draws.normal(0, 0.3, 4)
    threshold, slope = 1.4, 2.0
    with mpmath.workdps(40):
        v, s, t = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0)
        for at, weight in [*zip(times, weights, strict=True), (1.0, 0.0)]:
            v = s * tau + (v - s * tau) * mpmath.exp(-(mpmath.mpf(float(at)) - t) / tau)
            s, t = s + mpmath.mpf(float(weight)), mpmath.mpf(float(at))
        expected = math.inf
        if slope * tau > threshold:
            expected = float(1 + tau * mpmath.log((slope * tau - v) / (slope * tau - mpmath.mpf(threshold))))
            expected = expected if expected < 3 else math.inf
    found = first(one_neuron(weights, threshold=threshold, slope=slope), times, [Leak(tau)])
    assert found == pytest.approx(expected, rel=0, abs=1e-14)


def test_a_leak_comes_near_none_as_tau_grows() -> None:
    net, times = one_neuron([0.7, -0.2], threshold=1.5), [0.25, 0.5]
    ideal = first(net, times, [])
    lags = [first(net, times, [Leak(tau)]) - ideal for tau in (1e4, 1e8, 1e12, 1e300)]
    assert lags[0] > lags[1] > lags[2] >= lags[3] == 0.0
    assert lags[0] / lags[1] == pytest.approx(1e4, rel=1e-3)


def test_a_threshold_that_a_leaky_neuron_comes_near_for_ever_is_silence() -> None:
    """S tau = threshold exactly: V comes near it, and never reaches it; one ulp below it does."""
    net = one_neuron([1.0], "linear_psp", None, threshold=2.0)
    assert first(net, [0.0], [Leak(2.0)]) == math.inf
    below = one_neuron([1.0], "linear_psp", None, threshold=math.nextafter(2.0, 0.0))
    assert 60 < first(below, [0.0], [Leak(2.0)]) < 80  # 2 ln(2^53)


def oracle(inputs: Any, threshold: Any, low: Any, high: Any, waits: bool, window: Any = (0, 1, 3)) -> Any:
    """First spike of a B1 neuron whose V has a range, in Fractions: inputs (time, weight) sorted; None: silent."""
    _, t_min, t_max = window
    v, s, t = Fraction(0), Fraction(0), Fraction(0)
    for at, weight in [*inputs, (Fraction(t_min), None), (Fraction(t_max), 0)]:
        end = min(at, Fraction(t_max))
        looks = not waits or t >= t_min
        if looks and s > 0 and threshold <= high and v + s * (end - t) >= threshold:
            crossing = t + (threshold - v) / s if v < threshold else t
            return crossing if crossing < t_max else None
        v = min(max(v + s * (end - t), low), high)
        t = end
        if weight is None:
            s = Fraction(1)
            if waits and v >= threshold:
                return t
        elif t < t_min:
            s += weight
    return None


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_range_and_a_complete_sum_do_what_an_exact_oracle_does(engine: str) -> None:
    """300 neurons with inputs and weights in 64ths, so that no float rounds: times are equal, to the bit."""
    draws = np.random.default_rng(5)
    n, n_in = 300, 8
    weights = draws.integers(-160, 200, (n, n_in)) / 64
    thresholds = draws.integers(-8, 128, n) / 64
    times = np.sort(draws.choice(64, n_in, replace=False)) / 64
    net = eventsim.Network()
    net.source(n_in, "input", window=(0.0, 1.0))
    net.population("ttfs_b1", n, "cell", window=(0.0, 1.0, 3.0), threshold=thresholds)
    net.connect("input", "cell", eventsim.Dense(weights))
    cases: list[tuple[list[StateFault], Fraction, Fraction, bool]] = [
        ([Saturation(-0.125, 1.5)], Fraction(-1, 8), Fraction(3, 2), False),
        ([CompleteSum()], Fraction(-(10**9)), Fraction(10**9), True),
        ([CompleteSum(), Saturation(-0.25, 1.0)], Fraction(-1, 4), Fraction(1), True),
    ]
    for faults, low, high, waits in cases:
        run = eventsim.simulate(net, eventsim.SpikeTimes([times]), faults=faults, engine=engine)
        found = run.spike_times("cell")[0]
        inputs = [(Fraction(t), None) for t in times.tolist()]
        for i in range(n):
            given = [(t, Fraction(float(w))) for (t, _), w in zip(inputs, weights[i], strict=True)]
            threshold = Fraction(float(thresholds[i]))
            expected = oracle(given, threshold, low, high, waits)
            if threshold <= 0 and not waits:
                expected = Fraction(0)
            if expected is None:
                assert found[i] == math.inf
            else:
                # The quotient rounds once, its sum with the time of the last event once.
                assert abs(found[i] - float(expected)) <= 2 * math.ulp(3.0)
        if waits:
            assert run.counters["premature"] == 0
            assert (found == 1.0).sum() > 20  # those that were above it already


def test_both_engines_give_the_same_bits_with_state_faults() -> None:
    for faults in ([Leak(3.0), Saturation(-0.5, 2.5), CompleteSum()], [Leak(4.0), Leak(12.0)]):
        runs = [eventsim.simulate(NET, X, faults=faults, engine=engine) for engine in ("reference", "compiled")]
        assert runs[0].spikes.tobytes() == runs[1].spikes.tobytes()
        assert runs[0].readout.tobytes() == runs[1].readout.tobytes()
        one = eventsim.simulate(NET, X[1:2], faults=faults, engine="compiled", sample_ids=[1])
        assert one.readout.tobytes() == runs[1].readout[1:2].tobytes()


@pytest.mark.parametrize("fault", NONE, ids=repr)
def test_state_faults_of_no_strength_leave_the_network_as_it_is(fault: StateFault) -> None:
    net = NET if not isinstance(fault, Refractory) else delta_neurons("lif_delta", tau_mem=5.0)
    assert manufacture(net, fault).hash() == net.hash()


def test_limits_that_nothing_reaches_change_no_bit() -> None:
    """The variant of a model, with limits that are far away, is the model."""
    ideal = eventsim.simulate(NET, X, engine="reference")
    for fault in (Saturation(-1e6, 1e6), CompleteSum()):
        run = eventsim.simulate(NET, X, faults=[fault], engine="reference")
        assert run.spikes.tobytes() == ideal.spikes.tobytes()
        assert run.readout.tobytes() == ideal.readout.tobytes()


def test_two_leaks_are_one_of_both() -> None:
    both = parameters(manufacture(NET, [Leak(4.0), Leak(12.0)]), "dense1")["tau_leak"]
    assert both == pytest.approx([3.0, 3.0], rel=1e-15)


# -- neurons that inputs move -----------------------------------------------------------------------------------------


def delta_neurons(model: str, **parameters: Any) -> Any:
    net = eventsim.Network()
    net.source(3, "input")
    net.population(model, 1, "cell", **parameters)
    net.connect("input", "cell", eventsim.Dense([[0.75, 0.75, -1.0]]))
    return net


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_what_an_input_adds_beyond_a_limit_is_lost(engine: str) -> None:
    """V = min(0.75 + 0.75, 1.2) - 1 = 0.2 at one time, in the order of the inputs; without a range it is 0.5."""
    net = delta_neurons("if_delta", v_threshold=2.0)
    times = eventsim.SpikeTimes([[1.0, 1.0, 1.0]])
    for faults, v in ([], 0.5), ([Saturation(-5.0, 1.2)], 1.2 - 1.0):
        run = eventsim.simulate(net, times, faults=faults, record={"cell": [0]}, engine=engine)
        assert run.membrane("cell", 0)[1][-1] == v


def test_a_drive_waits_at_the_limit_until_it_turns() -> None:
    """V' = 1 from -1 on, at most 0.5: at t = 4 it is 0.5 still, and an input of -1 leaves -0.5."""
    net = eventsim.Network()
    net.source(1, "input")
    net.population("if_delta", 1, "cell", v_threshold=2.0, current=1.0, v_init=-1.0)
    net.connect("input", "cell", eventsim.OneToOne([-1.0]))
    run = eventsim.simulate(
        net, eventsim.SpikeTimes([[4.0]]), faults=[Saturation(-3.0, 0.5)], record={"cell": [0]}, until=5.0,
        engine="reference",
    )  # fmt: skip
    assert run.membrane("cell", 0, times=[1.0, 3.0, 4.0, 4.25])[1].tolist() == [0.0, 0.5, -0.5, -0.25]
    assert run.n_spikes("cell") == 0


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("lif_delta", {"tau_mem": 4.0, "current": 1.5, "t_ref": 0.25}),
        ("if_delta", {"current": 0.5, "comparator": "strict"}),
        ("step_psp", {"reset": "soft", "t_ref": 0.125}),
        ("lif_clocked", {"period": 0.25, "decay": 0.75, "bias": 0.25}),
    ],
)
def test_far_limits_change_no_spike_and_near_ones_silence(model: str, given: Any) -> None:
    draws = np.random.default_rng(2)
    net = eventsim.Network()
    net.source(5, "input")
    net.population(model, 4, "cell", v_threshold=1.0, **given)
    net.connect("input", "cell", eventsim.Dense(draws.normal(0.3, 0.5, (4, 5))))
    times = eventsim.SpikeTimes([[np.sort(draws.random(6)) * 9 for _ in range(5)]])
    runs = [
        eventsim.simulate(net, times, faults=faults, until=10.0, engine="reference")
        for faults in ([], [Saturation(-50.0, 50.0)], [Saturation(-50.0, 0.9)])
    ]
    assert runs[0].n_spikes("cell") > 4
    assert runs[1].spikes.tobytes() == runs[0].spikes.tobytes()
    assert runs[2].n_spikes("cell") == 0
    compiled = eventsim.simulate(net, times, faults=[Saturation(-0.25, 1.25)], until=10.0)
    reference = eventsim.simulate(net, times, faults=[Saturation(-0.25, 1.25)], until=10.0, engine="reference")
    assert compiled.spikes.tobytes() == reference.spikes.tobytes()


def test_a_limit_at_a_strict_threshold_is_below_it() -> None:
    for comparator, n in ("inclusive", 1), ("strict", 0):
        net = delta_neurons("if_delta", v_threshold=1.0, current=1.0, comparator=comparator, spikes="once")
        run = eventsim.simulate(
            net, eventsim.SpikeTimes([[math.inf] * 3]), faults=[Saturation(-1.0, 1.0)], until=3.0, engine="reference"
        )
        assert run.n_spikes("cell") == n


def test_refractoriness_is_the_longer_of_both() -> None:
    net = delta_neurons("lif_delta", tau_mem=5.0, t_ref=0.5)
    assert parameters(manufacture(net, Refractory(2.0)), "cell")["t_ref"].tolist() == [2.0]
    assert manufacture(net, Refractory(0.25)).hash() == net.hash()


# -- what is refused, and what is kept --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "fault", "message"),
    [
        (delta_neurons("lif_delta", tau_mem=5.0), Leak(3.0), r"leak on 'cell': .*lif_delta.*ttfs_b1.*tau_mem"),
        (delta_neurons("lif_exp", tau_mem=5.0, tau_syn=1.0), Saturation(-1, 1), r"lif_exp.*if_delta.*lif_clocked"),
        (NET, Refractory(1.0), r"refractory on 'dense1'.*ttfs_b1 are never refractory.*lif_delta"),
        (one_neuron([1.0], "linear_psp", None, threshold=1.0), CompleteSum(("cell",)), r"nothing that it acts on"),
        (NET, Saturation(0.5, 1.0), r"v_low.*must be <= 0"),
    ],
    ids=["leaky", "turns", "once", "free", "range"],
)  # fmt: skip
def test_neurons_that_a_state_fault_cannot_change_are_refused(net: Any, fault: StateFault, message: str) -> None:
    with pytest.raises((FaultError, ModelError), match=message):
        manufacture(net, fault)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Leak(0.0), "leak: tau = 0.0; must be >= "), (lambda: Leak(math.nan), "leak: tau"),
        (lambda: Saturation(1.0, 1.0), "must be low < high"),
        (lambda: Refractory(-1.0), "refractory: t_ref = -1"),
        (lambda: Refractory(math.inf), "refractory: t_ref"),
        (lambda: CompleteSum(cast("Any", 3)), "complete_sum: populations"),
    ],
)  # fmt: skip
def test_bad_strengths_are_refused(made: Any, message: str) -> None:
    with pytest.raises(FaultError, match=message):
        made()


def test_state_faults_have_a_text_form() -> None:
    faults = [Leak(2.5), Saturation(-1.0, 2.0, ("dense1",)), Refractory(0.5), CompleteSum()]
    assert read([fault.describe() for fault in faults]) == faults


def test_a_network_in_a_circuit_is_saved_and_sent(tmp_path: Any) -> None:
    made = manufacture(NET, [Leak(5.0), CompleteSum()])
    made.save(tmp_path / "chip.npz")
    for again in (eventsim.load_network(tmp_path / "chip.npz"), pickle.loads(pickle.dumps(made))):
        assert again.hash() == made.hash()
        run = eventsim.simulate(again, X, engine="reference")
        assert run.readout.tobytes() == eventsim.simulate(made, X, engine="reference").readout.tobytes()


# -- a state fault of one's own ---------------------------------------------------------------------------------------


@functools.cache
def tired(model: Any) -> Any:
    """The model, whose second half of inputs moves V by half: a state more, and no engine knows."""
    dynamics = model.dynamics
    begin, take, move, lower = dynamics.initial, dynamics.receive, dynamics.advance, dynamics.reset
    n = len(dynamics.state)

    @jitable
    def initial(p: Any) -> Any:
        return begin(p) + (0.0,)  # noqa: RUF005 - numba unpacks no tuples

    @jitable
    def advance(c: Any, s: Any) -> Any:
        return move(c, s[:n]) + s[n:]

    @jitable
    def receive(s: Any, w: Any) -> Any:
        return take(s[:n], w if s[n] < 2.0 else w / 2) + (s[n] + 1.0,)  # noqa: RUF005

    @jitable
    def reset(p: Any, s: Any) -> Any:
        return lower(p, s[:n]) + s[n:]

    made = replace(
        dynamics, state=(*dynamics.state, "heard"), initial=initial, advance=advance, receive=receive, reset=reset,
        on_fractions=False,
    )  # fmt: skip
    return register(replace(model, name=f"{model.name}{VARIANT}tired", dynamics=made, family=""))


@dataclass(frozen=True, repr=False)
class Tired(StateFault):
    """Inputs from the third on count half."""

    name = "tired state"

    def acts_on(self, part: Any) -> bool:
        return getattr(getattr(part, "model", None), "name", "") == "step_psp"

    def alter(self, part: Any, draws: Any) -> Any:
        return {"model": tired(part.model)}


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_state_fault_of_ones_own_is_a_function_of_dynamics(engine: str) -> None:
    net = eventsim.Network()
    net.source(4, "input")
    net.population("step_psp", 1, "cell", v_threshold=10.0)
    net.connect("input", "cell", eventsim.Dense([[1.0, 2.0, 4.0, 2.0]]))
    run = eventsim.simulate(
        net, eventsim.SpikeTimes([[1.0, 2.0, 3.0, 4.0]]), faults=[Tired()], record={"cell": [0]}, engine=engine
    )
    assert run.membrane("cell", 0)[1][-1] == 6.0
    assert find_model("step_psp+tired") is tired(find_model("step_psp"))
