"""When a chip has decided, and how long before that the last packet came that the decision needed.

Relies on decisions, on the log of packets and on the network. Used by `chip_report`.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.network.network import Network
from eventsim.run.decisions import decisions_of
from eventsim.run.due import arrivals, fabric_of
from eventsim.run.latency import Latency
from eventsim.run.run import Run

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class DecisionTimes:
    """When each sample was decided, in the unit of the network, (n_samples,) each.

    Attributes
    ----------
    decided
        The time of the read-out (its t_min), or of the first spike of the deciding population; inf where nothing was
        decided.
    needed
        When the last packet came that the decision needed: to the deciding population, or to a pool that feeds it. A
        read-out needs all of them, a spike those that came until then; -inf where none came. None where the network is
        not known.
    """

    decided: Array = field(repr=False)
    needed: Array | None = field(repr=False)

    @property
    def margin(self) -> Array | None:
        """The time to spare between the two, (n_samples,); negative where packets came after the read-out."""
        if self.needed is None:
            return None
        known = (self.decided < math.inf) & (self.needed > -math.inf)
        return np.where(known, np.where(known, self.decided, 0.0) - np.where(known, self.needed, 0.0), math.nan)

    @property
    def least_margin(self) -> float | None:
        """The least of all samples; None where none is known."""
        known = [] if self.margin is None else self.margin[~np.isnan(self.margin)].tolist()
        return min(known, default=None)

    @property
    def latest(self) -> float | None:
        """When the last sample was decided; None where none was."""
        return max(self.decided[np.isfinite(self.decided)].tolist(), default=None)


def decision_times(run: Run, latency: Latency, output: str | None) -> DecisionTimes | None:
    """Return when samples were decided; None where nothing decides."""
    decisions, decided = decisions_of(run, output)
    if decisions is None:
        return None
    net = run._network
    return DecisionTimes(decided, None if net is None else _needed(run, net, latency, output, decided))


def _needed(run: Run, net: Network, latency: Latency, output: str | None, decided: Array) -> Array:
    last = np.full(run.n_samples, -math.inf)
    came, fabric, deciding = latency.deliveries, fabric_of(run, net, "report"), _feeding(net, output)
    for one in arrivals(net, fabric, came, [one for one in net.projections if one.post.name in deciding]):
        sample = came["sample"][one.which]
        counts = np.full(len(sample), True) if output is None else one.times <= decided[sample]
        np.maximum.at(last, sample[counts], one.times[counts])
    return last


def _feeding(net: Network, output: str | None) -> set[str]:
    """The deciding populations, and pools that lead to them alone over pools."""
    found = {one.name for one in net.populations if (one.name == output if output else not one.model.spiking)}
    pools = {one.name for one in net.populations if one.model.relay}
    while more := {one.pre.name for one in net.projections if one.post.name in found} & (pools - found):
        found |= more
    return found
