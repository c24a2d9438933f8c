"""The ReLU network that a spiking one is compared with: values instead of spike times, the same interface.

Relies on the contract. Used through `parameterisations`.
"""

from typing import Any, ClassVar

from eventsim.models.train.linear_maps import LinearMap
from eventsim.models.train.operations import Array, Operations
from eventsim.models.train.parameterisation import Parameters, passing


class ReluTwin:
    """x_i = max(0, sum_j W_ij x_j + b_i), with gradient 0 at 0."""

    name: ClassVar[str] = "relu"
    sign: ClassVar[int] = 1

    def fire(
        self,
        ops: Operations,
        layer: LinearMap,  # noqa: ARG002
        p: Parameters,  # noqa: ARG002
        sums: Array,
        cut: bool = True,
    ) -> tuple[Array, Any]:
        """Return the values, and which of them are above 0; uncut all."""
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
        return passing(ops, grad, tape), {}

    def from_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return them as they are."""
        return weight, bias

    def to_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return them as they are."""
        return weight, bias
