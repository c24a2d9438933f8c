"""The tables of the built-in models where people look: in the docstrings of their modules, and as a page of docs/.

Relies on the models' own tables. Used by the package itself, and to make docs/reference/neuron-models.md::

    python -m eventsim.models.neurons.reference > docs/reference/neuron-models.md
"""

import sys
from collections.abc import Iterable

from eventsim.network.neuron_model import Model

HEAD = """# Neuron models

What each neuron model computes and takes: `eventsim info MODEL`, `print(eventsim.models.neurons.LIF_EXP)`, or this page,
which is made from the same tables (`python -m eventsim.models.neurons.reference`).

A parameter is one number, or one a neuron: `net.population("lif_exp", 100, "E", tau_mem=20.0, tau_syn=5.0)`. Those
without a default are required. Units: V is whatever unit the potentials have, time the network's unit of time.
"""


def add_tables(models: Iterable[Model]) -> None:
    """Let `help` of the module that makes a model show its table."""
    for model in models:
        module = sys.modules[model.prepare.__module__]
        module.__doc__ = f"{module.__doc__ or ''}\n{model.table()}\n"


def page(models: Iterable[Model]) -> str:
    """Return the page of the documentation: a section for each model."""
    return "\n".join([HEAD, *map(_section, models)])


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


if __name__ == "__main__":
    from eventsim.models import neurons

    sys.stdout.write(page(getattr(neurons, name) for name in neurons.__all__))
