"""What a state fault needs of a neuron model: a variant that a circuit can be, with parameters for what it limits.

Relies on the registry of models, since `eventsim` knows no model by name. A model offers a variant by registering one
as "name+kind"; a fault sets its parameters, so that faults of one kind compose, and strengths compile nothing.
"""

from typing import Any

from eventsim.errors import FaultError, listed
from eventsim.faults.contract import Fault
from eventsim.network.neuron_model import VARIANT, Model, variant, with_variant
from eventsim.network.nodes import Population


def lives(part: Any) -> bool:
    """Is a part a population of neurons with a membrane of their own? Relays pass on what others sent."""
    return isinstance(part, Population) and not part.model.relay


def needed_variant(fault: Fault, part: Population, kind: str, parameter: str, remedy: str) -> Model:
    """The variant of this kind of a population's model, or the variant that it is; must have this parameter.

    Raises
    ------
    FaultError
        A model without such a variant, with those that have one.
    """
    if VARIANT in part.model.name and any(one.name == parameter for one in part.model.parameters):
        return part.model
    found = variant(part.model, kind)
    if found is None or all(one.name != parameter for one in found.parameters) or _of_another_kind(part.model, kind):
        raise FaultError(
            f"{fault.name} on {part.name!r}: not for neurons of {part.model.name}; must be of "
            f"{listed(with_variant(kind, parameter)) or 'a model that has it'}. {remedy}"
        )
    return found


def value_of(part: Population, parameter: str, default: float) -> Any:
    """What a parameter of a population is already, (size,), or the default where its model has none."""
    return part.parameters.get(parameter, default)


def _of_another_kind(model: Model, kind: str) -> bool:
    """Is the model a variant already, and of another kind?"""
    return VARIANT in model.name and not model.name.endswith(f"{VARIANT}{kind}")
