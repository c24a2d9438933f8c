"""Quadratic integrate-and-fire neuron with delta synapses and a constant drive.

tau_mem dV/dt = curvature (V - v_leak) (V - v_critical) + current; an input of weight w moves V by w; V >= v_threshold
fires; then V := v_reset, held there for t_ref, while inputs are discarded. Between v_leak and v_critical V returns to
rest, above v_critical it runs away by itself. With v_leak = v_critical = 0 and curvature = 1 it is tau_mem V' = V^2 +
current, the neuron of SparseProp (R. Engelken 2023) and, with v_threshold = 1e100 and v_reset = -1e100, the theta
neuron (B. Ermentrout and N. Kopell 1986): what lies beyond takes 1e-100 of its time.

With y = curvature (V - m), m the middle between v_leak and v_critical, tau_mem y' = y^2 + kappa, so that

    y(s) = (c y + kappa S) / (c - S y),   S = sin(w s / tau_mem) / w,   c = cos(w s / tau_mem),   w = sqrt(|kappa|)

where kappa > 0; S = tanh(w s / tau_mem) / w and c = 1 where kappa < 0, and S = s / tau_mem where it is 0. The crossing
is where S / c = (Y - y) / (kappa + y Y), Y = curvature (v_threshold - m): an arctangent, an inverse tanh, or that
itself. Below w, where kappa < 0, V falls back to rest and there is none, but for a threshold below rest. V that runs
away is infinite where c = S y, which is after its crossing by less than a rounding where the threshold is high.

Errors. A crossing is right to 8 roundings of its own time and of V and each parameter, as far as it depends on these
(`tests/test_qif.py`): where a drive is hardly strong enough to fire, the time hangs on the last digits of the drive.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.checks import HEAVIEST
from eventsim.errors import ModelError
from eventsim.models.neurons.options import LONGEST, REFRACTORY, SHORTEST, SPIKES, TAU_MEM, check_potentials
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Free

ROWS = ("tau_mem", "v_threshold", "v_reset", "middle", "half", "curvature", "kappa", "drive", "v_init")
# Up to this S y / c, V later is counted from V.
NEAR = 0.5


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init."""
    v_init = p[8]
    return (v_init,)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(c, S, e^(-2 w s / tau_mem), w, and the parameters of the parabola)."""
    tau_mem, _, _, middle, half, curvature, kappa, drive = p[:8]
    s, root = dt / tau_mem, math.sqrt(abs(kappa))
    c, along, left = 1.0, s, 1.0
    if kappa > 0.0:
        c, along = math.cos(root * s), math.sin(root * s) / root
    elif kappa < 0.0:
        along, left = math.tanh(root * s) / root, math.exp(-2.0 * root * s)
    return (c, along, left, root, middle, half, curvature, kappa, drive)


@jitable
def speed(v: float, middle: float, half: float, curvature: float, drive: float) -> float:
    """The right-hand side: curvature (V - v_leak) (V - v_critical) + current."""
    x = v - middle
    return curvature * (x - half) * (x + half) + drive


@jitable
def advance(k: Numbers, s: Numbers) -> Numbers:
    """V later, without a crossing on the way; from V on, or as it is where it has moved far.

    Beyond where V is infinite, or there, it is as high as any threshold: only rounding leads there, and never back.
    """
    c, along, left, root, middle, half, curvature, kappa, drive = k
    v = s[0]
    y, moves = curvature * (v - middle), speed(v, middle, half, curvature, drive)
    top, bottom = c * y + kappa * along, c - along * y
    if kappa < 0.0 and 0.0 < y < 2.0 * root:
        # y - w counted from the right-hand side, whose sign tells `returns` on which side of w it is.
        above_root, below = curvature * moves / (y + root), (y + root) * left
        if above_root == 0.0:
            return (v,)
        top, bottom = (below + above_root) / (1.0 + left), (below - above_root) / (root * (1.0 + left))
    if bottom <= 0.0:
        return (HEAVIEST,)
    if abs(along * y) <= NEAR * c:
        return (v + moves * along / bottom,)
    return (middle + top / bottom / curvature,)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves V by its weight."""
    v = s[0]
    return (v + w,)


