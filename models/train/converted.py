"""A trainable network of a trained ReLU network: fine-tuning begins where a conversion to spikes would.

Batch norms, the range of the inputs and the scaling of alpha neurons go into the weights as `to_ttfs` does it, by the
same code (`coded_layers`); what comes out is a chain of dense layers, convolutions and pools, or it is refused. Relies
on the readers, the coded layers and the trainable network. Used by people, and by hardware-aware training.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim.errors import MappingError
from eventsim.models.mapping.mapping_checks import check_row_sums, checked_range
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.relu.batch_norm import BatchNorm
from eventsim.models.relu.coded_layers import EXTENDED, INPUTS, CodedLayer, CodedTerm, coded_layers
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.layer_names import INPUT
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool
from eventsim.models.relu.relu_layers import Dense
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.models.train.alpha_slope import AlphaSlope
from eventsim.models.train.layers import EarliestPool, LastNeurons, MeanPool, Neurons, ReadOut, TrainableLayer
from eventsim.models.train.linear_maps import ConvMap, DenseMap
from eventsim.models.train.network import TrainableNetwork, checked_dtype
from eventsim.models.train.parameterisation import Parameterisation
from eventsim.models.train.parameterisations import parameterisation

Array = np.ndarray[Any, Any]
CHAINED = (Dense, Conv, BatchNorm, MaxPool, AveragePool, Flatten)
ALLOWED = (
    "a chain of dense layers and convolutions with a ReLU behind each but the last, batch norms, max pools, average "
    "pools and flattenings, with a dense layer or a convolution, or a dense layer with a ReLU, at its end"
)


def trainable_from(
    relu: Any, slope: Any = "b1", dtype: Any = np.float64, input_range: tuple[Any, Any] | None = None
) -> TrainableNetwork:
    """Return a trainable network that computes what a trained ReLU network does.

    Parameters
    ----------
    relu
        A `ReluNetwork`, or anything that `read_relu` takes.
    slope
        What its neurons are: "b1", "alpha1", "relu", or as `parameterisation` takes it. Weights of alpha neurons are
        scaled as by `to_ttfs`, such that those of a neuron sum to 0.99 at most; outputs stay.
    dtype
        Of the trained numbers, float64 or float32.
    input_range
        (low, high) of the data. The network takes what they are coded as, (x - low) / (high - low), in [0, 1]; None is
        (0, 1).

    Returns
    -------
    TrainableNetwork
        Its layers have the names of the populations of `to_ttfs`, and no batch norms: these are folded. Where one is
        folded over zero padding, each neuron has a bias of its own. Windows are of the published length, 1,500.

    Raises
    ------
    MappingError
        A network that is no such chain: the message names the layer and says why.
    NetworkError, InputError
        Another dtype or slope; what `read_relu` refuses.

    Notes
    -----
    Outputs equal those of `relu` to rounding, held by tests/test_train_converted.py.
    """
    network, code = read_relu(relu), parameterisation(slope)
    check_chain(network)
    checked_dtype(dtype)
    layers, arrays = chained(network, code, EXTENDED, checked_range(input_range, float))
    made = TrainableNetwork(layers, network.input_shape, code, dtype)
    made.parameters = {name: arrays[name].astype(made.dtype) for name in made.parameters}
    return made


def chained(
    network: ReluNetwork, code: Parameterisation, number: Any, value_range: tuple[Any, Any]
) -> tuple[list[TrainableLayer], dict[str, Array]]:
    """Return the layers of a chain, and their parameters in numbers of the dtype `number`, object for Fractions.

    Raises
    ------
    MappingError
        What `coded_layers` makes of it is no chain.
    """
    scaling = isinstance(code, AlphaSlope)
    coded = coded_layers(network.streams(), number, value_range, scaling)
    if scaling:
        check_row_sums(coded[:-1])
    fires = _fires(coded)
    coded = coded[:-1] if fires else coded  # what only passes on what the neurons before it say
    layers: list[TrainableLayer] = []
    arrays: dict[str, Array] = {}
    factor: Any = 1
    shape = network.input_shape
    for i, one in enumerate(coded):
        layer = _layer(one, i, shape, is_last=i == len(coded) - 1 and not fires)
        if isinstance(layer, Neurons | ReadOut):
            assert one.bias is not None
            # What follows an average pool takes its means, not those times the gain that scaling gives it.
            weight, bias, factor = one.terms[0].weight * factor, one.bias, 1
            if isinstance(layer, Neurons):
                weight, bias = code.from_relu(weight, bias)
            arrays |= {f"{layer.name}.weight": weight, f"{layer.name}.bias": bias}
        elif isinstance(layer, MeanPool):
            factor = factor * one.gain
        layers.append(layer)
        shape = layer.shape
    if fires:
        last = layers[-1]
        assert isinstance(last, Neurons)
        layers[-1] = LastNeurons(last.name, last.linear, last.shape, last.norm, last.everywhere)
    return layers, arrays


def check_chain(network: ReluNetwork) -> None:
    """Refuse a network that has branches, joins, other activations than ReLUs, or rounded values.

    Raises
    ------
    MappingError
        It is one: the message names the layer.
    """
    before = INPUT
    for layer in network.layers:
        if not isinstance(layer, CHAINED):
            raise _refused(layer.name, f"is of kind {layer.kind!r}")
        if network.inputs[layer.name] != (before,):
            raise _refused(layer.name, f"takes {' and '.join(network.inputs[layer.name])}, not the layer before it")
        before = layer.name
    for name in network.quantizers:
        raise _refused(name, "has a quantizer, which rounds its values")


def _fires(coded: Sequence[CodedLayer]) -> bool:
    """Whether the outputs are those of a dense layer with its ReLU, which are as they should be, not scaled."""
    if len(coded) < 2 or len(coded[-1].terms) != 1 or coded[-1].terms[0].layer is not None:
        return False
    before = coded[-2]
    dense = before.pool is None and isinstance(before.terms[0].layer, Dense) and len(before.shape) == 1
    return dense and bool((np.asarray(coded[-1].terms[0].weight) == 1).all())


def _layer(one: CodedLayer, i: int, shape: tuple[int, ...], is_last: bool) -> TrainableLayer:
    """One trainable layer without its numbers; it takes values of `shape`."""
    if one.sources != ((i - 1,) if i else (INPUTS,)):
        raise _refused(
            one.after or one.name, "takes values below 0, which no ReLU has cut, so that two populations carry them"
        )
    if is_last:
        return _read_out(one, shape)
    if one.pool is not None:
        pool, _, _ = one.pool
        return EarliestPool(one.name, pool.sliding, one.shape, tuple(pool.smallest))
    [term] = one.terms
    linear = _linear(one, term, shape)
    if one.divisor is not None:
        assert isinstance(linear, ConvMap)
        if (one.divisor != linear.sliding.n_taps).any():
            raise _refused(one.name, "is an average pool that leaves its padding out of the mean")
        return MeanPool(one.name, linear.sliding, one.shape)
    assert one.bias is not None
    everywhere = one.bias.ndim > 1
    return Neurons(one.name, linear, one.shape, everywhere=everywhere)


def _read_out(one: CodedLayer, shape: tuple[int, ...]) -> ReadOut:
    if len(one.terms) != 1 or not isinstance(one.terms[0].layer, Dense | Conv):
        raise _refused(one.after or one.name, "is the last, and no dense layer or convolution without a ReLU")
    if one.bias is not None and one.bias.ndim > 1:
        raise _refused(one.after or one.name, "is the last, and its biases differ from position to position")
    return ReadOut(one.name, _linear(one, one.terms[0], shape), one.shape)


def _linear(one: CodedLayer, term: CodedTerm, shape: tuple[int, ...]) -> DenseMap | ConvMap:
    layer = term.layer
    if isinstance(layer, Dense):
        return DenseMap(*term.weight.shape)
    if not isinstance(layer, Conv):
        raise _refused(one.after or one.name, "is a batch norm with a ReLU that no dense layer comes before")
    if term.source_shape != shape:
        raise _refused(one.name, f"takes shape {term.source_shape}, and what precedes it gives {shape}")
    return ConvMap(layer.c_out, layer.c_in, layer.sliding, layer.groups)


def _refused(name: str, what: str) -> MappingError:
    return MappingError(f"trainable_from: layer {name!r} {what}; must be {ALLOWED}; train such a network as it is")
