"""One shared address-event bus: a single first-in first-out link that every spike occupies for a service time."""

from dataclasses import dataclass

import numpy as np

from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.fabric.contract import Fabric, Hop, Station, Transport
from eventsim.network.network import Network


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

    def __post_init__(self) -> None:
        number("aer_bus", "service_time", self.service_time, FaultError, low=0, remedy="Give it in units of time.")

    def fabric(self, net: Network) -> Fabric:
        """One station, over which every spike goes to one core."""
        senders = {projection.pre.name: projection.pre.size for projection in net.projections}
        return Fabric(
            stations=(Station("bus", service=self.service_time, part="link"),),
            routes=((Hop(0, core=0),),),
            route_of={name: np.zeros(size, dtype=np.int64) for name, size in senders.items()},
        )
