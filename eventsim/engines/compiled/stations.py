"""Stations: parts of a transport that wake themselves; each has queue keys of its own.

Relies on the machine's arrays and on the stations' scalar functions. Used by `engine`, which lays them out, by
`gathering`, and by `standing`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim._jit import jitable, kernel_part
from eventsim.engines.compiled.alternatives import choice
from eventsim.engines.compiled.keys import station_key
from eventsim.engines.compiled.queue import new_queue, requeue
from eventsim.engines.tables import STATION, Machine
from eventsim.transport.contract import Station

Array = np.ndarray[Any, Any]


def wakes_of(stations: Sequence[Station]) -> tuple[tuple[Any, Any], ...]:
    """The functions (first, wake) of the stations that a loop is made with, each pair once."""
    return tuple(dict.fromkeys((station.first, station.wake) for station in stations))


def with_stations(machine: Machine, stations: Sequence[Station], row: int, state: int) -> Machine:
    """The machine with stations; `row` of `stages` has the numbers of the first, its state begins at `state`."""
    made = np.zeros(len(stations), dtype=STATION).view(np.recarray)
    functions, key = wakes_of(stations), 0
    for j, station in enumerate(stations):
        wake = functions.index((station.first, station.wake))
        made[j] = (wake, row + j, state, station.n_state, key, station.n_keys)
        state += station.n_state
        key += station.n_keys
    return machine._replace(stations=made, queue=new_queue(len(machine.queue) - 1 + key))


@jitable
def _never(*_arguments: Any) -> float:
    """Stands in where there are no stations."""
    return math.inf


def make_stations(functions: tuple[tuple[Any, Any], ...]) -> tuple[Any, Any]:
    """``begin(m)`` queues all stations at the beginning of a sample; ``gather(m, j, t)``: their key j is due."""
    first = choice(tuple(one for one, _ in functions) or (_never,))
    wake = choice(tuple(two for _, two in functions) or (_never,))

    @kernel_part
    def begin_stations(m: Machine) -> None:
        for i in range(m.stations.size):
            station = m.stations[i]
            for k in range(station.n_keys):
                t = first(station.wake, m.stages[station.row], k)
                requeue(m.queue, station_key(m, station.key + k), t)

    @kernel_part
    def gather_station(m: Machine, j: int, t: float) -> None:
        i = 0
        while j >= m.stations[i].key + m.stations[i].n_keys:
            i += 1
        station, control = m.stations[i], m.control[0]
        state = m.transport_state[station.state : station.state + station.n_state]
        following = wake(station.wake, m.stages[station.row], state, j - station.key, t)
        if not following > t:
            control.stuck = i + 1
            following = math.inf
        requeue(m.queue, station_key(m, j), following)
        control.events += 1

    return begin_stations, gather_station


def wakes(machine: Machine) -> Array:
    """When each key of the stations is due next, (n_keys,); inf: never."""
    first = station_key(machine, 0)
    place = machine.queue.place[first:-1]
    return np.where(place < 0, math.inf, machine.queue.key[np.maximum(place, 0)])


def place_stations(machine: Machine, due: Array) -> None:
    """Queue the stations as a state has them; `due` has the time of each key, (n_keys,)."""
    for j, t in enumerate(due.tolist()):
        requeue(machine.queue, station_key(machine, j), t)
