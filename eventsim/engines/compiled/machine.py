"""From a network to flat arrays: the lowering of the compiled engine.

Relies on the network, the order, the tables and the queue. Used by `engine` alone. All arrays of a `Machine` are plain
numpy.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eventsim.engines.compiled.alternatives import LoopModel, loop_model, loop_models
from eventsim.engines.compiled.fabric_tables import PLAN as FABRIC_PLAN
from eventsim.engines.compiled.fabric_tables import FabricArrays, no_fabric
from eventsim.engines.compiled.lane_tables import lane_tables
from eventsim.engines.compiled.lists import undecided
from eventsim.engines.compiled.queue import WAITING, new_queue
from eventsim.engines.compiled.windows import new_switches
from eventsim.engines.destinations import EVERYWHERE, Lane, lanes_of
from eventsim.engines.tables import (
    COHORT,
    COHORT_STATE,
    CONTROL,
    INTEGRATING,
    NEURON,
    NEURON_STATE,
    NO_LIMIT,
    NODE,
    NODE_STATE,
    NOT_BEGUN,
    PACKET,
    PLAN,
    PROBE,
    PROBE_STATE,
    SPREAD,
    TRAVEL,
    Initial,
    Lowered,
    Machine,
)
from eventsim.network import order
from eventsim.network.convolution import Conv, Pool
from eventsim.network.network import Network, Population, Projection
from eventsim.network.projections import Dense, Sparse

Array = Any  # plain arrays and record arrays, whose fields are read as attributes


def lower(net: Network, error_bounds: bool, stimulus_room: int, cores: Mapping[str, Array]) -> Lowered:
    """Lower `net`; `stimulus_room` is the largest number of stimulus spikes of a sample, `cores` those of a fabric."""
    models = loop_models(net, error_bounds)
    found = lanes_of(net, cores)
    together = {population.name: cohort_size(net, population, found) for population in net.populations}
    nodes, node_states, links = _nodes(net, models, error_bounds, together, found)
    params, values = _rows(net, error_bounds, together)
    lanes, lane_states, weights, targets, rows, delays = lane_tables(net, found, cores, stimulus_room, len(links))
    cohorts, neurons = _cohorts(nodes), _neurons(net, nodes)
    initial = _initial(nodes, node_states, lane_states, cohorts, neurons, values)
    rooms, travelled = lane_states["mask"] + 1, lanes["kind"] == SPREAD
    n_ring, n_travel = int(rooms[~travelled].sum()), 2 * int(rooms[travelled].sum())
    n_total, control = len(neurons), np.zeros(1, dtype=CONTROL)
    pending = 2 * n_total + 64
    machine = Machine(
        nodes=nodes.view(np.recarray),
        lanes=lanes.view(np.recarray),
        cohorts=cohorts.view(np.recarray),
        neurons=neurons.view(np.recarray),
        delays=delays,
        switches=new_switches(net, node_states["params"], nodes["params_size"])[0],
        params=params,
        weights=weights,
        targets=targets,
        links=np.concatenate([links, rows]),
        probes=np.zeros(0, dtype=PROBE).view(np.recarray),
        stages=np.zeros((1, 1)),
        fault_keys=np.zeros((1, len(net.nodes), 3), dtype=np.uint64),
        control=control.view(np.recarray),
        node_states=initial.node_states.copy(),
        lane_states=initial.lane_states.copy(),
        cohort_states=initial.cohort_states.copy(),
        since=initial.since.copy(),
        neuron_states=initial.neuron_states.copy(),
        decisions=undecided(1),
        values=np.concatenate([values, np.zeros(len(values))]),
        probe_states=np.zeros(0, dtype=PROBE_STATE).view(np.recarray),
        queue=new_queue(len(cohorts) + len(lanes) + 1 + len(nodes) + 1),
        ring=np.empty(n_ring, dtype=PACKET).view(np.recarray),
        travel=np.empty(n_travel, dtype=TRAVEL).view(np.recarray),
        waiting=np.empty(n_total + pending, dtype=WAITING).view(np.recarray),
        work=_lay_out_work(control, len(cohorts), pending, len(nodes), n_ring + n_travel + 1),
        fabric=no_fabric(),
    )
    return Lowered(machine, initial)


def _cohorts(nodes: Array) -> Array:
    """Records of all cohorts, (n_cohorts,), from those of the nodes, (n_nodes,)."""
    sizes = nodes["cohort_size"]
    cohorts = np.zeros(int(np.sum(nodes["n_neurons"][sizes > 0] // sizes[sizes > 0])), dtype=COHORT)
    cohorts["node"] = np.repeat(np.flatnonzero(sizes > 0), nodes["n_neurons"][sizes > 0] // sizes[sizes > 0])
    return cohorts


def _neurons(net: Network, nodes: Array) -> Array:
    """Records of all neurons, those of sources included, (n_neurons,), from those of the nodes, (n_nodes,)."""
    neurons = np.zeros(int(sum(node.size for node in net.nodes)), dtype=NEURON)
    neurons["node"] = np.repeat(np.arange(len(nodes)), [node.size for node in net.nodes])
    for projection in net.projections:
        first = int(nodes[projection.pre.order]["first"])
        neurons["fan_out"][first : first + projection.pre.size] += _fan_out(projection)
    for population in net.populations:
        refractory = population.model.held(population.parameters)
        if refractory is not None:
            first = int(nodes[population.order]["first"])
            neurons["refractory"][first : first + population.size] = refractory
    return neurons


def _initial(
    nodes: Array, node_states: Array, lane_states: Array, cohorts: Array, neurons: Array, values: Array
) -> Initial:
    """The state in which every sample begins: a record a node, lane, cohort, neuron; `values` is flat, (n_values,)."""
    cohort_states = np.zeros(len(cohorts), dtype=COHORT_STATE)
    cohort_states["stamp"] = cohort_states["aimed"] = -1
    cohort_states["flagged"] = 1
    neuron_states = np.zeros(len(neurons), dtype=NEURON_STATE)
    neuron_states["last_spike"] = -math.inf
    return Initial(
        node_states=node_states.view(np.recarray),
        lane_states=lane_states.view(np.recarray),
        cohort_states=cohort_states.view(np.recarray),
        since=nodes["t_start"][cohorts["node"]],
        neuron_states=neuron_states.view(np.recarray),
        values=values,
    )


def _lay_out_work(control: Array, cohorts: int, fired: int, nodes: int, packets: int) -> Array:
    """Room for the lists of a micro-step: touched cohorts, fired neurons, clocks due, packets and their numbers.

    The lists lie one behind another in one array (n_places,); `control`, (1,), is told where each begins.
    """
    control["fired_at"] = cohorts
    control["due_at"] = cohorts + fired
    control["packets_at"] = cohorts + fired + nodes
    control["numbers_at"] = cohorts + fired + nodes + packets
    return np.empty(cohorts + fired + nodes + 2 * packets, dtype=np.int64)


def _uniform(population: Population, names: Iterable[str]) -> bool:
    """Are these parameters the same for all neurons?"""
    every = [population.parameters, *(later for _, later in population.pieces())]
    return all((parameters[name] == parameters[name][0]).all() for parameters in every for name in names)


def cohort_size(net: Network, population: Population, lanes: Sequence[Lane]) -> int:
    """How many neurons share a time of last update; 0 where each is updated alone.

    Those that all incoming projections reach together, if they spike at most once or live on a clock.
    """
    model = population.model
    if not (model.in_cohorts and _uniform(population, model.shared)):
        return 0
    if any(lane.core != EVERYWHERE and net.projections[lane.projection].post is population for lane in lanes):
        return 0
    incoming = [projection.kind for projection in net.projections if projection.post is population]
    if all(kind.kind == "dense" for kind in incoming):
        return population.size
    groups = {kind.groups if isinstance(kind, Conv | Pool) else 0 for kind in incoming}
    if len(groups) == 1 and groups != {0} and not model.clocked:
        return population.shape[0] // groups.pop()
    return 0


def _fan_out(projection: Projection) -> Any:
    """Synapses from each neuron of a projection's sources."""
    kind = projection.kind
    if isinstance(kind, Conv | Pool):
        return np.tile(np.diff(kind.taps.start), kind.channels[0]) * (kind.channels[1] // kind.groups)
    if isinstance(kind, Sparse):
        return np.bincount(kind.sources, minlength=projection.pre.size)
    return projection.post.size if isinstance(kind, Dense) else 1


def _nodes(
    net: Network, models: list[LoopModel], error_bounds: bool, together_of: Mapping[str, int], lanes: Sequence[Lane]
) -> tuple[Array, Array, Array]:
    """Two records a source or population, (n_nodes,) each, and the lists of their lanes, (n_links,).

    `together_of` has the neurons that share a time of last update, by population (`cohort_size`).
    """
    of_lanes = [net.projections[lane.projection] for lane in lanes]
    nodes, states = np.zeros(len(net.nodes), dtype=NODE), np.zeros(len(net.nodes), dtype=NODE_STATE)
    ranks = order.clocked_ranks(net)
    links: list[int] = []
    first = state = params = cohort = readout = 0
    for node, record, begin in zip(net.nodes, nodes, states, strict=True):
        record["n_neurons"], record["first"], record["dynamics"], record["readout"] = node.size, first, -1, -1
        begin["phase"] = INTEGRATING
        first += node.size
        record["first_in"] = len(links)
        links += [k for k, projection in enumerate(of_lanes) if projection.post is node]
        record["last_in"] = record["first_out"] = len(links)
        links += [k for k, projection in enumerate(of_lanes) if projection.pre is node]
        record["last_out"] = len(links)
        record["t_start"], record["t_min"], record["t_max"] = 0.0, math.inf, math.inf
        record["limit"] = NO_LIMIT
        if not isinstance(node, Population):
            continue
        model = node.model.with_bounds(error_bounds)
        kind = models.index(loop_model(model, False))
        record["dynamics"], begin["state"], begin["params"] = kind, state, params
        record["n_state"], record["apart"] = len(model.dynamics.state), not _uniform(node, node.parameters)
        begin["phase"] = NOT_BEGUN if model.windowed else INTEGRATING
        record["params_size"] = node.size * len(model.dynamics.rows)
        state += node.size * len(model.dynamics.state)
        params += int(record["params_size"]) * (1 + len(node.pieces()))
        together = together_of[node.name]
        record["shared"], record["positions"] = together > 0, 1
        record["patchy"] = any(p.kind.kind != "dense" for p in net.projections if p.post is node)
        if 0 < together < node.size:
            record["positions"] = math.prod(node.shape[1:])
        record["cohort"], record["cohort_size"] = cohort, max(together, 1)
        cohort += node.size // int(record["cohort_size"])
        if model.windowed and node.window is not None:
            record["t_start"], record["t_min"], record["t_max"] = node.window
        if model.clocked:
            record["period"], record["rank"] = order.period(node), ranks[node.name]
        if not model.spiking:
            record["readout"] = readout
            readout += node.size
        for flag, value in (
            ("windowed", model.windowed), ("deaf", model.deaf), ("single", model.single_spike and model.spiking),
            ("jumps", model.jumps), ("clocked", model.clocked), ("refracts", model.held(node.parameters) is not None),
            ("exact", model.exact(node.parameters)),
        ):  # fmt: skip
            record[flag] = value
    states["spare"] = states["state"] + state
    return nodes, states, np.array(links, dtype=np.int64)


def _rows(net: Network, error_bounds: bool, together_of: Mapping[str, int]) -> tuple[Array, Array]:
    """Rows of parameters, (n_params,), and of the initial state, (n_values,), of all populations, flat."""
    params, start = [np.empty(0)], [np.empty(0)]
    for population in net.populations:
        model = population.model.with_bounds(error_bounds)
        pieces = [population.parameters, *(later for _, later in population.pieces())]
        prepared = [model.prepare(parameters, population.window) for parameters in pieces]
        rows = [[np.asarray(row, dtype=np.float64) for row in piece] for piece in prepared]
        if 0 < together_of[population.name] < population.size:  # in the order of slots
            rows = [[row.reshape(population.shape[0], -1).T.ravel() for row in piece] for piece in rows]
        params += [row for piece in rows for row in piece]
        states = [
            model.dynamics.initial(tuple(values)) for values in zip(*(row.tolist() for row in rows[0]), strict=True)
        ]
        start += list(np.array(states, dtype=np.float64).T.copy())
    return np.concatenate(params), np.concatenate(start)


def resize(lowered: Lowered, room: Array, pending: int = 0) -> Lowered:
    """Give lane k a ring for at least room[k] packets and the heap of pending emissions at least `pending` places.

    Nothing becomes smaller; what is in flight or pending is kept in order. Called between two micro-steps. `room` has
    the shape (n_lanes,).
    """
    machine = lowered.machine
    n_total, control = machine.neurons.size, machine.control.copy()
    lanes, states = machine.lanes, machine.lane_states.copy()
    begin = lowered.initial.lane_states.copy()
    sizes = [max(int(mask) + 1, 1 << int(wanted).bit_length()) for mask, wanted in zip(states.mask, room, strict=True)]
    travelled = lanes.kind == SPREAD
    ring = np.empty(int(np.sum(sizes, where=~travelled)), dtype=PACKET).view(np.recarray)
    travel = np.empty(2 * int(np.sum(sizes, where=travelled)), dtype=TRAVEL).view(np.recarray)
    offset = start = 0
    for k, size in enumerate(sizes):
        state = states[k]
        if travelled[k]:
            count = int(state.tail)
            travel[start : start + count] = machine.travel[int(state.offset) : int(state.offset) + count]
            begin.offset[k] = start
            start += 2 * size
        else:
            inside = np.arange(int(state.head), int(state.tail))
            ring[offset + (inside & (size - 1))] = machine.ring[int(state.offset) + (inside & int(state.mask))]
            begin.offset[k] = offset
            offset += size
        begin.mask[k] = size - 1
    states.offset, states.mask = begin.offset, begin.mask
    waiting = np.empty(max(machine.waiting.size, n_total + pending), dtype=WAITING).view(np.recarray)
    waiting[: machine.waiting.size] = machine.waiting
    packets, pending = ring.size + travel.size + 1, waiting.size - n_total
    work = _lay_out_work(control, machine.cohorts.size, pending, machine.nodes.size, packets)
    due, due_before, count = int(control.due_at[0]), int(machine.control.due_at[0]), int(control.due[0])
    work[due : due + count] = machine.work[due_before : due_before + count]
    larger = machine._replace(control=control, lane_states=states, ring=ring, travel=travel, waiting=waiting, work=work)
    return Lowered(larger, lowered.initial._replace(lane_states=begin))


# Bytes: a pair of cache lines, which processors fetch together.
APART = 128


def fork(lowered: Lowered) -> Lowered:
    """A machine of its own for one thread: the plan is shared, the state copied."""
    parts = lowered.machine._asdict()
    fabric = FabricArrays(**_own(parts.pop("fabric")._asdict(), FABRIC_PLAN))
    return Lowered(Machine(**_own(parts, PLAN), fabric=fabric), lowered.initial)


def _own(arrays: Mapping[str, Array], shared: Sequence[str]) -> dict[str, Array]:
    """Arrays by name, copied but for those that are shared."""
    return {name: array if name in shared else _apart(array) for name, array in arrays.items()}


def _apart(array: Array) -> Array:
    """A copy, of any shape, that shares no cache line with anything else: threads do not take lines from each other."""
    room = np.empty(array.nbytes + 2 * APART, dtype=np.uint8)
    first = -room.ctypes.data % APART
    copy = room[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy.view(type(array))
