"""After `warm_up` a run with the same options compiles and loads nothing; it checks what `simulate` checks."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import InputError, fabric, faults
from eventsim._jit import INTERPRETED, compile_report

PROGRAM = """
import numpy as np
import eventsim
from eventsim import fabric, faults
from eventsim._jit import compile_report

def mixed():
    net = eventsim.Network()
    noise = net.source(6, "noise", generator=eventsim.Poisson(0.5))
    data = net.source((2, 3), "data", window=(0.0, 1.0))
    beat = net.source(1, "beat", generator=eventsim.Regular(2.0))
    cells = net.population("lif_delta", 4, "cells", tau_mem=5.0, v_threshold=1.0, t_ref=1.0)
    steps = net.population("lif_clocked", 4, "steps", period=1.0, decay=0.9)
    net.connect(noise, cells, eventsim.Sparse([0, 1, 2], [0, 1, 2], [1.5, 1.5, 1.5], delays=[0.1, 0.2, 0.3]))
    net.connect(data, cells, eventsim.Dense(np.full((4, 6), 0.4)))
    net.connect(beat, steps, eventsim.Dense(np.full((4, 1), 0.4)))
    net.connect(cells, steps, eventsim.Dense(np.full((4, 4), 0.4)), delay=0.5)
    net.population("linear_psp", 1, "ramp", threshold=1.0)  # with it, the loop is that of mixed networks
    return net

def trained():
    net = eventsim.Network()
    data = net.source(3, "data")
    layer = net.population("ttfs_b1", 4, "layer", threshold=2.0, window=(0.0, 1.0, 3.0))
    net.connect(data, layer, eventsim.Dense(np.full((4, 3), 0.3)))
    return net

x = np.full((3, 2, 3), 0.4)
stages = {"faults": [faults.Jitter(0.01)], "transport": fabric.AerBus(0.01)}
for net, x, options in (
    (mixed(), x, {"until": 8.0, "record": {"cells": [0]}, "keep_state": True, "stop": {"cells": 2}}),
    (trained(), np.full((70, 3), 0.4), {"error_bounds": True} | stages),
    (trained(), eventsim.SpikeTimes([[[0.25], [], [0.5]]]), {"record": "readout"}),
):
    done = eventsim.warm_up(net, **{name: value for name, value in options.items() if name != "until"})
    before = compile_report().ready_loops
    again = eventsim.warm_up(net, **options)
    eventsim.simulate(net, x, threads=2, **options)
    print(done.compiled + done.loaded > 0, again[:2], compile_report().ready_loops - before)
"""


@pytest.mark.skipif(INTERPRETED, reason="nothing is compiled")
def test_after_it_a_run_compiles_and_loads_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=900, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "True (0, 0) 0"
    assert [line.partition(" ")[2] for line in done.stdout.splitlines()] == ["(0, 0) 0"] * 3


def driven() -> eventsim.Network:
    net = eventsim.Network()
    noise = net.source(3, "noise", generator=eventsim.Poisson(1.0))
    cells = net.population("lif_delta", 2, "cells", tau_mem=5.0, v_threshold=1.0)
    net.connect(noise, cells, eventsim.Dense(np.full((2, 3), 0.5)))
    return net


def test_it_runs_nothing_and_changes_no_run() -> None:
    net = driven()
    before = eventsim.simulate(net, until=9.0, seed=1)
    done = eventsim.warm_up(net)
    assert done.seconds >= 0
    assert eventsim.warm_up(net, until=9.0)[:2] == (0, 0)
    ready = compile_report().ready_loops
    after = eventsim.simulate(net, until=9.0, seed=1)
    assert compile_report().ready_loops == ready
    assert after.spikes.tobytes() == before.spikes.tobytes()
    assert after.counters == before.counters


def test_the_reference_engine_has_no_loop() -> None:
    net = driven()
    eventsim.warm_up(net, engine="reference")
    assert eventsim.warm_up(net, engine="reference")[:2] == (0, 0)


@pytest.mark.parametrize(("options", "message"), [
    ({"fault": []}, r"warm_up: fault is no option of it, did you mean 'faults'\?; must be one of engine, progress"),
    ({"x": [[0.5]]}, "warm_up: x is no option of it; must be one of"),
    ({"threads": 2}, "warm_up: threads is no option"),
    ({"engine": "compild"}, "simulate: engine = 'compild', did you mean 'compiled'"),
    ({"record": "spike"}, "simulate: record = 'spike'"),
    ({"record": {"cells": [7]}}, r"simulate: record\['cells'\]\[0\] = 7; must be in 0\.\.1"),
    ({"until": -1.0}, r"simulate: until = -1\.0; must be > 0"),
    ({"error_bounds": True}, "simulate: error_bounds=True, but lif_delta"),
    ({"progress": "yes"}, "warm_up: progress = 'yes'; must be True or False or None"),
    ({"stop": {"cells": 0}}, r"simulate: stop\['cells'\] = 0"),
    ({"faults": [fabric.AerBus(1.0)]}, "must be a fault or a list of faults"),
    ({"transport": faults.Clock(1.0)}, "is no transport"),
])  # fmt: skip
def test_what_a_run_refuses_is_refused(options: Any, message: str) -> None:
    with pytest.raises(eventsim.EventsimError, match=message):
        eventsim.warm_up(driven(), **options)
    with pytest.raises(InputError, match=r"simulate: net is a str; must be an eventsim\.Network"):
        eventsim.warm_up("net")  # type: ignore[arg-type]
