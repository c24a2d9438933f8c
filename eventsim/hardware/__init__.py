"""Hardware: chips as data, what a run costs on them, and physical time. docs/reference/chips.md shows the chips."""

from eventsim.hardware.chip import Chip, Station
from eventsim.hardware.chip_file import chip, chips
from eventsim.hardware.facts import Fact
from eventsim.hardware.ledger import Ledger
from eventsim.hardware.physical_time import in_seconds, in_units
from eventsim.hardware.price_comparison import compare_prices
from eventsim.hardware.pricing import Bill, Item, price
from eventsim.hardware.schema import schema

__all__ = [
    "Bill",
    "Chip",
    "Fact",
    "Item",
    "Ledger",
    "Station",
    "chip",
    "chips",
    "compare_prices",
    "in_seconds",
    "in_units",
    "price",
    "schema",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
