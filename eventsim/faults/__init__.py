"""Emission faults, one file each; the contract is in `eventsim.faults.contract`."""

from eventsim.faults.clock import Clock
from eventsim.faults.contract import EmissionFault, applies_to
from eventsim.faults.jitter import Jitter

__all__ = ["Clock", "EmissionFault", "Jitter", "applies_to"]
