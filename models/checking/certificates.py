"""What `certify` found: premature or safe, smallest safe windows, and proofs of spikes; and how to read them.

Relies on tables and wording. Read by people (`table`), programs (`to_json`) and figures (the arrays by population).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.models.checking.arrived import Arrived
from eventsim.table import Column, Table, Tabled, dotted
from eventsim.wording import name_text, neuron_text, place

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """One population; arrays are (n_samples, size), times in the unit of the network.

    Attributes
    ----------
    window
        Length of its window, in time.
    safe_window
        The smallest window in which no neuron of no sample is premature, if those before it are safe: the supremum over
        both, plus its rounding; <= 0 where any window is safe.
    premature
        Whether the neuron reaches its threshold before t_min.
    undecided
        Whether it is within the rounding of doing so or not.
    late
        Whether it hears an input at or after t_min, which does not count for what it carries.
    margin
        By how much the window could be shorter before the neuron is premature, in time; negative where it is.
    bound
        Bound on the rounding of the margin, in time.
    """

    window: float
    premature: Array
    undecided: Array
    late: Array
    margin: Array
    bound: Array
    safe_window: float

    def __post_init__(self) -> None:
        _close(self)

    def __repr__(self) -> str:
        counts = {name: np.count_nonzero(getattr(self, name)) for name in ("premature", "undecided", "late")}
        found = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        n = f"{self.premature.size:,} neurons times samples"
        return f"Layer: window {self.window:.6g}, safe {_safe_window(self.safe_window)}; {n}, {found or 'all safe'}"


@dataclass(frozen=True, eq=False, repr=False)
class Proof:
    """What one population did in a run; arrays are (n_samples, size).

    Attributes
    ----------
    residual, bound
        The distance |V - threshold| at the spike time in extended precision, and what rounding explains of it; NaN
        where the neuron is silent. It is 0 for a threshold <= 0 that is met when integration begins. For relays (max
        and min pools) it is the distance in time from the input that should be passed on, infinite where none should;
        for a read-out the distance of the potential from what its inputs make.
    highest, below, below_bound
        The largest V that a silent neuron reached, how far below the threshold that is, and what rounding may hide of
        it; NaN where it spiked. NaN for read-outs, and for relays unless they are silent where they should not be: then
        `below` is minus infinity.
    of
        What it is about: "neurons", "relays" or a "read-out".
    """

    residual: Array
    bound: Array
    highest: Array
    below: Array
    below_bound: Array
    of: str = "neurons"

    def __post_init__(self) -> None:
        _close(self)

    def __repr__(self) -> str:
        failed = int(self.failed.sum())
        return f"Proof of {self.of}: {self.residual.size:,} times samples, {failed or 'none'} not proven"

    @property
    def failed(self) -> Array:
        """Spikes, silences and potentials, (n_samples, size), that are off by more than rounding."""
        with np.errstate(invalid="ignore"):
            found: Array = (self.residual > self.bound) | (self.below < -self.below_bound)
        return found


class Certificates(Tabled):
    """The result of `eventsim.models.certify`.

    Attributes
    ----------
    layers
        `Layer` by population, in the order of the network.
    proof
        `Proof` by population, or None where no run was given.
    shapes
        Shape of each population in `layers` and `arrived`, by name.
    decisions : array (n_samples, 2)
        By how much the largest output leads, or the output nearest to 0 is away from it where signs decide, in
        potential; and by how much every spike into the read-out may move at once, in time, before the decision can
        change (with a transport, when it arrives). None without a run, with several read-outs, or where one output
        decides nothing.
    arrived
        What the transport of the run did to the inputs of each population, `Arrived` by name, pools and read-outs among
        them; empty without one.
    without
        The certificates of the network without the transport, on the same inputs; None where the run had none.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        shapes: Mapping[str, tuple[int, ...]],
        proof: Mapping[str, Proof] | None,
        decisions: Array | None,
        arrived: Mapping[str, Arrived] | None = None,
        without: "Certificates | None" = None,
    ) -> None:
        self.layers = dict(layers)
        self.arrived = dict(arrived or {})
        self.without = without
        self.shapes = {name: shape for name, shape in shapes.items() if name in self.layers or name in self.arrived}
        self.proof = None if proof is None else dict(proof)
        self.decisions = decisions
        if decisions is not None:
            decisions.flags.writeable = False

    @property
    def ok(self) -> bool:
        """Does every neuron wait for all of its inputs, beyond rounding, and does every proof hold?"""
        return not any(mark.any() for mark in self._doubtful().values()) and self.proven

    def _doubtful(self) -> dict[str, Array]:
        """By population, (n_samples, size), who is premature, undecided, or without an input when t_min comes."""
        found = {name: layer.premature | layer.undecided | layer.late for name, layer in self.layers.items()}
        for name, one in self.arrived.items():
            found[name] = found[name] | one.incomplete if name in found else one.incomplete
        return found

    @property
    def proven(self) -> bool:
        """Is every spike, silence and potential what the inputs make, within rounding? True where no run was given."""
        return not any(proof.failed.any() for proof in (self.proof or {}).values())

    @property
    def share(self) -> float:
        """The fraction of neurons times samples that are certified: that surely wait for all of their inputs."""
        marks = self._doubtful().values()
        total = sum(mark.size for mark in marks)
        return 1.0 - sum(int(np.count_nonzero(mark)) for mark in marks) / total if total else 1.0

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
    def not_certified(self) -> list[tuple[str, int, int]]:
        """(population, sample, neuron) of all that are premature, undecided or hear an input late, or never."""
        marks = self._doubtful()
        return [
            (name, int(sample), int(neuron))
            for name in self.shapes
            if name in marks
            for sample, neuron in np.argwhere(marks[name])
        ]

    def table(self) -> Table:
        """Return the certificates as a table: a row for each population and a statement on the network.

        |V-θ|/bound is the largest residual of a spike in units of its bound, "nearest silence" how far below its
        threshold a silent neuron stayed at least. Of a run with a transport there is no window to choose: windows stand
        in the table of `without`, and what became of inputs in that of `arrived_table`.
        """
        late = any(layer.late.any() for layer in self.layers.values())
        lost = any(self.arrived[name].lost.any() for name in self.layers if name in self.arrived)
        counted = ["undecided", "premature", *(["late"] if late else []), *(["lost"] if lost else [])]
        columns = [Column("population", text=True), Column("checked"), Column("safe")]
        columns += [Column(name, dotted) for name in counted]
        columns += [Column("window", ".6g")]
        if self.without is None:
            columns += [Column("safe window", _safe_window), Column("can be cut by", _percent)]
        columns += [Column("|V-θ|/bound", ".2g"), Column("nearest silence", ".2g")] if self.proof else []
        rows = []
        for name, layer in self.layers.items():
            marks = [layer.undecided, layer.premature & ~layer.undecided]
            rest = ~(layer.premature | layer.undecided)
            marks += [layer.late & rest] if late else []
            marks += [self.arrived[name].lost & ~layer.late & rest] if lost else []
            counts = [int(np.count_nonzero(mark)) for mark in marks]
            size = layer.premature.size
            row = [name, size, size - sum(counts), *counts, layer.window]
            if self.without is None:
                row += [layer.safe_window, _cut(layer)]
            if self.proof:
                below = self.proof[name].below
                row += [_worst(self.proof[name]), float(np.nanmin(below, initial=np.inf))]
            rows.append(tuple(row))
        lines = self._also_proven()
        if self.decisions is not None and len(self.decisions):
            lead, moved = self.decisions.min(axis=0)
            what = "last spike moves" if self.without is None else "arrival at the read-out moves"
            lines.append(f"closest decision: by {lead:.3g}; it stands if no {what} by more than {moved:.3g}")
        if self.without is not None:
            lines.append(f"without the transport: {self.without.verdict}")
        return Table(tuple(columns), tuple(rows), below=(*lines, self.verdict), ruled=True)

    def arrived_table(self) -> Table:
        """Return what a transport did to inputs: how many neurons times samples heard some late, never, or inverted."""
        columns = [Column("population", text=True), Column("checked"), Column("all in time")]
        columns += [Column(name, dotted) for name in ("late", "lost", "inverted")]
        rows = [
            (name, one.late.size, int(np.count_nonzero(~one.incomplete)), *one.counts.values())
            for name, one in self.arrived.items()
        ]
        return Table(tuple(columns), tuple(rows), ruled=True)

    def _also_proven(self) -> list[str]:
        """A line on pools and read-outs of which every proof holds."""
        right = {name: proof for name, proof in (self.proof or {}).items() if not proof.failed.any()}
        pools = [name for name, proof in right.items() if proof.of == "relays"]
        said = [f"the spikes of {' and '.join(pools)} are those that they pool"] if pools else []
        said += [
            f"potentials of {name} within {_worst(proof):.2g} of their bound"
            for name, proof in right.items()
            if proof.of == "read-out"
        ]
        return [f"proven, too: {'; '.join(said)}"] if said else []

    @property
    def verdict(self) -> str:
        """The last line of `table`: certified or not, and where first."""
        failed = sum(int(proof.failed.sum()) for proof in (self.proof or {}).values())
        off = f"NOT PROVEN: {failed:,} spikes, silences or potentials are not what the inputs make" if failed else ""
        found = self.not_certified
        if found:
            name, sample, neuron = found[0]
            with_transport = "" if self.without is None else " with the transport"
            said = (
                f"{self.share:.4%} certified{with_transport}; first not: {neuron_text(neuron, self.shapes[name])} of "
                f"{name_text(name)}, sample {sample}; {len(found):,} in all"
            )
            return f"{said}; {off}" if off else said
        if off:
            return off
        if self.without is not None:
            return "certified with the transport: every neuron waits for its inputs, and all come before t_min"
        needing = {name: layer for name, layer in self.layers.items() if layer.safe_window > 0}
        if not needing:
            return "certified: every neuron waits for its inputs, in windows of any length"
        name = min(needing, key=lambda n: 1 - needing[n].safe_window / needing[n].window)
        cut = _percent(_cut(needing[name]))
        first = name_text(name)
        return f"certified: every neuron waits for its inputs; first to break: {first}, if its window is cut by {cut}"

    def to_json(self, limit: int = 1000) -> str:
        """Return the certificates as JSON, without the arrays and with at most `limit` of what is not certified."""
        populations = [
            {
                "population": name,
                "checked": int(layer.premature.size),
                "premature": int(np.count_nonzero(layer.premature & ~layer.undecided)),
                "undecided": int(np.count_nonzero(layer.undecided)),
                "late": int(np.count_nonzero(layer.late)),
                "window": layer.window,
                "safe_window": layer.safe_window,
            }
            | (_proven(self.proof[name]) if self.proof else {})
            for name, layer in self.layers.items()
        ]
        found = self.not_certified
        return json.dumps(
            {
                "ok": self.ok,
                "share": self.share,
                "populations": populations,
                "proven": self.proven,
                "pools_and_readouts": [
                    {"population": name, "of": proof.of} | _proven(proof)
                    for name, proof in (self.proof or {}).items()
                    if name not in self.layers
                ],
                "decisions": None
                if self.decisions is None
                else [list(map(_finite, row)) for row in self.decisions.tolist()],
                "arrived": [{"population": name} | one.counts for name, one in self.arrived.items()],
                "without_transport": None if self.without is None else json.loads(self.without.to_json(limit)),
                "n_not_certified": len(found),
                "not_certified": [
                    {"population": name, "sample": sample, "neuron": neuron, "place": place(neuron, self.shapes[name])}
                    for name, sample, neuron in found[:limit]
                ],
            }
        )

    def __repr__(self) -> str:
        return f"Certificates: {self.verdict}"


