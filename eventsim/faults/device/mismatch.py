"""Mismatch: a parameter of each neuron is off by a draw, as circuits differ from one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import choice, flag, number, shown
from eventsim.errors import FaultError, listed, nearest
from eventsim.faults.contract import DeviceFault, check_per, check_populations, keep
from eventsim.faults.device.weights import in_floats, in_numbers_of
from eventsim.faults.draws import Draws
from eventsim.network.network import Network
from eventsim.network.neuron_model import Parameter
from eventsim.network.nodes import Population
from eventsim.network.steps import Steps

Array = np.ndarray[Any, Any]
OUTSIDE = ("error", "redraw")
MOST_DRAWS = 1000  # of one neuron: where more are needed, nearly every value is outside


@dataclass(frozen=True, repr=False)
class Mismatch(DeviceFault):
    """A parameter of each neuron has a Gaussian error: thresholds, slopes, time constants, whatever a model has.

    A current that changes in time (`Steps`) has one error, the same at all times. The slope of an alpha1 neuron follows
    its alpha. Errors of several parameters are independent; of one parameter, too, where there are several faults.

    Parameters
    ----------
    parameter
        Its name, as the neuron model has it.
    sigma
        Standard deviation, in the unit of the parameter, or by its value where `relative`.
    mean
        Mean error, in the same unit.
    relative
        Whether errors multiply the value.
    outside
        What happens where a neuron cannot have the value that was drawn, such as a time constant below 0: "error", or
        "redraw" until it can (a truncated distribution).
    per
        How often it is drawn: "chip" is once for all samples (a fixed pattern), "sample" or "batch" anew for each.
    batch_size
        How many sample ids are a batch.
    populations
        Names of the populations that it acts on; None takes all that have the parameter.

    Raises
    ------
    FaultError
        A sigma that is negative, numbers that are not finite, choices that are none, populations that are no names;
        when a device is made, a value that a neuron cannot have, or no population with such a parameter.
    """

    parameter: str
    sigma: float = 0.0
    mean: float = 0.0
    relative: bool = False
    outside: str = "error"
    per: str = "chip"
    batch_size: int = 1
    populations: Sequence[str] | None = None

    name = "mismatch"
    equation = "x <- x + mean + sigma xi, or x (1 + mean + sigma xi) where relative, xi ~ N(0, 1)"
    source = (
        "fixed pattern, sample to sample, batch to batch: J. Göltz et al. 2021 (code); of alpha: A. Stanojevic et al. "
        "2023"
    )

    def __post_init__(self) -> None:
        if not isinstance(self.parameter, str) or not self.parameter:
            raise FaultError(
                f"{self.name}: parameter = {shown(self.parameter)}; must be the name of a parameter. Give e.g. "
                '"threshold".'
            )
        remedy = "It is a standard deviation."
        keep(
            self,
            sigma=number(self.name, "sigma", self.sigma, FaultError, low=0, remedy=remedy),
            mean=number(self.name, "mean", self.mean, FaultError),
            relative=flag(self.name, "relative", self.relative, FaultError),
            outside=choice(self.name, "outside", self.outside, OUTSIDE, FaultError),
        )
        check_per(self)
        check_populations(self)

    @property
    def stream(self) -> str:
        """Each parameter has draws of its own, whatever else is mismatched."""
        return f"{self.name} of {self.parameter}"

    def acts_on(self, part: Any) -> bool:
        """Populations with such a parameter, if that is a number."""
        return isinstance(part, Population) and any(
            one.name == self.parameter and not one.choices for one in part.model.parameters
        )

    def nothing_in(self, net: Network) -> str:
        """It looks for a parameter."""
        names = {one.name for node in net.populations for one in node.model.parameters if not one.choices}
        close = nearest(self.parameter, sorted(names))
        return (
            f"no population has a parameter {self.parameter!r}{close}; must be one of {listed(sorted(names)) or 'none'}"
            ". Choose among these."
        )

    def alter(self, part: Any, draws: Draws) -> dict[str, Any]:
        """The parameter with its errors."""
        if self.sigma == 0 and self.mean == 0:
            return {}
        parameter, given = part.model.parameter(self.parameter), part.given[self.parameter]
        ideal = _pieces(given, part.size)
        noise = draws.normal(part)
        made = self._made(ideal, noise)
        outside = ~_allowed(parameter, made)
        for attempt in range(1, MOST_DRAWS if self.outside == "redraw" and self.sigma > 0 else 1):
            if not outside.any():
                break
            noise = np.where(outside.any(axis=0), draws.normal(part, attempt), noise)
            made = self._made(ideal, noise)
            outside = ~_allowed(parameter, made)
        if outside.any():
            self._refuse(part, parameter, ideal, noise, made, outside)
        return {self.parameter: Steps(given.times, made) if isinstance(given, Steps) else made[0]}

    def _made(self, ideal: Array, noise: Array) -> Array:
        """Values (pieces, size) with errors."""
        error = in_numbers_of(ideal, self.mean + self.sigma * noise)
        made: Array = ideal + ideal * error if self.relative else ideal + error
        return made

    def _refuse(
        self, part: Population, parameter: Parameter, ideal: Array, noise: Array, made: Array, outside: Array
    ) -> None:
        piece, neuron = (int(index) for index in np.argwhere(outside)[0])
        raise FaultError(
            f"{self.name}: {self.parameter}[{neuron}] of {part.name!r} would be {float(made[piece, neuron]):.6g} "
            f"({float(ideal[piece, neuron]):.6g}, with a draw of {noise[neuron]:+.3f} standard deviations), and so "
            f"outside for {int(outside.any(axis=0).sum())} of {part.size} neurons; must be {parameter.allowed}. Give a "
            'smaller sigma, or outside="redraw".'
        )


def _pieces(given: Any, size: int) -> Array:
    """The values of a parameter (pieces, size): one piece, where it does not change in time."""
    values = given.values.reshape(len(given.times), -1) if isinstance(given, Steps) else np.asarray(given)[None]
    return np.broadcast_to(values, (len(values), size))


def _allowed(parameter: Parameter, values: Array) -> Array:
    """Which values neurons can have."""
    near = in_floats(values)
    inside = near > parameter.low if parameter.open_low else near >= parameter.low
    found: Array = np.isfinite(near) & inside & (near <= parameter.high)
    return found
