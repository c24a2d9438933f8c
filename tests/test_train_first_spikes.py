"""Networks whose outputs are neurons: losses of first spike times, their gradients, what a silent neuron gets, and the
judge, by the first spike that there is."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import spike_time_layers as oracle

import eventsim
from eventsim import models
from eventsim.errors import EventsimError, InputError, MappingError, NetworkError
from eventsim.models import train
from eventsim.models.data.yin_yang_sign import yin_yang
from eventsim.models.relu.relu_network import Conv, ReluNetwork
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.decisions import decided
from eventsim.models.train.losses import shall_fire
from eventsim.run.decisions import UNDECIDED, decisions_of

Array = np.ndarray[Any, Any]
LENGTH = Fraction(3)


def drawn(slope: str, seed: int = 4) -> train.TrainableNetwork:
    """A network of which some outputs are silent in some samples."""
    network = train.trainable("5-relu-3-relu", (4,), slope)
    train.initialise(network, seed)
    draws = np.random.default_rng(seed)
    for name, values in network.parameters.items():
        up = 0.2 if name.endswith("weight") and slope == "alpha1" else 0.0
        values[...] = values + draws.normal(size=values.shape) / 4 + up
    return network


class Linear:
    """A loss that is linear in the times, so that all derivatives are rational."""

    def __init__(self, factors: Array) -> None:
        self.factors = factors

    def __call__(self, outputs: Array, targets: Array) -> tuple[Any, Array]:
        """Return the weighted sum of times, and the weights."""
        return (outputs * self.factors).sum(), self.factors + 0 * outputs


@pytest.mark.parametrize("slope", ["b1", "b1/2", "alpha1"])
def test_gradients_are_exact_differences_in_fractions(slope: str) -> None:
    """Of B1, B and alpha neurons, the cost of silence included: both sides of each parameter, in Fractions.

    All is piecewise rational: linear in each weight for B, and where the difference of alpha neurons is not, its
    extrapolation to a step of 0 is held to 1e-9.
    """
    code: Any = AlphaSlope(Fraction(1)) if slope == "alpha1" else ConstantSlope(Fraction(slope[1:]))
    network = train.trainable("2-relu-3-relu", (2,), code)
    draws = np.random.default_rng(6)
    network.dtype = np.dtype(object)
    for name, values in network.parameters.items():
        whole: Any = draws.integers(1 if slope == "alpha1" else -600, 997, values.shape)
        if name == "dense2.bias":
            whole = np.array([-1500, 300, -900])  # neuron 0 is silent
        network.parameters[name] = np.array([Fraction(int(n), 997) for n in whole.ravel()], object).reshape(
            values.shape
        )
    x = np.array([[Fraction(3, 7), Fraction(5, 7)], [Fraction(1, 7), Fraction(6, 7)]], object)
    factors = np.array([[Fraction(2), Fraction(-3), Fraction(5)]] * 2, object)
    labels, loss = np.array([0, 1]), Linear(factors)
    silent: Any = Fraction(7, 2)

    def value() -> Any:
        uncut = network.copy()
        times = uncut.outputs(x)
        late = lateness(uncut, x)
        return (times * factors).sum() + silent * (shall_fire(labels, times.shape) * late).sum() / len(x)

    times = network.outputs(x)
    assert (times[:, 0] == 0).all()
    assert (times < 0).any()
    found = network.gradients(x, loss, labels, silent=silent).gradients
    step = Fraction(1, 10**9)
    for name, values in network.parameters.items():
        for place in np.ndindex(values.shape):
            sides = []
            for sign in (1, -1):
                values[place] += sign * step
                sides.append(value())
                values[place] -= sign * step
            expected = (sides[0] - sides[1]) / (2 * step)
            tolerance = 0 if slope != "alpha1" else 1e-9
            assert abs(found[name][place] - expected) <= tolerance, (name, place)


def lateness(network: train.TrainableNetwork, x: Array) -> Any:
    """By how much each output would be behind t_max, by the papers' equations in absolute time."""
    t_start, t_min = Fraction(0), Fraction(1)
    code: Any = network.code
    found = []
    for row in x:
        times, start, begin = [t_min - v for v in row], t_start, t_min
        for layer in network.layers:
            p, end = network.of(layer), begin + LENGTH
            far = end if layer is not network.layers[-1] else begin + 10**9  # so late that nothing is cut
            arguments = (times, p["weight"].tolist(), p["bias"].tolist())
            if isinstance(code, AlphaSlope):
                # Its threshold follows t_max, so that D is that of the longer window.
                rows = [1 + sum(weights) for weights in p["weight"].tolist()]
                shifted = [d + s * (far - end) for d, s in zip(p["bias"].tolist(), rows, strict=True)]
                times = oracle.alpha_times(arguments[0], arguments[1], shifted, start, begin, far)
            else:
                steep = code.slope
                shifted = [d + steep * (far - end) for d in p["bias"].tolist()]
                times = oracle.b1_times(arguments[0], arguments[1], shifted, begin, far, steep)
            start, begin = begin, end
        found.append([max(t - begin, 0) for t in times])
    return np.array(found, object)


