"""Neurons with several receptors: crossings of many digits, limits in which they are neurons with one, the same bits
on both engines, and what a user may give.

`golden/receptors.py` made the golden file, and solves some of its cases again here.
"""

import math
import pickle  # noqa: TID251 - what pools of processes do is what is tested
from typing import Any

import mpmath
import numba  # noqa: TID251 - a model's functions are compiled on their own here
import numpy as np
import pytest
from adapters import both_engines
from golden import receptors as golden_receptors
from golden.crossings import Solution
from golden.receptors import KINDS, MODELS, N_CASES, TANGENCY, Case
from mpmath import mpf

import eventsim
from eventsim import Dense, Network, OneToOne, Sparse, SpikeTimes, Steps, explain, load_network, simulate
from eventsim._jit.lowering import LoopCompiler
from eventsim.errors import InputError, ModelError, NetworkError
from eventsim.models import write_nir
from eventsim.models.neurons.exponentials import make_forms
from eventsim.network.neuron_model import Model, find_model
from eventsim.network.parameters import check_parameters

INF = math.inf
UNIT = 2.0**-53  # rounding of one operation
# Where the highest V - threshold is below 0 by no more than so many roundings of its terms, there may be a spike.
BAND = 128 * UNIT
# Spike times are right to so many roundings of these terms, over the slope there, and of the time itself.
TIMES = 4 * UNIT
TWO = {"excitatory": 2.0, "inhibitory": 8.0}


def receptors_of(n: int) -> tuple[str, ...]:
    return ("one", "two", "three", "four")[:n]


def prepared(name: str, case: Case) -> tuple[Model, tuple, tuple]:
    """The model, parameters and state of a case."""
    n = MODELS[name]
    model = find_model(name.split(maxsplit=1)[0]).with_receptors("test", receptors_of(n))
    given: dict[str, Any] = {f"tau_syn_{k}": tau for k, tau in zip(receptors_of(n), case.tau_syn, strict=True)}
    given |= {"tau_mem": case.tau_mem, "current": case.v_inf, "v_threshold": case.v_threshold}
    given |= {"v_reset": -1e9, "v_init": -1e9}
    state: tuple[float, ...] = (case.v, *case.i, 0.0)
    if name == "lif_alpha":
        state = (case.v, *case.i, *case.a, 0.0)
    if name == "glif":
        given |= {"tau_threshold": case.tau_threshold, "coupling": case.coupling}
        given |= {"tau_1": case.tau_after[0], "tau_2": case.tau_after[1]}
        state = (case.v, case.threshold, *case.i, *case.j, 0.0)
    rows = model.prepare(check_parameters(model, "test", 1, given), None)
    return model, tuple(float(row[0]) for row in rows), state


def size_of(name: str, case: Case, s: float) -> float:
    """The size of the terms of V - threshold at s."""
    rises, adapts = name == "lif_alpha", name == "glif"
    i, taus = (*case.i, *case.j) if adapts else case.i, (*case.tau_syn, *case.tau_after) if adapts else case.tau_syn
    m = len(taus)
    value = make_forms(m, rises, adapts).value
    h_inf = case.v_threshold + case.coupling * case.v_inf
    rise = tuple(a * (math.e / tau) for a, tau in zip(case.a, case.tau_syn, strict=True)) if rises else (0.0,) * m
    q = (
        case.v_inf - h_inf, 1.0, -1.0 * adapts, (0.0,) * m, (0.0,) * m, case.v - case.v_inf,
        (case.threshold - h_inf) * adapts, i, rise, case.tau_mem, case.tau_threshold if adapts else case.tau_mem, taus,
        1.0 / case.tau_mem, case.coupling, abs(case.v_inf) + abs(h_inf), case.v - case.threshold,
    )  # fmt: skip
    return float(value(q, s)[2])


def judge(name: str, case: Case, truth: Solution) -> str:
    """What is wrong with the model's answer in a case; "" where nothing is."""
    model, p, s = prepared(name, case)
    found, expected = model.dynamics.time_to_spike(p, s), float(truth.time)
    if found < INF and not model.dynamics.may_spike(p, s, INF):
        return f"{case}: fires at {found}, which may_spike denies"
    touching: Any = model.dynamics.touching
    flagged = found < INF and touching(p, s)
    near = abs(truth.margin) <= BAND * size_of(name, case, min(found, expected, 1e300))
    if expected < found == INF:  # only where V - threshold never turns, and tends to 0 but for rounding
        h_inf = case.v_threshold + case.coupling * case.v_inf
        tends = abs(case.v_inf - h_inf) <= BAND * (abs(case.v_inf) + abs(h_inf))
        return "" if near and tends else f"{case}: missed at {expected}, margin {truth.margin}"
    if found < expected == INF and not (near and flagged):
        return f"{case}: fires at {found}, margin {float(truth.margin)}, flagged {flagged}"
    if flagged and not near:
        return f"{case}: flagged, with a margin of {float(truth.margin)}"
    return ""


