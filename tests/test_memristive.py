"""Memristive devices: programmed, drifted, read, with the moments and the numbers that are published."""

import math
from typing import Any

import numpy as np
import pytest
from made_devices import N, manufacture, net_of, weights_after

import eventsim
from eventsim import faults
from eventsim.errors import FaultError
from eventsim.faults.device.cmo_reram import CmoReRAM
from eventsim.faults.device.pcm_devices import PCM_DEVICES
from eventsim.faults.draws import Draws

RNG = np.random.default_rng(83)
DAY, HOUR, YEAR = 86400.0, 3600.0, 31536000.0
# Mean and standard deviation in µS of one device, by target and seconds after t_0: 400,000 draws of aihwkit 1.1.0.
MEASURED = {
    25.0: {0.0: (25.000, 1.402), HOUR: (19.393, 1.409), DAY: (16.625, 1.512), YEAR: (12.505, 1.647)},
    12.5: {0.0: (12.499, 1.196), HOUR: (9.697, 1.057), DAY: (8.312, 1.027), YEAR: (6.249, 0.990)},
    2.5: {0.0: (2.500, 0.607), HOUR: (1.841, 0.526), DAY: (1.537, 0.511), YEAR: (1.115, 0.495)},
    0.25: {0.0: (0.283, 0.292), HOUR: (0.177, 0.198), DAY: (0.137, 0.166), YEAR: (0.088, 0.130)},
    0.0: {0.0: (0.107, 0.186), HOUR: (0.066, 0.122), DAY: (0.050, 0.099), YEAR: (0.032, 0.073)},
}


def held(relative: float, fault: Any, n: int = N) -> np.ndarray:
    """Weights of this size by the largest one, which is 1, as the fault leaves them."""
    weights = np.full(n + 1, relative)
    weights[-1] = 1.0
    return weights_after(fault, weights)[:-1]


def assert_near(values: np.ndarray, mean: float, sd: float, others: float = math.inf, rounding: float = 0.0) -> None:
    """Within four standard errors, of the values and of `others` draws that mean and sd were estimated by."""
    n = 1 / (1 / len(values) + 1 / others)
    centred = values - values.mean()
    of_sd = math.sqrt(((centred**4).mean() / (centred**2).mean() - (centred**2).mean()) / (4 * n))
    assert abs(values.mean() - mean) <= 4 * values.std() / math.sqrt(n) + rounding
    assert abs(values.std() - sd) <= 4 * of_sd + rounding


def cut_at_zero(mean: float, sd: float) -> tuple[float, float]:
    """Mean and standard deviation of max(0, x), x normal."""
    density = math.exp(-0.5 * (mean / sd) ** 2) / math.sqrt(2 * math.pi)
    above = 0.5 * math.erfc(-mean / sd / math.sqrt(2))
    first = mean * above + sd * density
    second = (mean * mean + sd * sd) * above + mean * sd * density
    return first, math.sqrt(second - first * first)


def of_pair(device: tuple[float, float], zero: tuple[float, float]) -> tuple[float, float]:
    """Mean and standard deviation of the difference of two devices."""
    return device[0] - zero[0], math.hypot(device[1], zero[1])


# -- phase-change memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t_inf", [0.0, HOUR, DAY, YEAR])
@pytest.mark.parametrize("target", MEASURED)
def test_pairs_of_pcm_have_the_measured_moments(target, t_inf):
    mean, sd = of_pair(MEASURED[target][t_inf], MEASURED[0.0][t_inf])
    # Both devices are rounded to three digits.
    assert_near(25 * held(target / 25, faults.PCM(t_inf)), mean, sd, others=400_000, rounding=1e-3)


def test_programming_alone_is_a_normal_number_cut_at_zero():
    programmed = faults.PCM(drift=0.0, read=0.0)
    zero = cut_at_zero(0.0, 0.26348)
    assert zero == pytest.approx((0.105, 0.154), abs=5e-4)
    for r in (1.0, 0.5, 0.1, 0.01, 0.0):
        sigma = 0.26348 + 1.9650 * r - 1.1731 * r * r
        assert_near(25 * held(r, programmed), *of_pair(cut_at_zero(25 * r, sigma), zero))
    both = (held(0.0, programmed) == 0).mean()  # half of the devices are exactly 0, so a quarter of the pairs
    assert abs(both - 0.25) < 4 * math.sqrt(0.25 * 0.75 / N)


