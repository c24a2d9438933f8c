"""The text form of faults: what JSON, TOML, studies and the provenance of runs hold.

Relies on the contract. A fault is a dict, ``{"fault": "jitter", "sigma": 0.01}``; several are a list of these; a
preset is ``{"preset": "stanojevic2024", …}`` and stands for several. On command lines either is a word:
``jitter:sigma=0.01,past=drop``, ``stanojevic2024:time_bits=4``. Used by studies, the command line, and people.
"""

import dataclasses
import inspect
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eventsim.checks import shown
from eventsim.errors import FaultError, listed, nearest
from eventsim.faults.contract import AT_ARRIVAL, Fault
from eventsim.kinds import add_settings, named_kinds, with_tuples

TOLD = ("fault", "acts", "function")  # what a text form says beside the settings


def kinds() -> dict[str, type[Fault]]:
    """All faults that are loaded, by name, those of users among them; of two of one name the later one."""
    return named_kinds(Fault)


def read(given: Any, where: str = "faults") -> list[Fault]:
    """Return the faults that are given as values, as text forms, or as names of presets.

    Parameters
    ----------
    given
        A fault, its text form as a dict or a word, the name of a preset, ``{"preset": name, **settings}``, or a list of
        these.
    where
        Who asks, for messages.

    Raises
    ------
    FaultError
        Unknown faults, presets or settings, with the nearest known name; settings that the fault refuses.
    """
    from eventsim.faults.presets import preset  # which is made of faults

    if isinstance(given, Fault):
        return [given]
    if isinstance(given, str):
        return read(word_form(given, where), where)
    if isinstance(given, Mapping):
        if "preset" in given:
            settings = {str(name): value for name, value in given.items() if name != "preset"}
            return preset(given["preset"], **settings)
        return [fault_from(given)]
    if isinstance(given, Sequence):
        return [fault for one in given for fault in read(one, where)]
    raise FaultError(
        f"{where}: faults = {shown(given)}; must be a fault or a list of faults, as values, text forms or names of "
        'presets. Give e.g. faults=eventsim.faults.Jitter(0.01) or {"fault": "jitter", "sigma": 0.01}.'
    )


def word_form(word: str, where: str = "faults") -> dict[str, Any]:
    """Return the dict that a word stands for: a fault or preset, and its settings behind a colon.

    Values are those of JSON, inf and -inf; what is none is a string.

    >>> word_form("jitter:sigma=0.01,past=drop")
    {'fault': 'jitter', 'sigma': 0.01, 'past': 'drop'}
    >>> word_form('dead:fraction=0.1,populations=["conv1","conv2"]')
    {'fault': 'dead', 'fraction': 0.1, 'populations': ['conv1', 'conv2']}
    """
    from eventsim.faults.presets import PRESETS

    name, _, rest = word.partition(":")
    found: dict[str, Any] = {"preset" if name in PRESETS or name not in kinds() else "fault": name}
    if name not in PRESETS and name not in kinds():
        known = [*kinds(), *PRESETS]
        raise FaultError(
            f"{where}: faults = {shown(word)}{nearest(name, known)} is no fault and no preset; must be one of "
            f"{listed(sorted(known))}. Name one."
        )
    add_settings(found, rest, f"{where}: faults = {shown(word)}", "jitter:sigma=0.01,past=drop", FaultError)
    return found


def from_file(path: str | Path) -> list[Fault]:
    """Return the faults of a file: JSON, a fault or a list of them, or TOML, with tables ``[[faults]]``.

    Raises
    ------
    FaultError
        A file that is neither, or has other keys; whatever `read` refuses.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode()
        given = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as problem:  # TOML's and JSON's errors are ValueErrors
        raise FaultError(
            f"faults: {file}: {problem}; must be a file of JSON, or of TOML where it is called .toml. Mend it."
        ) from None
    if file.suffix == ".toml":
        others = [key for key in given if key != "faults"]
        if others or "faults" not in given:
            raise FaultError(
                f"faults: {file}: has {listed(others) or 'no faults'}; must have tables [[faults]] alone. Give e.g. "
                'fault = "jitter" and sigma = 0.01 below one.'
            )
        given = given["faults"]
    return read(given)


def fault_from(description: Mapping[str, Any]) -> Fault:
    """Return the fault of a text form.

    Raises
    ------
    FaultError
        An unknown fault or setting, with the nearest known name; a setting that is missing, or that the fault refuses.
    """
    known, name = kinds(), description.get("fault")
    if not isinstance(name, str) or name not in known:
        raise FaultError(
            f"faults: fault = {shown(name)}{nearest(name, known)}; must be one of {listed(sorted(known))}. Name one, "
            "or import the module that defines it."
        )
    kind = known[name]
    if description.get("acts", AT_ARRIVAL) != AT_ARRIVAL or ("acts" in description and kind.place != "arrival"):
        raise FaultError(
            f"{name}: acts = {shown(description['acts'])}; must be {AT_ARRIVAL!r}, of arrival faults. Leave it out."
        )
    settings = {str(key): with_tuples(value) for key, value in description.items() if key not in TOLD}
    allowed = settings_of(kind)
    for key in settings:
        if key not in allowed:
            raise FaultError(
                f"{name}: unknown setting {key!r}{nearest(key, allowed)}; it takes {listed(allowed) or 'none'}. Choose "
                "among these."
            )
    missing = [key for key, needed in allowed.items() if needed and key not in settings]
    if missing:
        raise FaultError(f"{name}: {listed(missing)} missing; must be given. Add e.g. {missing[0]} = 0.01.")
    return kind(**settings)


def settings_of(kind: type[Fault]) -> dict[str, bool]:
    """The settings of a fault by name, and whether they must be given."""
    if dataclasses.is_dataclass(kind):
        return {
            field.name: field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            for field in dataclasses.fields(kind)
            if field.init
        }
    parameters = list(inspect.signature(kind).parameters.values())
    return {one.name: one.default is one.empty for one in parameters}
