"""What safe windows cost: `to_ttfs` beyond its published rule, in passes of `certify` over the calibration data.

Networks are made from seeds, and margins and slopes are those at which most neurons stay in doubt. Before anything is
timed, the windows are held against what `certify` says of them.

Relies on eventsim and numpy. ``--quick`` takes the smallest network alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from report import Row, in_turn, run_script

from eventsim import models
from eventsim.models import digits
from eventsim.models.relu.relu_network import ReluNetwork

Array = np.ndarray[Any, Any]
SLOPES = ("b1", "alpha1")
MOST = 1.2  # the target
SIZES = {"quick": ((20, 8),), "usual": ((20, 8), (200, 3)), "large": ((20, 8), (200, 3), (40, 12), (800, 2))}


def dense(width: int, depth: int, samples: int = 100) -> tuple[ReluNetwork, Array]:
    """Layers of equal size, ten outputs, and inputs."""
    rng = np.random.default_rng(depth)
    sizes = [width] * depth + [10]
    weights = [rng.normal(0, np.sqrt(2 / width), (size, width)) for size in sizes]
    relu = ReluNetwork.from_weights(weights, [rng.normal(0, 0.1, size) for size in sizes])
    return relu, rng.uniform(size=(samples, width))


def check(relu: ReluNetwork, x: Array, slope: str, margin: float) -> int:
    """Assert that windows are the published ones or safe ones, no longer than these; return the neurons judged."""
    net = models.to_ttfs(relu, x, slope, margin)
    published = models.to_ttfs(relu, x, slope, margin, windows="published").provenance["mapping"]["windows"]
    certificates = models.certify(net, x)
    assert certificates.ok, certificates.verdict
    for name, window in net.provenance["mapping"]["windows"].items():
        safe = certificates.safe_windows[name]
        assert window == published[name] or safe * (1 - 1e-12) <= window <= safe * (1 + 1e-5), name
    return sum(layer.premature.size for layer in certificates.layers.values())


def cost(relu: ReluNetwork, x: Array, slope: str, margin: float, rounds: int) -> float:
    """Median over the rounds of what safe windows add to the published rule, in passes of `certify`."""
    net = models.to_ttfs(relu, x, slope, margin)
    calls: list[Callable[[], object]] = [
        lambda: models.to_ttfs(relu, x, slope, margin, windows="published"),
        lambda: models.to_ttfs(relu, x, slope, margin),
        lambda: models.certify(net, x),
    ]
    published, usual, certifying = (np.array(seconds) for seconds in in_turn(calls, rounds))
    return float(np.median((usual - published) / certifying))


def measure(size: str) -> list[Row]:
    """A row for each network, slope and margin."""
    cases = {f"{width} x {depth}": dense(width, depth) for width, depth in SIZES[size]}
    if size != "quick":
        x = digits.calibration_images()[0]
        cases |= {"digits, dense": (digits.dense_network(), x), "digits": (digits.network(), x)}
    rows = []
    for name, (relu, x) in cases.items():
        for slope in SLOPES:
            for margin in (0.0, 0.5):
                check(relu, x, slope, margin)
                found = cost(relu, x, slope, margin, rounds=3 if size == "quick" else 7)
                title = f"safe windows, {name}, {slope}, margin {margin:g}"
                rows.append(Row(title, "(default - published) / certify", found, "", f"<= {MOST}"))
    return rows


if __name__ == "__main__":
    run_script(measure, __doc__)
