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

import re
from collections.abc import Mapping
from typing import Any

from eventsim.checks import shown
from eventsim.errors import InputError, nearest
from eventsim.hardware.chip_description import ChipDescription
from eventsim.hardware.clocks import at_clock, slower
from eventsim.hardware.keys import KEYS

SLOWER, CLOCK = "slower", "clock"
FORM = re.compile(r"([^\[\]]+)(?:\[([^\[\]]+)\])?")


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
        What `Chip.replace`, `Chip.at_clock` and `Chip.slower` refuse; names of nothing, or two of one thing.
    """
    given: dict[str, Any] = {}
    for name, value in settings.items():
        bare = _bare(name)
        if bare not in names():
            raise InputError(
                f"Chip {chip.name}: setting = {shown(name)}{nearest(bare, names())}; must be a value of a chip, "
                f"{SLOWER} or {CLOCK}, with a unit in brackets where it is a number of these. docs/reference/chips.md "
                "lists them."
            )
        if bare in given:
            raise InputError(
                f"Chip {chip.name}: setting = {shown(name)}: {bare} is given twice, with a unit and without; must be "
                "one of them. Take one out."
            )
        given[bare] = _with_unit(name, value)
    values = {name: value for name, value in given.items() if name in KEYS}
    if values:
        chip = chip.replace(values)
    if CLOCK in given:
        chip = at_clock(chip, given[CLOCK])
    return slower(chip, given[SLOWER]) if SLOWER in given else chip


def _bare(name: str) -> str:
    """The name without its unit."""
    found = FORM.fullmatch(name)
    return found[1] if found else name


def _with_unit(name: str, value: Any) -> Any:
    """The value, behind it the unit that the name has in brackets."""
    found = FORM.fullmatch(name)
    return value if found is None or found[2] is None else f"{value} {found[2]}"
