"""Device faults: what they make of a network, and that nothing else changes it."""

import json
import math
import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_devices import WEIGHTS, N, assert_moments, manufacture, net_of, weights_after

import eventsim
from eventsim import faults
from eventsim.errors import FaultError
from eventsim.faults.contract import DeviceFault
from eventsim.faults.draws import Draws
from eventsim.faults.presets import PRESETS
from eventsim.faults.text import kinds
from eventsim.randomness import normal, stream_key

HOUR, DAY = 3600.0, 86400.0
RNG = np.random.default_rng(17)

# One of each kind, strong enough to change something.
STRONG: list[DeviceFault] = [
    faults.WeightQuantization(4), faults.WeightQuantization(5, per_channel=True), faults.FakeQuantization(4),
    faults.PowerOfTwo(3), faults.WeightNoise(0.1), faults.WeightNoise(absolute=0.1, of_largest=0.02),
    faults.StuckAt(0.5), faults.StuckAt(0.5, "max", devices=2), faults.Mismatch("threshold", 0.1),
    faults.DelayVariation(0.1, relative=True), faults.DelayVariation(0.1, per_synapse=True, negative="redraw"),
    faults.PCM(DAY), faults.PCM(DAY, "hermes1", "collapsed", "global"), faults.PCM(DAY, compensate="column"),
    faults.ReRAM(DAY), faults.ReRAM(path="collapsed"), faults.CmoReRAM(DAY),
]  # fmt: skip
# The same kinds without any strength.
IDLE: list[DeviceFault] = [
    faults.WeightNoise(), faults.StuckAt(0.0), faults.StuckAt(0.0, "max", 2), faults.Mismatch("threshold"),
    faults.DelayVariation(0.0), faults.DelayVariation(0.0, per_synapse=True), faults.ReRAM(strength=0.0),
    faults.PCM(0.0, programming=0.0, read=0.0), faults.PCM(DAY, programming=0.0, drift=0.0, read=0.0),
    faults.CmoReRAM(DAY, programming=0.0, drift=0.0, read=0.0), faults.CmoReRAM(programming=0.0),
]  # fmt: skip


def shown(fault: DeviceFault) -> str:
    return repr(fault)[:60]


@pytest.mark.parametrize("fault", STRONG, ids=shown)
def test_a_device_differs_from_the_ideal_network_and_is_made_again_from_its_seed(fault):
    net = net_of()
    made = manufacture(net, fault, 7)
    assert made.hash() != net.hash()
    assert manufacture(net, fault, 7).hash() == made.hash()
    assert f"made with {fault!r}" in made.provenance["notes"]
    drawn = not isinstance(fault, faults.WeightQuantization | faults.FakeQuantization | faults.PowerOfTwo)
    assert (manufacture(net, fault, 8).hash() != made.hash()) == drawn


@pytest.mark.parametrize("fault", IDLE, ids=shown)
def test_faults_without_strength_make_the_same_network_and_run(fault):
    net, x = net_of(), [[0.5, 0.25, 0.75, 1.0]]
    assert manufacture(net, fault, 7).hash() == net.hash()
    ideal, run = (eventsim.simulate(net, x, faults=given, engine="reference") for given in ((), fault))
    assert run.spikes.tobytes() == ideal.spikes.tobytes()


