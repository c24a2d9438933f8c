"""Which scalar functions a loop is made with, and how it chooses between them while it runs.

Relies on the contracts of models and faults. Used by `machine`, `engine` and `event_loop`. A loop closes over the
distinct dynamics of a network's models and over the distinct functions of its faults, each in an order of their own, so
that networks of the same models share one loop. With ``EVENTSIM_LOOPS=broad`` it closes over all models of each family
that a network uses, and over all shipped faults where it has any: fewer loops, each of which takes longer to compile.
That pays for whoever meets many kinds of networks, such as a test suite.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from eventsim._jit import kernel_part
from eventsim.faults.contract import ArrivalFault, EmissionFault, Fault
from eventsim.faults.text import kinds
from eventsim.network.dynamics import Dynamics
from eventsim.network.network import Network
from eventsim.network.neuron_model import Model, installed_models
from eventsim.settings import setting

BROAD = setting("EVENTSIM_LOOPS", ("narrow", "broad")) == "broad"


@dataclass(frozen=True)
class LoopModel:
    """What a loop depends on of a neuron model: equal for models that differ only in name, parameters and window."""

    dynamics: Dynamics
    in_cohorts: bool
    clocked: bool


def loop_model(model: Model, error_bounds: bool) -> LoopModel:
    """What a loop depends on of a model, with rounding bounds where they are asked for and it has them."""
    return LoopModel(model.with_bounds(error_bounds).dynamics, model.in_cohorts, model.clocked)


def loop_models(net: Network, error_bounds: bool) -> list[LoopModel]:
    """The models that the loop of a network is made with."""
    models = [population.model for population in net.populations]
    if BROAD:
        families = {model.family for model in models} - {""}
        models += [model for model in installed_models() if model.family in families]
    distinct = dict.fromkeys(loop_model(model, error_bounds) for model in models)
    return sorted(distinct, key=_sorted_by)


def _sorted_by(model: LoopModel) -> Any:
    """The order of models in a loop; functions of one name may close over different numbers of currents."""
    dynamics = model.dynamics
    return [_name(f) for f in dynamics.functions], len(dynamics.state), model.in_cohorts, model.clocked


def perturbs_of(faults: Iterable[Fault]) -> tuple[Callable[..., Any], ...]:
    """The functions of emission faults that the loop of a run is made with."""
    used = dict.fromkeys(fault.perturb for fault in faults if isinstance(fault, EmissionFault))
    if used and BROAD:
        used |= dict.fromkeys(_shipped(EmissionFault, "perturb"))
    return tuple(sorted(used, key=_name))


def delivers_of(faults: Iterable[Fault]) -> tuple[Callable[..., Any], ...]:
    """The functions of arrival faults that the loop of a run is made with."""
    used = dict.fromkeys(fault.deliver for fault in faults if isinstance(fault, ArrivalFault))
    if used and BROAD:
        used |= dict.fromkeys(_shipped(ArrivalFault, "deliver"))
    return tuple(sorted(used, key=_name))


def _shipped(place: type[Fault], function: str) -> list[Callable[..., Any]]:
    """The functions of the faults of this package that act in one place."""
    shipped = [kind for kind in kinds().values() if issubclass(kind, place) and kind.__module__.startswith("eventsim.")]
    return [getattr(kind, function) for kind in shipped]


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


@functools.cache
def choice(functions: tuple[Any, ...]) -> Any:
    """``choose(kind, *arguments)`` calls the function number `kind`; compiled to nested ifs."""
    first = functions[0]
    if len(functions) == 1:

        @kernel_part
        def only(kind: int, *args: Any) -> Any:  # noqa: ARG001 - the last of several, or the only one
            return first(*args)

        return only
    rest = choice(functions[1:])

    @kernel_part
    def choose(kind: int, *args: Any) -> Any:
        if kind == 0:
            return first(*args)
        return rest(kind - 1, *args)

    return choose
