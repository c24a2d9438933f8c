"""A run that goes on with another network: what may be another in it, and from where each sample stands on.

Relies on the parts of networks and on `succession`. Used by `resumable`. What decided the times of something that is
under way, or has had its effect, may not change: delays, windows, how long neurons are refractory, where they began.
Parameters of neurons and weights may.
"""

import math
from typing import Any

import numpy as np

from eventsim.engines.resumption import Resumption
from eventsim.engines.sample_state import SampleState
from eventsim.engines.task import Task
from eventsim.errors import InputError, listed
from eventsim.network.network import Network, Population, Projection, Source
from eventsim.network.network_difference import difference, differing_parts, owned_parts, part_digests
from eventsim.network.projections import Sparse, own_delays
from eventsim.network.succession import Standing, Succeeded, succession, timeline

# Parameters that have had their effect on what is under way.
TIMING = "it decides times that are under way"
FIXED = {
    "t_ref": "it decides when neurons that have spiked are free again",
    "spikes": "it decides which neurons are done already",
    "period": TIMING,
    "sees": TIMING,
    "resets": "resets that are due were decided with it",
}
BOUNDED = "with error_bounds=True a run bounds the rounding of one network"
MAY = (
    "parameters of neurons, Steps of currents, weights, and synapses of a Sparse without delays of its own may be "
    "others, and settings of generators that have sent the same so far"
)


def check_network(run: Any, task: Task) -> tuple[set[str], set[str]]:
    """Refuse a network that is another in what may not be.

    Returns
    -------
    populations, sources
        Names of the populations whose parameters are others, and of the sources whose generators are.

    Raises
    ------
    InputError
        Names the part that may not be another, with what it was where that is known.
    """
    net, before = task.net, run._network
    digests = run.records.state.parts if before is None else part_digests(before)
    if not digests:
        raise InputError(
            "simulate: changes = 'net', but resume = a run whose file does not say of what network; must be known. "
            "Give load_run(path, network) the network that was simulated."
        )
    populations, sources = set(), set()
    owned, others = _owned(net), differing_parts(digests, net)
    for part in others:
        owner, name = owned.get(part, (None, ""))
        why = BOUNDED if task.options.error_bounds else _why_not(owner, name, part in digests)
        if isinstance(owner, Projection) and why is None:
            why = _why_no_synapses(owner, name, part.replace(name, "delays", 1) in digests, before)
        if why is not None:
            said = difference(before, digests, str(run.provenance.get("network_hash")), net, only=part)
            raise InputError(
                f"simulate: changes = 'net', but {said}: {why}; must be the same where a run goes on ({MAY}). Give it "
                "back what it had, or simulate from the beginning."
            )
        if isinstance(owner, Population):
            populations.add(owner.name)
        if isinstance(owner, Source):
            sources.add(owner.name)
    return populations, sources


def _owned(net: Network) -> dict[str, tuple[Any, str]]:
    """Whose each part is, and what it is called there; also of parts that the network does not have, but might."""
    found: dict[str, tuple[Any, str]] = {}
    for called, (owner, name, _) in owned_parts(net).items():
        found[called] = owner, name
        if name == "kind":
            whose = called.removeprefix(name)
            changing = owner.model.parameters if isinstance(owner, Population) else ()
            lacking = [f"{one.name}.{what}" for one in changing if one.steps for what in ("times", "values")]
            for other in ("steps", *lacking) if isinstance(owner, Population) else ("delays", "receptor"):
                found.setdefault(f"{other}{whose}", (owner, other))
    return found


def _why_not(owner: Any, name: str, known: bool) -> str | None:
    """Why this part of a network may not be another; None where it may. `known`: the run's network has it too."""
    if isinstance(owner, Population):
        parameters = {parameter.name: parameter for parameter in owner.model.parameters}
        of_steps = name == "steps" or (name.rpartition(".")[0] in parameters and name.endswith((".times", ".values")))
        if name in FIXED:
            return FIXED[name]
        return None if of_steps or (name in parameters and known) else "its neurons are on their way"
    if isinstance(owner, Source):
        settings = () if owner.generator is None else owner.generator.settings
        return None if name in settings and known else "it decides what has been sent"
    if isinstance(owner, Projection):
        return None
    return "states and spikes under way are those of these parts"


def _why_no_synapses(owner: Projection, name: str, had_delays: bool, before: Network | None) -> str | None:
    """Why this part of a projection may not be another; None where it may."""
    spread = had_delays or own_delays(owner.kind) is not None
    if isinstance(owner.kind, Sparse) and name in ("sources", "targets"):
        return "spikes are under way to synapses that have delays of their own" if spread else None
    if name == "weights" and isinstance(owner.kind, Sparse) and not spread:
        return None
    if name == "weights":
        then = None if before is None else before.projections[owner.order].kind.weights.shape
        return None if then in (None, owner.kind.weights.shape) else "spikes are under way to synapses that were there"
    if "delay" in name:
        return "it decides when spikes arrive that are under way"
    return "spikes are under way to the synapses that it has"


