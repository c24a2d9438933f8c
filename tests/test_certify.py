"""Certificates against the simulator, against the published criterion in exact arithmetic, against other windows."""

# mypy: disable-error-code="arg-type"

import json
import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import models
from eventsim.errors import InputError, MappingError
from eventsim.faults import Jitter
from eventsim.models import digits
from eventsim.models.relu.relu_network import AveragePool, BatchNorm, Conv, Dense, MaxPool, ReluNetwork
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]
SLOPES = ("b1", "alpha1")


def dense(rng: np.random.Generator) -> ReluNetwork:
    sizes = (8, 12, 10, 3)
    spread = rng.choice([0.3, 1.0, 3.0])
    weights = [rng.normal(0, spread, pair) for pair in zip(sizes[1:], sizes[:-1], strict=True)]
    return ReluNetwork.from_weights(weights, [rng.normal(0, 0.3, len(w)) for w in weights])


def convolutional(rng: np.random.Generator) -> ReluNetwork:
    spread = rng.choice([0.3, 1.0, 3.0])
    layers = [
        Conv("", rng.normal(0, spread, (3, 2, 3, 3)), rng.normal(0, 0.3, 3), True, padding=1),
        [MaxPool, AveragePool][rng.integers(2)]("", (2, 2)),
        Conv("", rng.normal(0, spread, (4, 3, 2, 2)), rng.normal(0, 0.3, 4), True),
        Dense("", rng.normal(0, spread, (3, 16)), np.zeros(3), False),
    ]
    return ReluNetwork(layers, (2, 6, 6))


def inputs(rng: np.random.Generator, network: ReluNetwork, n: int) -> Array:
    """Sparse ones among them, since silence changes what comes first."""
    return rng.uniform(size=(n, *network.input_shape)) * (
        rng.random((n, *network.input_shape)) < rng.choice([0.4, 1.0])
    )


@pytest.mark.parametrize("make", [dense, convolutional])
@pytest.mark.parametrize("slope", SLOPES)
def test_certificates_agree_with_the_simulator_premature_spikes_upstream_included(make: Any, slope: str) -> None:
    checked = premature = undecided = behind = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        network = make(rng)
        x = inputs(rng, network, 12)
        net = models.to_ttfs(network, x, slope, margin=rng.choice([-0.6, -0.3, 0.1, 0.5]), windows="published")
        run = eventsim.simulate(net, x)
        certificates = models.certify(net, x)
        upstream = np.zeros(len(x), dtype=bool)
        for name, layer in certificates.layers.items():
            early = run.spike_times(name) < float(net.node(name).window[1])  # type: ignore[index]
            assert (early == layer.premature)[~layer.undecided].all(), (seed, name)
            assert (layer.margin[early & ~layer.undecided] <= layer.bound[early & ~layer.undecided]).all()
            assert (layer.margin[~early & ~layer.undecided] > 0).all()
            checked, undecided = checked + early.size, undecided + int(layer.undecided.sum())
            premature, behind = premature + int(early.sum()), behind + int(early[upstream].sum())
            upstream |= early.any(axis=1)
        by_run = models.certify(net, run=run)
        for name, layer in by_run.layers.items():
            decided = ~certificates.layers[name].undecided
            assert (layer.premature == certificates.layers[name].premature)[decided].all()
    assert checked >= 10_000
    assert premature >= 150
    assert behind >= 50
    assert undecided <= checked / 1000
    found = f"{premature:,} premature ({behind:,} behind one), {undecided} undecided"
    sys.stdout.write(f"\n{slope}, {make.__name__}: {checked:,} neurons, {found}\n")


