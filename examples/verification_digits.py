"""Event times of handwritten digits against expected times, with windows that are long enough and that are not.

Above, each difference is a fraction of its rounding bound. Below, the windows are shorter than the largest activation:
a neuron whose value does not fit would have to fire before t_min, where its slope is not yet 1, and so fires at another
time than the formula says. What it sends is another value, which the neurons behind it inherit.
"""

from pathlib import Path

from matplotlib.figure import Figure

from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "verification_digits.png"
LAYERS = ["conv1", "conv2", "output"]


def main() -> None:
    """Convert twice, verify 100 images each, draw one above the other."""
    relu = digits.network()
    calibration, _ = digits.calibration_images()
    images, _ = digits.test_images()
    figure = Figure(figsize=(9.6, 9.2), layout="constrained")
    for part, margin in zip(figure.subfigures(2, hspace=0.06), (0.5, -0.2), strict=True):
        net = models.to_ttfs(relu, calibration, margin=margin, windows="published")
        axes = part.subplots(2, len(LAYERS), sharex="col", gridspec_kw={"height_ratios": (1.6, 1.0)})
        viz.verification(models.verify(net, relu, images[:100]), ax=axes, populations=LAYERS)
        part.suptitle(f"windows {1 + margin:g} × the largest activation", fontweight="bold")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