def succeed(task: Task, resumption: Resumption, before: Network | None, names: set[str]) -> None:
    """Let the parameters of these populations change at the time at which each sample stands.

    Raises
    ------
    InputError
        A run without its network, Fractions, a sample that has not begun; parameters with which neurons began; a neuron
        that would stand above its threshold.
    """
    if before is None:
        raise InputError(
            f"simulate: changes = 'net', and parameters of {listed(sorted(names))} are others, but resume = a run from "
            "a file, without its network, which says how neurons come from their last events to the change; must be "
            "known. Give load_run(path, network) the network that was simulated."
        )
    if task.exact or before.exact:
        raise InputError(
            f"simulate: changes = 'net', and parameters of {listed(sorted(names))} are others in a run of Fractions, "
            "of which a run knows in float64 alone until when it went; must be the same. Use Steps of the current, or "
            "float64."
        )
    for k in range(task.inputs.n_samples):
        _check_goes_on(task, resumption, k)
        if resumption.sample(k) is None:
            raise InputError(
                f"simulate: changes = 'net', and parameters of {listed(sorted(names))} are others, but sample {k} has "
                "not begun; must have, in all samples. Go on without the change first, up to the time of the change."
            )
    task.acting = succession(before, task.net, names)
    for population in task.acting.populations:
        if isinstance(population, Succeeded):
            _check_beginning(population)
            if population.model.spiking and not population.model.clocked:
                for k in range(task.inputs.n_samples):
                    _check_below(task, resumption, population, k)


def _check_goes_on(task: Task, resumption: Resumption, k: int) -> None:
    """Refuse a call in which sample k would end before the change: a third part could not know that it is to come."""
    state, (since, inclusive) = resumption.sample(k), resumption.since(k)
    until, stop = task.options.until, task.options.stop.items()
    ends = not inclusive and until is not None and until <= since
    if ends or (state is not None and any(state.count(task.net.node(one).order, "spikes") >= n for one, n in stop)):
        raise InputError(
            f"simulate: changes = 'net', and parameters are others, but sample {k} is at its end at t = {since} (until "
            f"= {until}, stop = {dict(stop)}); must go on. Give a later until, and a stop with more spikes."
        )


def _check_beginning(population: Succeeded) -> None:
    """Refuse parameters in which neurons began."""
    model = population.model
    then, now = (
        _states(model.dynamics.initial, model.prepare(one, population.window))
        for one in (population.parameters, population.later.parameters)
    )
    if then == now:
        return
    other = [
        name
        for name, values in population.later.parameters.items()
        if _states(model.dynamics.initial, model.prepare({**population.parameters, name: values}, population.window))
        != then
    ]
    raise InputError(
        f"simulate: changes = 'net', but {listed(other) or 'the parameters'} of {population.name!r} "
        "decides how neurons began; must be the same where a run goes on. Give it back what it had, or simulate from "
        "the beginning."
    )


def _states(initial: Any, rows: Any) -> list[Any]:
    return [initial(p) for p in zip(*(np.asarray(row).tolist() for row in rows), strict=True)]


def _check_below(task: Task, resumption: Resumption, population: Succeeded, sample: int) -> None:
    """Refuse a neuron that would be at or above its threshold without having come there."""
    state = resumption.sample(sample)
    assert state is not None
    since, inclusive = resumption.since(sample)
    window = population.window if population.model.windowed else None
    if window is not None and not (window[0] < since < window[2] or (inclusive and window[0] == since)):
        return
    made, to_come = timeline(population, Standing(state.now[0], since))
    every = [population.parameters, *(parameters for _, parameters in population.pieces())]
    own, later = every[made[-1][1] + 1 if made else 0], every[to_come[0][1] + 1]
    rows = [_rows(population, parameters) for parameters in (own, later)]
    dynamics, values = population.model.dynamics, _values(task, state, population)
    first = _first(task.net, population)
    for i, (s_before, p, p_later) in enumerate(zip(zip(*values, strict=True), *rows, strict=True)):
        at, s = float(state.since[first + i]), s_before
        if state.done[first + i] or at > since or p == p_later:
            continue
        if at + dynamics.time_to_spike(p, s) <= since:  # it crosses before the change
            continue
        if since > at:
            s = dynamics.advance(dynamics.propagator(p, since - at), s)
        if dynamics.above(p_later, s):
            name = population.model.threshold
            threshold = population.later.parameters[name][i] if name in population.parameters else math.nan
            raise InputError(
                f"simulate: changes = 'net', but neuron {i} of {population.name!r}, sample {sample}, stands at V = "
                f"{s[0]} at t = {since}, and its threshold would be {threshold}; must be below it. Give a higher "
                f"{name}, or change it at another time."
            )


def _first(net: Network, population: Population) -> int:
    return sum(node.size for node in net.nodes[: population.order])


def _rows(population: Population, parameters: Any) -> list[tuple[Any, ...]]:
    rows = population.model.prepare(parameters, population.window)
    return list(zip(*(np.asarray(row, dtype=np.float64).tolist() for row in rows), strict=True))


def _values(task: Task, state: SampleState, population: Population) -> list[Any]:
    """The states of a population's neurons: rows of state, (n_state, n_neurons)."""
    place = sum(p.size * len(p.model.dynamics.state) for p in task.net.populations if p.order < population.order)
    n_rows = len(population.model.dynamics.state)
    rows = state.values[place : place + n_rows * population.size].reshape(n_rows, population.size)
    return [row.tolist() for row in rows]