@pytest.mark.parametrize("slope", SLOPES)
def test_certificates_are_the_published_criterion_in_exact_arithmetic(slope: str) -> None:
    """Premature: some u in (0, L] with z(max(x, u)) - u >= B (alpha1) or z((x - u)+) >= B (B1), or z(x) > B."""
    found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        weight = rng.integers(-48, 48, (6, 4)) / 16
        if slope == "alpha1":
            weight *= np.minimum(1, 0.5 / np.maximum(weight.sum(axis=1, keepdims=True), 0.5))
        bias = rng.integers(-8, 8, 6) / 16
        relu = ReluNetwork.from_weights([weight, np.ones((1, 6))], [bias, [0.0]])
        x = rng.integers(0, 9, (5, 4)) / 8
        length = float(rng.integers(4, 20)) / 8
        net = models.to_ttfs(relu, x, slope, windows=[length], scaling=False)
        layer = models.certify(net, x).layers["dense1"]
        for sample, neuron in np.ndindex(5, 6):
            values, row = ([Fraction(float(v)) for v in held] for held in (x[sample], weight[neuron]))
            height = [
                _z(slope, row, Fraction(float(bias[neuron])), values, u) for u in {*values, Fraction(0), Fraction(1)}
            ]
            early = [
                _z(slope, row, Fraction(float(bias[neuron])), values, u) for u in {*values, Fraction(1)} - {Fraction(0)}
            ]
            expected = max(early) >= length or max(height) > length
            if not layer.undecided[sample, neuron]:
                assert layer.premature[sample, neuron] == expected, (seed, sample, neuron)
            assert abs(layer.margin[sample, neuron] - (length - max(height))) <= layer.bound[sample, neuron]
            found += expected
    assert found >= 50


def _z(slope: str, weight: list[Fraction], bias: Fraction, x: list[Fraction], u: Fraction) -> Fraction:
    if slope == "b1":
        return sum((w * max(v - u, Fraction(0)) for w, v in zip(weight, x, strict=True)), bias)
    return sum((w * max(v, u) for w, v in zip(weight, x, strict=True)), bias) - u


@pytest.mark.parametrize("make", [dense, convolutional])
@pytest.mark.parametrize("slope", SLOPES)
def test_the_safe_window_is_the_smallest(make: Any, slope: str) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        network = make(rng)
        x = inputs(rng, network, 6)
        net = models.to_ttfs(network, x, slope, margin=60)
        certificates = models.certify(net, x)
        assert certificates.ok
        safe = [max(window, 1e-3) for window in certificates.safe_windows.values()]
        snug = models.to_ttfs(network, x, slope, windows=[window * (1 + 1e-9) for window in safe])
        assert models.certify(snug, x).ok
        assert eventsim.simulate(snug, x).counters["premature"] == 0
        for k, name in enumerate(certificates.layers):
            if safe[k] > 1e-3:
                cut = [window * (1 - 1e-6 * (j == k)) for j, window in enumerate(safe)]
                tight = models.to_ttfs(network, x, slope, windows=[w * (1 + 1e-9) for w in cut])
                run = eventsim.simulate(tight, x)
                assert run.counters["by_population"][name]["premature"] > 0, (seed, name)


@pytest.mark.parametrize("make", [dense, convolutional])
@pytest.mark.parametrize("slope", SLOPES)
def test_certified_windows_hold_no_premature_neuron_of_the_calibration(make: Any, slope: str) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        network = make(rng)
        x = inputs(rng, network, 6)
        net = models.to_ttfs(network, x, slope, margin=0, windows="certified")
        certificates = models.certify(net, x)
        assert certificates.ok
        for layer in certificates.layers.values():
            assert layer.safe_window <= 0 or abs(layer.window - layer.safe_window) <= 1e-9 * layer.window
        run = eventsim.simulate(net, x)
        assert run.counters["premature"] == 0
        assert models.verify(net, network, x, run).ok
        said = net.provenance["mapping"]
        assert said["windows_from"] == "certified"
        assert len(said["safe_windows"]) == len(said["windows"])
        wider = models.to_ttfs(network, x, slope, margin=0.25, windows="certified")
        assert models.certify(wider, x).ok
    with pytest.raises(MappingError, match=r"margin = -0.1; must be >= 0 for certified windows"):
        models.to_ttfs(network, x, slope, margin=-0.1, windows="certified")