def late_by(name: str, case: Case, truth: Solution) -> float:
    """How far off a spike time is, in roundings over the slope; 0 where rounding decides whether there is one."""
    model, p, s = prepared(name, case)
    found, expected, slope = model.dynamics.time_to_spike(p, s), float(truth.time), abs(float(truth.slope))
    if INF in (found, expected):
        return 0.0
    allowed = size_of(name, case, expected) + expected * slope
    return slope * abs(float(found - truth.time)) / allowed if truth.margin > 8 * UNIT * allowed else 0.0


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(golden_receptors.FILE) as file:
        return dict(file)


@pytest.mark.parametrize("name", MODELS)
def test_every_crossing_of_the_golden_file_is_found_and_none_beside_it(golden, name):
    every = golden_receptors.cases(name, golden[f"{name}_shift"])
    arrays = (golden[f"{name}_{key}"] for key in ("time", "slope", "margin"))
    for case, *truth in zip(every, *arrays, strict=True):
        solution = Solution(*map(float, truth))
        problem = judge(name, case, solution)
        assert not problem
        assert late_by(name, case, solution) <= TIMES, case
    for kind in range(len(KINDS)):
        fired = np.isfinite(golden[f"{name}_time"][kind :: len(KINDS)]).mean()
        assert 0.05 < fired <= 1.0, KINDS[kind]


@pytest.mark.parametrize("name", MODELS)
def test_random_cases_of_the_golden_file_are_solved_again(golden, name):
    every = golden_receptors.cases(name, golden[f"{name}_shift"])
    with mpmath.workdps(110):
        for number in np.random.default_rng(7).choice(N_CASES, 60, replace=False):
            truth = golden_receptors.solve(every[number])
            assert float(truth.time) == golden[f"{name}_time"][number]
            assert not judge(name, every[number], truth)
        for place in range(0, golden[f"{name}_shift"].size, 40):
            shift = golden_receptors.near_tangency(name, TANGENCY + place * len(KINDS))
            assert shift == golden[f"{name}_shift"][place]


@pytest.mark.parametrize("name", MODELS)
def test_the_state_later_is_that_of_many_digits(name):
    rng = np.random.default_rng(3)
    with mpmath.workdps(110):
        for number in range(80):
            case = golden_receptors.case_of(name, number)
            model, p, s = prepared(name, case)
            dt = float(rng.choice([1e-6, 0.01, 1.0, 30.0]) * rng.uniform(0.5, 1.0)) * min(case.tau_mem, *case.tau_syn)
            exact = golden_receptors.difference(case)(mpf(dt))
            size = size_of(name, case, dt) + abs(case.v) + abs(case.threshold)
            for pieces in (1, 8):
                later = s
                for _ in range(pieces):
                    later = model.dynamics.advance(model.dynamics.propagator(p, dt / pieces), later)
                threshold = later[1] if name == "glif" else case.v_threshold
                assert abs(later[0] - threshold - exact) <= 16 * pieces * UNIT * size


def test_the_functions_of_glif_give_the_same_bits_compiled():
    """A loop with it takes long to compile; it calls nothing of a model but these."""
    model, _, _ = prepared("glif", golden_receptors.case_of("glif", 0))
    receive, advance, propagator = model.dynamics.receive, model.dynamics.advance, model.dynamics.propagator
    time_to_spike, reset = model.dynamics.time_to_spike, model.dynamics.reset
    touching: Any = model.dynamics.touching

    def lived(p: Any, s: Any) -> Any:
        s = advance(propagator(p, 0.25), receive(receive(s, 0.75, 1), -0.5, 0))
        return s, time_to_spike(p, s), touching(p, s), reset(p, s)

    compiled = numba.njit(pipeline_class=LoopCompiler)(lived)
    for number in range(60):
        _, p, s = prepared("glif", golden_receptors.case_of("glif", number))
        assert compiled(p, s) == lived(p, s)


