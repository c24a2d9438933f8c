"""Spurious spikes: what a neuron sends without having crossed its threshold.

Relies on the generators of spikes. A spurious spike changes nothing in the neuron that it seems to come from, so that
it can come from a source beside it, with the neuron's synapses: no engine knows of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eventsim.checks import number
from eventsim.errors import FaultError
from eventsim.faults.contract import EVERYWHERE, NetworkFault, check_populations
from eventsim.faults.draws import Draws
from eventsim.faults.reach import parts_of
from eventsim.network.generators import OnceAtMost, Poisson
from eventsim.network.nodes import Population

SUFFIX = " (spurious)"


@dataclass(frozen=True, repr=False)
class Spurious(NetworkFault):
    """Neurons send spikes that no crossing has caused, beside those of their own.

    For each population there is a source "POPULATION (spurious)" behind all other parts of the network, with the
    synapses of the population; its spikes are recorded and counted as those of a source.

    Parameters
    ----------
    probability
        With which a neuron that has a window sends one, at a time that is uniform in its window [t_min, t_max); 0 to 1.
    rate
        Poisson rate of each neuron that has none, in spikes per unit of time.
    populations
        Names of the populations that it acts on; None takes all spiking populations for which a strength is given.

    Raises
    ------
    FaultError
        Strengths out of range, populations that are no names; a min pool, which waits for all of its inputs, behind a
        population.
    """

    probability: float = 0.0
    rate: float = 0.0
    populations: Sequence[str] | None = None

    name = "spurious"
    equation = (
        "with the probability a spike at t_min + u (t_max - t_min), u uniform in [0, 1); without a window\n"
        "a Poisson train of the rate"
    )
    source = "new-spike noise of input and hidden layers, as in I. Comsa et al. 2020"
    place = "emission"

    def __post_init__(self) -> None:
        remedy = "It is the share of neurons that send one."
        number(self.name, "probability", self.probability, FaultError, low=0, high=1, remedy=remedy)
        number(self.name, "rate", self.rate, FaultError, low=0, remedy="Give spikes per unit of time.")
        check_populations(self)

    def acts_on(self, part: Any) -> bool:
        """Spiking populations that are no pools."""
        return isinstance(part, Population) and part.model.spiking and not part.model.relay

    def extend(self, net: Any, draws: Draws) -> None:
        """Add a source for each population, and the synapses of the population to it."""
        for population in [part for part in parts_of(self, net) if isinstance(part, Population)]:
            strength = self.probability if population.model.windowed else self.rate
            if not strength > 0:
                self._refuse_other_kind(population)
                continue
            if any(source.name == population.name + SUFFIX for source in net.sources):
                raise FaultError(
                    f"spurious: {population.name!r} has spurious spikes already; must be given once. Add up the "
                    "strengths."
                )
            generator: Any = Poisson(self.rate)
            if population.window is not None:
                _, t_min, t_max = population.window
                generator = OnceAtMost(self.probability, t_min, t_max)
            source = net.source(population.shape, population.name + SUFFIX, generator=generator)
            for projection in [one for one in net.projections if one.pre is population]:
                post = projection.post
                if post.model.relay and (post.parameters["count"] > 1).any():
                    raise FaultError(
                        f"spurious: {population.name!r} leads to the min pool {post.name!r}, which waits for all of "
                        "its inputs and counts spikes; must be without. Name other populations."
                    )
                net.connect(source, post, projection.kind, projection.delay, receptor=projection.receptor)

    def _refuse_other_kind(self, population: Population) -> None:
        """A population that is named, and for which only the strength of the other kind is given."""
        named = self.populations not in (None, EVERYWHERE)
        if named and (self.rate if population.model.windowed else self.probability) > 0:
            wanted = "probability" if population.model.windowed else "rate"
            has = "a window" if population.model.windowed else "no window"
            raise FaultError(
                f"spurious: {population.name!r} has {has}, and {wanted} is 0; must be > 0 for it. Give {wanted}, or "
                "name other populations."
            )
