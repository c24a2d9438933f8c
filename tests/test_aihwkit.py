"""PCM and ReRAM devices against aihwkit, whose models were fitted to measurements (`make devices` installs it).

Means and standard deviations of 100,000 draws of each side, within four standard errors of their difference.
"""

import math
from typing import Any

import numpy as np
import pytest
from made_devices import N, weights_after

from eventsim import faults

pytestmark = [
    pytest.mark.devices,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning"),  # of its Hermes models, by torch
]

Array = np.ndarray[Any, Any]
HOUR, DAY, YEAR = 3600.0, 86400.0, 31536000.0
TIMES = (0.0, HOUR, DAY, YEAR)
LEVELS = (1.0, 0.5, 0.1, 0.01, 0.0, -0.3, -1.0)


@pytest.fixture(scope="module")
def noise() -> Any:
    """The noise models of aihwkit, with torch's generator seeded."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("aihwkit")
    torch.manual_seed(21)
    from aihwkit.inference.noise import hermes, pcm, reram

    return {
        "pcm": pcm.PCMLikeNoiseModel(), "hermes1": hermes.HermesNoiseModel(num_devices=1),
        "hermes2": hermes.HermesNoiseModel(num_devices=2), "reram": reram.ReRamWan2022NoiseModel(),
        "cmo": reram.ReRamCMONoiseModel(), "cmo 2 %": reram.ReRamCMONoiseModel(acceptance_range=2),
    }  # fmt: skip


WEIGHTS = np.repeat(LEVELS, N)


def by_devices(model: Any, weights: Array, t_inf: float) -> Array:
    """Each device of a pair by itself; `apply_noise` does the same, but for t_inf = 0, where it returns nothing."""
    import torch

    targets, parameters = model.g_converter.convert_to_conductances(torch.from_numpy(weights).float())
    held = []
    for target in targets:
        programmed = model.apply_programming_noise_to_conductance(target)
        drift = model.generate_drift_coefficients(target.clone())
        held.append(model.apply_drift_noise_to_conductance(programmed, drift, t_inf))
    return np.asarray(model.g_converter.convert_back_to_weights(held, parameters), dtype=np.float64)


def by_module(model: Any, weights: Array, t_inf: float) -> Array:
    """Programmed weights, which are converted and drifted, as aihwkit's tiles do it."""
    import torch

    programmed, drift = model.apply_programming_noise(torch.from_numpy(weights).float())
    return np.asarray(model.apply_drift_noise(programmed, drift, t_inf), dtype=np.float64)


def assert_alike(ours: Array, theirs: Array, weights: Array, slack: float = 0.0) -> None:
    """Mean and standard deviation of each level; `slack` by their size is allowed beside the four standard errors."""
    for level in np.unique(weights):
        one, other = ours[weights == level], theirs[weights == level]
        errors = [_errors(part) for part in (one, other)]
        for k, (mine, yours) in enumerate(((one.mean(), other.mean()), (one.std(), other.std()))):
            assert abs(mine - yours) <= 4 * math.hypot(errors[0][k], errors[1][k]) + slack * abs(yours), level


def _errors(values: Array) -> tuple[float, float]:
    """Standard errors of mean and standard deviation."""
    centred = values - values.mean()
    variance = (centred**2).mean()
    return math.sqrt(variance / len(values)), math.sqrt(((centred**4).mean() / variance - variance) / (4 * len(values)))


@pytest.mark.parametrize("t_inf", TIMES)
@pytest.mark.parametrize("device", ["pcm", "hermes1", "hermes2"])
@pytest.mark.parametrize("path", ["pair", "collapsed"])
def test_phase_change_memory(noise, device, path, t_inf):
    ours = weights_after(faults.PCM(t_inf, device, path), WEIGHTS)
    theirs = (by_devices if path == "pair" else by_module)(noise[device], WEIGHTS, t_inf)
    # In collapsed pairs all hangs on the largest programming error of the layer, which is another one on each side.
    assert_alike(ours, theirs, WEIGHTS, slack=0.01 if path == "collapsed" else 0.0)


@pytest.mark.parametrize("t_inf", [1.0, DAY, 2 * DAY])
def test_reram_at_the_times_that_were_measured(noise, t_inf):
    assert_alike(weights_after(faults.ReRAM(t_inf), WEIGHTS), by_devices(noise["reram"], WEIGHTS, t_inf), WEIGHTS)


def test_reram_in_two_steps_grows_as_aihwkit_lets_it_grow(noise):
    """By the largest programming error of a layer: 200 layers of 1,000 weights, whose mean growth is compared."""
    rng, growth = np.random.default_rng(5), []
    for seed in range(200):
        weights = rng.uniform(-1, 1, 1000)
        ours = weights_after(faults.ReRAM(DAY, path="collapsed"), weights, seed)
        theirs = by_module(noise["reram"], weights, DAY)
        growth.append([weights @ ours / (weights @ weights), weights @ theirs / (weights @ weights)])
    means, errors = np.mean(growth, axis=0), np.std(growth, axis=0) / math.sqrt(len(growth))
    assert 1.05 < means[0] < 1.25
    assert abs(means[0] - means[1]) <= 4 * math.hypot(*errors)


@pytest.mark.parametrize("t_inf", [0.0, 0.01, 1.0, HOUR, DAY, YEAR])
@pytest.mark.parametrize("acceptance", [0.2, 2])
def test_cmo_reram(noise, acceptance, t_inf):
    import torch

    model = noise["cmo" if acceptance == 0.2 else "cmo 2 %"]
    target, parameters = model.g_converter.convert_to_conductances(torch.from_numpy(WEIGHTS))
    programmed = model.apply_programming_noise_to_conductance(target)
    read = model.apply_drift_noise_to_conductance(programmed, target, t_inf)
    theirs = np.asarray(model.g_converter.convert_back_to_weights(read, parameters))
    assert_alike(weights_after(faults.CmoReRAM(t_inf, acceptance), WEIGHTS), theirs, WEIGHTS)


def test_compensation_multiplies_by_what_aihwkit_multiplies_by(noise):
    """The mean |output| on one-hot inputs, programmed over drifted; the factor hangs on the draws by 1 in 1,000."""
    import torch

    weights = np.random.default_rng(6).normal(size=N)
    model = noise["pcm"]
    programmed, drift = model.apply_programming_noise(torch.from_numpy(weights).float())
    drifted = model.apply_drift_noise(programmed, drift, DAY)
    theirs = float(programmed.abs().mean() / drifted.abs().mean())
    plain, mended = (weights_after(faults.PCM(DAY, "pcm", "collapsed", how), weights) for how in (None, "global"))
    assert abs(mended.max() / plain.max() / theirs - 1) < 2e-3