# -- networks --------------------------------------------------------------------------------------------------------


def recurrent(seed: int = 1, adapts: bool = False, **given: Any) -> tuple[Network, SpikeTimes]:
    """`lif_exp` and `lif_alpha` with two receptors, in one network, so that one compiled loop serves all tests.

    With `adapts` also `glif`, whose part of a loop takes as long to compile as all else: on the reference engine.
    """
    rng, net = np.random.default_rng(seed), Network()
    net.source(3, "input")
    common: dict[str, Any] = {"tau_mem": 10.0, "tau_syn": TWO, "t_ref": 1.0} | given
    net.population("lif_exp", 4, "E", **common, i_init={"inhibitory": -0.5})
    net.population("lif_alpha", 3, "A", **common, current=Steps([0.0, 8.0], [0.25, 0.75]))
    if adapts:
        net.population("glif", 2, "G", **common, coupling=0.25, tau_threshold=5.0, after_1=-0.5, kept_1=0.5)
    for name in "EAG" if adapts else "EA":
        n = net.node(name).size
        net.connect("input", name, Dense(rng.uniform(4, 7, (n, 3))), receptor="excitatory")
        net.connect("input", name, Dense(-rng.uniform(0, 2, (n, 3))), delay=1.0, receptor="inhibitory")
        net.connect(name, name, Dense(-rng.uniform(0, 0.5, (n, n))), delay=0.5, receptor="inhibitory")
    sources, targets = rng.integers(0, 3, (2, 9))
    synapses = Sparse(sources, targets, rng.uniform(0, 1, 9), rng.uniform(0.5, 2.0, 9))
    net.connect("A", "E", synapses, receptor="excitatory")
    trains = [np.sort(rng.uniform(0, 30, 12)).tolist() for _ in range(3)]
    return net, SpikeTimes([trains])


def test_both_engines_give_the_same_bits_spikes_and_states():
    net, x = recurrent()
    run = both_engines(net, x, until=40.0, record=[*"EA", {"E": "all", "A": slice(1, None)}]).run
    assert all(run.n_spikes(name) > 3 for name in "EA")
    assert run.recorded("A") == [1, 2]


def test_pieces_on_either_engine_are_the_whole():
    net, x = recurrent(2)
    whole = simulate(net, x, until=40.0)
    for engines in (("compiled", "reference"), ("reference", "compiled")):
        first = simulate(net, x, until=17.0, keep_state=True, engine=engines[0])
        both = simulate(net, x, until=40.0, resume=first, engine=engines[1])
        assert np.array_equal(both.spikes, whole.spikes)


@pytest.mark.parametrize("model", ["lif_exp", "lif_alpha", "glif"])
def test_equal_time_constants_make_one_current_of_several(model):
    """Split over two receptors of one time constant, inputs do what they do at one receptor."""
    rng = np.random.default_rng(4)
    weights, trains = rng.normal(0.4, 1.0, 8), [np.sort(rng.uniform(0, 60, 10)).tolist() for _ in range(8)]
    one, two = Network(), Network()
    for net, tau_syn in ((one, 2.5), (two, {"a": 2.5, "b": 2.5})):
        net.source(8, "input")
        net.population(model, 1, "cell", tau_mem=10.0, tau_syn=tau_syn, t_ref=1.0, r=3.0)
    one.connect("input", "cell", Dense([weights]))
    for receptor, part in (("a", np.arange(8) < 4), ("b", np.arange(8) >= 4)):
        two.connect("input", "cell", Dense([weights * part]), receptor=receptor)
    x = SpikeTimes([trains])
    ran = [simulate(net, x, until=80.0, engine="reference", record="cell").spikes["time"] for net in (one, two)]
    assert len(ran[0]) > 5
    assert ran[0] == pytest.approx(ran[1], rel=1e-12)


def test_one_receptor_with_a_name_is_the_plain_neuron_to_the_last_bit():
    x = SpikeTimes([[[1.0, 2.0, 3.5]]])
    ran = []
    for tau_syn in (2.0, {"ampa": 2.0}):
        net = Network()
        net.source(1, "input")
        net.population("lif_exp", 1, "cell", tau_mem=10.0, tau_syn=tau_syn)
        net.connect("input", "cell", Dense([[6.0]]))
        ran.append(simulate(net, x, engine="reference", until=30.0).spikes)
    assert len(ran[0]) > 3
    assert np.array_equal(ran[0], ran[1])


