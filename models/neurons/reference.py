"""The tables of the built-in models where people look: in the docstrings of their modules, and as a page of docs/.

Relies on the models' own tables. Used by the package itself, and to make the page::

    python -c "from eventsim.models.neurons import reference; reference.write_page('docs/reference/neuron-models.md')"
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from eventsim.network.neuron_model import Model

HEAD = """# Neuron models

What each neuron model computes and takes. This page is made from the tables that `eventsim info MODEL` prints, that a
notebook shows for `models.neurons.LIF_EXP`, and that `help(models.neurons.lif_exp)` ends with.

A parameter is one number, or one a neuron: `net.population("lif_exp", 100, "E", tau_mem=20.0, tau_syn=5.0)`. Those
without a default are required. Units: V is whatever unit the potentials have, time the network's unit of time.
"""


def add_tables(models: Iterable[Model]) -> None:
    """Let `help` of the module that makes a model show its table."""
    for model in models:
        module = sys.modules[model.prepare.__module__]
        module.__doc__ = f"{module.__doc__ or ''}\n{model.table()}\n"


def page() -> str:
    """Return the page of the documentation: a section for each model of the package."""
    neurons = sys.modules[__package__ or ""]
    return "\n".join([HEAD, *(_section(getattr(neurons, name)) for name in neurons.__all__)])


def write_page(path: str) -> None:
    """Write `page` to a file."""
    Path(path).write_text(page(), encoding="utf-8")


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