def test_counterexamples_of_the_closed_form_are_not_certified() -> None:
    relu = ReluNetwork.from_weights([[[10.0, -28.0]], [[1.0]]], [[0.0], [0.0]])
    x = [[0.9, 0.3]]
    net = models.to_ttfs(relu, x, windows=[0.9])
    certificates = models.certify(net, x)
    assert certificates.not_certified == [("dense1", 0, 0)]
    assert certificates.layers["dense1"].safe_window == pytest.approx(6.0)  # 10 (0.9 - 0.3), at the second input
    assert certificates.slack["dense1"] == pytest.approx(-5.1)
    assert "0.0000% certified; first not: neuron 0 of 'dense1', sample 0; 1 in all" in certificates.table()


# -- proofs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [dense, convolutional])
@pytest.mark.parametrize("slope", SLOPES)
def test_every_spike_lies_on_its_threshold_within_its_bound_and_every_silence_below(make: Any, slope: str) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        network = make(rng)
        x = inputs(rng, network, 5)
        net = models.to_ttfs(network, x, slope, margin=rng.choice([-0.5, 0.5]), windows="published")
        run = eventsim.simulate(net, x, error_bounds=bool(seed % 2))
        certificates = models.certify(net, run=run)
        assert certificates.proof is not None
        assert [name for name, proof in certificates.proof.items() if proof.of == "neurons"] == [*certificates.layers]
        for name in certificates.layers:
            proof = certificates.proof[name]
            fired = np.isfinite(run.spike_times(name))
            assert np.array_equal(np.isnan(proof.residual), ~fired)
            assert np.array_equal(np.isnan(proof.highest), fired)
            assert (proof.residual[fired] <= proof.bound[fired]).all(), (seed, name)
            assert (proof.below[~fired] >= -proof.below_bound[~fired]).all()
            # Bounds that mean something: a few hundred units in the last place of potentials that are summed up.
            size = np.abs(net.node(name).parameters["threshold"]).max() + float(net.node(name).window[2])  # type: ignore[union-attr,index,misc]
            assert np.nanmax(proof.bound, initial=0) <= 1e-11 * size * (1 + np.abs(network.forward(x)).max())
        assert certificates.proven


def test_a_moved_or_missing_spike_has_no_proof_and_the_verdict_says_so() -> None:
    relu = ReluNetwork.from_weights([[[1.0]], [[1.0]]], [[0.25], [0.0]])
    net = models.to_ttfs(relu, [[0.5]], windows=[2.0])
    run = eventsim.simulate(net, [[0.5]])
    assert models.certify(net, run=run).ok
    run.records.first[0, 1] += 1e-9  # type: ignore[index]
    moved = models.certify(net, run=run)
    assert moved.proof is not None
    assert moved.proof["dense1"].residual[0, 0] == pytest.approx(1e-9, rel=1e-5)
    assert moved.proof["dense1"].bound[0, 0] < 1e-14
    run.records.first[0, 1] = math.inf  # type: ignore[index]
    missing = models.certify(net, run=run)
    assert missing.proof is not None
    assert missing.proof["dense1"].below[0, 0] == pytest.approx(-0.75)
    for found in (moved, missing):
        assert (found.ok, found.proven) == (False, False)
        assert str(found.table()).endswith("NOT PROVEN: 2 spikes, silences or potentials are not what the inputs make")
        assert json.loads(found.to_json())["populations"][0]["not_proven"] == 1


def pooling() -> tuple[Network, Array]:
    """Max pools and, behind a negative batch-norm scale, min pools, with padding."""
    rng = np.random.default_rng(2)
    layers = [
        Conv("", rng.normal(0, 0.5, (3, 1, 3, 3)), rng.normal(0.3, 0.1, 3), True, padding=1),
        BatchNorm("", np.array([1.0, -0.5, -1.0]), np.full(3, 0.5), np.zeros(3), np.ones(3)),
        MaxPool("", (2, 2), 2, 1),
        Dense("", rng.normal(0, 0.3, (4, 27)), rng.normal(0, 0.1, 4), False),
    ]
    x = rng.uniform(size=(6, 1, 4, 4))
    return models.to_ttfs(ReluNetwork(layers, (1, 4, 4)), x), x


