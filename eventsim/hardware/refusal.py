"""What does not fit on the cores, said with the limit, the population, and the smallest change that would fit.

Relies on the demands and the filling. Used by strategies, before any neuron has a core.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.errors import PlacementError
from eventsim.hardware.demand import Demand
from eventsim.hardware.filling import Piece, amounts_of, cut
from eventsim.hardware.limits import RESOURCES, UNITS, CoreLimits
from eventsim.wording import neuron_text

Array = np.ndarray[Any, Any]


def check_each_neuron(demands: Sequence[Demand], limits: CoreLimits) -> None:
    """Refuse neurons that no core can hold, even if it holds nothing else; the most demanding one is named.

    Raises
    ------
    PlacementError
        A fan-in, or synapses, memory or axons of one neuron beyond the limit.
    """
    if not demands:  # of pools alone, which take no place
        return
    if limits.fan_in is not None:
        name, neuron, most = _worst([(demand, demand.fan_in) for demand in demands])
        if most > limits.fan_in:
            raise PlacementError(
                f"place: {name}: {neuron} has a fan-in of {most:,} synapses; must be <= {limits.fan_in:,} "
                f"(CoreLimits.fan_in). A limit of {most:,} would do, or split its inputs over "
                f"{-(-most // limits.fan_in):,} neurons."
            )
    singles = [(demand, np.diff(demand.starts) + demand.kernel) for demand in demands]
    for resource, bits in (("synapses", 1), ("memory", limits.weight_bits or 1)):
        name, neuron, most = _worst([(demand, single * bits) for demand, single in singles])
        _refuse_alone(limits, resource, name, neuron, most)
    if limits.axons is not None:
        name, neuron, most = _worst([(demand, _axons_alone(demand, limits.axons)) for demand in demands])
        _refuse_alone(limits, "axons", name, neuron, most)


def check_enough_cores(
    demands: Sequence[Demand], limits: CoreLimits, n_cores: int, loads: Sequence[Sequence[Piece]], by_layer: bool
) -> None:
    """Refuse more loads than there are cores: which population is left over, and what would do.

    Raises
    ------
    PlacementError
        With the cores that are lacking; for each limit by which alone it would fit the least that would do; and
        whether another strategy would.
    """
    if len(loads) <= n_cores:
        return
    over = [piece for load in loads[n_cores:] for piece in load]
    name = over[0].population
    left = sum(piece.last - piece.first + 1 for piece in over if piece.population == name)
    size = next(demand.node.size for demand in demands if demand.name == name)
    given = [resource for resource in RESOURCES if getattr(limits, resource) is not None]
    each = " and ".join(f"{getattr(limits, resource):,} {UNITS[resource]}" for resource in given)
    lacking = len(loads) - n_cores
    remedies = [f"{lacking:,} core{'s' if lacking > 1 else ''} more"]
    for resource in given:
        least = _least_limit(demands, limits, n_cores, by_layer, resource)
        if least is not None:
            remedies.append(f"cores of {least:,} {UNITS[resource]}")
    if by_layer and (needed := len(cut(demands, limits, most=n_cores))) <= n_cores:
        remedies.append(f"strategy='linear', which needs {needed:,}")
    raise PlacementError(
        f"place: {name!r}: {left:,} of its {size:,} neurons find no core: the network needs {len(loads):,} cores "
        f"{f'of {each}' if each else 'for its populations'}, and there are {n_cores:,}; must fit. Would do: "
        f"{' · '.join(remedies)}."
    )


def _worst(amounts: Sequence[tuple[Demand, Array]]) -> tuple[str, str, int]:
    """The population, the neuron in words, and the amount of the neuron that asks for most."""
    demand, each = max(amounts, key=lambda pair: int(pair[1].max()))
    neuron = int(each.argmax())
    return repr(demand.name), neuron_text(neuron, demand.node.shape), int(each[neuron])


def _axons_alone(demand: Demand, limit: int) -> Array:
    """Different inputs of each neuron that has more synapses than `limit`, 0 of others, (size,)."""
    found = np.zeros(demand.node.size, dtype=np.int64)
    for neuron in np.flatnonzero(demand.fan_in > limit).tolist():
        found[neuron] = demand.n_inputs(neuron, neuron)
    return found


def _refuse_alone(limits: CoreLimits, resource: str, name: str, neuron: str, amount: int) -> None:
    limit = getattr(limits, resource)
    if limit is not None and amount > limit:
        raise PlacementError(
            f"place: {name}: {neuron} alone needs {amount:,} {UNITS[resource]}; a core has {limit:,} "
            f"(CoreLimits.{resource}), must hold it. Cores of {amount:,} would do for it."
        )


def _with(limits: CoreLimits, resource: str, most: int | None) -> CoreLimits:
    changes: dict[str, Any] = {resource: most}
    return replace(limits, **changes)


def _least_limit(
    demands: Sequence[Demand], limits: CoreLimits, n_cores: int, by_layer: bool, resource: str
) -> int | None:
    """The least limit of one resource with which all fits, with one less it does not; None where none is enough."""
    unlimited = cut(demands, _with(limits, resource, None), by_layer, n_cores)
    if len(unlimited) > n_cores:
        return None
    low, high = getattr(limits, resource), max(amounts_of(load, demands, limits)[resource] for load in unlimited)
    while high - low > 1:
        middle = (low + high) // 2
        if len(cut(demands, _with(limits, resource, middle), by_layer, n_cores)) <= n_cores:
            high = middle
        else:
            low = middle
    return int(high)
