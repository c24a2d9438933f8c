"""Parameters of neurons: what a user gives a population, checked, one number a neuron.

Relies on the neuron-model contract. Used by the network and by its parts.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.checks import choice, held_in_float64, read_only, real_array
from eventsim.errors import ModelError
from eventsim.network.neuron_model import Array, Model, Parameter


def check_parameters(model: Model, where: str, size: int, given: Mapping[str, Any]) -> Mapping[str, Array]:
    """Return the model's parameters as read-only copies of shape (size,), defaults filled in, each value checked.

    Fractions stay Fractions (object arrays). Choices become their index (float64). O(size), vectorised.
    """
    for name in given:
        model.parameter(name)
    arrays: dict[str, Array] = {}
    for parameter in model.parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None:
            raise ModelError(
                f"{where}: {model.name} needs {parameter.name} ({parameter.meaning}, {parameter.unit}), which has no "
                f"default. Give {parameter.name}= a number or an array of {size} numbers."
            )
        arrays[parameter.name] = _parameter_array(parameter, f"{where}: {model.name}", size, value)
    return MappingProxyType(arrays)


def check_prepared(model: Model, where: str, parameters: Mapping[str, Array], window: Any) -> None:
    """Refuse parameters from which a number follows that float64 does not hold, such as a sum of two of 1e308."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            model.prepare(parameters, window)
    except FloatingPointError as problem:
        raise ModelError(
            f"{where}: {model.name}: numbers that follow from its parameters leave the range of float64 ({problem}); "
            f"must be within {np.finfo(np.float64).max:.2g}. Bring the sizes of the parameters closer together."
        ) from None


def _parameter_array(parameter: Parameter, where: str, size: int, value: Any) -> Array:
    if parameter.choices:
        remedy = " for the whole population"
        word = choice(where, parameter.name, chosen(parameter, value), parameter.choices, ModelError, also=remedy)
        return read_only(np.full(size, float(parameter.choices.index(word))))
    remedy = f"Give {parameter.name} ({parameter.meaning}) an allowed value or remove the neuron."
    given = real_array(where, parameter.name, value, ModelError, kinds="fiu", remedy=remedy)
    array = given if given.dtype == object else given.astype(np.float64)
    if array.ndim and array.size not in (1, size):
        raise ModelError(
            f"{where}: {parameter.name} has shape {array.shape}; allowed: one number or {size} numbers, one a neuron. "
            "Flatten it in the order of the population's shape."
        )
    array = np.broadcast_to(array.reshape(-1), (size,))
    plain = array.astype(np.float64)
    allowed = ~np.isnan(plain) if parameter.infinite else np.isfinite(plain)
    # Compared as they are: a Fraction just outside a limit may round onto it.
    with np.errstate(invalid="ignore"):  # a NaN among Fractions
        allowed &= (array > parameter.low if parameter.open_low else array >= parameter.low).astype(bool)
        allowed &= (array <= parameter.high).astype(bool)
    if not allowed.all():
        index = int(np.argmin(allowed))
        raise ModelError(f"{where}: {parameter.name}[{index}] = {array[index]}; must be {parameter.allowed}. {remedy}")
    held_in_float64(where, parameter.name, given, remedy, value, ModelError)
    return read_only(array)


def chosen(parameter: Parameter, value: Any) -> Any:
    """The word of a choice of which `value` is the index once a neuron, as populations show it; else `value` itself."""
    for index, word in enumerate(parameter.choices):
        if isinstance(value, np.ndarray) and value.dtype == np.float64 and value.size and (value == index).all():
            return word
    return value
