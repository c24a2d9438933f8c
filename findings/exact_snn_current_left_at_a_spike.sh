#!/usr/bin/env bash
# exact-snn-nn 3.2.3: `ExactMultiSpike` carries the current that is left at a spike over the reset with a factor of ts times
# `k_peak`, which is 0.165 for its default time constants, since the kernel of its weights has a peak of 1 and the carried
# current is counted in the units of the differential equation. So spikes after the first are late or missing, against
# the package's own reference solver `ResetLIF` of the same neuron, too. With the layer's `k_peak` set to 1 / ts, and the
# weights in the units of the equation, both agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check exact-snn-nn==3.2.3 torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata

import torch
from exact_snn.extended import ExactMultiSpike
from exact_snn.reset import ResetLIF

assert importlib.metadata.version("exact-snn-nn") == "3.2.3"
weight = 40.0  # in the units of u' = (i - u) / tm


def train(own_units: bool) -> list[float]:
    """Spikes of a neuron after one input at 1; its bias is 0."""
    layer = ExactMultiSpike(1, 1, grid_pts=8001, max_spikes=50, dtype=torch.float64)
    factor = layer.ts * layer.k_peak  # from the equation to the kernel with a peak of 1
    if own_units:
        layer.k_peak, factor = 1 / layer.ts, 1.0
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[weight * factor, 0.0]], dtype=torch.float64))
        found = layer(torch.tensor([[1.0]], dtype=torch.float64))
    return [t for t in found.ravel().tolist() if t < 40.0]


reference = ResetLIF().run([(1.0, weight)], t_end=40.0)
kernel, equation = train(False), train(True)
for name, spikes in (("ResetLIF", reference), ("ExactMultiSpike", kernel), ("the same, k_peak = 1 / ts", equation)):
    print(f"{name}: {len(spikes)} spikes, {' '.join(f'{t:.3f}' for t in spikes[:4])}")
assert len(reference) == len(equation) > 2 * len(kernel), (len(reference), len(equation), len(kernel))
assert max(abs(a - b) for a, b in zip(reference, equation)) < 0.01
assert abs(reference[0] - kernel[0]) < 0.001
PYTHON
