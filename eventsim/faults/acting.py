"""Where the faults of a run act, with which streams of draws, and what arrival faults make of a weight.

Relies on the contract and on the network. Used by `options` for both engines, and by `explain`, which works out again
what a neuron received.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from eventsim.faults.contract import ArrivalFault, EmissionFault, Fault
from eventsim.faults.reach import applies_to, reaches
from eventsim.network.network import Network
from eventsim.network.projections import synapse_numbers
from eventsim.randomness import stream_key

Array = np.ndarray[Any, Any]
EMISSION, ARRIVAL = 1, 2  # where a fault acts; 0: nowhere
NUMBERS = 2**32  # spike numbers count modulo this


def occurrences(faults: Iterable[Fault | None]) -> list[int]:
    """Of each fault how many of its stream come before it: what else is in the list changes none of its draws."""
    before: Counter[str] = Counter()
    found = []
    for fault in faults:
        stream = "" if fault is None else fault.stream
        found.append(before[stream])
        before[stream] += 1
    return found


def fault_keys(net: Network, faults: Sequence[Fault | None], seed: int) -> Array:
    """The stream of each fault at each place, and `EMISSION` or `ARRIVAL` where it acts, else 0.

    Returns
    -------
    array (n_faults, places, 2)
        Of uint64: key, and where the fault acts. Places are nodes for emission faults, projections for arrival faults,
        in order of creation.
    """
    keys = np.zeros((len(faults), max(len(net.nodes), len(net.projections)), 2), dtype=np.uint64)
    for k, (fault, which) in enumerate(zip(faults, occurrences(faults), strict=True)):
        if isinstance(fault, EmissionFault):
            for node in applies_to(fault, net):
                keys[k, node.order] = stream_key(seed, fault.stream, which, node.name), EMISSION
        elif isinstance(fault, ArrivalFault):
            for projection, ends in reaches(fault, net).items():
                keys[k, projection] = stream_key(seed, fault.stream, which, *ends), ARRIVAL
    return keys


class Deliveries:
    """What arrival faults make of weights, one synapse at a time.

    Parameters
    ----------
    keys : array (n_faults, places, 2)
        What `fault_keys` returns for these faults.
    number
        The type of the run's numbers.
    """

    def __init__(self, net: Network, faults: Sequence[Fault | None], keys: Array, number: Callable[[Any], Any]) -> None:
        self._net = net
        self._acting = [
            (fault.function, tuple(map(number, fault.numbers())), keys[f])
            for f, fault in enumerate(faults)
            if isinstance(fault, ArrivalFault)
        ]
        self._numbers: dict[tuple[int, int], list[int]] = {}

    def weight(self, projection: int, neuron: int, place: int, number: int, sample: Any, weight: Any) -> Any:
        """The weight with which spike `number` of a neuron arrives at its synapse in that place (canonical order)."""
        for deliver, p, keys in self._acting:
            key, acts = keys[projection]
            if acts == ARRIVAL:
                synapse = self._synapse(projection, neuron, place)
                weight = deliver(p, key, sample, synapse, number % NUMBERS, weight)
        return weight

    def _synapse(self, projection: int, neuron: int, place: int) -> int:
        if (projection, neuron) not in self._numbers:
            one = self._net.projections[projection]
            found = synapse_numbers(one.kind, neuron, one.pre.size, one.post.size)
            self._numbers[projection, neuron] = found.tolist()
        return self._numbers[projection, neuron][place]
