"""A loop from disk and one that is compiled meet in a process: neither takes the other's parts.

numba numbers functions from 1 in each process, so loops of two processes have parts of the same numbers. Linked into
one, the first of two parts of one name stands for both, unless their names tell the processes apart.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eventsim._jit import CACHE

# The first loop fires at once, by its drive alone: its very first prediction is of a part that no loop inlines.
PROGRAM = """
import sys
import numpy as np
import eventsim
import eventsim.models

def silent(model, **parameters):
    net = eventsim.Network()
    net.source(2, "input")
    net.population(model, 3, "cells", **parameters)
    net.connect("input", "cells", eventsim.Dense(np.full((3, 2), 0.25)))
    return net

nets = {
    "leaky": silent("lif_delta", tau_mem=1.0, current=1.5),
    "linear": silent("linear_psp", threshold=[0.5, 1.0, 1.5]),
}
x = eventsim.SpikeTimes(np.array([[np.inf, np.inf]]))
for name in sys.argv[1:]:
    runs = [eventsim.simulate(nets[name], x, until=3.0, engine=engine) for engine in ("compiled", "reference")]
    assert runs[0].spikes.tobytes() == runs[1].spikes.tobytes(), (name, [run.spikes for run in runs])
    print(name, len(runs[0].spikes))
"""


@pytest.mark.skipif(not CACHE, reason="loops are not kept on disk")
def test_a_loop_from_disk_and_a_new_one_do_not_mix(tmp_path: Path) -> None:
    # Narrow loops are compiled in half the time.
    environment = os.environ | {"EVENTSIM_CACHE": str(tmp_path), "EVENTSIM_LOOPS": "narrow"}
    for names, printed in ((["linear"], "linear 0\n"), (["linear", "leaky"], "linear 0\nleaky 6\n")):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *names], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.returncode) == (printed, 0), done.stderr
