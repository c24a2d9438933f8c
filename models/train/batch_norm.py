"""Batch norm on weighted sums, before they are compared with 0 or with a threshold, as PyTorch computes it.

For spiking neurons it is their weights and thresholds that change with the batch: kappa W in place of W and
beta - kappa mean in place of D, with kappa = gamma / sqrt(variance + epsilon). Normalised by the biased variance of the
batch in training, by the running mean and the running unbiased variance otherwise.

Used by the layers of neurons.
"""

from dataclasses import dataclass
from typing import Any

from eventsim.models.train.linear_maps import LinearMap
from eventsim.models.train.operations import Array, Operations
from eventsim.models.train.parameterisation import Parameters


@dataclass(frozen=True)
class BatchNorm:
    """Settings of a batch norm: how fast running statistics follow, and what is added to variances."""

    momentum: float = 0.1
    epsilon: float = 1e-5

    def forward(
        self,
        ops: Operations,
        layer: LinearMap,
        p: Parameters,
        state: dict[str, Array],
        sums: Array,
        sign: int,
        training: bool,
    ) -> tuple[Array, Any]:
        """Return gamma (sums - mean) / root + sign bias, and a tape; in `training` by the statistics of `sums`, which
        `state` follows.

        `sign` is -1 where sums are those of spike times, whose mean is minus that of the values.
        """
        if training:
            normed, mean, variance, tape = ops.normalise(sums, p["gamma"], sign * p["bias"], self.epsilon)
            keep = 1 - self.momentum
            state["mean"] = keep * state["mean"] + self.momentum * sign * mean
            state["variance"] = keep * state["variance"] + self.momentum * variance
            return normed, (True, tape)
        inverse = 1 / ops.root(state["variance"] + self.epsilon)
        sums -= layer.spread(sign * state["mean"])
        sums *= layer.spread(inverse)
        return sums * layer.spread(p["gamma"]) + layer.spread(sign * p["bias"]), (False, (sums, inverse))

    def back(
        self, ops: Operations, layer: LinearMap, p: Parameters, tape: Any, grad: Array, sign: int
    ) -> tuple[Array, dict[str, Array]]:
        """Return the gradients with respect to the sums, on which statistics of a batch depend, gamma and bias."""
        of_batch, kept = tape
        if of_batch:
            grad, to_gamma, to_shift = ops.normalise_back(grad, p["gamma"], kept)
        else:
            normal, inverse = kept
            to_gamma, to_shift = layer.total(ops, grad * normal, p["gamma"]), layer.total(ops, grad, p["gamma"])
            grad *= layer.spread(inverse * p["gamma"])
        return grad, {"gamma": to_gamma, "bias": sign * to_shift}
