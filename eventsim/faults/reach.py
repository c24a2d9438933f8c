"""On which parts of a network a fault acts.

Relies on the contract and on the network. Used where streams of draws are given out (`acting`), where the network of a
device is made (`making`), and by checks that replay faults.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from eventsim.checks import names
from eventsim.errors import FaultError
from eventsim.faults.contract import EVERYWHERE, ArrivalFault, EmissionFault, NetworkFault, pairs_of
from eventsim.network.network import Network, Population
from eventsim.network.nodes import Projection, Source


def applies_to(fault: EmissionFault, net: Network) -> list[Source | Population]:
    """Return the populations, and sources, that `fault` acts on.

    Raises
    ------
    FaultError
        An unknown or silent population, a source with a generator, or an acausal fault on a population without a
        window.
    """
    wanted: Sequence[str] | None = getattr(fault, "populations", None)
    chosen: list[Source | Population]
    if wanted is None or wanted == EVERYWHERE:
        chosen = [p for p in net.populations if p.model.spiking and not p.model.relay]
        if wanted == EVERYWHERE:
            chosen = [*(source for source in net.sources if source.generator is None), *chosen]
    else:
        chosen = []
        for name in names(fault.name, "populations", wanted, FaultError):
            node = net.node(name)
            silent = isinstance(node, Population) and (not node.model.spiking or node.model.relay)
            if silent or (isinstance(node, Source) and node.generator is not None):
                raise FaultError(
                    f"{fault.name}: {name!r} emits no spikes of its own making; emission faults act on spiking "
                    "populations, and on sources of data. Name others."
                )
            chosen.append(node)
    for node in chosen:
        if isinstance(node, Source):
            continue
        model = node.model.name
        if not fault.causal and not node.model.windowed:
            raise FaultError(
                f"{fault.name} on {node.name!r}: a symmetric fault needs a neuron with a window, since a spike "
                f"cannot leave before it is certain; {model} has none. Name windowed populations with "
                "populations=, or use a causal fault such as clock."
            )
    return chosen


def reaches(fault: ArrivalFault | NetworkFault, net: Network) -> dict[int, tuple[str, str, int]]:
    """Return the projections that `fault` acts on, by their order: (pre, post, which of those between the two).

    Raises
    ------
    FaultError
        Two nodes that no projection connects.
    """
    wanted = getattr(fault, "projections", None)
    pairs = None if wanted is None else pairs_of(fault, wanted)
    found: dict[int, tuple[str, str, int]] = {}
    between: Counter[tuple[str, str]] = Counter()
    for projection in net.projections:
        ends = projection.pre.name, projection.post.name
        if pairs is None or ends in pairs:
            found[projection.order] = (*ends, between[ends])
        between[ends] += 1
    for pre, post in pairs or ():
        if (net.node(pre).name, net.node(post).name) not in between:
            raise FaultError(
                f"{fault.name}: no projection leads from {pre!r} to {post!r}; must be pairs that are connected. "
                f"Choose from {sorted(between)}."
            )
    return found


def parts_of(fault: NetworkFault, net: Network) -> list[Source | Population | Projection]:
    """Return the parts of a network that a device or state fault acts on.

    Raises
    ------
    FaultError
        Parts that are named and on which it cannot act.
    """
    wanted: Any = getattr(fault, "populations", None)
    listed: list[Source | Population | Projection] = [
        node for node in net.nodes if wanted is None or wanted == EVERYWHERE or node.name in wanted
    ]
    for name in () if wanted in (None, EVERYWHERE) else wanted:
        node = net.node(name)
        if not fault.acts_on(node):
            raise FaultError(f"{fault.name}: {node!r} has nothing that it acts on. Name others, or leave them out.")
    reached = reaches(fault, net)
    listed += [projection for projection in net.projections if projection.order in reached]
    found = [part for part in listed if fault.acts_on(part)]
    acting = {(part.pre.name, part.post.name) for part in found if isinstance(part, Projection)}
    named = getattr(fault, "projections", None) is not None
    for projection in net.projections if named else ():
        if projection.order in reached and (projection.pre.name, projection.post.name) not in acting:
            raise FaultError(
                f"{fault.name}: {projection!r} has nothing that it acts on. Name others, or leave them out."
            )
    return found
