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
from eventsim.network.dynamics import Dynamics, Numbers, elapsed
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Windowed

ROWS = ("threshold", "decline")


@jitable
def initial(p: Numbers) -> Numbers:
    """V = 0, no slope; the window is closed (0; 1 at t_min, 2 after it)."""
    threshold = p[0]
    return (0 * threshold, 0 * threshold, 0 * threshold)


@jitable
def advance(c: Numbers, s: Numbers) -> Numbers:
    """State dt later, given no input in between."""
    dt = c[0]
    v, slope, opened = s
    return (v + slope * dt, slope, min(opened + opened, 2 + 0 * opened))


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """An input adds its weight to the slope; V is continuous."""
    v, slope, opened = s
    return (v, slope + w, opened)


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """False only before t_min, or where threshold - V > slope dt: the same rounded difference as `time_to_spike`."""
    threshold = p[0]
    v, slope, opened = s
    missing = threshold - v
    return opened > 0 and (missing <= 0 or missing <= slope * dt)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """0 where V is above the threshold at t_min, or rises and rounding has it there; else (threshold - V) / slope."""
    threshold = p[0]
    v, slope, opened = s
    missing = threshold - v
    if opened == 0:
        return math.inf
    if missing <= 0 and (slope > 0 or opened == 1):
        return 0
    if slope <= 0:
        return math.inf
    return missing / slope


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """V at or above the threshold, which is infinite before t_min."""
    threshold = p[0]
    v, _, opened = s
    return opened > 0 and v >= threshold


@jitable
def reset(p: Numbers, s: Numbers) -> Numbers:
    """It fires once: its state is never looked at again."""
    return s


@jitable
def open_window(p: Numbers, s: Numbers) -> Numbers:
    """From t_min on the threshold falls, which is as if V rose."""
    decline = p[1]
    v, slope, opened = s
    return (v, slope + decline, opened + 1)


@jitable
def retire(p: Numbers, s: Numbers) -> Numbers:
    """V = -inf: `may_spike` never holds again."""
    slope, opened = s[1:3]
    return (-math.inf, 0 * slope, opened)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    return [parameters["threshold"], parameters["decline"]]


PARAMETERS = (
    Parameter("threshold", "V", "firing threshold at t_min"),
    Parameter("decline", "V/time", "how fast the threshold falls from t_min on", default=1.0, low=0.0),
)
DYNAMICS = Dynamics(
    ("v", "slope", "open"), ROWS, initial, elapsed, advance, receive, time_to_spike, above, reset,
    may_spike=may_spike, open_window=open_window, retire=retire, on_fractions=True,
)  # fmt: skip

FALLING_THRESHOLD = register(
    Model(
        "falling_threshold", PARAMETERS, _rows, DYNAMICS, Windowed(), family="steps",
        equation="dV/dt = the sum of the weights that have arrived\n"
        "V >= threshold - decline (t - t_min) fires, from t_min on and once",
        source="W. Wei et al. 2023; potentials of M. Zhang et al. 2020",
    )
)  # fmt: skip
