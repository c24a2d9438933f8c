"""The compiled loop's arrays, as records: the plan, which it reads, and the state of one thread, which it writes.

Relies on numpy. Used by `machine`, which fills them, and by every part of the loop. A *cohort* is a set of neurons that
always receive the same packets and so share one time of last update: a whole population that is reached by dense
projections only, the channels of a position (and group) of one that is reached by convolutions only, where neurons
spike once or never; else a single neuron. The state of a cohort is contiguous: neuron i of a population is kept in slot
`slot_of(i)`.
"""

from typing import Any, NamedTuple

import numpy as np

from eventsim._jit import jitable

Array = Any  # plain arrays and record arrays, whose fields are read as attributes

# -- the plan: what a network is ---------------------------------------------------------------------------------------

NODE = np.dtype(
    [
        ("dynamics", "i8"),  # index into the loop's models; -1 for a source
        ("n_neurons", "i8"),
        ("n_state", "i8"),  # rows of state
        ("first", "i8"),  # global index of its first neuron (sources counted)
        ("params_size", "i8"),  # of its parameters in one piece of time; those of the next piece follow
        ("apart", "i8"),  # from a neuron's parameters to the next one's: 0 where all are equal
        ("cohort", "i8"),  # its first cohort
        ("cohort_size", "i8"),
        ("positions", "i8"),  # of a population whose channels are cohorts; else 1
        ("first_in", "i8"),
        ("last_in", "i8"),  # its incoming projections: incoming[first_in:last_in]
        ("first_out", "i8"),
        ("last_out", "i8"),  # its outgoing projections: outgoing[first_out:last_out]
        ("t_start", "f8"),
        ("t_min", "f8"),
        ("t_max", "f8"),
        ("period", "f8"),
        ("rank", "i8"),  # micro-step of its tick
        ("limit", "i8"),  # a sample ends when it has sent so many spikes
        ("readout", "i8"),  # first column of the read-out, or -1
        ("shared", "u1"),  # its neurons share cohorts, whose stored crossings are heaps
        ("patchy", "u1"),  # what arrives may miss some of its cohorts
        ("windowed", "u1"),
        ("deaf", "u1"),
        ("single", "u1"),
        ("jumps", "u1"),
        ("clocked", "u1"),
        ("refracts", "u1"),
        ("exact", "u1"),  # an addition that leaves its range ends the run
        ("recorded", "u1"),  # all its spikes are kept
    ],
    align=True,
)
LANE = np.dtype(
    [
        ("projection", "i8"),
        ("places", "i8"),  # where links has the place of each synapse in its projection, BY_ORDER: as they come
        ("pre", "i8"),
        ("post", "i8"),
        ("kind", "i8"),  # DENSE, SPARSE, ONE_TO_ONE, CONV, SPREAD
        ("weights", "i8"),  # dense: row i is weights + i * n_out
        ("rows", "i8"),  # sparse: row i holds entries a..b = row_start[rows + i], row_start[rows + i + 1]
        ("targets", "i8"),  # of targets[targets + a:targets + b] and weights[weights + a:weights + b],
        ("alike", "i8"),  # or, where this is 1, of weights[weights + i] all: each neuron's synapses weigh the same
        ("positions", "i8"),  # convolution: source positions; rows and targets as above, by source position, where
        ("out", "i8"),  # a target is `join_tap(position, tap)`; positions of the target population
        ("taps", "i8"),
        ("tap_bits", "i8"),
        ("group_in", "i8"),  # channels of a group
        ("group_out", "i8"),
        ("groups", "i8"),  # weights of source channel c, tap k: group_out from weights + (c * taps + k) * group_out on
        ("delay", "f8"),
        ("ticks", "i8"),
        ("delays", "i8"),  # SPREAD: those of its synapses begin there
        ("receptor", "i8"),  # which of those of its targets it reaches
        ("parallel", "i8"),  # several synapses may lead from one neuron to another (set where a fault acts at arrival)
    ],
    align=True,
)
COHORT = np.dtype([("node", "i8")])
NEURON = np.dtype(
    [
        ("refractory", "f8"),
        ("node", "i8"),
        ("fan_out", "i8"),  # synapses from it
    ],
    align=True,
)

