"""Event times of 100 handwritten digits against analytic times, and the difference in units of its rounding bound."""

from pathlib import Path

from eventsim import models, viz
from eventsim.models import digits

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "verification_digits.png"


def main() -> None:
    """Convert, verify 100 images, draw."""
    relu = digits.network()
    calibration, _ = digits.calibration_images()
    images, _ = digits.test_images()
    net = models.to_ttfs(relu, calibration)
    report = models.verify(net, relu, images[:100])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    viz.verification(report)[0, 0].figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
