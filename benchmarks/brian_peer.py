"""W2 in Brian2, clock-driven as C++ standalone code on one thread. Used by w2.py where Brian2 is installed.

Spikes are moved to a grid of 0.1 ms, so this is no exact simulation: it says what the speed of exactness is to be held
against.
"""

import importlib.util
import shutil
import tempfile
from typing import Any

import numpy as np
import workloads

Array = np.ndarray[Any, Any]
GRID = 0.1  # ms
EQUATIONS = "dv/dt = -v / tau : 1 (unless refractory)"


def available() -> bool:
    """Are Brian2 and a C++ compiler installed?"""
    return importlib.util.find_spec("brian2") is not None and shutil.which("g++") is not None


class BrianPeer:
    """One W2 network as a program of its own; compiled when it is made."""

    def __init__(self, synapses: workloads.Recurrent, duration: float) -> None:
        import brian2 as b2

        self._synapses = synapses
        self._folder = tempfile.TemporaryDirectory(prefix="w2-brian-")
        b2.set_device("cpp_standalone", directory=self._folder.name, build_on_run=False)
        self._device = b2.device
        self._device.reinit()
        self._device.activate(directory=self._folder.name, build_on_run=False)
        b2.prefs.devices.cpp_standalone.openmp_threads = 0
        b2.defaultclock.dt = GRID * b2.ms
        names = {"tau": workloads.W2_TAU * b2.ms, "theta": workloads.W2_THRESHOLD}
        cells = b2.NeuronGroup(
            synapses.n, EQUATIONS, threshold="v >= theta", reset="v = 0", method="exact", namespace=names,
            refractory=workloads.W2_REFRACTORY * b2.ms,
        )  # fmt: skip
        links = b2.Synapses(
            cells, cells, "w : 1", on_pre="v_post += w * int(not_refractory_post)", delay=workloads.W2_DELAY * b2.ms
        )
        links.connect(i=synapses.sources, j=synapses.targets)
        links.w = synapses.weights
        rate = workloads.W2_EXTERNAL_RATE * 1e3 * b2.Hz
        noise = b2.PoissonInput(cells, "v", 1, rate, weight=workloads.W2_EXTERNAL_WEIGHT)
        self._spikes = b2.SpikeMonitor(cells)
        network = b2.Network(cells, links, noise, self._spikes)
        network.run(duration * b2.ms)
        self._device.build(directory=self._folder.name, compile=True, run=False)

    def simulate(self) -> None:
        """Run the program once; it says itself how long the simulation took."""
        self._device.run(self._folder.name, with_output=False, run_args=[])

    @property
    def seconds(self) -> float:
        """Of the last simulation, without reading and writing the network."""
        return float(self._device._last_run_time)

    def spikes(self) -> tuple[Array, Array]:
        """Neurons and times (ms) of the last simulation."""
        return np.asarray(self._spikes.i), np.asarray(self._spikes.t) * 1e3

    def events(self, duration: float) -> float:
        """Synaptic events of the last simulation; external ones as many as are expected."""
        external = workloads.W2_EXTERNAL_RATE * duration * self._synapses.n
        return float(self._synapses.fan_out[self.spikes()[0]].sum() + external)
