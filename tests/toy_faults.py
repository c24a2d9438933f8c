"""Arrival faults, for tests: a synapse that tires, one read with noise, one without a weight. No engine knows them.

A loop is compiled for each set of faults: `both` asks for one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eventsim._jit import jitable
from eventsim.faults import ArrivalFault
from eventsim.faults.contract import check_projections
from eventsim.randomness import normal


@jitable
def halve(p: Any, key: Any, sample: Any, synapse: Any, number: Any, w: Any) -> Any:
    """Of the first p[0] spikes of a neuron each third arrives with half its weight."""
    return w / 2 if number % 3 == 2 and number < p[0] else w


@jitable
def read(p: Any, key: Any, sample: Any, synapse: Any, number: Any, w: Any) -> Any:
    """A weight is read with multiplicative noise of p[0]."""
    return w * (1.0 + p[0] * normal(key, sample, synapse, number))


@dataclass(frozen=True)
class Tired(ArrivalFault):
    """Halves the weight of each third of the first spikes."""

    projections: Sequence[tuple[str, str]] | None = None
    first: int = 2**32
    name: ClassVar[str] = "tired"
    deliver: ClassVar[Any] = staticmethod(halve)

    def __post_init__(self) -> None:
        check_projections(self)

    def numbers(self) -> tuple[float, ...]:
        return (float(self.first),)


@dataclass(frozen=True)
class ReadNoise(ArrivalFault):
    """Multiplicative read noise of relative size sigma."""

    sigma: float
    projections: Sequence[tuple[str, str]] | None = None
    name: ClassVar[str] = "toy read noise"
    deliver: ClassVar[Any] = staticmethod(read)

    def __post_init__(self) -> None:
        check_projections(self)

    def numbers(self) -> tuple[float, ...]:
        return (self.sigma,)


@jitable
def lose(p: Any, key: Any, sample: Any, synapse: Any, number: Any, w: Any) -> Any:
    """From spike p[0] of a neuron on its weight is p[1] - p[2]."""
    return w if number < p[0] else p[1] - p[2]


@dataclass(frozen=True)
class Lost(ArrivalFault):
    """Gives weights that are none."""

    after: int
    weight: float
    less: float = 0.0
    name: ClassVar[str] = "lost"
    deliver: ClassVar[Any] = staticmethod(lose)

    def numbers(self) -> tuple[float, ...]:
        return (float(self.after), self.weight, self.less)


def both(sigma: float = 0.0, tired: Sequence[tuple[str, str]] | None = ()) -> list[ArrivalFault]:
    """Read noise of this size on all projections, and these that tire; None: all; (): none, of no spike."""
    return [ReadNoise(sigma), Tired(tired) if tired != () else Tired(first=0)]
