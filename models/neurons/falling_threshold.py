"""Linear potentials under a threshold that falls with time (W. Wei et al. 2023, "Temporal-coded SNNs with dynamic
firing threshold"; the potentials are the Rel-PSP of M. Zhang et al. 2020).

dV/dt = the sum of the weights that have arrived. Before t_min the threshold is infinite; from t_min on it is
threshold - decline (t - t_min). A neuron that is above it at t_min fires there, whichever way V goes; it fires once,
and at t_max at the latest it is silent. In the paper windows are [l, l + 1], threshold = 1 and decline = 1, so that

    t = (t_max + sum of w t_j) / (1 + sum of w) over the inputs that have arrived by t.

From t_min on the state holds V + decline (t - t_min), which the constant `threshold` is compared with. Every function
works on `fractions.Fraction` too; in floats, as in `linear_psp`, a few roundings are all there is.
"""

import math
from collections.abc import Mapping
from typing import Any

from eventsim._jit import jitable
from eventsim.network.neuron_model import Array, Model, Numbers, Parameter, register

ROWS = ("threshold", "decline")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, no slope; the window is closed (0; 1 at t_min, 2 after it)."""
    return (0 * p[0], 0 * p[0], 0 * p[0])


@jitable
def propagator(p: Numbers, dt: Any) -> Numbers:
    """The elapsed time itself."""
    return (dt,)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """State dt later, given no input in between."""
    return (s[0] + s[1] * c[0], s[1], min(s[2] + s[2], 2 + 0 * s[2]))


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input adds its weight to the slope; V is continuous."""
    return (s[0], s[1] + w, s[2])


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """False only before t_min, or where threshold - V > slope dt: the same rounded difference as `time_to_spike`."""
    missing = p[0] - s[0]
    return s[2] > 0 and (missing <= 0 or missing <= s[1] * dt)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """0 where V is above the threshold at t_min, or rises and rounding has it there; else (threshold - V) / slope."""
    missing = p[0] - s[0]
    if s[2] == 0:
        return math.inf
    if missing <= 0 and (s[1] > 0 or s[2] == 1):
        return 0
    if s[1] <= 0:
        return math.inf
    return missing / s[1]


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V at or above the threshold, which is infinite before t_min."""
    return s[2] > 0 and s[0] >= p[0]


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """It fires once: its state is never looked at again."""
    return s


@jitable
def open_window(p: Numbers, s: Numbers) -> Numbers:
    """From t_min on the threshold falls, which is as if V rose."""
    return (s[0], s[1] + p[1], s[2] + 1)


@jitable
def tick(p: Numbers, s: Numbers) -> Numbers:
    """Not a clocked model: never called."""
    return s


@jitable
def retire(s: Numbers) -> Numbers:
    """V = -inf: `may_spike` never holds again."""
    return (-math.inf, 0 * s[1], s[2])


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    return [parameters["threshold"], parameters["decline"]]


FALLING_THRESHOLD = register(
    Model(
        name="falling_threshold",
        family="steps",
        parameters=(
            Parameter("threshold", "V", "firing threshold at t_min"),
            Parameter("decline", "V/time", "how fast the threshold falls from t_min on", default=1.0, low=0.0),
        ),
        state=("v", "slope", "open"),
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
        open_window=open_window,
        tick=tick,
        retire=retire,
        windowed=True,
        single_spike=True,
        on_fractions=True,
    )
)
