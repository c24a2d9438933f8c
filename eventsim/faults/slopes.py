"""Slopes that are sums of weights: they follow where a fault changes the weights that they add up.

From t_min on an alpha1 neuron rises with alpha + the sum of all incoming weights (Stanojevic et al. 2023), which in a
circuit is the sum of the currents that are there, no number that is stored. So every fault that changes weights or
alpha changes this slope by as much, here, for all faults. Relies on the network. Used by `making`.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.network.convolution import Conv
from eventsim.network.network import Network
from eventsim.network.neuron_model import Parameter, find_model
from eventsim.network.nodes import Population
from eventsim.network.projections import OneToOne, Sparse

Array = np.ndarray[Any, Any]
Changes = Mapping[Any, Mapping[str, Any]]


def with_slopes(net: Network, changes: Changes) -> Changes:
    """The changes of a fault, by part, with those of slopes that follow from them; what it says of a slope stands."""
    found = {part: dict(altered) for part, altered in changes.items()}
    for population in net.populations:
        mine = changes.get(population, {})
        model = find_model(mine.get("model", population.model))
        kept = {parameter.name for parameter in model.parameters}
        for parameter in population.model.parameters:
            if parameter.incoming and parameter.name in kept and parameter.name not in mine:
                slope = _followed(net, population, parameter, changes)
                if slope is not None:
                    found.setdefault(population, {})[parameter.name] = slope
    return found


def _followed(net: Network, population: Population, parameter: Parameter, changes: Changes) -> Array | None:
    """What the slope (size,) becomes, each rounded once; None where nothing changes that it adds up."""
    terms = [population.parameters[parameter.name]]
    base = changes.get(population, {}).get(parameter.incoming)
    if base is not None:
        terms += [np.broadcast_to(base, population.size), -population.parameters[parameter.incoming]]
    for projection in net.projections:
        altered = changes.get(projection, {})
        if projection.post is population and ("weights" in altered or "projection" in altered):
            before = projection.kind
            after = altered.get("projection", before)
            if "weights" in altered:
                after = replace(after, weights=np.broadcast_to(altered["weights"], after.weights.shape))
            terms += [incoming_sums(after, population.size), -incoming_sums(before, population.size)]
    if len(terms) == 1:
        return None
    return _added(np.stack(terms, axis=1))


def incoming_sums(kind: Any, size: int) -> Array:
    """The sum of the weights that lead to each of `size` targets, correctly rounded, those of padding included."""
    if isinstance(kind, Conv):
        sums = _added(kind.weights.reshape(len(kind.weights), -1))
        return np.repeat(sums, size // len(sums))
    if isinstance(kind, OneToOne):
        return np.asarray(kind.weights)
    if isinstance(kind, Sparse):
        order = np.argsort(kind.targets, kind="stable")
        starts = np.searchsorted(kind.targets[order], np.arange(1, size))
        rows = np.split(kind.weights[order], starts)
        return np.array([_sum(row) for row in rows], dtype=kind.weights.dtype)
    return _added(kind.weights)


def _added(rows: Array) -> Array:
    """The sum of each row, as it would be in exact arithmetic, rounded once."""
    return np.array([_sum(row) for row in rows], dtype=rows.dtype)


def _sum(row: Array) -> Any:
    return sum(row.tolist()) if row.dtype == object else math.fsum(row.tolist())
