"""Transports, one file each; the contract is in `eventsim.transport.contract`."""

from eventsim.transport.aer_bus import AerBus
from eventsim.transport.contract import Transport

__all__ = ["AerBus", "Transport"]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
