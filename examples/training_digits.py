"""Train a network of digits twice, with windows that forget the earliest spikes and with certified ones, as judged.

Rows: windows at the 0.99 quantile of each layer's values, and windows kept as long as `certify` proves to be enough.
The loss and the accuracy are the same, since the closed form does not see the windows; the event simulator does.
"""

import warnings
from pathlib import Path

from matplotlib.figure import Figure

from eventsim import PrematureSpikeWarning, viz
from eventsim.models import train

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "training_digits.png"
RULES = ("quantile:q=0.99", "certified:margin=0.25,samples=200")
PLAN = train.Plan(
    "digits", "conv8x3-bn-relu-pool2-32-10", optimizer="adam:rate=0.004", epochs=10, judge="events:samples=20"
)


def main() -> None:
    """Train, and draw."""
    figure = Figure(figsize=(9.0, 5.2), layout="constrained")
    rows = figure.subplots(len(RULES), 3)
    for rule, axes in zip(RULES, rows, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrematureSpikeWarning)  # what the first rule does is what is shown
            outcome = train.carry_out(PLAN.replaced({"windows": rule}))
        viz.training_curves(outcome.training.history, axes)
        axes[0].set_title(f"loss, windows: {rule.partition(',')[0]}", loc="left", fontsize="small")
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
