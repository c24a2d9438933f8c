"""Neurons whose slope at the threshold is that of their weights: the alpha model.

Stanojevic et al. 2023 (Neural Networks 168:74): the potential climbs with slope alpha from the beginning of the window
before, and with J_ij more from the spike of each input on (tau = 1). An input without a spike counts from t_min on.
With S_i = alpha + sum_j J_ij, V the potential at t_min, and D the trained parameter (derived here: the threshold at
which D = 0 and no input mean no spike),

    V_i = alpha (t_min - t_start) + sum_j J_ij (t_min - t_j),
    threshold_i = alpha (t_min - t_start) + S_i (t_max - t_min) - D_i,    t_i = t_min + (threshold_i - V_i) / S_i,

so that, with times relative to the t_min of the layer that they go to, t_i = (sum_j J_ij t_j - D_i) / S_i, and no spike
where that is not before t_max, or where S_i <= 0: such a neuron does not reach its threshold behind t_min. The
derivatives are dt_i/dt_j = J_ij / S_i, dt_i/dJ_ij = (t_j - t_i) / S_i, dt_i/dD_i = -1 / S_i, and 0 without a spike.

Relies on the contract. Used through `parameterisations`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from eventsim.errors import MappingError
from eventsim.models.train.linear_maps import LinearMap, per_row, row_sums
from eventsim.models.train.operations import Array, Operations
from eventsim.models.train.parameterisation import Parameters, passing


@dataclass(frozen=True)
class AlphaSlope:
    """Spike times of neurons with slope alpha + sum_j J_ij; an `alpha` of 1 is the alpha1 model."""

    alpha: Any = 1.0
    sign: ClassVar[int] = -1

    @property
    def name(self) -> str:
        """Return "alpha1", or "alpha" with another number."""
        return f"alpha{float(self.alpha):g}"

    def slopes(self, weight: Array) -> Array:
        """Return the slope of each unit at its threshold, (n_units,)."""
        return row_sums(weight) + self.alpha

    def inverse_slopes(self, weight: Array) -> Array:
        """Return 1 by the slope of each unit, and 0 where it does not climb, (n_units,)."""
        slopes = self.slopes(weight)
        climbs = slopes > 0
        return climbs / (slopes + ~climbs * (1 - slopes))

    def fire(
        self, ops: Operations, layer: LinearMap, p: Parameters, sums: Array, cut: bool = True
    ) -> tuple[Array, Any]:
        """Return the spike times, 0 for no spike or uncut, and (times, where gradients pass)."""
        sums *= layer.spread(self.inverse_slopes(p["weight"]))
        if not cut:
            return sums, (sums, None)
        times, spiking = ops.rectify(sums, self.sign)
        return times, (times, spiking)

    def fire_back(
        self, ops: Operations, layer: LinearMap, p: Parameters, tape: Any, grad: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Return the gradient with respect to the sums, and what the weights change through the slope."""
        times, spiking = tape
        passed = passing(ops, grad, spiking)
        inverse = self.inverse_slopes(p["weight"])
        passed *= layer.spread(inverse)
        through_slope = -layer.total(ops, passed * times, inverse)
        # Every weight of a unit changes its slope alike.
        same = per_row(through_slope, p["weight"]) + 0 * p["weight"]
        return passed, {"weight": same}

    def from_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return J = alpha w / (1 - sum_j w_ij) and D = S b.

        Raises
        ------
        MappingError
            Weights of a unit that sum to 1 or more.
        """
        sums = row_sums(weight)
        if (sums >= 1).any():
            unit = int((sums >= 1).nonzero()[0][0])
            raise MappingError(
                f"alpha slope: the weights of unit {unit} sum to {float(sums[unit]):g}; must be below 1, or no neuron "
                "of this kind computes the same; scale them down, or take slope = 'b1'"
            )
        slopes = self.alpha / (1 - sums)
        scaled = per_row(slopes, bias) if bias.ndim > 1 else slopes
        return weight * per_row(slopes, weight), bias * scaled

    def to_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return w = J / S and b = D / S; where S <= 0, zeros: such a neuron never spikes behind t_min."""
        inverse = self.inverse_slopes(weight)
        scaled = per_row(inverse, bias) if bias.ndim > 1 else inverse
        return weight * per_row(inverse, weight), bias * scaled
