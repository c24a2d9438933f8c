"""What stands between a trained network and what a chip makes of it, in one forward and backward pass.

A disturbance changes what is sent and what weights are; gradients go through it by the rules of `straight_through`.
Implemented by `chip`. Used by the trainable network.
"""

from typing import Any, Protocol

from eventsim.models.train.layers import Arrays, TrainableLayer
from eventsim.models.train.operations import Array


class Disturbance(Protocol):
    """What a chip makes of one batch."""

    def inputs(self, given: Array) -> Array:
        """Return what arrives of the encoded inputs `given`, (n, *input_shape)."""

    def parameters(self, layer: TrainableLayer, p: Arrays) -> tuple[Arrays, Arrays]:
        """Return the parameters that a layer has on the chip, and by name where gradients do not pass (factors 0, 1).

        A name that is missing passes everywhere.
        """

    def sent(self, layer: TrainableLayer, given: Array) -> tuple[Array, Any]:
        """Return what leaves of what a layer sends, (n, *shape), and where gradients pass; None is everywhere."""
