"""Receptors: kinds of inputs that a neuron tells apart, each with a current and time constants of its own.

Relies on the neuron-model contract. Used by the network, which asks a model for receptors where a parameter is given as
a dict, and by its files.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eventsim.checks import shown
from eventsim.errors import ModelError, NetworkError, listed, nearest
from eventsim.network.neuron_model import Model, find_model, model_names, receptor_parameter


def able() -> list[str]:
    """Names of the models that take receptors."""
    return [name for name in model_names() if find_model(name).by_receptors is not None]


def given_receptors(model: Model, where: str, given: Mapping[str, Any]) -> tuple[Model, dict[str, Any]]:
    """The model with the receptors for which parameters are given as dicts, and the parameters one by one."""
    base = find_model(model.name) if model.receptors else model
    if model.receptors and base.with_receptors(where, model.receptors) != model:
        raise ModelError(
            f"{where}: {model.name} with receptors {listed(model.receptors)} is not what the registered {model.name} "
            "makes of them; must be. Register a model of another name."
        )
    dicts = {name: value for name, value in given.items() if isinstance(value, Mapping)}
    if not dicts:
        return model, dict(given)
    own = [parameter.name for parameter in base.parameters if parameter.each_receptor and base.by_receptors]
    for name, value in dicts.items():
        if name not in own:
            base.parameter(name)
            has = f"{listed(own)} for each receptor" if own else "one kind of input"
            raise ModelError(
                f"{where}: {name} = {shown(value)}; must be a real number, or an array of them: {base.name} has {has}. "
                f"Give {name} one value a neuron; {listed(able())} take receptors."
            )
    names = model.receptors or tuple(dicts.get(own[0], next(iter(dicts.values()))))
    found = model.with_receptors(where, names or (None,))
    _check_alone(where, dicts, {name: given[name] for name in own if name in given and name not in dicts}, names)
    flat = {name: value for name, value in given.items() if name not in dicts}
    for name, value in dicts.items():
        strange = [receptor for receptor in value if receptor not in names]
        if strange:
            raise ModelError(
                f"{where}: {name} has an entry for {shown(strange[0])}; must be one of the receptors "
                f"{listed(names)}, for which {own[0]} is given. Rename it, or give {own[0]} for it, too."
            )
        for receptor, number in value.items():
            one = receptor_parameter(name, receptor)
            if one in flat:
                raise ModelError(
                    f"{where}: {one} = {shown(flat[one])} and {name} = {shown(value)}; must be given "
                    "once. Leave one out."
                )
            flat[one] = number
    return found, flat


def _check_alone(where: str, dicts: Mapping[str, Any], alone: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse one value for all receptors beside values by receptor: which of them it is meant for, nobody says."""
    for name, value in alone.items():
        example = ", ".join(f"{receptor!r}: …" for receptor in names)
        raise ModelError(
            f"{where}: {name} = {shown(value)}, while {listed(dicts)} is given by receptor; must be a dict, too. Give "
            f"{name}={{{example}}}."
        )


def receptor_number(where: str, model: Model, receptor: str | None) -> int:
    """Which of a model's receptors a projection reaches.

    Raises
    ------
    NetworkError
        No receptor where there are several, or one that the model does not have.
    """
    known = model.receptors
    if receptor is None and len(known) < 2:
        return 0
    if not isinstance(receptor, str | None) or receptor not in known:
        if not known:
            raise NetworkError(
                f"{where}: receptor = {shown(receptor)}, but {model.name} has one current here; must be None. Leave it "
                'out, or give the population receptors, e.g. tau_syn={"excitatory": 2.0, "inhibitory": 8.0}.'
            )
        raise NetworkError(
            f"{where}: receptor = {shown(receptor)}{nearest(str(receptor), known)}; must be one of {listed(known)}. "
            f"Give e.g. receptor={known[0]!r}."
        )
    return known.index(receptor)
