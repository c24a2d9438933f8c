"""Delivery: how an input meets a neuron. Every sweep goes through it, whatever the projection and the model.

Relies on the machine's arrays, on a model's scalar functions and on those of arrival faults (`eventsim.faults`). Used
by `folding`, `lookahead` and `arrival`. Where no fault acts at arrival, an input is the model's ``receive`` and nothing
else is compiled.
"""

import functools
from typing import Any

from eventsim._jit import jitable, kernel_part, whole
from eventsim.checks import HEAVIEST
from eventsim.engines.compiled.alternatives import choice
from eventsim.engines.compiled.rows import LOAD, STORE
from eventsim.engines.tables import Machine
from eventsim.faults.acting import ARRIVAL
from eventsim.network.dynamics import Dynamics


@functools.cache
def make_spike(delivers: tuple[Any, ...], receptors: bool) -> Any:
    """``spike(m, k, number, sample)``: what the synapses share that one packet of lane k reaches, for `receive`.

    The receptor that it reaches, 0 where no model has several (`receptors`), and what arrival faults ask.
    """
    if not delivers and not receptors:

        @kernel_part
        def nothing(m: Machine, k: int, number: int, sample: Any) -> int:  # noqa: ARG001 - absent stage
            return 0

        return nothing
    if not delivers:

        @kernel_part
        def receptor(m: Machine, k: int, number: int, sample: Any) -> int:  # noqa: ARG001 - absent stage
            return whole(m.lanes[k].receptor)

        return receptor

    @kernel_part
    def spike(m: Machine, k: int, number: int, sample: Any) -> Any:
        lane = m.lanes[k]
        return whole(lane.receptor), m.control, m.stages, m.fault_keys, whole(lane.projection), number, sample

    return spike


@functools.cache
def make_weigh(delivers: tuple[Any, ...]) -> Any:
    """``weigh(spike, synapse, w)``: the weight with which a spike arrives at a synapse whose own weight is w.

    `synapse` is a number as arrival faults know it (`synapse_numbers`). The first weight that is none is noted in
    ``control.astray``, and ends the run.
    """
    if not delivers:

        @jitable
        def weigh_plain(spike: Any, synapse: int, w: float) -> float:  # noqa: ARG001 - absent stage
            return w

        return weigh_plain
    deliver = choice(delivers)

    @kernel_part
    def weigh(spike: Any, synapse: int, w: float) -> float:
        _, control, stages, keys, k, number, sample = spike
        arrived = w
        for f in range(keys.shape[0]):
            if keys[f, k, 1] == ARRIVAL:
                arrived = deliver(int(keys[f, k, 2]), stages[f], keys[f, k, 0], sample, synapse, number, arrived)
        if not abs(arrived) <= HEAVIEST and control[0].astray == 0:  # also of what is no number
            control[0].astray = k + 1
        return arrived

    return weigh


@functools.cache
def make_receive(dynamics: Dynamics, delivers: tuple[Any, ...]) -> Any:
    """``receive(spike, synapse, s, w, error)``: the state behind an input at a synapse of weight w (`make_weigh`).

    `error` bounds the rounding of its time; models without bounds make nothing of it.
    """
    weigh, take = make_weigh(delivers), make_take(dynamics, delivers)
    if not delivers:

        @jitable
        def receive_plain(spike: Any, synapse: int, s: Any, w: float, error: float) -> Any:  # noqa: ARG001 - no fault
            return take(spike, s, w, error)

        return receive_plain

    @jitable
    def receive(spike: Any, synapse: int, s: Any, w: float, error: float) -> Any:
        return take(spike, s, weigh(spike, synapse, w), error)

    return receive


@functools.cache
def make_take(dynamics: Dynamics, delivers: tuple[Any, ...]) -> Any:
    """``take(spike, s, w, error)``: the model's `receive`, with what it asks of an input beside its weight.

    Where it carries rounding bounds the error of the input's time, where it has several receptors which is reached.
    """
    receive = dynamics.receive
    if dynamics.time_error is not None:

        @jitable
        def take_with_error(spike: Any, s: Any, w: float, error: float) -> Any:  # noqa: ARG001 - one contract
            return receive(s, w, error)

        return take_with_error
    if dynamics.n_receptors > 1 and delivers:

        @jitable
        def take_weighed(spike: Any, s: Any, w: float, error: float) -> Any:  # noqa: ARG001 - one contract
            return receive(s, w, spike[0])

        return take_weighed
    if dynamics.n_receptors > 1:

        @jitable
        def take_at_receptor(spike: Any, s: Any, w: float, error: float) -> Any:  # noqa: ARG001 - one contract
            return receive(s, w, spike)

        return take_at_receptor

    @jitable
    def take(spike: Any, s: Any, w: float, error: float) -> Any:  # noqa: ARG001 - one contract
        return receive(s, w)

    return take


@functools.cache
def make_sweeps(dynamics: Dynamics, delivers: tuple[Any, ...]) -> tuple[Any, Any]:
    """(sweep, fold): one spike into neighbours that share a time of last update, in loops over contiguous arrays.

    ``sweep(spike, first, apart, st, pr, w, c, pad, error)`` advances them by the coefficients c first; both return how
    many may spike within `pad` from then on. `st` and `pr` are tuples of rows (n,) of states and parameters, `w` the
    weights (n,); the synapse to the first neuron is number `first`, that to the next `first + apart`.
    """
    load, store, part = LOAD[len(dynamics.state)], STORE[len(dynamics.state)], LOAD[len(dynamics.rows)]
    advance, may_spike, receive = dynamics.advance, dynamics.may_spike, make_receive(dynamics, delivers)

    @kernel_part
    def sweep(spike: Any, first: int, apart: int, st: Any, pr: Any, w: Any, c: Any, pad: float, error: float) -> int:
        count = 0
        for i in range(w.size):
            s = receive(spike, first + i * apart, advance(c, load(st, i)), w[i], error)
            store(st, i, s)
            if may_spike(part(pr, i), s, pad):
                count += 1
        return count

    @kernel_part
    def fold(spike: Any, first: int, apart: int, st: Any, pr: Any, w: Any, pad: float, error: float) -> int:
        count = 0
        for i in range(w.size):
            s = receive(spike, first + i * apart, load(st, i), w[i], error)
            store(st, i, s)
            if may_spike(part(pr, i), s, pad):
                count += 1
        return count

    return sweep, fold
