"""Knobs: what a study turns, by a name that says where it acts.

===========================  =========================================================================================
name                         what it sets
===========================  =========================================================================================
``jitter.sigma``             a setting of the study's fault, or preset, of this name; ``jitter[1].sigma`` of its second
``until``                    the time until which each point is simulated
``bus.service_time``         a setting of the study's transport, which is also called by its own name
``chip.link.service[ns]``    a value of the chip that a network is on, in a unit; or as text, ``chip.link.full``
``chip.slower``              how many times as long all takes that the chip does; ``chip.clock[MHz]``: its clock
``chip.strategy``            how each network is placed, where the study's chip is not placed yet
``network.margin``           a setting of the recipe that makes the network
``dense1.threshold``         a parameter of a population, or what a source has (`Network.replace`)
``input -> dense1.delay``    weights or delay of a projection
===========================  =========================================================================================

Relies on the text forms of faults and on `Network.replace`. Used by `Study`, which refuses unknown knobs before
anything runs, and by `bench`.
"""

import dataclasses
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from eventsim.errors import FaultError, InputError, listed, nearest
from eventsim.fabric.contract import Transport
from eventsim.faults.contract import Fault
from eventsim.faults.presets import PRESETS
from eventsim.faults.text import fault_from, kinds, read, settings_of
from eventsim.kinds import load_announced, named_kinds
from eventsim.network.network import Network
from eventsim.network.nodes import Source

FAULT, OPTION, TRANSPORT, RECIPE, PART = "fault", "option", "transport", "recipe", "part"
BUS = ("bus", "transport", "chip")  # whatever the transport is called
NETWORK = "network"
UNTIL = "until"


class Knob(NamedTuple):
    """Where a knob acts.

    Attributes
    ----------
    place
        `FAULT`, `OPTION`, `TRANSPORT`, `RECIPE` or `PART`.
    which
        The place of the fault in its list, or the name of the part of the network.
    setting
        What it sets there.
    """

    name: str
    place: str
    which: Any
    setting: str


class Case(NamedTuple):
    """What the knobs of one point leave to be done.

    Attributes
    ----------
    faults, transport, options
        Arguments of `simulate`.
    recipe
        Settings of the recipe that differ from the study's.
    parts
        Arguments of `Network.replace` by the name of a part.
    """

    faults: list[Fault]
    transport: Transport | None
    options: dict[str, Any]
    recipe: dict[str, Any]
    parts: dict[str, dict[str, Any]]


def transport_kinds(name: Any = None) -> dict[str, type[Transport]]:
    """All transports that are loaded, by name; and that of one name, where it only has been announced."""
    from eventsim import fabric  # whose import defines them

    del fabric
    if isinstance(name, str):
        load_announced(name)
    return named_kinds(Transport)


def resolve(names: Iterable[str], setup: Any, net: Network | None, recipe_settings: Any) -> list[Knob]:
    """Return where each knob acts.

    Parameters
    ----------
    setup
        The `Setup` of the study.
    net
        Its network; None where a recipe needs a knob to make one.
    recipe_settings
        The names of the settings of its recipe; None where it takes any, () where there is no recipe.

    Raises
    ------
    InputError
        A knob that is none, with the nearest name and what there is.
    """
    knobs = [_resolved(name, setup, net, recipe_settings) for name in names]
    seen: dict[tuple[Any, ...], str] = {}
    for knob in knobs:
        if (other := seen.setdefault(knob[1:], knob.name)) != knob.name:
            raise InputError(
                f"study: knobs {other!r} and {knob.name!r} set the same; must set different things. Leave one out."
            )
    return knobs


def _resolved(name: str, setup: Any, net: Network | None, recipe_settings: Any) -> Knob:
    if name == UNTIL:
        return Knob(name, OPTION, None, UNTIL)
    part, _, setting = name.rpartition(".")
    called, index = part, 0
    if numbered := re.fullmatch(r"(.*)\[(\d+)\]", part):
        called, index = numbered[1], int(numbered[2])
    mine = [k for k, form in enumerate(setup.faults) if fault_name(form) == called]
    if mine and net is not None and part in _parts(net):
        raise InputError(
            f"study: knob {name!r} is a fault and a part of the network; must be one of them. Call the population "
            "otherwise."
        )
    if mine:
        if index >= len(mine) or (len(mine) > 1 and not numbered):
            raise InputError(
                f"study: knob {name!r}: the study has {len(mine)} faults {called!r}; must say which. Give "
                f"{called}[0].{setting} to {called}[{len(mine) - 1}].{setting}."
            )
        return _checked(name, FAULT, mine[index], setting, _settings_of_form(setup.faults[mine[index]]))
    if setup.transport is not None:
        kind = transport_kinds(setup.transport["transport"])[setup.transport["transport"]]
        for called in (*BUS, kind.name):
            if name.startswith(f"{called}."):
                of_transport = name.removeprefix(f"{called}.")
                return _checked(
                    name, TRANSPORT, None, of_transport, None if kind.takes(of_transport) else kind.settings()
                )
    if part == NETWORK and recipe_settings != ():
        return _checked(name, RECIPE, None, setting, recipe_settings)
    if net is not None and part in _parts(net):
        return _checked(name, PART, part, setting, _parts(net)[part])
    there = available(setup, net, recipe_settings)
    remedy = "Choose one of them, or add the fault whose setting it is."
    if called in kinds() or called in PRESETS:
        remedy = f"Add the fault {called!r} to the faults of the study."
    elif name.partition(".")[0] in (*BUS, *transport_kinds()):
        remedy = "Give the study a transport."
    raise InputError(
        f"study: unknown knob {name!r}{nearest(name, there)}; this study has {listed(there, 24)}. {remedy}"
    )


