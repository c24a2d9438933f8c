"""The layers of a trainable network: neurons, read-outs, pools. Each has a forward and a backward pass.

A layer holds no numbers: parameters and running statistics are handed to it. What it sends are spike times (or the
values of the ReLU twin), what it takes are those of the layer before. Relies on linear maps and the parameterisations.
Used by the trainable network.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from eventsim.errors import NetworkError
from eventsim.models.relu.sliding import Sliding
from eventsim.models.train.batch_norm import BatchNorm
from eventsim.models.train.linear_maps import ConvMap, DenseMap
from eventsim.models.train.operations import Array, Operations
from eventsim.models.train.parameterisation import Parameterisation

Arrays = dict[str, Array]


class TrainableLayer(Protocol):
    """A layer that takes and gives arrays (n, *shape); its name begins those of its parameters."""

    @property
    def name(self) -> str:
        """That of its population."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what it gives."""

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of its trained arrays by name."""

    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of its running statistics by name."""

    def forward(
        self, ops: Operations, code: Parameterisation, p: Arrays, state: Arrays, x: Array, training: bool
    ) -> tuple[Array, Any]:
        """Return what the layer gives for `x`, and a tape for `backward`.

        Batch norms use the statistics of `x` in `training`, and change `state`; otherwise the running ones.
        """

    def backward(
        self, ops: Operations, code: Parameterisation, p: Arrays, tape: Any, grad: Array, to_input: bool
    ) -> tuple[Array | None, Arrays]:
        """Return the gradients with respect to `x`, where `to_input` asks for it, and to the parameters."""


@dataclass(frozen=True)
class Neurons:
    """Neurons behind a weighted sum, with a batch norm between them or not.

    Attributes
    ----------
    everywhere
        Whether each neuron has a bias of its own, and not each channel: a batch norm that was folded over zero padding
        leaves other biases at the borders.
    """

    name: str
    linear: DenseMap | ConvMap
    shape: tuple[int, ...]
    norm: BatchNorm | None = None
    everywhere: bool = False
    cut: ClassVar[bool] = True

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Weights, a bias a unit or a neuron, and gamma of a batch norm, whose beta is the bias."""
        biases = self.shape if self.everywhere else self.linear.weight_shape[:1]
        shapes = {"weight": self.linear.weight_shape, "bias": biases}
        return shapes | ({"gamma": self.linear.weight_shape[:1]} if self.norm else {})

    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Running mean and variance of a batch norm."""
        return dict.fromkeys(("mean", "variance"), self.linear.weight_shape[:1]) if self.norm else {}

    def forward(
        self, ops: Operations, code: Parameterisation, p: Arrays, state: Arrays, x: Array, training: bool
    ) -> tuple[Array, Any]:
        """Return what the neurons send."""
        sums, kept = self.linear.forward(ops, p["weight"], x)
        normed = None
        if self.norm is None:
            sums += self.linear.spread(code.sign * p["bias"])
        else:
            sums, normed = self.norm.forward(ops, self.linear, p, state, sums, code.sign, training)
        sent, fired = code.fire(ops, self.linear, p, sums, self.cut)
        return sent, (x.shape, kept, normed, fired)

    def backward(
        self, ops: Operations, code: Parameterisation, p: Arrays, tape: Any, grad: Array, to_input: bool
    ) -> tuple[Array | None, Arrays]:
        """Return the gradients with respect to the inputs and to the parameters."""
        shape, kept, normed, fired = tape
        grad, found = code.fire_back(ops, self.linear, p, fired, grad)
        if self.norm is None:
            found["bias"] = code.sign * self.linear.total(ops, grad, p["bias"])
        else:
            grad, more = self.norm.back(ops, self.linear, p, normed, grad, code.sign)
            found |= more
        direct = self.linear.to_weight(ops, p["weight"], kept, grad)
        found["weight"] = found["weight"] + direct if "weight" in found else direct
        return self.linear.to_input(ops, p["weight"], grad, shape) if to_input else None, found


@dataclass(frozen=True)
class LastNeurons(Neurons):
    """Neurons that are the outputs: the class is that of the neuron that fires first.

    Their times are not cut at t_max: above 0 is a neuron that is silent, and by how much it would be too late.
    """

    cut: ClassVar[bool] = False


