"""W2 in NEST 3.10: `iaf_psc_delta_ps`, whose spikes keep their exact times. Used by w2.py where NEST is installed.

NEST counts the refractory period in steps of its resolution. At resolution = delay = 1.5 ms, where it is fastest, W2's
2 ms become 3 ms without a word; 0.5 ms is the coarsest resolution that holds both numbers.
"""

import importlib.util
import math
from typing import Any

import numpy as np
import workloads

Array = np.ndarray[Any, Any]
FASTEST, FAITHFUL = 1.5, 0.5  # resolutions, ms
REFRACTORY = {FASTEST: 3.0, FAITHFUL: workloads.W2_REFRACTORY}  # what NEST makes of W2's refractory period, ms


def available() -> bool:
    """Is NEST installed?"""
    return importlib.util.find_spec("nest") is not None


class NestPeer:
    """One W2 network in NEST's kernel, of which there is one in a process: the last one made is the one that runs.

    Parameters
    ----------
    resolution : ms. trains : external spike times of each neuron in ms; None gives each neuron its own Poisson noise.
    precise : False moves all spikes to the grid, as `iaf_psc_delta` has it.
    """

    def __init__(
        self, synapses: workloads.Recurrent, resolution: float, trains: list[Array] | None = None, precise: bool = True
    ) -> None:
        import nest

        self._nest, self._synapses, self.resolution = nest, synapses, resolution
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.set(resolution=resolution, local_num_threads=1, rng_seed=1 + synapses.n)
        parameters = {
            "tau_m": workloads.W2_TAU, "t_ref": workloads.W2_REFRACTORY, "V_th": workloads.W2_THRESHOLD,
            "E_L": 0.0, "V_reset": 0.0, "V_m": 0.0, "I_e": 0.0,
        }  # fmt: skip
        cells = nest.Create("iaf_psc_delta_ps" if precise else "iaf_psc_delta", synapses.n, parameters)
        external = {"weight": workloads.W2_EXTERNAL_WEIGHT, "delay": workloads.W2_DELAY}
        if trains is None:
            # To each of its targets the generator sends a train of its own.
            generator = "poisson_generator_ps" if precise else "poisson_generator"
            noise = nest.Create(generator, params={"rate": workloads.W2_EXTERNAL_RATE * 1e3})
            nest.Connect(noise, cells, "all_to_all", external)
        else:
            given = [{"precise_times": True, "spike_times": train} for train in trains]
            nest.Connect(nest.Create("spike_generator", synapses.n, given), cells, "one_to_one", external)
        self._first = cells[0].global_id
        recurrent = {"weight": synapses.weights, "delay": np.full(len(synapses.weights), workloads.W2_DELAY)}
        sources, targets = synapses.sources + self._first, synapses.targets + self._first
        nest.Connect(sources, targets, "one_to_one", recurrent)
        self._recorder = nest.Create("spike_recorder")
        nest.Connect(cells, self._recorder, "all_to_all", {"delay": workloads.W2_DELAY})

    def steps(self, duration: float) -> float:
        """The shortest time of whole steps that is not below `duration`."""
        return math.ceil(duration / self.resolution) * self.resolution

    def simulate(self, duration: float) -> None:
        """Go on for `duration` ms, a whole number of steps, and forget the spikes recorded before."""
        self._recorder.n_events = 0
        self._nest.Simulate(duration)

    def spikes(self) -> tuple[Array, Array]:
        """Neurons and times of the spikes recorded since the last `simulate` began."""
        events = self._recorder.events
        return events["senders"] - self._first, events["times"]

    def events(self, duration: float) -> float:
        """Synaptic events of the last `duration` ms; external ones as many as are expected."""
        external = workloads.W2_EXTERNAL_RATE * duration * self._synapses.n
        return float(self._synapses.fan_out[self.spikes()[0]].sum() + external)
