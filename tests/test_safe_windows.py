"""Default windows hold no premature neuron of the calibration data, and are no longer than that and the margin ask for.

Lengths are held against the published criterion, evaluated at all of its breakpoints, and against the simulation.
"""

# mypy: disable-error-code="arg-type"

import contextlib
import json
import warnings
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import MappingError, PrematureSpikeWarning, cli, models
from eventsim.models.mapping import safe_windows
from eventsim.models.relu.join_layers import Add
from eventsim.models.relu.relu_network import AveragePool, BatchNorm, Conv, Dense, Flatten, MaxPool, ReluNetwork

Array = np.ndarray[Any, Any]
SLOPES = ("b1", "alpha1")
# A strong input comes first and a stronger one holds it back: the value is 0.6, the potential rises to 6 before that.
CONTROLLER = {"weights": [[[10.0, -28.0]], [[1.0]]]}
X = [[0.9, 0.3]]
# For alpha1 row sums must be below 1 and what is silent counts: J = (100, -280, 189).
STEEP, STEEP_X = {"weights": [[[10.0, -28.0, 18.9]], [[1.0]]]}, [[0.9, 0.3, 0.0]]


def dense(rng: np.random.Generator, scale: float = 1.0) -> ReluNetwork:
    sizes = (8, 12, 10, 3)
    weights = [scale * rng.normal(0, rng.choice([0.3, 1.0, 3.0]), p) for p in zip(sizes[1:], sizes[:-1], strict=True)]
    return ReluNetwork.from_weights(weights, [rng.normal(0, 0.3, len(w)) for w in weights])


def convolutional(rng: np.random.Generator) -> ReluNetwork:
    spread = rng.choice([0.3, 1.0, 3.0])
    layers = [
        Conv("", rng.normal(0, spread, (3, 2, 3, 3)), rng.normal(0, 0.3, 3), True, padding=1),
        BatchNorm("", rng.normal(0, 1, 3), rng.normal(0, 0.3, 3), rng.normal(0, 0.3, 3), rng.uniform(0.5, 2, 3)),
        [MaxPool, AveragePool][rng.integers(2)]("", (2, 2)),
        Conv("", rng.normal(0, spread, (4, 3, 2, 2)), rng.normal(0, 0.3, 4), True),
        Dense("", rng.normal(0, spread, (3, 16)), np.zeros(3), False),
    ]
    return ReluNetwork(layers, (2, 6, 6))


def branched(rng: np.random.Generator) -> ReluNetwork:
    """A residual sum whose second way has a window of its own, and values of both signs behind it."""
    spread = rng.choice([0.5, 1.5])
    layers = [
        Conv("first", rng.normal(0, spread, (3, 2, 3, 3)), rng.normal(0, 0.3, 3), True, padding=1),
        Conv("second", rng.normal(0, spread, (3, 3, 3, 3)), rng.normal(0, 0.3, 3), False, padding=1),
        Add("sum"),
        Flatten("flat"),
        Dense("hidden", rng.normal(0, spread / 4, (6, 75)), rng.normal(0, 0.3, 6), True),
        Dense("last", rng.normal(0, 1, (3, 6)), np.zeros(3), False),
    ]
    return ReluNetwork(layers, (2, 5, 5), inputs={"sum": ["second", "first"]})


def inputs(rng: np.random.Generator, network: ReluNetwork, n: int = 12) -> Array:
    shape = (n, *network.input_shape)
    found: Array = rng.uniform(size=shape) * (rng.random(shape) < rng.choice([0.4, 1.0]))
    return found


def windows(net: eventsim.Network) -> dict[str, float]:
    return net.provenance["mapping"]["windows"]


