"""A point of a study: the value of each knob and a seed, frozen, with a hash by which files know it.

Relies on the checks. Used by designs, which make points, and by all that computes and keeps their results.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Rational
from typing import Any

import numpy as np

from eventsim.checks import LARGEST_WHOLE, real, shown
from eventsim.errors import InputError


@dataclass(frozen=True)
class Point:
    """One run of a study.

    Attributes
    ----------
    values
        Pairs of a knob's name and its value, in the order of the design; what JSON knows: numbers, strings, True,
        False, None, and tuples of these.
    seed
        Of all random draws; points of equal seed have draws in common.
    """

    values: tuple[tuple[str, Any], ...]
    seed: int

    @property
    def settings(self) -> dict[str, Any]:
        """The value of each knob."""
        return dict(self.values)

    def hash(self) -> str:
        """The SHA-256 of its values, whatever their order, and of its seed (64 hex digits)."""
        return digest([sorted((name, plain("point", name, value)) for name, value in self.values), self.seed])

    def __str__(self) -> str:
        return ", ".join([*(f"{name} = {shown(value)}" for name, value in self.values), f"seed = {self.seed}"])


def canonical(value: Any) -> str:
    """Return a value as JSON in one form: names sorted, numbers as the shortest text that reads back as their bits.

    >>> canonical({"b": (1, 0.1), "a": None})
    '{"a":null,"b":[1,0.1]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """Return the SHA-256 (64 hex digits) of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def plain(where: str, name: str, value: Any, infinite: bool = False) -> Any:
    """Return a value of a knob as a point holds it: numpy's numbers as Python's, lists as tuples.

    Equal numbers are one: whole ones up to 2**53 are integers, whatever they were, and Fractions the nearest floats.

    Parameters
    ----------
    infinite
        Whether numbers may be infinite, or NaN, of a setting that is no knob: what takes it says whether it may.

    Raises
    ------
    InputError
        NaN, infinite numbers, and what JSON does not know.

    Examples
    --------
    >>> plain("grid", "a", [1.0, -0.0, np.float32(0.5), 1e300])
    (1, 0, 0.5, 1e+300)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray | list | tuple):
        listed = value.tolist() if isinstance(value, np.ndarray) else value
        listed = listed if isinstance(listed, list | tuple) else [listed]
        return tuple(plain(where, name, one, infinite) for one in listed)
    if isinstance(value, Rational) and not isinstance(value, int) and real(value) is not None:
        value = float(value)
    if isinstance(value, float) and not infinite and not math.isfinite(value):
        raise InputError(
            f"{where}: {name} = {shown(value)}; must be finite, since a grid of it cannot be enumerated. Leave it out."
        )
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_WHOLE:
        return int(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(
        f"{where}: {name} = {shown(value)}; must be a number, a string, True, False, None, or a list of these. Give "
        "what a file can hold."
    )


def plain_settings(where: str, settings: Any) -> dict[str, Any]:
    """Return the values of knobs by name, each as `plain` has it."""
    if not isinstance(settings, Mapping) or not all(isinstance(name, str) and name for name in settings):
        raise InputError(
            f"{where}: {shown(settings)}; must be values by the names of knobs. Give e.g. {{'jitter.sigma': 0.01}}."
        )
    return {name: plain(where, name, value) for name, value in settings.items()}
