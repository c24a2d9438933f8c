"""What is written as NIR is read back as the same network, with the same spikes to the last bit."""

from pathlib import Path
from typing import Any

import nir_steps
import numpy as np
import pytest

import eventsim
from eventsim import Conv, Dense, InputError, Network, NetworkError, OneToOne, Pool, Sparse, SpikeTimes, models
from eventsim.models.nir.nir_neurons import NEVER

nir = pytest.importorskip("nir")

pytestmark = pytest.mark.references

RNG = np.random.default_rng(3)


def same_spikes(one: Network, other: Network) -> int:
    """Number of spikes of both, which are the same bits."""
    x = {
        source.name: SpikeTimes([[sorted(RNG.uniform(0, 8, 4)) for _ in range(source.size)]]) for source in one.sources
    }
    runs = [eventsim.simulate(net, x, until=10.0, engine="reference") for net in (one, other)]
    assert runs[0].spikes.tobytes() == runs[1].spikes.tobytes()
    return len(runs[0].spikes)


def everything() -> Network:
    """Every model and projection that NIR has a word for, delays, recurrence, currents."""
    net = Network(1e-3)
    net.source((2, 6, 6), "z input")
    net.source(3, "a input")
    net.population("lif_delta", (3, 5, 5), "maps", tau_mem=RNG.uniform(3, 4, 75), v_leak=0.1, v_reset=-0.25)
    net.population("if_delta", (3, 2, 2), "drifting", current=np.repeat([0.1, 0.0, -0.2], 4), comparator="strict")
    net.population("step_psp", 4, "steps", v_threshold=0.75, comparator="strict")
    net.population("lif_exp", 4, "cuba", tau_mem=6.0, tau_syn=[2.0, 3.0, 4.0, 5.0], r=3.0, current=0.5, v_reset=-0.1)
    net.population("if_delta", 4, "biased", current=RNG.uniform(0, 0.3, 4), comparator="strict")
    net.population("lif_delta", 4, "reading", tau_mem=3.0, v_threshold=NEVER)
    net.connect("z input", "maps", Conv(RNG.normal(0.3, 0.3, (3, 2, 2, 2))))
    net.connect("maps", "drifting", Pool((2, 2)))
    net.connect(
        "maps", "drifting", Conv(RNG.normal(0.2, 0.3, (3, 1, 3, 3)), stride=2, padding=((0, 0), (0, 0)), groups=3)
    )
    net.connect("drifting", "steps", Dense(RNG.normal(0.2, 0.3, (4, 12))), delay=0.3)
    net.connect("steps", "cuba", OneToOne(RNG.normal(1.0, 0.3, 4)))
    net.connect("a input", "cuba", Dense(RNG.normal(0.5, 0.3, (4, 3))))
    net.connect("cuba", "steps", Sparse([0, 1, 3], [2, 2, 0], [0.5, 0.75, -0.25]), delay=1.25)
    net.connect("cuba", "biased", Dense(RNG.normal(0.3, 0.3, (4, 4))))
    net.connect("biased", "reading", OneToOne(np.ones(4)))
    return net


def test_a_network_of_everything_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    net = everything()
    graph = models.write_nir(net, tmp_path / "net.nir", outputs=["reading", "steps"])
    for source in (tmp_path / "net.nir", graph):
        back = models.read_nir(source, 1e-3)
        assert same_spikes(net, back) > 300
        assert [node.name for node in back.nodes] == [node.name for node in net.nodes]
        assert list(back.provenance["nir"]["outputs"].values()) == ["reading", "steps"]
        again = models.write_nir(back)
        assert list(again.nodes) == list(graph.nodes)
        assert models.read_nir(again, 1e-3).hash() == back.hash()
    assert [path.name for path in tmp_path.iterdir()] == ["net.nir"]
    assert {type(node).__name__ for node in graph.nodes.values()} == {
        "Input", "LIF", "IF", "CubaLIF", "LI", "Conv2d", "SumPool2d", "Flatten", "Affine", "Linear", "Scale", "Delay",
        "Output",
    }  # fmt: skip


def test_without_currents_the_content_is_the_same(tmp_path: Path) -> None:
    net = Network(1e-3)
    net.source((1, 8), "in")
    net.population("lif_delta", (2, 6), "maps", tau_mem=4.0, v_leak=0.2)
    net.population("lif_exp", 3, "cuba", tau_mem=6.0, tau_syn=[2.0, 3.0, 4.0], r=0.7)
    net.connect("in", "maps", Conv(RNG.normal(0.3, 0.3, (2, 1, 3))))
    net.connect("maps", "cuba", Dense(RNG.normal(0.3, 0.3, (3, 12))))
    net.connect("cuba", "cuba", OneToOne(np.array([0.5, -0.5, 0.1])), delay=0.1)
    models.write_nir(net, tmp_path / "net.nir")
    assert models.read_nir(tmp_path / "net.nir", 1e-3).hash() == net.hash()
    assert models.read_nir(nir.read(tmp_path / "net.nir"), 1e-3).hash() == net.hash()  # which checks all types
    lowered = models.write_nir(net, strict=True)
    assert float(lowered.nodes["cuba"].v_threshold[0]) == np.nextafter(1.0, 0.0)
    assert models.read_nir(lowered, 1e-3, strict=True).hash() == net.hash()


