"""The page of data sets in the documentation, made from the catalogue.

Relies on the catalogue. Used to make the page::

    python -c "from eventsim.models.data import reference; reference.write_page('docs/reference/data-sets.md')"
"""

import os
from collections.abc import Iterable
from pathlib import Path

from eventsim.models.data.catalogue import CATALOGUE, LAYOUTS, Entry
from eventsim.models.data.layout import Layout

HEAD = """# Data sets

What `models.data.load(NAME)` reads ([how]({how_to})), who made it, and what fetches it. eventsim fetches nothing. This
page is made from the table that `load` and its errors use.

| name | data | credit | licence | options |
|---|---|---|---|---|"""
COMMANDS = """
## What fetches them

Run the commands in a folder of yours, and give that folder as `folder=` or in the environment variable `EVENTSIM_DATA`.
Below it, the files are looked for where the commands leave them, and where other programs do.

| name | commands | looked for in |
|---|---|---|"""
FORMS = """
## Forms

The files of a data set; they tell what a folder is that is given in place of a name. Others may lie there, too.

| form | of | files | options |
|---|---|---|---|"""
FOOT = """
An `.npz` file holds `x` and `y`, or `x_train` and `y_train`, with `x_test` and `y_test` where there is a test part, and
`classes`, an array of names, where they have any. Inputs are uint8 (255 is 1) or numbers in [0, 1], of shape
(n, inputs), (n, height, width) or (n, channels, height, width); labels are whole numbers from 0. Without a test part it
has the options `held_out` and `seed`.

CIFAR's Python version is a pickle. It is read as data: of its instructions those are followed that make lists, texts,
numbers and arrays of bytes; whatever else a pickle could call is refused, never called. Where both versions lie in a
folder, the binary one is read, which holds the same images in the same order.
"""


def page() -> str:
    """Return the page of the documentation: a table of data sets, of commands, and of the forms of files."""
    entries = CATALOGUE.values()
    sets = [_row(f"`{e.name}`", e.contents, e.credit, e.licence, _coded(_options(e))) for e in entries]
    commands = [_row(f"`{e.name}`", f"`{e.fetch}`", _coded(e.inside)) for e in entries if e.fetch]
    forms = [
        _row(layout.title, _coded(_owners(layout)), _coded(names[0] for names in layout.files), _coded(layout.options))
        for layout in LAYOUTS
    ]
    head = HEAD.replace("{how_to}", f"{os.pardir}/how-to/load-data.md")
    return "\n".join([head, *sets, COMMANDS, *commands, FORMS, *forms, FOOT])


def write_page(path: str) -> None:
    """Write `page` to a file."""
    Path(path).write_text(page(), encoding="utf-8")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _coded(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def _options(entry: Entry) -> tuple[str, ...]:
    return (*entry.options, *dict.fromkeys(option for layout in entry.layouts for option in layout.options))


def _owners(layout: Layout) -> list[str]:
    return [entry.name for entry in CATALOGUE.values() if layout in entry.layouts]
