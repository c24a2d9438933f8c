"""Lanes as arrays: of each projection, or what of it leads to one core, its synapses, its delays, and room for packets.

Relies on the network, the order, the lanes and the tables. Used by `machine`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eventsim.engines.destinations import EVERYWHERE, Lane, core_of, part_of
from eventsim.engines.tables import (
    BY_ORDER,
    CONV,
    DENSE,
    LANE,
    LANE_STATE,
    NO_LIMIT,
    ONE_TO_ONE,
    SPARSE,
    SPREAD,
    join_tap,
)
from eventsim.errors import NetworkError
from eventsim.network import order
from eventsim.network.convolution import Conv, Pool
from eventsim.network.network import Network, Population, Projection
from eventsim.network.projections import own_delays

Array = Any  # plain arrays and record arrays, whose fields are read as attributes


# Kinds of lanes by those of projections; a pool is a convolution of each channel on its own, of weight 1.
KINDS = {"dense": DENSE, "sparse": SPARSE, "one_to_one": ONE_TO_ONE, "conv": CONV, "pool": CONV}
# Packets that a source's lane is filled with at a time: they stay in the processor's cache.
FED = 4095


def lane_tables(
    net: Network, found: Sequence[Lane], cores: Mapping[str, Array], stimulus_room: int, n_links: int
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Two records a lane, (n_lanes,) each, and weights, targets, rows and delays of synapses of all, flat.

    How long these four are depends on the kinds of the projections; a lane's record has where its own begin.
    """
    lanes, states = np.zeros(len(found), dtype=LANE), np.zeros(len(found), dtype=LANE_STATE)
    delays = [np.empty(0)]
    weights, targets, row_start = [np.empty(0)], [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int64)]
    n_weights = n_rows = n_targets = n_delays = ring = travel = 0
    for one, lane, begin in zip(found, lanes, states, strict=True):
        projection = net.projections[one.projection]
        kind: Any = projection.kind
        lane["projection"], lane["places"] = projection.order, BY_ORDER
        if one.core != EVERYWHERE:
            kind, places = part_of(projection, core_of(net, cores, projection.post.order) == one.core)
            row_start.append(places)
            lane["places"] = n_links + n_rows
            n_rows += places.size
        arrays = kind.arrays()
        lane["pre"], lane["post"], lane["kind"] = projection.pre.order, projection.post.order, KINDS[kind.kind]
        lane["delay"], lane["receptor"] = projection.delay, projection.receptor_number
        lane["ticks"] = order.delay_in_ticks(projection)
        lane["weights"], lane["rows"], lane["targets"] = n_weights, n_links + n_rows, n_targets
        values = np.asarray(kind.weights, dtype=np.float64)
        if isinstance(kind, Conv | Pool):
            start, target, tap = kind.taps
            n_taps = math.prod(kind.kernel)
            lane["positions"], lane["taps"], lane["groups"] = math.prod(kind.shape[1:]), n_taps, kind.groups
            bits = lane["tap_bits"] = (n_taps - 1).bit_length()
            lane["group_out"], lane["group_in"] = kind.channels[1] // kind.groups, values.shape[1]
            lane["out"] = projection.post.size // kind.channels[1]
            row_start.append(start)
            targets.append(_narrow(join_tap(target, tap, int(bits)), projection))
            n_rows += start.size
            n_targets += target.size
            values = values.reshape(kind.groups, -1, values.shape[1], n_taps).transpose(0, 2, 3, 1)
        if kind.kind == "sparse":
            counts = np.bincount(arrays["sources"], minlength=projection.pre.size)
            row_start.append(np.concatenate(([0], np.cumsum(counts))))
            values, lane["alike"] = _one_weight_each(values, counts)
            targets.append(arrays["targets"].astype(np.int32))
            n_rows += projection.pre.size + 1
            n_targets += kind.n_synapses
        weights.append((values if isinstance(kind, Conv | Pool) else values.T).ravel())
        n_weights += weights[-1].size
        # A source's lane holds the next of its spikes, at least all that it sends at once.
        room = max(min(stimulus_room or FED, FED), 2 * projection.pre.size)
        if isinstance(projection.pre, Population):  # room for every neuron to fire once more, else the ring grows
            room = (2 if projection.pre.model.single_spike else 4) * projection.pre.size
        size = 1 << max(3, int(room).bit_length())
        begin["mask"], begin["cursor"] = size - 1, NO_LIMIT
        if own_delays(kind) is None:
            begin["offset"] = ring
            ring += size
        else:
            lane["kind"], lane["delays"], begin["offset"] = SPREAD, n_delays, travel
            lane["delay"] = own_delays(kind).max(initial=0.0)
            delays.append(np.asarray(own_delays(kind), dtype=np.float64))
            n_delays += kind.n_synapses
            travel += 2 * size
    flat = [np.concatenate(parts) for parts in (weights, targets, row_start, delays)]
    return lanes, states, flat[0], flat[1], flat[2], flat[3]


def _narrow(targets: Array, projection: Projection) -> Array:
    """Targets (n,) as 32 bits, half the memory on their way through the processor."""
    if targets.max(initial=0) >= 2**31:
        raise NetworkError(
            f"{projection.label}: positions times taps of the kernel reach {int(targets.max()):,}; must be below "
            "2**31. Split the population, or use the reference engine."
        )
    return targets.astype(np.int32)


def _one_weight_each(values: Array, counts: Array) -> tuple[Array, int]:
    """A weight for each neuron and 1, where all its synapses have the same, to the bit; else the weights and 0.

    Then a synapse takes 4 bytes of memory, not 12, on its way through the processor. `values` has the shape
    (n_synapses,), `counts`, how many synapses a neuron has, the shape (n_neurons,).
    """
    if not values.size:
        return values, 0
    first = values[np.minimum(np.cumsum(counts) - counts, values.size - 1)]
    if np.array_equal(np.repeat(first, counts).view(np.int64), values.view(np.int64)):
        return first, 1
    return values, 0
