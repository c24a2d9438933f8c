"""What a rule connects: two populations, each by its size, its shape, or as a node of a network; and which neurons of
them may be.

Relies on the checks. Used by the rules.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import flag, integer, shown
from eventsim.errors import NetworkError

LARGEST = 2**31 - 1  # neurons of a network


@dataclass(frozen=True)
class End:
    """A population as a rule sees it: its shape, and its name where it is a node of a network."""

    shape: tuple[int, ...]
    name: str = ""

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Ends:
    """Both populations, and whether neuron i may be connected with neuron i (`autapses`)."""

    pre: End
    post: End
    autapses: bool

    @property
    def names(self) -> tuple[str, str]:
        """What draws depend on: the names of both."""
        return self.pre.name, self.post.name


def checked_ends(where: str, pre: Any, post: Any, autapses: Any) -> Ends:
    """Both populations, checked; without autapses they must be the same one."""
    given = Ends(_end(where, "pre", pre), _end(where, "post", post), flag(where, "autapses", autapses, NetworkError))
    if not given.autapses and (given.pre.shape != given.post.shape or given.pre.name != given.post.name):
        raise NetworkError(
            f"{where}: autapses = False from {_called(given.pre)} to {_called(given.post)}; must be one population, of "
            "which no neuron is connected with itself. Leave autapses out between different ones."
        )
    return given


def _end(where: str, name: str, given: Any) -> End:
    """A population that is given as a size, a shape, or a node."""
    shape, called = given, ""
    if isinstance(getattr(given, "name", None), str) and isinstance(getattr(given, "shape", None), tuple):
        shape, called = given.shape, given.name
    remedy = "Give what .source() or .population() returned, a number of neurons, or a shape."
    if isinstance(shape, np.ndarray | str) or not isinstance(shape, Sequence):
        shape = (shape,)
    sizes = tuple(integer(where, name, n, NetworkError, low=1, remedy=remedy) for n in shape)
    if not sizes or math.prod(sizes) > LARGEST:
        raise NetworkError(
            f"{where}: {name} = {shown(given)}; must have 1 to {LARGEST:,} neurons, as networks have. {remedy}"
        )
    return End(sizes, called)


def _called(end: End) -> str:
    """For messages."""
    return repr(end.name) if end.name else f"{end.size:,} neurons"
