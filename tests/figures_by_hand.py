"""Runs and reports made by hand for the tests of figures, and ways to find what was drawn."""

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import eventsim
import eventsim.models  # registers the neuron models
from eventsim.engines.records import RunRecords
from eventsim.run.run import Run

SPIKE = np.dtype([("sample", "i4"), ("population", "u2"), ("neuron", "i4"), ("time", "f8")])
WINDOWS = {"input": (0.0, 1.0), "hidden": (0.0, 1.0, 3.0), "output": (1.0, 3.0, math.inf)}
SIZES = {"input": 4, "hidden": 8, "output": 2}
# (sample, population, neuron, time); hidden neuron 5 of sample 0 is premature.
SPIKES = [
    *((0, 0, 2, 0.0), (0, 0, 0, 0.5), (0, 1, 5, 0.75), (0, 1, 0, 1.5), (0, 1, 7, 2.25)),
    *((1, 0, 1, 0.25), (1, 0, 3, 0.5), (1, 1, 2, 2.5)),
]


def run_of(
    spikes: Any,
    sizes: dict[str, int],
    windows: dict[str, Any] | None = None,
    readout: Any = None,
    time_unit: float | None = None,
    keep: str = "spikes",
    sources: tuple[str, ...] = (),
) -> Run:
    """A run made by hand, of spikes sorted by sample and time."""
    records = np.array(spikes, dtype=SPIKE)
    n_samples = int(records["sample"].max(initial=0)) + 1
    first = np.full((n_samples, sum(sizes.values())), math.inf)
    start = np.concatenate([[0], np.cumsum([*sizes.values()])])
    column = start[records["population"].astype(np.int64)] + records["neuron"]
    np.minimum.at(first, (records["sample"], column), records["time"])
    return Run(
        populations=[*sizes],
        shapes=[(n,) for n in sizes.values()],
        n_samples=n_samples,
        counters={},
        provenance={"time_unit": time_unit, "until": None, "sources": list(sources)},
        windows=windows if windows is not None else dict.fromkeys(sizes),
        records=RunRecords(spikes=records if keep == "spikes" else None, first=first, readout=readout),
    )


def small_run(**changes: Any) -> Run:
    return run_of(SPIKES, SIZES, WINDOWS, np.array([[0.5, 2.0], [1.0, -1.0]]), **changes)


def random_run(n_spikes: int, sizes: tuple[int, ...] = (784, 512, 512, 10)) -> Run:
    """Spike trains of a network without windows."""
    rng = np.random.default_rng(0)
    records = np.zeros(n_spikes, dtype=SPIKE)
    records["population"] = rng.integers(0, len(sizes), n_spikes)
    records["neuron"] = rng.random(n_spikes) * np.array(sizes)[records["population"]]
    records["time"] = np.sort(rng.gamma(4.0, 10.0, n_spikes))
    return run_of(records, {f"layer{k}": n for k, n in enumerate(sizes)})


def with_gid(ax: Axes, gid: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def one(ax: Axes, gid: str) -> Any:
    (artist,) = with_gid(ax, gid)
    return artist


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def note_of(ax: Axes, layer: str) -> str:
    """What a raster says above the rows of a layer, at the right."""
    return str(one(ax, f"note {layer}").get_text())


def rows_of(ax: Axes, layer: str) -> tuple[float, float]:
    """Top and bottom of a layer's rows, from its strip of silent neurons; y grows downwards."""
    y = one(ax, f"silent {layer}").get_coordinates()[..., 1]
    return float(y.min()), float(y.max())


def png_size(ax: Axes) -> int:
    file = io.BytesIO()
    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.savefig(file, dpi=120)
    return file.tell()


@dataclass
class ReportOfHand:
    """What `viz.verification` reads of a report."""

    populations: list[str]
    readouts: list[str] = field(default_factory=list)
    potentials: dict[str, Any] = field(default_factory=dict)
    expected_potentials: dict[str, Any] = field(default_factory=dict)
    event_times: dict[str, Any] = field(default_factory=dict)
    expected_times: dict[str, Any] = field(default_factory=dict)
    bounds: dict[str, Any] = field(default_factory=dict)
    causes: dict[str, Any] = field(default_factory=dict)
    CAUSES: tuple[str, ...] = ("ok", "premature", "late", "clamped")

    @property
    def differences(self) -> dict[str, Any]:
        """Silence is at the end of a window that is at 3."""
        pairs = [(self.event_times, self.expected_times), (self.potentials, self.expected_potentials)]
        return {
            name: np.minimum(event[name], 3.0) - np.minimum(expected[name], 3.0)
            for event, expected in pairs
            for name in event
        }


def report_of(layers: dict[str, Any]) -> ReportOfHand:
    """Of (event times, expected times, bounds, causes) by population."""
    report = ReportOfHand([*layers])
    for name, arrays in layers.items():
        for values, array in zip(
            (report.event_times, report.expected_times, report.bounds, report.causes), arrays, strict=True
        ):
            values[name] = np.array(array)
    return report


def differing_report() -> ReportOfHand:
    inf, nan = math.inf, math.nan
    event = [[1.5, 2.0, inf, 0.5, inf, 2.5]]
    expected = [[1.5, 2.0 + 2.0**-50, inf, 1.75, 2.25, inf]]
    bound = [[0.0, 2.0**-49, nan, 2.0**-49, nan, 2.0**-49]]
    return report_of({"one": (event, expected, bound, [[0, 0, 0, 1, 3, 2]]), "two": (event, event, bound, [[0] * 6])})


def membrane_run() -> Run:
    """Two B1 neurons in the window [0, 1] -> [1, 3]: one fires at 2.375, the other is silent (closed form)."""
    net = eventsim.Network()
    pixels = net.source(3, name="input")
    weights = eventsim.Dense([[0.5, 0.25, -0.5], [-0.25, 0.5, 0.5]])
    cell = net.population("ttfs_b1", 2, name="cell", window=(0.0, 1.0, 3.0), threshold=[1.875, 2.25])
    net.connect(pixels, cell, weights)
    return eventsim.simulate(net, np.array([[1.0, 0.5, 0.25]]), record={"cell": [0, 1]})