def test_pools_and_read_outs_are_proven_with_bounds_that_mean_something() -> None:
    net, x = pooling()
    assert set(net.node("pool1").parameters["count"].tolist()) > {1.0}  # type: ignore[union-attr]
    for bounds in (False, True):
        found = models.certify(net, run=eventsim.simulate(net, x, error_bounds=bounds))
        assert found.proof is not None
        assert {name: proof.of for name, proof in found.proof.items()} == {
            "conv1": "neurons", "pool1": "relays", "output": "read-out",
        }  # fmt: skip
        pool, output = found.proof["pool1"], found.proof["output"]
        assert np.nanmax(pool.residual) == np.nanmax(pool.bound) == 0
        assert 0.01 < (output.residual / output.bound).max() <= 1
        assert output.bound.max() <= 1e-12
        assert found.ok
        assert "proven, too: the spikes of pool1 are those that they pool; potentials of output within" in found.table()
        (said,) = [entry for entry in json.loads(found.to_json())["pools_and_readouts"] if entry["of"] == "relays"]
        assert said == {
            "population": "pool1", "of": "relays", "worst_residual_over_bound": 0.0, "nearest_silence": None,
            "not_proven": 0,
        }  # fmt: skip


def test_pools_of_fractions_are_proven() -> None:
    net = Network()
    net.source((1, 4), "input", (Fraction(0), Fraction(1, 3)))
    window = (Fraction(1, 7), Fraction(1, 7), Fraction(1, 3) + Fraction(1, 7))
    net.population("relay", (1, 2), "pool", window, count=[1, 2])
    net.population("integrator", (1,), "output", (window[1], window[2]))
    net.connect("input", "pool", eventsim.Pool([2]), delay=Fraction(1, 7))
    net.connect("pool", "output", eventsim.Dense(np.array([[Fraction(1, 3), Fraction(2, 3)]], object)))
    x = np.array([[[Fraction(n, 11) for n in (3, 5, 7, 2)]]], object)
    run = eventsim.simulate(net, x, engine="reference")
    found = models.certify(net, run=run)
    assert found.proof is not None
    assert np.isfinite(run.spike_times("pool").astype(float)).all()
    assert (found.proven, found.proof["output"].residual.max() <= found.proof["output"].bound.max()) == (True, True)
    assert found.proof["output"].bound.max() < 1e-17


@pytest.mark.parametrize("mistake", ["moved", "lost", "made up", "another of its inputs", "potential"])
def test_a_mistake_in_a_pool_or_a_read_out_is_not_proven(mistake: str) -> None:
    net, x = pooling()
    run = eventsim.simulate(net, x, error_bounds=True)
    first = {node.name: sum(other.size for other in net.nodes[:k]) for k, node in enumerate(net.nodes)}
    fired = np.isfinite(run.spike_times("pool1"))
    sample, neuron = np.argwhere(fired)[3]
    place = "pool1"
    if mistake == "moved":
        run.records.first[sample, first["pool1"] + neuron] = np.nextafter(run.spike_times("pool1")[sample, neuron], 0)  # type: ignore[index]
    elif mistake == "lost":
        run.records.first[sample, first["pool1"] + neuron] = math.inf  # type: ignore[index]
    elif mistake == "made up":
        sample, neuron = np.argwhere(~fired)[0]
        run.records.first[sample, first["pool1"] + neuron] = net.node("pool1").window[2] - 0.1  # type: ignore[index,misc]
    elif mistake == "another of its inputs":
        neuron = 4  # the pool in the middle of channel 0 sees positions 5, 6, 9 and 10
        times = np.sort(run.spike_times("conv1")[:, [5, 6, 9, 10]], axis=1)
        sample = int(np.flatnonzero(np.isfinite(times[:, 1]) & (times[:, 0] < times[:, 1]))[0])
        assert run.spike_times("pool1")[sample, neuron] == times[sample, 0]
        run.records.first[sample, first["pool1"] + neuron] = times[sample, 1]  # type: ignore[index]
    else:
        place, neuron = "output", 1
        run.records.readout[sample, neuron] += 1e-10  # type: ignore[index]
    found = models.certify(net, run=run)
    assert found.proof is not None
    assert found.proof[place].failed[sample, neuron]
    assert found.proof[place].failed.sum() == 1
    assert (found.proven, found.ok) == (False, False)
    assert "NOT PROVEN" in found.table()
    assert json.loads(found.to_json())["proven"] is False
    assert f"{place} " not in str(found.table()).partition("proven, too")[2].partition("\n")[0]


