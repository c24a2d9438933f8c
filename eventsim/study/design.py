"""Designs: which values of which knobs a study looks at: a grid, a list, random draws.

Relies on the counter-based draws. `bisection` is a design, too: it chooses its next value by what came out. Used by
`Study`, in Python and from files.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from eventsim.checks import LARGEST_SEED, choice, integer, number, real, shown
from eventsim.errors import InputError, listed
from eventsim.randomness import stream_key, uniforms
from eventsim.study.point import canonical, plain, plain_settings

MOST_POINTS = 1_000_000  # settings of a design, before seeds
SCALES = ("linear", "log")


class Design:
    """Base of designs.

    Attributes
    ----------
    kind
        By which files know it.
    knobs
        The names of the knobs that it turns, in order.
    """

    kind: ClassVar[str]
    knobs: tuple[str, ...]

    def settings(self) -> list[dict[str, Any]]:
        """The values of the knobs that are known before anything has run, one dict a setting."""
        raise NotImplementedError

    def more(self, results: Any) -> list[dict[str, Any]]:
        """The settings to look at next, given the `Results` so far; none where all are done, as at once in a grid."""
        del results
        return []

    def check(self, decides: bool, labelled: bool) -> None:
        """Refuse what the rows of a study will not have; whether anything of it decides, and whether it has labels."""
        del decides, labelled

    def describe(self) -> dict[str, Any]:
        """What it is, of what JSON knows; equal designs say the same."""
        raise NotImplementedError


class Grid(Design):
    """Every combination of the values of each knob; the last knob changes fastest.

    Parameters
    ----------
    values
        A list of values by the name of each knob.

    Raises
    ------
    InputError
        No knob, no value, a value that is there twice, is not finite or is none; more than a million points.
    """

    kind = "grid"

    def __init__(self, values: Mapping[str, Sequence[Any]]) -> None:
        if not isinstance(values, Mapping) or not values:
            raise InputError(
                f"grid: {shown(values)}; must be a list of values by the name of each knob, one at least. Give e.g. "
                "{'jitter.sigma': [0.0, 0.01]}."
            )
        self._values = {str(name): _listed_values("grid", str(name), given) for name, given in values.items()}
        self.knobs = tuple(self._values)
        check_number("grid", math.prod(map(len, self._values.values())))

    def settings(self) -> list[dict[str, Any]]:
        """All combinations."""
        return [dict(zip(self.knobs, chosen, strict=True)) for chosen in itertools.product(*self._values.values())]

    def describe(self) -> dict[str, Any]:
        """Its kind, and the values of each knob."""
        return {"design": self.kind, "values": self._values}


class Points(Design):
    """Settings that are given one by one, each a value for each knob.

    Raises
    ------
    InputError
        No setting, settings of different knobs, one that is there twice.
    """

    kind = "points"

    def __init__(self, settings: Sequence[Mapping[str, Any]]) -> None:
        if not isinstance(settings, Sequence) or isinstance(settings, str) or not settings:
            raise InputError(
                f"points: {shown(settings)}; must be a list of settings, one at least. Give e.g. "
                "[{'jitter.sigma': 0.01}]."
            )
        self._settings = [plain_settings("points", one) for one in settings]
        self.knobs = tuple(self._settings[0])
        check_number("points", len(self._settings))
        for k, one in enumerate(self._settings):
            if set(one) != set(self.knobs):
                raise InputError(
                    f"points: setting {k} has {listed(one) or 'no knob'}; must have the knobs of the first, "
                    f"{listed(self.knobs) or 'none'}. Give each setting all of them."
                )
        _check_different("points", self._settings)

    def settings(self) -> list[dict[str, Any]]:
        """The settings as they were given."""
        return [dict(one) for one in self._settings]

    def describe(self) -> dict[str, Any]:
        """Its kind, and the settings."""
        return {"design": self.kind, "settings": self._settings}


class Random(Design):
    """Settings that are drawn, each knob uniformly from a range of its own; the same draws in every run.

    Parameters
    ----------
    ranges
        By the name of each knob (low, high), or (low, high, scale) with the scale "linear" or "log". Where both ends
        are integers, integers are drawn, each equally likely on the linear scale, both ends among them.
    n
        How many settings.
    seed
        Of these draws alone; the first settings stay the same where more are drawn.

    Raises
    ------
    InputError
        Ranges that are none, or that a log scale cannot have.
    """

    kind = "random"

    def __init__(self, ranges: Mapping[str, Sequence[Any]], n: int, seed: int = 0) -> None:
        if not isinstance(ranges, Mapping) or not ranges:
            raise InputError(
                f"random: {shown(ranges)}; must be a range by the name of each knob. Give e.g. "
                "{'jitter.sigma': (1e-4, 1e-1, 'log')}."
            )
        self._ranges = {str(name): checked_range("random", str(name), given) for name, given in ranges.items()}
        self.knobs = tuple(self._ranges)
        self._n = integer("random", "n", n, low=1, high=MOST_POINTS, remedy="It is the number of settings.")
        self._seed = integer("random", "seed", seed, low=0, high=LARGEST_SEED, remedy="Equal seeds give equal draws.")

    def settings(self) -> list[dict[str, Any]]:
        """The draws; integers may come twice, and count once."""
        drawn = [{name: self._draw(name, k) for name in self.knobs} for k in range(self._n)]
        return list({canonical(one): one for one in drawn}.values())

    def _draw(self, name: str, k: int) -> Any:
        low, high, scale = self._ranges[name]
        u, _ = uniforms(stream_key(self._seed, "study", name), k, 0, 0)
        if isinstance(low, int) and isinstance(high, int):
            if scale == "log":
                return min(int(math.exp(math.log(low) + u * (math.log(high + 1) - math.log(low)))), high)
            return min(low + int(u * (high - low + 1)), high)
        if scale == "log":
            return min(max(math.exp(math.log(low) + u * (math.log(high) - math.log(low))), low), high)
        return low + u * (high - low)

    def describe(self) -> dict[str, Any]:
        """Its kind, ranges, number and seed."""
        return {"design": self.kind, "ranges": self._ranges, "n": self._n, "seed": self._seed}


def as_design(given: Any) -> Design:
    """Return a design, or the grid that a dict is."""
    if isinstance(given, Design):
        return given
    if isinstance(given, Mapping):
        return Grid(given)
    raise InputError(
        f"study: design = {shown(given)}; must be a Grid, Points, Random or Bisection, or a grid as a dict. Give e.g. "
        "{'jitter.sigma': [0.0, 0.01]}."
    )


def seeds_of(given: Any) -> tuple[int, ...]:
    """Return the seeds that a number of seeds stands for, from 0 on, or those of a list."""
    if isinstance(given, int) and not isinstance(given, bool):
        n = integer("study", "seeds", given, low=1, high=MOST_POINTS, remedy="A list [7] is one seed, 7.")
        return tuple(range(n))
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str) or not len(given):
        raise InputError(
            f"study: seeds = {shown(given)}; must be a number of seeds, or a list of them. Give e.g. 16, or [7]."
        )
    remedy = "Equal seeds give equal draws."
    found = [
        integer("study", f"seeds[{k}]", one, low=0, high=LARGEST_SEED, remedy=remedy) for k, one in enumerate(given)
    ]
    if len(set(found)) < len(found):
        raise InputError("study: seeds: one is there twice; must differ. Leave one out: it would say nothing new.")
    return tuple(found)


def spaced(where: str, name: str, low: Any, high: Any, n: Any, scale: str = "linear") -> list[float]:
    """Return n values from low to high, both among them, equally far apart or, on a "log" scale, in one ratio."""
    low, high, scale = checked_range(where, name, (low, high, scale))
    n = integer(where, f"{name}: number", n, low=2, high=MOST_POINTS, remedy="Both ends count.")
    values = np.geomspace(low, high, n) if scale == "log" else np.linspace(low, high, n)
    return [float(one) for one in values]


def checked_range(where: str, name: str, given: Any) -> tuple[Any, Any, str]:
    """Return (low, high, scale) of a range, checked; numbers as they are, so that integers stay some."""
    parts = tuple(given) if isinstance(given, list | tuple) else ()
    if len(parts) not in (2, 3):
        raise InputError(
            f"{where}: {name} = {shown(given)}; must be a range (low, high), or (low, high, scale). Give e.g. "
            "(1e-4, 1e-1, 'log')."
        )
    scale = choice(where, f"{name}: scale", parts[2] if len(parts) == 3 else "linear", SCALES)
    low = number(where, f"{name}: low", real(parts[0]) if real(parts[0]) is not None else parts[0])
    high = number(where, f"{name}: high", parts[1], low=low, open_low=True, remedy="The lower end comes first.")
    if scale == "log" and low <= 0:
        raise InputError(
            f"{where}: {name}: low = {shown(low)} on a log scale; must be > 0. Give another, or scale 'linear'."
        )
    return low, high, scale


def check_number(where: str, n: int) -> None:
    """Refuse a design of more settings than anybody could wait for."""
    if n > MOST_POINTS:
        raise InputError(
            f"{where}: {n:,} settings; must be {MOST_POINTS:,} at most. Give fewer values, or draw some: Random."
        )


def _listed_values(where: str, name: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, np.ndarray):
        given = given.tolist()
    if not isinstance(given, list | tuple | range) or not len(given):
        raise InputError(
            f"{where}: {name} = {shown(given)}; must be a list of values, one at least. Give e.g. [0.0, 0.01]."
        )
    check_number(where, len(given))
    values = tuple(plain(where, name, one) for one in given)
    _check_different(where, [{name: one} for one in values])
    return values


def _check_different(where: str, settings: list[dict[str, Any]]) -> None:
    twice = next((text for text, n in Counter(map(canonical, settings)).items() if n > 1), None)
    if twice is not None:
        raise InputError(
            f"{where}: {twice} is there twice; must differ, since a point is computed once. Leave one out."
        )
