"""How much window the neurons of the digits network need: calibrated windows, and windows that are too short."""

from pathlib import Path

from matplotlib.figure import Figure

from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "safe_windows_digits.png"
MARGINS = (0.5, -0.45)


def main() -> None:
    """Convert, certify, draw."""
    calibration, _ = digits.calibration_images()
    images, _ = digits.test_images()
    figure = Figure(figsize=(8.6, 5.4), layout="constrained")
    rows = figure.subfigures(len(MARGINS))
    for row, margin in zip(rows, MARGINS, strict=True):
        net = models.to_ttfs(digits.network(), calibration, margin=margin)
        row.suptitle(f"windows {1 + margin:.2f} times the largest activation", fontsize="medium", x=0.02, ha="left")
        viz.safe_windows(models.certify(net, images), ax=row.subplots(1, 2))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
