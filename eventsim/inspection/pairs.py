"""Which spikes of two sides are one: those of one number of a neuron, or those that are near each other.

Relies on spike trains. Used by `compare`.
"""

import math

import numpy as np

from eventsim.inspection.trains import Array, Trains, positions_in_groups


class Side:
    """Spikes of one side by slot (sample in run_a, neuron) and number.

    Attributes
    ----------
    slot, time, number : array (n_spikes,)
        Slot, time, and number among the spikes of that slot.
    place : array (n_spikes,)
        Position among the spikes of the sample, in event order; 0 where that was not recorded.
    """

    def __init__(self, spikes: Trains, rows: Array, n_neurons: int, ordered: bool) -> None:
        slot = rows[spikes.sample] * n_neurons + spikes.neuron
        order = np.argsort(slot, kind="stable")
        begins = np.searchsorted(spikes.sample, np.arange(len(rows)))
        place = np.arange(len(slot)) - begins[spikes.sample] if ordered else np.zeros(len(slot), dtype=np.int64)
        self.slot, self.time, self.place = slot[order], spikes.time[order], place[order]
        self.number = positions_in_groups(self.slot)


class Pairs:
    """The spikes of both sides in rows, by slot and in order; inf where a side has no such spike.

    Attributes
    ----------
    slot, number : array (n_rows,)
        Slot, and number of the spike in a, or in b where a has none.
    time_a, time_b, place_a, place_b : array (n_rows,)
        Times and places of either side.
    differ : array (n_rows,)
        Booleans: are the times different?
    in_a, in_b : array (n_rows,)
        Booleans: has a side such a spike?
    """

    def __init__(self, a: Side, b: Side, within: float | None) -> None:
        if np.array_equal(a.slot, b.slot) and (within is None or np.array_equal(a.time, b.time)):
            self.slot, self.number = a.slot, a.number
            self.time_a, self.time_b, self.place_a, self.place_b = a.time, b.time, a.place, b.place
        else:
            rows_a, rows_b = _rows_by_number(a, b) if within is None else _rows_within(a, b, within)
            n = 1 + int(max(rows_a.max(initial=-1), rows_b.max(initial=-1)))
            self.slot, self.number = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
            for rows, side in ((rows_b, b), (rows_a, a)):
                self.slot[rows], self.number[rows] = side.slot, side.number
            self.time_a, self.place_a = _spread(n, rows_a, a)
            self.time_b, self.place_b = _spread(n, rows_b, b)
        self.differ = np.asarray(self.time_a != self.time_b, dtype=bool)
        self.in_a, self.in_b = (np.asarray(time != math.inf, dtype=bool) for time in (self.time_a, self.time_b))


def _rows_by_number(a: Side, b: Side) -> tuple[Array, Array]:
    """The row of each spike of a and of b: one for each slot and number that either has."""
    width = 1 + int(max(a.number.max(initial=0), b.number.max(initial=0)))
    slot, number = np.concatenate((a.slot, b.slot)), np.concatenate((a.number, b.number))
    if int(slot.max()) * width < 2**62:
        order = np.argsort(slot * width + number, kind="stable")  # of two sorted parts: they are merged
    else:
        order = np.lexsort((number, slot))
    slot, number = slot[order], number[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (slot[1:] != slot[:-1]) | (number[1:] != number[:-1])
    row = np.empty(len(order), dtype=np.int64)
    row[order] = np.cumsum(begins) - 1
    return row[: len(a.slot)], row[len(a.slot) :]


def _rows_within(a: Side, b: Side, within: float) -> tuple[Array, Array]:
    """The same, where spikes of a slot share a row if they are at most `within` apart.

    The earlier of two spikes that are farther apart has no partner that comes later, and to join the first two that are
    near leaves at least as many for the rest: so as many as possible are joined.
    """
    slots, times = (a.slot.tolist(), b.slot.tolist()), (a.time.tolist(), b.time.tolist())
    rows: tuple[list[int], list[int]] = ([], [])
    n_rows = 0
    while len(rows[0]) < len(slots[0]) or len(rows[1]) < len(slots[1]):
        heads = [
            (slot[len(row)], time[len(row)]) if len(row) < len(slot) else (math.inf, math.inf)
            for slot, time, row in zip(slots, times, rows, strict=True)
        ]
        (slot_a, time_a), (slot_b, time_b) = heads
        joined = slot_a == slot_b and abs(time_a - time_b) <= within
        if joined or heads[0] <= heads[1]:
            rows[0].append(n_rows)
        if joined or heads[0] > heads[1]:
            rows[1].append(n_rows)
        n_rows += 1
    return np.array(rows[0], dtype=np.int64), np.array(rows[1], dtype=np.int64)


def _spread(n: int, row: Array, side: Side) -> tuple[Array, Array]:
    """Times and places of the spikes in n rows."""
    time = np.full(n, math.inf, dtype=side.time.dtype)
    place = np.zeros(n, dtype=np.int64)
    time[row], place[row] = side.time, side.place
    return time, place