def test_a_recorded_current_is_the_sum_of_its_inputs_and_no_others():
    """I of a receptor at any time: w e^(-(t - t_i) / tau_syn), in many digits; V moves by what both do."""
    net, x = Network(), SpikeTimes([[[1.0, 4.0], [2.0]]])
    net.source(2, "input")
    net.population("lif_exp", 1, "cell", tau_mem=10.0, tau_syn=TWO, v_threshold=1e9)
    net.connect("input", "cell", Dense([[3.0, 0.0]]), receptor="excitatory")
    net.connect("input", "cell", Dense([[0.0, -5.0]]), receptor="inhibitory")
    run = simulate(net, x, engine="reference", until=20.0, record={"cell": "all"})
    at = np.linspace(5.0, 19.0, 8)
    assert run.variables("cell") == ("v", "i_excitatory", "i_inhibitory", "hold")
    excitatory = 3.0 * (np.exp(-(at - 1.0) / 2.0) + np.exp(-(at - 4.0) / 2.0))
    assert run.membrane("cell", 0, times=at, variable="i_excitatory")[1] == pytest.approx(excitatory, rel=1e-14)
    inhibitory = -5.0 * np.exp(-(at - 2.0) / 8.0)
    assert run.membrane("cell", 0, times=at, variable="i_inhibitory")[1] == pytest.approx(inhibitory, rel=1e-14)
    with pytest.raises(InputError, match=r"variable = 'i'.*must be one of"):
        run.membrane("cell", 0, variable="i")


def test_explain_tells_by_which_receptor_an_input_came():
    net, x = recurrent(adapts=True)
    run = simulate(net, x, until=40.0, engine="reference")
    sample, neuron = 0, int(run.spikes["neuron"][run.spikes["population"] == 1][0])
    told = explain(net, run, "E", neuron, sample)
    assert told.time == run.spike_times("E")[0, neuron]
    assert {one.receptor for one in told.inputs} == {"excitatory", "inhibitory"}
    assert "[excitatory]" in str(told)
    replayed = told.membrane([0.5 * told.time])[1]
    assert replayed == simulate(net, x, until=40.0, engine="reference", record={"E": [neuron]}).membrane(
        "E", neuron, times=[0.5 * told.time]
    )[1]  # fmt: skip


def test_a_network_with_receptors_travels():
    net, x = recurrent(adapts=True)
    sent = pickle.loads(pickle.dumps(net))
    assert sent.hash() == net.hash()
    assert [node.model for node in sent.populations] == [node.model for node in net.populations]
    assert np.array_equal(simulate(sent, x, until=9.0, engine="reference").spikes,
                          simulate(net, x, until=9.0, engine="reference").spikes)  # fmt: skip


def test_a_network_with_receptors_is_read_back(tmp_path):
    net, _ = recurrent(adapts=True)
    net.save(tmp_path / "net.npz")
    read = load_network(tmp_path / "net.npz")
    assert read.hash() == net.hash()
    assert [projection.receptor for projection in read.projections][:2] == ["excitatory", "inhibitory"]
    assert "excitatory" in repr(net)


def cells(**parameters: Any) -> Network:
    net = Network()
    net.population("lif_exp", 2, "E", tau_mem=10.0, **({"tau_syn": TWO} | parameters))
    return net


def test_parameters_of_receptors_are_replaced_as_they_are_given():
    new = cells().replace("E", tau_syn={"inhibitory": 9.0}, i_init={"excitatory": 0.5})
    assert new.hash() == cells(tau_syn=TWO | {"inhibitory": 9.0}, i_init={"excitatory": 0.5}).hash()
    assert new.replace("E", tau_syn=TWO, i_init={"excitatory": 0.0}).hash() == cells().hash()
    plain = cells(tau_syn=2.0).replace("E", tau_syn=TWO)
    assert plain.hash() == cells().hash()
    assert plain.provenance["notes"] == ["E: replaced tau_syn; left out, which the new model does not have: i_init"]


def test_names_of_numpy_are_names():
    net = cells(tau_syn={np.str_("a"): 1.0, np.str_("b"): 2.0})
    assert [type(name) for name in net.populations[0].model.receptors] == [str, str]


# -- what is refused -------------------------------------------------------------------------------------------------


