"""Which starts can be trained, by depth and learning rate; and whether layers begin as the theory says.

    python benchmarks/initial_weights.py [--quick | --redraw] [--out FOLDER]

Dense networks of 64 neurons a layer on the digits that come with eventsim, Adam, batches of 64, no schedule. A training
fails where none of its 30 epochs classifies 90 % of the training images rightly, each before the step that it is part
of, or where its loss is no number before; the first such epoch is its last. Prints the tables and writes them to
FOLDER, as initial_weights.csv and initial_spectra.csv with a picture, initial_weights.png; else the tables beside this
file and the picture to docs/images. Asserts that B1 and the ReLU network fail and succeed alike, with the same last
loss, bit for bit.
"""

import argparse
import csv
import itertools
import statistics
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eventsim.errors import TrainingError
from eventsim.models import digits
from eventsim.models.train import Adam, CrossEntropy, TrainableNetwork, Training, initialise, trainable
from eventsim.models.train.jacobians import jacobians
from eventsim.models.train.naive_start import NaiveStart
from eventsim.models.train.row_spectrum import share_within
from eventsim.models.train.sharpness import sharpness
from eventsim.viz.frame import quieten
from eventsim.viz.palette import GRID, INK, LAYERS

ROOT = Path(__file__).resolve().parents[1]
WIDTH, BATCH, EPOCHS, ENOUGH = 64, 64, 30, 0.9
DEPTHS, RATES, SEEDS = (2, 5, 10, 20, 50), (1e-4, 1e-3, 1e-2), range(5)
# label: slope and start, colour, marker
STARTS = {
    "ReLU": (("relu", "smart"), GRID, "o"),
    "B1": (("b1", "smart"), LAYERS[1], "x"),
    "alpha1 smart": (("alpha1", "smart"), LAYERS[4], "s"),
    "alpha1 naive": (("alpha1", "naive"), LAYERS[2], "v"),
}
RADII = (0.5, 1.0, 2.0, 4.0)
WIDE = 400
CURVED = (2, 5, 10)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Trained:
    """One training: what it came to. `loss` is NaN where it ended before."""

    start: str
    depth: int
    rate: float
    seed: int
    epochs: int
    accuracy: float
    loss: float
    never_climb: float
    failed: bool


def network(label: str, depth: int, seed: int, width: int = WIDTH) -> TrainableNetwork:
    """A network of `depth` layers of weights at its beginning."""
    (slope, start), *_ = STARTS[label]
    made = trainable("-".join([str(width)] * (depth - 1) + ["10"]), (WIDTH if width == WIDTH else width,), slope)
    initialise(made, seed, start=start)
    return made


def trained(label: str, depth: int, rate: float, seed: int, epochs: int) -> Trained:
    """Train one until an epoch classifies enough."""
    images, labels = digits.training_images()
    training = Training(network(label, depth, seed), Adam(rate), batch=BATCH, seed=seed)
    accuracy, loss = 0.0, float("nan")
    try:
        while training.epochs < epochs and accuracy < ENOUGH:
            epoch = training.epoch(images, labels)
            accuracy, loss = epoch.accuracy, epoch.loss
    except TrainingError:
        loss = float("nan")
    failed = accuracy < ENOUGH or not np.isfinite(loss)
    return Trained(label, depth, rate, seed, training.epochs, accuracy, loss, lost(training.network), failed)


def lost(made: TrainableNetwork) -> float:
    """The share of alpha neurons whose slope is not above 0; 0 for others."""
    if not made.code.name.startswith("alpha"):
        return 0.0
    slopes = [made.code.slopes(made.parameters[f"{layer.name}.weight"]) for layer in made.layers[:-1]]  # type: ignore[attr-defined]
    return float(np.mean(np.concatenate(slopes) <= 0))


def all_starts(depth: int, rate: float, seed: int, epochs: int) -> list[Trained]:
    """One training of each start; B1 is held against the ReLU network."""
    four = {label: trained(label, depth, rate, seed, epochs) for label in STARTS}
    twins = [(one.epochs, one.accuracy, str(one.loss)) for one in (four["ReLU"], four["B1"])]
    assert twins[0] == twins[1], f"B1 is not its ReLU network: {twins}"
    return [*four.values()]


def sweep(depths: Iterable[int], rates: Iterable[float], seeds: Iterable[int], epochs: int) -> list[Trained]:
    """All trainings, one process a core; said as they are done, since it takes a quarter of an hour."""
    rows: list[Trained] = []
    points = [*itertools.product(depths, rates, seeds, (epochs,))]
    with ProcessPoolExecutor() as pool:
        for four in pool.map(all_starts, *zip(*points, strict=True)):
            rows += four
            failing = ", ".join(one.start for one in four if one.failed) or "none"
            print(f"depth {four[0].depth}, rate {four[0].rate:g}, seed {four[0].seed}: fail: {failing}", flush=True)
    return rows


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the Jacobian of one wide layer at one input: measured over five seeds, and predicted."""

    start: str
    radius: float
    beyond: float
    expected: float


def spectra() -> list[Spectrum]:
    """Shares of eigenvalues beyond some radii."""
    rows = []
    x = abs(np.random.default_rng(0).normal(size=WIDE)) / 5
    coherence = float(x.mean() ** 2 / (x**2).mean())
    for label, ((slope, start), *_) in STARTS.items():
        sizes = []
        for seed in SEEDS:
            one = trainable(f"{WIDE}-2", (WIDE,), slope)
            initialise(one, seed, start=start)
            sizes.append(abs(np.linalg.eigvals(jacobians(one, x)["dense1"])))
        law = NaiveStart(2.0, coherence=coherence).share_within if start == "naive" else disc
        for radius, expected in zip(RADII, law(np.array(RADII)), strict=True):
            rows.append(Spectrum(label, radius, float((np.concatenate(sizes) > radius).mean()), 1 - float(expected)))
    return rows


def disc(radii: Array) -> Array:
    """The law where a neuron in two spikes, with He's weights."""
    return share_within(radii, [2.0, 0.0])