@pytest.mark.parametrize("slope", SLOPES)
def test_the_demo_is_certified(slope: str) -> None:
    images, _ = digits.test_images()
    net = models.to_ttfs(digits.network(), digits.calibration_images()[0], slope)
    found = models.certify(net, images)
    assert found.share >= 0.99
    run = eventsim.simulate(net, images)
    for name, layer in found.layers.items():
        early = run.spike_times(name) < float(net.node(name).window[1])  # type: ignore[index]
        assert (early == layer.premature)[~layer.undecided].all()


def test_certificates_cannot_be_changed() -> None:
    net, x = pooling()
    found = models.certify(net, run=eventsim.simulate(net, x))
    assert found.proof is not None
    assert found.decisions is not None
    records = [*found.layers.values(), *found.proof.values()]
    arrays = [held for record in records for held in vars(record).values() if isinstance(held, np.ndarray)]
    for array in (*arrays, found.decisions):
        assert not array.flags.writeable


def test_a_neuron_that_fires_when_integration_begins_is_proven() -> None:
    net = models.ttfs_network([{"W": [[0.5, 0.25]], "threshold": -1.0, "t_min": 1, "t_max": 3}, {"W": [[1.0]]}])
    found = models.certify(net, run=eventsim.simulate(net, [[0.5, 0.5]], error_bounds=True))
    assert found.proof is not None
    assert found.proof["dense1"].residual.tolist() == [[0.0]]
    assert (found.proven, found.not_certified) == (True, [("dense1", 0, 0)])


@pytest.mark.parametrize("slope", SLOPES)
def test_safe_windows_of_an_unsafe_network_are_those_of_a_safe_one(slope: str) -> None:
    for make in (dense, convolutional):
        for seed in range(4):
            rng = np.random.default_rng(seed)
            network = make(rng)
            x = inputs(rng, network, 6)
            expected = models.certify(models.to_ttfs(network, x, slope, margin=60), x).safe_windows
            unsafe = models.certify(models.to_ttfs(network, x, slope, margin=-0.6, windows="published"), x)
            assert not unsafe.ok
            for name, window in unsafe.safe_windows.items():
                assert window == pytest.approx(expected[name], rel=1e-9, abs=1e-9), (seed, name)


def test_an_input_that_comes_late_is_not_waited_for() -> None:
    net = Network()
    net.source(2, "input")
    net.population("ttfs_b1", 2, "early", (0.0, 1.0, 3.0), threshold=[2.0, 1.0])
    net.population("ttfs_b1", 1, "open", (1.0, 2.0, 4.0), threshold=2.0)
    net.connect("input", "early", eventsim.Dense([[0.1, 0.1], [0.1, 0.1]]))
    net.connect("early", "open", eventsim.Dense([[0.1, 0.1]]))
    found = models.certify(net, [[0.5, 0.5]])
    assert found.layers["open"].late.tolist() == [[True]]
    assert found.not_certified == [("open", 0, 0)]
    assert not found.ok
    assert "late" in str(found.table()).splitlines()[0]