def _close(record: Layer | Proof) -> None:
    """A certificate stays what it was when it was made."""
    for array in vars(record).values():
        if isinstance(array, np.ndarray):
            array.flags.writeable = False


def _safe_window(length: float) -> str:
    return "any" if length <= 0 else f"{length:.6g}"


def _cut(layer: Layer) -> float:
    """By which share the window can be cut; infinite where any window is safe."""
    return float(1 - layer.safe_window / layer.window) if layer.safe_window > 0 else math.inf


def _percent(cut: float) -> str:
    """A share of a window; what rounds to nothing has no sign."""
    if cut == math.inf:
        return "any"
    cut = round(cut, 3) + 0.0
    return f"{cut:.1%}" if abs(cut) < 100 else f"{cut:.2g}"


def _proven(proof: Proof) -> dict[str, Any]:
    """What JSON says of a proof."""
    nearest = float(np.nanmin(proof.below, initial=np.inf))
    return {
        "worst_residual_over_bound": _finite(_worst(proof)),
        "nearest_silence": _finite(nearest),
        "not_proven": int(proof.failed.sum()),
    }


def _worst(proof: Proof) -> float:
    """Largest residual of a spike, in units of its bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(proof.residual > 0, proof.residual / proof.bound, 0.0)
    return float(np.nanmax(ratio, initial=0.0))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
