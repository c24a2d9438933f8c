"""Faults, one file each; the contract is in `eventsim.faults.contract`."""

from eventsim.faults.clock import Clock
from eventsim.faults.contract import ArrivalFault, EmissionFault, applies_to, reaches
from eventsim.faults.jitter import Jitter

__all__ = ["ArrivalFault", "Clock", "EmissionFault", "Jitter", "applies_to", "reaches"]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
