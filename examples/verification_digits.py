"""Event times against analytic times, where the windows are safe and where they are too short.

Above, the difference of the two times is a fraction of its rounding bound. Below, the last layer that fires has been
given a window that ends too early: verification says which neurons went wrong, and why.
"""

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
