"""What a trained network becomes: a ReLU network, and a spiking network that the event engine runs.

Relies on the trainable network, the ReLU layers and the mappings. Used by the training loop's judge and by users.
"""

import math
from typing import Any

import numpy as np

from eventsim.models.mapping.ttfs import to_ttfs
from eventsim.models.mapping.ttfs_parameters import ttfs_network
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.pool_layers import AveragePool, MaxPool
from eventsim.models.relu.relu_layers import Dense
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.layers import EarliestPool, MeanPool, Neurons, ReadOut, TrainableLayer
from eventsim.models.train.linear_maps import ConvMap, per_row
from eventsim.models.train.network import TrainableNetwork
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


def relu_network(network: TrainableNetwork) -> ReluNetwork:
    """Return the ReLU network that computes what a trained network does; batch norms are folded into the weights.

    Running statistics take the place of those of batches. Parameters of float32 are taken as they are.
    """
    layers: list[Any] = []
    for layer in network.layers:
        if isinstance(layer, EarliestPool):
            pool = layer.sliding
            layers.append(
                MaxPool(layer.name, pool.kernel, pool.stride, pool.padding, pool.dilation, smallest=layer.smallest)
            )
            continue
        if isinstance(layer, MeanPool):
            layers.append(AveragePool(layer.name, layer.sliding.kernel, layer.sliding.stride, layer.sliding.padding))
            continue
        assert isinstance(layer, Neurons | ReadOut)
        weight, bias = folded(network, layer)
        spiking = isinstance(layer, Neurons)
        if spiking:
            weight, bias = network.code.to_relu(weight, bias)
        if isinstance(layer.linear, ConvMap):
            sliding = layer.linear.sliding
            shape = (sliding.stride, sliding.padding, sliding.dilation, layer.linear.groups)
            layers.append(Conv(layer.name, weight, bias, spiking, *shape))
        else:
            layers.append(Dense(layer.name, weight, bias, spiking))
    return ReluNetwork(layers, network.input_shape)


def folded(network: TrainableNetwork, layer: TrainableLayer) -> tuple[Array, Array]:
    """Return the weights and biases of a layer in float64, with its batch norm folded into them."""
    own = {name: values.astype(np.float64) for name, values in network.of(layer).items()}
    weight, bias = own["weight"], own["bias"]
    norm = getattr(layer, "norm", None)
    if norm is not None:
        state = network.state_of(layer)
        kappa = own["gamma"] / np.sqrt(state["variance"].astype(np.float64) + norm.epsilon)
        weight, bias = weight * per_row(kappa, weight), bias - kappa * state["mean"]
    return weight, bias


def spiking_network(network: TrainableNetwork, calibration: Any = None, time_unit: float | None = None) -> Network:
    """Return the spiking network of the trained parameters.

    Parameters
    ----------
    network
        A trained network.
    calibration
        Inputs in [0, 1] by which windows are set (`eventsim.models.to_ttfs`); None takes those of `network.windows`.
        Only where slopes are constant.
    time_unit
        Seconds a unit of time.

    Raises
    ------
    MappingError
        What `to_ttfs` and `ttfs_network` refuse.
    """
    if isinstance(network.code, AlphaSlope):
        return ttfs_network(_alpha_layers(network, network.code), network.input_shape, time_unit=time_unit)
    relu = relu_network(network)
    if calibration is not None:
        return to_ttfs(relu, calibration, time_unit=time_unit)
    lengths = list(network.windows.values())
    return to_ttfs(relu, np.zeros((1, *network.input_shape)), windows=lengths, time_unit=time_unit)


def _alpha_layers(network: TrainableNetwork, code: AlphaSlope) -> list[dict[str, Any]]:
    """The fields of each layer as `ttfs_network` takes them: J, thresholds, windows."""
    t_start, t_min, fields = 0.0, 1.0, []
    for layer in network.layers:
        if isinstance(layer, EarliestPool):
            pool = layer.sliding
            fields.append(
                {"name": layer.name, "pool": pool.kernel, "stride": pool.stride, "padding": pool.padding}
                | {"dilation": pool.dilation, "smallest": layer.smallest}
            )
            continue
        if not isinstance(layer, Neurons | MeanPool):
            weight, bias = folded(network, layer)
            fields.append({"name": layer.name, "W": weight, "D": bias})
            continue
        t_max = t_min + network.windows[layer.name]
        timing = {"name": layer.name, "t_min": t_min, "t_max": t_max}
        if isinstance(layer, MeanPool):
            fields.append(timing | _means(layer))
        else:
            weight, bias = folded(network, layer)
            slopes = code.slopes(weight).reshape(-1, *[1] * (bias.ndim - 1))
            threshold = code.alpha * (t_min - t_start) + slopes * (t_max - t_min) - bias
            fields.append(timing | {"J": weight, "alpha": code.alpha, "threshold": threshold} | _geometry(layer))
        t_start, t_min = t_min, t_max
    return fields


def _geometry(layer: Neurons) -> dict[str, Any]:
    if not isinstance(layer.linear, ConvMap):
        return {}
    sliding = layer.linear.sliding
    return {
        "stride": sliding.stride,
        "padding": sliding.padding,
        "dilation": sliding.dilation,
        "groups": layer.linear.groups,
    }


def _means(layer: MeanPool) -> dict[str, Any]:
    """An average pool as neurons of constant slope, with equal weights."""
    channels, sliding = layer.shape[0], layer.sliding
    weight = np.full((channels, 1, *sliding.kernel), 1 / math.prod(sliding.kernel))
    return {
        "W": weight, "D": 0.0, "groups": channels, "stride": sliding.stride, "padding": sliding.padding,
    }  # fmt: skip
