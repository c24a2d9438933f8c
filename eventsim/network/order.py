"""What the event order needs to know of a network: ranks of clocked populations and delays counted in ticks.

Relies on the network. Used by both engines, so that they cannot differ in it. docs/event-order.md states the order.
"""

import math
from typing import Any

from eventsim.errors import NetworkError
from eventsim.network.network import Network, Population, Projection


def clocked_ranks(net: Network) -> dict[str, int]:
    """Micro-step in which each clocked population ticks, by name; -1 for ``sees="next_step"``.

    The rank is the longest chain of zero-delay projections from another clocked population: each hop is one
    micro-step, so a layer sees what its upstream emitted in the same step. In a cycle of zero-delay projections, those
    that lead from a later (or the same) to an earlier created population are recurrent and do not count.
    """
    hops = [(projection.pre.order, projection.post.order) for projection in net.projections if projection.delay == 0]
    counted = [(pre, post) for pre, post in hops if not (post <= pre and _reaches(hops, post, pre))]
    ranks: dict[int, int] = {}
    for population in net.populations:
        if population.model.clocked:
            ranks[population.order] = 0
    for _ in net.nodes:
        for pre, post in counted:
            if pre in ranks:
                ranks[post] = max(ranks.get(post, 0), ranks[pre] + 1)
    return {
        population.name: -1 if _next_step(population) else ranks[population.order]
        for population in net.populations
        if population.model.clocked
    }


def _next_step(population: Population) -> bool:
    return bool(population.parameters["sees"][0] == 1)


def _reaches(hops: list[tuple[int, int]], start: int, goal: int) -> bool:
    seen, front = {start}, {start}
    while front:
        front = {post for pre, post in hops if pre in front} - seen
        seen |= front
    return goal in seen


def period(population: Population) -> Any:
    """The clock period of a clocked population, one for all its neurons.

    Raises
    ------
    NetworkError
        Where its neurons have different periods.
    """
    periods = population.parameters["period"]
    if not (periods == periods[0]).all():
        raise NetworkError(
            f"population {population.name!r}: period differs between neurons; a clocked population has one clock. "
            "Split it into populations."
        )
    return periods[0]


def delay_in_ticks(projection: Projection) -> int:
    """Number of ticks of a delay that is a multiple of the sender's period, else 0 (continuous delay).

    Such a spike of tick k arrives at (k + ticks) * period exactly, not at k * period + delay as rounded. Beyond 2**53
    ticks whole numbers cannot be told apart in float64, so that there is nothing to count.
    """
    pre = projection.pre
    if not isinstance(pre, Population) or not pre.model.clocked or projection.delay == 0:
        return 0
    clock = period(pre)
    if not clock <= projection.delay <= 2**53 * clock:
        return 0
    ticks = round(projection.delay / clock)
    return ticks if ticks * clock == projection.delay else 0


def needs_until(net: Network) -> str | None:
    """Why a run of this network needs ``until=``, or None."""
    for population in net.populations:
        if population.model.clocked:
            return f"the clock of population {population.name!r} never stops"
    for source in net.sources:
        if source.generator is not None and not source.generator.ends:
            return f"the generator of source {source.name!r} never stops"
    return None


def check_until(net: Network, until: Any) -> None:
    """Raise `NetworkError` where ``until`` is no time, or missing where the run would never end."""
    if until is None:
        reason = needs_until(net)
        if reason:
            raise NetworkError(f"simulate: until=None, but {reason}. Give until=, a time in the network's unit.")
    elif not (until > 0 and until == until) or (until == math.inf and needs_until(net)):
        raise NetworkError(f"simulate: until = {until}; must be a time > 0. Events at t < until are simulated.")
