"""Hardware-aware training: what the trainer sees of a fault is what the event simulator does; gradients go straight
through."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventsim import faults
from eventsim._jit import jitable
from eventsim.errors import FaultError, FileFormatError, InputError
from eventsim.faults.contract import EmissionFault
from eventsim.models.data.epoch_order import batches
from eventsim.models.train.checkpoint import load_training, save_training
from eventsim.models.train.chip import Chip
from eventsim.models.train.hardware_aware import HardwareAware
from eventsim.models.train.initialise import initialise
from eventsim.models.train.judge import Judge
from eventsim.models.train.loop import fit
from eventsim.models.train.losses import CrossEntropy, MeanSquare
from eventsim.models.train.network import TrainableNetwork, trainable
from eventsim.models.train.parameterisations import parameterisation
from eventsim.models.train.spiking import spiking_network
from eventsim.models.train.straight_through import EMISSION, through_weight
from eventsim.models.train.training import Training, accuracy
from eventsim.models.train.windows import Quantile
from eventsim.randomness import normal, stream_key
from eventsim.simulate import simulate

Array = np.ndarray[Any, Any]
SHAPES = {"12-9-4": (10,), "avg2-conv3x3-pool2-conv4x3-6-4": (1, 8, 8)}
BIASES = 0.2


def network_of(architecture: str, slope: str = "b1", seed: int = 0, length: float = 3.0) -> TrainableNetwork:
    """A network with biases; its windows are `length` times as long as its largest values on `data`."""
    network = trainable(architecture, SHAPES[architecture], parameterisation(slope))
    initialise(network, seed=seed)
    draws = np.random.default_rng(seed)
    for name, values in network.parameters.items():
        if name.endswith("bias"):
            values[...] = draws.normal(0, BIASES, values.shape)
    for name, sent in network.sent(data(network)[0]):
        if name in network.windows:
            network.windows[name] = length * float(np.abs(sent).max())
    return network


def data(network: TrainableNetwork, n: int = 8, seed: int = 1) -> tuple[Array, Array]:
    """Inputs, a fifth of them 0, and labels."""
    draws = np.random.default_rng(seed)
    x = draws.random((n, *network.input_shape)) * (draws.random((n, *network.input_shape)) > 0.2)
    return x, draws.integers(0, network.n_out, n)


SEEN = {
    "jitter": [faults.Jitter(0.1, past="clip")],
    "jitter twice": [faults.Jitter(0.3, "uniform", past="drop"), faults.Jitter(0.1, past="clip")],
    "as published": [faults.Jitter(0.2, past="clip", paper_compat=True, populations="all")],
    "clocks": [faults.Clock(0.13, comparator="strict", past="drop"), faults.Clock(0.2, rounding="floor")],
    "grid": [faults.Clock(0.1, rounding="half_even", origin="t_max", past="drop", populations="all")],
    "time bits": [faults.TimeBits(4, populations="all")],
    "losses": [faults.SpikeLoss(0.2), faults.Dead(0.2, populations="all")],
    "held": [faults.Synchronised(), faults.CompleteSum(), faults.AlwaysOn(0.3)],
    "weights": [faults.WeightQuantization(4, per_channel=True), faults.WeightNoise(of_largest=0.02)],
    "held weights": [faults.CompleteSum(), faults.WeightQuantization(5), faults.WeightNoise(of_largest=0.02)],
    "fixed range": [faults.FakeQuantization(6)],
    "devices": [faults.PCM(t_inf=3600.0), faults.StuckAt(0.02)],
    "all together": [faults.WeightQuantization(5), faults.Jitter(0.05, past="clip"), faults.TimeBits(5)],
}
# Weights that are off move the times of alpha neurons by a share of their window: without `CompleteSum` premature ones.
ALPHA = ["jitter", "grid", "time bits", "losses", "held weights", "fixed range"]


@pytest.mark.parametrize("architecture", SHAPES)
@pytest.mark.parametrize(
    ("slope", "what"),
    [(slope, what) for slope in ("b1", "b0.5") for what in SEEN] + [("alpha1", what) for what in ALPHA],
)
def test_spike_times_and_outputs_are_those_of_the_event_simulator(architecture: str, slope: str, what: str) -> None:
    """Of the same faults, seed and sample ids, in windows that are long enough: to rounding."""
    network = network_of(architecture, slope, length=8.0)
    x, _ = data(network)
    hardware, ids = HardwareAware(SEEN[what], seed=5), np.arange(30, 30 + len(x))
    chip = Chip(network, hardware)
    net = spiking_network(network)
    run = simulate(net, x, faults=hardware.faults, seed=5, sample_ids=ids, engine="reference")
    ideal, moved = dict(network.sent(x)), 0
    for name, sent in network.sent(x, chip.draw(5, ids)):
        if name not in network.windows:
            continue
        window = chip.windows()[name]
        assert net.node(name).window == window
        times = run.spike_times(name).reshape(sent.shape)
        if not {type(one) for one in hardware.faults} & {faults.AlwaysOn}:
            assert not (times < window[1]).any()
        relative = np.where(times < window[2], times - window[2], 0.0)
        assert np.abs(relative - sent).max() <= 1e-13 * window[2], name
        assert ((relative < 0) == (sent < 0)).all()
        moved += int(np.count_nonzero(np.abs(ideal[name] - sent) > 1e-9))
    assert moved
    assert np.abs(run.readout - sent).max() < 1e-12 * max(1.0, float(np.abs(sent).max()))


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
@pytest.mark.parametrize("relative", [False, True])
def test_thresholds_that_are_off_are_those_of_the_event_simulator(slope: str, relative: bool) -> None:
    network = network_of("12-9-4", slope, length=8.0)
    x, labels = data(network)
    hardware = HardwareAware([faults.Mismatch("threshold", 0.02, relative=relative), faults.WeightNoise(0.05)], seed=3)
    run = simulate(spiking_network(network), x, faults=hardware.faults, seed=3, engine="reference")
    drawn = Chip(network, hardware).draw(3, np.arange(len(x)))
    assert np.abs(run.readout - network.outputs(x, drawn)).max() < 1e-11
    assert np.abs(run.readout - network.outputs(x)).max() > 1e-3
    grouped = network_of("avg2-conv3x3-pool2-conv4x3-6-4")
    named = HardwareAware(faults.Mismatch("threshold", 0.1, populations=["conv1", "conv2"]))
    x, labels = data(grouped)
    drawn = Chip(grouped, named).draw(0, np.arange(len(x)))
    found = grouped.gradients(x, CrossEntropy(), labels, 0.0, drawn).gradients
    assert {name: values.shape for name, values in found.items()} == {
        name: values.shape for name, values in grouped.parameters.items()
    }


def test_windows_that_are_too_short_hold_values_where_sums_are_complete() -> None:
    """As the event simulator does it, and held values have no gradient."""
    network = network_of("12-9-4", length=0.5)
    x, labels = data(network)
    chip = Chip(network, HardwareAware([faults.CompleteSum()]))
    run = simulate(spiking_network(network), x, faults=[faults.CompleteSum()], engine="reference")
    drawn = chip.draw(0, np.arange(len(x)))
    assert np.abs(run.readout - network.outputs(x, drawn)).max() < 1e-12
    assert np.abs(network.outputs(x) - network.outputs(x, drawn)).max() > 0.1
    cut = network.copy()
    cut.saturates = True
    held = network.gradients(x, CrossEntropy(), labels, 0.0, drawn).gradients
    for name, values in cut.gradients(x, CrossEntropy(), labels).gradients.items():
        assert np.array_equal(held[name], values), name


def test_windows_of_a_quantile_become_longer_again_where_larger_values_are_cut() -> None:
    network = network_of("12-9-4")
    x, _ = data(network)
    network.saturates = True
    wanted: dict[float, dict[str, float]] = {}
    for q in (1.0, 0.3, 1.0):
        Quantile(q).after_epoch(network, x)
        wanted.setdefault(q, dict(network.windows))
        assert network.windows == wanted[q]
    assert all(wanted[0.3][name] < length for name, length in wanted[1.0].items())


def test_a_batch_norm_and_faults_of_spikes() -> None:
    """On the chip it is folded, with its running statistics."""
    network = trainable("conv3x3-bn-relu-5-4", (1, 6, 6), parameterisation("b1"))
    initialise(network, seed=2)
    x, labels = data(network, n=20)
    hardware = HardwareAware([faults.Jitter(0.1), faults.TimeBits(6)], seed=3)
    training = Training(network, batch=5, hardware=hardware)
    for _ in range(3):
        training.epoch(x, labels)
    network.windows = dict.fromkeys(network.windows, 20.0)
    run = simulate(spiking_network(network), x[:6], faults=hardware.faults, seed=3, engine="reference")
    drawn = Chip(network, hardware).draw(3, np.arange(6))
    assert np.abs(run.readout - network.outputs(x[:6], drawn)).max() < 1e-12


def test_b1_and_its_relu_twin_are_alike_on_a_chip_bit_for_bit() -> None:
    x, labels = data(network_of("12-9-4"))
    given = HardwareAware([faults.WeightNoise(0.1), faults.Jitter(0.1), faults.Clock(0.05, populations="all")])
    found = []
    for slope in ("b1", "relu"):
        network = network_of("12-9-4", slope)
        drawn = Chip(network, given).draw(0, np.arange(len(x)))
        found.append(network.gradients(x, CrossEntropy(), labels, 0.01, drawn))
    times, values = found
    assert np.array_equal(times.outputs, values.outputs)
    for name, gradients in times.gradients.items():
        assert np.array_equal(gradients, values.gradients[name]), name


NONE = [
    faults.Jitter(0.0, paper_compat=True, populations="all"), faults.Clock(0.0), faults.SpikeLoss(0.0),
    faults.Dead(0.0), faults.AlwaysOn(0.0), faults.Synchronised(), faults.CompleteSum(), faults.WeightNoise(),
    faults.StuckAt(0.0), faults.PCM(programming=0.0, drift=0.0, read=0.0), faults.Mismatch("threshold"),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_zero_strength_is_the_ideal_pass_bit_for_bit(slope: str, dtype: Any) -> None:
    ideal = network_of("12-9-4", slope)
    network = trainable("12-9-4", (10,), ideal.code, dtype)
    network.parameters = {name: values.astype(dtype) for name, values in ideal.parameters.items()}
    network.windows = ideal.windows
    x, labels = data(network)
    drawn = Chip(network, HardwareAware(NONE)).draw(0, np.arange(len(x)))
    one, other = (network.gradients(x, CrossEntropy(), labels, 0.1, given) for given in (None, drawn))
    assert np.array_equal(one.outputs, other.outputs)
    for name, values in one.gradients.items():
        assert np.array_equal(values, other.gradients[name]), name
        assert other.gradients[name].dtype == dtype


def test_zero_strength_leaves_values_beyond_a_window_as_they_are() -> None:
    network = network_of("12-9-4", length=0.5)
    x, _ = data(network)
    drawn = Chip(network, HardwareAware([faults.Jitter(0.0), faults.Clock(0.0)])).draw(0, np.arange(len(x)))
    assert np.array_equal(network.outputs(x, drawn), network.outputs(x))


# -- gradients ---------------------------------------------------------------------------------------------------------


def test_gradients_go_straight_through_as_written_by_hand() -> None:
    """Two layers in values, loop by loop: jitter, then a grid of times, rounded weights with a largest one."""
    network = network_of("12-9-4", length=1.2)
    x, labels = data(network)
    sigma, bits, largest = 0.3, 4, 0.5
    given = [faults.WeightQuantization(3, largest=largest), faults.Jitter(sigma), faults.TimeBits(bits)]
    seed, ids = 11, np.arange(len(x))
    chip = Chip(network, HardwareAware(given, seed=seed))
    found = network.gradients(x, MeanSquare(), np.eye(4)[labels], 0.0, chip.draw(seed, ids))

    step = largest / 3
    p = network.parameters
    w = {name: np.clip(np.round(p[f"{name}.weight"] / step), -3, 3) * step for name in ("dense1", "dense2", "output")}
    values, tapes = x, []
    for name in ("dense1", "dense2"):
        _, t_min, t_max = chip.windows()[name]
        fired = values @ w[name].T + p[f"{name}.bias"]
        passes = fired > 0
        key = np.uint64(stream_key(seed, "jitter", 0, name))
        sent = np.zeros_like(fired)
        for k, i in np.argwhere(passes).tolist():
            t = t_max - fired[k, i] + sigma * normal(key, k, i, 0)
            passes[k, i] = t_min < t < t_max
            t = max(t, t_min)
            level = math.floor((t - t_min) / (t_max - t_min) * (2**bits - 1) + 0.5)
            sent[k, i] = (t_max - t_min) * (1 - level / (2**bits - 1)) if t < t_max else 0.0
        tapes.append((name, values, passes))
        values = sent
    outputs = values @ w["output"].T + p["output.bias"]
    assert np.abs(outputs - found.outputs).max() < 1e-12
    grad = 2 * (outputs - np.eye(4)[labels]) / outputs.size
    wanted = {"output.weight": grad.T @ values, "output.bias": grad.sum(axis=0)}
    grad = grad @ w["output"]
    for name, before, passes in reversed(tapes):
        grad = grad * passes
        wanted |= {f"{name}.weight": grad.T @ before, f"{name}.bias": grad.sum(axis=0)}
        grad = grad @ w[name]
    for name in ("dense1", "dense2", "output"):
        wanted[f"{name}.weight"] *= np.abs(p[f"{name}.weight"]) <= largest
    assert (np.abs(p["dense1.weight"]) > largest).any()
    for name, values in wanted.items():
        assert np.abs(found.gradients[name] - values).max() < 1e-13, name


@pytest.mark.parametrize(
    ("fault", "passes"),
    [
        (faults.Jitter(0.1), [1, 0, 0, 0, 0, 1]),
        (faults.Clock(0.5), [1, 1, 1, 0, 0, 1]),
        (faults.TimeBits(3), [1, 1, 1, 0, 0, 1]),
        (faults.SpikeLoss(0.5), [0, 0, 0, 0, 0, 1]),
        (faults.AlwaysOn(0.5), [0, 0, 0, 0, 0, 1]),
    ],
    ids=str,
)
def test_where_gradients_pass(fault: Any, passes: list[int]) -> None:
    """A spike that is moved in its window, held at its beginning, lost; early; a silent neuron; one left alone."""
    before = np.array([1.5, 1.2, 1.9, 0.8, math.inf, 1.5])
    after = np.array([1.6, 1.0, math.inf, 1.0, 1.7, 1.5])
    rule = EMISSION[type(fault)]
    assert rule(before, after, (1.0, 2.0)).astype(int).tolist() == passes


def test_weights_out_of_range_and_stuck_ones_are_not_trained() -> None:
    network = network_of("12-9-4")
    network.parameters["dense1.weight"][0, :3] = [2.0, -2.0, 0.5]
    x, labels = data(network)
    drawn = Chip(network, HardwareAware([faults.FakeQuantization(4)])).draw(0, np.arange(len(x)))
    _, through = drawn.parameters(network.layers[0], network.of(network.layers[0]))
    assert through["weight"][0, :3].tolist() == [False, False, True]
    stuck = Chip(network, HardwareAware([faults.StuckAt(0.3)], seed=2)).draw(2, np.arange(len(x)))
    made, through = stuck.parameters(network.layers[0], network.of(network.layers[0]))
    assert ((made["weight"] == 0) == ~through["weight"]).all()
    found = network.gradients(x, CrossEntropy(), labels, 0.0, stuck).gradients["dense1.weight"]
    assert (found[~through["weight"]] == 0).all()
    assert (found[through["weight"]] != 0).any()


@jitable
def _hurry(p: Any, window: Any, key: Any, sample: Any, neuron: Any, number: Any, t: float) -> float:
    """A fifth of the way to t_min."""
    return t + p[0] * (window[0] - t)


@dataclass(frozen=True, repr=False)
class Hurry(EmissionFault):
    """A fault of somebody else."""

    share: float
    name = "hurry in a test of training"
    causal = False
    perturb = staticmethod(_hurry)

    def numbers(self) -> tuple[float, ...]:
        """(share,)."""
        return (self.share,)


def test_a_fault_of_ones_own_is_seen() -> None:
    network = network_of("12-9-4")
    x, labels = data(network)
    run = simulate(spiking_network(network), x, faults=[Hurry(0.2)], engine="reference")
    drawn = Chip(network, HardwareAware([Hurry(0.2)])).draw(0, np.arange(len(x)))
    assert np.abs(run.readout - network.outputs(x, drawn)).max() < 1e-12
    assert all((g != 0).any() for g in network.gradients(x, CrossEntropy(), labels, 0.0, drawn).gradients.values())


# -- training ----------------------------------------------------------------------------------------------------------


def test_what_a_step_saw_is_the_run_of_its_seed() -> None:
    """Samples are numbered by their place in the training data; draws are new each step, each epoch, or never."""
    seeds = {}
    for redraw in ("step", "epoch", "chip"):
        hardware = HardwareAware([faults.Jitter(0.1)], seed=9, redraw=redraw)
        seeds[redraw] = [hardware.run_seed(epoch, step) for epoch, step in ((0, 0), (0, 1), (1, 2), (1, 3))]
    assert len(set(seeds["step"])) == 4
    assert seeds["epoch"][0] == seeds["epoch"][1] != seeds["epoch"][2] == seeds["epoch"][3]
    assert seeds["chip"] == [9] * 4
    network = network_of("12-9-4")
    x, labels = data(network)
    hardware = HardwareAware([faults.Jitter(0.3)], seed=9)
    before, places = network.copy(), np.array([6, 2, 5])
    training = Training(network, hardware=hardware)
    _, outputs = training.step(x[places], labels[places], places)
    run = simulate(
        spiking_network(before), x[places], faults=hardware.faults, seed=hardware.run_seed(0, 0), sample_ids=places,
        engine="reference",
    )  # fmt: skip
    assert np.abs(run.readout - outputs).max() < 1e-12


def test_an_epoch_numbers_samples_by_their_place_and_steps_by_their_turn() -> None:
    x, labels = data(network_of("12-9-4"), n=11)
    hardware = HardwareAware([faults.Jitter(0.3), faults.SpikeLoss(0.1)], seed=9)
    whole, by_hand = (Training(network_of("12-9-4"), batch=4, seed=3, hardware=hardware) for _ in range(2))
    whole.epoch(x, labels)
    for step, chosen in enumerate(batches(len(x), 4, 3, 0)):
        net = spiking_network(by_hand.network)
        _, outputs = by_hand.step(x[chosen], labels[chosen], chosen)
        seed = hardware.run_seed(0, step)
        run = simulate(net, x[chosen], faults=hardware.faults, seed=seed, sample_ids=chosen, engine="reference")
        assert np.abs(run.readout - outputs).max() < 1e-12
    for name, values in whole.network.parameters.items():
        assert np.array_equal(values, by_hand.network.parameters[name]), name


@pytest.mark.parametrize("redraw", ["step", "epoch", "chip"])
def test_a_training_with_faults_is_resumed_bit_for_bit(tmp_path: Path, redraw: str) -> None:
    x, labels = data(network_of("12-9-4"), n=40)
    given = [faults.WeightNoise(0.1), faults.WeightQuantization(4), faults.Jitter(0.1), faults.SpikeLoss(0.05)]
    hardware = HardwareAware(given, seed=4, redraw=redraw)

    def fresh() -> Training:
        return Training(network_of("12-9-4"), batch=7, seed=2, hardware=hardware)

    whole, first, second = fresh(), fresh(), fresh()
    fit(whole, x, labels, 4)
    fit(first, x, labels, 2, checkpoint=tmp_path / "half.npz")
    load_training(second, tmp_path / "half.npz")
    fit(second, x, labels, 4)
    for name, values in whole.network.parameters.items():
        assert np.array_equal(values, second.network.parameters[name]), name
        assert not np.array_equal(values, first.network.parameters[name]), name
    assert whole.network.windows == second.network.windows
    other = Training(network_of("12-9-4"), batch=7, seed=2, hardware=HardwareAware(given, seed=5, redraw=redraw))
    save_training(whole, tmp_path / "whole.npz")
    with pytest.raises(FileFormatError, match="hardware is"):
        load_training(other, tmp_path / "whole.npz")


def test_validation_and_judge_show_the_chip() -> None:
    network = network_of("12-9-4")
    x, labels = data(network, n=30)
    hardware = HardwareAware([faults.WeightNoise(0.2), faults.TimeBits(3)], seed=6)
    training = Training(network, hardware=hardware, judge=Judge(30, engine="reference"))
    epoch = training.epoch(x, labels, (x, labels))
    run = simulate(spiking_network(network), x, faults=hardware.faults, seed=6, engine="reference")
    assert epoch.validation == np.mean(run.readout.argmax(axis=1) == labels)
    assert epoch.validation == accuracy(network, x, labels, batch=7, chip=Chip(network, hardware))
    assert epoch.verdict is not None
    assert epoch.verdict.agreement == 1.0


def test_the_judge_of_a_training_runs_the_chip() -> None:
    """All neurons are dead on it, so that its run has no spike of them."""
    network = network_of("12-9-4")
    x, labels = data(network, n=10)
    for given, silent in ((HardwareAware("dead:fraction=1"), True), (None, False)):
        training = Training(network.copy(), hardware=given, judge=Judge(10, engine="reference"))
        for validation in (None, (x, labels)):
            verdict = training.epoch(x, labels, validation).verdict
            assert verdict is not None
            assert (verdict.spikes_per_neuron == 0) is silent


def test_weights_at_the_end_of_a_range_are_trained() -> None:
    """The range of a fake quantization is moved so that it has 0: its lowest and highest level belong to it."""
    fake = faults.FakeQuantization(2, -1.0, 1.0)
    step = 2.0 / 3
    low, high = -fake.zero_point * step, (3 - fake.zero_point) * step
    for fault, ends in ((fake, (low, high)), (faults.WeightQuantization(3, largest=0.5), (-0.5, 0.5))):
        given = np.array([ends[0] - 1e-9, ends[0], 0.0, ends[1], ends[1] + 1e-9])
        found = through_weight(fault, given, given)
        assert found is not None
        assert found.astype(int).tolist() == [0, 1, 1, 1, 0]


def test_where_one_of_two_faults_lets_no_gradient_pass_none_passes() -> None:
    """Whatever the later one lets pass: spikes that were set and then jittered, weights that are stuck and rounded."""
    network = network_of("12-9-4")
    x, labels = data(network)
    for given, stopped in (
        ([faults.AlwaysOn(1.0), faults.Jitter(0.01)], ("dense1.weight", "dense1.bias")),
        (
            [faults.StuckAt(1.0, value=0.2), faults.WeightQuantization(8, largest=9.0)],
            ("dense1.weight", "dense2.weight", "output.weight"),
        ),
    ):
        drawn = Chip(network, HardwareAware(given)).draw(0, np.arange(len(x)))
        found = network.gradients(x, CrossEntropy(), labels, 0.0, drawn).gradients
        assert not any(found[name].any() for name in stopped)
        assert found["output.bias"].any()


# -- what is refused ---------------------------------------------------------------------------------------------------

REFUSED = {
    "read noise": (faults.ReadNoise(0.1), "acts on each delivery"),
    "synaptic failure": (faults.SynapticFailure(0.1), "acts on each delivery"),
    "spurious": (faults.Spurious(0.1), "adds sources of spikes"),
    "leak": (faults.Leak(tau=10.0), "changes how potentials live in time"),
    "saturation": (faults.Saturation(0.0, 5.0), "changes how potentials live in time"),
    "delays": (faults.DelayVariation(0.1), "changes what the trainer does not have"),
    "slopes": (faults.Mismatch("slope", 0.1), "changes 'slope'"),
    "per sample": (faults.WeightNoise(0.1, per="sample"), 'give per="chip" with redraw="step"'),
}


@pytest.mark.parametrize("what", REFUSED)
def test_faults_that_no_closed_form_sees_are_refused(what: str) -> None:
    fault, message = REFUSED[what]
    with pytest.raises(FaultError, match=message) as refused:
        HardwareAware([faults.Jitter(0.1), fault])
    assert "must be emission faults but Spurious" in str(refused.value)


def test_settings_and_networks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="redraw = 'day'; must be"):
        HardwareAware([], redraw="day")
    with pytest.raises(InputError, match="seed = -1"):
        HardwareAware([], seed=-1)
    network = network_of("12-9-4")
    with pytest.raises(FaultError, match="past='clip' or past='drop'"):
        Chip(network_of("12-9-4", "alpha1"), HardwareAware([faults.Jitter(0.1)]))
    with pytest.raises(FaultError, match="past='clip' or past='drop'"):
        Chip(network_of("12-9-4", "alpha1"), HardwareAware([faults.Clock(0.1)]))
    with pytest.raises(Exception, match="dense9"):
        Chip(network, HardwareAware([faults.Jitter(0.1, populations=["dense9"])]))
    with pytest.raises(FaultError, match="no projection leads from"):
        Chip(network, HardwareAware([faults.WeightNoise(0.1, projections=[("dense2", "dense1")])]))
    normed = trainable("conv3x3-bn-relu-4", (1, 6, 6), parameterisation("b1"))
    Chip(normed, HardwareAware([faults.Jitter(0.1)]))
    with pytest.raises(FaultError, match="layer 'conv1' has a batch norm"):
        Chip(normed, HardwareAware([faults.WeightNoise(0.1)]))
    pooled = network_of("avg2-conv3x3-pool2-conv4x3-6-4")
    with pytest.raises(FaultError, match="layer 'pool1' is an average pool"):
        Chip(pooled, HardwareAware([faults.Mismatch("threshold", 0.1)]))


def test_a_fault_of_ones_own_that_is_late_is_refused_where_slopes_are_alpha() -> None:
    network = network_of("12-9-4", "alpha1")
    x, _ = data(network)
    drawn = Chip(network, HardwareAware([Hurry(-5.0)])).draw(0, np.arange(len(x)))
    with pytest.raises(FaultError, match="count a late input once more"):
        network.outputs(x, drawn)
