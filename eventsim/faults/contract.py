"""Emission faults: what may happen to a spike between its threshold crossing and its emission.

Relies on the counter-based randomness. A fault is a value: its numbers, and one scalar function

    ``perturb(p, key, sample, neuron, number, t)`` -> the time at which the spike would like to leave,

where ``p`` is the tuple of its numbers, ``key`` its stream of random draws for this population, ``number`` the
neuron's spike count so far. Both engines clip the answer to what is causal: a spike cannot leave before it is certain.
A new fault is one file; no engine is touched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eventsim.checks import names
from eventsim.errors import FaultError
from eventsim.network.network import Network, Population


@dataclass(frozen=True)
class EmissionFault:
    """Base of all emission faults.

    Attributes
    ----------
    populations : names of the populations that it acts on; None = all spiking ones.
    causal : never earlier than the crossing; only such faults are accepted on populations without a window.
    """

    name: ClassVar[str]
    causal: ClassVar[bool]
    perturb: ClassVar[Callable[..., Any]]

    def numbers(self) -> tuple[float, ...]:
        """The numbers that `perturb` sees as ``p``."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What the provenance of a run holds about this fault."""
        return {"fault": self.name, **vars(self)}


def check_populations(fault: EmissionFault) -> None:
    """Make the populations of a new fault a tuple of names, one string being one name; None stays None."""
    given = getattr(fault, "populations", None)
    if given is not None:
        object.__setattr__(fault, "populations", tuple(names(fault.name, "populations", given, FaultError)))


def applies_to(fault: EmissionFault, net: Network) -> list[Population]:
    """Return the populations that `fault` acts on.

    Raises
    ------
    FaultError
        An unknown or silent population, a source, or an acausal fault on a population without a window.
    """
    wanted: Sequence[str] | None = getattr(fault, "populations", None)
    if wanted is None:
        chosen = [p for p in net.populations if p.model.spiking and not p.model.relay]
    else:
        chosen = []
        for name in names(fault.name, "populations", wanted, FaultError):
            node = net.node(name)
            if not isinstance(node, Population) or not node.model.spiking or node.model.relay:
                raise FaultError(
                    f"{fault.name}: {name!r} emits no spikes of its own making; emission faults act on spiking "
                    "populations. Perturb the data for a source."
                )
            chosen.append(node)
    for population in chosen:
        if not fault.causal and not population.model.windowed:
            raise FaultError(
                f"{fault.name} on {population.name!r}: a symmetric fault needs a neuron with a window, since a spike "
                f"cannot leave before it is certain; {population.model.name} has none. Name windowed populations with "
                "populations=, or use a causal fault such as clock."
            )
    return chosen