@pytest.mark.parametrize("fault", STRONG, ids=shown)
def test_draws_belong_to_synapses_however_they_are_stored(fault):
    """Dense, the same as a list in random order, and behind another projection that is created first."""
    targets, sources = np.indices(WEIGHTS.shape)
    order = RNG.permutation(WEIGHTS.size)
    listed = eventsim.Sparse(*(one.ravel()[order] for one in (sources, targets, WEIGHTS)))
    dense, sparse = (manufacture(net_of(kind), fault, 3).projections[0] for kind in (None, listed))
    other = eventsim.Network()
    other.source(4, "input")
    other.population("linear_psp", 3, "hidden", threshold=1.0)
    if not isinstance(fault, faults.Mismatch):
        other.connect("hidden", "hidden", eventsim.OneToOne(1.0), 0.5)
        other.connect("input", "hidden", eventsim.Dense(WEIGHTS), 0.5)
        second = manufacture(other, fault, 3).projections[1]
        assert {**second.kind.arrays(), "delay": second.delay}.keys() == {**dense.kind.arrays(), "delay": 0}.keys()
        for name, array in dense.kind.arrays().items():
            assert np.array_equal(second.kind.arrays()[name], array)
        assert second.delay == dense.delay
    if isinstance(dense.kind, eventsim.Dense):
        assert np.array_equal(dense.kind.weights[sparse.kind.targets, sparse.kind.sources], sparse.kind.weights)
        assert dense.delay == sparse.delay
    else:
        assert all(np.array_equal(sparse.kind.arrays()[name], array) for name, array in dense.kind.arrays().items())


@pytest.mark.parametrize("fault", [*STRONG, *IDLE], ids=shown)
def test_a_text_form_is_the_fault_again(fault):
    described = json.loads(json.dumps(fault.describe()))
    assert faults.read(described) == [fault]
    given = {key: value for key, value in described.items() if value is not None}  # TOML knows no null
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.items())
    assert faults.read(tomllib.loads(text)) == [fault]


def test_settings_are_plain_whatever_numbers_they_are_given_as():
    four, two, half = np.int64(4), np.float32(2), Fraction(1, 2)
    given: list[tuple[Any, dict[str, Any], DeviceFault]] = [
        (faults.WeightQuantization, {"bits": four, "largest": two}, faults.WeightQuantization(4, largest=2.0)),
        (faults.WeightNoise, {"relative": half, "per": "batch", "batch_size": four},
         faults.WeightNoise(0.5, per="batch", batch_size=4)),
        (faults.StuckAt, {"probability": half, "value": two}, faults.StuckAt(0.5, 2.0)),
        (faults.Mismatch, {"parameter": "slope", "sigma": half}, faults.Mismatch("slope", 0.5)),
        (faults.PCM, {"t_inf": four, "read": half}, faults.PCM(4, read=0.5)),
        (faults.CmoReRAM, {"acceptance": np.int64(2)}, faults.CmoReRAM(acceptance=2.0)),
    ]  # fmt: skip
    for kind, settings, plain in given:
        fault = kind(**settings)
        assert fault == plain
        assert faults.read(json.loads(json.dumps(fault.describe()))) == [plain]


@pytest.mark.parametrize("fault", STRONG, ids=shown)
def test_exact_networks_stay_exact(fault):
    made = manufacture(net_of(delay=Fraction(1, 2), exact=True), fault, 3)
    for projection in made.projections:
        assert all(isinstance(weight, Fraction) for weight in projection.kind.weights.ravel().tolist())
        assert isinstance(projection.delay, Fraction)
    floats = manufacture(net_of(), fault, 3)
    for one, other in zip(made.projections, floats.projections, strict=True):
        np.testing.assert_allclose(one.kind.weights.astype(float), other.kind.weights, rtol=1e-12, atol=1e-15)
        assert float(one.delay) == pytest.approx(other.delay, rel=1e-12)


def test_a_delay_of_an_exact_network_becomes_a_fraction_however_it_was_given():
    for delay in (0, 0.5, Fraction(1, 2)):
        for fault in (faults.DelayVariation(0.1, negative="redraw"), faults.DelayVariation(0.1, True, True)):
            made = manufacture(net_of(delay=delay, exact=True), fault, 3)
            assert isinstance(made.projections[0].delay, Fraction)


