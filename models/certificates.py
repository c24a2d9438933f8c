"""What `certify` found: premature or safe, smallest safe windows, and proofs of spikes; and how to read them.

Relies on numpy alone. Read by people (`table`), programs (`to_json`) and figures (the arrays by population).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Layer:
    """One population; arrays are (n_samples, size), times in the unit of the network.

    Attributes
    ----------
    window : length of its window. safe_window : the smallest window in which no neuron of no sample is premature: the
        supremum over both, plus its rounding.
    premature : reaches its threshold before t_min. undecided : within the rounding of doing so or not.
    margin : by how much the window could be shorter before the neuron is premature; negative where it is.
    bound : on the rounding of the margin.
    """

    window: float
    premature: Array
    undecided: Array
    margin: Array
    bound: Array
    safe_window: float


@dataclass(frozen=True, eq=False)
class Proof:
    """The spikes and silences of one population in a run; arrays are (n_samples, size).

    Attributes
    ----------
    residual, bound : |V - threshold| at the spike time in extended precision, and what rounding explains of it; NaN
        where the neuron is silent.
    highest, below : the largest V that a silent neuron reached, and how far below the threshold that is; NaN where it
        spiked.
    """

    residual: Array
    bound: Array
    highest: Array
    below: Array


class Certificates:
    """The result of `eventsim.models.certify`.

    Attributes
    ----------
    layers : `Layer` by population, in the order of the network.
    proof : `Proof` by population, or None where no run was given.
    decisions : (n_samples, 2), or None: by how much the largest output leads, in potential, and by how much every spike
        into the read-out may move at once, in time, before another output can be the largest. NaN for one output.
    """

    def __init__(self, layers: Mapping[str, Layer], proof: Mapping[str, Proof] | None, decisions: Array | None) -> None:
        self.layers = dict(layers)
        self.proof = None if proof is None else dict(proof)
        self.decisions = decisions

    @property
    def ok(self) -> bool:
        """Is no neuron premature, or within the rounding of being so?"""
        return not any((layer.premature | layer.undecided).any() for layer in self.layers.values())

    @property
    def share(self) -> float:
        """The fraction of neurons times samples that are certified: surely not premature."""
        total = sum(layer.premature.size for layer in self.layers.values())
        bad = sum(int((layer.premature | layer.undecided).sum()) for layer in self.layers.values())
        return 1.0 - bad / total if total else 1.0

    @property
    def safe_windows(self) -> dict[str, float]:
        """The smallest safe window of each layer, <= 0 where any window is safe."""
        return {name: layer.safe_window for name, layer in self.layers.items()}

    @property
    def windows(self) -> dict[str, float]:
        """The window of each layer."""
        return {name: layer.window for name, layer in self.layers.items()}

    @property
    def slack(self) -> dict[str, float]:
        """By how much each window can be cut before the first neuron of the data is premature; negative: too short."""
        return {name: layer.window - layer.safe_window for name, layer in self.layers.items()}

    @property
    def premature(self) -> list[tuple[str, int, int]]:
        """(population, sample, neuron) of all that are premature or undecided."""
        return [
            (name, int(sample), int(neuron))
            for name, layer in self.layers.items()
            for sample, neuron in np.argwhere(layer.premature | layer.undecided)
        ]

    def table(self) -> str:
        """Return the certificates as text: a row for each population and a statement on the network."""
        head = ["population", "checked", "safe", "undecided", "premature", "window", "safe window", "can be cut by"]
        rows = [head + (["|V-θ|/bound"] if self.proof else [])]
        for name, layer in self.layers.items():
            undecided, premature = (
                int(np.count_nonzero(held)) for held in (layer.undecided, layer.premature & ~layer.undecided)
            )
            size = layer.premature.size
            counts = [size, size - undecided - premature, undecided or "·", premature or "·"]
            lengths = [f"{layer.window:.6g}", f"{layer.safe_window:.6g}", _percent(layer)]
            rows.append([name, *map(str, counts), *lengths])
            if self.proof:
                rows[-1].append(f"{_worst(self.proof[name]):.2g}")
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        lines.insert(1, "-" * len(lines[0]))
        if self.decisions is not None and len(self.decisions) and np.isfinite(self.decisions).all():
            lead, moved = self.decisions.min(axis=0)
            lines.append(
                f"closest decision: the largest output leads by {lead:.3g}; all last spikes may move by {moved:.3g}"
            )
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        if not self.ok:
            name, sample, neuron = self.premature[0]
            return (
                f"{self.share:.4%} certified; first not: neuron {neuron} of {name!r}, sample {sample}; "
                f"{len(self.premature):,} in all"
            )
        if not self.layers:
            return "certified: there is no spiking layer"
        name = min(self.layers, key=lambda n: 1 - self.layers[n].safe_window / self.layers[n].window)
        cut = _percent(self.layers[name])
        return f"certified: every neuron waits for its inputs; first to break: {name!r}, if its window is cut by {cut}"

    def to_json(self, limit: int = 1000) -> str:
        """Return the certificates as JSON, without the arrays and with at most `limit` of what is not certified."""
        populations = [
            {
                "population": name,
                "checked": int(layer.premature.size),
                "premature": int(np.count_nonzero(layer.premature & ~layer.undecided)),
                "undecided": int(np.count_nonzero(layer.undecided)),
                "window": layer.window,
                "safe_window": layer.safe_window,
            }
            | ({"worst_residual_over_bound": _worst(self.proof[name])} if self.proof else {})
            for name, layer in self.layers.items()
        ]
        found = self.premature
        return json.dumps(
            {
                "ok": self.ok,
                "share": self.share,
                "populations": populations,
                "decisions": None
                if self.decisions is None
                else [list(map(_finite, row)) for row in self.decisions.tolist()],
                "n_not_certified": len(found),
                "not_certified": [
                    dict(zip(("population", "sample", "neuron"), entry, strict=True)) for entry in found[:limit]
                ],
            }
        )

    def __repr__(self) -> str:
        return f"Certificates: {self._verdict()}"


def _percent(layer: Layer) -> str:
    """By how much the window can be cut; what rounds to nothing has no sign."""
    return f"{round(1 - layer.safe_window / layer.window, 3) + 0.0:.1%}"


def _worst(proof: Proof) -> float:
    """Largest residual of a spike, in units of its bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(proof.residual > 0, proof.residual / proof.bound, 0.0)
    return float(np.nanmax(ratio, initial=0.0))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