# -- the state: where a sample stands ----------------------------------------------------------------------------------

NODE_STATE = np.dtype(
    [
        ("state", "i8"),  # where its rows of state begin; row k is state + k * size
        ("spare", "i8"),  # room for as many: a state that is only tried
        ("params", "i8"),  # where its rows of parameters begin, as they are now
        ("tick", "i8"),  # its next tick
        ("phase", "i8"),  # NOT_BEGUN, INTEGRATING, OPEN, CLOSED
        ("spikes", "i8"),
        ("premature", "i8"),
        ("late", "i8"),
        ("clipped", "i8"),
        ("lost", "i8"),
        ("visited", "i8"),
        ("synaptic_events", "i8"),
        ("delayed", "i8"),
        ("tangent", "i8"),
        ("overflows", "i8"),  # BETWEEN_TICKS: of a neuron that an input reached between its ticks
    ],
    align=True,
)
LANE_STATE = np.dtype(
    [
        ("offset", "i8"),  # its ring of packets: ring[offset + (k & mask)], k from head to tail
        ("mask", "i8"),
        ("head", "i8"),
        ("tail", "i8"),  # SPREAD: of the spikes under way, from travel[offset] on, of which there are mask at most;
        ("arrived", "i8"),  # behind them mask + 1 that may have arrived in this micro-step, of which there are so many,
        ("taken", "i8"),  # and so many have been delivered
        ("cursor", "i8"),  # of a source that no fabric is behind: the next stimulus entry to look at; else NO_LIMIT
        ("coming", "i8"),  # spikes that the fabric is going to bring
    ],
    align=True,
)
COHORT_STATE = np.dtype(
    [
        ("horizon", "f8"),  # no stored crossing is later than this
        ("bound", "f8"),  # look again at this time (inf: something else is sure to come by then)
        ("touched_at", "f8"),  # when its emissions were last decided
        ("stamp", "i8"),  # micro-step in which it was last touched
        ("aimed", "i8"),  # micro-step in which its horizon was last set
        ("flagged", "i4"),  # members that may spike before the horizon
        ("candidates", "i4"),  # length of its heap of stored crossings
        ("refractory", "u1"),  # held until its key in the queue
        ("fresh", "u1"),  # initialised in this micro-step
        ("queued", "u1"),  # it has a key in the queue
        ("singly", "u1"),  # take as many packets one by one before trying several together again
    ],
    align=True,
)
NEURON_STATE = np.dtype(
    [
        ("last_spike", "f8"),
        ("spike_number", "i8"),  # crossings so far
        ("sent", "i8"),  # spikes sent so far; of a source that no lane takes from the stimulus
        ("error", "f8"),  # rounding bound of its last spike, on what it received
        ("error_network", "f8"),  # … on the whole network
        ("done", "u1"),  # has fired its one spike
        ("probed", "u1"),  # its membrane is recorded; 2 where it crossed in this micro-step
    ],
    align=True,
)
DECISION = np.dtype(  # when a spike leaves, as it was decided on last: before its crossing it may be another time
    [
        ("t_cross", "f8"),  # of the crossing that was predicted then
        ("now", "f8"),  # when it was decided; NaN: it was not
        ("sample", "i8"),  # in which sample of the batch
        ("departs", "f8"),
        ("clipped", "u1"),
    ],
    align=True,
)
# What a call asks for, where the lists of a micro-step begin, and where the sample stands: one record of a thread.
CONTROL = np.dtype(
    [
        ("now", "f8"),
        ("until", "f8"),
        ("lost", "f8"),  # when the first source spike is sent whose delay rounding loses; inf: none that is in a lane
        ("lost_neuron", "i8"),
        ("stimulus", "i8"),  # next stimulus entry, where a transport takes them
        ("stimulus_end", "i8"),
        ("written", "i8"),  # next stimulus entry to record
        ("switch", "i8"),
        ("micro", "i8"),
        ("stamp", "i8"),
        ("busy", "u1"),  # where the sample stands: BEFORE, STARTING, GOING, TAKEN_UP
        ("enough", "u1"),  # a population has sent the spikes that end the sample
        ("touched", "i8"),  # lengths of the lists of the micro-step, and where they begin in `work`
        ("fired", "i8"),
        ("fired_at", "i8"),
        ("packets", "i8"),
        ("packets_at", "i8"),
        ("numbers_at", "i8"),  # of each packet the number of its spike
        ("due", "i8"),
        ("due_at", "i8"),
        ("pending", "i8"),
        ("spikes", "i8"),
        ("traces", "i8"),
        ("events", "i8"),
        ("stop", "i8"),  # pause where events reaches this
        ("queue_operations", "i8"),
        ("sample", "i8"),
        ("sample_id", "u8"),
        ("neuron", "i8"),  # for errors: which neuron
        ("again", "i8"),  # the first neuron that is at its threshold again after the reset of this micro-step
        ("astray", "i8"),  # the lane over which a fault gave no weight, counted from 1; 0: none
        ("full", "u1"),  # a list had no room for what was to be appended
        ("grow", "u1"),
        ("record", "u1"),
        ("limited", "u1"),  # the sample may end at any event: no packet is taken before its time
        ("sends_sources", "u1"),  # source spikes are sent at their time, not known to the lanes before
        ("early", "u1"),  # a fault may let windowed neurons emit before their crossing
        ("lookahead", "u1"),  # packets in the lanes are all that is under way: several may be taken at once
    ],
    align=True,
)
# `number`: of the spikes of its neuron, modulo 2**32; 0 where a lane takes its packets from the stimulus.
PACKET = np.dtype([("t", "f8"), ("neuron", "i4"), ("number", "u4")], align=True)
TRAVEL = np.dtype(  # a spike under way to synapses with delays of their own
    [
        ("t", "f8"),  # its next arrival
        ("sent", "f8"),  # when it came out of the transport
        ("neuron", "i4"),
        ("number", "u4"),
        ("place", "i8"),  # the next of its synapses to be reached
        ("end", "i8"),  # one behind the last that it reaches together with that
    ],
    align=True,
)
SWITCH = np.dtype(
    [
        ("t", "f8"),
        ("node", "i8"),
        ("what", "i8"),
        ("params", "i8"),  # T_STEP: where the rows of parameters begin from then on
    ],
    align=True,
)
TRACE_ROWS = 10  # no state of a model is longer
PROBE = np.dtype([("neuron", "i8")])
PROBE_STATE = np.dtype([("noted", "i8"), ("state", "f8", (TRACE_ROWS,))])  # the state noted last, if any
SPIKE = np.dtype([("sample", "i4"), ("population", "u2"), ("neuron", "i4"), ("time", "f8")])
TRACE = np.dtype([("sample", "i8"), ("neuron", "i8"), ("time", "f8"), ("state", "f8", (TRACE_ROWS,))])
COUNTERS = (
    "spikes", "premature", "late", "clipped", "lost", "visited", "synaptic_events", "delayed", "tangent", "overflows",
)  # fmt: skip


