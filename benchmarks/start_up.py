"""Seconds to the first simulated figure in a fresh process: the first time on a machine, and the times after.

The first time meets empty caches: of compiled loops, and of matplotlib's fonts. The clock runs from before Python
starts until it has ended, with the picture on disk.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from report import Row, run_script

ROOT = Path(__file__).resolve().parents[1]
# A trained network needs more than the engine; this one needs every stage up to the picture.
FIGURE = """
import sys
import matplotlib
matplotlib.use("Agg")
import numpy as np
import eventsim
from eventsim import viz

random = np.random.default_rng(1)
net = eventsim.Network()
before = net.source(100, name="input")
for number, (size, before_size) in enumerate([(50, 100), (10, 50)]):
    windows = (number, number + 1, number + 2)
    layer = net.population("ttfs_b1", size, name=f"layer{number}", window=windows, threshold=1.0)
    net.connect(before, layer, eventsim.Dense(0.1 * random.standard_normal((size, before_size))))
    before = layer
run = eventsim.simulate(net, random.random((1, 100)))
assert run.counters["visited"] == run.counters["synaptic_events"] > 0
viz.raster(run).figure.savefig(sys.argv[1])
"""


def seconds_to_figure(figure: Path, caches: Mapping[str, str]) -> float:
    """Duration of a process that simulates a small network and writes `figure`; caches: environment variables.

    With the loops that users have, whatever the tests have chosen.
    """
    figure.unlink(missing_ok=True)
    start = time.perf_counter()
    usual = {name: value for name, value in os.environ.items() if name != "EVENTSIM_LOOPS"}
    subprocess.run([sys.executable, "-c", FIGURE, str(figure)], check=True, env={**usual, **caches}, cwd=ROOT)
    seconds = time.perf_counter() - start
    assert figure.stat().st_size > 0
    return seconds


def measure(size: str = "usual") -> list[Row]:
    """With empty caches and with filled ones."""
    with tempfile.TemporaryDirectory() as folder:
        figure = Path(folder) / "figure.png"
        caches = {name: str(Path(folder) / name) for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR")}
        first = seconds_to_figure(figure, caches)
        after = [seconds_to_figure(figure, caches) for _ in range(2 if size == "quick" else 5)]
    return [
        Row("start-up", "first figure, empty caches", first, "s", "<= 15"),
        Row("start-up", "first figure, filled caches", statistics.median(after), "s", "<= 2"),
    ]


if __name__ == "__main__":
    run_script(measure, __doc__)
