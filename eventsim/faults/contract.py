"""Faults: what may go wrong on the way of a spike, in one of four places; each place has a small contract.

Relies on the counter-based randomness. A fault is a frozen value: its settings, from which its text form is made.

========  =========================  ==========================================================================
place     base                       what a new fault says
========  =========================  ==========================================================================
device    `DeviceFault`              ``alter(part, draws)`` -> what a part of the network becomes, before the run
state     `StateFault`               the same; it gives populations another model (how it lives in time)
emission  `EmissionFault`            ``perturb(p, window, key, sample, neuron, number, t)`` -> when the spike leaves
arrival   `ArrivalFault`             ``deliver(p, key, sample, synapse, number, w)`` -> the weight that arrives
========  =========================  ==========================================================================

``perturb`` and ``deliver`` are scalar functions of the fault's numbers ``p``, marked `jitable`, ``math`` only. ``key``
is the stream of random draws of this fault at this place, ``number`` counts the crossings of the neuron so far
(emission), or the spikes that it had sent before, modulo 2**32 (arrival). ``window`` is (t_min, t_max) of the
population, (inf, inf) where it has none; a time of inf is no spike. Both engines clip what ``perturb`` returns to what
is causal: a spike cannot leave before it is certain. ``synapse`` is source * n_targets + target, however the weights
are stored (`synapse_numbers`).

``alter`` of a state fault returns ``{"model": …}`` with parameters of that model: any `Model` whose dynamics are a
function of those of ``part.model``, ``limited(dynamics) -> Dynamics``, made once for each (`functools.cache`), so that
equal models are one. The faults of this package take variants that a model offers, ``variant(part.model, "circuit")``,
which have the parameters of the model and those of a circuit: so they compose, and strengths compile nothing.

A new fault is one file; no engine is touched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import choice, integer, names, shown
from eventsim.errors import FaultError
from eventsim.faults.draws import Draws
from eventsim.network.nodes import Population, Projection, Source

AT_ARRIVAL = "at arrival"
EVERYWHERE = "all"  # as populations: the sources, too
PER = ("chip", "sample", "batch")


@dataclass(frozen=True, repr=False)
class Fault:
    """Base of all faults.

    Attributes
    ----------
    name
        By which files, studies and streams of draws know it.
    place
        Where it acts: "device", "state", "emission" or "arrival".
    equation
        What it does, in plain text, for `eventsim info faults` and the reference page.
    source
        Where that is from.
    """

    name: ClassVar[str]
    place: ClassVar[str]
    equation: ClassVar[str] = ""
    source: ClassVar[str] = ""

    @property
    def stream(self) -> str:
        """By what its draws are told from those of other faults of a run; of those of one stream the place counts."""
        return self.name

    def __repr__(self) -> str:
        defaults = {field.name: field.default for field in fields(self)}
        said = [f"{name}={shown(value)}" for name, value in vars(self).items() if not _is(value, defaults.get(name))]
        return f"{type(self).__name__}({', '.join(said)})"

    def describe(self) -> dict[str, Any]:
        """Its text form, of what JSON and TOML know; `eventsim.faults.read` makes the fault of it again."""
        return {"fault": self.name, **{name: _plain(value) for name, value in vars(self).items()}}


@dataclass(frozen=True, repr=False)
class StageFault(Fault):
    """Base of the faults that act while the network runs, by one scalar function."""

    @property
    def function(self) -> Callable[..., Any]:
        """Its scalar function."""
        raise NotImplementedError

    def numbers(self) -> tuple[float, ...]:
        """The numbers that the fault's function sees as ``p``."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class EmissionFault(StageFault):
    """Base of all emission faults.

    One that has a field `populations` acts on the populations of these names, and on sources that are named; None takes
    all spiking populations, "all" the sources, too.

    Attributes
    ----------
    causal
        Whether a spike never leaves earlier than its crossing; only such faults are accepted on populations without a
        window. A property where it depends on the settings.
    wakes
        Whether ``perturb`` is asked of silent neurons of windowed populations, too, with t = inf, at t_min.
    """

    causal: ClassVar[bool]
    wakes: ClassVar[bool] = False
    perturb: ClassVar[Callable[..., Any]]
    place = "emission"

    @property
    def function(self) -> Callable[..., Any]:
        """`perturb`."""
        return self.perturb


@dataclass(frozen=True, repr=False)
class ArrivalFault(StageFault):
    """Base of all arrival faults.

    One that has a field `projections` acts on the projections of these pairs of names (pre, post); None takes all.
    """

    deliver: ClassVar[Callable[..., Any]]
    place = "arrival"

    @property
    def function(self) -> Callable[..., Any]:
        """`deliver`."""
        return self.deliver

    def describe(self) -> dict[str, Any]:
        """Its text form, which says that it acts at arrival."""
        return {**super().describe(), "acts": AT_ARRIVAL}


