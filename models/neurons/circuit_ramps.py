"""Ramps in a circuit: V leaks, has a range, or is compared with its threshold in its window alone.

Relies on the ramps (`ttfs`); registered as their variants "circuit", which the state faults give to populations. State:
V, S, and whether the neuron looks at its threshold. Between events V' = S - V / tau moves V one way, so that a limit
is reached once, and V stays there until the drive turns: the end of the way, brought into the range, is exact.

With V' = S - V / tau and the drift d = S - V / tau, V moves by d u in a time t, where u = tau (1 - e^(-t / tau)) is the
time as a leak counts it (A. Stanojevic et al. 2024, eq. 2, with a leak). u is t where there is none, and comes near t
as tau grows, without cancellation. V rises to the threshold in t = -tau ln(1 - u / tau) with u = (threshold - V) / d,
which is tau ln((S tau - V) / (S tau - threshold)), and never where u >= tau: a threshold that V comes near for ever
without reaching it is silence.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.models.neurons.ttfs import INTEGRATOR, LINEAR_PSP, TTFS_ALPHA1, TTFS_B1, ramp_rows, reset
from eventsim.models.neurons.ttfs import ROWS as RAMP_ROWS
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import VARIANT, Array, Model, Parameter, register

ROWS = (*RAMP_ROWS, "tau_leak", "v_low", "v_high", "waits")
# Whether the neuron looks at its threshold: never again, not before t_min, now and from now on, from now on.
DONE, WAITS, LOOKS, OPENS = -1.0, 0.0, 1.0, 2.0


@jitable
def within(v: Any, low: Any, high: Any) -> Any:
    """V, or the limit that it would pass; min and max would leave the sign of a zero open."""
    if v < low:
        return low
    if v > high:
        return high
    return v


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, S = the slope before any input."""
    start, waits = p[1], p[6]
    return (0.0, start, WAITS if waits == 1.0 else LOOKS)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """The time as a leak counts it, what it leaks with, and the range of V."""
    tau, low, high = p[3:6]
    if tau == math.inf:
        return (dt, tau, low, high)
    return (-tau * math.expm1(-dt / tau), tau, low, high)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V moves by its drift, and stays in its range."""
    time, tau, low, high = c
    v, slope, looks = s
    if looks == DONE:
        return s
    return (within(v + (slope - v / tau) * time, low, high), slope, LOOKS if looks == OPENS else looks)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input adds its weight to the slope; V is continuous."""
    v, slope, looks = s
    return (v, slope + w, looks)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """A leak slows V down: within dt it rises by drift dt at most."""
    threshold, tau = p[0], p[3]
    v, slope, looks = s
    missing = threshold - v
    return looks > WAITS and (missing <= (slope - v / tau) * dt or (looks == OPENS and missing <= 0.0))


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; 0 where V is at the threshold and rises, or where the window opens on it; else inf."""
    threshold, tau, high = p[0], p[3], p[5]
    v, slope, looks = s
    if looks <= WAITS:
        return math.inf
    missing, drift = threshold - v, slope - v / tau
    if missing <= 0.0 and (drift > 0.0 or looks == OPENS):
        return 0.0
    if drift <= 0.0 or threshold > high:
        return math.inf
    time = missing / drift
    if tau == math.inf:
        return time
    if time >= tau:
        return math.inf
    return -tau * math.log1p(-time / tau)


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= threshold, inclusive, where the neuron looks at it."""
    threshold = p[0]
    v, _, looks = s
    return looks > WAITS and v >= threshold


@jitable
def open_window(p: Numbers, s: Numbers) -> Numbers:
    """From t_min on the slope is another, and a neuron that waited looks at its threshold."""
    fire = p[2]
    v, _, looks = s
    return (v, fire, OPENS if looks == WAITS else looks)


@jitable
def retire(p: Numbers, s: Numbers) -> Numbers:
    """V = -inf: it never looks again."""
    slope = s[1]
    return (-math.inf, slope, DONE)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    size = next(iter(parameters.values())).shape
    waits = parameters["looks"] if "looks" in parameters else np.zeros(size)
    return [*ramp_rows(parameters, window), *(parameters[name] for name in ROWS[3:6]), waits]


DYNAMICS = Dynamics(
    ("v", "slope", "looks"), ROWS, initial, propagator, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike, open_window=open_window, retire=retire,
)  # fmt: skip
TAU_LEAK = Parameter(
    "tau_leak", "time", "time constant of the leak; inf: none", default=math.inf, low=1e-50, infinite=True
)
LOW = Parameter("v_low", "V", "V stays at or above it; -inf: no limit", default=-math.inf, high=0.0, infinite=True)
HIGH = Parameter("v_high", "V", "V stays at or below it; inf: no limit", default=math.inf, low=0.0, infinite=True)
LOOKS_WHEN = Parameter(
    "looks", "choice", "when V is compared with the threshold", default="always", choices=("always", "in_window")
)


def _in_circuit(model: Model) -> Model:
    """The variant "circuit" of a ramp."""
    waits = (LOOKS_WHEN,) if model.windowed and model.spiking else ()
    return register(
        dataclasses.replace(
            model, name=f"{model.name}{VARIANT}circuit", parameters=(*model.parameters, TAU_LEAK, LOW, HIGH, *waits),
            prepare=_rows, dynamics=DYNAMICS, shared=("tau_leak", "v_low", "v_high"), bounded=None,
            family="ramps in circuits",
            equation=f"{model.equation}\nin the range v_low <= V <= v_high, and less V / tau_leak",
        )
    )  # fmt: skip


VARIANTS = tuple(_in_circuit(model) for model in (LINEAR_PSP, TTFS_B1, TTFS_ALPHA1, INTEGRATOR))
