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
from eventsim.network.dynamics import Dynamics, Numbers, elapsed
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Free, Regime, Windowed

ROWS = ("threshold", "slope_start", "slope_fire")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, S = the slope before any input."""
    start = p[1]
    return (0 * start, start)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """State dt later, given no input in between."""
    dt = c[0]
    v, slope = s
    return (v + slope * dt, slope)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input adds its weight to the slope; V is continuous."""
    v, slope = s
    return (v, slope + w)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """False only where threshold - V > S dt: uses the same rounded difference as `time_to_spike`."""
    threshold = p[0]
    v, slope = s[:2]  # bounds on rounding may follow
    return threshold - v <= slope * dt


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """(threshold - V) / S for a rising V; 0 where rounding has V at the threshold already; inf where V falls."""
    threshold = p[0]
    v, slope = s[:2]  # bounds on rounding may follow
    missing = threshold - v
    if slope <= 0:
        return math.inf
    if missing <= 0:
        return 0
    return missing / slope


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= threshold, inclusive."""
    threshold = p[0]
    v = s[0]
    return v >= threshold


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """Single-spike neurons keep their state: it is never looked at again."""
    return s


@jitable
def fire_slope(p: Numbers, s: Numbers) -> Numbers:
    """From t_min on the slope is B, whatever has arrived (Stanojevic et al. 2024, eq. 2)."""
    fire = p[2]
    v = s[0]
    return (v, fire)


@jitable
def retire(p: Numbers, s: Numbers) -> Numbers:
    """V = -inf: `may_spike` never holds again."""
    slope = s[1]
    return (-math.inf, slope)


def ramp_rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    """The rows of any ramp, each (size,): threshold (inf without one), slope before any input, slope from t_min on."""
    zero = next(iter(parameters.values())) * 0
    threshold = parameters.get("threshold")
    if threshold is None:
        threshold = np.full(zero.shape, math.inf)
    start = parameters.get("alpha", parameters.get("drift", zero))
    return [threshold, start, parameters.get("slope", start)]


_THRESHOLD = Parameter("threshold", "V", "firing threshold; at or below 0 the neuron fires at t_start")

DYNAMICS = Dynamics(
    ("v", "slope"), ROWS, initial, elapsed, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike, open_window=fire_slope, retire=retire, on_fractions=True,
)  # fmt: skip


# Rounding bounds. State: (V, S, eV, eS, gV, gS): e* bound the distance from exact arithmetic on the inputs that the
# neuron actually received, g* the distance from an exact simulation of the whole network (input times included).
UNIT = 2.0**-53
# Each bound is itself computed in floating point with a handful of operations: 1e-12 covers their rounding.
GUARD = 1.0 + 1e-12


@jitable
def bounded_initial(p: Numbers) -> Numbers:
    """Nothing has been rounded yet."""
    start = p[1]
    return (0 * start, start, 0.0, 0.0, 0.0, 0.0)


@jitable
def bounded_advance(c: Numbers, s: Numbers) -> Numbers:
    """V + S dt: errors of dt (half an ulp), of the product, of the sum, and of S over dt."""
    dt = c[0]
    v, slope, v_error, slope_error, v_error_network, slope_error_network = s
    v = v + slope * dt
    step = abs(slope * dt)
    own = 2.0 * UNIT * step + UNIT * abs(v)
    of_inputs = (v_error + own + slope_error * dt) * GUARD
    of_network = (v_error_network + own + slope_error_network * dt) * GUARD
    return (v, slope, of_inputs, slope_error, of_network, slope_error_network)


@jitable
def bounded_receive(s: Numbers, w: Any, time_error: Any) -> Numbers:
    """S + w rounds once; an input that is late by time_error leaves V off by |w| time_error."""
    v, slope, v_error, slope_error, v_error_network, slope_error_network = s
    if w == 0.0:
        return s
    own = UNIT * abs(slope + w)
    if slope == 0.0:
        own = 0.0
    late = (v_error_network + abs(w) * time_error) * GUARD
    return (v, slope + w, v_error, (slope_error + own) * GUARD, late, (slope_error_network + own) * GUARD)


@jitable
def bounded_fire_slope(p: Numbers, s: Numbers) -> Numbers:
    """The slope from t_min on is a parameter: exact."""
    threshold, _, fire = p
    v, slope, v_error, slope_error, v_error_network, slope_error_network = s
    missing = threshold - v
    own = crossed_before(missing, slope, v_error, slope_error, fire)
    whole = crossed_before(missing, slope, v_error_network, slope_error_network, fire)
    return (v, fire, own, 0.0, whole, 0.0)


@jitable
def crossed_before(missing: Any, slope: Any, v_error: Any, slope_error: Any, next_slope: Any) -> Any:
    """Bound on V's error where the slope changes at a V that may be at the threshold in exact arithmetic.

    Such a V would have crossed earlier, on the old slope: by v_error / slope, which makes another potential on the new
    one.
    """
    if missing > v_error or v_error == 0.0:
        return v_error
    if slope <= slope_error:
        return math.inf
    return max(v_error, next_slope * (v_error / (slope - slope_error))) * GUARD


@jitable
def bounded_retire(p: Numbers, s: Numbers) -> Numbers:
    """V = -inf: `may_spike` never holds again."""
    slope, v_error, slope_error, v_error_network, slope_error_network = s[1:6]
    return (-math.inf, slope, v_error, slope_error, v_error_network, slope_error_network)


@jitable
def time_error(p: Numbers, s: Numbers, t: Any) -> Numbers:
    """Bounds on the error of a spike at t = t_last + (threshold - V) / S: (on its own inputs, on the whole network).

    ``s`` is the state from which the crossing was predicted. Infinite where the slope's error reaches the slope, or
    where the neuron may have crossed at any earlier time. Not covered: rounding that decides whether a neuron crosses
    before an input that takes its slope down, or before t_max (`verify` calls both a tie).
    """
    threshold, _, fire = p
    v, slope, v_error, slope_error, v_error_network, slope_error_network = s
    missing = abs(threshold - v)
    if slope <= 0.0:
        return (0.0, v_error_network)
    dt = missing / slope
    rounding = UNIT * (2.0 * dt + abs(t))
    # How much longer the way may take: a crossing before t_min may in exact arithmetic slip to the slope after it.
    longer = 1.0
    if 0.0 < fire < slope:
        longer = slope / fire
    own = math.inf
    if slope_error < slope:
        own = ((v_error + dt * slope_error) / (slope - slope_error) + rounding) * longer * GUARD
    whole = math.inf
    if slope_error_network < slope:
        whole = (v_error_network + dt * slope_error_network) / (slope - slope_error_network)
        whole = (whole + rounding) * longer * GUARD
    return (own, whole)


BOUNDED = dataclasses.replace(
    DYNAMICS,
    state=("v", "slope", "v_error", "slope_error", "v_error_network", "slope_error_network"),
    initial=bounded_initial,
    advance=bounded_advance,
    receive=bounded_receive,
    open_window=bounded_fire_slope,
    retire=bounded_retire,
    time_error=time_error,
)


def _ramp(name: str, regime: Regime, *parameters: Parameter, equation: str, source: str) -> Model:
    """A model that shares all functions, and so its compiled loop, with the others of the family."""
    return register(
        Model(
            name, parameters, ramp_rows, DYNAMICS, regime, family="ramps", bounded=BOUNDED, equation=equation,
            source=source,
        )
    )  # fmt: skip


LINEAR_PSP = _ramp(
    "linear_psp",
    Free(once=True),
    Parameter("threshold", "V", "firing threshold", low=0.0, open_low=True),
    equation="dV/dt = the sum of the weights that have arrived\nV >= threshold fires, once",
    source="Rel-PSP: M. Zhang et al. 2020",
)
"""Linear PSP without windows: V = 0 until the first input, one spike (Rel-PSP, Zhang et al. 2020)."""

TTFS_B1 = _ramp(
    "ttfs_b1",
    Windowed(deaf=True),
    _THRESHOLD,
    Parameter("slope", "V/time", "slope B from t_min on", default=1.0, low=0.0, open_low=True),
    equation="dV/dt = the sum of the weights that have arrived; from t_min on the slope, whatever arrives\n"
    "V >= threshold fires, once; before t_min it is premature, at t_max or later it is silence",
    source="A. Stanojevic et al. 2024, eq. 2",
)
"""B1: slope = sum of weights before t_min, slope B from t_min on (Stanojevic et al. 2024)."""

TTFS_ALPHA1 = _ramp(
    "ttfs_alpha1",
    Windowed(),
    _THRESHOLD,
    Parameter("alpha", "V/time", "slope before any input", default=1.0, low=0.0, open_low=True),
    Parameter("slope", "V/time", "slope from t_min on: alpha + the sum of all incoming weights", incoming="alpha"),
    equation="dV/dt = alpha + the sum of the weights that have arrived; at t_min it becomes the slope\n"
    "V >= threshold fires, once; before t_min it is premature, at t_max or later it is silence",
    source="A. Stanojevic et al. 2023, eq. 1",
)
"""alpha1: slope = alpha + the weights that have arrived; at t_min the silent inputs' weights join (Stanojevic 2023).

The published model sends a spike at t_max for every silent neuron, so that each weight counts in the slope. Here
silence is no event: at t_min the slope becomes alpha + the sum of all weights at once, which is the same potential.
Inputs after t_min are counted as late and add their weight once more.
"""

INTEGRATOR = _ramp(
    "integrator",
    Windowed(deaf=True, spiking=False),
    Parameter("drift", "V/time", "slope before any input", default=0.0),
    equation="dV/dt = drift + the sum of the weights that have arrived\nnever fires; V is read at t_min",
    source="the read-out of A. Stanojevic et al. 2023 and 2024",
)
"""Read-out: never fires; its potential is read at t_min, the end of its input window."""