@dataclass(frozen=True, repr=False)
class NetworkFault(Fault):
    """Base of the faults that act before the run, on the network: device and state faults.

    One that has a field `populations` or `projections` acts on those alone, as stage faults do. One that has a field
    `per` is drawn once for all samples ("chip"), anew for each sample, or for each batch of `batch_size` sample ids.
    """

    def alter(self, part: Source | Population | Projection, draws: Draws) -> Mapping[str, Any]:
        """Return what this part of the network becomes: arguments of `Network.replace`; {} leaves it as it is.

        Parameters
        ----------
        part
            A source, a population or a projection on which the fault acts (`acts_on`).
        draws
            The draws of this fault, by neuron and synapse.
        """
        return {}

    def acts_on(self, part: Source | Population | Projection) -> bool:
        """May the fault act on a part of this kind? Each fault says so of what it was not told by name."""
        raise NotImplementedError

    def brings(self, net: Any) -> tuple[StageFault, ...]:
        """Return the emission and arrival faults that belong to it, on this network; most have none.

        They act behind all that are given, once each.
        """
        return ()

    def extend(self, net: Any, draws: Draws) -> None:
        """Add parts to the new network, behind all that it has; most faults have none."""


@dataclass(frozen=True, repr=False)
class DeviceFault(NetworkFault):
    """Base of all device faults: a network becomes one that was made, programmed, and aged.

    One that finds nothing to act on is an error.
    """

    place = "device"

    def nothing_in(self, net: Any) -> str:
        """What to say where no part of a network has what it acts on: what it looks for, and what to do."""
        return "must act on something. Leave it out, or name other parts."


@dataclass(frozen=True, repr=False)
class StateFault(NetworkFault):
    """Base of all state faults: how neurons live in time becomes what a circuit can do."""

    place = "state"


def keep(fault: Fault, **values: Any) -> None:
    """Give a new fault its settings in their plain, checked forms, as its text form has them: Fractions as floats."""
    for name, value in values.items():
        object.__setattr__(fault, name, float(value) if isinstance(value, Fraction) else value)


def _plain(value: Any) -> Any:
    """A setting as files hold it: numbers of numpy and Fractions as plain ones."""
    if isinstance(value, np.generic):
        return value.item()
    return float(value) if isinstance(value, Fraction) else value


def _is(value: Any, default: Any) -> bool:
    """Is a setting its default, of the same type?"""
    return type(value) is type(default) and bool(value == default)


def has_weights(part: Any) -> bool:
    """Is a part a projection with weights of its own? Pools have none."""
    return isinstance(part, Projection) and any(field.name == "weights" for field in fields(part.kind))


def check_populations(fault: Fault) -> None:
    """Make the populations of a new fault a tuple of names, one string being one name; None and "all" stay."""
    given = getattr(fault, "populations", None)
    if given is None or (isinstance(given, str) and given == EVERYWHERE):
        return
    named = tuple(names(fault.name, "populations", given, FaultError))
    if not named:
        raise FaultError(
            f"{fault.name}: populations = {shown(given)}; must name at least one. Leave the fault out, or populations "
            "for all."
        )
    object.__setattr__(fault, "populations", tuple(map(str, named)))


def check_projections(fault: Fault) -> None:
    """Make the projections of a new fault a tuple of pairs of names; None stays None."""
    given = getattr(fault, "projections", None)
    if given is not None:
        object.__setattr__(fault, "projections", pairs_of(fault, given))


def check_per(fault: NetworkFault) -> None:
    """Refuse a `per` that is none, and a batch of no samples."""
    choice(fault.name, "per", getattr(fault, "per", "chip"), PER, FaultError)
    remedy = "It counts the sample ids that share a draw."
    given = getattr(fault, "batch_size", 1)
    keep(fault, batch_size=integer(fault.name, "batch_size", given, FaultError, low=1, remedy=remedy))


def pairs_of(fault: Fault, given: Any) -> tuple[tuple[str, str], ...]:
    """Pairs of names; two names alone are one pair."""
    listed: Sequence[Any] = given if isinstance(given, list | tuple) else [given]
    if len(listed) == 2 and all(isinstance(name, str) for name in listed):
        listed = [listed]
    if not listed:
        raise FaultError(
            f"{fault.name}: projections = {shown(given)}; must name at least one pair (pre, post). Leave the fault "
            "out, or projections for all."
        )
    pairs = [tuple(pair) if isinstance(pair, list | tuple) else pair for pair in listed]
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(name, str) for name in pair)):
            raise FaultError(
                f"{fault.name}: projections = {shown(given)}; must be pairs of names (pre, post). Give e.g. "
                "projections=[('input', 'output')], or leave it out for all."
            )
    return tuple(pairs)
