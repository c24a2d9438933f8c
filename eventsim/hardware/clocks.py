"""A chip that is slower or faster as a whole: all that its circuits do takes so many times as long.

Relies on the description of chips. Used by `Chip`, and by studies that look for the slowest clock. What circuits do is
every service and latency of stations, the work of cores, barriers and the shortest step. A tick of real time is no work
of a circuit, and a deadline is a demand: neither changes, nor do prices.
"""

import dataclasses
from fractions import Fraction
from typing import Any, TypeVar

from eventsim.checks import number
from eventsim.errors import InputError
from eventsim.hardware.chip_description import CHOSEN, ChipDescription
from eventsim.hardware.facts import Fact
from eventsim.hardware.keys import BARRIERS, KEYS
from eventsim.hardware.quantities import decimal, held, text_of

CLOCK = "time.clock"
GIVEN_TIMES = ("time.tick", "time.deadline", CLOCK)
Described = TypeVar("Described", bound=ChipDescription)


def slower(chip: Described, factor: Any) -> Described:
    """Return the chip with all that its circuits do taking `factor` times as long; below 1 it is faster.

    Each time is multiplied as the decimal that it is written as, and rounded once; 1 changes nothing. A clock that the
    chip names is slower by as much.

    Raises
    ------
    InputError
        A factor that is not above 0 and finite; times that float64 would not hold.
    """
    remedy = "2 takes twice as long."
    by = decimal(number(f"Chip {chip.name}", "slower", factor, low=0, open_low=True, remedy=remedy))
    return _stretched(chip, by, f"{float(by):.6g} times as long")


def at_clock(chip: Described, clock: Any) -> Described:
    """Return the chip at another clock, "140 MHz" or its period, "7 ns".

    Raises
    ------
    InputError
        The chip does not say at which clock its times hold (`time.clock`); a clock that is none; times that float64
        would not hold.
    """
    if chip.fact(CLOCK) is None:
        raise InputError(
            f"Chip {chip.name}: {CLOCK} is unknown; must be known for another clock, since it says at which one the "
            f'chip\'s times hold. Give it, chip.replace({{"{CLOCK}": "100 MHz"}}), or a factor: slower.'
        )
    other = chip.replace({CLOCK: clock})
    for one in (chip, other):
        if one.need(CLOCK) == 0.0:
            raise InputError(
                f"Chip {chip.name}: {CLOCK} = {one.facts[CLOCK].text}; must be longer than 0, since all times of the "
                'chip are so many of it. Give a frequency, "100 MHz".'
            )
    by = decimal(other.need(CLOCK)) / decimal(chip.need(CLOCK))
    made = _stretched(chip, by, f"at {other.facts[CLOCK].text} in place of {chip.facts[CLOCK].text}")
    return made.replace({CLOCK: clock})


def _stretched(chip: Described, by: Fraction, said: str) -> Described:
    if by == 1:
        return chip
    facts = dict(chip.facts)
    for key, fact in facts.items():
        if _of_circuits(key) or key == CLOCK:
            facts[key] = _times(f"Chip {chip.name}: {key}", fact, by, said)
    return dataclasses.replace(chip, facts=facts, sources={**chip.sources, CHOSEN: "chosen: another clock"})


def _of_circuits(key: str) -> bool:
    if key in GIVEN_TIMES:
        return False
    return KEYS[key].kind == "time" if key in KEYS else key.startswith(BARRIERS)


def _times(where: str, fact: Fact, by: Fraction, said: str) -> Fact:
    low, high = (held(decimal(end) * by) for end in (fact.low, fact.high))
    if low is None or high is None:
        raise InputError(
            f"{where}: {fact.text}, {said}; must be a time that float64 holds. Give a factor, or a clock, that is "
            "nearer to the chip's."
        )
    ends = [text_of(end, "s", 8) for end in ((low, high) if fact.is_range else (low,))]
    return Fact(" to ".join(ends), low, high, "assumed", (CHOSEN,), f"{fact.text} ({fact.grade}), {said}")