def test_normal_numbers_are_those_of_the_synapse_one_by_one():
    """Of a dense weight, a listed one and a neuron: up to the rounding of other logarithms."""
    net = net_of()
    part, draws = net.projections[0], Draws(9, "some fault", 2, 4, {0: 0, 1: 0})
    key = np.uint64(stream_key(9, "some fault", 2, "input", "hidden", 0))
    for number in (0, 5):
        expected = [[normal(key, 4, source * 3 + target, number) for source in range(4)] for target in range(3)]
        np.testing.assert_allclose(draws.normal(part, number), expected, rtol=0, atol=1e-14)
        np.testing.assert_allclose(
            draws.of_chip().normal(part, number)[1, 2], normal(key, 0, 2 * 3 + 1, number), rtol=0, atol=1e-14
        )
    cells = np.uint64(stream_key(9, "some fault", 2, "late"))
    found = draws.normal(net.node("late"))
    np.testing.assert_allclose(found, [normal(cells, 4, k, 0) for k in range(2)], rtol=0, atol=1e-14)
    assert draws.normal_of_all(part) not in draws.normal(part)
    assert draws.normal_of_all(part) != draws.normal_of_all(part, 1)


def test_faults_act_in_their_order():
    net, noise, levels = net_of(), faults.WeightNoise(0.1), faults.WeightQuantization(3)
    both = manufacture(net, [noise, levels], 3)
    by_hand = manufacture(manufacture(net, noise, 3), levels, 3)
    other = manufacture(net, [levels, noise], 3)
    assert both.hash() == by_hand.hash() != other.hash()
    assert len(np.unique(np.abs(both.projections[0].kind.weights))) <= 4
    assert len(np.unique(np.abs(other.projections[0].kind.weights))) > 4


@pytest.mark.parametrize("kind", [faults.WeightNoise, faults.Mismatch, faults.DelayVariation, faults.PCM])
def test_drawn_once_for_each_sample_or_for_each_batch(kind):
    settings = {"WeightNoise": (0.1,), "Mismatch": ("threshold", 0.1), "DelayVariation": (0.1, True), "PCM": ()}
    given, net = settings[kind.__name__], net_of()
    chip, sample, batch = (kind(*given, per=per, batch_size=3) for per in ("chip", "sample", "batch"))
    hashes = [[manufacture(net, fault, 5, k).hash() for k in range(6)] for fault in (chip, sample, batch)]
    assert len(set(hashes[0])) == 1
    assert len(set(hashes[1])) == 6
    assert [hashes[2].index(one) for one in hashes[2]] == [0, 0, 0, 3, 3, 3]


def test_samples_run_on_devices_of_their_own():
    net, x = net_of(), RNG.random((4, 4)).round(2)
    given = [faults.WeightNoise(0.1, per="sample"), faults.Mismatch("threshold", 0.05), faults.PCM(per="batch")]
    run = eventsim.simulate(net, x, faults=given, seed=2, engine="reference")
    for k in range(4):
        made = manufacture(net, given, 2, k)
        one = eventsim.simulate(made, x[k : k + 1], engine="reference")
        assert one.spike_times("late").tobytes() == run.spike_times("late")[k : k + 1].tobytes()


def test_both_engines_run_devices_with_the_same_bits():
    """Weights, thresholds and delays of each sample's own, on one thread and on two."""
    net, x = net_of(), RNG.random((6, 4)).round(2)
    given = [
        faults.PCM(HOUR, per="sample"), faults.Mismatch("threshold", 0.05, per="batch", batch_size=2),
        faults.DelayVariation(0.05, per_synapse=True, per="sample"), faults.WeightQuantization(6),
    ]  # fmt: skip
    expected = eventsim.simulate(net, x, faults=given, seed=2, engine="reference")
    assert (expected.spike_times("late") < math.inf).any()
    for threads in (1, 2):
        run = eventsim.simulate(net, x, faults=given, seed=2, threads=threads)
        assert run.spikes.tobytes() == expected.spikes.tobytes()
    alone = eventsim.simulate(net, x[4:], faults=given, seed=2, sample_ids=[4, 5])
    assert alone.spike_times("late").tobytes() == expected.spike_times("late")[4:].tobytes()