def end(net: eventsim.Network, name: str) -> Any:
    window = net.node(name).window
    assert window is not None
    return window[-1]


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [float, Fraction])
def test_the_window_of_a_small_controller_is_its_safe_one_and_the_network_says_so(number: type) -> None:
    relu = models.read_relu(CONTROLLER)
    net = models.to_ttfs(relu, X, number=number)
    assert tuple(net.node("dense1").window or ())[:2] == (0, 1)
    t_max = end(net, "dense1")
    assert 0 < t_max - 7 <= 1e-13
    assert isinstance(t_max, number)
    run = eventsim.simulate(net, X, engine="reference")
    assert run.counters["premature"] == 0
    assert float(run.readout[0, 0]) == pytest.approx(0.6, abs=1e-13)
    said = net.provenance["mapping"]["lengthened"]["dense1"]
    assert (float(Fraction(said["published"])), float(Fraction(said["by"]))) == pytest.approx((0.9, 5.1))
    note = "note: window of 'dense1': 6 long, 5.1 more than the published 0.9, so that no neuron is premature"
    assert note in repr(net)
    published = models.to_ttfs(relu, X, windows="published", number=number)
    assert float(end(published, "dense1")) == pytest.approx(1.9, abs=1e-14)
    assert published.provenance["mapping"]["windows_from"] == "published"
    assert "note" not in repr(published)


def test_a_steep_neuron_of_alpha1_is_waited_for_too() -> None:
    net = models.to_ttfs(STEEP, STEEP_X, "alpha1", scaling=False)
    # The largest of sum w max(x, u) - u is at u = 0.3, where the second input is about to arrive.
    assert windows(net)["dense1"] == pytest.approx(10 * 0.9 - 28 * 0.3 + 18.9 * 0.3 - 0.3, abs=1e-12)
    assert eventsim.simulate(net, STEEP_X, engine="reference").counters["premature"] == 0
    short = models.to_ttfs(STEEP, STEEP_X, "alpha1", scaling=False, windows="published")
    assert eventsim.simulate(short, STEEP_X, engine="reference").counters["premature"] == 1


def test_lengths_are_those_of_the_published_criterion_and_the_margin_does_not_multiply_them() -> None:
    longer = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        slope = SLOPES[seed % 2]
        relu = dense(rng)
        if slope == "alpha1":  # without scaling, values are those of the ReLU network
            limited = [np.asarray(layer.weight) for layer in relu.layers]  # type: ignore[attr-defined]
            limited = [w * np.minimum(1, 0.5 / np.maximum(w.sum(axis=1, keepdims=True), 0.5)) for w in limited]
            relu = ReluNetwork.from_weights(limited, [layer.bias for layer in relu.layers])  # type: ignore[attr-defined]
        x = inputs(rng, relu)
        for margin in (-0.4, 0.1):
            net = models.to_ttfs(relu, x, slope, margin=margin, scaling=False)
            before = x
            for layer, (name, held) in zip(relu.layers, relu.activations(x), strict=False):
                rule = (1 + margin) * (held.max() if held.max() > 0 else 1)
                wanted = max(rule, largest_potential(slope, layer.weight, layer.bias, before))  # type: ignore[attr-defined]
                assert windows(net)[name] == pytest.approx(wanted, rel=1e-9), (seed, name)
                assert (name in net.provenance["mapping"]["lengthened"]) == (windows(net)[name] != rule)
                longer += wanted > rule
                before = held
    assert longer > 100


def largest_potential(slope: str, weight: Array, bias: Array, values: Array) -> float:
    """The largest z((x - u)+), or z(max(x, u)) - u for alpha1, over samples, neurons and values of u."""
    found = []
    for x in values:
        for u in {0.0, *x.tolist()}:
            seen = np.maximum(x - u, 0) if slope == "b1" else np.maximum(x, u)
            found.append((weight @ seen + bias).max() - (u if slope == "alpha1" else 0))
    return float(max(found))


# -- against the simulation, and without the short cut -----------------------------------------------------------------