def curvature(label: str, depth: int) -> float:
    """The largest second derivative of the loss at the beginning, in size: its median over the seeds."""
    images, labels = digits.training_images()
    part = slice(0, 300)
    found = (sharpness(network(label, depth, seed), images[part], CrossEntropy(), labels[part]) for seed in SEEDS)
    return statistics.median(abs(one) for one in found)


def share(rows: list[Trained], label: str, depth: int, rate: float) -> float:
    """How many of the trainings of one kind failed."""
    return statistics.mean(one.failed for one in rows if (one.start, one.depth, one.rate) == (label, depth, rate))


def write(path: Path, rows: list[Any]) -> None:
    """A CSV of dataclasses."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(one) for one in rows)


def read(path: Path) -> list[Trained]:
    """The trainings of a file that `write` wrote."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Trained(
                one["start"], int(one["depth"]), float(one["rate"]), int(one["seed"]), int(one["epochs"]),
                float(one["accuracy"]), float(one["loss"]), float(one["never_climb"]), one["failed"] == "True",
            )
            for one in csv.DictReader(stream)
        ]  # fmt: skip


def tables(rows: list[Trained], found: list[Spectrum]) -> str:
    """All, as the page shows them."""
    depths, rates = sorted({one.depth for one in rows}), sorted({one.rate for one in rows})
    lines = [
        "| start | rate | " + " | ".join(f"{depth} layers" for depth in depths) + " |",
        "|---|---|" + "---|" * len(depths),
    ]
    for label in STARTS:
        for rate in rates:
            shares = [f"{share(rows, label, depth, rate):.0%}".replace("%", " %") for depth in depths]
            lines.append(f"| {label} | {rate:g} | " + " | ".join(shares) + " |")
    lines += [
        "",
        "| start | " + " | ".join(f"beyond {r:g}: measured (theory)" for r in RADII) + " |",
        "|---|" + "---|" * len(RADII),
    ]
    for label in STARTS:
        cells = [f"{one.beyond:.3f} ({one.expected:.3f})" for one in found if one.start == label]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    lines += ["", f"| start | {' | '.join(f'curvature, {depth} layers' for depth in CURVED)} |", "|---|---|---|---|"]
    for label in STARTS:
        lines.append(f"| {label} | " + " | ".join(f"{curvature(label, depth):.3g}" for depth in CURVED) + " |")
    return "\n".join(lines)


def draw(rows: list[Trained], path: Path) -> None:
    """Failures by depth, one panel a learning rate, and the loss of neurons."""
    depths, rates = sorted({one.depth for one in rows}), sorted({one.rate for one in rows})
    figure = Figure(figsize=(2.6 * len(rates), 5.4), layout="constrained")
    panels = figure.subplots(2, len(rates), sharex=True, sharey="row", squeeze=False)
    for column, rate in enumerate(rates):
        for label, (_, colour, marker) in STARTS.items():
            style: Any = {"color": colour, "marker": marker, "label": label, "linewidth": 5 if label == "ReLU" else 1.6}
            panels[0, column].plot(depths, [share(rows, label, depth, rate) for depth in depths], **style)
            if label.startswith("alpha"):
                means = [
                    statistics.mean(
                        one.never_climb for one in rows if (one.start, one.depth, one.rate) == (label, depth, rate)
                    )
                    for depth in depths
                ]
                panels[1, column].plot(depths, means, **style)
        panels[0, column].set_title(f"rate {rate:g}", loc="left", fontsize="medium")
        panels[1, column].axhline(NaiveStart(2.0).never_climbs, color=INK, linewidth=0.8, linestyle=":")
        panels[1, column].set(xlabel="layers", xscale="log", xticks=depths, xticklabels=map(str, depths))
        panels[1, column].minorticks_off()
    finish(panels)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def finish(panels: Any) -> None:
    """Labels and a legend."""
    first: Axes = panels[0, 0]
    first.set(ylabel="share of trainings that fail", ylim=(-0.04, 1.04))
    panels[1, 0].set(ylabel="share of neurons\nthat no longer climb", ylim=(-0.02, 0.8))
    for one in panels.ravel():
        quieten(one)
    panels[1, 0].legend(*first.get_legend_handles_labels(), frameon=False, fontsize="small", loc="upper left")


def main() -> None:
    """Sweep, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two depths, two rates, one seed, three epochs")
    parser.add_argument("--redraw", action="store_true", help="the picture alone, from the table beside this file")
    parser.add_argument("--out", type=Path, help="a folder for all three files")
    chosen = parser.parse_args()
    picture = (chosen.out or ROOT / "docs" / "images") / "initial_weights.png"
    if chosen.redraw:
        draw(read(ROOT / "benchmarks" / "initial_weights.csv"), picture)
        return
    rows = sweep((2, 5), (1e-3, 1e-2), (0,), 3) if chosen.quick else sweep(DEPTHS, RATES, SEEDS, EPOCHS)
    found = spectra()
    write((chosen.out or ROOT / "benchmarks") / "initial_weights.csv", rows)
    write((chosen.out or ROOT / "benchmarks") / "initial_spectra.csv", found)
    draw(rows, picture)
    print(tables(rows, found))


if __name__ == "__main__":
    main()
