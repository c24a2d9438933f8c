"""What a run costs on a chip: counted operations times prices, and what such a sum leaves out.

Relies on ledgers. Used by chips, by reports and by the table of all chips. A term without a price is unpriced and never
0; a total is a range where prices are; it is as good as the weakest price in it. What an all-in price contains is not
charged again.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from eventsim.errors import InputError
from eventsim.hardware.facts import Fact, weakest
from eventsim.hardware.ledger import Ledger, count_text
from eventsim.hardware.quantities import text_of
from eventsim.table import Column, Table, Tabled

MOST_ENERGY = 1e300  # joules of one operation, of which a sum of all is finite
CHARGED, CONTAINED, UNPRICED, UNCOUNTED = "charged", "contained", "unpriced", "not counted"


@dataclass(frozen=True)
class Item:
    """One kind of operation on a bill.

    Attributes
    ----------
    operation
        Its name.
    count
        How many there were; None where nobody knows.
    price
        What one costs; None where nobody knows.
    status
        "charged"; "contained", in an all-in price of another; "unpriced"; "not counted".
    within
        The operation whose all-in price contains it; "" without one.
    """

    operation: str
    count: float | None
    price: Fact | None
    status: str
    within: str = ""

    @property
    def energy(self) -> tuple[float, float] | None:
        """The ends of its energy, in joules; None where it is not charged."""
        if self.status != CHARGED:
            return None
        if not self.count or self.price is None:
            return 0.0, 0.0
        return self.count * self.price.low, self.count * self.price.high


@dataclass(frozen=True)
class Bill(Tabled):
    """The energy of a run on a chip, operation by operation. ``print(bill)`` shows it with all that it leaves out.

    Attributes
    ----------
    chip
        The chip's name.
    items
        An `Item` for each operation that was counted, or has a price.
    samples
        Over how many samples; None where nobody counted them.
    """

    chip: str
    items: tuple[Item, ...]
    samples: int | None

    @property
    def is_known(self) -> bool:
        """Whether anything is in the total; without it `low` and `high` are empty sums."""
        return any(item.status == CHARGED for item in self.items)

    @property
    def low(self) -> float:
        """The lower end of the energy that is known, in joules."""
        return math.fsum(item.energy[0] for item in self.items if item.energy)

    @property
    def high(self) -> float:
        """The upper end of the energy that is known, in joules."""
        return math.fsum(item.energy[1] for item in self.items if item.energy)

    @property
    def charged(self) -> tuple[str, ...]:
        """Operations in the total, of which there was at least one."""
        return self._with(CHARGED)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Operations that happened and that have no price: left out of the total."""
        return self._with(UNPRICED)

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Operations that have a price and that nobody counted: left out of the total."""
        return self._with(UNCOUNTED)

    @property
    def grade(self) -> str:
        """The weakest grade of the prices in the total; "" where nothing is in it."""
        return weakest(item.price.grade for item in self.items if item.operation in self.charged and item.price)

    @property
    def scope(self) -> str:
        """Either "all-in", where a price in the total is; or "per term"."""
        prices = [item.price for item in self.items if item.operation in self.charged and item.price]
        return "all-in" if any(price.contains for price in prices) else "per term" if prices else ""

    def _with(self, status: str) -> tuple[str, ...]:
        return tuple(item.operation for item in self.items if item.status == status and item.count != 0)

    def table(self) -> Table:
        """A row for each operation: count, price, energy, grade and sources; the total below."""
        columns = (
            Column("operation", text=True), Column("count", count_text, missing="?"), Column("price", missing="?"),
            Column("energy", _energy), Column("grade", text=True), Column("source", text=True),
        )  # fmt: skip
        rows = []
        for item in self.items:
            said = (item.price.grade, ", ".join(item.price.sources)) if item.price else ("", "")
            price = f"in {item.within}" if item.within else item.price and item.price.text
            rows.append((item.operation, item.count, price, item.energy, *said))
        words = f"{_energy((self.low, self.high))}{f', {self.scope}, {self.grade}' if self.grade else ''}"
        below = ["", f"total on {self.chip}: {words if self.is_known else 'unknown'}"]
        if self.samples and self.is_known:
            below.append(f"a sample: {_energy((self.low / self.samples, self.high / self.samples))}")
        below += [f"left out, {why}: {', '.join(names)}" for why, names in self._left_out() if names]
        return Table(columns, tuple(rows), below=tuple(below))

    def _left_out(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        return (("without a price", self.unpriced), ("not counted", self.uncounted))

    def __str__(self) -> str:
        return str(self.table())


class Priced:
    """What has prices: a chip, or a technology.

    Attributes
    ----------
    name
        What it is called.
    """

    name: str

    @property
    def prices(self) -> dict[str, Fact]:
        """What operations cost, in joules (a second: watts), by their names."""
        raise NotImplementedError


def price(ledger: Ledger, chip: Priced) -> Bill:
    """Return what counted operations cost on a chip.

    Parameters
    ----------
    ledger
        What was done, in numbers.
    chip
        Whose prices are taken.

    Raises
    ------
    InputError
        No ledger, no chip; an energy beyond 1e300 J.
    """
    if not isinstance(ledger, Ledger):
        raise InputError(f"price: ledger is a {type(ledger).__name__}; must be a Ledger. Give hardware.counted(run).")
    if not isinstance(chip, Priced):
        raise InputError(f'price: chip is a {type(chip).__name__}; must be a Chip. Give hardware.chip("loihi").')
    prices = chip.prices
    within = {inner: name for name, fact in prices.items() for inner in fact.contains}
    items = []
    for name, count in ledger:
        fact = prices.get(name)
        if name in within:
            status = CONTAINED
        elif fact is None and count is None:
            continue
        else:
            status = UNPRICED if fact is None else UNCOUNTED if count is None else CHARGED
        if name == "samples" and fact is None:  # how many there were is asked for, and is nothing that is paid for
            continue
        if status == CHARGED and fact is not None and count:
            _check_energy(chip, name, count, fact)
        if not (status == CONTAINED and count is None):
            items.append(Item(name, count, fact, status, within.get(name, "")))
    return Bill(chip.name, tuple(items), ledger.samples)


def _check_energy(chip: Priced, name: str, count: float, price: Fact) -> None:
    """Refuse an energy of which sums could be infinite."""
    if count > MOST_ENERGY / max(price.high, 1.0):  # a count may be an integer that float64 does not hold
        raise InputError(
            f"price: {chip.name}: {count_text(count)} of {name} at {price.text} each; must be at most {MOST_ENERGY:g} "
            f'J. Give the price that was meant: chip.replace({{"prices.{name}": "23.6 pJ"}}).'
        )


def _energy(ends: tuple[float, float]) -> str:
    low, high = (text_of(end, "J") for end in ends)
    return low if low == high else f"{low} to {high}"
