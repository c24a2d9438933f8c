"""How much window the neurons of the digits network need: calibrated, certified and too short windows.

Calibrated windows are 1.5 times the largest activation of the calibration images, which proves nothing; certified ones
the smallest in which no neuron is premature on these images, here with a tenth to spare. Drawn are other images.
"""

from pathlib import Path

from matplotlib.figure import Figure

from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "safe_windows_digits.png"
WINDOWS = {
    "calibrated: 1.5 × the largest activation": ("calibrated", 0.5),
    "certified: 1.1 × the smallest safe window of the calibration images": ("certified", 0.1),
    "too short: 0.55 × the largest activation": ("published", -0.45),
}


def main() -> None:
    """Convert, certify, draw; a layer has one scale in all rows."""
    relu = digits.network()
    calibration, _ = digits.calibration_images()
    images, _ = digits.test_images()
    figure = Figure(figsize=(8.6, 8.0), layout="constrained")
    drawn = []
    for row, (title, (windows, margin)) in zip(
        figure.subfigures(len(WINDOWS), hspace=0.03), WINDOWS.items(), strict=True
    ):
        net = models.to_ttfs(relu, calibration, windows=windows, margin=margin)
        row.suptitle(title, fontsize="medium", fontweight="bold", x=0.02, ha="left")
        drawn.append(viz.safe_windows(models.certify(net, images), ax=row.subplots(1, 2)))
    for column in zip(*drawn, strict=True):
        longest = max(ax.get_xlim()[1] for ax in column)
        for ax in column:
            ax.set_xlim(0.0, longest)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
