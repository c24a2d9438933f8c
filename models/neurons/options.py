"""Options that neuron models have in common: how often a neuron may fire, how long it is held, what is refused.

Relies on the contract of neuron models. Used by the models of this folder that reset their potential.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from eventsim.checks import HEAVIEST
from eventsim.errors import ModelError
from eventsim.network.neuron_model import ONCE, Array, Parameter

THRESHOLD = Parameter("v_threshold", "V", "firing threshold", default=1.0)
RESET = Parameter("v_reset", "V", "potential after a spike", default=0.0)
LEAK = Parameter("v_leak", "V", "resting potential", default=0.0)
CURRENT = Parameter(
    "current", "V", "drive, as the shift of the resting potential; constant, or Steps in time", default=0.0, steps=True
)
REFRACTORY = Parameter("t_ref", "time", "refractory period, in which inputs are discarded", default=0.0, low=0.0)
HELD = Parameter("t_ref", "time", "refractory period, in which V is held", default=0.0, low=0.0)
START = Parameter("v_init", "V", "potential at the beginning", default=0.0)
SPIKES = Parameter("spikes", "choice", "how often a neuron may fire", default="many", choices=("many", "once"))
RESETS = Parameter("reset", "choice", "v_reset, or less by v_threshold", default="hard", choices=("hard", "soft"))
# As weights are bounded, so that no potential leaves the range of float64.
RESISTANCE = Parameter(
    "r", "V", "resistance: what a lasting current of 1 adds to V", default=1.0, low=-HEAVIEST, high=HEAVIEST
)
# Quotients of resistances, weights and two time constants are numbers, too: 1e100 * 1e100 / (1e-50 * 1e-50).
SHORTEST, LONGEST = 1e-50, 1e50


def time_constant(name: str, meaning: str, default: float | None = None) -> Parameter:
    """Return the parameter of a time in which something decays to its e-th part."""
    return Parameter(name, "time", meaning, default=default, low=SHORTEST, high=LONGEST)


TAU_MEM = time_constant("tau_mem", "membrane time constant")
TAU_SYN = time_constant("tau_syn", "time constant of the currents")
OF_RECEPTORS = replace(TAU_SYN, meaning=f"{TAU_SYN.meaning}; of several receptors, a dict", each_receptor=True)
# May only err towards "may spike": more than all roundings on the way to a crossing.
MARGIN = 2.0**-46
SOFT = 1.0  # the number of "soft" among the choices of `reset`


def check_potentials(name: str, parameters: Mapping[str, Array]) -> None:
    """Refuse a neuron that would be at its threshold at once or, after a hard reset, after each spike."""
    soft = "reset" in parameters and bool((parameters["reset"] == SOFT).all())
    for potential in ("v_init",) if soft else ("v_reset", "v_init"):
        bad = np.flatnonzero(parameters[potential] >= parameters["v_threshold"])
        if bad.size:
            raise ModelError(
                f"{name}: {potential}[{bad[0]}] = {parameters[potential][bad[0]]}; must be below v_threshold = "
                f"{parameters['v_threshold'][bad[0]]}. Lower {potential} or raise the threshold."
            )


def holding(parameters: Mapping[str, Array]) -> Array:
    """How long V is held after a spike: t_ref, or for ever where the neuron spikes once."""
    return np.where(parameters["spikes"] == ONCE, math.inf, parameters["t_ref"])
