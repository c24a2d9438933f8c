"""Neurons whose inputs move V itself, in a circuit: V stays in a range.

Relies on the models `lif_delta`, `if_delta`, `step_psp` and `lif_clocked`; registered as their variants "circuit". The
limits stand in the state behind that of the model, since an input meets them, too: what is added beyond a limit is lost
at once, input by input in the order of arrival. Between events V moves one way, so that the end of the way, brought
into the range, is exact. On a clock V is brought into the range when it is written, once a tick, and at a reset.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.errors import ModelError
from eventsim.models.neurons.circuit_ramps import within
from eventsim.models.neurons.if_delta import IF_DELTA
from eventsim.models.neurons.lif_clocked import LIF_CLOCKED
from eventsim.models.neurons.lif_delta import LIF_DELTA
from eventsim.models.neurons.step_psp import STEP_PSP
from eventsim.network.dynamics import Dynamics, Numbers
from eventsim.network.neuron_model import VARIANT, Array, Model, Parameter, register

LOW = Parameter("v_low", "V", "V stays at or above it; -inf: no limit", default=-math.inf, infinite=True)
HIGH = Parameter("v_high", "V", "V stays at or below it; inf: no limit", default=math.inf, infinite=True)


def _limited(dynamics: Dynamics, buffers: bool) -> Dynamics:
    """The same with a range; `buffers`: an input waits for a tick, and does not meet the limits."""
    begin, move, take = dynamics.initial, dynamics.advance, dynamics.receive
    lower, clock, cross, above = dynamics.reset, dynamics.tick, dynamics.time_to_spike, dynamics.above
    n, rows = len(dynamics.state), len(dynamics.rows)

    @jitable
    def kept(s: Numbers, low: Any, high: Any) -> Numbers:
        return (within(s[0], low, high),) + s[1:] + (low, high)  # noqa: RUF005 - numba unpacks no tuples

    @jitable
    def initial(p: Numbers) -> Numbers:
        return kept(begin(p[:rows]), p[rows], p[rows + 1])

    @jitable
    def advance(c: Numbers, s: Numbers) -> Numbers:
        return kept(move(c, s[:n]), s[n], s[n + 1])

    @jitable
    def receive(s: Numbers, w: Any) -> Numbers:
        if buffers:
            return take(s[:n], w) + s[n:]
        return kept(take(s[:n], w), s[n], s[n + 1])

    @jitable
    def reset(p: Numbers, s: Numbers) -> Numbers:
        return kept(lower(p[:rows], s[:n]), s[n], s[n + 1])

    @jitable
    def tick(p: Numbers, s: Numbers) -> Numbers:
        return kept(clock(p[:rows], s[:n]), s[n], s[n + 1])

    @jitable
    def time_to_spike(p: Numbers, s: Numbers) -> Any:
        at_limit = (s[n + 1],) + s[1:n]  # noqa: RUF005 - numba unpacks no tuples
        if not above(p, at_limit) and not above(p, s):
            return math.inf
        return cross(p[:rows], s[:n])

    return dataclasses.replace(
        dynamics, state=(*dynamics.state, "v_low", "v_high"), rows=(*dynamics.rows, "v_low", "v_high"),
        initial=initial, advance=advance, receive=receive, reset=reset, time_to_spike=time_to_spike,
        tick=tick if buffers else dynamics.tick, on_fractions=False,
    )  # fmt: skip


def _rows(name: str, prepare: Any, parameters: Mapping[str, Array], window: Any) -> list[Array]:
    low, high = parameters["v_low"], parameters["v_high"]
    empty = np.flatnonzero(low >= high)
    if empty.size:
        raise ModelError(
            f"{name}: v_low[{empty[0]}] = {low[empty[0]]}; must be below v_high = {high[empty[0]]}. Give V a range."
        )
    return [*prepare(parameters, window), low, high]


def _in_circuit(model: Model) -> Model:
    """The variant "circuit" of a model."""
    return register(
        dataclasses.replace(
            model, name=f"{model.name}{VARIANT}circuit", parameters=(*model.parameters, LOW, HIGH),
            prepare=functools.partial(_rows, model.name, model.prepare),
            dynamics=_limited(model.dynamics, model.clocked), family="",
            equation=f"{model.equation}\nin the range v_low <= V <= v_high",
        )
    )  # fmt: skip


VARIANTS = tuple(_in_circuit(model) for model in (LIF_DELTA, IF_DELTA, STEP_PSP, LIF_CLOCKED))
