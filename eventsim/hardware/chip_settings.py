"""What studies may turn of a chip, by name: a value by its key, how slow the whole chip is, its clock.

Relies on the keys and on clocks. Used by both transports that have a chip: `PlacedChip` and `UnplacedChip`.

=======================  ===============================================================
name                     what it sets
=======================  ===============================================================
``link.service``         a value of the chip as its file has it, "5 ns", "stall", 4
``link.service[ns]``     a number, in the unit in brackets; ``[MHz]`` of a time, too
``slower``               how many times as long all takes that circuits do
``clock[MHz]``           the clock, where the chip says at which one its times hold
=======================  ===============================================================
"""

from collections.abc import Mapping
from typing import Any

from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.clocks import at_clock, slower
from eventsim.hardware.keys import KEYS

SLOWER, CLOCK = "slower", "clock"


def names() -> list[str]:
    """Return the names of all that may be turned, without units."""
    return [*KEYS, SLOWER, CLOCK]


def is_setting(name: str) -> bool:
    """Is this something of a chip that may be turned, with or without a unit?"""
    return _bare(name) in names()


def turned(chip: ChipDescription, settings: Mapping[str, Any]) -> ChipDescription:
    """Return the chip with such settings: first values, then the clock, then how slow all of it is.

    Raises
    ------
    InputError
        What `Chip.replace`, `Chip.at_clock` and `Chip.slower` refuse.
    """
    given = {_bare(name): _with_unit(name, value) for name, value in settings.items()}
    values = {name: value for name, value in given.items() if name in KEYS}
    if values:
        chip = chip.replace(values)
    if CLOCK in given:
        chip = at_clock(chip, given[CLOCK])
    return slower(chip, given[SLOWER]) if SLOWER in given else chip


def _bare(name: str) -> str:
    return name.partition("[")[0]


def _with_unit(name: str, value: Any) -> Any:
    """The value, behind it the unit that the name has in brackets."""
    _, bracket, unit = name.partition("[")
    return f"{value} {unit.rstrip(']')}" if bracket else value
