"""Relays: neurons without a membrane, which pass on one of the spikes that reach them. Pools are made of them.

A relay counts its inputs and spikes at the one that makes the count reach its `count`: with 1 at the earliest, which is
the maximum of values coded by t_max - t (Stanojevic et al. 2023), with all of its inputs at the last, the minimum; a
relay that does not hear so many is silent.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.errors import ModelError
from eventsim.network.dynamics import Dynamics, Numbers, elapsed, still, unchanged
from eventsim.network.neuron_model import Array, Model, Parameter, register
from eventsim.network.regimes import Relay


@jitable
def initial(p: Numbers) -> Numbers:
    """Nothing has been heard."""
    count = p[0]
    return (0 * count,)


@jitable
def receive(s: Numbers, w: Any) -> Numbers:
    """One input more; pools have weight 1."""
    heard = s[0]
    return (heard + w,)


@jitable
def time_to_spike(p: Numbers, s: Numbers) -> Any:
    """Never without an input."""
    return math.inf


@jitable
def above(p: Numbers, s: Numbers) -> bool:
    """Have enough inputs been heard?"""
    count = p[0]
    heard = s[0]
    return heard >= count


@jitable
def may_spike(p: Numbers, s: Numbers, dt: Any) -> bool:
    """Without a further input only one that has heard enough."""
    return above(p, s)


@jitable
def retire(p: Numbers, s: Numbers) -> Numbers:
    """No number of further inputs is enough."""
    return (-math.inf,)


@jitable
def bounded_receive(s: Numbers, w: Any, time_error: Any) -> Numbers:
    """One input more, whenever it should have come."""
    heard = s[0]
    return (heard + w,)


@jitable
def time_error(p: Numbers, s: Numbers, t: Any) -> Numbers:
    """(on its own inputs, on the whole network's): it rounds nothing; an input not yet heard may be due before."""
    return (0.0, math.inf)


def _rows(parameters: Mapping[str, Array], window: Any) -> list[Array]:
    counts = parameters["count"]
    bad = np.flatnonzero(counts != np.floor(counts.astype(np.float64)))
    if bad.size:
        raise ModelError(f"relay: count[{bad[0]}] = {counts[bad[0]]}; must be a whole number >= 1. Round it.")
    return [counts]


PARAMETERS = (Parameter("count", "1", "how many inputs make it spike", default=1.0, low=1.0, high=2.0**31),)
DYNAMICS = Dynamics(
    ("heard",), ("count",), initial, elapsed, still, receive, time_to_spike, above, unchanged,
    may_spike=may_spike, retire=retire, on_fractions=True,
)  # fmt: skip
BOUNDED = dataclasses.replace(DYNAMICS, receive=bounded_receive, time_error=time_error)

RELAY = register(
    Model(
        "relay", PARAMETERS, _rows, DYNAMICS, Relay(), family="ramps", threshold="count", bounded=BOUNDED,
        equation="fires once, at the input that makes `count` of them: 1 is a max pool, all of a field a min pool",
        source="max pooling of first spikes, as in A. Stanojevic et al. 2023",
    )
)  # fmt: skip
"""Spikes when it has heard `count` spikes. Behind relays the propagated rounding bounds of a run are infinite.

What an input that comes later would have been in exact arithmetic, a relay cannot know when it spikes; `verify`, which
looks back, has finite bounds.
"""
