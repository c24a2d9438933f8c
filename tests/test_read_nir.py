"""NIR graphs are read as the equations that they are: each node type, whole graphs, and what is refused."""

import itertools
import math
from pathlib import Path
from typing import Any

import nir_steps
import numpy as np
import pytest

import eventsim
from eventsim import Conv, Dense, FileFormatError, InputError, NetworkError, OneToOne, Pool, Sparse, SpikeTimes, models

nir = pytest.importorskip("nir")

pytestmark = pytest.mark.references

RNG = np.random.default_rng(0)


def full(value: float, *shape: int) -> np.ndarray:
    return np.full(shape or (1,), float(value))


def chain(*nodes: Any, shape: tuple[int, ...] = (1,)) -> Any:
    """Input, the nodes one after the other, Output of the last."""
    named = {"in": nir.Input(np.array(shape))} | {f"n{k}": node for k, node in enumerate(nodes)}
    names = list(named)
    return nir.NIRGraph(named, list(itertools.pairwise(names)), type_check=False)


def spikes(graph: Any, times: list, until: float = 100.0, strict: bool = False) -> list[float]:
    """Spike times of the last population, for one train."""
    net = models.read_nir(graph, 1e-3, strict=strict)
    run = eventsim.simulate(net, SpikeTimes([[times]]), until=until, engine="reference")
    return run.spikes["time"][run.spikes["population"] == len(net.nodes) - 1].tolist()


def lif(n: int = 1, **given: float) -> Any:
    values = {"tau": 10.0, "r": 5.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | given
    return nir.LIF(**{name: full(value, n) for name, value in values.items()})


def cubalif(n: int = 1, **given: float) -> Any:
    values = {"tau_syn": 4.0, "tau_mem": 10.0, "r": 2.0, "v_leak": 0.0} | {"v_threshold": 1.0, "v_reset": 0.0}
    values |= {"w_in": 1.0}
    return nir.CubaLIF(**{name: full(value, n) for name, value in (values | given).items()})


def affine(weight: float, bias: float) -> Any:
    return nir.Affine(np.array([[weight]]), np.array([bias]))


def test_a_delay_of_each_neuron_is_one_of_synapses() -> None:
    """Before the weights it delays senders, behind them receivers; every input makes an IF fire."""
    weights, ifs = nir.Linear(np.full((2, 2), 2.0)), nir.IF(full(1.0, 2), full(1.0, 2))
    early, late = nir.Delay(np.array([0.5, 1.25])), nir.Delay(np.array([3.0, 7.0]))
    x = SpikeTimes([[[0.0], [10.0]]])
    for nodes, expected in (
        ((early, weights, ifs), [[0.5, 11.25], [0.5, 11.25]]),
        ((weights, late, ifs), [[3.0, 13.0], [7.0, 17.0]]),
        ((early, nir.Delay(full(0.25, 2)), weights, late, ifs), [[3.75, 14.5], [7.75, 18.5]]),
        ((early, nir.Scale(full(2.0, 2)), late, ifs), [[3.5], [18.25]]),
    ):
        run = eventsim.simulate(models.read_nir(chain(*nodes, shape=(2,)), 1e-3), x, engine="reference")
        fired = run.spikes[run.spikes["population"] == 1]
        assert [fired["time"][fired["neuron"] == i].tolist() for i in range(2)] == expected


# -- each neuron against its equation ---------------------------------------------------------------------------------


def test_an_impulse_moves_a_lif_by_r_w_over_tau_and_a_bias_is_a_current() -> None:
    # v = 0.5 * (6 / 10) * 2 = 0.6 at 1; two such, the first decayed, are above 1.
    assert spikes(chain(nir.Linear(np.array([[2.0]])), lif(r=3.0)), [1.0, 2.0]) == [2.0]
    # tau v' = v_leak - v + R b from 0 to 1: t = tau ln(v_inf / (v_inf - 1)), again and again.
    v_inf = 0.5 + 5.0 * 0.3
    period = 10.0 * math.log(v_inf / (v_inf - 1.0))
    found = spikes(chain(affine(1.0, 0.3), lif(v_leak=0.5)), [], until=25.0)
    assert found == pytest.approx([period, 2 * period, 3 * period], rel=1e-14)


def test_an_if_fires_above_its_threshold_only_and_a_bias_is_a_slope() -> None:
    neuron = nir.IF(r=full(2.0), v_threshold=full(3.0), v_reset=full(-1.0))
    # 1, 3 (equal: silent), 4 (fires, to -1), 1, 3, 5 (fires)
    assert spikes(chain(nir.Linear(np.array([[0.5]])), neuron), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]) == [4.0]
    assert spikes(chain(nir.Linear(np.array([[1.0]])), neuron), [1.0, 2.0, 3.0, 4.0, 5.0]) == [2.0, 5.0]
    # dv/dt = 2 * 0.25: 2 at 4, an impulse of 2 more: 4 > 3; then -1 + 0.5 t = 3 after 8.
    assert spikes(chain(affine(1.0, 0.25), neuron), [4.0], until=13.0) == [4.0, 12.0]


