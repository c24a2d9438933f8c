"""Ramps on a digital chip: V and S are integers of stated width and fraction, and V moves once a tick.

Relies on the ramps (`ttfs`) and on `fixed_numbers`; registered as their variants "fixed_point", which the fault
`FixedPoint` gives to populations. At each tick, in this order: V := V + (S tick, rounded to the fraction of V); the
test V >= threshold; then the inputs of the tick, each of which adds its weight to S. Each addition has the range of its
register: it saturates, or wraps. That is the event order of continuous time, at ticks: a crossing is certain before
what arrives with it.

Nothing happens at a tick but that V moves by the same step, so that V after k ticks, how many of these additions left
the range, and the first tick at which V is at the threshold are closed forms in k. Times must be multiples of the tick;
what arrives between two ticks makes the count of overflows no number, which ends the run with an error.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.errors import ModelError
from eventsim.models.neurons.circuit_ramps import LOOKS_WHEN
from eventsim.models.neurons.fixed_numbers import first_within, plus, plus_often, rounded, times
from eventsim.models.neurons.ttfs import INTEGRATOR, LINEAR_PSP, TTFS_ALPHA1, TTFS_B1, ramp_rows, reset
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import VARIANT, Array, Model, Parameter, register
from eventsim.rounding import OVERFLOW, REGISTER_RULES

ROWS = (
    "threshold", "slope_start", "slope_fire", "waits", "tick", "quantum", "v_low", "v_high", "v_span", "rounding",
    "s_low", "s_high", "s_span",
)  # fmt: skip
STATE = ("v", "slope", "overflows", "looks", "s_low", "s_high", "s_span")
# Whether the neuron looks at its threshold: not before t_min, or always.
WAITS, LOOKS = 0.0, 1.0
GONE = -math.inf


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, S = the slope before any input, nothing has left its range."""
    return (0.0, p[1], 0.0, LOOKS - p[3], p[10], p[11], p[12])


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """The number of ticks, and the register of V."""
    return (dt / p[4], p[4], p[5], p[6], p[7], p[8], p[9])


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V moves by one step a tick."""
    k, tick, quantum, low, high, span, rounding = c
    v, slope, count, looks, s_low, s_high, s_span = s
    if v == GONE:
        return s
    step = rounded(slope * tick, quantum, rounding)
    v, more = plus_often(v, step, float(math.floor(k)), low, high, span)
    if k != float(math.floor(k)):
        more = math.nan
    return (v, slope, count + more, looks, s_low, s_high, s_span)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input adds its weight to the slope, in its range; one that has fired counts no more."""
    v, slope, count, looks, s_low, s_high, s_span = s
    if v == GONE:
        return s
    slope, more = plus(slope, w, s_low, s_high, s_span)
    return (v, slope, count + more, looks, s_low, s_high, s_span)


