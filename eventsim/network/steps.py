"""Currents that are constant piece by piece: what a neuron's drive is from which time on.

Relies on the checks. Given to `Network.population` in place of a number; both engines change the parameter at its time,
exactly, as they change windows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.checks import finite_array, read_only
from eventsim.errors import ModelError
from eventsim.network.neuron_model import Array, Model
from eventsim.wording import span


@dataclass(frozen=True, eq=False, repr=False)
class Steps:
    """A parameter that is constant from each of its times to the next: ``current=Steps([0, 50], [0, 1.5])``.

    Parameters
    ----------
    times : array (k,)
        When each piece begins, in the network's unit of time; the first is 0, then they increase. Copied.
    values : array (k,) or (k, size)
        Values of all neurons, or of each; values[j] holds in [times[j], times[j + 1]), the last one for ever. Copied.

    Raises
    ------
    ModelError
        Numbers that are none, times that do not begin at 0 or do not increase, another number of values.

    Examples
    --------
    >>> import eventsim
    >>> net = eventsim.Network()
    >>> cell = net.population("lif_delta", 1, name="cell", tau_mem=20.0, current=eventsim.Steps([0, 50], [0.5, 2.0]))
    >>> run = eventsim.simulate(net, until=100.0)
    >>> float(run.spike_times("cell")[0, 0])  # 50 + 20 ln((2 - V) / (2 - 1)), where V = (1 - e^(-50/20)) / 2
    58.649...
    """

    times: Any
    values: Any

    def __post_init__(self) -> None:
        remedy = "Give the times at which pieces begin, the first at 0, and one value each."
        for name in ("times", "values"):
            given = finite_array("Steps", name, getattr(self, name), ModelError, kinds="fiu", remedy=remedy)
            object.__setattr__(self, name, read_only(given.astype(np.float64)))
        times, values = self.times, self.values
        if times.ndim != 1 or not times.size or times[0] != 0 or not (np.diff(times) > 0).all():
            raise ModelError(f"Steps: times = {times.tolist()!r:.80}; must begin at 0 and increase. {remedy}")
        if values.ndim not in (1, 2) or len(values) != len(times):
            raise ModelError(
                f"Steps: values have shape {values.shape} for {len(times)} times; must be ({len(times)},) or "
                f"({len(times)}, size). {remedy}"
            )

    def __repr__(self) -> str:
        of = f" of {self.values.shape[1]:,} neurons" if self.values.ndim > 1 else ""
        n = len(self.times)
        return f"Steps: {n} piece{'s' if n != 1 else ''} up to t = {self.times[-1]:g}, values {span(self.values)}{of}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.times, self.values)

    def at(self, t: float, size: int) -> Array:
        """The values (size,) at time t."""
        piece = self.values[np.searchsorted(self.times, t, side="right") - 1]
        return read_only(np.broadcast_to(piece.reshape(-1), (size,)))


def first_pieces(
    model: Model, where: str, size: int, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Steps]]:
    """Parameters with their first values in place of steps, and the steps by name, checked."""
    steps = {name: value for name, value in given.items() if isinstance(value, Steps)}
    for name, value in steps.items():
        if not model.parameter(name).steps:
            allowed = [parameter.name for parameter in model.parameters if parameter.steps]
            raise ModelError(
                f"{where}: {model.name}: {name} = Steps; may change in time: {', '.join(allowed) or 'none'}. Give one "
                "number, or one a neuron."
            )
        if value.values.ndim == 2 and value.values.shape[1] != size:
            raise ModelError(
                f"{where}: {model.name}: {name} = Steps with values for {value.values.shape[1]} neurons; must be for "
                f"{size}. Give (k, {size}), or (k,) for all."
            )
    return {**given, **{name: value.at(0.0, size) for name, value in steps.items()}}, steps