def _checked(name: str, place: str, which: Any, setting: str, allowed: Iterable[str] | None) -> Knob:
    if allowed is not None and setting not in allowed:
        raise InputError(
            f"study: knob {name!r}: unknown setting {setting!r}{nearest(setting, allowed)}; must be one of "
            f"{listed(allowed) or 'none'}. Choose one of them."
        )
    return Knob(name, place, which, setting)


def available(setup: Any, net: Network | None, recipe_settings: Any) -> list[str]:
    """The names of all knobs that a study has."""
    names: list[str] = []
    called = [fault_name(form) for form in setup.faults]
    for k, form in enumerate(setup.faults):
        place = f"[{called[:k].count(called[k])}]" if called.count(called[k]) > 1 else ""
        names += [f"{called[k]}{place}.{setting}" for setting in _settings_of_form(form)]
    if setup.transport is not None:
        kind = transport_kinds(setup.transport["transport"])[setup.transport["transport"]]
        names += [f"{'chip' if kind.takes('chip') else 'bus'}.{setting}" for setting in kind.settings()]
    names += [f"{NETWORK}.{setting}" for setting in recipe_settings or ()]
    if net is not None:
        names += [f"{part}.{setting}" for part, settings in _parts(net).items() for setting in settings]
    return [*names, UNTIL]


def fault_name(form: Mapping[str, Any]) -> str:
    """The name of the fault, or the preset, of a text form."""
    return str(form["preset"] if "preset" in form else form["fault"])


def _settings_of_form(form: Mapping[str, Any]) -> list[str]:
    if "preset" in form:
        return list(PRESETS[form["preset"]].settings)
    return list(settings_of(kinds()[form["fault"]]))


def _parts(net: Network) -> dict[str, list[str]]:
    """What `Network.replace` may change of each part, by the name of the part."""
    found: dict[str, list[str]] = {}
    for node in net.nodes:
        found[node.name] = ["window", "value_range"] if isinstance(node, Source) else [*node.parameters, "window"]
    for projection in net.projections:
        found[f"{projection.pre.name} -> {projection.post.name}"] = ["weights", "delay", "delays"]
    return found


def case_of(setup: Any, knobs: Iterable[Knob], settings: Mapping[str, Any]) -> Case:
    """Return what the values of the knobs ask for, its faults and transport made and so checked.

    Raises
    ------
    FaultError
        A setting that is missing, or that a fault or the transport refuses.
    """
    forms = [dict(form) for form in setup.faults]
    transport = None if setup.transport is None else dict(setup.transport)
    options, recipe = dict(setup.options), {}
    parts: dict[str, dict[str, Any]] = {}
    for knob in knobs:
        value = settings[knob.name]
        if knob.place == FAULT:
            forms[knob.which][knob.setting] = value
        elif knob.place == TRANSPORT:
            assert transport is not None
            transport[knob.setting] = value
        elif knob.place == OPTION:
            options[knob.setting] = value
        elif knob.place == RECIPE:
            recipe[knob.setting] = value
        else:
            parts.setdefault(knob.which, {})[knob.setting] = value
    faults = [fault for form in forms for fault in (read(form) if "preset" in form else [fault_from(form)])]
    return Case(faults, made_transport(transport), options, recipe, parts)


def made_transport(form: Mapping[str, Any] | None) -> Transport | None:
    """Return the transport of a text form."""
    if form is None:
        return None
    kind = transport_kinds(form["transport"])[form["transport"]]
    settings = {name: value for name, value in form.items() if name != "transport"}
    known = kind.settings()
    for name in settings:
        if not kind.takes(name):
            raise FaultError(
                f"study: transport {kind.name}: unknown setting {name!r}{nearest(name, known)}; must be one of "
                f"{listed(known)}. Choose one of them."
            )
    missing = [one.name for one in dataclasses.fields(kind) if one.name not in settings and _is_needed(kind, one.name)]
    if missing:
        raise FaultError(f"study: transport {kind.name}: {listed(missing)} missing; must be given. Add it, or a knob.")
    return kind.of_settings(settings)


def _is_needed(kind: type[Transport], name: str) -> bool:
    return inspect.signature(kind).parameters[name].default is inspect.Parameter.empty