def test_the_numbers_of_pcm_are_the_published_ones():
    r = np.array([1.0, 0.5, 0.1, 0.01])
    device = PCM_DEVICES["pcm"]
    mean, sigma = device.exponents(r)
    np.testing.assert_allclose(25 * device.programming_error(r), [1.05538, 0.95271, 0.44825, 0.28301], atol=6e-6)
    np.testing.assert_allclose(mean[[0, 2, 3]], [0.049, 0.06009, 0.09578], atol=6e-6)
    np.testing.assert_allclose(sigma[[0, 2, 3]], [0.008, 0.02288, 0.045], atol=6e-6)
    left = device.drifted(np.ones(4), mean, DAY)
    np.testing.assert_allclose(left[[0, 2, 3]], [0.6635, 0.6047, 0.4485], atol=6e-5)
    np.testing.assert_allclose(device.read_error(r, DAY), [0.0448, 0.0702, 0.1999, 0.893], atol=6e-4)


def test_devices_are_those_of_equations_draw_by_draw():
    """Program by the target, drift by exponents of the target, read by what was programmed, of what has drifted."""
    net, t = net_of(), DAY + 20
    made = manufacture(net, faults.PCM(DAY), 9).projections[0].kind.weights
    part, draws = net.projections[0], Draws(9, "pcm", 0, 0, {0: 0, 1: 0})
    largest, held_by = np.abs(part.kind.weights).max(), []
    for k, sign in enumerate((1, -1)):
        r = np.maximum(sign * part.kind.weights / largest, 0)
        program, drift, read = (draws.normal(part, 3 * k + stage) for stage in range(3))
        r_p = np.maximum(r + (0.26348 + 1.965 * r - 1.1731 * r**2) / 25 * program, 0)
        ln = np.log(np.maximum(r, 1e-7))
        mean, sigma = np.clip(-0.0155 * ln + 0.0244, 0.049, 0.1), np.clip(-0.0125 * ln - 0.0059, 0.008, 0.045)
        r_d = r_p * (t / 20) ** -np.abs(mean + sigma * drift)
        q = np.minimum(0.0088 / np.maximum(r_p**0.65, 1e-3), 0.2)
        held_by.append(np.maximum(r_d + r_d * q * np.sqrt(np.log((t + 250e-9) / 500e-9)) * read, 0))
    np.testing.assert_allclose(made, (held_by[0] - held_by[1]) * largest, rtol=1e-12, atol=1e-15)


def test_no_two_devices_or_stages_share_a_draw():
    part, draws = net_of().projections[0], Draws(9, "pcm", 0, 0, {0: 0, 1: 0})
    drawn = np.concatenate([draws.normal(part, number).ravel() for number in range(6)])
    assert len(np.unique(drawn)) == drawn.size


