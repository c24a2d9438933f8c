"""What a call of `simulate` records: its argument ``record=``, checked and spelled out.

Relies on the network. Used by the options of a call.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from eventsim.checks import indices, shown
from eventsim.errors import InputError, listed, nearest
from eventsim.network.network import Network, Population

Array = np.ndarray[Any, Any]
LEVELS = ("readout", "first_spikes", "spikes")
FORMS = (
    "the name of a source or population, a list of names and dicts {population: neurons}, or such a dict, with neurons "
    'a list, a slice or "all"'
)


class Recorded(NamedTuple):
    """What is kept.

    Attributes
    ----------
    level
        "readout", "first_spikes" or "spikes".
    populations
        Sources and populations all of whose spikes are kept.
    probes : dict of arrays (n,)
        Neurons whose state is kept, by population.
    """

    level: str
    populations: tuple[str, ...]
    probes: dict[str, Array]


def checked_record(net: Network, record: Any) -> Recorded:
    """Return what ``record=`` asks for.

    Raises
    ------
    InputError, NetworkError
        Neither a level nor a name, neurons that are none, a list that names nothing.
    """
    every = tuple(node.name for node in net.nodes)
    if isinstance(record, str) and record in LEVELS:
        return Recorded(record, every if record == "spikes" else (), {})
    if isinstance(record, Mapping):
        return Recorded("spikes", every, _probes(net, record))
    entries = [record] if isinstance(record, str) else record
    if not isinstance(entries, list | tuple) or not all(isinstance(one, str | Mapping) for one in entries):
        raise InputError(f"simulate: record = {shown(record)}; must be {listed(LEVELS)}, {FORMS}. Give one of these.")
    if not entries:
        raise InputError(
            'simulate: record = []; must name sources or populations. Give "first_spikes" or "readout" to keep less.'
        )
    if isinstance(record, str) and record not in every:
        raise InputError(
            f"simulate: record = {shown(record)}{nearest(record, [*LEVELS, *every])}; must be {listed(LEVELS)}, "
            f"{FORMS}. This network has {listed(every)}."
        )
    for one in entries:
        if isinstance(one, str):
            net.node(one)
    probes: dict[str, Array] = {}
    for one in entries:
        for name, neurons in _probes(net, one).items() if isinstance(one, Mapping) else ():
            probes[name] = np.union1d(probes.get(name, neurons), neurons)
    # Between two events a membrane depends on when its neuron fired.
    chosen = {*probes, *(one for one in entries if isinstance(one, str))}
    return Recorded("spikes", tuple(name for name in every if name in chosen), probes)


def _probes(net: Network, given: Mapping[Any, Any]) -> dict[str, Array]:
    """The neurons of each population that are to be recorded, each once, sorted."""
    found: dict[str, Array] = {}
    for name, neurons in given.items():
        node = net.node(name)
        what = f"record[{node.name!r}]"
        if not isinstance(node, Population):
            raise InputError(
                f"simulate: {what} = {shown(neurons)}; must be neurons of a population (sources have no membrane). "
                "Choose others."
            )
        remedy = f'Give neuron indices of {node.name!r}, a slice of them, or "all".'
        found[node.name] = np.unique(indices("simulate", what, neurons, node.size, remedy))
    return found
