"""The page of all chips and of the keys of their files, for docs/.

Relies on the chips and the table of keys. Used by ``eventsim info``, and to make the page::

    python -c "from eventsim.hardware import reference; reference.write_page('docs/reference/chips.md')"
"""

import os
from pathlib import Path

from eventsim.hardware.chip import Chip
from eventsim.hardware.chip_file import chip, chips
from eventsim.hardware.chip_table import by_section
from eventsim.hardware.facts import GRADES
from eventsim.hardware.keys import DISCIPLINES, KINDS, SECTIONS, Key
from eventsim.hardware.quantities import QUANTITIES
from eventsim.hardware.schema import allowed
from eventsim.table import Column, Table

HEAD = """# Chips

The chips that come with eventsim, and the keys of the files that describe them. This page is made from both;
`print(eventsim.hardware.chip("loihi"))` and `eventsim info loihi` show one of them. [How to describe a chip]({how_to})
is about a chip of your own.

Each value has a source and a grade. What nobody has published is left out and listed as unknown: it is never 0.

"""
OF_SECTIONS = {
    "time": "How time passes.",
    "topology": "What lies between the cores.",
    "axon_out": "The way out of a core, for packets of its neurons, which never wait themselves.",
    "link": "The links of a bus, a star or a tree; on a mesh or torus those along x and along y at once.",
    "link_x": "Links along x, of a mesh or torus.",
    "link_y": "Links along y, of a mesh or torus.",
    "core": "A core that takes packets in.",
    "input": "The link into the chip, for packets of sources, which never wait either.",
    "output": "The link out of the chip.",
    "limits": "What a core holds.",
    "prices": "Energies of one operation each; of a second the power.",
}


def page() -> str:
    """Return the page of the documentation."""
    lines = [HEAD.replace("{how_to}", f"{os.pardir}/how-to/describe-a-chip.md")]
    lines += ["| chip | values | unknown | weakest grade | what it is |", "|---|---|---|---|---|"]
    lines += [f"| [{first}](#{first}) | {' | '.join(map(str, rest))} |" for first, *rest in overview().rows]
    lines += ["", "## Grades", "", "From the strongest to the weakest.", "", "| grade | meaning |", "|---|---|"]
    lines += [f"| {grade} | {meaning} |" for grade, meaning in GRADES.items()]
    lines += [
        "",
        "## Units",
        "",
        "A number, a space, a unit; a frequency may stand for a time, which is its period.",
        "",
    ]
    lines += ["| kind of value | such as | units |", "|---|---|---|"]
    lines += [f'| {name} | `"{one.example}"` | {one.shown} |' for name, one in QUANTITIES.items()]
    lines += ["", "## Keys of a file", ""]
    lines += ["`name`, `title`, `note` and the table `[sources]` stand first. A value stands alone, or as a table with"]
    lines += [
        "`value` or `range`, `grade`, `source` and `note`; a price may have `contains`, too. `grade` and `source`"
    ]
    lines += ["at the head of a table, or of the file, are those of all values in it that do not say their own.", ""]
    for section, keys in SECTIONS.items():
        lines += [f"### [{section}]", "", OF_SECTIONS[section], "", "| key | value | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {_value(key)} | {_meaning(key)} |" for name, key in keys.items()]
        lines += [""]
    for name in chips():
        lines += _section(chip(name))
    return "\n".join(lines)


def overview() -> Table:
    """All chips: name, what each is in one line, how much of it is known, and how well."""
    columns = (
        Column("chip", text=True), Column("values"), Column("unknown"), Column("weakest grade", text=True),
        Column("what it is", text=True),
    )  # fmt: skip
    known = [chip(name) for name in chips()]
    rows = tuple((one.name, len(one.facts), len(one.unknown), one.grade, one.title) for one in known)
    return Table(columns, rows, below=("", "`eventsim info CHIP` shows one of them."))


def write_page(path: str) -> None:
    """Write `page` to a file."""
    Path(path).write_text(page(), encoding="utf-8")


def _value(key: Key) -> str:
    """What a value is: the name of its quantity, or what is allowed."""
    return key.kind if key.kind in QUANTITIES else allowed(key).removeprefix("must be ")


def _meaning(key: Key) -> str:
    """What a key means, and where it is looked for."""
    where = [f"of a {' or '.join(key.kinds)}"] if key.kinds and set(key.kinds) != set(KINDS) else []
    where += [f"with {' or '.join(key.disciplines)}"] if key.disciplines and key.disciplines != DISCIPLINES else []
    return key.meaning + (f" ({'; '.join(where)})" if where else "")


def _section(one: Chip) -> list[str]:
    lines = [f"## {one.name}", "", f"{one.title}.", *(["", one.note] if one.note else []), ""]
    lines += ["| key | value | grade | source | note |", "|---|---|---|---|---|"]
    cells = ([row["key"], row["value"], row["grade"], row["source"], row["note"]] for row in one.table())
    lines += ["| " + " | ".join([f"`{first}`", *rest]).replace("  ", " ") + " |" for first, *rest in cells]
    lines += ["", f"Unknown: {by_section(one.unknown) or 'nothing'}.", "", "Sources:", ""]
    lines += [f"- `{name}`: {text}." for name, text in one.sources.items()]
    return [*lines, ""]
