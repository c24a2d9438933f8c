"""NIR files of five frameworks are read as the steps that they come from: spike for spike, or with a known difference.

Marked `exporters`; of the two environments of `make exporters`, each has some of the frameworks.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trainers
from trainers import Case

import eventsim
from eventsim import InputError, SpikeTimes, models

pytestmark = pytest.mark.exporters


def installed(name: str) -> Any:
    """A package; skips where it is in the other environment, or in none."""
    return pytest.importorskip(name, reason=f"{name} is in another environment: make exporters", exc_type=ImportError)


nir = installed("nir")
OLD_NIR = not hasattr(nir.LIF, "v_reset")


@pytest.fixture(autouse=True)
def _quiet(recwarn: pytest.WarningsRecorder) -> None:
    """Frameworks warn about each other; ours are looked at where they matter."""


def compared(case: Case, folder: Path) -> tuple[Any, list[np.ndarray], list[np.ndarray]]:
    """The network here, the framework's spikes, and those of the clocked reading."""
    try:
        net, theirs, here = trainers.compare(case, folder, ("clocked",))
    except ImportError as error:
        pytest.skip(f"in the other environment of `make exporters`: {error}")
    found = here["clocked"]
    assert found is not None
    return net, theirs, found


@pytest.mark.parametrize("case", list(trainers.cases()), ids=lambda case: case.name)
def test_a_clocked_reading_has_the_spikes_of_the_framework(case: Case, tmp_path: Path) -> None:
    _, theirs, here = compared(case, tmp_path)
    assert len(theirs) == len(here)
    assert sum(0.002 < layer.mean() < 0.98 for layer in theirs) >= 2, "most layers are silent, or fire always"
    for layer, (a, b) in enumerate(zip(theirs, here, strict=True)):
        assert np.array_equal(a, b), f"layer {layer}, first at (step, neuron) {np.argwhere(a != b)[0]}"


# -- known differences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("framework", "options"), [
    ("sinabs", {"reset": "soft", "norm_input": False}), ("rockpool", {}),
])  # fmt: skip
def test_several_spikes_in_a_step_are_one_here(framework: str, options: dict[str, Any], tmp_path: Path) -> None:
    """By default V = 2.3 makes two spikes in these two; here it makes one now, and the rest waits."""
    strong = Case(framework, "dense", "lif", options, {"many": True})
    _, theirs, here = compared(strong, tmp_path)
    first = np.argwhere(theirs[0] != here[0])
    assert len(first), "no neuron of this network comes to twice its threshold"
    step = first[:, 0].min()
    assert np.array_equal(theirs[0][:step], here[0][:step])


def test_snntorch_without_delay_lowers_the_test_where_v_stays_above_the_threshold(tmp_path: Path) -> None:
    """reset_delay=False: what is above the threshold after a reset is tested one threshold lower in the next step."""
    _, theirs, here = compared(Case("snntorch", "dense", "lif", {"reset": "soft", "resets": "at_spike"}), tmp_path)
    assert not np.array_equal(theirs[0], here[0])
    _, theirs, here = compared(Case("snntorch", "weak", "lif", {"reset": "soft", "resets": "at_spike"}), tmp_path)
    assert np.array_equal(theirs[0], here[0])


def test_rockpool_drops_recurrent_weights_and_biases_of_neurons(tmp_path: Path) -> None:
    net, theirs, here = compared(Case("rockpool", "recurrent", "cuba", {}), tmp_path)
    assert [(p.pre.name, p.post.name) for p in net.projections if p.pre is p.post] == []
    assert not np.array_equal(theirs[0], here[0])


def test_sinabs_writes_no_recurrent_layer() -> None:
    installed("sinabs")
    torch = trainers.framework("sinabs")
    from sinabs import layers
    from sinabs.nir import to_nir

    layer = layers.LIFRecurrent(tau_mem=8.0, rec_connect=torch.nn.Linear(3, 3))
    with pytest.raises(NotImplementedError, match="LIFRecurrent"):
        to_nir(torch.nn.Sequential(torch.nn.Linear(3, 3), layer), torch.zeros(1, 4, 3))


