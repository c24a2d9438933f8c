"""Faults on trial: whether those of a study's points can act on its network, seen before anything runs.

Relies on the making of devices and on the bench. Used by `Study`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from eventsim.faults.acting import fault_keys
from eventsim.faults.contract import Fault, StageFault
from eventsim.faults.making import manufacture, with_brought
from eventsim.network.network import Network
from eventsim.study.bench import Bench
from eventsim.study.design import Design
from eventsim.study.point import canonical

MOST_LISTS = 64  # of a design of many more: a device of each takes as long as its network is large


def fault_lists(bench: Bench, design: Design) -> Iterable[list[Fault]]:
    """Return the different lists of faults that a design asks for: the first ones, and each with an extreme of a knob.

    Raises
    ------
    FaultError
        Settings that a fault refuses, of any point.
    """
    first: dict[str, list[Fault]] = {}
    ends: dict[tuple[str, str], tuple[Any, list[Fault]]] = {}
    for settings in design.settings():
        faults = bench.case(design.knobs, settings).faults
        if len(first) < MOST_LISTS:
            first.setdefault(repr(faults), faults)
        for name, value in settings.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            for end, sign in (("lowest", 1), ("highest", -1)) if number else ((canonical(value), 0),):
                rank = sign * value if sign else 0
                if (name, end) not in ends or rank < ends[name, end][0]:
                    ends[name, end] = rank, faults
    return (first | {repr(faults): faults for _, faults in ends.values()}).values()


def check_faults(faults: Sequence[Fault], net: Network, seed: int) -> None:
    """Refuse faults that cannot act on a network: make the device of one seed, and see where the others act on it.

    Raises
    ------
    FaultError, NetworkError
        Whatever `simulate` would refuse of them.
    """
    device = manufacture(net, faults, seed)
    fault_keys(device, [fault for fault in with_brought(faults, net) if isinstance(fault, StageFault)], seed)
