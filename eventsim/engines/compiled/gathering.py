"""What the queue holds for a time: crossings fire, intervals end, packets and ticks are noted for the stages to come.

Relies on the queue and on every stage that has keys in it. Used by the loop.
"""

import functools
import math
from typing import Any

from eventsim._jit import kernel_part, whole
from eventsim.engines.compiled.arrival import LOW
from eventsim.engines.compiled.clocks import gather_clock
from eventsim.engines.compiled.horizon import heap_of, rekey, schedule, touch
from eventsim.engines.compiled.keys import clock_key, lane_key, switch_key
from eventsim.engines.compiled.lanes import note_packet
from eventsim.engines.compiled.queue import pop, requeue
from eventsim.engines.compiled.sources import refill
from eventsim.engines.compiled.synaptic_delays import gather_travellers
from eventsim.engines.compiled.windows import gather_switches, make_switch
from eventsim.engines.tables import SPREAD, Machine, Output, Stimulus, packet_at


@functools.cache
def _make_gather_cohort(cross: Any) -> Any:
    """A cohort's time has come: a stored crossing fires (stage 1), a refractory end or a bound is looked at."""

    @kernel_part
    def gather_cohort(m: Machine, c: int, t: float, sample: Any) -> None:
        n = m.cohorts[c].node
        node = m.nodes[n]
        cohort = m.cohort_states[c]
        if cohort.refractory == 1:
            cohort.refractory = 0
            cohort.flagged = 1
            rekey(m, c, math.inf)
            touch(m, c, t)
            return
        if node.shared == 1 and cohort.candidates == 0:
            cohort.flagged = 1
            rekey(m, c, math.inf)
            touch(m, c, t)
            return
        rekey(m, c, math.inf)
        crossing = True
        while crossing:
            i, heap = c - node.cohort, heap_of(node, c)
            if node.shared == 1:
                i = m.waiting[heap].who
                cohort.candidates = pop(m.waiting, heap, cohort.candidates)
            crossing = cohort.candidates > 0 and m.waiting[heap].t == t
            cross(node.dynamics, m, n, c, i, t, sample)
        if node.shared == 1:
            schedule(m, node, c)

    return gather_cohort


@kernel_part
def gather_lane(m: Machine, stimulus: Stimulus, k: int, t: float) -> None:
    """Take all packets of lane k that arrive at t."""
    control = m.control[0]
    lane_state = m.lane_states[k]
    while True:
        if lane_state.tail - lane_state.head < LOW and lane_state.cursor < control.stimulus_end:
            refill(m, stimulus, k)
        if lane_state.head == lane_state.tail:
            break
        place = packet_at(lane_state, 0)
        if m.ring[place].t != t:
            break
        note_packet(m, k, whole(m.ring[place].neuron), whole(m.ring[place].number))
        lane_state.head += 1
    key = math.inf
    if lane_state.head < lane_state.tail:
        key = m.ring[packet_at(lane_state, 0)].t
    requeue(m.queue, lane_key(m, k), key)


@functools.cache
def make_gather(cross: Any, readout: Any, open_window: Any) -> Any:
    """Take everything that the queue holds for time t: crossings fire (stage 1), intervals end (stage 2)."""
    switch_node, gather_cohort = make_switch(readout, open_window), _make_gather_cohort(cross)

    @kernel_part
    def gather(m: Machine, stimulus: Stimulus, output: Output, t: float, sample: Any) -> None:
        control = m.control[0]
        first_switch = control.switch
        while m.queue[0].key == t:
            node = whole(m.queue[0].node)
            control.queue_operations += 1
            if node < m.cohorts.size:
                gather_cohort(m, node, t, sample)
            elif node < switch_key(m):
                k = node - lane_key(m, 0)
                if m.lanes[k].kind == SPREAD:
                    gather_travellers(m, k, t)
                else:
                    gather_lane(m, stimulus, k, t)
            elif node == switch_key(m):
                gather_switches(m, t)
            else:
                gather_clock(m, node - clock_key(m, 0))
        for j in range(first_switch, control.switch):  # after the crossings: they saw the state before the change
            switch_node(m, output, t, j)
            control.events += 1

    return gather
