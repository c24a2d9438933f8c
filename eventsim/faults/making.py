"""Making a device: device and state faults turn a network into that of one chip, before anything runs.

Relies on the contract, the draws, and on what builds a network again. Used by `simulate`, and by people who want to
look at, save or verify the network that ran.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from eventsim.checks import LARGEST_SEED, integer
from eventsim.errors import FaultError
from eventsim.faults.acting import occurrences
from eventsim.faults.contract import DeviceFault, Fault, NetworkFault
from eventsim.faults.draws import Draws
from eventsim.faults.reach import parts_of
from eventsim.faults.slopes import with_slopes
from eventsim.network.network import Network
from eventsim.network.replacement import rebuild


def manufacture(net: Network, faults: Fault | Sequence[Fault], seed: int = 0, sample_id: int = 0) -> Network:
    """Return the network of one device: `net`, with all device and state faults applied in their order.

    ``simulate(net, x, faults=faults, seed=seed)`` runs this network, through the emission and arrival faults among
    them, which are left out here.

    Parameters
    ----------
    net
        The ideal network; it is frozen.
    seed
        That of the run: equal seeds make equal devices.
    sample_id
        Which sample, for faults that are drawn anew for each (``per="sample"``) or for each batch.

    Raises
    ------
    FaultError
        Parts that a fault names and on which it cannot act; a device fault that finds nothing to act on; parameters
        that neurons cannot have.
    """
    given: list[Any] = list(faults) if isinstance(faults, list | tuple) else [faults]
    for fault in given:
        if not isinstance(fault, Fault):
            raise FaultError(
                f"manufacture: {fault!r} is no fault; must be a value of one. Give e.g. faults.Jitter(0.01)."
            )
    seed = integer("manufacture", "seed", seed, low=0, high=LARGEST_SEED, remedy="Equal seeds give equal draws.")
    net.hash()
    for fault, occurrence in zip(given, occurrences(given), strict=True):
        if isinstance(fault, NetworkFault):
            net = _made(net, fault, occurrence, seed, sample_id)
    return net


def makers(faults: Sequence[Fault]) -> tuple[NetworkFault, ...]:
    """The faults that act before the run."""
    return tuple(fault for fault in faults if isinstance(fault, NetworkFault))


def with_brought(faults: Sequence[Fault], net: Network) -> tuple[Fault, ...]:
    """The faults, and behind them those that belong to them, once each."""
    found = list(faults)
    for fault in makers(faults):
        found += [one for one in fault.brings(net) if one not in found]
    return tuple(found)


def batch_of(fault: NetworkFault, sample_id: int) -> int:
    """The number that a fault is drawn by for a sample: 0 where all samples share a chip."""
    per = getattr(fault, "per", "chip")
    return 0 if per == "chip" else sample_id // (1 if per == "sample" else int(getattr(fault, "batch_size", 1)))


def device_of(faults: Sequence[NetworkFault], sample_id: int) -> tuple[int, ...]:
    """What tells devices apart: samples for which it is equal run on one."""
    return tuple(batch_of(fault, sample_id) for fault in faults)


def _made(net: Network, fault: NetworkFault, occurrence: int, seed: int, sample_id: int) -> Network:
    """The network with one fault applied; itself, where that changes nothing."""
    between: Counter[tuple[str, str]] = Counter()
    which = {}
    for projection in net.projections:
        ends = projection.pre.name, projection.post.name
        which[projection.order] = between[ends]
        between[ends] += 1
    parts = parts_of(fault, net)
    if not parts and isinstance(fault, DeviceFault):
        raise FaultError(f"{fault.name}: this network has nothing that it acts on; {fault.nothing_in(net)}")
    draws = Draws(seed, fault.stream, occurrence, batch_of(fault, sample_id), which)
    changes: dict[Any, Any] = {part: altered for part in parts if (altered := fault.alter(part, draws))}
    if not changes and type(fault).extend is NetworkFault.extend:
        return net
    made = Network(net.time_unit)
    rebuild(net, made, with_slopes(net, changes))
    fault.extend(made, draws)
    made.provenance["notes"] = [*made.provenance.get("notes", ()), f"made with {fault!r}", *draws.notes]
    made.hash()
    return made