@jitable
def ticks_to_spike(p: Numbers, s: Numbers) -> Any:
    """How many ticks from the state on V is first at the threshold: 0 where it is there already, or inf."""
    threshold, tick, quantum, high, span, rounding = p[0], p[4], p[5], p[7], p[8], p[9]
    v, slope, _, looks = s[:4]
    if looks == WAITS or v == GONE or threshold > high:
        return math.inf
    if v >= threshold:
        return 0.0
    step = rounded(slope * tick, quantum, rounding)
    if step > 0.0 and (span == 0.0 or step <= high - threshold + quantum):
        # It cannot jump over what is at the threshold and above it.
        missing = threshold - v
        whole = times(missing, step)
        return whole + 1.0 if whole * step < missing else whole
    if span == 0.0 or step == 0.0:
        return math.inf
    size = int(span / quantum)
    near, far = int((threshold - v) / quantum), int((high - v) / quantum)
    found = first_within(int((step - span * float(math.floor(step / span))) / quantum), size, near, far)
    return float(found) if found >= 0 else math.inf


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """The ticks to the first one at which V >= threshold, in time; inf where there is none."""
    return ticks_to_spike(p, s) * p[4]


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """V moves by one step a tick; one that wraps may be anywhere."""
    threshold, tick, quantum, span, rounding = p[0], p[4], p[5], p[8], p[9]
    v, slope, _, looks = s[:4]
    if looks == WAITS or v == GONE:
        return False
    step = rounded(slope * tick, quantum, rounding)
    missing = threshold - v
    return missing <= 0.0 or (missing * tick <= step * dt if span == 0.0 else step != 0.0)


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= threshold, inclusive, where the neuron looks at it."""
    return s[3] == LOOKS and s[0] >= p[0]


@jitable
def open_window(p: Numbers, s: Numbers) -> Numbers:
    """From t_min on the slope is another, and a neuron that waited looks at its threshold."""
    v, _, count, _, s_low, s_high, s_span = s
    return (v, p[2], count, LOOKS, s_low, s_high, s_span)


@jitable
def retire(p: Numbers, s: Numbers) -> Numbers:
    """V is gone; the overflows on the way to the spike are counted."""
    v, slope, count, looks, s_low, s_high, s_span = s
    k = ticks_to_spike(p, s)
    if k < math.inf:
        count += plus_often(v, rounded(slope * p[4], p[5], p[9]), k, p[6], p[7], p[8])[1]
    return (GONE, slope, count, looks, s_low, s_high, s_span)


@jitable
def overflows(p: Numbers, s: Numbers, dt: Any) -> Any:
    """Additions that left their range, those included that V will make at ticks within less than dt."""
    v, slope, count = s[:3]
    if v == GONE or not 0.0 < dt < math.inf:
        return count
    ticks = float(math.ceil(dt / p[4])) - 1.0
    return count + plus_often(v, rounded(slope * p[4], p[5], p[9]), ticks, p[6], p[7], p[8])[1]


def _range(bits: Array, fraction: Array) -> tuple[Array, Array, Array]:
    """(lowest, highest number, span) of registers of so many bits with this fraction, two's complement."""
    quantum, half = 2.0**-fraction, 2.0 ** (bits - 1)
    return -half * quantum, (half - 1) * quantum, 2.0 * half * quantum


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    size = next(iter(parameters.values())).shape
    waits = parameters["looks"] if "looks" in parameters else np.zeros(size)
    for name in INTEGERS:
        if (parameters[name] != np.floor(parameters[name])).any():
            raise ModelError(f"fixed_point: {name} = {parameters[name][0]}; must be an integer. Round it.")
    v_low, v_high, v_span = _range(parameters["v_bits"], parameters["v_fraction"])
    s_low, s_high, s_span = _range(parameters["s_bits"], parameters["s_fraction"])
    wraps = parameters["overflow"] == WRAP
    return [
        *ramp_rows(parameters, window), waits, 2.0 ** -parameters["t_fraction"], 2.0 ** -parameters["v_fraction"],
        v_low, v_high, np.where(wraps, v_span, 0.0), parameters["rounding"], s_low, s_high,
        np.where(wraps, s_span, 0.0),
    ]  # fmt: skip


WRAP = 1.0
INTEGERS = ("v_bits", "v_fraction", "s_bits", "s_fraction", "t_fraction")
WIDTH: dict[str, Any] = {"low": 2.0, "high": 32.0}
FRACTION: dict[str, Any] = {"low": -64.0, "high": 64.0}
REGISTERS = (
    Parameter("v_bits", "1", "width of V", default=16.0, **WIDTH),
    Parameter("v_fraction", "1", "V is a multiple of 2^-v_fraction", default=8.0, **FRACTION),
    Parameter("s_bits", "1", "width of S", default=32.0, **WIDTH),
    Parameter("s_fraction", "1", "S is a multiple of 2^-s_fraction", default=8.0, **FRACTION),
    Parameter("t_fraction", "1", "a tick is 2^-t_fraction", default=8.0, **FRACTION),
    Parameter("rounding", "choice", "of the step of V in a tick", default="half_even", choices=REGISTER_RULES),
    Parameter(
        "overflow", "choice", "what an addition does that leaves its range", default="saturate", choices=OVERFLOW
    ),
)

DYNAMICS = Dynamics(
    STATE, ROWS, initial, propagator, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike, open_window=open_window, retire=retire, overflows=overflows,
)  # fmt: skip


def _on_chip(model: Model) -> Model:
    """The variant "fixed_point" of a ramp."""
    waits = (LOOKS_WHEN,) if model.windowed and model.spiking else ()
    return register(
        dataclasses.replace(
            model, name=f"{model.name}{VARIANT}fixed_point", parameters=(*model.parameters, *REGISTERS, *waits),
            prepare=_rows, dynamics=DYNAMICS, shared=(*INTEGERS, "rounding", "overflow"), bounded=None,
            family="ramps on chips",
            equation=f"{model.equation}\nV and S are integers times 2^-fraction, and V moves once a tick",
        )
    )  # fmt: skip


VARIANTS = tuple(_on_chip(model) for model in (LINEAR_PSP, TTFS_B1, TTFS_ALPHA1, INTEGRATOR))