def test_spikingjelly_writes_no_soft_reset_and_norse_no_recurrent_layer() -> None:
    installed("spikingjelly")
    torch = trainers.framework("spikingjelly.activation_based")
    from spikingjelly.activation_based import neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    soft = torch.nn.Sequential(torch.nn.Linear(3, 3), neuron.LIFNode(v_reset=None))
    with pytest.raises(NotImplementedError, match="soft reset"):
        export_to_nir(soft, torch.zeros(1, 3))
    norse = installed("norse.torch")
    graph = norse.to_nir(norse.SequentialState(torch.nn.Linear(3, 3), norse.LIFRecurrentCell(3, 3)), torch.zeros(3))
    assert graph.nodes["1"] is None


# -- the case of the report -------------------------------------------------------------------------------------------


def test_the_network_of_the_report_fires_as_in_snntorch(tmp_path: Path) -> None:
    installed("snntorch")
    torch = trainers.framework("snntorch")
    import snntorch
    from snntorch.export_nir import export_to_nir

    x = np.random.default_rng(0).random(60) < 0.6
    lif = snntorch.Leaky(torch.full((1,), 0.9), threshold=torch.ones(1), init_hidden=True, reset_mechanism="zero")
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), lif)
    model[0].weight.data[:] = 0.3
    theirs = trainers.stepped(torch, model, [lif], x[:, None])[0].ravel()
    assert np.flatnonzero(theirs).tolist() == [13, 19, 34, 41, 48, 55]
    nir.write(tmp_path / "net.nir", export_to_nir(model, torch.zeros(1, 1), ignore_dims=[0]))
    for reading in ("continuous", "clocked"):
        net = models.read_nir(tmp_path / "net.nir", 1.0, dt=1e-4, reading=reading, exporter="snntorch", reset="hard")
        (here,) = trainers.spikes_here(net, x[:, None], 1e-4)
        assert np.flatnonzero(here).tolist() == [13, 19, 34, 41, 48, 55]