# What a call of the loop returns.
DONE, SPIKES_FULL, TRACES_FULL, GROW, PAUSE, TWICE, LOST_DELAY, OUT_OF_ROOM, DEADLOCK, ASTRAY, OVERFLOW = range(11)
BEFORE, GOING, TAKEN_UP, STARTING = range(4)  # where a sample stands
RECORD_SPIKES, RECORD_FIRST, RECORD_SOURCES, RECORD_ERRORS = 1, 2, 4, 8
NO_LIMIT = 2**62
BETWEEN_TICKS = -1
BY_ORDER = -1
DENSE, SPARSE, ONE_TO_ONE, CONV, SPREAD = range(5)  # kinds of lanes; a pool is a convolution; SPREAD: own delays
NOT_BEGUN, INTEGRATING, OPEN, CLOSED = range(4)  # phases of a population: before t_start, until t_min, until t_max


class Stimulus(NamedTuple):
    """Source spikes of a batch of samples: sample k holds entries start[k]:start[k + 1], sorted by (time, neuron)."""

    time: Array  # (n_spikes,), in the unit of the network
    neuron: Array  # (n_spikes,), over all sources and populations
    start: Array  # (n_samples + 1,)
    sample_id: Array  # (n_samples,)


class Output(NamedTuple):
    """What the loop writes. Row `control.sample` belongs to the sample at work; buffers are shared by a batch."""

    spikes: Array  # a buffer of records `SPIKE`
    traces: Array  # a buffer of records `TRACE`
    first: Array  # (n_samples, n_neurons), or (1, 1) where first spikes are not recorded
    readout: Array  # (n_samples, n_out)
    counters: Array  # (n_samples, n_nodes, n_counters)
    errors: Array  # (n_samples, n_neurons, 2), or (1, 1, 2) where bounds are not asked for
    hops: Array  # a buffer of records `HOP_RECORD`
    fabric: Array  # (n_samples, n_counters), or (0, n_counters) without a fabric
    stations: Array  # (n_samples, n_stations, n_counters)
    stopped: Array  # (n_samples,), when a sample was ended by the spikes of a population, else inf


