"""Topologies, one file each."""

from eventsim.fabric.topologies.bus import Bus
from eventsim.fabric.topologies.grid import Mesh, Torus
from eventsim.fabric.topologies.star import Star
from eventsim.fabric.topologies.tree import Tree

__all__ = ["Bus", "Mesh", "Star", "Torus", "Tree"]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
