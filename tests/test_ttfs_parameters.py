"""Networks from spiking parameters: the same network as the mapping makes, and the published closed form."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import models
from eventsim.errors import EventsimError, FileFormatError, InputError, MappingError
from eventsim.models.relu.relu_network import AveragePool, BatchNorm, Conv, Dense, MaxPool, ReluNetwork
from eventsim.network.network import Network, Population

Array = np.ndarray[Any, Any]


def network() -> tuple[ReluNetwork, Array]:
    rng = np.random.default_rng(0)
    layers = [
        Conv("", rng.normal(0, 0.5, (4, 2, 3, 3)), rng.normal(0, 0.1, 4), True, padding=((1, 0), (1, 1)), groups=1),
        BatchNorm(
            "", np.array([1.0, -0.5, 0.7, -1.0]), rng.normal(0, 0.2, 4), rng.normal(0, 0.2, 4), rng.uniform(0.5, 2, 4)
        ),
        MaxPool("", (2, 2)),
        Conv("", rng.normal(0, 0.5, (6, 2, 2, 2)), rng.normal(0, 0.1, 6), True, groups=2),
        Dense("", rng.normal(0, 0.3, (5, 12)), rng.normal(0, 0.1, 5), True),
        Dense("", rng.normal(0, 0.3, (3, 5)), rng.normal(0, 0.1, 3), False),
    ]
    return ReluNetwork(layers, (2, 7, 4)), rng.uniform(size=(5, 2, 7, 4))


def parameters_of(net: Network) -> list[dict[str, Any]]:
    """What a trainer would have saved of a network."""
    found: list[dict[str, Any]] = []
    for population, projection in zip(net.populations, net.projections, strict=True):
        kind: Any = projection.kind
        fields: dict[str, Any] = {"name": population.name}
        window: Any = population.window
        if kind.kind == "pool":
            fields |= {"pool": kind.kernel, "stride": kind.stride, "padding": kind.padding}
            by_channel = population.parameters["count"].reshape(population.shape[0], -1).max(axis=1)
            found.append(fields | {"smallest": np.flatnonzero(by_channel > 1)})
            continue
        arrays = kind.arrays()
        fields |= {name: arrays[name] for name in ("stride", "padding", "dilation") if name in arrays}
        fields |= {"groups": arrays["groups"].item()} if "groups" in arrays else {}
        if population.model.name == "integrator":
            bias = [Fraction(d) * (Fraction(window[1]) - Fraction(window[0])) for d in population.parameters["drift"]]
            found.append(fields | {"W": arrays["weights"], "D": np.array([float(b) for b in bias])})
        else:
            field = "W" if population.model.name == "ttfs_b1" else "J"
            fields |= {field: arrays["weights"], "t_min": window[1], "t_max": window[2]}
            fields |= {"slope": population.parameters["slope"]} if field == "W" else {}
            found.append(fields | {"threshold": population.parameters["threshold"]})
    return found


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_the_parameters_of_a_mapped_network_make_the_same_network(slope: str, tmp_path: Path) -> None:
    relu, x = network()
    net = models.to_ttfs(relu, x, slope)
    saved = parameters_of(net)
    made = models.ttfs_network(saved, (2, 7, 4))
    first, second = eventsim.simulate(net, x), eventsim.simulate(made, x)
    assert first.spikes.tobytes() == second.spikes.tobytes()
    assert np.abs(first.readout - second.readout).max() <= 1e-14
    assert [len(layer.get("smallest", ())) for layer in saved] == [0, 2, 0, 0, 0]
    assert models.verify(made, relu, x).agreement == 1.0
    assert models.verify(made, None, x).ok
    entries = {f"{layer['name']}.{field}": v for layer in saved for field, v in layer.items() if field != "name"}
    np.savez(tmp_path / "snn.npz", **entries)
    assert models.ttfs_network(tmp_path / "snn.npz", (2, 7, 4)).hash() == made.hash()
    by_name = {layer["name"]: {k: v for k, v in layer.items() if k != "name"} for layer in saved}
    assert models.ttfs_network(by_name, (2, 7, 4)).hash() == made.hash()


def test_b1_layers_do_what_the_published_equations_say() -> None:
    """Stanojevic et al. 2024, eqs. 2.2 and 2.3, in plain numpy."""
    rng = np.random.default_rng(1)
    sizes, borders = (6, 5, 4, 3), (1.0, 4.0, 9.0)
    weights = [rng.normal(0, 0.4, pair) for pair in zip(sizes[1:], sizes[:-1], strict=True)]
    biases = [rng.normal(0, 0.2, n) for n in sizes[1:]]
    layers = [
        {"W": w, "D": d, "t_min": a, "t_max": b}
        for w, d, a, b in zip(weights[:2], biases[:2], borders, borders[1:], strict=False)
    ]
    net = models.ttfs_network([*layers, {"W": weights[2], "D": biases[2]}])
    x = rng.uniform(size=(7, 6))
    run = eventsim.simulate(net, x)
    times = 1.0 - x
    for name, w, d, t_min, t_max in zip(("dense1", "dense2"), weights, biases, borders, borders[1:], strict=False):
        threshold = t_max - t_min - d
        times = t_min + threshold + (times - t_min) @ w.T
        times = np.where(times < t_max, times, t_max)
        assert np.abs(np.minimum(run.spike_times(name), t_max) - times).max() <= 1e-14
    logits = biases[2] + (borders[-1] - times) @ weights[2].T
    assert np.abs(run.readout - logits).max() <= 1e-14


def test_kernels_in_the_layout_of_keras_mean_the_same() -> None:
    relu, x = network()
    net = models.to_ttfs(relu, x)
    saved = parameters_of(net)
    for layer, before in zip(saved, [None, None, None, (6, 2, 1), None], strict=True):
        shape = net.node(layer["name"]).shape
        for field in {"threshold", "slope"} & set(layer):
            layer[field] = np.moveaxis(np.reshape(layer[field], shape), 0, -1).ravel()
        for field in {"W", "J"} & set(layer):
            weights = np.asarray(layer[field])
            if weights.ndim > 2:
                layer[field] = np.moveaxis(weights, (0, 1), (-1, -2))
            elif before is not None:
                last = np.moveaxis(weights.reshape(len(weights), *before), 1, -1)
                layer[field] = last.reshape(weights.shape).T
            else:
                layer[field] = weights.T
    made = models.ttfs_network(saved, (2, 7, 4), layout="keras")
    assert eventsim.simulate(made, x).spikes.tobytes() == eventsim.simulate(net, x).spikes.tobytes()


def test_fractions_stay_fractions_and_premature_neurons_fire_early() -> None:
    layers = [
        {
            "W": np.array([[Fraction(10), Fraction(-28)]], object),
            "D": Fraction(0),
            "t_min": Fraction(1),
            "t_max": Fraction(19, 10),
        },
        {"W": np.array([[Fraction(1)]], object)},
    ]
    net = models.ttfs_network(layers, input_window=(Fraction(0), Fraction(1)))
    run = eventsim.simulate(net, np.array([[Fraction(9, 10), Fraction(3, 10)]], object), engine="reference")
    assert run.spike_times("dense1").tolist() == [[Fraction(19, 100)]]
    assert run.counters["premature"] == 1
    report = models.verify(net, run=run)
    assert report.summary["premature"] == 1


def test_thresholds_may_be_one_number_or_one_a_channel_or_one_a_neuron() -> None:
    kernel = np.ones((2, 1, 2))
    for given in (0.75, [0.75], [0.75, 0.75], np.full((2, 3), 0.75), np.full(6, 0.75)):
        layers = [{"W": kernel, "threshold": given, "t_min": 1, "t_max": 2}, {"W": np.ones((1, 6))}]
        node = models.ttfs_network(layers, (1, 4)).node("conv1")
        assert isinstance(node, Population)
        assert node.parameters["threshold"].tolist() == [0.75] * 6


def test_a_pool_may_come_first_and_a_read_out_later() -> None:
    net = models.ttfs_network(
        [{"pool": 2}, {"W": [[1.0, 1.0]], "D": [0.0], "t_min": 1, "t_max": 4}, {"W": [[2.0]], "t_min": 5}], (1, 4)
    )
    assert net.node("pool1").window == (0, 0, 1)
    run = eventsim.simulate(net, [[[0.5, 0.25, 0.0, 0.125]]])
    assert run.spike_times("pool1").tolist() == [[0.5, 0.875]]
    assert run.spike_times("dense1").tolist() == [[4 - 0.625]]
    assert run.readout.tolist() == [[2 * 1.625]]


def test_the_last_layer_may_be_neurons_whose_times_are_read_out() -> None:
    """As `to_ttfs` has it behind a ReLU, in floats and in Fractions: how long before t_max each fires, 0 of silent."""
    for number in (float, Fraction):
        weights = [[number(1), number(0)], [number(-1), number(0)]]
        net = models.ttfs_network([{"W": weights, "D": number(1) / 4, "t_min": 1, "t_max": 4}])
        assert [population.name for population in net.populations] == ["dense1", "output"]
        run = eventsim.simulate(net, [[0.5, 0.25]], engine="reference")
        assert run.spike_times("dense1").tolist() == [[3.25, math.inf]]
        assert run.readout.tolist() == [[0.75, 0.0]]
        assert run.predictions.tolist() == [0]


def test_the_read_out_has_its_name_and_what_is_none_is_absent() -> None:
    net = models.ttfs_network([HIDDEN | {"threshold": None, "alpha": None}, READOUT | {"name": "logits", "D": None}])
    assert [node.name for node in net.nodes] == ["input", "dense1", "logits"]
    run = eventsim.simulate(net, [[0.25, 0.5]])
    times = {"dense1": run.spike_times("dense1"), "logits": run.readout}
    assert models.verify(net, x=[[0.25, 0.5]], times=times).ok


def test_average_pools_are_b1_neurons_with_a_steeper_slope() -> None:
    rng = np.random.default_rng(3)
    conv = Conv("", rng.normal(0, 0.5, (3, 1, 3, 3)), rng.normal(0, 0.1, 3), True, padding=1)
    pool = AveragePool("", (3, 2), 2, 1, count_include_pad=False)
    relu = ReluNetwork([conv, pool, Dense("", rng.normal(0, 0.3, (2, 27)), np.zeros(2), False)], (1, 5, 4))
    x = rng.uniform(size=(4, 1, 5, 4))
    net = models.to_ttfs(relu, x)
    made = models.ttfs_network(parameters_of(net), (1, 5, 4))
    assert eventsim.simulate(made, x).spikes.tobytes() == eventsim.simulate(net, x).spikes.tobytes()


def test_nine_biases_a_filter_are_those_of_the_inside_and_the_border() -> None:
    biases = np.arange(18.0).reshape(9, 2)
    layer = {"W": np.zeros((2, 1, 3, 3)), "D": biases, "padding": 1, "t_min": 1, "t_max": 40}
    node = models.ttfs_network([layer, {"W": np.ones((1, 24))}], (1, 3, 4)).node("conv1")
    assert isinstance(node, Population)
    found = (39 - node.parameters["threshold"]).reshape(2, 3, 4)
    # Upper left, top, top, upper right; left, inside, inside, right; lower left, bottom, bottom, lower right.
    assert found[0].tolist() == [[2, 4, 4, 6], [16, 0, 0, 8], [14, 12, 12, 10]]
    assert (found[1] == found[0] + 1).all()
    with pytest.raises(MappingError, match="nine biases a filter; must belong to a 3 x 3 kernel with padding 1"):
        models.ttfs_network([layer | {"padding": 0}, {"W": np.ones((1, 4))}], (1, 3, 4))


def test_what_keras_gives_for_each_neuron_has_its_channels_last() -> None:
    thresholds = np.random.default_rng(0).uniform(1, 2, (4, 4, 4))  # as many channels as rows and columns
    layer = {"W": np.ones((1, 1, 1, 4)), "t_min": 1, "t_max": 4}
    for given in (thresholds, thresholds.ravel()):
        net = models.ttfs_network([layer | {"threshold": given}, {"W": np.ones((64, 1))}], (1, 4, 4), layout="keras")
        node = net.node("conv1")
        assert isinstance(node, Population)
        assert np.array_equal(node.parameters["threshold"].reshape(4, 4, 4), np.moveaxis(thresholds, -1, 0))


def test_alpha1_neurons_that_do_not_rise_are_simulated_but_have_no_closed_form() -> None:
    layers = [{"J": [[2.0, -4.0]], "threshold": 1.5, "t_min": 1, "t_max": 3}, {"W": [[1.0]]}]
    net = models.ttfs_network(layers)
    run = eventsim.simulate(net, [[1.0, 0.0], [0.5, 0.5]])
    assert run.spike_times("dense1").tolist() == [[0.5], [math.inf]]
    for call in (lambda: models.verify(net, run=run), lambda: models.certify(net, run=run)):
        with pytest.raises(
            InputError, match=r"population 'dense1', neuron 0: slope = -1.0 from t_min on .* must be > 0"
        ):
            call()


HIDDEN: dict[str, Any] = {"W": [[1.0, 1.0]], "D": [0.0], "t_min": 1, "t_max": 2}
READOUT: dict[str, Any] = {"W": [[1.0]]}
REFUSED: list[tuple[Any, str]] = [
    ([], r"parameters = \[\]; must be a list of dicts"),
    (3, "parameters = 3; must be a list of dicts, one for each layer"),
    ([HIDDEN, 7], "layer 1 is 7; must be a dict of its fields"),
    ([HIDDEN | {"tmin": 1}, READOUT], "layer 'dense1': unknown field 'tmin', did you mean 't_min'"),
    ([HIDDEN | {"J": [[1.0]]}, READOUT], "layer 'dense1': has W and J; must have exactly one"),
    ([{"threshold": 1.0}, READOUT], "layer 'dense1': has neither W nor J nor pool"),
    ([{k: v for k, v in HIDDEN.items() if k != "D"}, READOUT], "exactly one of threshold and, for B1 neurons, D"),
    ([HIDDEN | {"threshold": 1.0}, READOUT], "exactly one of threshold and, for B1 neurons, D"),
    ([HIDDEN | {"alpha": 1.0}, READOUT], "has alpha; only alpha1 neurons"),
    (
        [{k: v for k, v in HIDDEN.items() if k != "t_max"}, READOUT],
        "layer 'dense1': t_max is missing; must be a finite",
    ),
    ([HIDDEN | {"t_max": math.nan}, READOUT], "layer 'dense1': t_max = nan; must be a finite number"),
    ([HIDDEN | {"t_max": 1.0}, READOUT], "Windows are increasing"),
    ([HIDDEN | {"W": [[1.0, math.nan]]}, READOUT], r"layer 'dense1': W\[0, 1\] = nan"),
    ([HIDDEN | {"W": [[1.0, 2.0], [3.0]]}, READOUT], "ttfs_network: weights is not an array"),
    ([HIDDEN | {"stride": 2}, READOUT], "layer 'dense1': has stride; a dense layer has no kernel"),
    ([HIDDEN, {"pool": 2, "t_max": 3}, READOUT], "layer 'pool1': has t_max; a pool passes spikes on in the window of"),
    ([HIDDEN | {"smallest": [0]}, READOUT], "layer 'dense1': has smallest; only pools have it"),
    ([HIDDEN | {"name": ["a", "b"]}, READOUT], r"name = \['a', 'b'\]; must be printable text"),
    (
        [HIDDEN | {"t_max": 3}, HIDDEN | {"t_min": 2, "t_max": 4, "W": [[1.0]]}, READOUT],
        "'dense2': t_min = 2, but",
    ),
    ([HIDDEN | {"t_max": 3}, READOUT | {"t_min": 2}], "layer 'output': t_min = 2, but the window before it ends at 3"),
    ([{"J": [[1e308, 1e308]], "threshold": 1.0, "t_min": 1, "t_max": 2}, READOUT], r"between -1e\+100 and 1e\+100"),
    ([HIDDEN, READOUT | {"W": [1.0]}], r"layer 'output': W has shape \(1,\); must be \(n_out, n_in\) or"),
    ([HIDDEN | {"D": [0.0, 0.0]}, READOUT], r"D has shape \(2,\); must be one number, \(1,\) or \(1,\)"),
    ([HIDDEN, {"W": [[1.0, 1.0]]}], r"Dense weights have shape \(1, 2\); must be \(n_out, n_in\) = \(1, 1\)"),
    ([HIDDEN, READOUT | {"threshold": 1.0}], "has threshold; the last layer is the read-out"),
    ([HIDDEN | {"name": "input"}, READOUT], "layer 'input': this is the name of the source, too; give each layer"),
    ([HIDDEN | {"name": "output"}, READOUT], "layer 'output': this is the name of another layer, too"),
    ([HIDDEN | {"name": "output"}], "layer 'output': this is the name of the read-out behind the last layer, too"),
    ([HIDDEN | {"W": None}, READOUT], "layer 'dense1': has neither W nor J nor pool"),
    ([HIDDEN | {"D": None}, READOUT], "exactly one of threshold and, for B1 neurons, D"),
    ([{"pool": 2}, HIDDEN, READOUT], "layer 'pool1': input_shape is needed before it"),
]


@pytest.mark.parametrize(("parameters", "message"), REFUSED)
def test_what_makes_no_network_is_refused_by_layer(parameters: Any, message: str) -> None:
    with pytest.raises(EventsimError, match=message):
        models.ttfs_network(parameters)


def test_a_kernel_that_fits_nowhere_a_layout_and_a_file_are_refused(tmp_path: Path) -> None:
    conv = {"W": np.ones((1, 1, 3)), "D": 0.0, "t_min": 1, "t_max": 2}
    with pytest.raises(EventsimError, match=r"layer 'conv1': kernel .* fits nowhere"):
        models.ttfs_network([conv, READOUT], (1, 2))
    with pytest.raises(MappingError, match=r"layer 'conv1': kernel \(3,\) needs an input of 2 axes"):
        models.ttfs_network([conv, READOUT], (2,))
    with pytest.raises(MappingError, match="layout = 'jax'; must be 'torch' or 'keras'"):
        models.ttfs_network([HIDDEN, READOUT], layout="jax")
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(FileFormatError, match="truncated or damaged"):
        models.ttfs_network(tmp_path / "bad.npz")
    np.savez(tmp_path / "odd.npz", weights=np.ones(2))
    with pytest.raises(MappingError, match=r"has an entry 'weights'; must be named layer.field"):
        models.ttfs_network(tmp_path / "odd.npz")
