"""From a ReLU network to a spiking one with the same outputs: the exact mapping to time-to-first-spike neurons.

A neuron that fires at t during its layer's window [t_min, t_max) carries the value x = t_max - t; silence is 0. Layer
n receives during the window of layer n - 1 and fires in its own, which begins where that one ends, so that its spike
times are t_max - ReLU(W x + b). Two neurons do this: B1 (Stanojevic et al. 2024, eqs. 2.1-2.3) keeps the weights and
rises with slope 1 from t_min on; alpha1 (Stanojevic et al. 2023, eqs. 1-4) has one slope throughout, 1 + the sum of
the weights J = W / (1 - S) that have arrived, which needs row sums S below 1 and so scaled weights.

The mapping is exact as long as no neuron reaches its threshold before t_min and no value exceeds its window. Neither
is promised for other data than those of the calibration: `verify` and the simulation say where it fails.

Relies on `read_relu`, `weight_scaling`, `windows` and the network. Used by the command line, the demo and the examples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim import __version__
from eventsim.checks import flag, real, shown
from eventsim.errors import InputError, MappingError, nearest
from eventsim.models.read_relu import read_relu
from eventsim.models.real_numbers import EXACT, as_fraction, as_numbers, real_array
from eventsim.models.relu_layers import Dense
from eventsim.models.relu_network import INPUT, OUTPUT, ReluNetwork, parameter_hash
from eventsim.models.weight_scaling import HIGHEST_SUM, LOWEST_SUM, ScaledLayers, row_sums, scaled_layers
from eventsim.models.windows import DEAD_LAYER, borders_of, decimal, given_windows, largest_activations
from eventsim.network import Network
from eventsim.projections import Dense as DenseProjection

Array = np.ndarray[Any, Any]

SLOPES = {"b1": "ttfs_b1", "alpha1": "ttfs_alpha1"}
ALPHA = 1


@dataclass(frozen=True, eq=False)
class _Mapping:
    """What was decided before the network is built: numbers, layers, and the borders of their windows."""

    relu: ReluNetwork
    slope: str
    number: type
    value_range: tuple[Any, Any]
    scaling: bool
    layers: ScaledLayers
    margin: Any
    largest: list[Any] | None  # activation of each hidden layer, None where windows are given
    lengths: list[Any]  # of each hidden layer's window
    borders: tuple[Any, ...]  # 0, 1, then the end of each hidden layer's window
    n_calibration: int

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.relu.layers[:-1]]


def to_ttfs(
    relu: Any,
    calibration: ArrayLike,
    slope: str = "b1",
    margin: float | Fraction = 0.5,
    input_range: tuple[Any, Any] | None = None,
    windows: str | Sequence[Any] = "calibrated",
    number: type = float,
    time_unit: float | None = None,
    *,
    scaling: bool = True,
) -> Network:
    """Return the spiking network whose spike times and read-out are the activations and outputs of a ReLU network.

    Source ``input`` codes values in the window [0, 1]. Each hidden layer becomes a population of its name, in the
    window (t_start, t_min, t_max): it integrates from t_start and fires in [t_min, t_max), where t_start and t_min
    are the window of what precedes it. The last layer becomes ``output``, integrators that hold the outputs (logits)
    at the end of the last hidden window.

    Parameters
    ----------
    relu
        A `ReluNetwork` of dense layers, or anything that `read_relu` takes.
    calibration
        Inputs, shape (n, *input_shape) or (n, n_in), by which the windows are set; labels are not needed.
    slope
        "b1" or "alpha1", the neuron model.
    margin
        > -1. A window is (1 + margin) X long, X being the largest activation of the layer over `calibration` (after
        the scaling of alpha1); 1 stands for X in a layer that is silent on all of it. 0.5 is the published value; a
        larger one makes premature spikes and values beyond the window rarer, and the answer later.
    input_range
        (low, high) of the data, coded as the last and the first time of the input window; None is (0, 1).
    windows
        "calibrated", or the lengths of the hidden layers' windows, one each.
    number
        ``float``, or ``Fraction`` for a network of rational numbers, whose spike times in ``engine="reference"`` are
        exactly those of the mapping: weights are taken as they are, `margin`, `windows` and `input_range` as the
        decimals that they are written as.
    time_unit
        Seconds per unit of time, as for `Network`.
    scaling
        False leaves the weights of alpha1 as they are, and refuses row sums from 1 on. B1 never scales.

    Returns
    -------
    Network
        Its ``provenance["mapping"]`` says how it was made; ``provenance["decision"]`` how its outputs decide: "sign"
        of each where they are logistic (a binary or multilabel classifier), else the "largest".

    Raises
    ------
    MappingError
        A network that cannot be mapped: a layer that is not dense, a hidden layer without or a last layer with a
        ReLU, S_i >= 1 for alpha1 with scaling disabled; an unknown slope, margin, number or windows.
    InputError
        Calibration data that are empty, of another shape, NaN, or outside `input_range`; what `read_relu` refuses.

    Notes
    -----
    Every threshold and drift is rounded once, from exact arithmetic on the weights and windows. `verify` counts that
    rounding. Held by tests/test_to_ttfs.py.
    """
    mapping = _decided(read_relu(relu), calibration, slope, margin, input_range, windows, number, scaling)
    net = _build(mapping, time_unit)
    net.provenance |= {
        "mapping": _mapping_note(mapping),
        "relu": dict(mapping.relu.provenance),
        "decision": "sign" if mapping.relu.provenance.get("output") == "logistic" else "largest",
    }
    return net


def _decided(
    network: ReluNetwork, calibration: ArrayLike, slope: str, margin: Any, input_range: Any, windows: Any, number: type,
    scaling: bool,
) -> _Mapping:  # fmt: skip
    """Check the arguments of `to_ttfs`, and settle weights and windows."""
    layers = _checked_layers(network)
    names = [layer.name for layer in layers[:-1]]
    _check_choice("slope", slope, SLOPES)
    if number not in (float, Fraction):
        raise MappingError(f"to_ttfs: number = {number!r}; must be float or fractions.Fraction")
    low, high = _input_range(input_range, number)
    samples = _calibration(network, calibration, (low, high))
    rescale = flag("to_ttfs", "scaling", scaling, MappingError) and slope == "alpha1"
    scaled = scaled_layers(layers, EXACT if number is Fraction else np.float64, (low, high), rescale)
    if slope == "alpha1":
        _check_row_sums(layers, scaled)
    share = decimal("margin", margin, number)
    if not share > -1:
        raise MappingError(f"to_ttfs: margin = {margin}; must be > -1, so that windows have a length; 0.5 is usual")
    lengths, largest = given_windows(windows, names, number), None
    if lengths is None:
        largest = largest_activations(network, samples, scaled, number)
        lengths = [(1 + share) * (x if x > 0 else DEAD_LAYER) for x in largest]
    borders = borders_of(lengths, names, number)
    return _Mapping(
        network, slope, number, (low, high), rescale, scaled, share, largest, lengths, borders, len(samples)
    )


# -- building ----------------------------------------------------------------------------------------------------------


def _build(mapping: _Mapping, time_unit: float | None) -> Network:
    number, borders = mapping.number, mapping.borders
    net = Network(time_unit)
    node: Any = net.source(mapping.relu.input_shape, INPUT, (borders[0], borders[1]), mapping.value_range)
    for n, name in enumerate(mapping.names):
        weights, bias = mapping.layers.weights[n], mapping.layers.biases[n]
        window = (borders[n], borders[n + 1], borders[n + 2])
        parameters: dict[str, Any] = {}
        if mapping.slope == "alpha1":
            weights, slope = _alpha1_weights(weights)
            parameters = {"alpha": number(ALPHA)}
            base = Fraction(ALPHA) * (as_fraction(window[1]) - as_fraction(window[0]))
        else:
            slope, base = np.full(len(bias), number(1)), Fraction(0)
        parameters |= {"slope": slope, "threshold": _thresholds(base, slope, bias, window, number)}
        population = net.population(SLOPES[mapping.slope], (len(bias),), name, window, **parameters)
        net.connect(node, population, DenseProjection(weights))
        node = population
    weights, bias = mapping.layers.weights[-1], mapping.layers.biases[-1]
    t_start, t_min = borders[-2:]
    duration = as_fraction(t_min) - as_fraction(t_start)
    drift = _array([as_fraction(b) / duration for b in bias], number)
    output = net.population("integrator", mapping.relu.output_shape, OUTPUT, (t_start, t_min), drift=drift)
    net.connect(node, output, DenseProjection(weights))
    return net


def _thresholds(base: Fraction, slopes: Array, bias: Array, window: tuple[Any, ...], number: type) -> Array:
    """The potential that a neuron has at t_max - b when it received nothing: base + slope (t_max - t_min - b).

    For B1 this is B - b (Stanojevic et al. 2024, eq. 2.3), for alpha1 it equals eq. 4 of Stanojevic et al. 2023.
    """
    length = as_fraction(window[2]) - as_fraction(window[1])
    exact = [
        base + as_fraction(slope) * (length - as_fraction(b)) for slope, b in zip(slopes.tolist(), bias, strict=True)
    ]
    return _array(exact, number)


def _alpha1_weights(weights: Array) -> tuple[Array, Array]:
    """J = alpha W / (1 - S) and the slope alpha + sum J of each neuron (Stanojevic et al. 2023, eq. 3)."""
    synapses = ALPHA * weights / (1 - row_sums(weights))[:, None]
    if weights.dtype == EXACT:
        return synapses, ALPHA + synapses.sum(axis=1)
    return synapses, np.array([math.fsum([ALPHA, *row]) for row in synapses])


def _array(values: Sequence[Fraction], number: type) -> Array:
    """Fractions as an array of `number`, each rounded to nearest."""
    return as_numbers(
        np.array([*values, None], dtype=EXACT)[:-1], EXACT if number is Fraction else np.dtype(np.float64)
    )


# -- checks ------------------------------------------------------------------------------------------------------------


def _check_choice(what: str, value: Any, allowed: Any) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise MappingError(
            f"to_ttfs: {what} = {value!r}{nearest(value, allowed)}; must be one of {', '.join(map(repr, allowed))}"
        )


def _checked_layers(network: ReluNetwork) -> list[Dense]:
    layers: list[Dense] = []
    *hidden, last = network.layers
    for layer in network.layers:
        if not isinstance(layer, Dense):
            raise MappingError(
                f"to_ttfs: layer {layer.name!r} is of kind {layer.kind!r}; this release maps dense layers"
            )
        layers.append(layer)
    for layer in hidden:
        if not layer.relu:
            raise MappingError(
                f"to_ttfs: hidden layer {layer.name!r} has no ReLU, so its values may be negative, which no spike time "
                "codes; multiply its weight into the next layer's"
            )
        if layer.name == OUTPUT:
            raise MappingError(f"to_ttfs: hidden layer {OUTPUT!r} has the name of the read-out; rename it")
    if last.relu:
        raise MappingError(
            f"to_ttfs: the last layer, {last.name!r}, ends in a ReLU, but a read-out has no threshold; give the layer "
            "without its ReLU and cut the read-out at 0, or put an identity layer without ReLU behind it"
        )
    return layers


def _check_row_sums(layers: Sequence[Dense], scaled: ScaledLayers) -> None:
    for layer, weights in zip(layers[:-1], scaled.weights, strict=False):
        sums = row_sums(weights)
        bad = np.flatnonzero(sums >= 1)
        if bad.size:
            raise MappingError(
                f"to_ttfs: layer {layer.name!r}, neuron {bad[0]}: S_i = {float(sums[bad[0]]):.17g} is the sum of its "
                f"weights, and {bad.size} neurons have S_i >= 1; alpha1 needs S_i < 1: leave scaling=True, or use "
                "slope='b1'"
            )


def _calibration(network: ReluNetwork, calibration: ArrayLike, value_range: tuple[Any, Any]) -> Array:
    samples = real_array("to_ttfs: calibration", calibration, InputError)
    shape = network.input_shape
    if samples.ndim == 0 or samples.shape[1:] not in (shape, (network.n_in,)):
        hint = "; one sample needs a leading axis: x[None]" if samples.shape in (shape, (network.n_in,)) else ""
        raise InputError(
            f"to_ttfs: calibration has shape {samples.shape}; must be (n, {', '.join(map(str, shape))}){hint}"
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


def _input_range(given: Any, number: type) -> tuple[Any, Any]:
    if given is None:
        return number(0), number(1)
    pair = tuple(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str) else ()
    if len(pair) != 2:
        raise MappingError(f"to_ttfs: input_range = {given!r}; must be (low, high) of the data, or None for (0, 1)")
    low, high = (decimal("input_range", value, number) for value in pair)
    if not low < high:
        raise MappingError(f"to_ttfs: input_range = {given!r}; must be (low, high) with low < high")
    return low, high


# -- provenance --------------------------------------------------------------------------------------------------------


def _mapping_note(mapping: _Mapping) -> dict[str, Any]:
    """How the network was made, as JSON holds it."""
    calibrated = mapping.largest is not None
    return {
        "relu_hash": parameter_hash(mapping.relu),
        "eventsim": __version__,
        "number": mapping.number.__name__,
        "slope": mapping.slope,
        "margin": _json(mapping.margin) if calibrated else None,
        "windows": {name: _json(length) for name, length in zip(mapping.names, mapping.lengths, strict=True)},
        "windows_from": "calibrated" if calibrated else "given",
        "largest_activations": [_json(x) for x in mapping.largest] if mapping.largest is not None else None,
        "calibration_samples": mapping.n_calibration,
        "input_range": [_json(value) for value in mapping.value_range],
        "scaling": _scaling_note(mapping),
    }


def _scaling_note(mapping: _Mapping) -> dict[str, Any] | None:
    """How the weights were scaled; the factors follow from the ReLU network and are not repeated here."""
    if not mapping.scaling:
        return None
    scaled = [int(np.count_nonzero(factor != 1)) for factor in mapping.layers.factors[:-1]]
    return {
        "row_sums": [float(LOWEST_SUM), float(HIGHEST_SUM)],
        "scaled_neurons": dict(zip(mapping.names, scaled, strict=True)),
    }


def _short(value: Any) -> str:
    """A number for a message; a Fraction may be beyond float64."""
    return f"{float(value):g}" if real(value) is not None else shown(value)


def _json(value: Any) -> float | str:
    """A number as JSON holds it: Fractions as text."""
    return str(value) if isinstance(value, Fraction) else float(value)
