"""Leaky integrate-and-fire neuron with delta synapses and a constant drive.

tau_mem dV/dt = v_leak + current - V; an input of weight w moves V by w; V >= v_threshold fires, V := v_reset and is
held there for t_ref, while inputs are discarded. Between inputs V relaxes to v_inf = v_leak + current, so the crossing
is tau_mem ln((v_inf - V) / (v_inf - v_threshold)) away, and never where v_inf <= v_threshold.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.errors import ModelError
from eventsim.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = ("tau_mem", "v_threshold", "v_reset", "v_inf", "v_init")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = v_init."""
    return (p[4],)


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """(decay over dt, v_inf)."""
    return (math.exp(-dt / p[0]), p[3])


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """V relaxes towards v_inf."""
    return (c[1] + (s[0] - c[1]) * c[0],)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input moves V by its weight."""
    return (s[0] + w,)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Without input only a drive above the threshold makes a spike."""
    return p[3] > p[1]


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Closed form; inf where the drive stays at or below the threshold."""
    if p[3] <= p[1]:
        return math.inf
    if s[0] >= p[1]:
        return 0
    return p[0] * math.log((p[3] - s[0]) / (p[3] - p[1]))


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V >= v_threshold, inclusive."""
    return s[0] >= p[1]


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """V := v_reset."""
    return (p[2],)


@jitable
def unchanged(p: Numbers, s: Numbers) -> Numbers:
    """Neither windowed nor clocked: never called."""
    return s


@jitable
def retire(s: Numbers) -> Numbers:
    """Not a single-spike model: never called."""
    return s


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    for name in ("v_reset", "v_init"):
        bad = np.flatnonzero(parameters[name] >= parameters["v_threshold"])
        if bad.size:
            raise ModelError(
                f"lif_delta: {name}[{bad[0]}] = {parameters[name][bad[0]]}; must be below v_threshold = "
                f"{parameters['v_threshold'][bad[0]]}. Lower {name} or raise the threshold."
            )
    drive = parameters["v_leak"] + parameters["current"]
    return [parameters["tau_mem"], parameters["v_threshold"], parameters["v_reset"], drive, parameters["v_init"]]


LIF_DELTA = register(
    Model(
        name="lif_delta",
        parameters=(
            Parameter("tau_mem", "time", "membrane time constant", low=0.0, open_low=True),
            Parameter("v_threshold", "V", "firing threshold", default=1.0),
            Parameter("v_reset", "V", "potential after a spike", default=0.0),
            Parameter("v_leak", "V", "resting potential", default=0.0),
            Parameter("current", "V", "constant drive, as the shift of the resting potential", default=0.0),
            Parameter("t_ref", "time", "refractory period", default=0.0, low=0.0),
            Parameter("v_init", "V", "potential at the beginning", default=0.0),
        ),
        state=("v",),
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
        open_window=unchanged,
        tick=unchanged,
        retire=retire,
        jumps=True,
        shared=("tau_mem", "v_leak", "current"),
        threshold="v_threshold",
    )
)