def test_losses_by_hand() -> None:
    """The published formulas at three times, and their gradients against differences."""
    times, labels = np.array([[-1.0, -0.25, 0.0], [-0.5, -2.0, -1.5]]), np.array([1, 2])
    own = times[[0, 1], labels]
    entropy = np.mean([np.log(np.exp(-row / 0.5).sum()) + t / 0.5 for row, t in zip(times, own, strict=True)])
    early = np.mean(0.3 * np.exp(own / 2.0))
    assert train.EarliestWins(0.5, 0.3, 2.0)(times, labels)[0] == pytest.approx(entropy + early, rel=1e-14)
    wanted = np.array([[-0.5, -2.0, -0.5], [-0.5, -0.5, -2.0]])
    assert train.TargetTimes(-2.0, -0.5)(times, labels)[0] == pytest.approx(np.mean((times - wanted) ** 2), rel=1e-14)
    for loss in (train.EarliestWins(0.5, 0.3, 2.0), train.TargetTimes(-2.0, -0.5)):
        _, gradient = loss(times, labels)
        for place in np.ndindex(times.shape):
            sides = []
            for step in (1e-6, -1e-6):
                moved = times.copy()
                moved[place] += step
                sides.append(loss(moved, labels)[0])
            assert gradient[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("slope", ["b1", "alpha1"])
def test_a_silent_neuron_gets_what_its_silence_costs_and_nothing_else(slope: str) -> None:
    """Without a cost its parameters stay; with one they move, in the samples alone that are its own."""
    network = drawn(slope)
    network.parameters["dense2.bias"][0] = -50.0
    x = np.random.default_rng(1).random((6, 4))
    assert (network.outputs(x)[:, 0] == 0).all()
    loss, own, other = train.EarliestWins(), np.zeros(6, int), np.ones(6, int)
    for labels, silent, moves in ((own, 0.0, False), (own, 0.5, True), (other, 0.5, False)):
        found = network.gradients(x, loss, labels, silent=silent).gradients
        assert (found["dense2.bias"][0] != 0) == moves
        assert (found["dense2.weight"][0] != 0).any() == moves


def test_silence_that_nothing_leads_out_of_is_told() -> None:
    """After an epoch, by the neurons; not where a cost of silence, or a spike, has reached all of them."""
    x, labels = np.random.default_rng(1).random((8, 4)), np.arange(8) % 3
    for silent in (0.0, 0.5):
        network = drawn("b1")
        network.parameters["dense2.bias"][...] = [-50.0, 4.0, 4.0]
        training = train.Training(network, loss=train.EarliestWins(), silent=silent, batch=4)
        if silent:
            train.fit(training, x, labels, 1)  # warnings are errors here
        else:
            with pytest.warns(UserWarning, match=r"output neurons 0 have fired for no sample.*give silent="):
                train.fit(training, x, labels, 1)
            train.fit(training, x, labels % 2 + 1, 2)  # of no sample is neuron 0 the right one


def test_the_first_that_fires_decides_and_ties_and_silence_are_those_of_runs() -> None:
    """The lowest of equal ones; nothing where none fires. The event simulator says the same."""
    network = train.trainable("3-relu", (2,))
    network.parameters["dense1.weight"][...] = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    network.windows["dense1"] = 4.0
    x = np.array([[0.25, 0.5], [0.5, 0.25], [0.0, 0.0], [0.5, 0.5]])
    times = network.outputs(x)
    assert times.tolist() == [[-0.25, -0.5, -0.5], [-0.5, -0.25, -0.25], [0, 0, 0], [-0.5, -0.5, -0.5]]
    assert decided(network, times).tolist() == [1, 0, UNDECIDED, 0]
    net = train.spiking_network(network)
    run = eventsim.simulate(net, x, engine="reference", record="first_spikes", error_bounds=True)
    decisions: Any = decisions_of(run, "dense1")[0]
    assert decisions.tolist() == [1, 0, UNDECIDED, 0]
    assert run.spike_times("dense1").tolist() == [[4.75, 4.5, 4.5], [4.5, 4.75, 4.75], [np.inf] * 3, [4.5] * 3]
    assert run.readout.tolist() == (-times).tolist()  # of the read-out behind them, as behind a ReLU of `to_ttfs`
    assert run.predictions[[0, 1, 3]].tolist() == [1, 0, 0]
    assert train.accuracy(network, x, np.array([1, 0, 0, 2])) == 0.5
    assert train.Judge(engine="reference")(network, x).agreement == 1.0
    assert models.verify(net, train.relu_network(network), x, run=run).ok


def test_b1_trains_to_the_bits_of_its_twin_and_learns_the_yin_yang_sign() -> None:
    """The field's standard set, few points: well above the 64 % of a linear classifier; both windows do the same."""
    some, trained = yin_yang(600, 42), []
    x, labels = some.values(), some.labels
    for slope in ("b1", "relu"):
        network = train.trainable("40-relu-3-relu", (4,), slope)
        train.initialise(network, 1)
        training = train.Training(network, train.Adam(0.03), loss=train.EarliestWins(0.2), silent=1.0, batch=60)
        done = train.fit(training, x, labels, 25, validation=(x[:100], labels[:100]))
        trained.append(network)
    assert done[-1].accuracy > 0.85
    ours, theirs = (one.parameters for one in trained)
    assert all((ours[name] == theirs[name]).all() for name in ours)
    for calibration in (x, None):
        net = train.spiking_network(trained[0], calibration)
        run = eventsim.simulate(net, x[:12], engine="reference", record="first_spikes")
        decisions: Any = decisions_of(run, "dense2")[0]
        assert (decisions == decided(trained[0], trained[0].outputs(x[:12]))).all()


def test_a_relu_network_that_ends_with_a_relu_is_fine_tuned_as_one_whose_outputs_fire() -> None:
    """`trainable_from` of `relu_network` is the network again; alpha neurons that must be scaled are refused.

    A convolution that ends with one has its values read out at each position.
    """
    network, x = drawn("b1"), np.random.default_rng(1).random((6, 4))
    for slope in ("b1", "relu"):
        again = train.trainable_from(train.relu_network(network), slope)
        assert again.fires
        assert (again.outputs(x) == network.outputs(x)).all()
    assert np.allclose(train.trainable_from(train.relu_network(network), "alpha1").outputs(x), network.outputs(x))
    network.parameters["dense2.weight"] += 2.0
    with pytest.raises(MappingError, match="layer 'output' is the last, and no dense layer or convolution"):
        train.trainable_from(train.relu_network(network), "alpha1")
    relu = ReluNetwork([Conv("c", np.array([1.0, -1.0]).reshape(2, 1, 1, 1), np.zeros(2), True)], (1, 2, 2))
    values = np.arange(4.0).reshape(1, 1, 2, 2) / 4
    assert train.trainable_from(relu).outputs(values)[0].tolist() == [values[0, 0].tolist(), [[0, 0], [0, 0]]]


def test_a_chip_moves_the_first_spikes_and_judge_and_trainer_agree() -> None:
    """Jitter of the outputs' spikes: trained with, and simulated with the same draws."""
    some = yin_yang(60, 1)
    network = drawn("b1")
    hardware = train.HardwareAware("jitter:sigma=0.3")
    training = train.Training(
        network, loss=train.EarliestWins(0.2), silent=1.0, hardware=hardware, judge=train.Judge(8, engine="reference")
    )
    [epoch] = train.fit(training, some.values(), some.labels, 1)
    assert epoch.verdict is not None
    assert epoch.verdict.agreement == 1.0


@pytest.mark.parametrize(
    ("architecture", "settings", "message"),
    [
        ("3-relu", {}, r"loss CrossEntropy is of potentials, and the outputs are spike times.*EarliestWins"),
        ("3", {"loss": train.EarliestWins()}, r"EarliestWins is of spike times, .* are potentials.*'-relu'"),
        ("3", {"silent": 1.0}, r"silent = 1\.0 for outputs that are potentials"),
        ("3-relu", {"loss": train.TargetTimes(-1.0), "silent": -1.0}, "silent = -1"),
    ],
)
def test_losses_of_other_outputs_are_refused(architecture: str, settings: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train.Training(train.trainable(architecture, (2,)), **settings)


def test_what_cannot_be_is_refused() -> None:
    """Times and costs out of range, labels for a mean square of times, a convolution that decides."""
    for made in (lambda: train.TargetTimes(1.0), lambda: train.EarliestWins(early_tau=0)):
        with pytest.raises(EventsimError, match="must be"):
            made()
    with pytest.raises(InputError, match="early = -1"):
        train.EarliestWins(early=-1)
    training = train.Training(train.trainable("3-relu", (2,)), loss=train.MeanSquare())
    with pytest.raises(InputError, match="labels for the mean square of spike times"):
        training.epoch(np.zeros((2, 2)), np.array([0, 1]))
    for architecture in ("conv3x3-relu", "3-relu-relu", "3-relu-pool2-relu"):
        with pytest.raises(NetworkError, match=r"10-relu|must be parts|needs an input|stands behind no"):
            train.trainable(architecture, (1, 4, 4))


def test_target_times_of_each_neuron_are_reached() -> None:
    """Mean square to given times: neurons find them, those that shall be silent become so."""
    x = np.eye(3)
    targets = np.array([[-1.0, 0.0, -0.25], [0.0, -0.5, 0.0], [-0.75, -1.0, -0.5]])
    network = train.trainable("3-relu", (3,))
    train.initialise(network, 3)
    training = train.Training(network, train.SGD(0.5), loss=train.MeanSquare(), silent=0.1, batch=3)
    train.fit(training, x, targets, 300)
    assert np.abs(network.outputs(x) - targets).max() < 0.01


def test_who_shall_fire() -> None:
    """The neuron of the label; of target times those before t_max, which is 0."""
    assert shall_fire(np.array([1, 0]), (2, 2)).tolist() == [[False, True], [True, False]]
    assert shall_fire(np.array([[-1.0, 0.0], [0.0, -0.5]]), (2, 2)).tolist() == [[True, False], [False, True]]
