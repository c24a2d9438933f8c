"""The tables of all faults: what each does, takes, and is taken from; for the terminal and as a page of docs/.

Relies on the faults' own classes and docstrings. Used by ``eventsim info``, and to make the page::

    python -c "from eventsim.faults import reference; reference.write_page('docs/reference/faults.md')"
"""

import dataclasses
import inspect
import os
import re
from pathlib import Path
from typing import Any

from eventsim.faults.contract import Fault
from eventsim.faults.presets import PRESETS
from eventsim.faults.text import kinds
from eventsim.table import Column, Table

PLACES = {
    "device": "before the run: the parameters of a network become those of one that was made, programmed, and aged",
    "state": "before the run: how neurons live in time becomes what a circuit can do",
    "emission": "when, and whether, a spike leaves its neuron",
    "arrival": "the weight with which a spike arrives at a synapse",
}
HEAD = """# Faults

What each fault does and takes. This page is made from the faults themselves; `eventsim info faults` prints the table,
`eventsim info FAULT` one of them. Faults are given to `simulate(net, x, faults=[…])` as values
(`eventsim.faults.Jitter(0.01)`) or in their text form, which files and studies hold, too: `{"fault": "jitter",
"sigma": 0.01}`. [How to add a fault]({how_to}) says how they are combined, and how one is written.

![Spike times of a layer and weights, each of sixteen faults against without]({images}/fault_strips.png)

Times are in the network's unit, potentials and weights in whatever unit the network has. Settings without a default are
required.
"""


def shipped() -> list[type[Fault]]:
    """The faults of this package, by place and name."""
    order = list(PLACES)
    found = [kind for kind in kinds().values() if kind.__module__.startswith("eventsim.faults.")]
    return sorted(found, key=lambda kind: (order.index(kind.place), kind.name))


def table() -> Table:
    """All faults: name, place, and what they do in one line."""
    columns = tuple(Column(name, text=True) for name in ("fault", "place", "class", "what it does"))
    rows = tuple((kind.name, kind.place, kind.__name__, first_line(kind)) for kind in shipped())
    below = ("", "presets: " + ", ".join(sorted(PRESETS)), "`eventsim info NAME` shows one of them.")
    return Table(columns, rows, (), below)


def fault_table(kind: type[Fault]) -> Table:
    """One fault: its equation above a row for each setting."""
    columns = [Column(name, text=True) for name in ("setting", "default", "meaning")]
    meanings = parameters(kind)
    rows = [(name, said, meanings.get(name, "")) for name, said in defaults(kind).items()]
    above = [f"{kind.name} ({kind.__name__}, at {kind.place}): {first_line(kind)}"]
    above += [f"  {line}" for line in kind.equation.splitlines()]
    below = (f"  source: {kind.source}",) if kind.source else ()
    return Table(tuple(columns), tuple(rows), (*above, ""), below, indent=2)


def first_line(kind: type[Fault]) -> str:
    """What a fault does, in one line."""
    text = inspect.getdoc(kind) or ""
    return " ".join(text.split("\n\n")[0].split())


def defaults(kind: type[Fault]) -> dict[str, str]:
    """The settings of a fault, and their defaults in words."""
    found = {}
    for field in dataclasses.fields(kind):
        found[field.name] = "required" if field.default is dataclasses.MISSING else _shown(field.default)
    return found


def parameters(kind: type[Fault]) -> dict[str, str]:
    """What the docstring says of each setting, on one line."""
    text = inspect.getdoc(kind) or ""
    found: dict[str, str] = {}
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    names: list[str] = []
    for line in section.group(1).splitlines() if section else ():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.split(":")[0].split(",")]
        elif line.strip():
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def page() -> str:
    """Return the page of the documentation."""
    lines = [HEAD.replace("{how_to}", f"{os.pardir}/how-to/add-a-fault.md").replace("{images}", f"{os.pardir}/images")]
    for place, meaning in PLACES.items():
        of_place = [kind for kind in shipped() if kind.place == place]
        if of_place:
            lines += [f"## {place.capitalize()}", "", f"{meaning.capitalize()}.", ""]
            lines += [line for kind in of_place for line in _section(kind)]
    lines += ["## Presets", ""]
    for name in sorted(PRESETS):
        lines += ["```text", *str(PRESETS[name]).splitlines(), "```", ""]
    return "\n".join(lines)


def write_page(path: str) -> None:
    """Write `page` to a file."""
    Path(path).write_text(page(), encoding="utf-8")


def _section(kind: type[Fault]) -> list[str]:
    lines = [f"### {kind.name}", "", f"`eventsim.faults.{kind.__name__}`: {first_line(kind)}", ""]
    if kind.equation:
        lines += ["```text", *kind.equation.splitlines(), "```", ""]
    meanings = parameters(kind)
    if defaults(kind):
        lines += ["| setting | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {said} | {meanings.get(name, '').replace('|', chr(92) + '|')} |"
            for name, said in defaults(kind).items()
        ]
        lines += [""]
    return [*lines, *([f"Source: {kind.source}.", ""] if kind.source else [])]


def _shown(default: Any) -> str:
    return "–" if default is None else repr(default)
