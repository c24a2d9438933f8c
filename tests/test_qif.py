"""The quadratic neuron: crossings of many digits on every branch, its limits, and the same bits on both engines.

The oracle is the equation itself: mpmath integrates dt = tau_mem dV / (curvature (V - v_leak) (V - v_critical) +
current) from V to the threshold, and knows no closed form.
"""

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from adapters import both_engines
from mpmath import mpf

from eventsim import Dense, ModelError, Network, SpikeTimes
from eventsim.models.neurons.qif import QIF
from eventsim.network.parameters import check_parameters

INF = math.inf
UNIT = 2.0**-53
BRANCHES = ("runs", "parabola at rest", "above critical", "between", "below rest", "threshold below rest")


def rows(**given: Any) -> tuple[float, ...]:
    """The parameters of one neuron as the functions of the model see them."""
    return tuple(float(row[0]) for row in QIF.prepare(check_parameters(QIF, "test", 1, given), None))


def a_case(rng: np.random.Generator, branch: str) -> tuple[dict[str, float], float]:
    """Parameters, and V."""
    leak, gap, scale = float(rng.normal(0, 30)), float(10.0 ** rng.uniform(-3, 2)), float(10.0 ** rng.uniform(-3, 3))
    given = {"tau_mem": float(10.0 ** rng.uniform(-3, 3)), "curvature": float(10.0 ** rng.uniform(-3, 2))}
    given |= {"v_leak": leak, "v_critical": leak + gap, "current": 0.0}
    middle, well = leak + gap / 2, given["curvature"] * (gap / 2) ** 2
    v, top = middle - scale * rng.random(), middle + scale * rng.random()
    if branch == "runs":
        given["current"] = well * (1.0 + float(10.0 ** rng.uniform(-6, 4)))
    elif branch == "parabola at rest":
        given |= {"v_critical": leak}
        v, top = leak + scale * rng.random(), leak + 2.0 * scale
    else:
        given["current"] = well * float(rng.uniform(-2.0, 0.9)) * float(rng.integers(0, 2))
        root = math.sqrt(well - given["current"]) / math.sqrt(given["curvature"])
        places = {
            "above critical": 1.0 + float(10.0 ** rng.uniform(-6, 2)),
            "between": float(rng.uniform(-0.99, 0.99)),
            "below rest": -1.0 - float(10.0 ** rng.uniform(-3, 2)),
            "threshold below rest": -3.0,
        }
        v = middle + root * places[branch]
        top = max(v, middle + root) + scale
        if branch == "threshold below rest":
            top = middle - root * (1.0 + float(10.0 ** rng.uniform(-6, 0)))
    return given | {"v_threshold": top, "v_reset": min(v, top) - 1.0, "v_init": min(v, top) - 1.0}, v


def exact_time(given: dict[str, float], v: float) -> Any:
    """The time from V to the threshold, by the roots of the parabola in many digits; inf where it is never reached.

    Of a parabola that rests somewhere between V and the threshold it is never; else partial fractions over its two
    roots, which may be complex.
    """
    leak, critical, a, drive, top, tau = (
        mpf(given[name]) for name in ("v_leak", "v_critical", "curvature", "current", "v_threshold", "tau_mem")
    )
    b, c = -a * (leak + critical), a * leak * critical + drive
    disc = b * b - 4 * a * c
    one, two = (-b - mpmath.sqrt(disc)) / (2 * a), (-b + mpmath.sqrt(disc)) / (2 * a)
    start = mpf(v)
    if disc >= 0 and (start <= one <= top or start <= two <= top or one < start < two):
        return mpmath.inf
    if one == two:
        return tau / a * (1 / (start - one) - 1 / (top - one))
    if disc > 0:
        return (
            tau
            / (a * (two - one))
            * (mpmath.log(abs((top - two) / (start - two))) - mpmath.log(abs((top - one) / (start - one))))
        )
    middle, root = mpmath.re(one), abs(mpmath.im(one))
    return tau / (a * root) * (mpmath.atan((top - middle) / root) - mpmath.atan((start - middle) / root))