def connected(receptor: Any, tau_syn: Any = TWO, model: str = "lif_exp") -> None:
    net = Network()
    net.population(model, 1, "E", tau_mem=10.0, **({} if tau_syn is None else {"tau_syn": tau_syn}))
    net.connect("E", "E", OneToOne([1.0]), delay=1.0, receptor=receptor)


REFUSED = {
    "none of several": (lambda: connected(None), NetworkError, "receptor = None; must be one of excitatory"),
    "a typo": (lambda: connected("exitatory"), NetworkError, "did you mean 'excitatory'"),
    "a number": (lambda: connected(1), NetworkError, "receptor = 1; must be one of"),
    "where there is one": (lambda: connected("x", 2.0), NetworkError, "has one current here; must be None"),
    "a model of one": (
        lambda: connected("x", {"a": 1.0}, "alpha_psp"),
        ModelError,
        "one kind of input.*glif, lif_alpha, lif_exp take receptors",
    ),
    "a model without": (
        lambda: connected("x", {"a": 1.0}, "lif_delta"), ModelError, "unknown parameter 'tau_syn'",
    ),
    "too many": (
        lambda: connected("a", dict.fromkeys("abcde", 1.0)), ModelError, "must be 1 to 4 names",
    ),
    "none": (lambda: connected("a", {}), ModelError, "must be 1 to 4 names"),
    "no name": (lambda: connected("a", {1: 2.0}), ModelError, "must be 1 to 4 names of letters"),
    "a strange entry": (
        lambda: Network().population("lif_exp", 1, tau_mem=1.0, tau_syn=TWO, i_init={"nmda": 1.0}), ModelError,
        "i_init has an entry for 'nmda'; must be one of the receptors excitatory",
    ),
    "one for another alone": (
        lambda: Network().population("lif_exp", 1, tau_mem=1.0, tau_syn=2.0, i_init={"a": 1.0}), ModelError,
        "tau_syn = 2.0, while i_init is given by receptor; must be a dict, too",
    ),
    "a dict for another": (
        lambda: Network().population("lif_exp", 1, tau_mem={"a": 1.0}, tau_syn=TWO), ModelError,
        "tau_mem = .*must be a real number",
    ),
    "one number for all": (
        lambda: Network().population("lif_exp", 1, tau_mem=1.0, tau_syn=TWO, i_init=1.0), ModelError,
        "i_init = 1.0, while tau_syn is given by receptor; must be a dict, too. Give i_init={'excitatory'",
    ),
    "one time constant for all": (
        lambda: Network().population("lif_exp", 1, tau_mem=1.0, tau_syn=1.0, i_init={"a": 1.0, "b": 2.0}), ModelError,
        "tau_syn = 1.0, while i_init is given by receptor; must be a dict, too. Give tau_syn={'a': …, 'b': …}",
    ),
    "twice": (
        lambda: cells(tau_syn_excitatory=3.0), ModelError,
        "tau_syn_excitatory = 3.0 and tau_syn = .*; must be given once",
    ),
    "a name twice": (
        lambda: find_model("lif_exp").with_receptors("here", ["a", "a"]), ModelError, "must be 1 to 4 names.*each once",
    ),
    "replaced by others": (
        lambda: cells().replace("E", tau_syn={"ampa": 1.0}), ModelError,
        "replace: E: tau_syn has an entry for 'ampa'; must be one of the receptors excitatory",
    ),
    "a current out of reach": (
        lambda: cells(i_init={"excitatory": 1e308}), ModelError,
        r"i_init_excitatory\[0\] = 1e\+308; must be >= -1e\+100 and <= 1e\+100",
    ),
    "a plain current out of reach": (
        lambda: cells(tau_syn=2.0, i_init=-1e200), ModelError, r"i_init\[0\] = -1e\+200; must be >= -1e\+100",
    ),
    "a bad value": (
        lambda: Network().population("lif_exp", 1, tau_mem=1.0, tau_syn={"a": 1.0, "b": 0.0}), ModelError,
        r"tau_syn_b\[0\] = 0.0; must be >= 1e-50",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_receptor_is_refused_in_words(name):
    attempt, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        attempt()


@pytest.mark.references
def test_neurons_with_receptors_are_refused_by_nir(tmp_path):
    net, _ = recurrent()
    pytest.importorskip("nir")
    with pytest.raises(eventsim.EventsimError, match="receptor"):
        write_nir(net, tmp_path / "net.nir")