def test_noise_has_the_moments_of_its_formula():
    weights = np.full(N, -2.0)
    assert_moments(weights_after(faults.WeightNoise(0.1), weights), -2.0, 0.2)
    assert_moments(weights_after(faults.WeightNoise(0.1, 0.05), weights), -2.0, 0.25)
    weights[1:] = 0.0
    assert_moments(weights_after(faults.WeightNoise(0.1, 0.05, 0.1), weights)[1:], 0.0, 0.25)
    drawn = weights_after(faults.WeightNoise(absolute=1.0), weights)[1:]
    inside = [math.erf(k / math.sqrt(2)) for k in (1, 2, 3)]
    shares = [(np.abs(drawn) < k).mean() for k in (1, 2, 3)]
    assert all(abs(s - p) < 4 * math.sqrt(p * (1 - p) / N) for s, p in zip(shares, inside, strict=True))


def test_the_share_of_stuck_devices_is_their_probability():
    p, error = 0.2, 4 * math.sqrt(0.2 * 0.8 / N)
    weights = np.tile([1.0, -0.5], N // 2)
    assert abs((weights_after(faults.StuckAt(p), weights) == 0).mean() - p) < error
    assert abs((weights_after(faults.StuckAt(p, "max"), weights)[1::2] == 1).mean() - p) < math.sqrt(2) * error
    assert abs((weights_after(faults.StuckAt(p, "min"), weights)[::2] == -0.5).mean() - p) < math.sqrt(2) * error
    assert abs((weights_after(faults.StuckAt(p, 0.25), weights) == 0.25).mean() - p) < error


def test_a_pair_has_two_devices_that_are_stuck_each_by_itself():
    """Of W = -0.5: G+ at max makes 1 - 0.5, G- at max makes 0 - 1, both make 0."""
    p = 0.2
    weights = np.full(N, -0.5)
    weights[0] = 1.0
    found, counts = np.unique(weights_after(faults.StuckAt(p, "max", devices=2), weights)[1:], return_counts=True)
    assert found.tolist() == [-1.0, -0.5, 0.0, 0.5]
    for share, expected in zip(counts / N, (p * (1 - p), (1 - p) ** 2, p * p, p * (1 - p)), strict=True):
        assert abs(share - expected) < 4 * math.sqrt(expected / N)
    harmless = weights_after(faults.StuckAt(p, 0.0, devices=2), weights)[1:]
    assert abs((harmless == 0).mean() - p) < 4 * math.sqrt(p * (1 - p) / N)


BAD: list[tuple[type[DeviceFault], dict[str, Any], str]] = [
    (faults.WeightQuantization, {"bits": 1}, "bits = 1; must be an integer in 2..52"),
    (faults.WeightQuantization, {"bits": 4.0}, "bits = 4.0; must be an integer"),
    (faults.WeightQuantization, {"bits": 4, "largest": 0.0}, "largest = 0.0; must be > 0"),
    (faults.WeightQuantization, {"bits": 4, "largest": 1.0, "per_channel": True}, "must be one of both"),
    (faults.WeightQuantization, {"bits": 4, "rounding": "half_evn"}, "did you mean 'half_even'"),
    (faults.WeightQuantization, {"bits": 4, "arithmetic": "float16"}, "must be one of float64, float32"),
    (faults.FakeQuantization, {"bits": 53}, "must be an integer in 1..52"),
    (faults.FakeQuantization, {"bits": 4, "low": 1.0}, "must be low < high"),
    (faults.PowerOfTwo, {"bits": 13}, "must be an integer in 2..12"),
    (faults.WeightNoise, {"relative": -0.1}, "relative = -0.1; must be >= 0"),
    (faults.WeightNoise, {"absolute": math.nan}, "absolute = nan; must be >= 0"),
    (faults.WeightNoise, {"per": "chips"}, "did you mean 'chip'"),
    (faults.WeightNoise, {"projections": "input"}, "must be pairs of names"),
    (faults.WeightNoise, {"projections": []}, "must name at least one pair"),
    (faults.StuckAt, {"probability": 1.5}, "probability = 1.5; must be >= 0, <= 1"),
    (faults.StuckAt, {"probability": 0.5, "value": "maximum"}, "did you mean 'max'"),
    (faults.StuckAt, {"probability": 0.5, "value": -1.0, "devices": 2}, "value = -1.0; must be >= 0"),
    (faults.StuckAt, {"probability": 0.5, "devices": 3}, "devices = 3; must be an integer in 1..2"),
    (faults.Mismatch, {"parameter": 3}, "must be the name of a parameter"),
    (faults.Mismatch, {"parameter": "threshold", "sigma": -1.0}, "sigma = -1.0; must be >= 0"),
    (faults.Mismatch, {"parameter": "threshold", "mean": math.inf}, "mean = inf; must be a finite number"),
    (faults.Mismatch, {"parameter": "threshold", "outside": "clip"}, "must be one of error, redraw"),
    (faults.DelayVariation, {"sigma": -1.0}, "sigma = -1.0; must be >= 0"),
    (faults.DelayVariation, {"sigma": 1.0, "negative": "clip"}, "must be one of error, zero, redraw"),
    (faults.PCM, {"t_inf": -1.0}, "t_inf = -1.0; must be >= 0"),
    (faults.PCM, {"device": "hermes3"}, "must be one of pcm, hermes1, hermes2"),
    (faults.PCM, {"path": "pairs"}, "did you mean 'pair'"),
    (faults.PCM, {"compensate": "row"}, "must be one of global, column, or None"),
    (faults.PCM, {"drift": -1.0}, "drift = -1.0; must be >= 0"),
    (faults.PCM, {"batch_size": 0}, "batch_size = 0; must be an integer >= 1"),
    (faults.ReRAM, {"t_inf": 3600.0}, "t_inf = 3600.0; must be 1, 86400 or 172800 seconds"),
    (faults.ReRAM, {"g_max": 0.0}, "g_max = 0.0; must be > 0"),
    (faults.CmoReRAM, {"t_inf": 1e-6}, "must be 0 or >= 0.0001"),
    (faults.CmoReRAM, {"acceptance": 1.0}, "must be 0.2 or 2"),
    (faults.CmoReRAM, {"acceptance": [2]}, "acceptance = [2]; must be 0.2 or 2"),
    (faults.ReRAM, {"t_inf": [1.0]}, "t_inf = [1.0]; must be 1, 86400"),
    (faults.StuckAt, {"probability": 0.5, "value": [0]}, 'must be a number, "max" or "min"'),
]


@pytest.mark.parametrize(("kind", "settings", "message"), BAD, ids=[message for _, _, message in BAD])
def test_settings_out_of_range_are_refused_before_anything_runs(kind, settings, message):
    with pytest.raises(FaultError) as error:
        kind(**settings)
    assert message in str(error.value)
    assert str(error.value).startswith(kind.name)


def test_what_a_fault_finds_nothing_of_is_an_error():
    net, empty = net_of(), eventsim.Network()
    empty.source(1, "input")
    empty.population("linear_psp", 1, "cell", threshold=1.0)
    with pytest.raises(FaultError, match=r"weight_noise: this network has nothing that it acts on; it has no weights"):
        manufacture(empty, faults.WeightNoise(0.1))
    with pytest.raises(FaultError, match=r"it has no projection but pools"):
        manufacture(empty, faults.DelayVariation(0.1))
    with pytest.raises(FaultError, match=r"no population has a parameter 'treshold', did you mean 'threshold'\?"):
        manufacture(net, faults.Mismatch("treshold", 0.1))
    with pytest.raises(FaultError, match=r"mismatch: Source 'input': .* has nothing that it acts on"):
        manufacture(net, faults.Mismatch("threshold", 0.1, populations=["input"]))


def test_named_projections_must_be_ones_it_can_act_on():
    net = eventsim.Network()
    net.source((1, 2, 2), "input")
    net.population("relay", (1, 1, 1), "pool")
    net.population("linear_psp", 1, "cell", threshold=1.0)
    net.connect("input", "pool", eventsim.Pool((2, 2)))
    net.connect("pool", "cell", eventsim.Dense([[1.0]]))
    made = manufacture(net, faults.WeightNoise(0.1))
    assert made.projections[1].kind.weights[0, 0] != 1.0
    with pytest.raises(FaultError, match=r"weight_noise: Projection 'input' -> 'pool'.* has nothing that it acts on"):
        manufacture(net, faults.WeightNoise(0.1, projections=[("input", "pool")]))


def test_only_named_projections_and_populations_are_changed():
    net = net_of()
    one: Any = ("hidden", "late")
    made = manufacture(net, faults.WeightNoise(0.1, projections=one))
    assert np.array_equal(made.projections[0].kind.weights, net.projections[0].kind.weights)
    assert not np.array_equal(made.projections[1].kind.weights, net.projections[1].kind.weights)
    made = manufacture(net, faults.Mismatch("threshold", 0.1, populations="late"))
    assert (made.node("hidden").parameters["threshold"] == 1.0).all()
    assert (made.node("late").parameters["threshold"] != 1.0).all()


def test_every_device_fault_says_its_equation_and_source():
    own = [kind for kind in kinds().values() if issubclass(kind, DeviceFault)]
    assert {type(fault) for fault in STRONG} <= set(own)
    assert all(kind.equation and kind.source for kind in own if kind.__module__.startswith("eventsim"))


@pytest.mark.parametrize("name", ["goltz_hwaware", "pcm_single", "pcm_hermes", "reram_wan2022", "cmo_reram_ibm"])
def test_presets_print_what_they_contain_and_where_it_is_from(name):
    said = str(PRESETS[name])
    assert "source: " in said
    assert all(repr(fault) in said for fault in faults.preset(name))
    assert faults.read(name) == faults.preset(name)


def test_the_chip_aware_preset_in_units_of_the_network():
    """63 levels of each sign up to 2.1 in steps of 1/30; mean 0.13 and sigmas 0.08 and 0.04 for a threshold of 2.6."""
    published: list[Any] = faults.preset("goltz_hwaware")
    levels, fixed, batch, delays = published
    weights = np.append(RNG.uniform(-3, 3, 100), [2.1, 1 / 30])
    made = weights_after(levels, weights)
    np.testing.assert_allclose(made, np.clip(np.rint(weights * 30), -63, 63) / 30, rtol=1e-12)
    assert (fixed.mean, fixed.sigma, batch.sigma, batch.per, delays.sigma) == (0.13, 0.08, 0.04, "batch", 0.01)
    scaled: list[Any] = faults.preset("goltz_hwaware", tau=20.0, threshold=5.2, parameter="threshold")
    assert [scaled[0].largest, scaled[1].mean, scaled[2].sigma, scaled[3].sigma] == [4.2, 0.26, 0.08, 0.2]


def test_published_presets_have_the_faults_of_devices():
    assert faults.preset("stanojevic2023", sigma_alpha=0.005)[0] == faults.Mismatch("alpha", 0.005)
    assert faults.preset("stanojevic2024", weight_bits=4)[0] == faults.FakeQuantization(4)
    assert faults.preset("pcm_hermes", devices=1, t_inf=DAY)[0] == faults.PCM(DAY, "hermes1")


def test_the_design_names_every_file_of_device_faults():
    root = Path(__file__).resolve().parents[1]
    page = (root / "docs" / "design.md").read_text(encoding="utf-8")
    rooms = page.partition("## Rooms")[2].partition("\n## ")[0]
    files = {path.stem for path in (root / "eventsim" / "faults" / "device").glob("*.py")} - {"__init__"}
    assert files | {"slopes"} <= set(re.findall(r"`(\w+)`", rooms))
