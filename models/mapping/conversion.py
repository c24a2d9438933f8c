"""What became of a ReLU network that was converted: its populations, and the layers that have none of their own.

Relies on the coded layers, which say what populations carry, and on `certify`. Used by ``eventsim convert``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim.models.checking.certify import certify
from eventsim.models.checking.fields import projections_to
from eventsim.models.relu.coded_layers import INPUTS, CodedLayer, coded_layers
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.models.relu.streams import Streams
from eventsim.network.network import Network
from eventsim.table import Column, Table, Tabled
from eventsim.wording import window_text

# Layers that compute nothing: it goes without saying that no population is called after them.
WITHOUT_TRACE = ("flatten", "concat")
MOST_CERTIFIED = 1e8  # synapses times samples, of which some ten million a second are certified


@dataclass(frozen=True)
class Row:
    """The source or a population of a converted network.

    Attributes
    ----------
    layer
        Its name.
    kind
        "source", or the neuron model.
    synapses
        How many reach it.
    window
        As its node has it, in time.
    spikes_per_neuron
        Mean number a neuron and sample over the calibration data; None for the read-out.
    events_per_sample
        Mean number of synaptic events a sample that reach it; None for none.
    safe_window
        The length, in time, of the smallest window in which no neuron is premature on the certified samples; None where
        there is none.
    """

    layer: str
    kind: str
    shape: list[int]
    neurons: int
    synapses: int
    window: list[float] | None
    spikes_per_neuron: float | None
    events_per_sample: float | None
    safe_window: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Conversion(Tabled):
    """What became of a ReLU network.

    Attributes
    ----------
    rows
        The source and all populations, in order.
    folded
        Layers whose work others do, so that no population is called after them.
    split
        By the names of layers whose values may be below 0 between layers, the populations that carry these.
    dropped
        Labels of what the reader left out.
    calibration_samples
        How many samples the means are over.
    certified_samples
        How many samples the safe windows are over; 0 where these would take minutes.
    """

    rows: tuple[Row, ...]
    folded: list[str]
    split: dict[str, list[str]]
    dropped: list[str]
    calibration_samples: int
    certified_samples: int

    def __repr__(self) -> str:
        return f"Conversion: {len(self.rows)} layers, {sum(row.synapses for row in self.rows):,} synapses"

    def table(self) -> Table:
        """Return what became of the layers as a table: a row for each population, then what has none of its own."""
        columns = [Column("layer", text=True), Column("kind", text=True), Column("neurons", ",")]
        columns += [Column("synapses", ","), Column("window", window_text, missing="-")]
        columns += [Column("safe window", ".6g", missing="-"), Column("spikes per neuron", ".3f", missing="-")]
        columns += [Column("events per sample", ",.0f", missing="-")]
        fields = ["layer", "kind", "neurons", "synapses", "window", "safe_window", "spikes_per_neuron"]
        fields.append("events_per_sample")
        rows = [tuple(getattr(row, field) for field in fields) for row in self.rows]
        return Table(tuple(columns), tuple(rows), below=tuple(self._below()), indent=2)

    def _below(self) -> list[str]:
        """What the numbers are means over, and what became of layers that are not in the rows."""
        lines = [f"spikes and events: expected, means over the {self.calibration_samples:,} calibration samples"]
        if any(row.safe_window is not None for row in self.rows):
            n = self.certified_samples
            lines.append(f"safe window: no neuron is premature on {n:,} calibration samples in windows of this length")
        else:
            lines.append("safe windows: not computed, since it would take minutes; models.certify does it")
        split = [f"{name} ({', '.join(populations)})" for name, populations in self.split.items()]
        for word, names in (
            ("folded into their neighbours", self.folded),
            ("carried by two populations, above and below 0", split),
            ("left out", self.dropped),
        ):
            if names:
                lines.append(f"{word}: {', '.join(names)}")
        return lines


def conversion(net: Network, relu: ReluNetwork, calibration: ArrayLike) -> Conversion:
    """Return what became of `relu` in `net`, which `to_ttfs` made of it with these calibration data.

    Parameters
    ----------
    calibration
        Shape (n, *input_shape) or (n, n_in). Spikes are those of an exact conversion, which fires where a coded value
        is > 0; events are those of neurons that fire alike at all positions.

    Notes
    -----
    Costs a forward pass, and `certify` on as many samples as take some seconds. Held by tests/test_cli.py.
    """
    source, carried = net.sources[0], relu.streams()
    low, high = (float(bound) for bound in source.value_range)
    given = np.asarray(calibration)
    layers = coded_layers(carried, np.float64, (low, high))
    spikes = _spikes(net, layers, (given.astype(np.float64).reshape(-1, *source.shape) - low) / (high - low))
    n = min(len(given), int(MOST_CERTIFIED // max(net.n_synapses, 1)))
    safe = certify(net, given[:n]).safe_windows if n else {}
    rows = tuple(_row(net, node, spikes, safe.get(node.name)) for node in net.nodes)
    split = _split(carried, layers)
    shown = {row.layer for row in rows} | {layer.after for layer in layers} | {*split}
    folded = [one.name for one in relu.layers if one.name not in shown and one.kind not in WITHOUT_TRACE]
    return Conversion(rows, folded, split, list(relu.provenance.get("dropped", ())), len(given), n)


def _spikes(net: Network, layers: Sequence[CodedLayer], coded: Any) -> dict[str, float | None]:
    """By source and population the mean number of spikes a neuron and sample; None for the read-out."""
    outputs = {INPUTS: coded}
    spikes: dict[str, float | None] = {net.sources[0].name: float((coded > 0).mean())}
    for i, layer in enumerate(layers):
        outputs[i] = layer.apply(outputs)
        spikes[layer.name] = float((outputs[i] > 0).mean())
    return spikes | {net.populations[-1].name: None}


def _row(net: Network, node: Any, spikes: dict[str, float | None], safe: Any) -> Row:
    incoming = projections_to(net, node)
    events = sum((spikes[one.pre.name] or 0.0) * one.kind.n_synapses for one in incoming)
    return Row(
        layer=node.name,
        kind=node.model.name if node in net.populations else "source",
        shape=list(node.shape),
        neurons=node.size,
        synapses=sum(one.kind.n_synapses for one in incoming),
        window=None if node.window is None else [float(t) for t in node.window],
        spikes_per_neuron=spikes[node.name],
        events_per_sample=events or None,
        safe_window=None if safe is None else float(safe),
    )


def _split(carried: Streams, layers: Sequence[CodedLayer]) -> dict[str, list[str]]:
    """By the names of layers whose values two streams carry, the populations of these."""
    found: dict[str, list[str]] = {carrier.of: [] for carrier in carried.carriers.values() if carrier.of}
    for layer in layers:
        if layer.carries is not None and layer.carries.of:
            found[layer.carries.of].append(layer.name)
    return {name: listed for name, listed in found.items() if listed}
