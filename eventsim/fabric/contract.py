"""The fabric: how spikes travel as packets, from station to station, from where neurons are to where their targets are.

Relies on the network's nodes. A `Transport` makes a `Fabric` of a network; engines carry it out. Membranes never wait,
packets do. docs/event-order.md says what happens first at one time; a new topology is one file with a `Transport`, a
new arbiter one file with two scalar functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from eventsim.fabric.arbiter import Arbiter
from eventsim.fabric.arbiters.first_come import FirstCome
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]
STALL, DROP = "stall", "drop"
FULL = (STALL, DROP)
DELIVER = "deliver"
LATE = (DELIVER, DROP)
# Why there is no third way, for those who look for it.
CLAMP = "clamp"
NO_CLAMP = (
    'what is late cannot count as if it had come at its deadline, which has passed. Use "deliver", where neurons with '
    'a window (ttfs_b1) take no more of it than of an input at t_min and count it as late, or "drop"'
)
PARTS = ("axon_out", "link", "link_x", "link_y", "core", "input", "output")
NOWHERE = -1  # in place of a station: a route that is delivered as it is emitted; of a core: none


@dataclass(frozen=True)
class Station:
    """What serves one packet at a time: a bus, a link, an arbiter, a core. Times in the unit of the network.

    Attributes
    ----------
    name
        By which reports know it; no two of a fabric have one name.
    service
        How long a packet occupies it.
    latency
        How long a packet is under way behind it; many may be.
    arbiter
        Which port is served next.
    buffer
        Places of each port that another station sends to, those of packets under way to it included; None: no limit.
    intake
        Places of the port that neurons send to; None: no limit. What finds none is lost, since neurons do not wait.
    full
        What becomes of a packet for which the next port, of this station, has no place: "stall" blocks the station that
        holds it, "drop" loses it.
    per_synapse, per_neuron
        Where routes end here: what each synapse, and each neuron, that a packet reaches adds to its service.
    part
        What its packets are counted as where a run is priced: one of `PARTS`; "" for nothing.
    """

    name: str
    service: Any = 0.0
    latency: Any = 0.0
    arbiter: Arbiter = field(default_factory=FirstCome)
    buffer: int | None = None
    intake: int | None = None
    full: str = STALL
    per_synapse: Any = 0.0
    per_neuron: Any = 0.0
    part: str = ""


@dataclass(frozen=True)
class Hop:
    """A place in a route: a station, and where the packet goes from there.

    Attributes
    ----------
    station
        Its number among the stations; `NOWHERE` in a route of a core alone.
    children
        The places behind it, in the order in which copies are passed on; none where the route ends.
    core
        Where the route ends: the core whose neurons it reaches; `NOWHERE` for none, such as a host.
    """

    station: int
    children: tuple["Hop", ...] = ()
    core: int = NOWHERE


Route = tuple[Hop, ...]  # a packet for each, in this order


def ends_of(route: Route) -> list[Hop]:
    """Return where a route ends, in the order of its branches; it may be as long as a chip has links."""
    found, ahead = [], [*reversed(route)]
    while ahead:
        hop = ahead.pop()
        if hop.children:
            ahead += reversed(hop.children)
        else:
            found.append(hop)
    return found


@dataclass(frozen=True, eq=False)
class Fabric:
    """Stations, and the routes of a network's spikes between them.

    Attributes
    ----------
    stations
        In the order in which those of one time act.
    cores : dict of arrays (n_neurons,)
        The core of each neuron, by population; populations that are left out are on core 0.
    routes
        The different routes.
    route_of : dict of arrays (n_neurons,)
        Which of them the spikes of each neuron take, by source or population.
    deadline, late
        The age at which a packet is late; late ones are counted, and lost where `late` is "drop". None: no age.
    tick
        What is delivered goes on at the next multiple of this; 0: at once.
    log
        Whether each hop of each packet is recorded.
    """

    stations: tuple[Station, ...]
    routes: tuple[Route, ...]
    route_of: Mapping[str, Array]
    cores: Mapping[str, Array] = field(default_factory=dict)
    deadline: Any = None
    late: str = DELIVER
    tick: Any = 0.0
    log: bool = False


@dataclass(frozen=True)
class Transport:
    """Base of all transports: a value that makes a fabric of a network."""

    name: ClassVar[str]

    def on(self, net: Network) -> "Transport":
        """Return what it is for one network: itself, but where something is chosen anew for each, as a placement is."""
        del net
        return self

    def fabric(self, net: Network) -> Fabric:
        """Return the stations and routes of the spikes of `net`."""
        raise NotImplementedError

    @classmethod
    def settings(cls) -> list[str]:
        """The names of what studies may turn; its arguments, unless it says otherwise."""
        return [one.name for one in fields(cls) if one.init]

    @classmethod
    def takes(cls, setting: str) -> bool:
        """Is this a setting that studies may turn?"""
        return setting in cls.settings()

    @classmethod
    def kept(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings as a study keeps them: files that they name are read, so that no worker needs them."""
        return dict(settings)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> "Transport":
        """Return the transport with such settings."""
        return cls(**settings)

    def describe(self) -> dict[str, Any]:
        """What the provenance of a run holds about it, of what JSON knows; from which it can be made again."""
        return {"transport": self.name, **{one.name: getattr(self, one.name) for one in fields(self)}}
