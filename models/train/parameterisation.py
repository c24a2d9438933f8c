"""What a parameterisation of a trainable network offers: how neurons turn weighted sums into what they send.

Spike times are relative to the t_min of the layer that they go to, which is the t_max of the layer that sends them:
they are <= 0, and 0 stands for no spike. So no bit is lost to the length of a window. One file each: `constant_slope`
(B1), `alpha_slope` (alpha1) and `relu_twin`. Used by the trainable network and by the torch layers.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from eventsim.models.train.linear_maps import LinearMap
from eventsim.models.train.operations import Array, Operations

Parameters = Mapping[str, Array]
"""The arrays of one layer by name: "weight" and "bias"."""


class Parameterisation(Protocol):
    """How neurons answer. `sums` are weighted sums of what the layer before has sent, and of the bias by the sign, (n,
    *outputs).
    """

    @property
    def name(self) -> str:
        """What users call it, such as "b1"."""

    @property
    def sign(self) -> int:
        """That of what is sent, where a value is not 0: 1 for values, -1 for spike times."""

    def fire(
        self, ops: Operations, layer: LinearMap, p: Parameters, sums: Array, cut: bool = True
    ) -> tuple[Array, Any]:
        """Return what the neurons send, and a tape for `fire_back`. `sums` may be overwritten.

        Without `cut`, a neuron that reaches its threshold only behind t_max, and so is silent, gives the time at which
        it would, > 0, and a ReLU what it cuts off, < 0; gradients pass there, too.
        """

    def fire_back(
        self, ops: Operations, layer: LinearMap, p: Parameters, tape: Any, grad: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Return the gradient with respect to the sums, and what parameters change apart from them.

        `grad` is that with respect to what the neurons send, and may be overwritten.
        """

    def from_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return the parameters of neurons that do what a ReLU layer of these does."""

    def to_relu(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return weights and biases of the ReLU layer that does the same."""


def passing(ops: Operations, grad: Array, kept: Any) -> Array:
    """Return the gradient where `kept` of `rectify` lets it pass; everywhere where nothing was cut (None)."""
    return grad if kept is None else ops.rectify_back(grad, kept)
