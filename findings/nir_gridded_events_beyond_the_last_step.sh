#!/usr/bin/env bash
# nir 1.0.8: `EventData.to_time_gridded(dt)` has int(t_max / dt) steps. What is left of the recording behind the last
# whole step has none: a spike there, though before `t_max`, raises IndexError, and so does one that rounding puts there
# (t_max = 0.3, dt = 0.1: 0.3 / 0.1 is 2.9999999999999996 in float64, two steps). Without such a spike the rest of the
# recording is left out in silence. So an end for gridding must be a whole number of steps as float64 divides it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check nir==1.0.8 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import importlib.metadata

import numpy as np
from nir.data_ir import EventData

assert importlib.metadata.version("nir") == "1.0.8"


def steps(time: float, t_max: float, dt: float) -> str:
    """How many steps the gridded data have, or the error."""
    data = EventData(np.array([[0]]), np.array([[time]]), 1, t_max)
    try:
        return str(data.to_time_gridded(dt).data.shape[1])
    except IndexError as error:
        return f"IndexError: {error}"


seen = [
    ("spike at 0.95 of 1.0, dt 0.25", steps(0.95, 1.0, 0.25)),
    ("spike at 1.05 of 1.1, dt 0.25", steps(1.05, 1.1, 0.25)),
    ("spike at 0.95 of 1.1, dt 0.25", steps(0.95, 1.1, 0.25)),
    ("spike at 0.25 of 0.3, dt 0.1", steps(0.25, 0.3, 0.1)),
]
for what, found in seen:
    print(f"{what}: {found}")
found = [answer.partition(":")[0] for _, answer in seen]
assert found == ["4", "IndexError", "4", "IndexError"], found
PYTHON
