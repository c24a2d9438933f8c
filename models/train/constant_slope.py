"""Neurons that climb to their threshold with the same slope whatever their weights are: B1 and its kin.

Stanojevic et al. 2024 (Nature Communications 15:6793): until t_min the potential is the integral of the inputs, from
then on it climbs with slope B (tau = 1). With V the potential at t_min and D the trained parameter,

    V_i = sum_j W_ij (t_min - t_j),    threshold_i = B (t_max - t_min) - D_i,    t_i = t_min + (threshold_i - V_i) / B,

so that, with times relative to the t_min of the layer that they go to, t_i = (sum_j W_ij t_j - D_i) / B, and no spike
where that is not before t_max. The derivatives are those of this time: dt_i/dt_j = W_ij / B, dt_i/dW_ij = t_j / B,
dt_i/dD_i = -1 / B, and 0 where no spike is sent.

Relies on the contract. Used through `parameterisations`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from eventsim.models.train.linear_maps import LinearMap
from eventsim.models.train.operations import Array, Operations
from eventsim.models.train.parameterisation import Parameters, passing


@dataclass(frozen=True)
class ConstantSlope:
    """Spike times of neurons with slope `slope` > 0 from t_min on; 1 is the B1 model."""

    slope: Any = 1.0
    sign: ClassVar[int] = -1

    @property
    def name(self) -> str:
        """Return "b1", or "b" with another slope, such as "b0.5"."""
        return f"b{float(self.slope):g}"

    def fire(
        self,
        ops: Operations,
        layer: LinearMap,  # noqa: ARG002
        p: Parameters,  # noqa: ARG002
        sums: Array,
        cut: bool = True,
    ) -> tuple[Array, Any]:
        """Return the spike times, 0 for no spike or uncut, and where there are spikes."""
        if self.slope != 1.0:
            sums /= self.slope
        return ops.rectify(sums, self.sign) if cut else (sums, None)

    def fire_back(
        self,
        ops: Operations,
        layer: LinearMap,  # noqa: ARG002
        p: Parameters,  # noqa: ARG002
        tape: Any,
        grad: Array,
    ) -> tuple[Array, dict[str, Array]]:
        """Return the gradient with respect to the sums; there is no other."""
        passed = passing(ops, grad, tape)
        if self.slope != 1.0:
            passed /= self.slope
        return passed, {}

    def from_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return W = B w and D = B b: the spike then comes max(0, w x + b) before t_max."""
        return weight * self.slope, bias * self.slope

    def to_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return w = W / B and b = D / B."""
        return weight / self.slope, bias / self.slope
