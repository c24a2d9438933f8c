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
from eventsim.faults.text import read
from eventsim.network.network import Network
from eventsim.network.replacement import rebuild


def manufacture(net: Network, faults: Any, seed: int = 0, sample_id: int = 0) -> Network:
    """Return the network of one device: `net`, with all device and state faults applied in their order.

    What faults add to a network (the sources of spurious spikes) comes last, so that it has the weights of the device.
    ``simulate(net, x, faults=faults, seed=seed)`` runs this network, through the emission and arrival faults among
    them, which are left out here.

    Parameters
    ----------
    net
        The ideal network; it is frozen.
    faults
        As `simulate` takes them: values, text forms, names of presets.
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
    if not isinstance(net, Network):
        raise FaultError(f"manufacture: net is a {type(net).__name__}; must be an eventsim.Network. Convert it first.")
    given = read(faults, "manufacture")
    seed = integer("manufacture", "seed", seed, low=0, high=LARGEST_SEED, remedy="Equal seeds give equal draws.")
    sample_id = integer("manufacture", "sample_id", sample_id, low=0, high=LARGEST_SEED, remedy="It is that of a run.")
    net.hash()
    acting = [
        (fault, which)
        for fault, which in zip(given, occurrences(given), strict=True)
        if isinstance(fault, NetworkFault)
    ]
    for fault, which in acting:
        net = _altered(net, fault, which, seed, sample_id)
    for fault, which in acting:
        net = _extended(net, fault, which, seed, sample_id)
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


def _altered(net: Network, fault: NetworkFault, occurrence: int, seed: int, sample_id: int) -> Network:
    """The network with the parts that a fault alters; itself, where that changes nothing."""
    parts = parts_of(fault, net)
    if not parts and isinstance(fault, DeviceFault):
        raise FaultError(f"{fault.name}: this network has nothing that it acts on; {fault.nothing_in(net)}")
    draws = draws_of(net, fault, occurrence, seed, sample_id)
    changes: dict[Any, Any] = {part: altered for part in parts if (altered := fault.alter(part, draws))}
    if not changes:
        return net
    made = Network(net.time_unit)
    rebuild(net, made, with_slopes(net, changes))
    return _noted(made, fault, draws)


def _extended(net: Network, fault: NetworkFault, occurrence: int, seed: int, sample_id: int) -> Network:
    """The network with the parts that a fault adds; itself, where that are none."""
    if type(fault).extend is NetworkFault.extend:
        return net
    made, draws = Network(net.time_unit), draws_of(net, fault, occurrence, seed, sample_id)
    rebuild(net, made, {})
    fault.extend(made, draws)
    return net if len(made.nodes) == len(net.nodes) else _noted(made, fault, draws)


def _noted(made: Network, fault: NetworkFault, draws: Draws) -> Network:
    """The network, frozen, with a note of what made it so."""
    made.provenance["notes"] = [*made.provenance.get("notes", ()), f"made with {fault!r}", *draws.notes]
    made.hash()
    return made


def draws_of(net: Network, fault: NetworkFault, occurrence: int, seed: int, sample_id: int) -> Draws:
    """Return the draws of a fault for one sample; `occurrence` is how many of its stream come before it."""
    between: Counter[tuple[str, str]] = Counter()
    which = {}
    for projection in net.projections:
        ends = projection.pre.name, projection.post.name
        which[projection.order] = between[ends]
        between[ends] += 1
    return Draws(seed, fault.stream, occurrence, batch_of(fault, sample_id), which)