def test_a_graph_that_was_read_is_written_as_the_same_equations() -> None:
    """Also the bias behind a synapse: R and w_in change, what the small steps of time make of both does not."""
    n, zero, one = 3, np.zeros(3), np.ones(3)
    nodes = {
        "in": nir.Input(np.array([n])),
        "fc": nir.Affine(RNG.normal(2.0, 1.0, (n, n)), np.array([0.2, 0.0, 0.6])),
        "cuba": nir.CubaLIF(2 * one, 6 * one, 2 * one, 0.1 * one, one, zero, np.array([1.0, 2.0, 3.0])),
        "to": nir.Linear(RNG.normal(2.0, 1.0, (n, n))),
        "lif": nir.LIF(4 * one, 3 * one, zero, one, zero),
        "out": nir.Output(np.array([n])),
    }
    edges = [("in", "fc"), ("fc", "cuba"), ("cuba", "to"), ("to", "lif"), ("lif", "out")]
    graph = nir.NIRGraph(nodes, edges)
    written = models.write_nir(models.read_nir(graph, 1e-3))
    spikes = {"in": [(int(k), int(i)) for k, i in np.argwhere(RNG.random((4000, n)) < 0.002)]}
    first, second = (nir_steps.Steps(each, 2.0**-8).run(spikes, 4000) for each in (graph, written))
    assert len(first["cuba"]) > 10
    assert len(first["lif"]) > 10
    assert first == second
    assert same_spikes(models.read_nir(graph, 1e-3), models.read_nir(written, 1e-3)) > 10


def test_outputs_are_those_that_were_read_or_lead_nowhere() -> None:
    net = everything()
    found = [name for name, node in models.write_nir(net).nodes.items() if isinstance(node, nir.Output)]
    assert found == ["reading_output"]
    assert "steps_output" in models.write_nir(net, outputs=["steps"]).nodes
    ring = Network()
    ring.source(1, "in")
    for name in ("one", "two"):
        ring.population("lif_delta", 1, name, tau_mem=2.0)
    for pre, post in (("in", "one"), ("one", "two"), ("two", "one"), ("two", "two")):
        ring.connect(pre, post, Dense([[1.0]]), delay=0.5)
    assert "two_output" in models.write_nir(ring).nodes
    with pytest.raises(NetworkError, match="unknown population 'step', did you mean 'steps'"):
        models.write_nir(net, outputs=["step"])


def test_one_dimensional_and_oddly_padded_convolutions() -> None:
    for kind, shape, post in (
        (Pool((2,)), (3, 8), (3, 4)),
        (Pool((2, 2), dilation=2), (3, 8, 8), (3, 3, 3)),
        (Conv(RNG.normal(0.5, 1.0, (2, 3, 4)), padding=((1, 2),)), (3, 8), (2, 8)),
        (Conv(RNG.normal(0.5, 1.0, (2, 3, 2, 3)), padding=(1, 0), dilation=2), (3, 8, 8), (2, 8, 4)),
    ):
        net = Network()
        net.source(shape, "in")
        net.population("lif_delta", post, "out", tau_mem=4.0)
        net.connect("in", "out", kind)
        assert same_spikes(net, models.read_nir(models.write_nir(net), 1e-3)) > 20


def a_net(model: str = "lif_delta", projection: Any = None, shape: Any = 2, source: Any = 2, **given: Any) -> Network:
    net = Network()
    settings = {name: given.pop(name) for name in ("window_of_source", "generator") if name in given}
    window = settings.pop("window_of_source", (0.0, 1.0))
    net.source(source, "in", window=window, **settings)
    needed = {"lif_delta": {"tau_mem": 1.0}, "lif_exp": {"tau_mem": 1.0, "tau_syn": 1.0}}.get(model, {})
    net.population(model, shape, "cells", **(needed | given))
    net.connect("in", "cells", projection or OneToOne([1.0, 1.0]))
    return net


UNCONNECTED = Network()
UNCONNECTED.source(1, "in")
UNCONNECTED.population("lif_delta", 1, "cells", tau_mem=1.0)