@dataclass(frozen=True)
class ReadOut:
    """Integrators, whose potentials at the end of the last window are the outputs: sum_j W_ij (t_min - t_j) + D_i.

    Those of a convolution are read out at each position.
    """

    name: str
    linear: DenseMap | ConvMap
    shape: tuple[int, ...]

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Weights and a bias a unit."""
        return {"weight": self.linear.weight_shape, "bias": self.linear.weight_shape[:1]}

    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """None."""
        return {}

    def forward(
        self,
        ops: Operations,
        code: Parameterisation,
        p: Arrays,
        state: Arrays,  # noqa: ARG002
        x: Array,
        training: bool,  # noqa: ARG002
    ) -> tuple[Array, Any]:
        """Return the potentials, (n, *shape)."""
        sums, kept = self.linear.forward(ops, p["weight"], x)
        return code.sign * sums + self.linear.spread(p["bias"]), (x.shape, kept)

    def backward(
        self, ops: Operations, code: Parameterisation, p: Arrays, tape: Any, grad: Array, to_input: bool
    ) -> tuple[Array | None, Arrays]:
        """Return the gradients with respect to the inputs and to the parameters."""
        shape, kept = tape
        signed = code.sign * grad
        found = {
            "weight": self.linear.to_weight(ops, p["weight"], kept, signed),
            "bias": self.linear.total(ops, grad, p["bias"]),
        }
        return self.linear.to_input(ops, p["weight"], signed, shape) if to_input else None, found


class Untrained:
    """What a layer says that has no trained arrays and no running statistics."""

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """None."""
        return {}

    def state_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """None."""
        return {}


@dataclass(frozen=True)
class EarliestPool(Untrained):
    """A max pool: the earliest spike of each window goes on, the first of equal ones; with values the largest.

    Attributes
    ----------
    smallest
        Channels that wait for the last spike of each window, as a max pool behind a negative scale does.
    """

    name: str
    sliding: Sliding
    shape: tuple[int, ...]
    smallest: tuple[int, ...] = ()

    def forward(
        self,
        ops: Operations,
        code: Parameterisation,
        p: Arrays,  # noqa: ARG002
        state: Arrays,  # noqa: ARG002
        x: Array,
        training: bool,  # noqa: ARG002
    ) -> tuple[Array, Any]:
        """Return the earliest spike times, (n, channels, *positions)."""
        found, which = ops.largest(x, self.sliding, self._signs(ops, code, x))
        return found, (x.shape, which)

    def backward(
        self,
        ops: Operations,
        code: Parameterisation,  # noqa: ARG002
        p: Arrays,  # noqa: ARG002
        tape: Any,
        grad: Array,
        to_input: bool,
    ) -> tuple[Array | None, Arrays]:
        """Return the gradient with respect to the inputs."""
        shape, which = tape
        return ops.largest_to_input(grad, which, self.sliding, shape) if to_input else None, {}

    def _signs(self, ops: Operations, code: Parameterisation, like: Array) -> Any:
        """By what the inputs are multiplied, so that the largest product is what goes on."""
        if not self.smallest:
            return code.sign
        signs = ops.zeros((self.shape[0], *[1] * (len(self.shape) - 1)), like) + code.sign
        signs[list(self.smallest)] = -code.sign
        return signs


@dataclass(frozen=True)
class MeanPool(Untrained):
    """An average pool: the mean of the times, or values, in each window; padding counts as no spike.

    It has no parameters; where faults change the weights that it has on a chip, it is given them as "weight".
    """

    name: str
    sliding: Sliding
    shape: tuple[int, ...]

    def forward(
        self,
        ops: Operations,
        code: Parameterisation,  # noqa: ARG002
        p: Arrays,
        state: Arrays,  # noqa: ARG002
        x: Array,
        training: bool,  # noqa: ARG002
    ) -> tuple[Array, Any]:
        """Return the means, (n, channels, *positions)."""
        kernel = self._kernel(ops, x, p)
        found, _ = ops.conv(x, kernel, self.sliding, x.shape[1])
        return found, (x.shape, kernel)

    def backward(
        self,
        ops: Operations,
        code: Parameterisation,  # noqa: ARG002
        p: Arrays,  # noqa: ARG002
        tape: Any,
        grad: Array,
        to_input: bool,
    ) -> tuple[Array | None, Arrays]:
        """Return the gradient with respect to the inputs."""
        if not to_input:
            return None, {}
        shape, kernel = tape
        return ops.conv_to_input(grad, kernel, self.sliding, shape[1], shape), {}

    def _kernel(self, ops: Operations, like: Array, p: Arrays) -> Array:
        """A kernel of equal weights for each channel by itself, unless a chip gives it others."""
        if "weight" in p:
            return p["weight"]
        return ops.zeros((like.shape[1], 1, *self.sliding.kernel), like) + 1 / math.prod(self.sliding.kernel)


def check_takes(layer: TrainableLayer, code: Parameterisation) -> None:
    """Refuse a batch norm before neurons whose slope is that of their weights, which it would change unseen.

    Raises
    ------
    NetworkError
        It is one.
    """
    if isinstance(layer, Neurons) and layer.norm is not None and code.name.startswith("alpha"):
        raise NetworkError(
            f"layer {layer.name!r}: a batch norm before neurons of slope {code.name!r}; must have none, since their "
            "slope is that of the weights before it; train with slope = 'b1', or fold the batch norm first"
        )
