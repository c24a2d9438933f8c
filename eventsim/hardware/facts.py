"""What is known of a chip, value by value: how much, who says so, and how good that evidence is.

Relies on `eventsim.errors`. Made from the files of chips; used by everything that asks a chip. A value that nobody has
published is no `Fact` at all: it is never 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eventsim.errors import InputError

# From the strongest to the weakest.
GRADES = {
    "measured": "on the fabricated chip, published with its operating point",
    "pre-silicon": "simulated from the design before the chip was there",
    "fitted": "what a simulator was fitted with, or took for its own model of the chip",
    "text": "stated by its makers, or by a text about the chip, without how it was found",
    "conflicting": "two sources disagree: a range that holds both",
    "recalled": "known from memory; the source was not read again: check it before you publish a number that needs it",
    "assumed": "nobody's claim: chosen, so that something can be simulated",
}


@dataclass(frozen=True)
class Fact:
    """One value of a chip.

    Attributes
    ----------
    text
        As it was written: "4.1 ns", "0.1 us to 0.2 us", "multicast".
    low, high
        The value, twice, or the ends of its range: seconds, joules, watts, bits, a number; infinity is "unlimited". Of
        a choice its word, of a size its two numbers.
    grade
        One of `GRADES`.
    sources
        Names of the sources that say so, each of them in the chip's own list.
    note
        What else is to be known about it.
    contains
        Of a price that is all-in: the operations that it pays for, too.
    """

    text: str
    low: Any
    high: Any
    grade: str
    sources: tuple[str, ...]
    note: str = ""
    contains: tuple[str, ...] = ()

    @property
    def is_range(self) -> bool:
        """Whether its ends differ."""
        return bool(self.low != self.high)

    @property
    def value(self) -> Any:
        """The value, where it is no range.

        Raises
        ------
        InputError
            It is a range.
        """
        if self.is_range:
            raise InputError(
                f"Fact: {self.text} is a range; must be one value here. Take an end, .low or .high, or decide with "
                'chip.at("low"), chip.at("high").'
            )
        return self.low

    @property
    def scope(self) -> str:
        """What a price pays for: "all-in", where that is other operations, too; else "per term"."""
        return "all-in" if self.contains else "per term"


def weakest(grades: Iterable[str]) -> str:
    """Return the weakest of some grades; "" of none.

    >>> weakest(["measured", "recalled", "text"])
    'recalled'
    """
    order = list(GRADES)
    return max(grades, key=order.index, default="")
