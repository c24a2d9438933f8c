"""NIR graphs that were written for steps of time: recognised, read with their step, and read as these steps."""

import itertools
import math
import warnings
from pathlib import Path
from typing import Any

import nir_steps
import numpy as np
import pytest

import eventsim
from eventsim import Dense, InputError, Network, NetworkError, SpikeTimes, models
from eventsim.models.nir import nir_exporters

nir = pytest.importorskip("nir")

pytestmark = pytest.mark.references

DT = 1e-4
STEPS = 150
# 33 input steps of 60 in the report of the fault, and what snnTorch makes of them.
REPORTED, FIRES = np.random.default_rng(0).random(60) < 0.6, [13, 19, 34, 41, 48, 55]


def full(value: float, n: int = 1) -> np.ndarray:
    return np.full(n, float(value))


def lif(n: int = 1, beta: float = 0.9, dt: float = DT, **given: float) -> Any:
    """As snnTorch and SpikingJelly write one: r = tau / dt."""
    values = {"tau": dt / (1 - beta), "r": 1 / (1 - beta), "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | given
    return nir.LIF(**{name: full(value, n) for name, value in values.items()})


def cubalif(n: int = 1, alpha: float = 0.7, beta: float = 0.9, dt: float = DT, **given: float) -> Any:
    values = {"tau_syn": dt / (1 - alpha), "w_in": 1 / (1 - alpha), "tau_mem": dt / (1 - beta), "r": 1 / (1 - beta)}
    values |= {"v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | given
    return nir.CubaLIF(**{name: full(value, n) for name, value in values.items()})


def integrate(n: int = 1, dt: float = DT, **given: float) -> Any:
    values = {"r": 1 / dt, "v_threshold": 1.0, "v_reset": 0.0} | given
    return nir.IF(**{name: full(value, n) for name, value in values.items()})


def chain(*nodes: Any, size: Any = (1,)) -> Any:
    named = {"in": nir.Input(np.array(size))} | {f"n{k}": node for k, node in enumerate(nodes)}
    names = list(named)
    return nir.NIRGraph(named, list(itertools.pairwise(names)), type_check=False)


def reported() -> Any:
    return chain(nir.Linear(np.array([[0.3]])), lif())


def read(graph: Any, **options: Any) -> Network:
    return models.read_nir(graph, 1.0, **({"dt": DT} | options))


def grids(net: Network, x: np.ndarray, dt: float = DT) -> dict[str, np.ndarray]:
    """Spikes (n_steps, size) of each population: those of step k are in (k - 1, k] dt."""
    trains = [[(np.flatnonzero(column) * dt).tolist() for column in x.reshape(len(x), -1).T]]
    run = eventsim.simulate(net, SpikeTimes(trains), until=(len(x) - 0.5) * dt, engine="reference")
    found = {}
    for population in net.populations:
        mine = run.spikes[run.spikes["population"] == list(run.populations).index(population.name)]
        found[population.name] = np.zeros((len(x), population.size), bool)
        found[population.name][np.ceil(mine["time"] / dt - 1e-6).astype(int), mine["neuron"]] = True
    return found


def population(net: Network, name: str) -> eventsim.Population:
    (found,) = [one for one in net.populations if one.name == name]
    return found


def tags(graph: Any, **options: Any) -> dict[str, str]:
    return {entry.node: entry.tag for entry in models.nir_fidelity(graph, **options)}


# -- the network of the report ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"reading": "clocked"}, {"exporter": "snntorch", "reset": "hard"}])
def test_the_network_of_the_report_fires_where_the_framework_does(options: dict[str, Any]) -> None:
    assert REPORTED.sum() == 33
    found = grids(read(reported(), **options), REPORTED[:, None])["n1"]
    assert np.flatnonzero(found).tolist() == FIRES


def test_without_its_step_it_fires_at_all_inputs_and_is_doubted() -> None:
    with pytest.warns(
        UserWarning, match=r"node 'n1' seems to be written for steps of 0\.0001, .* 10,000 times too str"
    ):
        net = models.read_nir(reported(), 1.0)
    assert np.array_equal(grids(net, REPORTED[:, None])["n1"][:, 0], REPORTED)
    assert tags(reported()) == {"in": "faithful", "n0": "faithful", "n1": "doubtful"}
    with pytest.raises(InputError, match=r"reading = 'clocked' without dt.*This graph seems to be .* dt = 0\.0001"):
        models.read_nir(reported(), 1.0, reading="clocked")


def test_fidelity_and_provenance_say_how_it_was_read() -> None:
    clocked: dict[str, Any] = {"dt": DT, "reading": "clocked", "exporter": "snntorch", "reset": "hard"}
    assert tags(reported(), dt=DT)["n1"] == "impulses of area dt"
    assert tags(reported(), **clocked)["n1"] == "clocked"
    (note,) = [entry.note for entry in models.nir_fidelity(reported(), **clocked) if entry.node == "n1"]
    assert note == "lif_clocked with period 0.0001, steps of snntorch, hard reset, resets='before_leak'"
    net = read(reported(), **clocked)
    expected = {"reading": "clocked", "dt": DT, "exporter": "snntorch", "reset": "hard", "resets": None}
    assert net.provenance["nir"]["reading"] == expected
    assert models.read_nir(chain(lif(r=0.001)), 1.0).provenance["nir"]["reading"] == {
        "reading": "continuous", "dt": None,
    }  # fmt: skip


# -- clocked: the steps of NIR's equations ----------------------------------------------------------------------------


def biased(rng: np.random.Generator, n_in: int, n_out: int, strength: float) -> Any:
    return nir.Affine(strength * rng.normal(0.3, 0.5, (n_out, n_in)), strength * rng.uniform(-0.1, 0.2, n_out))


def networks(kind: str) -> tuple[Any, np.ndarray]:
    """Two layers, the first of them recurrent, and inputs."""
    rng = np.random.default_rng(3)
    makes: dict[str, tuple[Any, float]] = {"if": (integrate, 1.0), "lif": (lif, 1.0), "cuba": (cubalif, 0.3)}
    make, strength = makes[kind]
    more = {"v_reset": -0.25} if kind == "cuba" else {"v_reset": -0.25, "v_threshold": 1.25}
    more |= {"v_leak": 0.125} if kind == "lif" else {}
    nodes = {
        "in": nir.Input(np.array([4])), "w0": biased(rng, 4, 6, strength), "a": make(6, **more),
        "w1": biased(rng, 6, 5, strength), "b": make(5), "back": nir.Linear(strength * rng.normal(0, 0.5, (6, 6))),
        "top": nir.Linear(strength * rng.normal(0, 0.5, (6, 5))),
    }  # fmt: skip
    edges = [
        ("in", "w0"), ("w0", "a"), ("a", "w1"), ("w1", "b"), ("a", "back"), ("back", "a"), ("b", "top"), ("top", "a"),
    ]  # fmt: skip
    return nir.NIRGraph(nodes, edges, type_check=False), rng.random((STEPS, 4)) < 0.3


@pytest.mark.parametrize("kind", ["if", "lif", "cuba"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("resets", ["at_spike", "next_tick", "before_leak"])
def test_a_clocked_reading_is_forward_euler_with_recurrent_edges_of_a_step(kind: str, reset: str, resets: str) -> None:
    graph, x = networks(kind)
    net = read(graph, reading="clocked", reset=reset, resets=resets)
    found, expected = grids(net, x), nir_steps.euler(graph, DT, x, reset, resets)
    assert {p.model.name for p in net.populations} == {"lif_clocked"}
    for name in ("a", "b"):
        assert 0.01 < expected[name].mean() < 0.9
        assert np.array_equal(found[name], expected[name]), (name, np.argwhere(found[name] != expected[name])[:3])


@pytest.mark.parametrize(("exporter", "strict"), [("spikingjelly", False), ("snntorch", True), (None, True)])
def test_equality_fires_where_it_fires_in_the_framework(exporter: str | None, strict: bool) -> None:
    """0.5 twice is 1 exactly: SpikingJelly fires at the threshold, snnTorch and NIR above it."""
    graph = chain(nir.Linear(np.array([[0.5]])), lif(beta=0.5, v_threshold=0.75))
    x = np.array([[1], [1], [0], [1], [1], [1]])
    options = {} if exporter != "snntorch" else {"reset": "soft"}
    net = read(graph, reading="clocked", exporter=exporter, **options)
    reset, resets = ("soft", "next_tick") if options else ("hard", "at_spike")
    expected = nir_steps.euler(graph, DT, x, reset, resets, strict)["n1"]
    assert expected[1, 0] == (not strict)
    assert np.array_equal(grids(net, x)["n1"], expected)


def test_the_decays_of_a_file_in_float32_are_those_of_the_framework() -> None:
    """snnTorch divides in float32, twice; 0.9 and a gain of 1 come back."""
    beta = np.full(3, 0.9, np.float32)
    tau = np.float32(DT) / (1 - beta)
    node = nir.LIF(tau=tau, r=tau / np.float32(DT), v_leak=0 * tau, v_threshold=np.ones(3, np.float32))
    net = read(chain(nir.Linear(np.ones((3, 1), np.float32)), node), reading="clocked")
    assert population(net, "n1").parameters["decay"].tolist() == beta.tolist()
    assert net.projections[0].kind.weights.tolist() == [[1.0]] * 3


def test_what_never_fires_is_stepped_too() -> None:
    node = nir.LI(tau=full(8 * DT), r=full(1.0), v_leak=full(0.5))
    net = read(chain(nir.Linear(np.array([[0.25]])), node), reading="clocked")
    times = [0.0, 3 * DT]
    run = eventsim.simulate(net, SpikeTimes([[times]]), until=6.5 * DT, engine="reference", record={"n1": [0]})
    v, expected = 0.0, []
    for k in range(6):
        v = v + (0.5 - v + 0.25 * (k in (0, 3))) / 8
        expected.append(v)
    _, found = run.membrane("n1", 0, times=[(k + 0.5) * DT for k in range(6)])
    assert found.tolist() == pytest.approx(expected, abs=1e-15)


def test_spikingjelly_begins_at_the_reset_and_rests_there() -> None:
    graph = chain(nir.Linear(np.array([[0.375]])), lif(beta=0.75, v_reset=-0.5, v_leak=-0.5))
    x = np.ones((20, 1))
    v, expected = -0.5, []
    for _ in x:
        v = v + (-0.5 - v) * 0.25 + 0.375
        expected.append(v >= 1.0)
        v = -0.5 if v >= 1.0 else v
    strong = chain(nir.Linear(np.array([[0.4375]])), lif(beta=0.75, v_reset=-0.5, v_leak=-0.5, v_threshold=0.5))
    v, fired = -0.5, []
    for _ in x:
        v = v + (-0.5 - v) * 0.25 + 0.4375
        fired.append(v >= 0.5)
        v = -0.5 if v >= 0.5 else v
    for one, wanted in ((graph, expected), (strong, fired)):
        net = read(one, reading="clocked", exporter="spikingjelly")
        assert grids(net, x)["n1"][:, 0].tolist() == wanted
    assert sum(fired) > 1
    (entry,) = [
        entry for entry in models.nir_fidelity(strong, dt=DT, reading="clocked", exporter="spikingjelly")
        if entry.node == "n1"
    ]  # fmt: skip
    assert entry.note.endswith("V is less v_reset, where it begins")


# -- continuous: impulses of area dt ----------------------------------------------------------------------------------


def test_impulses_have_the_area_dt_and_biases_none() -> None:
    """tau = 1 ms, r = 10: an input of 0.3 moves V by 0.3; a bias of 0.05 is a resting potential of 0.5."""
    net = read(chain(nir.Affine(np.array([[0.3]]), np.array([0.05])), lif()))
    assert net.projections[0].kind.weights.ravel().tolist() == pytest.approx([0.3], rel=1e-15)
    assert population(net, "n1").parameters["current"].tolist() == pytest.approx([0.5], rel=1e-15)
    net = read(chain(nir.Linear(np.array([[0.3]])), cubalif()))
    assert net.projections[0].kind.weights.ravel().tolist() == pytest.approx([0.3], rel=1e-15)
    net = read(chain(nir.Linear(np.array([[0.3]])), integrate()))
    assert net.projections[0].kind.weights.ravel().tolist() == pytest.approx([0.3], rel=1e-15)


@pytest.mark.parametrize(
    ("node", "parameter"), [(lif(), "reset"), (integrate(), "reset"), (cubalif(v_reset=-1.0), "v_reset")]
)
def test_a_soft_reset_is_one_in_continuous_time_too(node: Any, parameter: str) -> None:
    """V of a CubaLIF crosses its threshold without a jump: less the threshold it is 0."""
    found = population(read(chain(node), reset="soft"), "n0").parameters[parameter].tolist()
    assert found == ([0.0] if parameter == "v_reset" else [1.0])


def test_spikingjelly_begins_at_the_reset_in_continuous_time_too() -> None:
    for node in (lif(v_reset=-0.5, v_leak=-0.5), integrate(v_reset=-0.5), cubalif(v_reset=-0.5)):
        found = population(read(chain(node), exporter="spikingjelly"), "n0").parameters
        assert found["v_init"].tolist() == found["v_reset"].tolist() == [-0.5]
        assert population(read(chain(node)), "n0").parameters["v_init"].tolist() == [0.0]


@pytest.mark.parametrize("reading", ["continuous", "clocked"])
def test_recurrent_edges_take_a_step_and_others_no_time(reading: str) -> None:
    """An edge to itself fires a neuron twice at one time else."""
    nodes = {"in": nir.Input(np.array([1])), "a": lif(v_threshold=0.5), "w": nir.Linear(np.array([[2.0]]))}
    nodes |= {"b": lif(v_threshold=0.5), "late": nir.Delay(full(3 * DT))}
    edges = [("in", "a"), ("a", "w"), ("w", "a"), ("a", "b"), ("b", "late"), ("late", "a")]
    graph = nir.NIRGraph(nodes, edges, type_check=False)
    net = read(graph, reading=reading)
    found = {(p.pre.name, p.post.name): p.delay for p in net.projections}
    assert found == {("in", "a"): 0.0, ("a", "a"): DT, ("a", "b"): 0.0, ("b", "a"): 3 * DT}
    x = np.zeros((6, 1))
    x[0] = 1
    assert grids(net, x)["a"][:, 0].tolist() == [True] * 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = models.read_nir(graph, 1.0)
    assert {p.delay for p in own.projections} == {0.0, 3 * DT}


# -- recognition ------------------------------------------------------------------------------------------------------

EXPONENTIAL = np.exp(-1 / 20)  # Rockpool's decay for tau = 20 ms, dt = 1 ms
SUSPECTED: dict[str, tuple[Any, str]] = {
    "lif": (lif(3), "steps of 0.0001,"),
    "lif in ms steps": (lif(3, dt=1e-3), "steps of 0.001,"),
    "if": (integrate(2), "steps of 0.0001,"),
    "cuba": (cubalif(2), "steps of 0.0001,"),
    "many decays": (
        nir.LIF(np.array([0.001, 0.002]), np.array([10.0, 20.0]), *np.zeros((1, 2)), np.ones(2)),
        "0.0001,",
    ),
    "odd step": (lif(3, dt=1 / 3000), "steps of 0.000333333,"),
    "rockpool": (lif(2, tau=0.02, r=20 * EXPONENTIAL), "exporter='rockpool'"),
    "rockpool cuba": (cubalif(2, tau_mem=0.02, tau_syn=0.01, w_in=1.0, r=20 * EXPONENTIAL), "exporter='rockpool'"),
}
TRUSTED: dict[str, Any] = {
    "r is 1": lif(r=1.0, tau=0.02),
    "r is tau": lif(tau=0.02, r=0.02),
    "milliseconds": lif(tau=20.0, r=20.0),
    "mild": lif(tau=0.2, r=10.0),
    "no common step": nir.LIF(np.array([0.001, 0.002]), np.array([10.0, 10.0]), *np.zeros((1, 2)), np.ones(2)),
    "w_in says another": cubalif(w_in=1.0),
    "if": integrate(r=2.0),
}


@pytest.mark.parametrize("name", SUSPECTED)
def test_neurons_that_are_written_for_steps_are_recognised(name: str) -> None:
    node, message = SUSPECTED[name]
    size = node.r.size
    with pytest.warns(UserWarning, match=message):
        models.read_nir(chain(node, size=(size,)), 1.0)
    assert tags(chain(node, size=(size,)))["n0"] == "doubtful"


@pytest.mark.parametrize("name", TRUSTED)
def test_neurons_that_may_mean_nirs_impulses_are_not(name: str) -> None:
    node = TRUSTED[name]
    graph = chain(node, size=(node.r.size,))
    net = models.read_nir(graph, 1e-3 if name == "milliseconds" else 1.0)
    assert len(net.populations) == 1
    assert tags(graph)["n0"] in ("faithful", "faithful except at equality")


def rounded(dt: float, *taus: float) -> Any:
    """A chain of layers with one tau each, all numbers divided and kept in float32."""
    numbers = [np.array([tau], np.float32) for tau in taus]
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    return chain(*(nir.LIF(tau, tau / np.float32(dt), zero, one) for tau in numbers))


@pytest.mark.parametrize("taus", [(0.0123, 0.037), (0.0071, 0.0333), (0.02, 0.02), (0.011, 0.0123, 0.037, 0.05)])
@pytest.mark.parametrize("dt", [1e-4, 1.25e-4, 1 / 3000, 1 / 7000, 1 / 30000, 1.0 / 44100])
def test_layers_of_one_step_agree_though_each_rounds_it_to_float32(dt: float, taus: tuple[float, ...]) -> None:
    graph = rounded(dt, *taus)
    with pytest.warns(UserWarning, match=f"'n0' seems to be written for steps of {dt:g}, .*own steps\\.$"):
        models.read_nir(graph, 1.0)
    assert {entry.tag for entry in models.nir_fidelity(graph) if entry.type == "LIF"} == {"doubtful"}
    with pytest.raises(InputError, match=f"This graph seems to be written for dt = {dt:g}\\.$"):
        models.read_nir(graph, 1.0, reading="clocked")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(graph, dt=dt)


def test_the_step_that_is_offered_is_the_decimal_that_was_meant() -> None:
    assert models.nir_fidelity(rounded(1.25e-4, 0.0123, 0.037))[1].note.count("dt=0.000125") == 1
    found = nir_exporters.agreed({name: nir_exporters.Suspicion(dt, None) for name, dt in (
        ("a", 1.2500001e-4), ("b", 1.25e-4), ("c", 1.2499999e-4), ("d", 3.3333337e-4), ("e", 1e-3), ("f", 3.333333e-4),
    )})  # fmt: skip
    assert {name: doubt.dt for name, doubt in found.items()} == {
        "a": 1.25e-4, "b": 1.25e-4, "c": 1.25e-4, "d": found["f"].dt, "e": 1e-3, "f": found["f"].dt,
    }  # fmt: skip


def test_layers_of_different_steps_are_each_doubted() -> None:
    graph = chain(lif(), lif(dt=1e-3), lif())
    others = r"Other nodes seem to be written for other steps, 0\.001 \(node 'n1'\), and dt is one for all"
    with pytest.warns(UserWarning, match=rf"node 'n0' seems to be written for steps of 0\.0001, .*{others}"):
        models.read_nir(graph, 1.0)
    notes = {entry.node: entry.note for entry in models.nir_fidelity(graph) if entry.tag == "doubtful"}
    assert list(notes) == ["n0", "n1", "n2"]
    assert ["dt=0.001" in note for note in notes.values()] == [False, True, False]
    with pytest.warns(
        UserWarning, match=r"node 'n1' .* steps of 0\.001, .*dt=0\.001, not 0\.0001; .*0\.0001 \(node 'n0'\)"
    ):
        read(graph, dt=1e-4)
    with pytest.raises(InputError, match=r"written for dt = 0\.0001 \(node 'n0'\), 0\.001 \(node 'n1'\)\.$"):
        models.read_nir(graph, 1.0, reading="clocked")


def test_another_step_than_that_of_the_file_is_asked_about() -> None:
    with pytest.warns(UserWarning, match=r"Read it with dt=0\.0001, not 0\.001; add reading='clocked'"):
        read(reported(), dt=1e-3)


def test_rockpools_rule_asks_for_its_name() -> None:
    graph = chain(lif(2, tau=0.02, r=20 * EXPONENTIAL), size=(2,))
    with pytest.warns(UserWarning, match=r"Read it with dt=0\.001, exporter='rockpool'; add"):
        read(graph, dt=1e-3)
    assert read(graph, dt=1e-3, exporter="rockpool").projections[0].kind.weights.tolist() == pytest.approx([1.0, 1.0])
    odd = chain(lif(2, tau=0.02, r=60 * math.exp(-1 / 60)), size=(2,))  # dt = 1/3 ms, which is no short decimal
    assert read(odd, dt=1e-3 / 3, exporter="rockpool").projections[0].kind.weights.tolist() == pytest.approx([1.0] * 2)


def test_what_write_nir_wrote_is_trusted(tmp_path: Path) -> None:
    """No step is looked for in files of ours, whatever r is."""
    net = Network(1e-3)
    net.source(1, "input")
    net.population("lif_exp", 1, "cells", tau_mem=20.0, tau_syn=1.0, r=2e3)
    net.connect("input", "cells", Dense([[1.0]]))
    models.write_nir(net, tmp_path / "net.nir")
    assert tags(tmp_path / "net.nir")["cells"] == "faithful except at equality"
    graph = nir.read(tmp_path / "net.nir")
    assert "eventsim" in graph.metadata
    assert models.read_nir(graph, 1e-3).hash() == models.read_nir(tmp_path / "net.nir", 1e-3).hash() == net.hash()
    graph.nodes["cells"].w_in, graph.metadata = full(100.0), {}
    assert tags(graph)["cells"] == "doubtful"


# -- the order of edges -----------------------------------------------------------------------------------------------


def test_the_order_of_edges_says_something_in_files_of_ours_only(tmp_path: Path) -> None:
    """Those of the report begin with what leaves neurons and inputs, as write_nir's do, by chance."""
    nodes = {"input": nir.Input(np.array([2])), "0": nir.Linear(np.ones((3, 2))), "1": lif(3, r=0.001)}
    nodes["output"] = nir.Output(np.array([3]))
    chance = [("1", "output"), ("input", "0"), ("0", "1")]
    hashes = set()
    for edges in itertools.permutations(chance):
        graph = nir.NIRGraph(nodes, list(edges), type_check=False)
        nir.write(tmp_path / "net.nir", graph)
        for source in (graph, tmp_path / "net.nir"):
            net = models.read_nir(source, 1.0)
            assert [node.name for node in net.nodes] == ["input", "1"]
            hashes.add(net.hash())
    assert len(hashes) == 1


# -- what is refused --------------------------------------------------------------------------------------------------

OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no dt": (
        {"dt": None, "exporter": "norse"},
        r"exporter = 'norse' without dt; needs the exporter's step\. Give dt=",
    ),
    "no dt, reset": ({"dt": None, "reset": "soft"}, r"reset = 'soft' without dt"),
    "dt": ({"dt": 0}, r"dt = 0; must be > 0.*in the unit of the graph's time constants"),
    "dt none": ({"dt": math.nan}, r"dt = nan"),
    "reading": ({"reading": "clock"}, r"reading = 'clock', did you mean 'clocked'\?"),
    "exporter": (
        {"exporter": "snnTorch"},
        r"exporter = 'snnTorch', did you mean 'snntorch'\?; must be one of snntorch,",
    ),
    "reset missing": ({"exporter": "snntorch"}, r"reset is missing; snntorch's files do not say.*reset='soft'"),
    "reset": ({"reset": "zero"}, r"reset = 'zero'; must be one of hard, soft"),
    "resets": (
        {"reading": "clocked", "resets": "late"},
        r"resets = 'late'; must be one of at_spike, next_tick, before_leak",
    ),
    "resets, continuous": ({"resets": "at_spike"}, r"resets = 'at_spike' with reading='continuous'; only a clocked"),
    "strict": ({"reading": "clocked", "strict": True}, r"strict = True with reading='clocked'; must be left out"),
    "norm_input missing": ({"exporter": "sinabs", "reset": "soft"}, r"norm_input is missing; sinabs's files"),
    "norm_input": ({"exporter": "sinabs", "reset": "soft", "norm_input": 1}, r"norm_input = 1; must be True or False"),
    "norm_input, other": ({"norm_input": True}, r"norm_input = True; must be given for exporter='sinabs' only"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_do_not_go_together_are_refused_before_anything_is_read(name: str) -> None:
    options, message = OPTIONS[name]
    with pytest.raises(InputError, match=message):
        read(chain(lif(r=0.001)), **options)
    with pytest.raises(InputError, match=f"nir_fidelity: {message.removeprefix('^')}"):
        models.nir_fidelity(chain(lif(r=0.001)), **({"dt": DT} | options))


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "rest behind a synapse": (
        cubalif(v_leak=0.5),
        {},
        r"'n0' \(CubaLIF\): v_leak\[0\] = 0\.5; must be 0, where V begins",
    ),
    "long steps": (
        lif(tau=5e-5, r=0.1),
        {},
        r"'n0' \(LIF\): tau\[0\] = 5e-05 is shorter than dt = 0\.0001; must be long",
    ),
    "long steps of a synapse": (cubalif(tau_syn=5e-5, w_in=0.5), {}, r"tau_syn\[0\] = 5e-05 is shorter than dt"),
    "not its own": (
        cubalif(),
        {"exporter": "sinabs", "reset": "soft", "norm_input": False},
        "which writes IF, LIF, LI only",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_neurons_that_no_step_makes_are_refused_by_node(name: str) -> None:
    node, options, message = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(NetworkError, match=message):
            read(chain(node), reading="clocked", **options)
        assert tags(chain(node), dt=DT, reading="clocked", **options)["n0"] == "unsupported"


def image(*shape: int) -> Any:
    return chain(nir.Conv2d(None, np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2)), size=shape)


AXES: dict[str, tuple[Any, str]] = {
    "linear": (
        chain(nir.Linear(np.ones((3, 20))), lif(3), size=(100, 20)),
        r"'n0' \(Linear\): .* axis of time, 100 steps",
    ),
    "linear, batch": (
        chain(nir.Linear(np.ones((3, 20))), lif(3), size=(100, 8, 20)),
        r"axes of time and batch, 100 and 8",
    ),
    "one sample": (chain(nir.Linear(np.ones((3, 20))), lif(3), size=(1, 20)), "has no batch axis: export the graph"),
    "neurons": (
        chain(lif(20), size=(100, 20)),
        r"'n0' \(LIF\): .*\(100, 20\); must have \(20,\)\. If it begins with an axis of",
    ),
    "scale": (chain(nir.Scale(np.ones(20)), lif(20), size=(100, 20)), r"'n0' \(Scale\).*axis of time, 100 steps"),
    "conv": (image(25, 1, 8, 8), r"'n0' \(Conv2d\): .*axis of time, 25 steps.* the shape of its Input"),
    "pool": (
        chain(nir.SumPool2d(*np.array([[2, 2], [2, 2], [0, 0]])), size=(25, 1, 8, 8)),
        r"\(SumPool2d\): .* 25 steps",
    ),
    "other": (
        chain(nir.Linear(np.ones((3, 20))), lif(3), size=(100, 10)),
        r"must have \(20,\)\. Check what leads into it",
    ),
}


@pytest.mark.parametrize("name", AXES)
def test_an_axis_of_time_in_the_shape_of_an_input_is_called_one(name: str) -> None:
    graph, message = AXES[name]
    last = list(graph.nodes)[-1]
    if last in ("n0", "n1") and type(graph.nodes[last]).__name__ != "LIF":
        graph.nodes["end"] = lif(1, r=0.001)
        graph.edges.append((last, "end"))
    with pytest.raises(NetworkError, match=message):
        models.read_nir(graph, 1.0)


def test_rockpools_axes_of_batch_and_time_are_left_out() -> None:
    """Its exporter writes the shape of its sample data, always with both."""
    graph = chain(nir.Linear(np.ones((3, 20))), lif(3, r=10 * math.exp(-0.1)), size=(1, 100, 20))
    assert models.read_nir(graph, 1.0, dt=DT, exporter="rockpool").sources[0].shape == (20,)
