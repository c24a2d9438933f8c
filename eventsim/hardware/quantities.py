"""Physical values as text: "4.1 ns", "23.6 pJ", "50 MHz", "128 KiB", read exactly and rounded once.

Relies on `eventsim.errors`. Used by the files of chips and by what shows energies and times. A number, a unit, at most
one space between: nothing else is read, no bare number and no unit of another quantity. A frequency where a time is
wanted is its period, so that a bandwidth may stand for the time that one packet takes.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from eventsim.errors import nearest

PREFIXES = {
    "G": Fraction(10**9), "M": Fraction(10**6), "k": Fraction(10**3), "": Fraction(1), "m": Fraction(1, 10**3),
    "u": Fraction(1, 10**6), "µ": Fraction(1, 10**6), "μ": Fraction(1, 10**6), "n": Fraction(1, 10**9),
    "p": Fraction(1, 10**12), "f": Fraction(1, 10**15), "a": Fraction(1, 10**18),
}  # fmt: skip
SMALL = ("", "m", "u", "µ", "μ", "n", "p", "f", "a")
NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?"
LONGEST = 60  # characters of a value


class Quantity(NamedTuple):
    """What can be measured: the units that are read, in units of the base, and one value as an example.

    Attributes
    ----------
    base
        The unit in which values are kept.
    units
        By name, how many of the base each is.
    example
        A value as it is written.
    shown
        The units that a message names.
    """

    base: str
    units: dict[str, Fraction]
    example: str
    shown: str


def _scaled(base: str, prefixes: tuple[str, ...]) -> dict[str, Fraction]:
    return {prefix + base: PREFIXES[prefix] for prefix in prefixes}


FREQUENCIES = _scaled("Hz", ("", "k", "M", "G"))
_SIZES = {prefix: PREFIXES[prefix] for prefix in ("", "k", "M", "G")} | {
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30),
}  # fmt: skip
_MEMORY = {prefix + unit: size * bits for unit, bits in (("bit", 1), ("B", 8)) for prefix, size in _SIZES.items()}
QUANTITIES = {
    "time": Quantity("s", _scaled("s", SMALL), "4.1 ns", "s, ms, us, ns, ps, fs; or a frequency in Hz, kHz, MHz, GHz"),
    "energy": Quantity("J", _scaled("J", SMALL), "23.6 pJ", "J, mJ, uJ, nJ, pJ, fJ, aJ"),
    "power": Quantity("W", _scaled("W", ("k", *SMALL)), "200 mW", "kW, W, mW, uW, nW, pW"),
    "memory": Quantity("bit", _MEMORY, "128 KiB", "bit, kbit, Mbit, Kibit, B, kB, KiB, MB, MiB"),
}


def pattern(quantity: str) -> str:
    """Return the regular expression of the values of a quantity, as a JSON schema has it."""
    units = [*QUANTITIES[quantity].units, *(FREQUENCIES if quantity == "time" else ())]
    return f"^{NUMBER} ?(?:{'|'.join(map(re.escape, sorted(units)))})$"


def parse(text: str, quantity: str) -> float:
    """Return a value in the base unit of its quantity, the number of float64 that is nearest.

    Raises
    ------
    ValueError
        What is wrong with it, as half a sentence.

    Examples
    --------
    >>> parse("4.1 ns", "time"), parse("50 MHz", "time"), parse("128 KiB", "memory")
    (4.1e-09, 2e-08, 1048576.0)
    """
    found = re.fullmatch(rf"({NUMBER}) ?([^\s\d.]\S*)", text) if len(text) <= LONGEST else None
    if found is None:
        bare = len(text) <= LONGEST and re.fullmatch(NUMBER, text.strip())
        raise ValueError("it has no unit" if bare else "it is no number with a unit")
    number, unit = Fraction(found[1]), found[2]
    units = QUANTITIES[quantity].units
    if unit in units:
        exact = number * units[unit]
    elif quantity == "time" and unit in FREQUENCIES:
        if number == 0:
            raise ValueError("a frequency of 0 has no period")
        exact = 1 / (number * FREQUENCIES[unit])
    else:
        known = [*units, *(FREQUENCIES if quantity == "time" else ())]
        raise ValueError(f"{unit!r} is no unit of {quantity}{nearest(unit, known)}")
    near = held(exact)
    if near is None:
        raise ValueError("float64 does not hold it")
    return near


def held(exact: Fraction) -> float | None:
    """Return the number of float64 that is nearest; None beyond its range, and where that would be 0 and is not.

    >>> held(Fraction(1, 3)), held(Fraction(10) ** 400), held(Fraction(1, 10**400))
    (0.3333333333333333, None, None)
    """
    try:
        near = float(exact)
    except OverflowError:
        return None
    return near if near or not exact else None


def decimal(value: float | Fraction) -> Fraction:
    """Return the number that a float64 is written as: a tenth, where it is 0.1."""
    return value if isinstance(value, Fraction) else Fraction(repr(float(value)))


def text_of(value: float, base: str, digits: int = 4) -> str:
    """Return a value with the prefix that leaves one to three digits before the point.

    >>> text_of(4.1e-9, "s"), text_of(0.0, "J"), text_of(1234.5, "J")
    ('4.1 ns', '0 J', '1.234 kJ')
    """
    for prefix in ("G", "M", "k", "", "m", "u", "n", "p", "f"):
        scaled = value / float(PREFIXES[prefix])
        if float(f"{abs(scaled):.{digits}g}") >= 1:
            return f"{scaled:.{digits}g} {prefix}{base}"
    return f"{value / float(PREFIXES['a']):.{digits}g} a{base}" if value else f"0 {base}"
