"""What a chip costs the dense digits network, and what fine-tuning brings back: jitter, bits of times and of weights,
short windows.

Each point is a study of the test images, with the faults of the chip; "after" is fine-tuned on the training images with
the same faults, five times, each with another order of batches and other draws.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from eventsim import Network, viz
from eventsim.models import digits
from eventsim.models.train.converted import trainable_from
from eventsim.models.train.hardware_aware import HardwareAware
from eventsim.models.train.loop import fit
from eventsim.models.train.optimizers import Adam
from eventsim.models.train.spiking import spiking_network
from eventsim.models.train.training import Training
from eventsim.models.train.windows import Fixed
from eventsim.study import Points, Results, Study

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "fine_tuning.png"
DRAWS, SEEDS, EPOCHS, IMAGES = 5, 5, 4, 200


class Panel(NamedTuple):
    """What one panel shows: a knob and its values, in windows of `length` times the largest value of a layer."""

    title: str
    knob_in_words: str
    values: list[Any]
    length: float = 1.5


PANELS = {
    "jitter.sigma": Panel("jitter of spike times", "standard deviation", [0.1, 0.3, 0.5, 1.0, 2.0]),
    "time_bits.bits": Panel("times of few bits, windows 6 × the largest value", "bits", [1, 2, 3, 4, 5], 6.0),
    "weight_quantization.bits": Panel("weights of few bits", "bits", [2, 3, 4, 6]),
    "network.strength": Panel(
        "short windows", "quantile of the values of a layer", [0.05, 0.1, 0.2, 0.4, 0.7, 1.0], 1.0
    ),
}


def chip(knob: str, strength: float) -> list[dict[str, Any]]:
    """The faults of a point: all kinds, of which one has a strength, so that one compiled loop serves all panels."""
    wanted, _, setting = knob.partition(".")
    found = [
        {"fault": "weight_quantization", "bits": 52},
        {"fault": "complete_sum"},
        {"fault": "jitter", "sigma": 0.0},
        {"fault": "time_bits", "bits": 52},
    ]
    return [one | {setting: strength} if one["fault"] == wanted else one for one in found]


@functools.cache
def network(knob: str, strength: float, tuned: str, draw: int) -> Network:
    """The spiking network of a point, as it was converted ("before") or fine-tuned ("after")."""
    made, (x, labels) = trainable_from(digits.dense_network()), digits.training_images()
    share = strength if knob == "network.strength" else 1.0
    for name, sent in made.sent(x):
        if name in made.windows:
            made.windows[name] = PANELS[knob].length * float(np.quantile(np.abs(sent[sent != 0]), share))
    if tuned == "after":
        hardware = HardwareAware(chip(knob, strength), seed=draw)
        fit(Training(made, Adam(2e-3), seed=draw, windows=Fixed(), hardware=hardware), x, labels, EPOCHS)
    return spiking_network(made)


def results(knob: str) -> Results:
    """One panel: each strength before, and after each of the fine-tunings; jitter on chips of several seeds."""
    points = [
        {knob: strength, "network.strength": strength, "network.tuned": tuned, "network.draw": draw}
        for strength in PANELS[knob].values
        for tuned, draws in (("before", 1), ("after", DRAWS))
        for draw in range(draws)
    ]
    x, labels = digits.test_images()
    given = chip(knob, PANELS[knob].values[0])
    seeds = SEEDS if knob == "jitter.sigma" else 1  # nothing else is drawn
    study = Study(
        network, x[:IMAGES], Points(points), labels[:IMAGES], faults=given, seeds=range(1000, 1000 + seeds),
        settings={"knob": knob}, times=False,
    )  # fmt: skip
    return study.run(jobs=1)


def main() -> None:
    """Run and draw."""
    figure = Figure(figsize=(10.0, 6.0), layout="constrained")
    for ax, (knob, panel) in zip(figure.subplots(2, 2).ravel(), PANELS.items(), strict=True):
        over = [name for name in ("network.strength", "network.draw") if name != knob]
        viz.study_curve(results(knob), knob, ax, over=over, title=panel.title)
        ax.set_xlabel(panel.knob_in_words)
        where = "lower left" if knob == "jitter.sigma" else "lower right"
        ax.legend(ax.get_lines()[:2], ["converted", "fine-tuned"], frameon=False, loc=where)
        if panel.knob_in_words == "bits":
            ax.set_xticks(panel.values)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
