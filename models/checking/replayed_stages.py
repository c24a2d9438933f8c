"""What the faults and the transport of a run did to its spikes, worked out again outside the engines.

A fault is a function of (seed, population, sample, neuron), a transport of the spikes in the order of emission, so
both can be replayed. That lets a check tell a spike that a stage moved from one that is simply wrong.

Relies on the contracts of faults and transports. Used by `verify`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eventsim.errors import InputError
from eventsim.faults.acting import occurrences
from eventsim.faults.contract import EmissionFault, Fault, NetworkFault
from eventsim.faults.reach import applies_to
from eventsim.models.checking.expected_times import UNIT
from eventsim.network.network import Network, Population
from eventsim.randomness import stream_key
from eventsim.run.provenance import stage_described
from eventsim.transport.contract import Transport

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


def departures(net: Network, times: Mapping[str, Array], transport: Transport | None) -> dict[str, Array]:
    """Return when each first spike leaves its node for the projections: as it was emitted, or after the transport.

    Parameters
    ----------
    times : dict of arrays (n_samples, size)
        First spikes by source or population, inf = silent. Every neuron fires once at most, and spikes of one time are
        carried in the order (source or population, neuron), in which such neurons emit them.
    """
    if transport is None:
        return dict(times)
    nodes = [node for node in net.nodes if any(projection.pre is node for projection in net.projections)]
    left = dict(times)
    sizes = [node.size for node in nodes]
    emitted = np.concatenate([times[node.name] for node in nodes], axis=1)
    moved = emitted.copy()
    # Sources before populations: they are fed to the transport first.
    rank = np.repeat([isinstance(node, Population) for node in nodes], sizes)
    place = np.arange(len(rank))
    numbers = transport.numbers()
    for sample, row in enumerate(emitted):
        state = np.zeros(transport.n_state)
        for k in np.lexsort((place, rank, row)):
            if row[k] == math.inf:
                break
            moved[sample, k] = transport.carry(numbers, state, float(row[k]))
    for node, part in zip(nodes, np.split(moved, np.cumsum(sizes)[:-1], axis=1), strict=True):
        left[node.name] = part
    return left


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