def condition(given: dict[str, float], v: float, exact: Any) -> Any:
    """By how much the exact time changes where each number that it depends on is rounded once, in roundings."""
    total, step = abs(exact), mpf(2) ** -120
    numbers = given | {"v": v}
    for name in ("v_leak", "v_critical", "curvature", "current", "v_threshold", "v"):
        moved = {k: mpf(value) for k, value in numbers.items()}
        moved[name] *= 1 + step
        total += abs(exact_time(moved, moved["v"]) - exact) / step
    return total


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_crossing_is_that_of_many_digits(branch):
    """Right to a few roundings of the time itself and of each number that it depends on."""
    rng, crossed, worst = np.random.default_rng(BRANCHES.index(branch)), 0, 0.0
    with mpmath.workdps(80):
        for _ in range(1_500):
            given, v = a_case(rng, branch)
            p, exact = rows(**given), exact_time(given, v)
            found = QIF.dynamics.time_to_spike(p, (v,))
            assert (found < INF) == (exact < mpmath.inf), given
            assert found == INF or QIF.dynamics.may_spike(p, (v,), INF)
            if found < INF:
                crossed += 1
                worst = max(worst, float(abs(found - exact) / condition(given, v, exact) / UNIT))
    assert worst < 8.0
    assert (crossed == 0) == (branch in ("between", "below rest"))


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_state_later_is_on_the_way_to_the_same_crossing(branch):
    """Two pieces of a way take as long as the whole, wherever it is cut, also where V comes from -1e100."""
    rng, worst = np.random.default_rng(40 + BRANCHES.index(branch)), 0.0
    with mpmath.workdps(80):
        for _ in range(400):
            given, v = a_case(rng, branch)
            if branch == "runs" and rng.random() < 0.2:
                v = -1e100
            p, whole = rows(**given), exact_time(given, v)
            dt = (
                float(whole) * float(rng.uniform(0.01, 0.99))
                if whole < mpmath.inf
                else given["tau_mem"] * float(rng.random())
            )
            (later,) = QIF.dynamics.advance(QIF.dynamics.propagator(p, dt), (v,))
            if whole == mpmath.inf:
                assert exact_time(given, later) == mpmath.inf or later == pytest.approx(v, rel=1e-12)
                continue
            rest = exact_time(given, later)
            allowed = condition(given, v, whole) + condition(given, later, rest)
            worst = max(worst, float(abs(rest + dt - whole) / allowed / UNIT))
    assert worst < 8.0


def test_v_that_runs_away_is_never_below_its_threshold_again():
    """Just before, at and after the crossing of a threshold that is infinite but for rounding, V may be at its pole."""
    for drive in (1.0, 0.0, -0.25, 1e-9, -1e-9):
        p = rows(tau_mem=8.0, v_threshold=1e100, v_reset=-1e100, current=drive, v_init=0.0)
        for v in (1.0 + 2.0**-52, 1.5, 40.0, 1e18):
            crossing = QIF.dynamics.time_to_spike(p, (v,))
            for dt in (math.nextafter(crossing, 0.0), crossing, math.nextafter(crossing, INF), crossing * 1.001):
                (later,) = QIF.dynamics.advance(QIF.dynamics.propagator(p, dt), (v,))
                assert later > 1e9 * v, (drive, v, dt)


@pytest.mark.parametrize("wait", [1e-3, 1.0, 30.0, 1e3, 1e9])
def test_v_that_is_critical_to_the_last_bit_stays_and_just_below_it_returns_to_rest(wait):
    p = rows(tau_mem=1.0, v_threshold=3.0, v_reset=0.0, v_critical=0.5)
    moved = QIF.dynamics.propagator(p, wait)
    for v in (0.5, 0.0):
        assert QIF.dynamics.time_to_spike(p, (v,)) == INF
        assert QIF.dynamics.advance(moved, (v,)) == (v,)
    for v in (math.nextafter(0.5, 0.0), 0.25, -1e100):
        (later,) = QIF.dynamics.advance(moved, (v,))
        assert QIF.dynamics.time_to_spike(p, (v,)) == INF
        assert -1e100 <= later < 0.5
        assert wait < 1e3 or later == pytest.approx(0.0, abs=1e-15)
    above = math.nextafter(0.5, 1.0)
    (later,) = QIF.dynamics.advance(moved, (above,))
    assert (later > 3.0) == (QIF.dynamics.time_to_spike(p, (above,)) <= wait)


def test_parameters_over_twelve_decades_give_numbers_on_both_engines():
    """500 networks whose parameters and weights are anywhere between 1e-6 and 1e6; what is refused is drawn anew."""
    rng, ran, spikes = np.random.default_rng(3), 0, 0
    while ran < 500:
        size = lambda n=3: 10.0 ** rng.uniform(-6.0, 6.0, n) * rng.choice([1.0, 1.0, -1.0], n)  # noqa: E731
        leak, reset, top = size(), size(), abs(size())
        net, x = Network(), SpikeTimes([[np.sort(rng.uniform(0, 10, 6)).tolist() for _ in range(2)]])
        net.source(2, "input")
        given = {"curvature": abs(size()), "current": size() * rng.integers(0, 2, 3), "t_ref": abs(size())}
        try:
            net.population(
                "qif", 3, "cells", tau_mem=abs(size()), v_threshold=top, v_reset=np.minimum(reset, 0.5 * top),
                v_leak=leak, v_critical=leak + abs(size()) * rng.integers(0, 2, 3), **given,
            )  # fmt: skip
        except ModelError:
            continue
        net.connect("input", "cells", Dense(size(6).reshape(3, 2)))
        net.connect("cells", "cells", Dense(size(9).reshape(3, 3)), delay=0.5)
        done = both_engines(net, x, until=12.0, max_events=300, record={"cells": "all"})
        assert done.error is None or "max_events" in done.error or "fires twice" in done.error
        traces = done.run.records.traces
        assert traces is not None
        assert not np.isnan(traces["state"][:, 0]).any()
        ran, spikes = ran + 1, spikes + done.run.n_spikes("cells")
    assert spikes > 10_000
