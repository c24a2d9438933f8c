"""Tables: rows of values under named columns, shown as text or HTML, handed over as numbers.

Relies on the optional packages. Every report returns a `Table`, and the command line prints it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eventsim.extras import package


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        What stands at its head.
    form
        How a value is shown: a format specification such as ".2g", or a function that returns the text.
    text
        Whether it holds words, which are flush left, or numbers, which are flush right.
    missing
        What is shown where there is no value (None).
    """

    name: str
    form: str | Callable[[Any], str] = ""
    text: bool = False
    missing: str = ""

    def cell(self, value: Any) -> str:
        """What is shown of a value."""
        if value is None:
            return self.missing
        return self.form(value) if callable(self.form) else format(value, self.form)


@dataclass(frozen=True)
class Table:
    """Rows of values under named columns: ``print(table)``, ``for row in table`` (dicts), ``table.to_pandas()``.

    A notebook shows it as a table. ``words in table`` asks whether the printed text has these words.

    Attributes
    ----------
    columns
        A `Column` each, from left to right.
    rows
        For each row its values as they are, one a column; None where there is none.
    above, below
        Lines of text before and after the rows.
    ruled
        Whether a line of dashes stands below the head of the printed table.
    indent
        Spaces before each printed row.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    ruled: bool = False
    indent: int = 0

    def __post_init__(self) -> None:
        for name in ("columns", "above", "below"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "rows", tuple(map(tuple, self.rows)))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    # Without it, Python would look for the words among the rows, and never find them.
    def __contains__(self, words: object) -> bool:
        return str(words) in str(self)

    def __str__(self) -> str:
        return "\n".join([*self.above, *self._lines(), *self.below])

    def __repr__(self) -> str:
        return str(self)

    def _cells(self) -> list[list[str]]:
        return [[column.cell(value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows]

    def _lines(self) -> list[str]:
        """The head and the rows as text, columns of one width each."""
        if not self.columns:
            return []
        lines = _aligned([[column.name for column in self.columns], *self._cells()], self.columns)
        if self.ruled:
            lines.insert(1, "-" * len(lines[0]))
        return [" " * self.indent + line.rstrip() for line in lines]

    def _repr_html_(self) -> str:
        """The table for a notebook; all text is escaped."""
        sides = [f' style="text-align:{"left" if column.text else "right"}"' for column in self.columns]
        head = [column.name for column in self.columns]
        rows = [_html_row("td", cells, sides) for cells in self._cells()]
        parts = [_html_line(line) for line in self.above]
        if self.columns:
            parts += ["<table>", f"<thead>{_html_row('th', head, sides)}</thead>", "<tbody>", *rows, "</tbody></table>"]
        return "\n".join(["<div>", *parts, *(_html_line(line) for line in self.below), "</div>"])

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`, numbers as they are, not as they are shown; NaN where there is none.

        Needs ``pip install 'eventsim[pandas]'``.

        Raises
        ------
        InputError
            Where pandas is not installed.
        """
        pandas = package("pandas", "Table.to_pandas")
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        frame = {}
        for column, values in zip(self.columns, columns, strict=True):
            known = [float("nan") if value is None and not column.text else value for value in values]
            frame[column.name] = pandas.Series(known, dtype=None if known or not column.text else object)
        return pandas.DataFrame(frame)


class Tabled:
    """What has a `table`: a notebook shows it so, and pandas takes it."""

    def table(self) -> Table:
        """What it says, as a table."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def to_pandas(self) -> Any:
        """The rows of `table` as a `pandas.DataFrame`, as `Table.to_pandas` makes it."""
        return self.table().to_pandas()


def dotted(count: int) -> str:
    """Return a count as text, a dot for 0: what did not happen is passed over by the eye.

    >>> dotted(3), dotted(0)
    ('3', '·')
    """
    return str(count or "·")


def _aligned(rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[str]:
    """A line for each row of cells."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column.text else cell.rjust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        for row in rows
    ]


def _html_row(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    from html import escape  # not needed where nobody looks: it would take its part of `import eventsim`

    marked = [f"<{tag}{side}>{escape(cell)}</{tag}>" for cell, side in zip(cells, sides, strict=True)]
    return f"<tr>{''.join(marked)}</tr>"


def _html_line(line: str) -> str:
    from html import escape

    return f'<p style="white-space:pre-wrap;margin:0">{escape(line)}</p>'
