"""What the faults and the transport of a run did to its spikes, worked out again outside the engines.

A fault is a function of (seed, population, sample, neuron), a transport of the spikes in the order of emission, so
both can be replayed. That lets a check tell a spike that a stage moved from one that is simply wrong.

Relies on the contracts of faults and transports. Used by `verify`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.engines.destinations import core_of
from eventsim.engines.fabric_plan import plan_fabric
from eventsim.engines.options import ARBITRATION
from eventsim.engines.reference.fabric_replay import Emission, replay
from eventsim.errors import InputError
from eventsim.fabric.contract import Transport
from eventsim.faults.acting import occurrences
from eventsim.faults.contract import EmissionFault, Fault, NetworkFault
from eventsim.faults.reach import applies_to
from eventsim.models.checking.expected_times import UNIT, extended
from eventsim.network.network import Network, Population
from eventsim.network.sources import exactly
from eventsim.randomness import stream_key
from eventsim.run.provenance import stage_described

Array = np.ndarray[Any, Any]


def stages_of(provenance: Mapping[str, Any], who: str) -> tuple[tuple[EmissionFault, ...], Transport | None]:
    """Return the faults and the transport that a run's provenance describes; `who` begins the messages.

    Raises
    ------
    InputError
        A stage whose class is not loaded, as one of the user's own; a fault at arrival.
    """
    described = (stage_described(who, Fault, "fault", entry) for entry in provenance["faults"])
    # Faults that acted before the run made the network that it is held against.
    faults = tuple(fault for fault in described if not isinstance(fault, NetworkFault))
    for fault in faults:
        if not isinstance(fault, EmissionFault):
            raise InputError(
                f"{who}: the run has the arrival fault {fault.name!r}, which gives each delivery a weight of its own; "
                "must have one weight a synapse, as the closed form has. Compare it with a run without: "
                "eventsim.compare(run, other)."
            )
    carried = provenance["transport"]
    return faults, None if carried is None else stage_described(who, Transport, "transport", carried)


class Departures:
    """When each first spike leaves for its synapses: as it was emitted, or as it comes out of a fabric.

    Parameters
    ----------
    times : dict of arrays (n_samples, size)
        First spikes by source or population, inf = silent. Every neuron fires once at most.
    transport, seed, sample_ids
        The transport, the seed and the samples of the run.
    exact_times : dict of arrays (n_samples, size)
        The same times as Fractions, where the run has them: what waits for what is decided by these.
    """

    def __init__(
        self, net: Network, times: Mapping[str, Array], transport: Transport | None, seed: int, sample_ids: Any,
        exact_times: Mapping[str, Array] | None = None,
    ) -> None:  # fmt: skip
        self.net, self.times = net, times
        self.plan = None if transport is None else plan_fabric(net, transport.fabric(net))
        self._left: dict[tuple[str, int], Array] = {}
        if self.plan is None:
            return
        key, first = stream_key(seed, ARBITRATION), self.plan.first
        emitted, number = (exact_times, exactly) if exact_times else (times, float)
        for row, sample_id in enumerate(sample_ids):
            emissions = [
                Emission(t, isinstance(node, Population), int(first[node.order]) + i, 0)
                for node in net.nodes
                if node.name in emitted
                for i, t in enumerate(emitted[node.name][row].tolist())
                if t < math.inf
            ]
            found = replay(self.plan, number, key, np.uint64(sample_id), sorted(emissions))
            for (g, _, core), left in found.items():
                node = net.nodes[int(np.searchsorted(first, g, side="right")) - 1]
                self._of(node.name, core)[row, g - int(first[node.order])] = extended(left) if exact_times else left

    def cores_of(self, population: Population) -> Array:
        """The core of each neuron, (size,)."""
        return core_of(self.net, {} if self.plan is None else self.plan.fabric.cores, population.order)

    def to(self, name: str, core: int) -> Array:
        """When the spikes of a source or population leave for their synapses on a core, (n_samples, size)."""
        return self.times[name] if self.plan is None else self._of(name, core)

    def _of(self, name: str, core: int) -> Array:
        if (name, core) not in self._left:
            self._left[name, core] = np.full(self.times[name].shape, math.inf, self.times[name].dtype)
        return self._left[name, core]


class Emissions:
    """The emission faults of a run.

    Parameters
    ----------
    faults, seed, sample_ids
        The emission faults, the seed and the samples of the run.
    """

    def __init__(self, net: Network, faults: Sequence[EmissionFault], seed: int, sample_ids: Sequence[int]) -> None:
        self._ids = sample_ids
        self._early = any(fault.wakes or not fault.causal for fault in faults)
        self._acting: dict[str, list[_Stage]] = {}
        for fault, which in zip(faults, occurrences(faults), strict=True):
            for node in applies_to(fault, net):
                key = np.uint64(stream_key(seed, fault.stream, which, node.name))
                t_max = node.window[2] if isinstance(node, Population) and node.window else math.inf
                t_min = node.window[1] if isinstance(node, Population) and node.window else math.inf
                stage = _Stage(fault.perturb, fault.numbers(), (float(t_min), float(t_max)), key)
                self._acting.setdefault(node.name, []).append(stage)

    def act_on(self, population: str) -> bool:
        """Does any fault act on the population?"""
        return population in self._acting

    def interval(
        self, population: str, crossing: Array, bound: Array, opened: float, decided: Array, neurons: Array
    ) -> tuple[Array, Array]:
        """Return the earliest and the latest time at which spikes can leave whose crossings lie within their bounds.

        Both are (n_samples, n_neurons). A fault is taken to be non-decreasing in the time of the crossing.

        Parameters
        ----------
        population
            Its name.
        crossing, bound : array (n_samples, n_neurons)
            Times of the crossings, inf = silent, and bounds on their rounding.
        opened
            The t_min, from which a crossing is certain.
        decided : array (n_samples, n_neurons)
            Latest time at which the emission was decided again, t_min or an arrival after it.
        neurons : array (n_neurons,)
            Which neurons of the population these are.
        """
        low, high = crossing - bound, crossing + bound
        stages = self._acting.get(population)
        if stages is None:
            return low, high
        for sample, neuron in np.argwhere((crossing < math.inf) | self._early).tolist():
            at, near, which = float(crossing[sample, neuron]), float(bound[sample, neuron]), int(neurons[neuron])
            silent = at == math.inf
            recomputed = self._early and at >= opened
            ends = []
            for t in (at,) if silent else (at - near, at, at + near):
                certain = (opened, float(decided[sample, neuron])) if recomputed else (t,)
                ends += [_emitted(stages, int(self._ids[sample]), which, t, earliest) for earliest in certain]
            slack = 8 * UNIT * (max((abs(end) for end in ends if end < math.inf), default=0.0) if silent else abs(at))
            low[sample, neuron], high[sample, neuron] = min(ends) - slack, max(ends) + slack
        return low, high

    def emitted(self, population: str, crossing: Array, opened: float, decided: Array, neurons: Array) -> Array:
        """Return when spikes leave whose crossings are exact, (n_samples, n_neurons).

        The arguments are those of `interval`.
        """
        left = crossing.astype(np.float64)
        stages = self._acting[population]
        for sample, neuron in np.argwhere((crossing < math.inf) | self._early).tolist():
            at = float(crossing[sample, neuron])
            certain = float(decided[sample, neuron]) if self._early and at >= opened else at
            left[sample, neuron] = _emitted(stages, int(self._ids[sample]), int(neurons[neuron]), at, certain)
        return left


class _Stage(NamedTuple):
    """One fault where it acts on one population."""

    perturb: Any
    numbers: tuple[float, ...]
    window: tuple[float, float]
    key: np.uint64


def _emitted(stages: Sequence[_Stage], sample: int, neuron: int, t: float, earliest: float) -> float:
    for stage in stages:
        t = max(stage.perturb(stage.numbers, stage.window, stage.key, np.uint64(sample), neuron, 0, t), earliest)
    return t
