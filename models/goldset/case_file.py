"""The cases of the gold set, as the file beside this one has them.

Relies on the file alone. Used by the other modules of this folder.
"""

import functools
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from eventsim.errors import InputError, nearest

PATH = Path(__file__).with_name("goldset.json")


@dataclass(frozen=True)
class Event:
    """A spike time, or a potential that is read out, of one neuron.

    Attributes
    ----------
    value
        The time or potential, exact where it is rational, else right to 50 digits.
    rational
        Whether it is exact.
    nearest
        The float64 nearest to it.
    """

    population: str
    neuron: int
    value: Fraction
    rational: bool
    nearest: float


@dataclass(frozen=True)
class Case:
    """One network with its input and its exact answer; `content` is what the file has of it.

    Attributes
    ----------
    models
        Names of the neuron models in it, each once.
    roundings
        How many roundings, of 2^-53 of the time each, a spike time may be off.
    spikes, readouts
        The answer, in event order.
    """

    name: str
    about: str
    rules: tuple[str, ...]
    models: tuple[str, ...]
    until: float
    roundings: int
    sizes: dict[str, int]
    spikes: tuple[Event, ...]
    readouts: tuple[Event, ...]
    content: dict[str, Any]


@functools.cache
def gold_file() -> dict[str, Any]:
    """Return the whole file."""
    content: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return content


@functools.cache
def cases() -> tuple[Case, ...]:
    """Return all cases of the gold set, in the order of the file."""
    return tuple(_case(content) for content in gold_file()["cases"])


def case(name: str) -> Case:
    """Return the case of this name.

    Raises
    ------
    InputError
        Where there is none; the nearest name is offered.
    """
    known = {one.name: one for one in cases()}
    if name not in known:
        raise InputError(
            f"goldset: there is no case {name!r}{nearest(name, known)}; `eventsim goldset list` prints the "
            f"{len(known)} names"
        )
    return known[name]


def chosen(names: list[str] | None) -> tuple[Case, ...]:
    """Return the cases whose names, or whose models, are among `names`; all of them for None.

    Raises
    ------
    InputError
        A name that is neither a case nor a model of the gold set.
    """
    if names is None:
        return cases()
    models = gold_file()["models"]
    for name in names:
        if name not in models:
            case(name)
    return tuple(one for one in cases() if one.name in names or set(one.models) & set(names))


def _case(content: dict[str, Any]) -> Case:
    populations = content["populations"]
    return Case(
        name=content["name"],
        about=content["about"],
        rules=tuple(content["rules"]),
        models=tuple(dict.fromkeys(one["model"] for one in populations)),
        until=content["until"],
        roundings=content["roundings"],
        sizes={one["name"]: one["size"] for one in populations},
        spikes=tuple(map(_event, content["spikes"])),
        readouts=tuple(map(_event, content.get("readouts", []))),
        content=content,
    )


def _event(content: dict[str, Any]) -> Event:
    return Event(
        population=content["population"],
        neuron=content["neuron"],
        value=Fraction(content.get("exact", content["decimal"])),
        rational="exact" in content,
        nearest=float.fromhex(content["hex"]),
    )
