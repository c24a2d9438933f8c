"""What a trained network becomes: a ReLU network, and a spiking network that the event engine runs.

Relies on the trainable network, its fields, the ReLU layers and the mappings. Used by the training loop's judge and by
users.
"""

from typing import Any

import numpy as np

from eventsim.errors import InputError
from eventsim.models.mapping.ttfs import to_ttfs
from eventsim.models.mapping.ttfs_parameters import ttfs_network
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.pool_layers import AveragePool, MaxPool
from eventsim.models.relu.relu_layers import Dense
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.models.train.constant_slope import ConstantSlope
from eventsim.models.train.fields import fields_of, folded
from eventsim.models.train.layers import EarliestPool, MeanPool, Neurons, ReadOut
from eventsim.models.train.linear_maps import ConvMap
from eventsim.models.train.network import TrainableNetwork
from eventsim.network.network import Network

Array = np.ndarray[Any, Any]


def relu_network(network: TrainableNetwork) -> ReluNetwork:
    """Return the ReLU network that computes what a trained network does; batch norms are folded into the weights.

    One whose outputs are neurons ends with a ReLU.

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
        weight, bias = folded(layer, network.of(layer), network.state_of(layer))
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


def spiking_network(network: TrainableNetwork, calibration: Any = None, time_unit: float | None = None) -> Network:
    """Return the spiking network of the trained parameters; of a network of values that of B1.

    Behind outputs that are neurons stands a read-out of what they say, the time from the first spike of each to t_max.

    Parameters
    ----------
    network
        A trained network.
    calibration
        Inputs in [0, 1], (n, *input_shape), by which windows are set (`eventsim.models.to_ttfs`), for neurons of slope
        1; None takes the windows of the network.
    time_unit
        Seconds a unit of time.

    Raises
    ------
    InputError
        Calibration data for neurons of another slope.
    MappingError
        What `to_ttfs` and `ttfs_network` refuse.
    """
    code = ConstantSlope() if network.code.sign > 0 else network.code
    if calibration is not None:
        if code.name != "b1":
            raise InputError(
                f"spiking_network: calibration for neurons of slope {code.name!r}; must be None, or the slope "
                "'b1', whose thresholds follow the windows. Set network.windows."
            )
        return to_ttfs(relu_network(network), calibration, time_unit=time_unit)
    times, shape, layers = (0.0, 1.0), network.input_shape, []
    for layer in network.layers:
        window = network.windows.get(layer.name, 0.0)
        fields = fields_of(layer, code, network.of(layer), network.state_of(layer), window, times, shape[0])
        layers.append({"name": layer.name, **fields})
        shape = layer.shape
        if "t_max" in fields:
            times = times[1], fields["t_max"]
    return ttfs_network(layers, network.input_shape, input_window=(0.0, 1.0), time_unit=time_unit)
