"""Hardware: chips as data, networks on their cores, costs, physical time. docs/reference/chips.md shows the chips."""

from eventsim.hardware.chip import Chip, Station
from eventsim.hardware.chip_file import chip, chips
from eventsim.hardware.chip_report import Report, report
from eventsim.hardware.counting import counted
from eventsim.hardware.facts import Fact
from eventsim.hardware.ledger import Ledger
from eventsim.hardware.limits import CoreLimits
from eventsim.hardware.physical_time import in_seconds, in_units, with_time_unit
from eventsim.hardware.placed_chip import PlacedChip
from eventsim.hardware.placement import Placement, Slice
from eventsim.hardware.placing import place, place_as, place_by_hand
from eventsim.hardware.price_comparison import compare_prices
from eventsim.hardware.pricing import Bill, Item, price
from eventsim.hardware.schema import schema
from eventsim.hardware.step_times import StepTimes, step_times
from eventsim.hardware.unplaced_chip import UnplacedChip

__all__ = [
    "Bill",
    "Chip",
    "CoreLimits",
    "Fact",
    "Item",
    "Ledger",
    "PlacedChip",
    "Placement",
    "Report",
    "Slice",
    "Station",
    "StepTimes",
    "UnplacedChip",
    "chip",
    "chips",
    "compare_prices",
    "counted",
    "in_seconds",
    "in_units",
    "place",
    "place_as",
    "place_by_hand",
    "price",
    "report",
    "schema",
    "step_times",
    "with_time_unit",
]


def __dir__() -> list[str]:
    """What belongs to users."""
    return sorted(__all__)