class Initial(NamedTuple):
    """The state in which every sample begins; apart from the machine, which is handed from part to part."""

    node_states: Array
    lane_states: Array
    cohort_states: Array
    since: Array
    neuron_states: Array
    values: Array


class Machine(NamedTuple):
    """Everything the compiled loop works on. The plan is shared by all threads and never written; a state is one's own.

    The plan is what a network is, and what a task is: `probes`, `stages`, `fault_keys`, and copies of
    `nodes` and `lanes` that say what is recorded, what ends a sample, and how synapses are counted. The state is where
    one sample stands: to start a sample is to copy `Initial`, to work on another thread is to copy the state.
    """

    nodes: Array
    lanes: Array
    cohorts: Array
    neurons: Array
    delays: Array  # of synapses that have their own
    switches: Array
    params: Array  # rows of parameters of all populations and pieces of time
    weights: Array
    targets: Array
    links: Array  # incoming and outgoing projections, rows of sparse projections
    probes: Array  # neurons whose membrane is recorded
    stages: Array  # numbers of the faults, a row each
    fault_keys: Array  # of each fault, for each node (emission) or lane (arrival): key, where it acts, which function

    control: Array
    node_states: Array
    lane_states: Array
    cohort_states: Array
    since: Array  # of each cohort the time of its state; later than now where it is held (before t_start, refractory)
    neuron_states: Array
    decisions: Array  # of each neuron, where a fault may let it emit before its crossing; else one that is none
    values: Array  # rows of state of all populations, and room for as many
    probe_states: Array
    queue: Array
    ring: Array  # packets in flight: one ring a lane
    travel: Array  # lanes whose synapses have delays of their own: spikes under way, and those that have arrived
    waiting: Array  # stored crossings (one heap a cohort), then pending emissions (one heap)
    work: Array  # lists of the micro-step: touched cohorts, fired neurons, packets, clocks that are due
    fabric: Any  # `FabricArrays`, of which a part is plan and a part is state; empty ones without a fabric


class Lowered(NamedTuple):
    """A network as arrays."""

    machine: Machine
    initial: Initial


PLAN = (
    "nodes", "lanes", "cohorts", "neurons", "delays", "switches", "params", "weights", "targets", "links", "probes",
    "stages", "fault_keys",
)  # fmt: skip


T_STEP, T_START, T_MIN, T_MAX = range(-1, 3)  # at one time and node, in this order


@jitable
def slot_of(node: Any, i: int) -> int:
    """Where the state of neuron i is kept: channels of a position lie next to each other."""
    if node.positions == 1:
        return i
    return (i % node.positions) * (node.n_neurons // node.positions) + i // node.positions


@jitable
def neuron_of(node: Any, slot: int) -> int:
    """The neuron whose state is kept in a slot; the inverse of `slot_of`."""
    if node.positions == 1:
        return slot
    channels = node.n_neurons // node.positions
    return (slot % channels) * node.positions + slot // channels


@jitable
def split_tap(target: int, bits: int) -> tuple[int, int]:
    """Position and tap of an entry of a convolution; a division would take as long as five synapses."""
    return target >> bits, target & ((1 << bits) - 1)


def join_tap(position: Any, tap: Any, bits: int) -> Any:
    """The inverse of `split_tap`."""
    return position << bits | tap


@jitable
def packet_at(lane_state: Any, j: int) -> int:
    """Where in `ring` the j-th packet from the head of a lane on is."""
    return lane_state.offset + ((lane_state.head + j) & lane_state.mask)
