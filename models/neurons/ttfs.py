"""Neurons with linear post-synaptic potentials: B1, alpha1, plain linear PSP, and the read-out integrator.

Equation (Stanojevic et al. 2023, eq. 1; 2024, eq. 2): dV/dt = S, S = S0 + the sum of the weights that have arrived.
State: V (potential) and S (slope). All four share their dynamics, so one compiled loop serves them all; they differ
in their parameters: slope before any input, slope from t_min on, whether inputs after t_min count.
Every function works on floats and on `fractions.Fraction` alike.

The rounding bounds (last section) follow the running error analysis of Wilkinson: each state variable carries a
bound on its distance from exact arithmetic on the same float64 weights, thresholds and windows.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.network.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = ("threshold", "slope_start", "slope_fire")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, S = the slope before any input."""
    return (0 * p[1], p[1])


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """The elapsed time itself."""
    return (dt,)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """State dt later, given no input in between."""
    return (s[0] + s[1] * c[0], s[1])


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input adds its weight to the slope; V is continuous."""
    return (s[0], s[1] + w)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """False only where threshold - V > S dt: uses the same rounded difference as `time_to_spike`."""
    return p[0] - s[0] <= s[1] * dt


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """(threshold - V) / S for a rising V; 0 where rounding has V at the threshold already; inf where V falls."""
    missing = p[0] - s[0]
    if s[1] <= 0:
        return math.inf
    if missing <= 0:
        return 0
    return missing / s[1]


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= threshold, inclusive."""
    return s[0] >= p[0]


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Single-spike neurons keep their state: it is never looked at again."""
    return s


@jitable
def fire_slope(p: Numbers, s: Numbers) -> Numbers:
    """From t_min on the slope is B, whatever has arrived (Stanojevic et al. 2024, eq. 2)."""
    return (s[0], p[2])


@jitable
def tick(p: Numbers, s: Numbers) -> Numbers:
    """Not a clocked model: never called."""
    return s


@jitable
def retire(s: Numbers) -> Numbers:
    """V = -inf: `may_spike` never holds again."""
    return (-math.inf, s[1])


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    zero = next(iter(parameters.values())) * 0
    threshold = parameters.get("threshold")
    if threshold is None:
        threshold = np.full(zero.shape, math.inf)
    start = parameters.get("alpha", parameters.get("drift", zero))
    return [threshold, start, parameters.get("slope", start)]


_THRESHOLD = Parameter("threshold", "V", "firing threshold; at or below 0 the neuron fires at t_start")

_LINEAR = Model(
    name="linear_psp",
    family="ramps",
    parameters=(_THRESHOLD,),
    state=("v", "slope"),
    rows=ROWS,
    prepare=_rows,
    initial=initial,
    propagator=propagator,
    advance=advance,
    receive=receive,
    may_spike=may_spike,
    time_to_spike=time_to_spike,
    above=above,
    reset=reset,
    open_window=fire_slope,
    tick=tick,
    retire=retire,
    single_spike=True,
    on_fractions=True,
)


# Rounding bounds. State: (V, S, eV, eS, gV, gS): e* bound the distance from exact arithmetic on the inputs that the
# neuron actually received, g* the distance from an exact simulation of the whole network (input times included).
UNIT = 2.0**-53
# Each bound is itself computed in floating point with a handful of operations: 1e-12 covers their rounding.
GUARD = 1.0 + 1e-12


@jitable
def bounded_initial(p: Numbers) -> Numbers:
    """Nothing has been rounded yet."""
    return (0 * p[1], p[1], 0.0, 0.0, 0.0, 0.0)


@jitable
def bounded_advance(c: Numbers, s: Numbers) -> Numbers:
    """V + S dt: errors of dt (half an ulp), of the product, of the sum, and of S over dt."""
    dt = c[0]
    v = s[0] + s[1] * dt
    step = abs(s[1] * dt)
    own = 2.0 * UNIT * step + UNIT * abs(v)
    return (v, s[1], (s[2] + own + s[3] * dt) * GUARD, s[3], (s[4] + own + s[5] * dt) * GUARD, s[5])


@jitable
def bounded_receive(s: Numbers, w: Any, time_error: Any) -> Numbers:
    """S + w rounds once; an input that is late by time_error leaves V off by |w| time_error."""
    slope = s[1] + w
    own = UNIT * abs(slope)
    if w == 0.0:
        return s
    if s[1] == 0.0:
        own = 0.0
    return (s[0], slope, s[2], (s[3] + own) * GUARD, (s[4] + abs(w) * time_error) * GUARD, (s[5] + own) * GUARD)


@jitable
def bounded_fire_slope(p: Numbers, s: Numbers) -> Numbers:
    """The slope from t_min on is a parameter: exact."""
    missing = p[0] - s[0]
    own = crossed_before(missing, s[1], s[2], s[3], p[2])
    whole = crossed_before(missing, s[1], s[4], s[5], p[2])
    return (s[0], p[2], own, 0.0, whole, 0.0)


@jitable
def crossed_before(missing: Any, slope: Any, v_error: Any, slope_error: Any, next_slope: Any) -> Any:
    """Bound on V's error where the slope changes at a V that may be at the threshold in exact arithmetic.

    That would have crossed earlier, on the old slope: by v_error / slope, which on the new one is another potential.
    """
    if missing > v_error or v_error == 0.0:
        return v_error
    if slope <= slope_error:
        return math.inf
    return max(v_error, next_slope * (v_error / (slope - slope_error))) * GUARD


@jitable
def bounded_retire(s: Numbers) -> Numbers:
    """V = -inf: `may_spike` never holds again."""
    return (-math.inf, s[1], s[2], s[3], s[4], s[5])


@jitable
def time_error(p: Numbers, s: Numbers, t: Any) -> Numbers:
    """Bounds on the error of a spike at t = t_last + (threshold - V) / S: (on its own inputs, on the whole network).

    ``s`` is the state from which the crossing was predicted. Infinite where the slope's error reaches the slope, or
    where the neuron may have crossed at any earlier time. Not covered: rounding that decides whether a neuron crosses
    before an input that takes its slope down, or before t_max (`verify` calls both a tie).
    """
    missing = abs(p[0] - s[0])
    slope = s[1]
    if slope <= 0.0:
        return (0.0, s[4])
    dt = missing / slope
    rounding = UNIT * (2.0 * dt + abs(t))
    # How much longer the way may take: a crossing before t_min may in exact arithmetic slip to the slope after it.
    longer = 1.0
    if 0.0 < p[2] < slope:
        longer = slope / p[2]
    own = math.inf
    if s[3] < slope:
        own = ((s[2] + dt * s[3]) / (slope - s[3]) + rounding) * longer * GUARD
    whole = math.inf
    if s[5] < slope:
        whole = ((s[4] + dt * s[5]) / (slope - s[5]) + rounding) * longer * GUARD
    return (own, whole)


_BOUNDED = dataclasses.replace(
    _LINEAR,
    state=("v", "slope", "v_error", "slope_error", "v_error_network", "slope_error_network"),
    initial=bounded_initial,
    advance=bounded_advance,
    receive=bounded_receive,
    open_window=bounded_fire_slope,
    retire=bounded_retire,
    time_error=time_error,
)


def _variant(name: str, **changes: Any) -> Model:
    """A model that shares all functions, and so its compiled loop, with the others of the family."""
    bounded = dataclasses.replace(_BOUNDED, name=name, **changes)
    return register(dataclasses.replace(_LINEAR, name=name, bounded=bounded, **changes))


LINEAR_PSP = _variant(
    "linear_psp", parameters=(Parameter("threshold", "V", "firing threshold", low=0.0, open_low=True),)
)
"""Linear PSP without windows: V = 0 until the first input, one spike (Rel-PSP, Zhang et al. 2020)."""

TTFS_B1 = _variant(
    "ttfs_b1",
    parameters=(
        _THRESHOLD,
        Parameter("slope", "V/time", "slope B from t_min on", default=1.0, low=0.0, open_low=True),
    ),
    windowed=True,
    deaf=True,
)
"""B1: slope = sum of weights before t_min, slope B from t_min on (Stanojevic et al. 2024)."""

TTFS_ALPHA1 = _variant(
    "ttfs_alpha1",
    parameters=(
        _THRESHOLD,
        Parameter("alpha", "V/time", "slope before any input", default=1.0, low=0.0, open_low=True),
        Parameter("slope", "V/time", "slope from t_min on: alpha + the sum of all incoming weights"),
    ),
    windowed=True,
)
"""alpha1: slope = alpha + the weights that have arrived; at t_min the silent inputs' weights join (Stanojevic 2023).

The published model sends a spike at t_max for every silent neuron, so that each weight counts in the slope. Here
silence is no event: at t_min the slope becomes alpha + the sum of all weights at once, which is the same potential.
Inputs after t_min are counted as late and add their weight once more.
"""

INTEGRATOR = _variant(
    "integrator",
    parameters=(Parameter("drift", "V/time", "slope before any input", default=0.0),),
    windowed=True,
    deaf=True,
    spiking=False,
)
"""Read-out: never fires; its potential is read at t_min, the end of its input window."""
