"""From a network to flat arrays: what the compiled loop reads (the plan) and writes (the state of one thread).

Relies on the network, the order and the queue. Used by `compiled` alone. All arrays of a `Machine` are plain numpy;
records are of the types below. A *cohort* is a set of neurons that always receive the same packets and so share one
time of last update: a whole population that is reached by dense projections only and whose neurons spike once or
never, else a single neuron.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from eventsim import order
from eventsim.network import Network, Population
from eventsim.neuron_model import Model
from eventsim.queue import Queue, new_queue

Array = np.ndarray[Any, Any]

NODE = np.dtype(
    [
        ("dynamics", "i8"),  # index into the loop's models; -1 for a source
        ("size", "i8"),
        ("n_state", "i8"),  # rows of state
        ("first", "i8"),  # global index of its first neuron (sources counted)
        ("state", "i8"),  # where its rows of state begin; row k is state + k * size
        ("params", "i8"),  # where its rows of parameters begin
        ("cohort", "i8"),  # its first cohort
        ("cohort_size", "i8"),  # size, or 1
        ("first_in", "i8"),
        ("last_in", "i8"),  # its incoming projections: incoming[first_in:last_in]
        ("first_out", "i8"),
        ("last_out", "i8"),  # its outgoing projections: outgoing[first_out:last_out]
        ("t_start", "f8"),
        ("t_min", "f8"),
        ("t_max", "f8"),
        ("period", "f8"),
        ("rank", "i8"),  # micro-step of its tick
        ("readout", "i8"),  # first column of the read-out, or -1
        ("windowed", "u1"),
        ("deaf", "u1"),
        ("single", "u1"),
        ("jumps", "u1"),
        ("clocked", "u1"),
        ("refracts", "u1"),
    ],
    align=True,
)
LANE = np.dtype(
    [
        ("pre", "i8"),
        ("post", "i8"),
        ("kind", "i8"),  # 0 dense, 1 sparse, 2 one-to-one
        ("weights", "i8"),  # dense: row i is weights + i * n_out
        ("rows", "i8"),  # sparse: row i holds entries a..b = row_start[rows + i], row_start[rows + i + 1]
        ("targets", "i8"),  # of targets[targets + a:targets + b] and weights[weights + a:weights + b]
        ("delay", "f8"),
        ("ticks", "i8"),
        ("offset", "i8"),  # its ring of packets: times[offset + (k & mask)], neurons[...]
        ("mask", "i8"),
        ("head", "i8"),
        ("tail", "i8"),
    ],
    align=True,
)
COHORT = np.dtype(
    [
        ("t", "f8"),  # time of its state; later than now where it is held (before t_start, refractory)
        ("horizon", "f8"),  # no stored crossing is later than this
        ("bound", "f8"),  # look again at this time (inf: something else is sure to come by then)
        ("touched_at", "f8"),  # when its emissions were last decided
        ("stamp", "i8"),  # micro-step in which it was last touched
        ("aimed", "i8"),  # micro-step in which its horizon was last set
        ("flagged", "i8"),  # members that may spike before the horizon
        ("candidates", "i8"),  # length of its heap of stored crossings
        ("mode", "u1"),  # 0 crossing, 1 refractory
        ("fresh", "u1"),  # initialised in this micro-step
    ],
    align=True,
)
CONTROL = np.dtype(
    [
        ("now", "f8"),
        ("until", "f8"),
        ("stimulus", "i8"),  # next stimulus entry
        ("stimulus_end", "i8"),
        ("written", "i8"),  # next stimulus entry to record
        ("switch", "i8"),
        ("micro", "i8"),
        ("stamp", "i8"),
        ("busy", "u1"),  # inside a time
        ("touched", "i8"),
        ("fired", "i8"),
        ("packets", "i8"),
        ("due", "i8"),
        ("pending", "i8"),
        ("spikes", "i8"),
        ("traces", "i8"),
        ("events", "i8"),
        ("queue_operations", "i8"),
        ("sample", "i8"),
        ("neuron", "i8"),  # for errors: which neuron
        ("grow", "u1"),
        ("record", "u1"),
    ],
    align=True,
)
SPIKE = np.dtype([("sample", "i4"), ("population", "u2"), ("neuron", "i4"), ("time", "f8")])
TRACE_ROWS = 6
TRACE = np.dtype([("sample", "i8"), ("neuron", "i8"), ("time", "f8"), ("state", "f8", (TRACE_ROWS,))])
COUNTERS = ("spikes", "premature", "late", "clipped", "visited", "synaptic_events", "pending")
SPIKES, PREMATURE, LATE, CLIPPED, VISITED, NOMINAL, PENDING = range(len(COUNTERS))


class Machine(NamedTuple):
    """Everything the compiled loop works on; one a thread, the constant arrays shared."""

    nodes: Array
    lanes: Array
    cohorts: Array
    control: Array
    queue: Queue
    incoming: Array
    outgoing: Array
    params: Array
    state: Array
    state_start: Array
    refractory: Array
    weights: Array
    targets: Array
    row_start: Array
    ring_time: Array
    ring_neuron: Array
    node_of: Array
    node_of_cohort: Array
    switch_time: Array
    switch_node: Array
    switch_what: Array
    clocks: Array
    ticks: Array
    phase: Array
    candidate_time: Array
    candidate: Array
    done: Array
    last_spike: Array
    spike_number: Array
    spike_error: Array
    touched: Array
    fired: Array
    packets: Array
    due: Array
    pending_time: Array
    pending: Array
    counters: Array
    probes: Array
    fault_numbers: Array
    fault_keys: Array
    transport_numbers: Array
    transport_state: Array


T_START, T_MIN, T_MAX = range(3)


def dynamics_of(net: Network, error_bounds: bool) -> list[Model]:
    """The distinct models of a network, in the order of first use: what a loop is specialised for."""
    return list(dict.fromkeys(_model(population, error_bounds) for population in net.populations))


def _model(population: Population, error_bounds: bool) -> Model:
    model = population.model
    return model.bounded if error_bounds and model.bounded is not None else model


def new_machine(net: Network, error_bounds: bool, stimulus_room: int) -> Machine:
    """Lower `net`; `stimulus_room` is the largest number of stimulus spikes of a sample."""
    models = dynamics_of(net, error_bounds)
    nodes = _nodes(net, models, error_bounds)
    params, start = _rows(net, nodes, error_bounds)
    lanes, weights, targets, row_start, n_ring = _lanes(net, nodes, stimulus_room)
    n_total = int(sum(node.size for node in net.nodes))
    n_cohorts = int(sum(int(node["size"]) // int(node["cohort_size"]) for node in nodes if node["cohort_size"]))
    switches = _switches(net)
    clocks = np.array([node.order for node in net.populations if node.model.clocked], dtype=np.int64)
    refractory = np.zeros(n_total)
    for node in net.nodes:
        where = slice(int(nodes[node.order]["first"]), int(nodes[node.order]["first"]) + node.size)
        if isinstance(node, Population) and "t_ref" in node.parameters:
            refractory[where] = node.parameters["t_ref"]
    return Machine(
        nodes=nodes.view(np.recarray),
        lanes=lanes.view(np.recarray),
        cohorts=np.zeros(n_cohorts, dtype=COHORT).view(np.recarray),
        control=np.zeros(1, dtype=CONTROL).view(np.recarray),
        queue=new_queue(n_cohorts + len(lanes) + len(clocks) + 2),
        incoming=np.array([p.order for node in net.nodes for p in net.projections if p.post is node], dtype=np.int64),
        outgoing=np.array([p.order for node in net.nodes for p in net.projections if p.pre is node], dtype=np.int64),
        params=params,
        state=start.copy(),
        state_start=start,
        refractory=refractory,
        weights=weights,
        targets=targets,
        row_start=row_start,
        ring_time=np.empty(n_ring),
        ring_neuron=np.empty(n_ring, dtype=np.int32),
        node_of=np.repeat(np.arange(len(net.nodes)), [node.size for node in net.nodes]),
        node_of_cohort=np.repeat(
            np.arange(len(net.nodes)), [int(r["size"] // r["cohort_size"]) if r["cohort_size"] else 0 for r in nodes]
        ),
        switch_time=switches[0],
        switch_node=switches[1],
        switch_what=switches[2],
        clocks=clocks,
        ticks=np.zeros(len(clocks), dtype=np.int64),
        phase=np.zeros(len(net.nodes), dtype=np.int64),
        candidate_time=np.empty(n_total),
        candidate=np.empty(n_total, dtype=np.int64),
        done=np.zeros(n_total, dtype=np.uint8),
        last_spike=np.empty(n_total),
        spike_number=np.zeros(n_total, dtype=np.int64),
        spike_error=np.zeros((n_total, 2)),
        touched=np.empty(n_cohorts + 1, dtype=np.int64),
        fired=np.empty(2 * n_total + 64, dtype=np.int64),
        packets=np.empty(n_ring + 1, dtype=np.int64),
        due=np.empty(len(clocks) + 1, dtype=np.int64),
        pending_time=np.empty(2 * n_total + 64),
        pending=np.empty(2 * n_total + 64, dtype=np.int64),
        counters=np.zeros((len(net.nodes), len(COUNTERS)), dtype=np.int64),
        probes=np.zeros(n_total, dtype=np.uint8),
        fault_numbers=np.zeros((1, 1)),
        fault_keys=np.zeros((1, len(net.nodes), 2), dtype=np.uint64),
        transport_numbers=np.zeros(1),
        transport_state=np.zeros(1),
    )


def _uniform(population: Population) -> bool:
    """Are the parameters that neurons updated together must share the same for all of them?"""
    return all((population.parameters[name] == population.parameters[name][0]).all() for name in population.model.shared)


def whole_population(net: Network, population: Population) -> bool:
    """Is the population one cohort? Reached by dense projections only, spikes at most once or lives on a clock."""
    model = population.model
    dense = all(projection.kind.kind == "dense" for projection in net.projections if projection.post is population)
    return dense and _uniform(population) and (model.single_spike or not model.spiking or model.clocked)


def _nodes(net: Network, models: list[Model], error_bounds: bool) -> Array:
    nodes = np.zeros(len(net.nodes), dtype=NODE)
    ranks = order.clocked_ranks(net)
    first = state = params = cohort = incoming = outgoing = readout = 0
    for node, record in zip(net.nodes, nodes, strict=True):
        record["size"], record["first"], record["dynamics"], record["readout"] = node.size, first, -1, -1
        first += node.size
        record["first_in"], record["first_out"] = incoming, outgoing
        incoming += sum(projection.post is node for projection in net.projections)
        outgoing += sum(projection.pre is node for projection in net.projections)
        record["last_in"], record["last_out"] = incoming, outgoing
        record["t_start"], record["t_min"], record["t_max"] = 0.0, math.inf, math.inf
        if not isinstance(node, Population):
            continue
        model = _model(node, error_bounds)
        record["dynamics"], record["state"], record["params"] = models.index(model), state, params
        record["n_state"] = len(model.state)
        state += node.size * len(model.state)
        params += node.size * len(model.rows)
        record["cohort"], record["cohort_size"] = cohort, node.size if whole_population(net, node) else 1
        cohort += node.size // int(record["cohort_size"])
        if node.window is not None:
            record["t_start"], record["t_min"], record["t_max"] = node.window
        if model.clocked:
            record["period"], record["rank"] = order.period(node), ranks[node.name]
        if not model.spiking:
            record["readout"] = readout
            readout += node.size
        for flag, value in (
            ("windowed", model.windowed), ("deaf", model.deaf), ("single", model.single_spike and model.spiking),
            ("jumps", model.jumps), ("clocked", model.clocked), ("refracts", "t_ref" in node.parameters),
        ):  # fmt: skip
            record[flag] = value
    return nodes


def _rows(net: Network, nodes: Array, error_bounds: bool) -> tuple[Array, Array]:
    """Parameter rows and initial state rows of all populations, flat."""
    params, start = [np.empty(0)], [np.empty(0)]
    for population in net.populations:
        model = _model(population, error_bounds)
        rows = [np.asarray(row, dtype=np.float64) for row in model.prepare(population.parameters, population.window)]
        params += rows
        states = [model.initial(tuple(values)) for values in zip(*(row.tolist() for row in rows), strict=True)]
        start += list(np.array(states, dtype=np.float64).T.copy())
    return np.concatenate(params), np.concatenate(start)


def _lanes(net: Network, nodes: Array, stimulus_room: int) -> tuple[Array, Array, Array, Array, int]:
    lanes = np.zeros(len(net.projections), dtype=LANE)
    weights, targets, row_start = [np.empty(0)], [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int64)]
    n_weights = n_rows = n_targets = ring = 0
    for projection, lane in zip(net.projections, lanes, strict=True):
        kind = projection.kind
        arrays = kind.arrays()
        lane["pre"], lane["post"] = projection.pre.order, projection.post.order
        lane["kind"] = ("dense", "sparse", "one_to_one").index(kind.kind)
        lane["delay"], lane["ticks"] = projection.delay, order.delay_in_ticks(projection)
        lane["weights"], lane["rows"], lane["targets"] = n_weights, n_rows, n_targets
        weights.append(np.asarray(arrays["weights"], dtype=np.float64).T.ravel())
        n_weights += kind.n_synapses
        if kind.kind == "sparse":
            counts = np.bincount(arrays["sources"], minlength=projection.pre.size)
            row_start.append(np.concatenate(([0], np.cumsum(counts))))
            targets.append(arrays["targets"].astype(np.int32))
            n_rows += projection.pre.size + 1
            n_targets += kind.n_synapses
        room = stimulus_room if not isinstance(projection.pre, Population) else 2 * projection.pre.size
        if isinstance(projection.pre, Population) and not nodes[projection.pre.order]["single"]:
            room *= 2
        size = 1 << max(3, int(room).bit_length())
        lane["offset"], lane["mask"] = ring, size - 1
        ring += size
    return lanes, np.concatenate(weights), np.concatenate(targets), np.concatenate(row_start), ring


def _switches(net: Network) -> tuple[Array, Array, Array]:
    """Window changes (time, node, which), in order of time and population."""
    entries = []
    for population in net.populations:
        if population.window is not None:
            for what, t in enumerate(population.window):
                if t < math.inf:
                    entries.append((float(t), population.order, what))
    entries.sort()
    times = np.array([entry[0] for entry in entries] + [math.inf])
    return times, np.array([e[1] for e in entries] + [0]), np.array([e[2] for e in entries] + [0])


def grow_rings(machine: Machine) -> Machine:
    """Double the ring of every lane, packets in flight kept in order."""
    lanes = machine.lanes.copy()
    ring_time, ring_neuron = np.empty(2 * machine.ring_time.size), np.empty(2 * machine.ring_time.size, dtype=np.int32)
    for lane in lanes:
        size, offset = int(lane["mask"]) + 1, int(lane["offset"])
        inside = np.arange(int(lane["head"]), int(lane["tail"]))
        old, new = offset + (inside & (size - 1)), 2 * offset + (inside & (2 * size - 1))
        ring_time[new], ring_neuron[new] = machine.ring_time[old], machine.ring_neuron[old]
        lane["offset"], lane["mask"] = 2 * offset, 2 * size - 1
    packets = np.empty(ring_time.size + 1, dtype=np.int64)
    return machine._replace(lanes=lanes, ring_time=ring_time, ring_neuron=ring_neuron, packets=packets)


CONSTANT = frozenset(
    ("nodes", "incoming", "outgoing", "params", "state_start", "refractory", "weights", "targets", "row_start", "node_of",
     "node_of_cohort", "switch_time", "switch_node", "switch_what", "clocks", "probes", "fault_numbers", "fault_keys",
     "transport_numbers")
)  # fmt: skip


def fork(machine: Machine) -> Machine:
    """A machine of its own for one thread: constant arrays shared, the rest copied."""
    parts = {name: part if name in CONSTANT else _copy(part) for name, part in machine._asdict().items()}
    return Machine(**parts)


def _copy(part: Any) -> Any:
    return Queue(*(array.copy() for array in part)) if isinstance(part, Queue) else part.copy()
