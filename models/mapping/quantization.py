"""Quantised networks in spikes: windows as long as the range of a layer's integers, and times that are their multiples.

Relies on the coded layers, which say what a population carries, and on the faults. Used by `to_ttfs` and by people. A
value of q steps of a scale is a spike q scales before the end of its window, so that rounding to integers is a clock of
that period, which ticks at the end of the window.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eventsim.errors import MappingError
from eventsim.faults import Clock, CompleteSum
from eventsim.faults.contract import Fault
from eventsim.models.relu.coded_layers import EXTENDED, CodedLayer, coded_layers
from eventsim.models.relu.layer_names import INPUT
from eventsim.models.relu.quantizer import Quantizer
from eventsim.models.relu.relu_network import ReluNetwork
from eventsim.network.network import Network

ROUNDING_OF_WINDOWS = 1e-9


def quantization_of(relu: ReluNetwork, net: Network) -> list[Fault]:
    """Return the faults with which the spikes of `net` carry what the integers of a quantised network do.

    A clock for each population whose values are rounded, the inputs among them: it ticks at the end of the window, with
    the scale as period, and rounds half to even; what is rounded to 0 is no event. `CompleteSum`, so that a neuron
    whose value is beyond its range fires at the beginning of its window, as integers saturate, and no other does before
    it. The read-out is not rounded: ``relu.quantizers["output"].apply(run.readout)``, with the name of the last layer.

    Parameters
    ----------
    relu
        A quantised network, as `read_relu` returns it of an ONNX file in the QDQ format.
    net
        What ``to_ttfs(relu, …, windows="quantized")`` made of it, with ``input_range=relu.quantizers["input"].range``
        where the inputs are rounded.

    Returns
    -------
    list
        Of faults for `simulate`. Integers are those of ``relu.activations`` but where a sum lies within rounding of the
        middle between two.

    Raises
    ------
    MappingError
        A network without quantizers; a spiking network of another, of alpha1, or with windows that are not as long as
        the range of the integers.
    """
    if not relu.quantizers:
        raise MappingError(
            "quantization_of: this network has no quantizers; must be one that was quantised. Read it of an ONNX file "
            "in the QDQ format."
        )
    source = net.sources[0]
    low, high = source.value_range
    layers = coded_layers(relu.streams(), EXTENDED, (low, high), False)
    faults: list[Fault] = []
    if INPUT in relu.quantizers:
        faults.append(_of_inputs(relu.quantizers[INPUT], net))
    names = []
    for name, quantizer in carried(relu, layers).items():
        node = net.node(name)
        window = getattr(node, "window", None)
        if getattr(getattr(node, "model", None), "name", "") != "ttfs_b1" or window is None:
            raise MappingError(f"quantization_of: population {name!r} is not of ttfs_b1; must be. Map with slope='b1'.")
        length, wanted = float(window[2] - window[1]), quantizer.range[1]
        if abs(length - wanted) > ROUNDING_OF_WINDOWS * wanted:
            raise MappingError(
                f"quantization_of: the window of {name!r} is {length:g} long; must be {wanted:g}, the range of its "
                "integers. Map with windows='quantized'."
            )
        names.append(name)
        faults.append(_clock(quantizer.scale, (name,)))
    return [CompleteSum(tuple(names)), *faults] if names else faults


def carried(relu: ReluNetwork, layers: Sequence[CodedLayer]) -> Mapping[str, Quantizer]:
    """The quantizers of the populations that compute, but the last, by their names.

    Raises
    ------
    MappingError
        A quantizer of values that no population carries as they are.
    """
    found = {}
    for layer in layers[:-1]:
        one = layer.carries
        if layer.pools or one is None or one.layer not in relu.quantizers:
            continue
        if one.part:
            raise MappingError(
                f"quantized layer {one.layer!r}: spikes carry its values in two parts, above and below 0; must be one "
                "from 0 on. Quantize behind its ReLU."
            )
        found[layer.name] = relu.quantizers[one.layer]
    lost = set(relu.quantizers) - {INPUT, relu.layers[-1].name} - {one.carries.layer for one in layers if one.carries}
    if lost:
        raise MappingError(
            f"quantized layers {', '.join(sorted(map(repr, lost)))}: no population carries their values, which are "
            "part of a sum; must be rounded behind a ReLU. Quantize there."
        )
    return found


def quantized_lengths(
    relu: ReluNetwork, layers: Sequence[CodedLayer], slope: str, otherwise: Sequence[Any], number: type
) -> list[Any]:
    """The length of the window of each layer that computes, but the last: the range of its integers, or the other one.

    Raises
    ------
    MappingError
        A network without quantizers, or for alpha1, which scales values.
    """
    if not relu.quantizers or slope != "b1":
        raise MappingError(
            f"to_ttfs: windows = 'quantized' with slope = {slope!r} and {len(relu.quantizers)} quantizers; must be a "
            "quantised network, and 'b1'. Read it of an ONNX file in the QDQ format, or choose other windows."
        )
    ranges = carried(relu, layers)
    computing = [layer.name for layer in layers[:-1] if not layer.pools]
    return [
        number(ranges[name].range[1]) if name in ranges else length
        for name, length in zip(computing, otherwise, strict=True)
    ]


def _clock(period: float, populations: tuple[str, ...], phase: float = 0.0) -> Clock:
    return Clock(period, phase, "half_even", origin="t_max", past="drop", populations=populations)


def _of_inputs(quantizer: Quantizer, net: Network) -> Clock:
    """The clock of the source: its lowest value is at the end of the window, and 0 is at a tick."""
    source = net.sources[0]
    low, high = map(float, source.value_range)
    length = float(source.window[1] - source.window[0]) / (high - low)
    return _clock(quantizer.scale * length, (source.name,), low * length)
