"""The stations of a run by what part of a chip they are, and where they are on its floor plan.

Relies on placed chips. Used by the figures of stations.
"""

from typing import NamedTuple

from eventsim.errors import InputError
from eventsim.hardware.placed_chip import PlacedChip
from eventsim.hardware.placement import Placement
from eventsim.inspection.packets import Carried

CORE, AXON_OUT = "core", "axon_out"


class Part(NamedTuple):
    """A station of a run.

    Attributes
    ----------
    name
        What the station is called.
    kind
        What the chip calls such a part: "core", "axon_out", "link_x", "input", …; of another fabric the station's name.
    cores
        The core that it belongs to, or the first core of each of the tiles that a link leads from and to; () where it
        is no place of the floor plan.
    """

    name: str
    kind: str
    cores: tuple[int, ...] = ()


def parts_of(on: Carried) -> list[Part]:
    """Return what each station is, in the order of their numbers."""
    names = [station.name for station in on.fabric.stations]
    if not isinstance(on.transport, PlacedChip):
        return [Part(name, name) for name in names]
    wiring = on.transport.wiring(on.net)
    wiring.fabric(log=False)
    first, found = wiring.first_cores(), []
    for station, name in enumerate(names):
        kind, k = wiring.part(station)
        ends = wiring.links[k].ends if kind.startswith("link") else None
        on_plan = [first[end] for end in ends or () if end in first]
        cores = (k,) if kind in (CORE, AXON_OUT) else tuple(on_plan) if len(on_plan) == 2 else ()
        found.append(Part(name, kind, cores))
    return found


def placement_of(where: str, on: Carried) -> Placement:
    """Return where the neurons of a run live on its chip.

    Raises
    ------
    InputError
        A run on something else than a placed chip.
    """
    if not isinstance(on.transport, PlacedChip):
        raise InputError(
            f"{where}: run is on the transport {on.transport.name!r}, which has no floor plan; must be on a placed "
            "chip. Simulate with transport=chip.place(net); viz.waiting_histogram draws the stations of any fabric."
        )
    return on.transport.wiring(on.net).placement