REFUSED = {
    "refractory": (a_net(t_ref=1.0), r"'cells': t_ref\[0\] = 1.0; must be 0.0, since NIR has nothing else"),
    "soft": (a_net(reset="soft"), r"reset\[0\] = 'soft'; must be 'hard'"),
    "once": (a_net("lif_exp", spikes="once"), "spikes = 'once'; NIR's neurons fire many times"),
    "start": (a_net(v_init=[0.0, 0.5]), r"v_init\[1\] = 0.5; must be 0.0"),
    "inclusive": (a_net("step_psp"), "comparator = 'inclusive'; must be 'strict'"),
    "ttfs": (
        a_net("ttfs_b1", window=(0.0, 1.0, 2.0), threshold=1.0),
        "of ttfs_b1; NIR has no neuron with a window and one spike",
    ),
    "glif": (
        a_net("glif", tau_mem=1.0, tau_syn=1.0),
        "NIR has no neuron with its equation; must be of lif_delta, lif_exp",
    ),
    "drift": (a_net("if_delta", current=1.0, comparator="strict"), "has a current that NIR has as a bias of a Dense"),
    "generator": (a_net(generator=eventsim.Poisson(1.0)), "source 'in' has a generator"),
    "window": (a_net(window_of_source=(0.0, 2.0)), "has a window or range of coded values"),
    "shape": (a_net(projection=Dense(np.ones((4, 2))), shape=(2, 2)), r"'cells' has shape \(2, 2\); must be flat"),
    "padding": (
        a_net(projection=Conv(np.ones((1, 1, 2)), padding=((2, 0),)), shape=(1, 3), source=(1, 2)),
        r"padding = \(\(2, 0\),\); NIR has the same before and behind",
    ),
    "nothing in": (UNCONNECTED, "'cells': no projection leads to it"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_has_no_word_for_is_refused(name: str) -> None:
    net, message = REFUSED[name]
    with pytest.raises(NetworkError, match=message):
        models.write_nir(net)


def test_networks_of_fractions_names_with_slashes_and_folders_that_are_not_there(tmp_path: Path) -> None:
    from fractions import Fraction

    exact = a_net("step_psp", comparator="strict", projection=OneToOne([Fraction(1), Fraction(2)]))
    with pytest.raises(NetworkError, match="holds Fractions; must be floats"):
        models.write_nir(exact)
    slashed = Network()
    slashed.source(1, "a/b")
    slashed.population("step_psp", 1, "cell")
    with pytest.raises(NetworkError, match="'a/b'; a name in a NIR file has no '/'"):
        models.write_nir(slashed)
    with pytest.raises(InputError, match=r"network is a str; must be an eventsim\.Network"):
        models.write_nir("net")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"write_nir: .*does not exist; create it first"):
        models.write_nir(a_net(), tmp_path / "none" / "net.nir")
    assert same_spikes(
        a_net("step_psp", v_threshold=2.0),
        models.read_nir(models.write_nir(a_net("step_psp", v_threshold=2.0), strict=True), 1.0),
    )


def test_what_an_old_nir_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Up to 1.0.5 neurons have no v_reset, up to 1.0.4 there is no CubaLI, up to 1.0.7 there are no data of spikes."""
    run = eventsim.simulate(a_net(), SpikeTimes([[[1.0], [2.0]]]), until=9.0, engine="reference")
    models.write_nir(a_net(), tmp_path / "new.nir")
    monkeypatch.delattr(nir, "data_ir")
    with pytest.raises(InputError, match=r"to_nirdata needs data_ir of nir, which nir .* must be nir 1\.0\.8 or newer"):
        run.to_nirdata(run.populations[1])
    monkeypatch.delattr(nir, "CubaLI")
    never = a_net("lif_exp", tau_mem=4.0, tau_syn=2.0, v_threshold=NEVER)
    with pytest.raises(NetworkError, match=r"nir .* has no CubaLI; must be 1\.0\.6 or newer"):
        models.write_nir(never)
    for node in (nir.LIF, nir.IF, nir.CubaLIF):
        monkeypatch.delattr(node, "v_reset")
    with pytest.raises(NetworkError, match=r"v_reset is not 0, and nir .* has none; must be nir 1\.0\.6 or newer"):
        models.write_nir(a_net("step_psp", v_reset=-0.5, comparator="strict"))
    models.write_nir(a_net("step_psp", comparator="strict"))

    def fails(*_given: object, **_more: object) -> None:
        raise TypeError("LIF.__init__() got an unexpected keyword argument 'v_reset'")

    monkeypatch.setattr(nir, "read", fails)
    with pytest.raises(eventsim.FileFormatError, match=r"does not read files of newer ones: install nir>=1\.0\.6"):
        models.read_nir(tmp_path / "new.nir", 1e-3)
