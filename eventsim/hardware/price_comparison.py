"""One ledger on many chips: the same run, priced by everybody who has published a price.

Relies on `pricing`. Used by reports. The totals are not those of the same work: each leaves out something else, and the
table says what.
"""

from collections.abc import Iterable
from pathlib import Path

from eventsim.checks import shown
from eventsim.errors import InputError
from eventsim.hardware.chip import Chip
from eventsim.hardware.chip_file import chip, chips
from eventsim.hardware.ledger import Ledger
from eventsim.hardware.pricing import price
from eventsim.hardware.quantities import text_of
from eventsim.table import Column, Table


def compare_prices(ledger: Ledger, among: Iterable[Chip | str | Path] | None = None) -> Table:
    """Return the energy of one ledger on several chips.

    Columns: chip; the least and the most energy of what is priced, in joules; the weakest grade in it; its scope,
    all-in or per term; what is charged; what is left out because it has no price, or a price and no count. Where
    nothing is charged, there is no energy: None in a row, never 0.

    Parameters
    ----------
    ledger
        What was done, in numbers.
    among
        Chips, names or files; all that come with eventsim and have a price, where none are given.

    Raises
    ------
    InputError, FileFormatError
        No ledger, no list; what `eventsim.hardware.chip` refuses.
    """
    if among is not None and (isinstance(among, str | Path | Chip) or not isinstance(among, Iterable)):
        raise InputError(
            f'compare_prices: among = {shown(among)}; must be several chips. Give a list: ["loihi", "truenorth"].'
        )
    given = [one for one in map(chip, chips()) if one.prices] if among is None else [_chip(one) for one in among]
    rows = []
    for one in given:
        bill = price(ledger, one)
        ends = (bill.low, bill.high) if bill.is_known else (None, None)
        parts = (", ".join(names) for names in (bill.charged, bill.unpriced, bill.uncounted))
        rows.append((one.name, *ends, bill.grade, bill.scope, *parts))
    energy = tuple(Column(name, lambda value: text_of(value, "J"), missing="-") for name in ("least", "most"))
    words = ("grade", "scope", "charged", "without a price", "not counted")
    return Table((Column("chip", text=True), *energy, *(Column(name, text=True) for name in words)), tuple(rows))


def _chip(given: Chip | str | Path) -> Chip:
    return given if isinstance(given, Chip) else chip(given)