@pytest.mark.parametrize("make", [dense, convolutional, branched])
@pytest.mark.parametrize("slope", SLOPES)
def test_no_neuron_is_premature_on_any_sample_of_the_calibration(make: Any, slope: str) -> None:
    longer = premature = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        relu = make(rng)
        x = inputs(rng, relu)
        margin = float(rng.choice([-0.6, -0.2, 0.5]))
        net = models.to_ttfs(relu, x, slope, margin=margin)
        published = models.to_ttfs(relu, x, slope, margin=margin, windows="published")
        run = eventsim.simulate(net, x)
        assert run.counters["premature"] == run.counters["late"] == 0
        assert np.abs(run.readout - relu.forward(x)).max() <= 1e-9 * max(1, np.abs(relu.forward(x)).max())
        certificates = models.certify(net, x)
        assert certificates.ok, (seed, certificates.verdict)
        premature += eventsim.simulate(published, x).counters["premature"]
        for name, safe in certificates.safe_windows.items():
            longer += windows(net)[name] > windows(published)[name]
            if windows(net)[name] > windows(published)[name]:
                # Two bounds on rounding: that of the mapping does not know the weights of each neuron before.
                assert safe * (1 - 1e-12) <= windows(net)[name] <= safe * (1 + 2e-6)
            else:
                assert windows(net)[name] == windows(published)[name]
    assert premature > 50
    assert longer > 20


