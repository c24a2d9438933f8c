"""Spike times of neurons whose parameters lie up to twelve decades apart, against 50 digits.

`golden/decades.py` made the golden file, and solves some of its cases again here.
"""

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import test_exponential_models
import test_glif
from golden import decades
from golden.decades import MODELS, N_CASES

from eventsim.network.neuron_model import Model, find_model
from eventsim.network.parameters import check_parameters

UNIT = 2.0**-53  # rounding of one operation
# A time is off by no more than so many roundings of each number that the neuron is made of would move it.
ROUNDINGS = {"lif_delta": 2, "lif_exp": 4, "if_exp": 4, "lif_alpha": 4, "alpha_psp": 4, "glif": 32}
# Where the threshold of a `glif` neuron follows its potential closely, their difference loses digits that the time does
# not depend on. So many cases, no more, are off by more (docs/explanation/exactness.md).
FOLLOWS = 60
FAR = 1e-7  # how far the others of these are off at most, of the time


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(decades.FILE) as file:
        return dict(file)


def prepared(name: str, case: Any) -> tuple[Model, tuple, tuple]:
    """A model, its parameters and its state in a case."""
    if name == "glif":
        return find_model(name), *test_glif.prepared(case)
    if name == "lif_delta":
        model = find_model(name)
        given = {"tau_mem": case.tau_mem, "v_threshold": case.v_threshold, "current": case.v_inf}
        given |= {"v_reset": case.v, "v_init": case.v}
        rows = model.prepare(check_parameters(model, "test", 1, given), None)
        return model, tuple(float(row[0]) for row in rows), (case.v,)
    return test_exponential_models.prepared(name, case)


def judge(name: str, number: int, time: Any, condition: float) -> tuple[str, float]:
    """What is wrong with the model's answer ("" where nothing is), and how many roundings it is off."""
    case = decades.case_of(name, number)
    model, p, s = prepared(name, case)
    found = float(model.dynamics.time_to_spike(p, s))
    if (found < np.inf) != (time < np.inf):
        return f"{case}: {found}, should be {float(time)}", 0.0
    if found == np.inf:
        return "", 0.0
    off = float(abs(mpmath.mpf(found) - time) / time) / UNIT
    wrong = off > ROUNDINGS[name] * condition + 1.0  # and that of the golden file itself
    return f"{case}: {found}, should be {float(time)}, {off} roundings off" if wrong else "", off


@pytest.mark.parametrize("name", MODELS)
def test_every_spike_time_is_right_to_the_digits_that_its_condition_allows(name: str, golden: Any) -> None:
    """10,000 cases a model; where the condition number is below 10, the relative error is below 1e-15 (glif: 2e-14)."""
    times, conditions = golden[f"{name}_time"], golden[f"{name}_condition"].astype(np.float64)
    assert len(times) == N_CASES
    judged = [judge(name, k, times[k], conditions[k]) for k in range(N_CASES)]
    wrong = [(text, off) for text, off in judged if text]
    assert len(wrong) <= (FOLLOWS if name == "glif" else 0), wrong
    assert not [text for text, off in wrong if not 0.0 < off * UNIT < FAR]  # none is missed, none is early
    fires = np.isfinite(times)
    assert fires.mean() > 0.2
    offs = [off for k, (text, off) in enumerate(judged) if fires[k] and conditions[k] < 10.0 and not text]
    assert len(offs) > 100
    assert max(offs) * UNIT < (2e-14 if name == "glif" else 1e-15)


@pytest.mark.parametrize("name", MODELS)
def test_random_cases_of_the_golden_file_are_solved_again(name: str, golden: Any) -> None:
    with mpmath.workdps(100):
        for number in np.random.default_rng(11).choice(N_CASES, 30, replace=False).tolist():
            time, condition = decades.solve(name, decades.case_of(name, number))
            assert float(time) == golden[f"{name}_time"][number]
            assert float(condition) == pytest.approx(float(golden[f"{name}_condition"][number]), rel=1e-6)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"tau_mem": 1e9, "v_threshold": 1.0, "current": 1e9}, 1.0000000005),
        ({"tau_mem": 1e2, "v_threshold": 1.0, "current": 1e2}, 1.0050335853501441),
        ({"tau_mem": 1e6, "v_threshold": 1.0, "current": 1e6}, 1.0000005000003333),
        ({"tau_mem": 1e15, "v_threshold": 1.0, "current": 1e15}, 1.0000000000000004),
        ({"tau_mem": 1e16, "v_threshold": 1.0, "current": 1e16}, 1.0),
        ({"tau_mem": 10.0, "v_threshold": 15.0, "current": 1e9}, 1.50000001125e-07),
    ],
)
def test_a_strong_drive_leaves_lif_delta_all_digits(parameters: dict[str, float], expected: float) -> None:
    model = find_model("lif_delta")
    rows = model.prepare(check_parameters(model, "test", 1, parameters), None)
    found = float(model.dynamics.time_to_spike(tuple(float(row[0]) for row in rows), (0.0,)))
    drive, threshold = mpmath.mpf(parameters["current"]), mpmath.mpf(parameters["v_threshold"])
    with mpmath.workdps(50):
        exact = parameters["tau_mem"] * mpmath.log(drive / (drive - threshold))
        assert abs(found - exact) <= 2 * UNIT * exact
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["if_delta", "linear_psp", "ttfs_b1", "ttfs_alpha1", "falling_threshold"])
def test_straight_lines_cross_at_the_rounded_quotient(name: str) -> None:
    """10,000 neurons against exact rationals: two roundings, whatever the sizes."""
    draw, model = np.random.default_rng(7), find_model(name)
    for _ in range(10_000):
        threshold, slope = (float(10.0 ** draw.uniform(-6, 6)) for _ in range(2))
        v = min(threshold - float(10.0 ** draw.uniform(-6, 6)), math.nextafter(threshold, 0.0))
        if name == "if_delta":  # its slope is a parameter, those of the others are part of the state
            found = model.dynamics.time_to_spike((threshold, v, slope, 0.0, 0.0, 0.0), (v,))
        else:
            found = model.dynamics.time_to_spike((threshold,), (v, slope, 1.0))
        exact = (Fraction(threshold) - Fraction(v)) / Fraction(slope)
        assert abs(Fraction(found) - exact) <= 3 * Fraction(UNIT) * exact
