"""Faults: what may happen to a spike at its emission, and to its weight at its arrival.

Relies on the counter-based randomness. A fault is a value: its numbers ``p``, and one scalar function.

``perturb(p, key, sample, neuron, number, t)`` -> the time at which the spike would like to leave (`EmissionFault`).
``number`` counts the crossings of the neuron so far. Both engines clip the answer to what is causal: a spike cannot
leave before it is certain.

``deliver(p, key, sample, synapse, number, w)`` -> the weight with which one spike arrives at one synapse
(`ArrivalFault`). ``number`` counts the spikes that the neuron had sent before, modulo 2**32. ``synapse`` is source *
n_targets + target, however the weights are stored (`synapse_numbers`).

``key`` is the stream of random draws of this fault for this population or projection. A new fault is one file; no
engine is touched.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eventsim.checks import names, shown
from eventsim.errors import FaultError
from eventsim.network.network import Network, Population

AT_ARRIVAL = "at arrival"


@dataclass(frozen=True, repr=False)
class Fault:
    """Base of all faults."""

    name: ClassVar[str]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={shown(value)}' for name, value in vars(self).items())})"

    @property
    def function(self) -> Callable[..., Any]:
        """Its scalar function."""
        raise NotImplementedError

    def numbers(self) -> tuple[float, ...]:
        """The numbers that the fault's function sees as ``p``."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What the provenance of a run holds about this fault."""
        return {"fault": self.name, **vars(self)}


@dataclass(frozen=True, repr=False)
class EmissionFault(Fault):
    """Base of all emission faults.

    One that has a field `populations` acts on the populations of these names; None takes all spiking ones.

    Attributes
    ----------
    causal
        Whether a spike never leaves earlier than its crossing; only such faults are accepted on populations without a
        window.
    """

    causal: ClassVar[bool]
    perturb: ClassVar[Callable[..., Any]]

    @property
    def function(self) -> Callable[..., Any]:
        """`perturb`."""
        return self.perturb


@dataclass(frozen=True, repr=False)
class ArrivalFault(Fault):
    """Base of all arrival faults.

    One that has a field `projections` acts on the projections of these pairs of names (pre, post); None takes all.
    """

    deliver: ClassVar[Callable[..., Any]]

    @property
    def function(self) -> Callable[..., Any]:
        """`deliver`."""
        return self.deliver

    def describe(self) -> dict[str, Any]:
        """What the provenance of a run holds about this fault, and that it acts at arrival."""
        return {**super().describe(), "acts": AT_ARRIVAL}


def check_populations(fault: EmissionFault) -> None:
    """Make the populations of a new fault a tuple of names, one string being one name; None stays None."""
    given = getattr(fault, "populations", None)
    if given is not None:
        object.__setattr__(fault, "populations", tuple(names(fault.name, "populations", given, FaultError)))


def check_projections(fault: ArrivalFault) -> None:
    """Make the projections of a new fault a tuple of pairs of names; None stays None."""
    given = getattr(fault, "projections", None)
    if given is not None:
        object.__setattr__(fault, "projections", _pairs(fault, given))


def _pairs(fault: ArrivalFault, given: Any) -> tuple[tuple[str, str], ...]:
    """Pairs of names; two names alone are one pair."""
    listed = given if isinstance(given, list | tuple) else [given]
    if len(listed) == 2 and all(isinstance(name, str) for name in listed):
        listed = [listed]
    pairs = [tuple(pair) if isinstance(pair, list | tuple) else pair for pair in listed]
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(name, str) for name in pair)):
            raise FaultError(
                f"{fault.name}: projections = {shown(given)}; must be pairs of names (pre, post). Give e.g. "
                "projections=[('input', 'output')], or leave it out for all."
            )
    return tuple(pairs)


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


def reaches(fault: ArrivalFault, net: Network) -> dict[int, tuple[str, str, int]]:
    """Return the projections that `fault` acts on, by their order: (pre, post, which of those between the two).

    Raises
    ------
    FaultError
        Two nodes that no projection connects.
    """
    wanted = getattr(fault, "projections", None)
    pairs = None if wanted is None else _pairs(fault, wanted)
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
