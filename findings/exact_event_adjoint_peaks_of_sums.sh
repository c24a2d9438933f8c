#!/usr/bin/env bash
# exact-event-adjoint 0.2.0: `ExactAdjointLinear` looks for a potential at or above the threshold at 0, at the inputs, one
# lag of the kernel's peak after each of them, and at t_max. The peak of a sum of kernels lies elsewhere, so a neuron that
# crosses its threshold between these times only is silent (t_max). An input of weight 0, which changes no potential but
# adds two such times, makes it fire.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check exact-event-adjoint==0.2.0 torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata
import math

import torch
from exact_event_adjoint import ExactAdjointLinear

assert importlib.metadata.version("exact-event-adjoint") == "0.2.0"
times = [1.0, 5.0]
kernel = lambda t: 60 / 11 * (math.exp(-t / 15) - math.exp(-t / 4)) if t > 0 else 0.0
potential = lambda t: sum(kernel(t - s) for s in times)
top = max((k / 1000 for k in range(40_000)), key=potential)
weight = 1.01 / potential(top)  # the peak is 1 % above the threshold


def first_spike(inputs: list[float], weights: list[float]) -> float:
    layer = ExactAdjointLinear(len(inputs), 1).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights], dtype=torch.float64))
        return float(layer(torch.tensor([inputs], dtype=torch.float64)))


silent = first_spike(times, [weight, weight])
fires = first_spike([*times, top], [weight, weight, 0.0])
print(f"potential at {top:.2f}: {weight * potential(top):.3f}; spike at {silent}, with an input of weight 0 at {fires:.4f}")
assert silent == 50.0
assert 5.0 < fires < top
assert abs(weight * potential(fires) - 1.0) < 1e-8
PYTHON