def test_decisions_by_sign_are_measured_from_zero() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 1, (6, 4)), rng.normal(0, 1, (3, 6))]
    relu = ReluNetwork.from_weights(weights, provenance={"output": "logistic"})
    x = rng.uniform(size=(5, 4))
    net = models.to_ttfs(relu, x)
    run = eventsim.simulate(net, x)
    decisions = models.certify(net, run=run).decisions
    assert decisions is not None
    moved = np.abs(weights[1]).sum(axis=1)
    assert np.abs(decisions[:, 0] - np.abs(run.readout).min(axis=1)).max() <= 1e-12
    assert np.abs(decisions[:, 1] - (np.abs(run.readout) / moved).min(axis=1)).max() <= 1e-12
    single = models.to_ttfs(ReluNetwork.from_weights([weights[0], weights[1][:1]]), x)
    assert models.certify(single, run=eventsim.simulate(single, x)).decisions is None


def test_layers_that_need_no_window_can_be_cut_by_any() -> None:
    relu = ReluNetwork.from_weights([[[-1.0]], [[1.0]]], [[-1.0], [0.0]])
    found = models.certify(models.to_ttfs(relu, [[0.5]]), [[0.5]])
    assert "any" in found.table()
    assert str(found.table()).endswith("certified: every neuron waits for its inputs, in windows of any length")


def test_peaks_of_silent_neurons_are_those_of_the_recorded_membrane() -> None:
    rng = np.random.default_rng(0)
    network = dense(rng)
    x = inputs(rng, network, 2)
    net = models.to_ttfs(network, x)
    run = eventsim.simulate(net, x, record={"dense1": list(range(12))})
    proof = models.certify(net, x=None, run=eventsim.simulate(net, x)).proof
    assert proof is not None
    t_start, _, t_max = net.node("dense1").window  # type: ignore[misc]
    silent = np.argwhere(~np.isnan(proof["dense1"].highest))
    assert len(silent) > 3
    for sample, neuron in silent:
        times, _ = run.membrane("dense1", neuron, sample)
        knots = np.union1d(times[(times >= t_start) & (times < t_max)], [t_start, t_max])
        held = run.membrane("dense1", neuron, sample, times=knots)[1]
        assert proof["dense1"].highest[sample, neuron] == pytest.approx(np.nanmax([*held, 0.0]), abs=1e-12)
        assert proof["dense1"].below[sample, neuron] > 0


def test_spikes_may_move_by_the_decision_margin_and_no_further() -> None:
    images, _ = digits.test_images()
    calibration, _ = digits.calibration_images()
    net = models.to_ttfs(digits.dense_network(), calibration)
    run = eventsim.simulate(net, images[:20])
    certificates = models.certify(net, run=run)
    assert certificates.decisions is not None
    weights = net.projections[-1].kind.arrays()["weights"]
    for sample, (lead, moved) in enumerate(certificates.decisions):
        values = run.readout[sample]
        best = int(values.argmax())
        rivals = np.delete(np.arange(10), best)
        assert lead == pytest.approx(values[best] - values[rivals].max())
        for sign, factor in ((1, 1 - 1e-6), (-1, 1 + 1e-6)):
            leads = [
                values[best] - values[rival] - factor * moved * np.abs(weights[best] - weights[rival]).sum()
                for rival in rivals
            ]
            assert sign * min(leads) > 0


