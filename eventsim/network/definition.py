"""What defines a network: a header of JSON values and some arrays. What is hashed is what is saved.

Relies on the parts of a network. Used by `network` for hashing and saving, by `network_file` and `network_difference`.
The format is documented in docs/reference/formats.md.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.network.neuron_model import Array
from eventsim.network.nodes import Population, Projection, Source
from eventsim.network.projections import own_delays

FILE_FORMAT = "eventsim-network"
FILE_VERSION = 1


def network_content(
    time_unit: float | None, nodes: Sequence[Source | Population], projections: Sequence[Projection]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays that define a network, without its provenance."""
    arrays: dict[str, Array] = {}
    of_nodes: list[dict[str, Any]] = []
    for node in nodes:
        entry: dict[str, Any] = {"name": node.name, "shape": list(node.shape)}
        if isinstance(node, Source):
            entry |= {"kind": "source", "window": _texts(node.window), "value_range": _texts(node.value_range)}
            entry["generator"] = None if node.generator is None else node.generator.kind
            if node.generator is not None:
                settings = node.generator.arrays(node.size)
                arrays |= {f"node{node.order}.{name}": values for name, values in settings.items()}
        else:
            entry |= {"kind": "population", "model": node.model.name}
            if node.model.receptors:
                entry["receptors"] = list(node.model.receptors)
            entry["window"] = None if node.window is None else _texts(node.window)
            entry["parameters"] = sorted(node.parameters)
            for name, values in node.parameters.items():
                arrays[f"node{node.order}.{name}"] = _plain(values)
            if node.steps:
                entry["steps"] = sorted(node.steps)
            for name, steps in node.steps.items():
                arrays[f"node{node.order}.{name}.times"] = steps.times
                arrays[f"node{node.order}.{name}.values"] = steps.values
        of_nodes.append(entry)
    of_projections = []
    for projection in projections:
        of_projections.append(
            {
                "pre": projection.pre.name,
                "post": projection.post.name,
                "kind": projection.kind.kind,
                "delay": _text(projection.delay if own_delays(projection.kind) is None else 0.0),
            }
        )
        if projection.receptor is not None:
            of_projections[-1]["receptor"] = projection.receptor
        for name, values in projection.kind.arrays().items():
            arrays[f"projection{projection.order}.{name}"] = _plain(values)
    return {"time_unit": time_unit, "nodes": of_nodes, "projections": of_projections}, arrays


def _text(number: Any) -> str:
    """A number as text that reads back exactly."""
    return f"{number.numerator}/{number.denominator}" if isinstance(number, Fraction) else repr(float(number))


def _texts(numbers: Sequence[Any]) -> list[str]:
    return [_text(number) for number in numbers]


def _plain(values: Array) -> Array:
    """Arrays of Fractions become arrays of text, so that no pickle is needed."""
    return np.array([_text(v) for v in values.ravel()]).reshape(values.shape) if values.dtype == object else values
