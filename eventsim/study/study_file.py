"""Studies as TOML files: what is simulated, which knobs are turned, where the results go.

Relies on `read_toml` and on `Study`. Paths are relative to the file. Whatever the file has that is not known is
refused, with the nearest name. docs/reference/studies.md lists the keys. Used by the command line.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsim.checks import integer, shown
from eventsim.errors import InputError, listed, nearest
from eventsim.files.arrays import TIMES, arrays_of, chosen_array
from eventsim.files.toml_file import read_toml
from eventsim.hardware.chip_file import is_file_of_chip
from eventsim.hardware.physical_time import with_time_unit
from eventsim.network.network_file import load_network
from eventsim.network.sources import SpikeTimes
from eventsim.study.bisection import Bisection
from eventsim.study.design import Design, Grid, Points, Random, spaced
from eventsim.study.recipe import found
from eventsim.study.setup import OPTIONS
from eventsim.study.study import Study

DESIGNS = ("grid", "points", "random", "bisection")
KEYS = (
    *("title", "network", "time_unit", "settings", "data", "labels", "samples", "faults", "transport", "seeds"),
    *("output", "times", "out", *OPTIONS, *DESIGNS),
)  # fmt: skip
RANGE = ("from", "to", "number", "scale")


@dataclass(frozen=True)
class StudyFile:
    """What a file says.

    Attributes
    ----------
    study
        Ready to run.
    title
        One line about it; "" where the file has none.
    out
        Where its results go: what the file says, or a file of its name beside it.
    """

    study: Study
    title: str
    out: Path


def read_study(path: str | Path) -> StudyFile:
    """Return the study of a TOML file, checked: nothing of it runs yet.

    Raises
    ------
    FileFormatError
        No such file, no TOML, files that it names and that are not there.
    InputError, FaultError
        Unknown keys, with the nearest name; what `Study` refuses.
    """
    place = Path(path)
    content = read_toml(place, "a study").content
    _check_keys(str(place), content, KEYS)
    for key, kind in (("title", str), ("output", str), ("out", str), ("settings", dict), ("transport", dict)):
        if key in content and not isinstance(content[key], kind):
            what = "a string" if kind is str else "a table"
            raise InputError(f"{place}: {key} = {shown(content[key])}; must be {what}. Write it so.")
    x, labels = _data(place, content)
    study = Study(
        _network(place, content), x, _design(place, content), labels, faults=content.get("faults", ()),
        transport=_transport(place, content), seeds=content.get("seeds", 1), settings=content.get("settings"),
        output=content.get("output"), times=content.get("times", True),
        **{name: content[name] for name in OPTIONS if name in content},
    )  # fmt: skip
    out = place.parent / content["out"] if "out" in content else place.with_suffix(".sqlite")
    return StudyFile(study, content.get("title", ""), out)


def _check_keys(where: str, given: Mapping[str, Any], allowed: Iterable[str]) -> None:
    for key in given:
        if key not in allowed:
            raise InputError(
                f"{where}: unknown key {key!r}{nearest(key, allowed)}; must be one of {listed(allowed, 40)}. Choose "
                "one of them."
            )


def _network(place: Path, content: Mapping[str, Any]) -> Any:
    """The network of a file, or the name of a recipe."""
    given = content.get("network")
    if not isinstance(given, str) or not given:
        raise InputError(
            f"{place}: network = {shown(given)}; must be the file of a network, or a recipe 'package.module:function'. "
            "Give one."
        )
    unit = content.get("time_unit")
    if _is_recipe(given):
        if unit is not None:
            raise InputError(
                f"{place}: time_unit = {shown(unit)} of a recipe; must be of the file of a network. Give it to the "
                "recipe, if that takes it: [settings] time_unit = …"
            )
        return given
    net = load_network(place.parent / given)
    return net if unit is None else with_time_unit(net, unit)


def _transport(place: Path, content: Mapping[str, Any]) -> Any:
    """The transport as the file has it, the file of a chip relative to this one."""
    given = content.get("transport")
    if given is None:
        return None
    named = given.get("chip")
    return {**given, "chip": place.parent / named} if isinstance(named, str) and is_file_of_chip(named) else given


def _is_recipe(given: str) -> bool:
    return ":" in given and not given.endswith((".npz", ".npy"))


def _data(place: Path, content: Mapping[str, Any]) -> tuple[Any, Any]:
    """The data and the labels: of files, or of a recipe that returns both."""
    given, labels = content.get("data"), content.get("labels")
    for name, value in (("data", given), ("labels", labels)):
        if value is not None and not isinstance(value, str):
            raise InputError(
                f"{place}: {name} = {shown(value)}; must be a file, or a recipe 'package.module:function'. Give one."
            )
    x: Any = None
    if given is not None and _is_recipe(given):
        made = found(str(place), given)()
        x, y = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    elif given is not None:
        name, array = chosen_array(place.parent / given, arrays_of(place.parent / given))
        x, y = SpikeTimes(array) if name == TIMES else array, None
    else:
        y = None
    if labels is not None:
        y = chosen_array(place.parent / labels, arrays_of(place.parent / labels))[1]
    if "samples" in content:
        remedy = "It takes the first samples of the data."
        n = integer(str(place), "samples", content["samples"], low=1, remedy=remedy)
        if x is None:
            raise InputError(f"{place}: samples = {n} without data; must be with them. Leave it out.")
        x = SpikeTimes(x.times[:n]) if isinstance(x, SpikeTimes) else x[:n]
        y = None if y is None else y[:n]
    return x, y


def _design(place: Path, content: Mapping[str, Any]) -> Design:
    given = [name for name in DESIGNS if name in content]
    if len(given) != 1:
        raise InputError(
            f"{place}: {listed(given) or 'no design'}; must have one of {listed(DESIGNS)}. Add e.g. [grid] and below "
            'it "jitter.sigma" = [0.0, 0.01].'
        )
    where, part = f"{place}: {given[0]}", content[given[0]]
    makers: dict[str, Callable[[str, Any], Design]] = {
        "grid": _grid, "points": _points, "random": _random, "bisection": _bisection,
    }  # fmt: skip
    if not isinstance(part, list if given[0] == "points" else dict):
        form = "tables, [[points]]" if given[0] == "points" else "a table"
        raise InputError(f"{where} = {shown(part)}; must be {form}. Write it so.")
    return makers[given[0]](where, part)


def _grid(where: str, part: Mapping[str, Any]) -> Design:
    return Grid({name: _listed(where, name, given) for name, given in part.items()})


def _listed(where: str, name: str, given: Any) -> Any:
    """The values of a knob: a list, or a range {from, to, number, scale}."""
    if not isinstance(given, dict):
        return given
    _check_keys(f"{where}: {name}", given, RANGE)
    missing = [key for key in RANGE[:3] if key not in given]
    if missing:
        raise InputError(
            f"{where}: {name}: {listed(missing)} missing; must be given. Write {{from = 1e-4, to = 0.1, number = 10, "
            'scale = "log"}.'
        )
    return spaced(where, name, given["from"], given["to"], given["number"], given.get("scale", "linear"))


def _points(where: str, part: list[Any]) -> Design:
    del where
    return Points(part)


def _random(where: str, part: Mapping[str, Any]) -> Design:
    _check_keys(where, part, ("number", "seed", "knobs"))
    if "number" not in part or not isinstance(part.get("knobs"), dict):
        raise InputError(
            f"{where}: must have number, how many settings, and knobs, a range for each. Write [random] number = 100, "
            'and [random.knobs] "jitter.sigma" = {from = 1e-4, to = 0.1, scale = "log"}.'
        )
    ranges = {}
    for name, given in part["knobs"].items():
        ranges[name] = given
        if isinstance(given, dict):
            _check_keys(f"{where}: {name}", given, ("from", "to", "scale"))
            ranges[name] = [given.get("from"), given.get("to"), given.get("scale", "linear")]
    return Random(ranges, part["number"], part.get("seed", 0))


def _bisection(where: str, part: Mapping[str, Any]) -> Design:
    allowed = list(inspect.signature(Bisection).parameters)
    _check_keys(where, part, allowed)
    missing = [name for name in ("knob", "low", "high") if name not in part]
    if missing:
        raise InputError(f'{where}: {listed(missing)} missing; must be given. Write knob = "clock.period".')
    return Bisection(**part)
