"""From the emission of a spike to its packets: over the fabric, where there is one, then the delay of each projection.

Relies on the lanes and on the fabric. Used by `emission` and `sources`.
"""

import functools
import math
from typing import Any

from eventsim._jit import kernel_part
from eventsim.engines.compiled.fabric import make_fabric
from eventsim.engines.compiled.lanes import push_packet
from eventsim.engines.compiled.synaptic_delays import set_out
from eventsim.engines.tables import DONE, LOST_DELAY, SPREAD, Machine, Output
from eventsim.faults.acting import NUMBERS


@kernel_part
def bring(m: Machine, k: int, left: float, t: float, neuron: int, number: int) -> int:
    """A spike that was emitted at t leaves for the synapses of lane k at `left`. Returns a status."""
    lane = m.lanes[k]
    if lane.kind == SPREAD:
        if not set_out(m, k, left, neuron, number):
            m.control[0].neuron = m.nodes[lane.pre].first + neuron
            return LOST_DELAY
        return DONE
    arrival = left + lane.delay
    if lane.delay > 0.0:
        if arrival == left:
            m.control[0].neuron = m.nodes[lane.pre].first + neuron
            return LOST_DELAY
        if lane.ticks > 0:
            period = m.nodes[lane.pre].period
            tick = math.floor(t / period + 0.5)
            if left == t and tick * period == t:
                arrival = (tick + lane.ticks) * period
    push_packet(m, k, arrival, neuron, number)
    return DONE


@functools.cache
def make_send(arbiters: tuple[tuple[Any, Any], ...]) -> tuple[Any, Any]:
    """``send(m, output, n, neuron, t)``: a spike is emitted at t; ``settle(m, output, t)``: what the fabric does at t.

    Both return a status; without a fabric, which has no arbiters, a spike leaves for its synapses as it is emitted, and
    ``settle`` is None. `send` is inlined, twice: a call hands over all arrays of the machine, which took a tenth of the
    dense benchmark.
    """
    if arbiters:
        inject, settle = make_fabric(arbiters, bring)

        @kernel_part
        def send_by_fabric(m: Machine, output: Output, n: int, neuron: int, t: float) -> int:
            g = m.nodes[n].first + neuron
            number = m.neuron_states[g].sent & (NUMBERS - 1)
            m.neuron_states[g].sent += 1
            return inject(m, output, g, number, t)

        return send_by_fabric, settle

    @kernel_part
    def send(m: Machine, output: Output, n: int, neuron: int, t: float) -> int:  # noqa: ARG001 - the fabric's log
        node = m.nodes[n]
        control = m.control[0]
        if node.first_out == node.last_out:
            return DONE
        state = m.neuron_states[node.first + neuron]
        number = state.sent & (NUMBERS - 1)
        state.sent += 1
        for o in range(node.first_out, node.last_out):
            k = m.links[o]
            status = bring(m, k, t, t, neuron, number)
            if status != DONE:
                return status
            lane_state = m.lane_states[k]
            if lane_state.tail - lane_state.head + node.n_neurons + control.pending > lane_state.mask:
                control.grow = 1
        return DONE

    return send, None
