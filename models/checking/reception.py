"""What reached a population, and how that differs from what should have.

Relies on the network, on what was observed and on what has been checked upstream. Used by `verify`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eventsim.models.checking.expected_times import EXTENDED, UNIT, extended
from eventsim.models.checking.fields import Field, projections_to
from eventsim.models.checking.ideal_values import Ideal
from eventsim.models.checking.observation import Observation
from eventsim.models.checking.replayed_stages import Departures
from eventsim.models.checking.report import AGREEING, Checked
from eventsim.network.network import Network, Population, Projection

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Reception:
    """The inputs of a population, projection by projection, or those that one field of it sees; a column each.

    Attributes
    ----------
    arrivals : array (n_samples, n_inputs)
        When each spike arrived; inf = none.
    undisturbed : array (n_samples, n_inputs)
        When each spike would have arrived, had no transport held it up and did its window end with this input window.
    overdue, early : array (n_inputs,)
        Whether the window of the input ends later, or earlier, than this input window.
    error : array (n_samples, n_inputs)
        Bound on |value - ideal value| of each input, in time, where nothing but rounding came between.
    diverged : array (n_samples, n_inputs)
        Inputs whose cause is neither ok nor rounding.
    ideal : array (n_samples, n_inputs)
        The values that they ought to carry.
    weights : array (n_neurons, n_inputs)
        Weights of a field, in extended precision; of a whole population empty.
    """

    arrivals: Array
    undisturbed: Array
    overdue: Array
    early: Array
    error: Array
    diverged: Array
    ideal: Array
    weights: Array

    def seen_by(self, field: Field) -> "Reception":
        """What the neurons of a field receive."""
        if len(field.inputs) == self.arrivals.shape[1]:
            return replace(self, weights=field.weights)
        columns = {name: array[..., field.inputs] for name, array in vars(self).items() if name != "weights"}
        return Reception(**columns, weights=field.weights)

    def reaches(self, inputs: Array) -> Array:
        """Which neurons, (n_samples, n_neurons), have a weight for any of the marked `inputs` (n_samples, n_inputs)."""
        if not inputs.any():
            return np.zeros((len(inputs), len(self.weights)), dtype=bool)
        connected = (self.weights != 0).astype(np.float32)
        found: Array = inputs.astype(np.float32) @ connected.T > 0
        return found


def received(
    net: Network,
    population: Population,
    t_min: Any,
    seen: Observation,
    left: Departures,
    core: int,
    checked: Mapping[str, Checked],
    ideals: Mapping[str, Ideal],
) -> Reception:
    """Return what reached the neurons of `population` on a core, whose inputs are due by `t_min`.

    `left` has when spikes left for their synapses there.
    """
    projections = projections_to(net, population)
    ends = [_end(projection) for projection in projections]
    skew = _columns(
        [
            np.full(projection.pre.size, float(end + extended(projection.delay) - t_min))
            for projection, end in zip(projections, ends, strict=True)
        ]
    )
    slack = 8 * UNIT * float(t_min)
    rows = seen.n_samples
    names = [projection.pre.name for projection in projections]
    return Reception(
        # Delays are added in the arithmetic of the run: its arrival times are rounded, and that is what was received.
        arrivals=_side_by_side(
            [arriving(projection, left.to(projection.pre.name, core)) for projection in projections], rows
        ),
        undisturbed=_side_by_side(
            [seen.times[name].astype(EXTENDED) + (t_min - end) for name, end in zip(names, ends, strict=True)], rows
        ),
        overdue=skew > slack,
        early=skew < -slack,
        error=_side_by_side(
            [
                # A delay is off by 3 halves of an ulp of t_min at most (`windows.scheduled`), the arrival by one half.
                checked[name].ideal_bound + (4 * UNIT * float(t_min) if projection.delay else 0.0)
                for name, projection in zip(names, projections, strict=True)
            ],
            rows,
        ),
        diverged=_side_by_side([~np.isin(checked[name].causes, AGREEING) for name in names], rows).astype(bool),
        ideal=_side_by_side([ideals[name].values for name in names], rows).astype(EXTENDED),
        weights=np.zeros((0, 0)),
    )


def arriving(projection: Projection, times: Array) -> Array:
    """When spikes arrive that left at `times`, both (n_samples, size).

    The delay is added as in the run, whose Fractions are in extended precision here.
    """
    found: Array = times + (extended(projection.delay) if times.dtype == EXTENDED else float(projection.delay))
    return found


def _end(projection: Projection) -> Any:
    """End of the window in which the spikes of a projection are due."""
    window = projection.pre.window
    assert window is not None
    return extended(window[-1])


def _columns(parts: list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0)


def _side_by_side(parts: list[Array], rows: int) -> Array:
    """Arrays (rows, n) next to each other; none makes a matrix without columns."""
    return np.concatenate(parts, axis=1) if parts else np.zeros((rows, 0))