@pytest.mark.parametrize("make", [dense, convolutional, branched])
@pytest.mark.parametrize("slope", SLOPES)
def test_bounds_leave_out_no_neuron_that_sets_the_window_and_most_others(
    make: Any, slope: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, doubted = safe_windows._wanted, [0, 0, 0]
    quick = safe_windows._first_bounds, safe_windows._sharpened

    def unknown(layer: Any, received: Any, slope: str) -> tuple[Array, float]:
        return np.full((len(received.arrivals), int(np.prod(layer.shape))), np.inf), -np.inf

    for seed in range(25):
        rng = np.random.default_rng(seed)
        relu = make(rng)
        x = inputs(rng, relu)
        how = ("calibrated", "certified")[seed % 2]
        found = []
        # Every neuron through the code of certify; those that sums leave in doubt; those that products do, too.
        ways = ((unknown, lambda *_: -np.inf), (unknown, quick[1]), quick)
        for way, (first, then) in enumerate(ways):

            def counted(*given: Any, way: int = way) -> Array:
                held = wanted(*given)
                doubted[way] += held.size
                return held

            monkeypatch.setattr(safe_windows, "SMALL", 0)
            monkeypatch.setattr(safe_windows, "_wanted", counted)
            monkeypatch.setattr(safe_windows, "_first_bounds", first)
            monkeypatch.setattr(safe_windows, "_sharpened", then)
            found.append(windows(models.to_ttfs(relu, x, slope, margin=0.1, windows=how)))
        assert found[0] == found[1] == found[2], seed
    assert doubted[1] == doubted[2] < 0.05 * doubted[0], doubted


def test_layers_are_lengthened_in_order_so_that_a_safe_layer_behind_a_short_one_stays_as_it_is() -> None:
    # In its published window the first layer sends its spike early, and the second would need more than it does.
    relu = ReluNetwork.from_weights([[[10.0, -28.0]], [[2.0]], [[1.0]]])
    net = models.to_ttfs(relu, X)
    assert list(net.provenance["mapping"]["lengthened"]) == ["dense1"]
    assert windows(net)["dense2"] == pytest.approx(1.5 * 1.2)
    first, second = net.node("dense1").window, net.node("dense2").window
    assert tuple(second or ())[:2] == tuple(first or ())[1:]


def test_a_deep_network_is_not_lengthened_by_bounds_that_say_nothing() -> None:
    """Bounds on rounding grow with the sums of the weights in every layer: that of the last window is above 1e5."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, np.sqrt(2 / 40), (40, 40)) for _ in range(20)]
    relu = ReluNetwork.from_weights([*weights, rng.normal(0, 1, (2, 40))])
    x = rng.uniform(size=(4, 40))
    net = models.to_ttfs(relu, x, margin=-0.3)
    for name, held in relu.activations(x):
        assert windows(net)[name] <= 1.1 * held.max()
    assert eventsim.simulate(net, x, engine="reference").counters["premature"] == 0


# -- certified ---------------------------------------------------------------------------------------------------------


def deep(seed: int) -> tuple[ReluNetwork, Array]:
    """2 to 15 layers, in some of which all activations are tiny or nobody speaks, and their inputs."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 9, 3 + seed % 14).tolist()
    scale = rng.choice([0.5, 1.0, 2.0])
    weights = [rng.normal(0, scale * np.sqrt(2 / p), (q, p)) for p, q in pairwise(sizes)]
    biases = [rng.normal(0, 0.2 * rng.integers(2), len(weight)) for weight in weights]
    return ReluNetwork.from_weights(weights, biases), rng.uniform(size=(10, sizes[0]))


@pytest.mark.parametrize("margin", [0.0, 0.5])
@pytest.mark.parametrize("slope", SLOPES)
def test_certified_windows_are_certified_or_refused_and_calibrated_ones_say_where_they_need_not_be(
    slope: str, margin: float
) -> None:
    certified = capped = 0
    for seed in range(15, 57):
        relu, x = deep(seed)
        with contextlib.suppress(MappingError):
            net = models.to_ttfs(relu, x, slope, margin, windows="certified")
            assert models.certify(net, x).ok, seed
            certified += 1
        usual = models.to_ttfs(relu, x, slope, margin)
        said = usual.provenance["mapping"]["rounding_not_reached"]
        assert models.certify(usual, x).ok or said, seed
        assert all(bound > windows(usual)[name] for name, bound in said.items())
        assert eventsim.simulate(usual, x, engine="reference").counters["premature"] == 0
        capped += bool(said)
    assert certified == 42
    assert capped <= 1


def cancelling(seed: int) -> tuple[ReluNetwork, Array]:
    """Layers whose sums are 0 but for rounding, in the middle of a deep network of large weights."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, 1.5, (6, 6)) for _ in range(10)]
    for k in (4, 6):
        weights[k] = -np.abs(weights[k])
    return ReluNetwork.from_weights([*weights, np.ones((1, 6))]), rng.uniform(size=(6, 6))


@pytest.mark.parametrize("how", ["calibrated", "certified"])
@pytest.mark.parametrize("slope", SLOPES)
def test_layers_that_hardly_speak_are_given_time_for_the_rounding_of_what_they_hear(slope: str, how: str) -> None:
    for seed in range(10):
        relu, x = cancelling(seed)
        net = models.to_ttfs(relu, x, slope, 0.0, windows=how)
        assert models.certify(net, x).ok, (seed, models.certify(net, x).verdict)


@pytest.mark.parametrize("slope", SLOPES)
def test_a_short_window_behind_long_ones_is_lengthened_by_more_than_a_millionth_of_itself(slope: str) -> None:
    relu = ReluNetwork.from_weights([[[1.0], [1.0]], *[[[10.0, -9.0], [-9.0, 10.0]]] * 4, [[1.0, 1e-5 - 1]], [[1.0]]])
    x = [[0.7], [0.3]]
    net = models.to_ttfs(relu, x, slope, margin=0)
    assert windows(net)["dense6"] < 1e-5
    assert models.certify(net, x).ok
    assert net.provenance["mapping"]["rounding_not_reached"] == {}


def test_windows_that_cannot_be_certified_are_refused_in_words() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, np.sqrt(2 / 20), (20, 20)) for _ in range(40)]
    relu, x = ReluNetwork.from_weights([*weights, np.ones((1, 20))]), rng.uniform(size=(3, 20))
    with pytest.raises(
        MappingError, match=r"\d+ neurons .* of layer 'dense\d+', sample \d, is .*; give smaller weights"
    ):
        models.to_ttfs(relu, x, windows="certified", margin=0)
    said = models.to_ttfs(relu, x, margin=0).provenance["mapping"]["rounding_not_reached"]
    assert said["dense40"] > 1


# -- warnings ----------------------------------------------------------------------------------------------------------


def test_a_run_with_premature_spikes_warns_once_with_population_count_and_remedy() -> None:
    relu = ReluNetwork.from_weights([[[10.0, -28.0], [10.0, -28.0]], [[1.0, 1.0]]])
    for given in ("published", [0.9]):
        net = models.to_ttfs(relu, X, windows=given)
        with pytest.warns(PrematureSpikeWarning) as caught:
            run = eventsim.simulate(net, np.repeat(X, 3, axis=0), engine="reference")
        assert run.counters["premature"] == 6
        (one,) = caught
        assert str(one.message).startswith("simulate: 6 premature spikes (6 in 'dense1'): neurons fired before all")
        assert 'windows must be long enough for the data. Convert again with windows="calibrated"' in str(one.message)
        assert "models.certify(net, x).safe_windows says how long" in str(one.message)
        assert one.filename == __file__


def test_premature_spikes_of_an_external_trainers_network_warn_too() -> None:
    layers = [{"W": [[10.0, -28.0]], "D": [0.0], "t_min": 1, "t_max": 1.9}, {"W": [[1.0]]}]
    with pytest.warns(PrematureSpikeWarning, match="1 in 'dense1'"):
        eventsim.simulate(models.ttfs_network(layers), X, engine="reference")


def test_runs_without_premature_spikes_networks_built_by_hand_and_checks_do_not_warn() -> None:
    net = models.to_ttfs(CONTROLLER, X)
    short = models.to_ttfs(CONTROLLER, X, windows="published")
    by_hand = eventsim.Network()
    by_hand.source(2)
    by_hand.population("ttfs_b1", 1, "cell", (0, 1, 1.9), threshold=0.9)
    by_hand.connect("input", "cell", eventsim.Dense([[10.0, -28.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrematureSpikeWarning)
        eventsim.simulate(net, X, engine="reference")
        assert eventsim.simulate(by_hand, X, engine="reference").counters["premature"] == 1
        assert models.verify(short, models.read_relu(CONTROLLER), X).summary["premature"] == 1
        assert not models.certify(short, X).ok


# -- the command line --------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    models.read_relu(CONTROLLER).save("relu.npz")
    np.save("x.npy", np.array(X))


def called(capsys: pytest.CaptureFixture[str], words: str) -> tuple[int, str, str]:
    code = cli.main(words.split())
    return code, *capsys.readouterr()


@pytest.mark.usefixtures("files")
def test_convert_says_which_windows_it_lengthened_and_by_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, "convert relu.npz --calibrate x.npy --out net.npz")
    assert (code, err) == (0, "")
    assert "lengthened: the window of dense1 by 5.1 to 6; in the published 0.9 neurons are premature" in out
    assert "note" in called(capsys, "info net.npz")[1]
    found = json.loads(called(capsys, "convert relu.npz --calibrate x.npy --json")[1])
    assert found["lengthened"]["dense1"]["by"] == pytest.approx(5.1)
    assert found["warnings"] == []


def test_convert_says_where_bounds_on_rounding_ask_for_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, np.sqrt(2 / 20), (20, 20)) for _ in range(24)]
    ReluNetwork.from_weights([*weights, np.ones((1, 20))]).save("deep.npz")
    np.save("x.npy", rng.uniform(size=(3, 20)))
    out = called(capsys, "convert deep.npz --calibrate x.npy")[1]
    (line,) = [line for line in out.splitlines() if line.startswith("rounding") and line.endswith(" dense24")]
    assert line.startswith("rounding not reached: bounds on it ask for a window of ")
    found = json.loads(called(capsys, "convert deep.npz --calibrate x.npy --json")[1])
    assert found["rounding_not_reached"]["dense24"] > 1


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("how", ["published", "0.9"])
def test_convert_and_run_warn_of_windows_that_are_too_short_and_exit_with_0(
    how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = called(capsys, f"convert relu.npz --calibrate x.npy --out net.npz --windows {how}")
    assert code == 0
    assert err == (
        "eventsim: warning: convert: 1 premature spike in 'dense1' on the calibration data, in a window of 0.9; must "
        "be at least 6 long. Leave --windows out, or give longer ones.\n"
    )
    code, out, err = called(capsys, "run net.npz x.npy --engine reference")
    assert code == 0
    assert err.startswith("eventsim: warning: simulate: 1 premature spike (1 in 'dense1'): ")
    assert err.count("\n") == 1
    code, out, err = called(capsys, "run net.npz x.npy --engine reference --json")
    assert json.loads(out)["warnings"][0].startswith("simulate: 1 premature spike")
    assert called(capsys, "verify net.npz relu.npz x.npy")[::2] == (1, "")
    assert "0 it worked (perhaps with a warning on stderr)" in called(capsys, "run --help")[1].replace("\n", " ")
