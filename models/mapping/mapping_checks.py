"""What `to_ttfs` refuses, and in which words: layers that no spike time codes, calibration data, ranges.

Relies on the coded layers. Used by `to_ttfs`, in whose name it speaks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim.checks import real, shown
from eventsim.errors import InputError, MappingError, nearest
from eventsim.models.mapping.windows import decimal
from eventsim.models.relu.coded_layers import CodedLayer
from eventsim.models.relu.input_order import flat_hint, shape_hint
from eventsim.models.relu.real_numbers import real_array
from eventsim.models.relu.relu_network import OUTPUT, ReluNetwork

Array = np.ndarray[Any, Any]
LARGEST_WEIGHT = 1e100


def check_choice(what: str, value: Any, allowed: Any) -> None:
    """Refuse a value that is none of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise MappingError(
            f"to_ttfs: {what} = {value!r}{nearest(value, allowed)}; must be one of {', '.join(map(repr, allowed))}"
        )


def check_layers(layers: Sequence[CodedLayer]) -> None:
    """Refuse weights that are too large; make sure that `streams` left nothing signed."""
    *hidden, last = layers
    for layer in layers:
        if not all((np.abs(term.weight) <= LARGEST_WEIGHT).all() for term in layer.terms):
            raise MappingError(
                f"to_ttfs: layer {layer.name!r} has weights beyond {LARGEST_WEIGHT:g}, batch norms folded in; must be "
                "smaller, since bounds on rounding overflow; rescale the layer"
            )
    unmapped = [layer.name for layer in hidden if not (layer.relu or layer.pools)]
    if unmapped or last.pools or last.relu:
        raise MappingError(
            f"to_ttfs: layer {(unmapped or [last.name])[0]!r} was left with values that no spike time codes; this is a "
            "defect of eventsim; report the network"
        )
    for layer in hidden:
        if layer.name == OUTPUT:
            raise MappingError(f"to_ttfs: hidden layer {OUTPUT!r} has the name of the read-out; rename it")


def check_row_sums(layers: Sequence[CodedLayer]) -> None:
    """Refuse S_i >= 1, for which there is no alpha1 neuron."""
    for layer in layers:
        if layer.pools:
            continue
        sums = layer.sums()
        bad = np.flatnonzero(sums >= 1)
        if bad.size:
            raise MappingError(
                f"to_ttfs: layer {layer.name!r}, neuron {bad[0]}: S_i = {float(sums[bad[0]]):.17g} is the sum of its "
                f"weights, and {bad.size} neurons have S_i >= 1; alpha1 needs S_i < 1: leave scaling=True, or use "
                "slope='b1'"
            )


def checked_calibration(network: ReluNetwork, calibration: ArrayLike, value_range: tuple[Any, Any]) -> Array:
    """Return calibration data (n, *input_shape) or (n, n_in) of real numbers within the coded range."""
    samples = real_array("to_ttfs: calibration", calibration, InputError)
    shape = network.input_shape
    if samples.ndim == 0 or samples.shape[1:] not in (shape, (network.n_in,)):
        raise InputError(
            f"to_ttfs: calibration has shape {samples.shape}; must be (n, {', '.join(map(str, shape))})"
            f"{flat_hint(shape)}{shape_hint(samples.shape, shape, network.turn)}"
        )
    if not len(samples):
        raise InputError(
            "to_ttfs: calibration has no samples; must have at least one; windows are set by its activations"
        )
    low, high = value_range
    outside = (samples < low) | (samples > high)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        data = f"[{_short(samples.min())}, {_short(samples.max())}]"
        raise InputError(
            f"to_ttfs: calibration{list(index)} = {_short(samples[index])}; {np.count_nonzero(outside)} values are "
            f"outside the coded range [{float(low):g}, {float(high):g}], the data span {data}; give input_range= that "
            "covers them"
        )
    return samples


def checked_range(given: Any, number: type) -> tuple[Any, Any]:
    """Return (low, high) of the inputs in the number type; None is (0, 1)."""
    if given is None:
        return number(0), number(1)
    pair = tuple(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else ()
    if len(pair) != 2:
        raise MappingError(f"to_ttfs: input_range = {given!r}; must be (low, high) of the data, or None for (0, 1)")
    low, high = (decimal("input_range", value, number) for value in pair)
    if not low < high:
        raise MappingError(f"to_ttfs: input_range = {given!r}; must be (low, high) with low < high")
    return low, high


def _short(value: Any) -> str:
    """A number for a message; a Fraction may be beyond float64."""
    return f"{float(value):g}" if real(value) is not None else shown(value)
