"""From the emission of a spike to its packets: transport, then the delay of each projection.

Relies on the lanes and on the transport's scalar function. Used by `emission` and `sources`.
"""

import math
from typing import Any

from eventsim._jit import kernel_part
from eventsim.engines.compiled.lanes import push_packet
from eventsim.engines.compiled.synaptic_delays import set_out
from eventsim.engines.tables import DONE, LOST_DELAY, SPREAD, Machine
from eventsim.faults.acting import NUMBERS


def make_send(carry: Any) -> Any:
    """Transport and delay: from emission at t to packets in the lanes. Returns a status.

    Inlined, twice: a call hands over all arrays of the machine, which took a tenth of the dense benchmark.
    """
    if carry is None:

        @kernel_part
        def depart(m: Machine, t: float) -> float:  # noqa: ARG001 - absent stage
            return t
    else:

        @kernel_part
        def depart(m: Machine, t: float) -> float:
            return carry(m.stages[m.stages.shape[0] - 1 - m.stations.size], m.transport_state, t)

    @kernel_part
    def send(m: Machine, n: int, neuron: int, t: float) -> int:
        node = m.nodes[n]
        control = m.control[0]
        if node.first_out == node.last_out:
            return DONE
        left, state = depart(m, t), m.neuron_states[node.first + neuron]
        number = state.sent & (NUMBERS - 1)
        state.sent += 1
        for o in range(node.first_out, node.last_out):
            k = m.links[o]
            lane, lane_state = m.lanes[k], m.lane_states[k]
            if lane.kind == SPREAD:
                if not set_out(m, k, left, neuron, number):
                    control.neuron = node.first + neuron
                    return LOST_DELAY
            else:
                arrival = left + lane.delay
                if lane.delay > 0.0:
                    if arrival == left:
                        control.neuron = node.first + neuron
                        return LOST_DELAY
                    if lane.ticks > 0:
                        tick = math.floor(t / node.period + 0.5)
                        if left == t and tick * node.period == t:
                            arrival = (tick + lane.ticks) * node.period
                push_packet(m, k, arrival, neuron, number)
            if lane_state.tail - lane_state.head + node.n_neurons + control.pending > lane_state.mask:
                control.grow = 1
        return DONE

    return send
