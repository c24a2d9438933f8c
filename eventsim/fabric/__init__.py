"""Fabrics: how spikes travel as packets from the neurons that send them to the cores of their targets."""

from eventsim.fabric import arbiters
from eventsim.fabric.aer_bus import AerBus
from eventsim.fabric.arbiter import Arbiter
from eventsim.fabric.contract import Fabric, Hop, Station, Transport

__all__ = ["AerBus", "Arbiter", "Fabric", "Hop", "Station", "Transport", "arbiters"]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