@jitable
def returns(p: Numbers, v: float) -> bool:
    """Does V, below the threshold, fall or rise to rest and stay there?"""
    _, v_threshold, _, middle, half, curvature, kappa, drive = p[:8]
    if kappa > 0.0:
        return False
    if kappa == 0.0:
        return v <= middle <= v_threshold
    away = v > middle and speed(v, middle, half, curvature, drive) > 0.0
    below = v_threshold < middle and speed(v_threshold, middle, half, curvature, drive) > 0.0
    return not (away or below)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """It may unless V returns to rest."""
    v_threshold = p[1]
    v = s[0]
    return v >= v_threshold or not returns(p, v)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; inf where V returns to rest, 0 where it is at the threshold already."""
    tau_mem, v_threshold, _, middle, half, curvature, kappa, drive = p[:8]
    v = s[0]
    if v >= v_threshold:
        return 0
    if returns(p, v):
        return math.inf
    root, y, top = math.sqrt(abs(kappa)), curvature * (v - middle), curvature * (v_threshold - middle)
    gap = curvature * (v_threshold - v)
    if kappa > 0.0:
        return tau_mem * (math.atan2(root * gap, kappa + y * top) / root)
    if kappa == 0.0:
        return tau_mem * (gap / y / top)
    # (y - w) (Y + w): the factor in which there is little left is counted from the right-hand side.
    if y > 0.0:
        near = curvature * speed(v, middle, half, curvature, drive) / (y + root) * (top + root)
    else:
        near = curvature * speed(v_threshold, middle, half, curvature, drive) / (top - root) * (y - root)
    if near <= 0.0:  # so little that it is none in float64
        return math.inf
    return tau_mem * (math.log1p(2.0 * root * gap / near) / (2.0 * root))


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= v_threshold, inclusive."""
    v_threshold = p[1]
    v = s[0]
    return v >= v_threshold


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset."""
    v_reset = p[2]
    return (v_reset,)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    check_potentials("qif", parameters)
    given = dict(parameters)
    leak, critical, curvature = given["v_leak"], given["v_critical"], given["curvature"]
    bad = np.flatnonzero(critical < leak)
    if bad.size:
        raise ModelError(
            f"qif: v_critical[{bad[0]}] = {critical[bad[0]]}; must be >= v_leak = {leak[bad[0]]}: above it V runs away "
            "from rest. Swap them?"
        )
    half = (critical - leak) / 2
    given |= {"middle": leak + half, "half": half, "drive": given["current"]}
    given |= {"kappa": curvature * given["current"] - (curvature * half) ** 2}
    return [given[name] for name in ROWS]


def _potential(name: str, meaning: str, default: float | None = None) -> Parameter:
    """A potential, or a drive, whose square is a number of float64."""
    return Parameter(name, "V", meaning, default=default, low=-HEAVIEST, high=HEAVIEST, steps=name == "current")


PARAMETERS = (
    TAU_MEM,
    _potential("v_threshold", "firing threshold; 1e100 stands for one that is infinite"),
    _potential("v_reset", "potential after a spike; -1e100 stands for one that is infinite"),
    _potential("v_leak", "resting potential without a drive", 0.0),
    _potential("v_critical", "potential above which V runs away, without a drive", 0.0),
    Parameter("curvature", "1/V", "how fast V runs away", default=1.0, low=SHORTEST, high=LONGEST),
    _potential("current", "drive, in units of tau_mem dV/dt; constant, or Steps in time", 0.0),
    REFRACTORY, _potential("v_init", "potential at the beginning", 0.0), SPIKES,
)  # fmt: skip

DYNAMICS = Dynamics(
    ("v",), ROWS, initial, propagator, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike,
)  # fmt: skip
QIF = register(
    Model(
        "qif", PARAMETERS, _rows, DYNAMICS, Free(jumps=True), family="deltas",
        shared=("tau_mem", "v_leak", "v_critical", "curvature", "current"), threshold="v_threshold",
        equation="tau_mem dV/dt = curvature (V - v_leak) (V - v_critical) + current; an input of weight w\n"
        "moves V by w\n"
        "V >= v_threshold fires; V := v_reset, held there for t_ref, in which inputs are discarded",
        source="R. Engelken 2023 (SparseProp); the theta neuron of B. Ermentrout and N. Kopell 1986",
    )
)  # fmt: skip
