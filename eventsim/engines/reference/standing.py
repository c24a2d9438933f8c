"""A sample of the reference engine as a state that both engines know, and the way back.

Relies on the agenda. Used by `engine`. Entries that follow from the rest (crossings, ends of refractory periods,
changes of windows and drives, source spikes) are left out of a state and found again.
"""

import math
from typing import Any

import numpy as np

from eventsim.engines.reference import carrying
from eventsim.engines.reference.agenda import (
    ARRIVAL,
    EARLY_TICK,
    LEAVING,
    RELEASE,
    T_STEP,
    TICK,
    WINDOW,
)
from eventsim.engines.reference.fabric_standing import freeze_fabric, thaw_fabric
from eventsim.engines.sample_state import FLAGS, NAMES, WHOLE, SampleState
from eventsim.engines.tables import COUNTERS
from eventsim.faults.acting import NUMBERS
from eventsim.network.network import Source
from eventsim.network.projections import own_delays
from eventsim.network.succession import Standing, timeline


def freeze(sample: Any, fed: bool) -> SampleState:
    """Where a sample stands, between two micro-steps. `fed`: no transport decides on source spikes."""
    plan = sample.plan
    columns: dict[str, list[Any]] = {name: [] for name in NAMES}
    ticks = dict.fromkeys(range(len(plan.net.nodes)), 0)
    travel: dict[tuple[int, Any, int, int], int] = {}
    packets: list[tuple[int, Any, int, int]] = []
    for t, kind, *rest in sample.agenda:
        if kind in (TICK, EARLY_TICK):
            ticks[rest[1]] = rest[2]
        elif kind == LEAVING:
            columns["pending_t"].append(t)
            columns["pending_neuron"].append(plan.first[rest[0]] + rest[1])
        elif kind == ARRIVAL:
            _, index, order, place, number, _, left = rest
            projection = plan.projection(order)
            if own_delays(projection.kind) is not None:
                spike = order, left, index, number
                travel[spike] = min(place, travel.get(spike, place))
            elif not (fed and isinstance(projection.pre, Source)):
                packets.append((order, t, index, number))
    for order, t, index, number in sorted(packets, key=lambda packet: packet[:2]):
        columns["packet_lane"].append(order)
        columns["packet_t"].append(t)
        columns["packet_neuron"].append(index)
        columns["packet_number"].append(number % NUMBERS)
    for (order, left, index, number), place in travel.items():
        found = {"lane": order, "sent": left, "neuron": index, "number": number % NUMBERS, "place": place}
        for name, value in found.items():
            columns[f"travel_{name}"].append(value)
    for node in plan.net.nodes:
        _freeze_node(sample, columns, node, fed)
    columns["now"], columns["micro"], columns["stimulus"] = [sample.now], [sample.n], [sample.spikes_sent]
    columns["counts"] = [counts[name] for counts in sample.counts for name in COUNTERS]
    columns["ticks"] = [ticks[n] for n in range(len(plan.net.nodes))]
    columns["noted"] = [noted is not None for noted in sample.noted.values()]
    if sample.fabric is not None:
        columns |= freeze_fabric(sample.fabric)
    return SampleState(**{name: _array(name, values, plan.number is not float) for name, values in columns.items()})


def _freeze_node(sample: Any, columns: dict[str, list[Any]], node: Any, fed: bool) -> None:
    members = sample.members.get(node.order)
    known = fed and isinstance(node, Source)
    columns["sent"] += [0 if known else sample.sent[node.order, index] for index in range(node.size)]
    if members is None:
        zeros = [0] * node.size
        for name in ("since", "spike_number", "error", "error_network", "done", "certain"):
            columns[name] += zeros
        columns["last_spike"] += [-math.inf] * node.size
        return
    columns["values"] += [value for row in zip(*(neuron.s for neuron in members), strict=True) for value in row]
    for neuron in members:
        columns["since"].append(neuron.t)
        columns["last_spike"].append(-math.inf if neuron.last_spike is None else neuron.last_spike)
        columns["spike_number"].append(neuron.number)
        columns["error"].append(neuron.error[0])
        columns["error_network"].append(neuron.error[1])
        columns["done"].append(neuron.done)
        early = sample.plan.early and 0 <= neuron.certain <= sample.now
        columns["certain"].append(neuron.certain if early else 0)


def _array(name: str, values: list[Any], exact: bool) -> Any:
    kind = np.int64 if name in WHOLE else np.uint8 if name in FLAGS else object if exact else np.float64
    array = np.empty(len(values), dtype=kind)
    array[:] = values
    return array


