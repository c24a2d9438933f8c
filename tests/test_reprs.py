"""Reprs are short, also those of what is large, and say what one wants to know."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import (
    Conv,
    Dense,
    Network,
    OneToOne,
    Poisson,
    Pool,
    Regular,
    Sparse,
    SpikeTimes,
    Steps,
    faults,
    models,
    simulate,
)
from eventsim.models import neurons
from eventsim.network.neuron_model import Model

N = 1000
SHORT = 500
ALL_MODELS = [getattr(neurons, name) for name in neurons.__all__]


def large() -> Network:
    """A thousand neurons of each kind, with parameters of their own."""
    rng = np.random.default_rng(0)
    net = Network()
    net.source(N, "noise", generator=Poisson(rng.uniform(1.0, 2.0, N)))
    net.source((1, 28, 28), "image")
    start = rng.uniform(0, 0.5, N)
    net.population("lif_exp", (10, 100), "E", tau_mem=rng.uniform(10, 20, N), tau_syn=5.0, v_init=start)
    net.population("lif_delta", N, "I", tau_mem=10.0, current=Steps([0, 50], np.ones((2, N))), reset="soft")
    net.population("linear_psp", (4, 26, 26), "conv", threshold=1.0)
    net.population("relay", (4, 13, 13), "pool")
    net.connect("noise", "E", Dense(rng.uniform(-1, 1, (N, N))), delay=1.5)
    sources, targets = rng.integers(0, N, (2, 10 * N))
    net.connect("E", "I", Sparse(sources, targets, rng.uniform(-2, 3, 10 * N), delays=rng.uniform(1, 2, 10 * N)))
    net.connect("I", "I", OneToOne(np.full(N, -1.0)), delay=2.0)
    net.connect("image", "conv", Conv(rng.uniform(-1, 1, (4, 1, 3, 3))))
    net.connect("conv", "pool", Pool((2, 2)))
    return net


NET = large()
OTHERS: dict[str, Callable[[], Any]] = {
    "SpikeTimes": lambda: SpikeTimes(np.random.default_rng(1).uniform(0, 1, (100, N))),
    "ragged SpikeTimes": lambda: SpikeTimes([[[0.5]] * N] * 100),
    "SpikeTimes of anything": lambda: SpikeTimes("x" * 10_000),
    "Steps": lambda: Steps(np.arange(N), np.arange(N)),
    "Poisson": lambda: Poisson(np.arange(N)),
    "Space": lambda: eventsim.Space(positions=np.random.default_rng(2).uniform(0, 1, (N, 2))),
    "Regular": lambda: Regular(np.arange(1, N), np.arange(1, N)),
    "Conv": lambda: Conv(np.ones((64, 16, 3, 3)), stride=2, padding=((1, 0), (0, 1)), dilation=(1, 2), groups=4),
    "Pool": lambda: Pool((3, 2), stride=1, padding=1),
    "Jitter": lambda: faults.Jitter(0.1, populations=["population"] * N),
    "Clock": lambda: faults.Clock(1.0, populations=["population"] * N),
    "AerBus": lambda: eventsim.fabric.AerBus(0.1),
    "a long name": lambda: Network().source(1, "n" * 10_000),
}


@pytest.mark.parametrize("part", [*NET.nodes, *NET.projections, *(one.kind for one in NET.projections)])
def test_parts_of_a_network_are_short(part: Any) -> None:
    assert len(repr(part)) < 200


@pytest.mark.parametrize("name", OTHERS)
def test_what_users_make_is_short(name: str) -> None:
    assert len(repr(OTHERS[name]())) < SHORT


def test_a_population_says_what_was_given() -> None:
    excited, inhibited = (repr(NET.node(name)) for name in "EI")
    assert excited.startswith("Population 'E': 1,000 neurons (10x100) of lif_exp; tau_mem 10.0")
    assert ", tau_syn 5, v_init 0.00" in excited
    assert "v_threshold" not in excited  # at its default
    assert "reset soft" in inhibited
    assert "current in 2 steps, 1" in inhibited
    plain = Network().population("integrator", 3, "out", window=(0.0, 1.0))
    assert repr(plain) == "Population 'out': 3 neurons of integrator; window [0, 1, inf]"


def test_sources_and_projections_say_how_many_and_from_where_to_where() -> None:
    noise, image = NET.sources
    assert repr(noise).startswith("Source 'noise': 1,000 neurons; Poisson: rate 1.00")
    assert repr(image) == "Source 'image': 784 neurons (1x28x28); values in [0, 1] are coded in [0, 1]"
    dense, sparse, one, conv, pool = map(repr, NET.projections)
    assert dense.startswith("Projection 'noise' -> 'E': 1,000,000 synapses, delay 1.5; Dense: 1000x1000, 1,000,000 w")
    assert sparse.startswith("Projection 'E' -> 'I': 10,000 synapses; Sparse: 10,000 weights, -1.99")
    assert "; delays 1.000" in sparse
    assert one == "Projection 'I' -> 'I': 1,000 synapses, delay 2; OneToOne: 1,000 weights, -1"
    assert "Conv: 1 to 4 channels, kernel 3x3; 36 weights" in conv
    assert pool.endswith("Pool: kernel 2x2")


def test_settings_that_are_the_usual_ones_are_left_out() -> None:
    assert repr(Conv(np.ones((2, 1, 3)))) == "Conv: 1 to 2 channels, kernel 3; 6 weights, 1"
    assert repr(OTHERS["Conv"]()) == (
        "Conv: 64 to 64 channels, kernel 3x3, stride 2, padding ((1, 0), (0, 1)), dilation (1, 2), groups 4; "
        "9,216 weights, 1"
    )
    assert repr(OTHERS["Pool"]()) == "Pool: kernel 3x2, stride 1x1, padding (1, 1)"
    assert repr(Poisson(3.0)) == "Poisson: rate 3"
    assert repr(Steps([0, 5], [1, 2])) == "Steps: 2 pieces up to t = 5, values 1 to 2"
    assert repr(SpikeTimes(np.array([[0.5, np.inf]]))) == (
        "SpikeTimes: 1 sample of one time a neuron, 2 neurons, 1 spikes at 0.5"
    )
    assert repr(faults.Jitter(0.1)) == "Jitter(sigma=0.1)"


def test_distributions_and_spaces_say_what_was_given() -> None:
    assert repr(eventsim.Normal(1, 0.5)) == "Normal(mean=1.0, sd=0.5)"
    limited = eventsim.Exponential(2.0, high=8.0, outside="clip")
    assert repr(limited) == "Exponential(mean=2.0, high=8.0, outside='clip')"
    assert repr(eventsim.Space(extent=(1, 2.5), periodic=True)) == "Space: extent 1x2.5, periodic, grids"
    between = eventsim.Space(positions=(np.zeros((10, 3)), np.zeros((20, 3))))
    assert repr(between) == "Space: 10 and 20 positions of 3 coordinates"


def test_a_network_of_many_parts_shows_the_first_and_the_last() -> None:
    few, many = Network(), Network()
    for net, n in ((few, 16), (many, 400)):
        net.source(2, "input")
        for k in range(n - 1):
            net.population("linear_psp", 2, f"p{k}", threshold=1.0)
            net.connect("input", f"p{k}", Dense(np.ones((2, 2))))
    shown = repr(many).splitlines()
    assert len(shown) < 40
    assert "  … 385 sources and populations more …" in shown
    assert "  … 384 projections more …" in shown
    assert shown[-1] == "  input -> p398 (Dense): 4 synapses"
    assert "…" not in repr(few)
    assert len(repr(few).splitlines()) == 1 + 16 + 15


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda model: model.name)
def test_models_are_short_and_show_their_table_when_printed(model: Model) -> None:
    assert len(repr(model)) < SHORT
    assert repr(model).startswith(f"Model '{model.name}': {model.parameters[0].name}")
    assert str(model) == str(model.table())


def test_runs_reports_and_what_is_in_them_are_short() -> None:
    rng = np.random.default_rng(2)
    relu = models.read_relu({"weights": [rng.uniform(-1, 1, (50, 40)) / 8, rng.uniform(-1, 1, (10, 50)) / 8]})
    x = rng.uniform(0, 1, (3, 40))
    net = models.to_ttfs(relu, x)
    run = simulate(net, x, engine="reference")
    certificates = models.certify(net, run=run)
    found = [run, certificates, models.verify(net, relu, x, run=run), eventsim.compare(run, run), relu]
    found += [*certificates.layers.values(), *(certificates.proof or {}).values()]
    found.append(eventsim.explain(net, run, run.populations[-1], 0, sample=1, depth=2))
    for one in found:
        assert len(repr(one)) < SHORT, type(one)


def test_one_fault_is_a_list_of_one_fault() -> None:
    net = Network()
    net.source(2, "input")
    net.population("ttfs_b1", 2, "layer", window=(0.0, 1.0, 2.0), threshold=0.9)
    net.connect("input", "layer", Dense([[0.5, 0.25], [0.5, 0.5]]))
    jitter = faults.Jitter(0.05)
    given = (jitter, [jitter], (jitter,))
    runs = [simulate(net, [[1.0, 0.5]], engine="reference", faults=one, seed=3) for one in given]
    for run in runs:
        assert run.spike_times("layer").tolist() == runs[0].spike_times("layer").tolist()
        assert [fault["fault"] for fault in run.provenance["faults"]] == ["jitter"]
    plain = simulate(net, [[1.0, 0.5]], engine="reference")
    assert runs[0].spike_times("layer").tolist() != plain.spike_times("layer").tolist()
