"""Arbiters: which port of a station is served next. One file each."""

from eventsim.fabric.arbiters.at_random import AtRandom
from eventsim.fabric.arbiters.binary_tree import BinaryTree
from eventsim.fabric.arbiters.first_come import FirstCome
from eventsim.fabric.arbiters.fixed_priority import FixedPriority
from eventsim.fabric.arbiters.round_robin import RoundRobin

__all__ = ["AtRandom", "BinaryTree", "FirstCome", "FixedPriority", "RoundRobin"]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