RECOGNISED: dict[str, tuple[str, str, dict[str, Any], float, str | None]] = {
    "snntorch lif": ("snntorch", "lif", {"reset": "hard"}, 1e-4, None),
    "snntorch synaptic": ("snntorch", "cuba", {"reset": "hard"}, 1e-4, None),
    "spikingjelly if": ("spikingjelly", "if", {}, 1e-4, None),
    "spikingjelly lif": ("spikingjelly", "lif", {}, 1e-4, None),
    "spikingjelly cuba": ("spikingjelly", "cuba", {}, 1e-4, None),
    "rockpool lif": ("rockpool", "lif", {}, 1e-3, "rockpool"),
    "rockpool cuba": ("rockpool", "cuba", {}, 1e-3, "rockpool"),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_a_file_without_dt_is_recognised_and_its_dt_offered(name: str, tmp_path: Path) -> None:
    framework, neuron, options, dt, exporter = RECOGNISED[name]
    compared(Case(framework, "dense", neuron, options), tmp_path)
    graph = nir.read(tmp_path / "net.nir")
    for key, node in graph.nodes.items():
        if type(node).__name__ in ("Input", "Output"):
            size = np.atleast_1d(next(iter(node.input_type.values())))[-1:]
            graph.nodes[key] = type(node)(size)  # Rockpool's have axes of batch and time
    also = "" if exporter is None else f", exporter={exporter!r}"
    with pytest.warns(
        UserWarning, match=f"seems to be written for steps of {dt:g}, .*Read it with dt={dt:g}{also}; add"
    ):
        models.read_nir(graph, 1.0)
    tags = {entry.tag for entry in models.nir_fidelity(graph) if entry.type in ("IF", "LIF", "CubaLIF")}
    assert tags == {"doubtful"}
    with pytest.raises(InputError, match=f"seems to be written for dt = {dt:g}"):
        models.read_nir(graph, 1.0, reading="clocked")


# -- nir <= 1.0.4 -----------------------------------------------------------------------------------------------------


def small(**given: Any) -> eventsim.Network:
    net = eventsim.Network(1e-3)
    net.source(2, "input")
    net.population("lif_delta", 3, "cells", tau_mem=4.0, v_threshold=0.5, **given)
    net.population("step_psp", 3, "steps", v_threshold=0.75, comparator="strict")
    net.connect("input", "cells", eventsim.Dense([[0.6, 0.2], [0.3, 0.4], [0.1, 0.9]]))
    net.connect("cells", "steps", eventsim.OneToOne([1.0, 0.5, 0.8]))
    return net


def test_networks_go_to_files_and_back_with_any_nir(tmp_path: Path) -> None:
    net = small()
    models.write_nir(net, tmp_path / "net.nir")
    assert models.read_nir(tmp_path / "net.nir", 1e-3).hash() == net.hash()


only_old = pytest.mark.skipif(not OLD_NIR, reason="of nir <= 1.0.4, in the other environment of `make exporters`")


def reading_ours() -> Any:
    net = small()
    run = eventsim.simulate(net, SpikeTimes([[[1.0], [2.0]]]), until=9.0, engine="reference")
    return run.to_nirdata("cells")


def never_firing() -> Any:
    net = eventsim.Network(1e-3)
    net.source(1, "input")
    net.population("lif_exp", 1, "cells", tau_mem=4.0, tau_syn=2.0, v_threshold=1e300)
    net.connect("input", "cells", eventsim.Dense([[1.0]]))
    return models.write_nir(net)


@only_old
@pytest.mark.parametrize(("action", "message"), [
    (lambda: models.write_nir(small(v_reset=-0.5)), r"v_reset is not 0, and nir 1\.0\.4 has none; must be nir 1\.0\.6"),
    (never_firing, r"nir 1\.0\.4 has no CubaLI; must be 1\.0\.6 or newer"),
    (reading_ours, r"to_nirdata needs data_ir of nir, which nir 1\.0\.4 does not have; must be nir 1\.0\.8 or newer"),
])  # fmt: skip
def test_what_an_old_nir_does_not_have_is_said(action: Callable[[], Any], message: str) -> None:
    with pytest.raises(eventsim.EventsimError, match=message):
        action()


@only_old
def test_a_file_of_a_newer_nir_is_refused_with_the_nir_to_install(tmp_path: Path) -> None:
    import h5py

    models.write_nir(small(), tmp_path / "net.nir")
    with h5py.File(tmp_path / "net.nir", "a") as file:
        file["node/nodes/cells/v_reset"] = np.zeros(3)
    with pytest.raises(
        eventsim.FileFormatError, match=r"nir 1\.0\.4 does not read files of newer ones: install nir>=1\.0\.6"
    ):
        models.read_nir(tmp_path / "net.nir", 1e-3)


def test_nodes_without_v_reset_are_reset_to_0() -> None:
    """As nodes of nir <= 1.0.4 are, which newer ones read so."""

    @dataclasses.dataclass
    class LIF:
        tau: Any
        r: Any
        v_leak: Any
        v_threshold: Any

    one = np.ones(1)
    nodes = {
        "in": nir.Input(np.array([1])),
        "lif": LIF(10 * one, 10 * one, 0 * one, one),
        "out": nir.Output(np.array([1])),
    }

    class NIRGraph:
        def __init__(self) -> None:
            self.nodes, self.edges = nodes, [("in", "lif"), ("lif", "out")]

    net = models.read_nir(NIRGraph(), 1e-3)
    assert net.populations[0].parameters["v_reset"].tolist() == [0.0]