def thaw(sample: Any, state: SampleState, fed: bool, since: Any) -> None:
    """Let a new sample stand where the state says; the state fits its network (`check_state`).

    `since`: the time from which another network holds, where the plan is of two (`succession`).
    """
    plan, now = sample.plan, state.now[0]
    standing = Standing(now, since)
    sample.now, sample.n, sample.given = now, int(state.micro[0]), int(state.stimulus[0])
    counts = state.counts.reshape(-1, len(COUNTERS)).tolist()
    for counter, row in zip(sample.counts, counts, strict=True):
        counter.update(dict(zip(COUNTERS, row, strict=True)))
    place = 0
    for n, layer in plan.layers.items():
        place = _thaw_members(sample, state, n, place, standing)
        if layer.model.clocked:
            tick, rank = int(state.ticks[n]), layer.rank
            sample.agenda.add((tick * layer.period, EARLY_TICK if rank < 0 else TICK, rank, n, tick))
        elif layer.model.windowed:
            for what, t in enumerate((layer.t_start, layer.t_min, layer.t_max)):
                if t > now:
                    sample.agenda.add((t, WINDOW, n, what))
        for t, piece in timeline(layer.population, standing)[1]:
            sample.agenda.add((plan.number(t), WINDOW, n, T_STEP - piece))
    for (node, index), noted in zip(sample.noted, state.noted.tolist(), strict=True):
        sample.noted[node, index] = sample.members[node][index].s if noted else None
    for node in plan.net.nodes:
        for index in range(node.size):
            sample.sent[node.order, index] = int(state.sent[plan.first[node.order] + index])
    _thaw_packets(sample, state, fed)
    sample.stimulate()
    carrying.begin(sample)
    if sample.fabric is not None:
        thaw_fabric(sample.fabric, state)
        carrying.expect(sample, sample.fabric.next_time())
    for n, layer in plan.layers.items():  # what was predicted is predicted again
        if not layer.model.clocked and not (layer.model.windowed and now < layer.t_start):
            for neuron in sample.members[n]:
                if now < 0:
                    sample.expect(n, neuron, neuron.predict(layer.t_start))
                elif neuron.t > now:
                    sample.expect(n, neuron, neuron.t, RELEASE)
                else:
                    sample.settle(now, n, neuron, False, state.certain[plan.first[n] + neuron.index])


def _thaw_members(sample: Any, state: SampleState, n: int, place: int, standing: Standing) -> int:
    """The neurons of one population, whose first number in `values` is at `place`; return where the next ones begin."""
    layer, members, first = sample.plan.layers[n], sample.members[n], sample.plan.first[n]
    rows = len(layer.dynamics.state)
    values = state.values[place : place + rows * len(members)].reshape(rows, len(members))
    begun = timeline(layer.population, standing)[0]
    for neuron, s in zip(members, zip(*values.tolist(), strict=True), strict=True):
        g = first + neuron.index
        neuron.s, neuron.t, neuron.done = tuple(s), _plain(state.since[g]), bool(state.done[g])
        neuron.number = int(state.spike_number[g])
        last = _plain(state.last_spike[g])
        neuron.last_spike = None if last == -math.inf else last
        neuron.error = (_plain(state.error[g]), _plain(state.error_network[g]))
        if begun:
            neuron.p = layer.pieces[begun[-1][1]][1][neuron.index]
    return place + rows * len(members)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _thaw_packets(sample: Any, state: SampleState, fed: bool) -> None:
    plan, now = sample.plan, state.now[0]
    packets = (state.packet_lane, state.packet_t, state.packet_neuron, state.packet_number)
    for order, t, index, number in zip(*(column.tolist() for column in packets), strict=True):
        count = len(plan.synapses(order, index))
        sample.agenda.add((t, ARRIVAL, plan.projection(order).pre.order, index, order, 0, number, count, t))
    travel = (state.travel_lane, state.travel_sent, state.travel_neuron, state.travel_number, state.travel_place)
    for order, left, index, number, place in zip(*(column.tolist() for column in travel), strict=True):
        sample.travel(left, order, index, number, place)
    for t, g in zip(state.pending_t.tolist(), state.pending_neuron.tolist(), strict=True):
        node = int(np.searchsorted(plan.first, g, side="right")) - 1
        sample.agenda.add((t, LEAVING, node, g - plan.first[node]))
    if fed:
        sample.send_again(now)
