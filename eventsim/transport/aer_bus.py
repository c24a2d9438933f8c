"""One shared address-event bus: a single first-in first-out link that every spike occupies for a service time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim._jit import jitable
from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.transport.contract import Transport


@jitable
def serve(p: Any, state: Any, t: float) -> float:
    """Lindley's recursion: wait until the link is free, then p[0] of service.

    state: time at which the link is free, sum of waiting, longest waiting, number of spikes.
    """
    start = max(t, state[0])
    waiting = start - t
    state[0] = start + p[0]
    state[1] += waiting
    state[2] = max(state[2], waiting)
    state[3] += 1.0
    return state[0]


@dataclass(frozen=True)
class AerBus(Transport):
    """A shared FIFO link with `service_time` (units of time) per spike, whatever the spike's fan-out.

    Spikes of sources and populations alike take the link, those with no outgoing projection excepted. A service time of
    0 is the ideal run, bit for bit. ``run.counters["transport"]`` has spikes, mean and longest waiting time.

    Raises
    ------
    FaultError
        A service time that is negative or not finite.
    """

    service_time: float

    name = "aer_bus"
    n_state = 4
    carry = staticmethod(serve)

    def __post_init__(self) -> None:
        number("aer_bus", "service_time", self.service_time, FaultError, low=0, remedy="Give it in units of time.")

    def numbers(self) -> tuple[float, ...]:
        """(service_time,)."""
        return (float(self.service_time),)

    def report(self, states: "np.ndarray[Any, Any]") -> dict[str, float]:
        """Spikes carried, mean and longest waiting time before service, over all samples."""
        spikes = float(states[:, 3].sum())
        return {
            "spikes": spikes,
            "mean_waiting": float(states[:, 1].sum()) / spikes if spikes else 0.0,
            "max_waiting": float(states[:, 2].max(initial=0.0)),
        }
