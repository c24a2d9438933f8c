"""The tables of the built-in models where people look: in the docstrings of their modules, and as a page of docs/.

Relies on the models' own tables. Used by the package itself, and to make the page::

    python -c "from eventsim.models.neurons import reference; reference.write_page('docs/reference/neuron-models.md')"
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from eventsim.network.neuron_model import Model, variant

HEAD = """# Neuron models

What each neuron model computes and takes. This page is made from the tables that `eventsim info MODEL` prints, that a
notebook shows for `models.neurons.LIF_EXP`, and that `help(models.neurons.lif_exp)` ends with.

A parameter is one number, or one a neuron: `net.population("lif_exp", 100, "E", tau_mem=20.0, tau_syn=5.0)`. Those
without a default are required. Units: V is whatever unit the potentials have, time the network's unit of time.
"""


VARIANTS = """## Variants

State faults give populations a variant of their model (`eventsim.faults`): what a circuit makes of it, with the
parameters of the model and those below. With their defaults a variant in a circuit does what the model does, bit for
bit.
"""
KINDS = {
    "circuit": "V leaks, has a range, or is compared with the threshold in its window alone.",
    "fixed_point": "V and S are integers times 2^-fraction, and V moves once a tick.",
}


def add_tables(models: Iterable[Model]) -> None:
    """Let `help` of the module that makes a model show its table."""
    for model in models:
        module = sys.modules[model.prepare.__module__]
        module.__doc__ = f"{module.__doc__ or ''}\n{model.table()}\n"


def page() -> str:
    """Return the page of the documentation: a section for each model of the package."""
    neurons = sys.modules[__package__ or ""]
    models = [getattr(neurons, name) for name in neurons.__all__]
    return "\n".join([HEAD, *map(_section, models), VARIANTS, *(_variants(models, kind) for kind in KINDS)])


def write_page(path: str) -> None:
    """Write `page` to a file."""
    Path(path).write_text(page(), encoding="utf-8")


def _variants(models: Iterable[Model], kind: str) -> str:
    """The parameters that variants of a kind add, each with the models that have it."""
    lines = [f"### +{kind}", "", KINDS[kind], "", "| parameter | unit | meaning | default | allowed | of |"]
    lines.append("|---|---|---|---|---|---|")
    added: dict[str, list[str]] = {}
    for model in models:
        made = variant(model, kind)
        if made is None:
            continue
        own, table = {parameter.name for parameter in model.parameters}, made.table()
        for row in table.rows:
            if row[0] not in own:
                cells = [column.cell(value) for column, value in zip(table.columns, row, strict=True)]
                added.setdefault(f"| `{cells[0]}` | {' | '.join(cells[1:])}", []).append(f"`{model.name}`")
    return "\n".join([*lines, *(f"{row} | {', '.join(names)} |" for row, names in added.items()), ""])


def _section(model: Model) -> str:
    lines = [f"## {model.name}", "", "```text", *model.equation.splitlines(), "```", ""]
    if model.windowed:
        ends = ", t_max" if model.spiking else ""
        lines += [f"Takes `window=(t_start, t_min{ends})`.", ""]
    lines += ["| parameter | unit | meaning | default | allowed |", "|---|---|---|---|---|"]
    columns = model.table().columns
    for row in model.table().rows:
        cells = [column.cell(value) for column, value in zip(columns, row, strict=True)]
        lines.append(f"| `{cells[0]}` | {' | '.join(cells[1:])} |")
    return "\n".join([*lines, "", f"Source: {model.source}.", ""])