def test_the_report_is_json_and_a_table() -> None:
    network = dense(np.random.default_rng(1))
    x = np.random.default_rng(1).uniform(size=(3, 8))
    net = models.to_ttfs(network, x, margin=-0.5, windows="published")
    run = eventsim.simulate(net, x)
    certificates = models.certify(net, run=run)
    said = json.loads(certificates.to_json(limit=2))
    assert said["ok"] is certificates.ok is False
    assert said["n_not_certified"] == len(certificates.not_certified) > 2 == len(said["not_certified"])
    assert [row["population"] for row in said["populations"]] == ["dense1", "dense2"]
    assert certificates.share < 1
    assert "certified; first not" in repr(certificates)
    assert len({len(line) for line in str(certificates.table()).splitlines()[:4]}) == 1


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_what_cannot_be_certified_is_refused() -> None:
    network = dense(np.random.default_rng(0))
    x = np.random.default_rng(0).uniform(size=(2, 8))
    net = models.to_ttfs(network, x)
    run = eventsim.simulate(net, x)
    for given in ({}, {"x": x, "run": run}):
        with pytest.raises(InputError, match="give x, the inputs, or run, a run of net; exactly one"):
            models.certify(net, **given)
    other = models.to_ttfs(network, x, margin=1.0)
    with pytest.raises(InputError, match="another network"):
        models.certify(other, run=run)
    with pytest.raises(InputError, match="certify: run is a str; must be what"):
        models.certify(net, run="a")
    with pytest.raises(InputError, match="the run has faults, which move spikes"):
        models.certify(net, run=eventsim.simulate(net, x, faults=[Jitter(0.01)], engine="reference"))
    with pytest.raises(InputError, match="source 'input' has trains of spikes; must have one"):
        models.certify(net, eventsim.SpikeTimes([[[0.1, 0.2]] + [[]] * 7]))
    with pytest.raises(InputError, match="certify: net is a list"):
        models.certify([], x)
    spiking = Network()
    spiking.source(1, "input")
    spiking.population("lif_delta", 1, "p", tau_mem=1.0, v_threshold=1.0)
    with pytest.raises(InputError, match="certify: population 'p' is of model lif_delta"):
        models.certify(spiking, [[0.5]])
    with pytest.raises(InputError, match="outside the coded range"):
        models.certify(net, x + 1)


def test_networks_of_fractions_are_certified() -> None:
    relu = ReluNetwork.from_weights([[[10.0, -28.0]], [[1.0]]], [[0.0], [0.0]])
    for window, safe in ((0.9, False), (6.5, True)):
        net = models.to_ttfs(relu, [[0.9, 0.3]], windows=[window], number=Fraction)
        assert models.certify(net, [[Fraction(9, 10), Fraction(3, 10)]]).ok is safe
        run = eventsim.simulate(net, [[Fraction(9, 10), Fraction(3, 10)]], engine="reference")
        assert models.certify(net, run=run).ok is safe
        assert math.isfinite(models.certify(net, run=run).safe_windows["dense1"])


def test_silence_at_the_end_of_a_window_is_proven_although_the_crossing_was_rounded() -> None:
    """A value of exactly 0 reaches its threshold at t_max, which float64 rounds, as it does a t_max of Fractions."""
    relu = models.read_relu({"weights": [[[1.0]], [[-1.0]], [[1.0]]], "biases": [[1e-3], [1e-3], [0.0]]})
    exact = models.read_relu({"weights": [[[1, -0.5], [0.5, 1]], [[1, -1], [0.5, 0.5]]]})
    nets = [
        (models.to_ttfs(relu, [[0.0], [1e-3]], windows="certified"), [[0.0]]),
        (models.to_ttfs(exact, [[0, 0]], "alpha1", windows="certified", number=Fraction), [[0, 0]]),
    ]
    for net, x in nets:
        run = eventsim.simulate(net, x, error_bounds=not net.exact, engine="reference")
        found = models.certify(net, run=run)
        assert found.ok
        assert found.proof is not None
        for proof in found.proof.values():
            assert np.nanmax(proof.below_bound, initial=0) < 1e-13


def test_a_silence_that_rounding_does_not_explain_is_not_proven() -> None:
    relu = models.read_relu({"weights": [[[1.0]], [[1.0]]]})
    net = models.to_ttfs(relu, [[1.0]])
    run = eventsim.simulate(net, [[1e-14]], error_bounds=True, engine="reference")
    assert models.certify(net, run=run).proven
    run.records.first[0, 1] = math.inf  # type: ignore[index]
    assert not models.certify(net, run=run).proven