def root(function: Any, low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return high


def cuba(t: float, jump: float, bias: float, neuron: Any) -> float:
    """v of a CubaLIF at t, from 0, of an impulse at 0 and a bias that is there from 0 on; tau_syn != tau_mem."""
    tau_s, tau_m, r = (float(getattr(neuron, name)[0]) for name in ("tau_syn", "tau_mem", "r"))
    slow, fast = math.exp(-t / tau_m), math.exp(-t / tau_s)
    per_current = r / tau_m * (slow - fast) / (1 / tau_s - 1 / tau_m)
    steady = float(neuron.w_in[0]) * bias
    v_inf = float(neuron.v_leak[0]) + r * steady
    return v_inf * (1 - slow) + (jump - steady) * per_current


@pytest.mark.parametrize(("weight", "bias"), [(20.0, 0.0), (20.0, -0.25), (0.0, 0.75), (3.0, 0.5)])
def test_a_cubalif_has_a_synapse_between_weights_biases_and_its_potential(weight: float, bias: float) -> None:
    neuron = cubalif(w_in=1.5, v_leak=0.1)
    jump = 1.5 * weight / 4.0
    [first, *_] = spikes(chain(affine(weight, bias), neuron), [0.0], until=60.0)
    top = max(np.linspace(0.0, 60.0, 6001), key=lambda t: cuba(t, jump, bias, neuron))
    assert first == pytest.approx(root(lambda t: cuba(t, jump, bias, neuron) - 1.0, 0.0, top), rel=1e-13)


def test_what_never_fires_is_read_as_a_potential_at_any_time() -> None:
    times = np.array([0.5, 1.0, 2.5, 7.0])
    common = {"r": full(2.0), "v_leak": full(0.25)}
    since = np.maximum(times - 1.0, 0.0)
    cases = {
        "I": (nir.I(full(2.0)), 2.0 * 3.0 * (times >= 1.0), 2.0 * 0.5 * times),
        "LI": (
            nir.LI(tau=full(5.0), **common),
            2.0 * 3.0 / 5.0 * np.exp(-since / 5.0) * (times >= 1.0) + 0.25 * (1 - np.exp(-times / 5.0)),
            2.0 * 0.5 * (1 - np.exp(-times / 5.0)),
        ),
        "CubaLI": (
            nir.CubaLI(tau_syn=full(4.0), tau_mem=full(10.0), **common),
            np.array([cuba(t, 3.0 / 4.0, 0.0, cubalif()) for t in since]) * (times >= 1.0)
            + 0.25 * (1 - np.exp(-times / 10.0)),
            np.array([cuba(t, 0.0, 0.5, cubalif()) for t in times]),
        ),
    }
    for kind, (node, of_impulse, of_bias) in cases.items():
        for bias in (0.0, 0.5):
            graph = chain(affine(3.0, bias), node, nir.Output(np.array([1])))
            net = models.read_nir(graph, 1e-3)
            assert net.provenance["nir"]["outputs"] == {"n2": "n1"}
            run = eventsim.simulate(net, SpikeTimes([[[1.0]]]), until=8.0, engine="reference", record={"n1": [0]})
            expected = of_impulse + (of_bias if bias else 0.0)
            assert run.membrane("n1", 0, times=times)[1] == pytest.approx(expected, rel=1e-12, abs=1e-12), (kind, bias)


def test_strict_thresholds_do_not_fire_at_equality() -> None:
    exactly = chain(nir.Linear(np.array([[2.0]])), lif())  # 2 * 5 / 10 is the threshold
    assert spikes(exactly, [1.0]) == [1.0]
    assert spikes(exactly, [1.0], strict=True) == []
    assert spikes(exactly, [1.0, 1.0 + 2.0**-20], strict=True) == [1.0 + 2.0**-20]


# -- linear nodes: what an integrator has in the end is the map of the numbers of spikes ------------------------------


def whole(*shape: int) -> np.ndarray:
    return RNG.integers(-3, 4, shape).astype(float)


def pool(kind: Any, kernel: int, stride: int, padding: int = 0) -> Any:
    return kind(*(np.array([n, n]) for n in (kernel, stride, padding)))


def conv(*shape: int, size: Any = None, stride: int = 1, padding: Any = 0, dilation: int = 1, groups: int = 1) -> Any:
    kind = nir.Conv2d if len(shape) == 4 else nir.Conv1d
    return kind(size, whole(*shape), stride, padding, dilation, groups, whole(shape[0]))


LINEAR = {
    "Linear": ((5,), [nir.Linear(whole(3, 5))], Dense),
    "Affine": ((5,), [nir.Affine(whole(3, 5), whole(3))], Dense),
    "Scale": ((2, 3), [nir.Scale(whole(2, 3))], OneToOne),
    "nothing": ((2, 3), [], OneToOne),
    "Flatten": ((2, 3, 4), [nir.Flatten(np.array([2, 3, 4]), 0, -1), nir.Linear(whole(2, 24))], Dense),
    "Flatten some": ((2, 3, 4), [nir.Flatten(np.array([2, 3, 4]), 1, 2), nir.Scale(whole(2, 12))], OneToOne),
    "Conv1d": ((2, 9), [conv(3, 2, 3, size=9, stride=2, padding=1)], Conv),
    "Conv1d same": ((2, 9), [conv(3, 2, 4, padding="same", dilation=2)], Conv),
    "Conv2d": ((2, 6, 7), [conv(4, 1, 3, 2, size=(6, 7), stride=2, padding=1, groups=2)], Conv),
    "Conv2d valid": ((2, 6, 7), [conv(3, 2, 2, 3, padding="valid", dilation=2)], Conv),
    "SumPool2d": ((2, 6, 7), [pool(nir.SumPool2d, 2, 2)], Pool),
    "AvgPool2d": ((2, 6, 8), [pool(nir.AvgPool2d, 2, 2, 1)], Conv),
    "pool, conv": ((2, 8, 8), [pool(nir.SumPool2d, 2, 2), conv(3, 2, 3, 3, padding=1)], Conv),
    "pool, conv at a rest": ((2, 7, 8), [pool(nir.SumPool2d, 2, 2), conv(3, 2, 3, 3, padding=1)], Sparse),
    "conv, pool, flat": (
        (1, 6, 6),
        [
            conv(2, 1, 3, 3, padding=1), pool(nir.AvgPool2d, 2, 2), nir.Flatten(np.array([2, 3, 3]), 0),
            nir.Linear(whole(4, 18)),
        ],
        Dense,
    ),
    "two affine": (
        (4,), [nir.Affine(whole(3, 4), whole(3)), nir.Scale(whole(3)), nir.Affine(whole(5, 3), whole(5))], Dense
    ),
    "conv, scale": ((1, 4, 4), [conv(2, 1, 3, 3), nir.Scale(np.repeat([2.0, -3.0], 4).reshape(2, 2, 2))], Conv),
}  # fmt: skip


@pytest.mark.parametrize("name", LINEAR)
def test_linear_nodes_are_the_map_and_the_bias_that_they_define(name: str) -> None:
    shape, nodes, kind = LINEAR[name]
    x, constant = RNG.integers(0, 4, shape).astype(float), np.zeros(shape)
    y = x
    for node in nodes:
        y, constant = nir_steps.linear(node, y, False), nir_steps.linear(node, constant, True)
    net = models.read_nir(chain(*nodes, nir.I(full(1.0, *y.shape)), shape=shape), 1.0)
    [projection] = net.projections
    assert isinstance(projection.kind, kind)
    trains = [[0.25 * (k + 1) for k in range(int(n))] for n in x.ravel()]
    last = net.populations[-1]
    run = eventsim.simulate(
        net, SpikeTimes([trains]), until=4.0, engine="reference", record={last.name: range(last.size)}
    )
    found = [run.membrane(last.name, j, times=[2.0])[1][0] for j in range(last.size)]
    assert found == (y + 2.0 * constant).ravel().tolist()


# -- whole graphs against steps of time -------------------------------------------------------------------------------

WITHIN = 2.0**-6  # what each spike is late by adds up


def compared(graph: Any, net: Any, inputs: dict[str, list[tuple[int, int]]], step: float, n_steps: int) -> int:
    """How many spikes the graph has in steps of time, all of which the network has too, nearly when."""
    stepped = nir_steps.Steps(graph, step).run(inputs, n_steps)
    given = {}
    for source in net.sources:
        trains: list[list[float]] = [[] for _ in range(source.size)]
        for k, i in inputs[source.name]:
            trains[i].append(k * step)
        given[source.name] = SpikeTimes([trains])
    run = eventsim.simulate(net, given, until=(n_steps - 0.5) * step, engine="reference")
    total = 0
    for name, expected in stepped.items():
        index = run.populations.index(name)
        mine = run.spikes[run.spikes["population"] == index]
        for neuron in range(net.node(name).size):
            times = mine["time"][mine["neuron"] == neuron]
            wanted = np.array([t for t, i in expected if i == neuron])
            assert len(times) == len(wanted), (name, neuron)
            assert (np.abs(times - wanted) < WITHIN).all()
            total += len(times)
    return total


def trains(size: int, n_steps: int, rate: float) -> list[tuple[int, int]]:
    return [(int(k), int(i)) for k, i in np.argwhere(RNG.random((n_steps, size)) < rate)]


def recurrent() -> Any:
    """Two inputs, all neurons that fire, recurrence with delays, a bias each, a sum of two ways."""
    n = 4
    nodes = {
        "a": nir.Input(np.array([3])),
        "b": nir.Input(np.array([n])),
        "w": nir.Linear(RNG.normal(1.0, 1.0, (n, 3)) * 4),
        "lif": nir.LIF(full(8, n), RNG.uniform(1, 3, n), full(0.1, n), RNG.uniform(0.8, 1.2, n), full(-0.2, n)),
        "to": nir.Affine(RNG.normal(1.0, 1.0, (n, n)) * 3, RNG.uniform(0.1, 0.3, n)),
        "scale": nir.Scale(RNG.uniform(2, 4, n)),
        "cuba": nir.CubaLIF(
            full(3, n), RNG.uniform(5, 9, n), full(1.5, n), full(0, n), full(1, n), full(0, n), RNG.uniform(1, 2, n)
        ),
        "back": nir.Linear(RNG.normal(0.0, 1.0, (n, n)) * 2),
        "later": nir.Delay(full(0.5, n)),
        "if_in": nir.Affine(RNG.normal(0.2, 0.3, (3, n)), np.array([0.1, 0.0, -0.02])),
        "if": nir.IF(full(1, 3), full(1, 3)),
        "out": nir.Output(np.array([3])),
    }
    edges = [("a", "w"), ("w", "lif"), ("lif", "to"), ("to", "cuba"), ("b", "scale"), ("scale", "cuba")]
    edges += [("cuba", "later"), ("later", "back"), ("back", "lif"), ("back", "cuba"), ("cuba", "if_in")]
    edges += [("if_in", "if"), ("if", "out")]
    return nir.NIRGraph(nodes, edges)


@pytest.mark.slow
def test_a_recurrent_graph_fires_as_in_small_steps_of_time() -> None:
    graph, step, n_steps = recurrent(), 2.0**-12, 12 * 2**12
    net = models.read_nir(graph, 1e-3)
    inputs = {"a": trains(3, n_steps, 0.4 * step), "b": trains(4, n_steps, 0.3 * step)}
    assert compared(graph, net, inputs, step, n_steps) > 60
    assert net.provenance["nir"]["outputs"] == {"out": "if"}
    assert {p.delay for p in net.projections} == {0.0, 0.5}


@pytest.mark.slow
def test_a_convolutional_graph_fires_as_in_small_steps_of_time() -> None:
    shape, step, n_steps = (3, 3, 3), 2.0**-10, 4 * 2**10
    nodes = [
        pool(nir.SumPool2d, 2, 2),
        nir.Conv2d((3, 3), RNG.normal(0.5, 1, (3, 2, 3, 3)), 1, 1, 1, 1, RNG.uniform(0, 0.1, 3)),
        nir.LIF(*(full(v, *shape) for v in (6.0, 4.0, 0.0, 1.0))), pool(nir.AvgPool2d, 3, 3),
        nir.Flatten(np.array([3, 1, 1]), 0), nir.Affine(RNG.normal(1, 1, (2, 3)) * 4, full(0.05, 2)),
        nir.IF(full(1, 2), full(1, 2)),
    ]  # fmt: skip
    graph = chain(*nodes, shape=(2, 6, 6))
    net = models.read_nir(graph, 1e-3)
    assert [type(p.kind) for p in net.projections] == [Conv, Dense]
    assert compared(graph, net, {"in": trains(72, n_steps, 0.2 * step)}, step, n_steps) > 60


def test_subgraphs_are_their_nodes_and_their_ends_pass_on() -> None:
    inner = nir.NIRGraph.from_list(nir.Linear(np.array([[2.0]])), lif())
    nodes = {
        "in": nir.Input(np.array([1])),
        "sub": inner,
        "fc": affine(1.0, 0.0),
        "lif": lif(),
        "out": nir.Output(np.array([1])),
    }
    edges = [("in", "sub"), ("sub", "fc"), ("fc", "lif"), ("lif", "out")]
    net = models.read_nir(nir.NIRGraph(nodes, edges), 1e-3)
    assert [node.name for node in net.nodes] == ["in", "sub.lif", "lif"]
    assert [p.kind.weights.tolist() for p in net.projections] == [[[1.0]], [[0.5]]]
    flat = {entry.node: entry.tag for entry in models.nir_fidelity(nir.NIRGraph(nodes, edges))}
    assert flat["sub.linear"] == "faithful"
    assert flat["sub.lif"] == "faithful except at equality"


def test_single_numbers_are_those_of_all_neurons_also_in_a_cycle() -> None:
    one = nir.LIF(*(np.array(v) for v in (10.0, 5.0, 0.0, 1.0, 0.0)))
    nodes = {"in": nir.Input(np.array([3])), "lif": one, "fc": nir.Linear(np.eye(3)), "s": nir.Scale(np.array(2.0))}
    net = models.read_nir(
        nir.NIRGraph(nodes, [("lif", "s"), ("s", "lif"), ("in", "fc"), ("fc", "lif")], type_check=False), 1e-3
    )
    assert net.node("lif").shape == (3,)
    assert net.projections[1].kind.weights.tolist() == [1.0] * 3


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_read_as_the_graph_that_it_holds(tmp_path: Path) -> None:
    for k, graph in enumerate((recurrent(), chain(conv(2, 1, 3, 3, size=(3, 3)), lif(2), shape=(1, 3, 3)))):
        if k:
            graph.nodes["n1"] = nir.LIF(*(full(v, 2, 1, 1) for v in (6.0, 4.0, 0.0, 1.0)))
        nir.write(tmp_path / "graph.nir", graph)
        net = models.read_nir(tmp_path / "graph.nir", 1e-3)
        assert net.hash() == models.read_nir(graph, 1e-3).hash()
        net.save(tmp_path / "net.npz")
        assert eventsim.load_network(tmp_path / "net.npz").provenance == net.provenance


def test_the_network_does_not_depend_on_the_order_of_nodes_and_edges() -> None:
    graph = recurrent()
    names = ["a", "b", "lif", "cuba", "if"]
    expected = models.read_nir(graph, 1e-3).hash()
    for _ in range(5):
        nodes = [list(graph.nodes)[k] for k in RNG.permutation(len(graph.nodes))]
        edges = [graph.edges[k] for k in RNG.permutation(len(graph.edges))]
        net = models.read_nir(nir.NIRGraph({name: graph.nodes[name] for name in nodes}, edges, type_check=False), 1e-3)
        assert sorted(node.name for node in net.nodes[:2]) == names[:2]
        assert net.hash() == expected


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.nir"
    with pytest.raises(FileFormatError, match=r"graph\.nir is not read by nir .*must be a whole NIR file"):
        models.read_nir(path, 1e-3)
    nir.write(path, recurrent())
    raw = path.read_bytes()
    for damaged in (b"", b"no HDF5", raw[:100], raw[: len(raw) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match="is not read by nir"):
            models.read_nir(path, 1e-3)
    h5py = pytest.importorskip("h5py")
    for change in ("type", "missing", "empty"):
        path.write_bytes(raw)
        with h5py.File(path, "r+") as file:
            if change == "empty":
                del file["node"]
            else:
                del file["node/nodes/lif/type" if change == "type" else "node/nodes/lif/tau"]
                if change == "type":
                    file["node/nodes/lif/type"] = "Izhikevich"
        with pytest.raises(FileFormatError, match="is not read by nir"):
            models.read_nir(path, 1e-3)


# -- what is refused --------------------------------------------------------------------------------------------------


def graph_of(nodes: dict[str, Any], *edges: tuple[str, ...]) -> Any:
    return nir.NIRGraph({"in": nir.Input(np.array([1]))} | nodes, list(edges), type_check=False)


def broken(node: Any, **changed: Any) -> Any:
    for name, value in changed.items():
        setattr(node, name, value)
    return node


REFUSED = {
    "Threshold": (
        chain(nir.Threshold(full(1.0))),
        r"node 'n0' \(Threshold\): compares .*supported are Input.*Use an IF",
    ),
    "I to neurons": (
        chain(nir.I(full(1.0)), affine(1.0, 0.0), nir.IF(full(1.0), full(1.0))),
        r"'n0' \(I\): its potential goes to 'n1'",
    ),
    "linear output": (
        chain(lif(), affine(2.0, 0.0), nir.Output(np.array([1]))),
        r"'n2' \(Output\): shows a sum|weighted",
    ),
    "delays": (
        chain(nir.Linear(np.eye(2)), nir.Delay(np.array([1.0, 2.0])), nir.Linear(np.ones((2, 2))), lif(2), shape=(2,)),
        r"'n2' \(Linear\): mixes what a Delay before it has delayed by different times",
    ),
    "negative delay": (chain(nir.Delay(full(-1.0)), lif()), r"delay = -1.0; must be >= 0"),
    "bias delayed": (chain(affine(1.0, 1.0), nir.Delay(full(1.0)), lif()), "delays a bias"),
    "NaN": (chain(nir.Linear(np.array([[math.nan]])), lif()), r"'n0' \(Linear\): weight\[0, 0\] = nan; must be finite"),
    "tau": (chain(lif(tau=0.0)), r"'n0' \(LIF\): tau\[0\] = 0.0; must be > 0"),
    "threshold": (chain(lif(v_threshold=0.0)), r"v_threshold\[0\] = 0.0; must be above v_reset"),
    "start": (chain(lif(v_threshold=-1.0, v_reset=-2.0)), r"must be above its start \(0\.0\)"),
    "overflow": (chain(nir.Linear(np.array([[1e90]])), lif(r=1e300)), r"'n1' \(LIF\): .*must lie between"),
    "rows": (chain(nir.Linear(whole(2, 3)), lif(2)), r"what leads into it has shape \(1,\); must have \(3,\)"),
    "flat": (chain(nir.Linear(whole(2, 6)), lif(2), shape=(2, 3)), "Put a Flatten before it"),
    "batch": (chain(affine(1.0, 0.0), lif(), shape=(1, 1)), r"must have \(1,\). A NIR shape has no batch axis"),
    "size": (
        chain(nir.Linear(whole(3, 1)), lif(2)),
        r"'n1' \(LIF\): what leads into it has shape \(3,\); must have \(2,\)",
    ),
    "block weights": (
        chain(broken(nir.Linear(whole(2, 2)), weight=whole(2, 2, 2)), lif(2)),
        r"weight has shape \(2, 2, 2\)",
    ),
    "bias": (chain(nir.Affine(whole(2, 1), whole(3)), lif(2)), r"bias has shape \(3,\); must have \(2,\)"),
    "channels": (chain(conv(3, 2, 3, 3), lif(), shape=(1, 5, 5)), r"must have \(2, n, n\)"),
    "conv size": (chain(conv(1, 1, 3, 3, size=(4, 4)), lif(), shape=(1, 5, 5)), r"must have \(1, 4, 4\)"),
    "kernel": (chain(conv(1, 1, 7, 3), lif(), shape=(1, 5, 5)), r"'n0' \(Conv2d\): its kernel \(7, 3\) does not fit"),
    "groups": (chain(conv(3, 1, 3, 3, groups=2), lif(), shape=(2, 5, 5)), "3 output channels in 2 groups"),
    "same": (chain(conv(1, 1, 3, 3, stride=2, padding="same"), lif(), shape=(1, 5, 5)), "'same' with a stride of 1"),
    "pool": (chain(pool(nir.SumPool2d, 2, 2), lif(), shape=(4, 4)), r"must have \(channels, height, width\)"),
    "pool stride": (
        chain(pool(nir.SumPool2d, 2, 0), lif(), shape=(1, 4, 4)),
        r"stride = \[0.0, 0.0\]; must be 2 whole numbers >= 1",
    ),
    "flatten": (chain(nir.Flatten({"input": None}, 1, -1), lif()), r"start_dim = 1; must be an axis of \(1,\)"),
    "shapes": (chain(broken(lif(2), tau=full(1.0, 3)), shape=(2,)), r"parameters have shapes \[\(2,\), \(3,\)\]"),
    "nothing in": (graph_of({"lif": lif()}), r"'lif' \(LIF\): no edge leads into it"),
    "dead end": (graph_of({"lif": lif(), "fc": affine(1.0, 0.0)}, ("in", "lif"), ("lif", "fc")), "no edge leaves it"),
    "into input": (graph_of({"lif": lif()}, ("in", "lif"), ("lif", "in")), "an edge leads into it"),
    "unknown name": (graph_of({"lif": lif()}, ("in", "lf")), "there is no node 'lf', did you mean 'lif'"),
    "twice": (graph_of({"lif": lif()}, ("in", "lif"), ("in", "lif")), "is there twice"),
    "no pair": (graph_of({"lif": lif()}, ("in", "lif", "x")), "must be a pair of names"),
    "linear cycle": (
        graph_of(
            {"a": affine(1.0, 0.0), "b": affine(1.0, 0.0), "lif": lif()},
            ("in", "a"), ("a", "b"), ("b", "a"), ("b", "lif"),
        ),
        "is in a cycle without a neuron",
    ),
    "different shapes": (
        graph_of({"a": nir.Linear(whole(2, 1)), "lif": lif()}, ("in", "a"), ("a", "lif"), ("in", "lif")),
        r"different shapes, \(2,\) from 'a' and \(1,\) from 'in'",
    ),
    "empty": (nir.NIRGraph({}, [], type_check=False), "the graph has no nodes"),
    "foreign node": (
        chain(broken(nir.Linear(whole(1, 1))), type("Reset", (), {})()),
        r"\(Reset\): is not supported; supported are",
    ),
    "input shape": (chain(lif(), shape=(0,)), r"'in' \(Input\): has the shape .*must be whole numbers from 1 on"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_represented_is_refused_by_node(name: str) -> None:
    graph, message = REFUSED[name]
    with pytest.raises(NetworkError, match=message):
        models.read_nir(graph, 1e-3)


def test_the_fidelity_of_a_graph_lists_all_that_is_not_supported() -> None:
    nodes = {
        "t": nir.Threshold(full(1.0)), "lif": lif(), "d": nir.Delay(full(-1.0)), "cuba": cubalif(),
        "if": nir.IF(full(1.0), full(1.0)), "out": nir.Output(np.array([1])),
    }  # fmt: skip
    edges = [("in", "t"), ("t", "lif"), ("lif", "d"), ("d", "cuba"), ("lif", "if"), ("if", "out")]
    found = {entry.node: entry for entry in models.nir_fidelity(graph_of(nodes, *edges))}
    assert {name: entry.tag for name, entry in found.items()} == {
        "in": "faithful", "t": "unsupported", "lif": "faithful except at equality", "d": "unsupported",
        "cuba": "faithful except at equality", "if": "faithful", "out": "faithful",
    }  # fmt: skip
    assert "v > v_threshold" in found["lif"].note
    assert "compares" in found["t"].note
    strict = {entry.node: entry.tag for entry in models.nir_fidelity(graph_of(nodes, *edges), strict=True)}
    assert strict["lif"] == strict["cuba"] == "faithful"


def test_the_unit_of_time_is_asked_for_kept_and_looked_at() -> None:
    with pytest.raises(TypeError):
        models.read_nir(chain(lif()))  # type: ignore[call-arg]
    for unit in (0, -1, math.nan, "ms", None):
        with pytest.raises(InputError, match=r"time_unit = .*1e-3 for milliseconds"):
            models.read_nir(chain(lif()), unit)  # type: ignore[arg-type]
    assert models.read_nir(chain(lif(tau=0.02, r=0.02)), 1.0).time_unit == 1.0
    with pytest.warns(UserWarning, match=r"tau of node 'n0' is 20, which is 20 s with time_unit = 1\. Is the graph in"):
        models.read_nir(chain(lif(tau=20.0)), 1.0)
    with pytest.warns(UserWarning, match=r"tau_(mem|syn) of node 'n0' is 0\.002"):
        models.read_nir(chain(cubalif(tau_mem=0.002, tau_syn=0.002)), 1e-3)
    sources: list[Any] = [3, None, {"nodes": {}}]
    for wrong in sources:
        with pytest.raises(InputError, match="must be the path of a NIR file or a nir"):
            models.read_nir(wrong, 1e-3)


def test_ways_that_part_and_join_are_added_up_to_a_limit() -> None:
    def diamonds(n: int) -> Any:
        nodes: dict[str, Any] = {"in": nir.Input(np.array([1])), "j0": nir.Scale(full(1.0))}
        edges = [("in", "j0")]
        for k in range(n):
            nodes |= {f"a{k}": nir.Scale(full(2.0)), f"b{k}": nir.Scale(full(1.0)), f"j{k + 1}": nir.Scale(full(1.0))}
            edges += [(f"j{k}", f"a{k}"), (f"j{k}", f"b{k}"), (f"a{k}", f"j{k + 1}"), (f"b{k}", f"j{k + 1}")]
        nodes["if"] = nir.IF(full(1.0), full(1.0))
        return nir.NIRGraph(nodes, [*edges, (f"j{n}", "if")], type_check=False)

    net = models.read_nir(diamonds(3), 1e-3)
    assert sum(float(p.kind.weights[0]) for p in net.projections) == 27.0
    with pytest.raises(NetworkError, match=r"'j14' \(Scale\): is reached in 16,384 ways; must be 10,000 or fewer"):
        models.read_nir(diamonds(40), 1e-3)


def test_a_graph_that_holds_itself_is_refused() -> None:
    graph = chain(lif())
    graph.nodes["self"] = graph
    with pytest.raises(NetworkError, match="lies in more than 50 others"):
        models.read_nir(graph, 1e-3)
    two = nir.NIRGraph(
        {"a": nir.Input(np.array([1])), "b": nir.Input(np.array([1])), "lif": lif()}, [("a", "lif"), ("b", "lif")]
    )
    with pytest.raises(NetworkError, match="subgraph 'two' has 2 Input nodes; must have one"):
        models.read_nir(graph_of({"two": two}, ("in", "two")), 1e-3)
