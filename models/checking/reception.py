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
    direct : array (n_samples, n_inputs)
        When each would have arrived, had no transport held it up on its way here.
    undisturbed : array (n_samples, n_inputs)
        When each would have arrived, had there been no transport anywhere.
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
    direct: Array
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
        found: Array = self.how_many(inputs) > 0
        return found

    def how_many(self, inputs: Array) -> Array:
        """Of how many marked inputs each neuron, (n_samples, n_neurons), has a weight."""
        connected = (self.weights != 0).astype(np.float32)  # whole numbers, below 2**24 exact
        found: Array = (inputs.astype(np.float32) @ connected.T).astype(np.int32)
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
    # Delays are added in the arithmetic of the run: its arrival times are rounded, and that is what was received.
    arrivals = _side_by_side(
        [arriving(projection, left.to(projection.pre.name, core)) for projection in projections], rows
    )
    direct = undisturbed = arrivals
    if seen.transport is not None:
        direct = _side_by_side(
            [arriving(projection, seen.times[projection.pre.name]) for projection in projections], rows
        )
        alone = [_undisturbed(name, seen, checked) for name in names]
        undisturbed = _side_by_side([arriving(p, times) for p, times in zip(projections, alone, strict=True)], rows)
    return Reception(
        arrivals=arrivals,
        direct=direct,
        undisturbed=undisturbed,
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


def _undisturbed(name: str, seen: Observation, checked: Mapping[str, Checked]) -> Array:
    """When the neurons of a source or population would have fired without the transport."""
    without = checked[name].undisturbed
    return seen.times[name] if without is None else without.time


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