def test_collapsed_pairs_spread_as_measured():
    """After a day, of many weights: 0.0624 in place of 0.0607 at the largest, 0.0054 in place of 0.0056 at 0."""
    half = np.append(np.zeros(N // 2), np.ones(N // 2))
    pair, collapsed = (weights_after(faults.PCM(DAY, path=path), half) for path in ("pair", "collapsed"))
    assert pair[N // 2 :].std() == pytest.approx(0.0607, abs=4e-4)
    assert collapsed[N // 2 :].std() == pytest.approx(0.0624, abs=4e-4)
    assert pair[: N // 2].std() == pytest.approx(0.0056, abs=1e-4)
    assert collapsed[: N // 2].std() == pytest.approx(0.0053, abs=2e-4)


def test_drift_compensation_restores_the_mean_size():
    weights = RNG.normal(size=20_000)
    programmed = weights_after(faults.PCM(read=0.0), weights)
    made = {how: weights_after(faults.PCM(DAY, compensate=how), weights) for how in (None, "global")}
    assert np.abs(made["global"]).mean() == pytest.approx(np.abs(programmed).mean(), rel=1e-12)
    factor = made["global"].max() / made[None].max()
    np.testing.assert_allclose(made["global"], factor * made[None], rtol=1e-12)
    slopes = {how: weights @ found / (weights @ weights) for how, found in made.items()}
    assert slopes[None] == pytest.approx(0.65, abs=0.02)
    assert slopes["global"] == pytest.approx(1.0, abs=0.02)
    net = net_of()
    first = manufacture(net, faults.PCM(read=0.0), 4).projections[0].kind.weights
    for path in ("pair", "collapsed"):
        column = manufacture(net, faults.PCM(DAY, path=path, compensate="column"), 4).projections[0].kind.weights
        np.testing.assert_allclose(np.abs(column).mean(axis=1), np.abs(first).mean(axis=1), rtol=1e-12)


def test_a_column_of_a_convolution_is_a_filter():
    kernel = RNG.normal(size=(2, 3, 2, 2))
    net = eventsim.Network()
    net.source((3, 4, 4), "input")
    net.population("linear_psp", (2, 3, 3), "cells", threshold=1.0)
    net.connect("input", "cells", eventsim.Conv(kernel))
    programmed, mended = (
        manufacture(net, fault, 4).projections[0].kind.weights
        for fault in (faults.PCM(read=0.0), faults.PCM(DAY, compensate="column"))
    )
    means = [np.abs(weights).reshape(2, -1).mean(axis=1) for weights in (programmed, mended)]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-12)


def test_weights_are_programmed_once_and_read_for_each_sample():
    net, n = net_of(), 400
    fault = faults.PCM(HOUR, per="sample")
    reads = np.array([manufacture(net, fault, 4, k).projections[0].kind.weights for k in range(n)])
    once = manufacture(net, faults.PCM(HOUR, read=0.0), 4).projections[0].kind.weights
    assert (reads.std(axis=0) > 0).all()
    assert (np.abs(reads.mean(axis=0) - once) <= 4.5 * reads.std(axis=0) / math.sqrt(n)).all()
    silent = faults.PCM(HOUR, read=0.0, per="sample")
    assert len({manufacture(net, silent, 4, k).hash() for k in range(5)}) == 1


def test_strengths_multiply_what_is_published():
    weights = RNG.uniform(0.3, 1, 2000)
    off: dict[str, Any] = {"programming": 0.0, "drift": 0.0, "read": 0.0}
    for stage in ("programming", "read"):  # no conductance of these is cut at 0
        one, two = (weights_after(faults.PCM(DAY, **{**off, stage: k}), weights) - weights for k in (1.0, 2.0))
        np.testing.assert_allclose(two, 2 * one, rtol=0, atol=1e-14)
    one, two = (weights_after(faults.PCM(DAY, **{**off, "drift": k}), weights) / weights for k in (1.0, 2.0))
    np.testing.assert_allclose(two, one**2, rtol=1e-12)


@pytest.mark.parametrize(("device", "g_max"), [("hermes1", 10.35), ("hermes2", 20.7)])
def test_hermes_programs_with_its_own_polynomial(device, g_max):
    c = {"hermes1": (0.15781817, 2.32443916, -2.16310839, 0.68841818),
         "hermes2": (0.16603222, 4.71806468, -8.48101252, 4.68961419)}[device]  # fmt: skip
    zero = cut_at_zero(0.0, c[0])
    for r in (1.0, 0.5, 0.1):
        sigma = c[0] + c[1] * r + c[2] * r**2 + c[3] * r**3
        found = g_max * held(r, faults.PCM(0.0, device, drift=0.0, read=0.0))
        assert_near(found, *of_pair(cut_at_zero(g_max * r, sigma), zero))


# -- ReRAM -------------------------------------------------------------------------------------------------------------

RERAM = {
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}


@pytest.mark.parametrize("t_inf", RERAM)
@pytest.mark.parametrize("g_max", [25.0, 40.0])
def test_reram_is_spread_around_its_target_as_measured_then(t_inf, g_max):
    zero = cut_at_zero(0.0, RERAM[t_inf][0])
    for r in (1.0, 0.6, 0.2, 0.0):
        sigma = sum(c * r**k for k, c in enumerate(RERAM[t_inf]))
        assert_near(g_max * held(r, faults.ReRAM(t_inf, g_max)), *of_pair(cut_at_zero(g_max * r, sigma), zero))


def test_in_two_steps_all_weights_grow_by_the_largest_programming_error():
    weights = RNG.uniform(-1, 1, size=3000)
    pair, collapsed = (weights_after(faults.ReRAM(DAY, path=path), weights) for path in ("pair", "collapsed"))
    ratio = collapsed[pair != 0] / pair[pair != 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    assert 1.05 < ratio[0] < 1.25


def test_reram_was_measured_at_three_times():
    others: tuple[Any, ...] = (0.0, 3600.0, 86401.0, "day")
    for t_inf in others:
        with pytest.raises(FaultError, match=r"reram: t_inf = .*; must be 1, 86400 or 172800 seconds"):
            faults.ReRAM(t_inf)


def relaxed(g: float, fault: CmoReRAM) -> np.ndarray:
    """Conductances of devices that are programmed to g, in a projection from 9 to 88.2 µS."""
    return weights_after(fault, np.append(np.full(N, g), [9.0, 88.2]))[:-2]


def test_cmo_devices_relax_with_the_logarithm_of_time():
    for t in (0.01, 1.0, HOUR, DAY):
        ln = math.log(t)
        found = relaxed(40.0, CmoReRAM(t, programming=0.0, read=0.0))
        assert_near(found, 40 - 0.089 * ln, 0.412 + 0.042 * ln, rounding=1.5e-3)
    assert relaxed(40.0, CmoReRAM(0.01)).mean() > 40 > relaxed(40.0, CmoReRAM(100.0)).mean()


@pytest.mark.parametrize(("acceptance", "c0", "c1"), [(0.2, 0.00081107, 0.00106879), (2, 0.0112185391, 0.01129027418)])
def test_cmo_devices_are_programmed_as_near_as_is_accepted(acceptance, c0, c1):
    assert_near(relaxed(40.0, CmoReRAM(0.0, acceptance)), 40.0, c0 + 40 * c1)


def test_cmo_devices_are_read_with_noise_that_grows():
    for t in (1.0, DAY):
        sd = 0.0277316483 * math.log10(40) * math.sqrt(math.log((t + 1e-6) / 2e-6))
        assert_near(relaxed(40.0, CmoReRAM(t, programming=0.0, drift=0.0)), 40.0, sd)


def test_cmo_conductances_end_where_devices_do():
    found = relaxed(9.0, CmoReRAM(DAY))
    assert found.min() == pytest.approx(9.0, abs=1e-12)
    assert (found <= 9.0 + 1e-12).mean() > 0.5
    net = net_of().replace("input -> hidden", weights=0.5).replace("hidden -> late", weights=-1.0)
    assert manufacture(net, CmoReRAM(DAY)).hash() == net.hash()


def test_a_projection_of_zeros_stays_as_it_is():
    net = net_of().replace("input -> hidden", weights=0.0).replace("hidden -> late", weights=0.0)
    for fault in (faults.PCM(DAY), faults.ReRAM(DAY), CmoReRAM(DAY)):
        assert manufacture(net, fault).hash() == net.hash()


def test_drift_makes_weights_smaller_and_leaves_thresholds():
    net = net_of()
    made = manufacture(net, faults.PCM(YEAR, programming=0.0, read=0.0))
    for before, after in zip(net.projections, made.projections, strict=True):
        assert (np.abs(after.kind.weights) < np.abs(before.kind.weights)).all()
    for node in net.populations:
        assert np.array_equal(made.node(node.name).parameters["threshold"], node.parameters["threshold"])
