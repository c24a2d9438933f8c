"""The parts of a network, a line each, as its repr shows them; of many, the first and the last.

Relies on the nodes and on wording. Used by `network`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from eventsim.network.nodes import Population, Projection, Source
from eventsim.network.projections import own_delays
from eventsim.wording import size_text, span

FIRST, LAST = 12, 3  # lines that are shown of many nodes, and of many projections


class Parts(Protocol):
    """What a network is made of."""

    @property
    def nodes(self) -> Sequence[Source | Population]:
        """Sources and populations."""

    @property
    def projections(self) -> Sequence[Projection]:
        """The projections between them."""


def outline(parts: Parts, notes: Iterable[str]) -> list[str]:
    """Return a line for each source, population, projection and note; those between the first and the last counted."""
    nodes, projections = parts.nodes, parts.projections
    lines = [_node_line(node) for node in _shown(nodes)]
    lines[FIRST:FIRST] = _left_out(nodes, "sources and populations")
    connected = [_projection_line(projection) for projection in _shown(projections)]
    connected[FIRST:FIRST] = _left_out(projections, "projections")
    return [*lines, *connected, *(f"  note: {note}" for note in notes)]


def _shown(parts: Sequence[Any]) -> list[Any]:
    return [*parts] if len(parts) <= FIRST + LAST + 1 else [*parts[:FIRST], *parts[-LAST:]]


def _left_out(parts: Sequence[object], what: str) -> list[str]:
    more = len(parts) - FIRST - LAST
    return [f"  … {more:,} {what} more …"] if more > 1 else []


def _node_line(node: Source | Population) -> str:
    size = size_text(node.shape)
    if isinstance(node, Source):
        coded = f"values in [{node.value_range[0]}, {node.value_range[1]}]"
        what = type(node.generator).__name__ if node.generator else coded
        return f"  {node.name:<12} source {size}: {what}"
    window = "" if node.window is None else " window [" + ", ".join(f"{float(t):g}" for t in node.window) + "]"
    return f"  {node.name:<12} {node.model.name} {size}{window}"


def _projection_line(projection: Projection) -> str:
    delay = f", delay {float(projection.delay):g}" if projection.delay else ""
    delays = own_delays(projection.kind)
    if delays is not None and delays.size:
        delay = f", delays {span(delays)}"
    reached = f", {projection.receptor}" if projection.receptor else ""
    return f"  {projection.label}: {projection.kind.n_synapses:,} synapses{delay}{reached}"
