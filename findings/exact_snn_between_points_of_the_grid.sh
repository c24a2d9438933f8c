#!/usr/bin/env bash
# exact-snn-nn 3.2.3: `ExactTTFSLinear` finds a spike where the potential is at or above the threshold in a point of its
# grid. A peak between two points is missed; the search that `peak_tol` adds reads a linear interpolation of the grid,
# which is never above its points, so it finds none. The time, too, is that of the linear interpolation: Newton's steps
# are clamped to the bracket that bisecting it has left, t_max / (grid_pts - 1) / 2^15 wide, so that float64 alone makes
# nothing better; four times the points make the error sixteen times less. `ExactEventLinear` has neither.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check exact-snn-nn==3.2.3 torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata
import math

import torch
from exact_snn import ExactTTFSLinear
from exact_snn.event import ExactEventLinear

assert importlib.metadata.version("exact-snn-nn") == "3.2.3"
start, lag = 1.003, 15 * 4 / 11 * math.log(15 / 4)


def first_spike(layer: torch.nn.Module, peak: float) -> float:
    """Of one input at `start`, so strong that the highest potential is `peak`; the threshold is 1."""
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[peak, 0.0]], dtype=torch.float64))
        return float(layer(torch.tensor([[start]], dtype=torch.float64)))


def exact(peak: float) -> float:
    """By bisection of the potential, from the input to its peak."""
    shape = lambda t: math.exp(-t / 15) - math.exp(-t / 4)
    low, high = 0.0, lag
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if peak * shape(middle) / shape(lag) < 1.0 else (low, middle)
    return start + high


double = {"dtype": torch.float64}
errors = [abs(first_spike(ExactTTFSLinear(1, 1, grid_pts=n, **double), 1.5) - exact(1.5)) for n in (501, 2001, 8001)]
print("error of 501, 2001, 8001 points:", *(f"{error:.1e}" for error in errors))
assert errors[0] > 8 * errors[1] > 64 * errors[2] > 0, errors
event = abs(first_spike(ExactEventLinear(1, 1, **double), 1.5) - exact(1.5))
print(f"error from event to event: {event:.1e}")
assert event < 1e-12

barely = 1.0000001  # the potential is above the threshold for 0.007
seen = [first_spike(ExactTTFSLinear(1, 1, **double), barely), first_spike(ExactEventLinear(1, 1, **double), barely)]
print(f"a peak of {barely}: exact {exact(barely):.4f}, on the grid {seen[0]}, from event to event {seen[1]:.4f}")
assert seen[0] == math.inf
assert abs(seen[1] - exact(barely)) < 1e-6
PYTHON
