"""From a ReLU network to a spiking one with the same outputs: the exact mapping to time-to-first-spike neurons.

A neuron that fires at t during its layer's window [t_min, t_max) carries the value x = t_max - t; silence is 0. Layer
n receives during the window of layer n - 1 and fires in its own, which begins where that one ends, so that its spike
times are t_max - ReLU(W x + b). What also listens to an earlier layer gets its spikes with a delay, as if that one had
fired in the window of the others. Two neurons do this: B1 (Stanojevic et al. 2024, eqs. 2.1-2.3) keeps the weights and
rises with slope 1 from t_min on; alpha1 (Stanojevic et al. 2023, eqs. 1-4) has one slope throughout, 1 + the sum of
the weights J = W / (1 - S) that have arrived, which needs row sums S below 1 and so scaled weights.

The mapping is exact as long as no neuron reaches its threshold before t_min and no value exceeds its window. Neither
is promised for other data than those of the calibration: `verify` and the simulation say where it fails.

Relies on `read_relu`, `coded_layers`, `windows` and the network. Used by the command line, the demo and the examples.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim import __version__
from eventsim.checks import flag, shown
from eventsim.errors import MappingError
from eventsim.models.checking.certify import certify, smallest_windows
from eventsim.models.mapping.mapping_checks import (
    check_choice,
    check_layers,
    check_row_sums,
    checked_calibration,
    checked_range,
)
from eventsim.models.mapping.windows import (
    DEAD_LAYER,
    Schedule,
    check_resolution,
    decimal,
    given_windows,
    largest_activations,
    scheduled,
)
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.readers.read_torch import is_torch
from eventsim.models.relu.coded_layers import EXTENDED, HIGHEST_SUM, INPUTS, LOWEST_SUM, CodedLayer, coded_layers
from eventsim.models.relu.real_numbers import EXACT, as_fraction, as_numbers
from eventsim.models.relu.relu_network import INPUT, OUTPUT, ReluNetwork, parameter_hash
from eventsim.network import Network

Array = np.ndarray[Any, Any]

SLOPES = {"b1": "ttfs_b1", "alpha1": "ttfs_alpha1"}
ALPHA = 1


@dataclass(frozen=True, eq=False)
class _Mapping:
    """What was decided before the network is built: numbers, layers, and when they fire."""

    relu: ReluNetwork
    slope: str
    number: type
    value_range: tuple[Any, Any]
    scaling: bool
    layers: list[CodedLayer]
    margin: Any
    largest: list[Any]  # value of each layer with a window, over the calibration samples
    calibrated: bool  # do the windows follow from these?
    lengths: list[Any]  # of each window
    schedule: Schedule
    n_calibration: int
    smallest: list[float] | None = None  # safe windows of the calibration data, where these were asked for

    @property
    def names(self) -> list[str]:
        return _names(self.layers)


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
    are the window of what precedes it. Where values may be below 0, two populations carry them
    (`ReluNetwork.activations` says which). The last layer becomes ``output``, integrators that hold the outputs
    (logits) at the end of the last hidden window; behind a ReLU or a max pool they pass its values on.

    Parameters
    ----------
    relu
        A `ReluNetwork`, or anything that `read_relu` takes.
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
        "calibrated"; "certified", which takes for X the smallest window in which no neuron of the layer is premature
        on the calibration data (`certify`), with margin >= 0; or the lengths of the windows, one for each hidden
        population that computes, pools left out.
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
        A network that cannot be mapped: weights beyond 1e100, sums that need too large a matrix, S_i >= 1 for alpha1
        with scaling disabled; windows that rounding would lose; an unknown slope, margin, number or windows.
    InputError
        Calibration data that are empty, of another shape, NaN, or outside `input_range`; what `read_relu` refuses.

    Notes
    -----
    Every threshold and drift is rounded once, from exact arithmetic on the weights and windows. `verify` counts that
    rounding. Held by tests/test_to_ttfs.py.
    """
    mapping = _decided(_read(relu, calibration), calibration, slope, margin, input_range, windows, number, scaling)
    net = _build(mapping, time_unit)
    if isinstance(windows, str) and windows == "certified":
        mapping, net = _certified(mapping, np.asarray(calibration), time_unit)
    net.provenance |= {
        "mapping": _mapping_note(mapping),
        "relu": dict(mapping.relu.provenance),
        "decision": "sign" if mapping.relu.provenance.get("output") == "logistic" else "largest",
    }
    return net


def _read(relu: Any, calibration: ArrayLike) -> ReluNetwork:
    """The ReLU network; where a torch module does not say the shape of its inputs, the calibration data do."""
    shape = getattr(calibration, "shape", None) or np.shape(calibration)
    return read_relu(relu, tuple(shape[1:]) if is_torch(relu) and len(shape) > 1 else None)


def _decided(
    network: ReluNetwork, calibration: ArrayLike, slope: str, margin: Any, input_range: Any, windows: Any, number: type,
    scaling: bool,
) -> _Mapping:  # fmt: skip
    """Check the arguments of `to_ttfs`, and settle weights and windows."""
    check_choice("slope", slope, SLOPES)
    if not any(number is kind for kind in (float, Fraction)):
        raise MappingError(f"to_ttfs: number = {shown(number)}; must be float or fractions.Fraction")
    low, high = checked_range(input_range, number)
    samples = checked_calibration(network, calibration, (low, high))
    rescale = flag("to_ttfs", "scaling", scaling, MappingError) and slope == "alpha1"
    # Rounded once, when the network is built.
    dtype = EXACT if number is Fraction else EXTENDED
    layers = coded_layers(network.streams(), dtype, (low, high), rescale)
    check_layers(layers)
    if slope == "alpha1":
        check_row_sums(layers[:-1])
    share = decimal("margin", margin, number)
    if not share > -1:
        raise MappingError(f"to_ttfs: margin = {margin}; must be > -1, so that windows have a length; 0.5 is usual")
    names = _names(layers)
    lengths = given_windows(windows, names, number)
    coded = samples.reshape(len(samples), *network.input_shape)
    if (low, high) != (0, 1):
        coded = (as_numbers(coded, EXACT if number is Fraction else np.dtype(np.float64)) - low) / (high - low)
    largest = largest_activations(layers[:-1], coded, number)
    calibrated = lengths is None
    if lengths is None:
        lengths = [(1 + share) * (x if x > 0 else DEAD_LAYER) for x in largest]
    schedule = scheduled(layers, lengths, number)
    if number is float:
        check_resolution(layers, schedule, largest)
    return _Mapping(
        network, slope, number, (low, high), rescale, layers, share, largest, calibrated, lengths, schedule,
        len(samples),
    )  # fmt: skip


def _names(layers: Sequence[CodedLayer]) -> list[str]:
    """Names of the layers that have windows of their own: all that compute, but for the last."""
    return [layer.name for layer in layers[:-1] if not layer.pools]


def _certified(mapping: _Mapping, calibration: Array, time_unit: float | None) -> tuple[_Mapping, Network]:
    """The mapping in windows in which no neuron is premature on the calibration data, and its network.

    The smallest safe windows do not depend on the windows of the network that they are computed with, as long as values
    fit in; their rounding bounds do, by a few units in the last place, so that the result is looked at once more.
    """
    if mapping.margin < 0:
        raise MappingError(f"to_ttfs: margin = {mapping.margin}; must be >= 0 for certified windows; 0 is the smallest")
    roomy = [max(x, DEAD_LAYER) for x in mapping.largest]
    layers, number = mapping.layers, mapping.number
    trial = _build(replace(mapping, schedule=scheduled(layers, roomy, number)), time_unit)
    smallest = smallest_windows(trial, calibration)
    for widening in (0.0, 1e-13, 1e-12, 1e-11):
        lengths = [
            (1 + mapping.margin) * (number(safe * (1 + widening)) if safe > 0 else number(DEAD_LAYER))
            for safe in smallest
        ]
        found = replace(mapping, lengths=lengths, schedule=scheduled(layers, lengths, number), smallest=smallest)
        net = _build(found, time_unit)
        if certify(net, calibration).ok:
            return found, net
    raise MappingError(
        "to_ttfs: the smallest safe windows are lost by rounding; give a larger margin, or windows= explicit lengths"
    )


# -- building ----------------------------------------------------------------------------------------------------------


def _build(mapping: _Mapping, time_unit: float | None) -> Network:
    number, windows = mapping.number, mapping.schedule.windows
    net = Network(time_unit)
    nodes: dict[int, Any] = {INPUTS: net.source(mapping.relu.input_shape, INPUT, windows[INPUTS], mapping.value_range)}
    for i, layer in enumerate(mapping.layers):
        weights: list[Array] | None = None
        if layer.pools:
            nodes[i] = net.population("relay", layer.shape, layer.name, windows[i], count=layer.counts())
        elif i < len(mapping.layers) - 1:
            weights, parameters = _neurons(layer, mapping.slope, windows[i], number)
            nodes[i] = net.population(SLOPES[mapping.slope], layer.shape, layer.name, windows[i], **parameters)
        else:
            weights = [_rounded(term.weight, number) for term in layer.terms]
            drift = layer.full(_drifts(layer, windows[i], number))
            nodes[i] = net.population("integrator", layer.shape, OUTPUT, windows[i], drift=drift)
        for source, delay, kind in zip(
            layer.sources, mapping.schedule.delays[i], layer.projections(weights), strict=True
        ):
            net.connect(nodes[source], nodes[i], kind, delay)
    return net


def _neurons(
    layer: CodedLayer, slope: str, window: tuple[Any, ...], number: type
) -> tuple[list[Array], dict[str, Array]]:
    """The synaptic weights, a matrix a source, and the parameters of a population that computes `layer`."""
    shape = (layer.shape[0], *[1] * (len(layer.shape) - 1))
    alpha: Any = None
    if layer.divisor is not None:  # plain sums that a steeper slope divides
        weights = [_rounded(term.weight, number) for term in layer.terms]
        steepness = _rounded(layer.divisor, number)[None]
        if slope == "alpha1":
            alpha = _exactly(lambda d: d * (1 / HIGHEST_SUM - 1), number, steepness)
            steepness = alpha + steepness
    elif slope == "alpha1":
        weights = _alpha1_weights(layer, number)
        alpha = np.full(shape, number(ALPHA))
        steepness = _slopes(weights).reshape(shape)
    else:
        weights = [_rounded(term.weight, number) for term in layer.terms]
        steepness = np.full(shape, number(1))
    assert layer.bias is not None
    bias = layer.bias.reshape(*layer.bias.shape, *[1] * (len(layer.shape) - layer.bias.ndim))
    threshold = _thresholds(alpha, steepness, bias, window, number)
    parameters = {"slope": steepness, "threshold": threshold} | ({} if alpha is None else {"alpha": alpha})
    return weights, {name: layer.full(values) for name, values in parameters.items()}


def _drifts(layer: CodedLayer, window: tuple[Any, ...], number: type) -> Array:
    """The slopes that make biases of a read-out by its end."""
    duration = as_fraction(window[1]) - as_fraction(window[0])
    return _exactly(lambda b: b / duration, number, layer.bias)


def _thresholds(alpha: Any, slopes: Array, bias: Array, window: tuple[Any, ...], number: type) -> Array:
    """The potential that a neuron has at t_max - b when it received nothing: alpha L + slope (t_max - t_min - b).

    For B1 this is B - b (Stanojevic et al. 2024, eq. 2.3), for alpha1 it equals eq. 4 of Stanojevic et al. 2023.
    """
    t_start, t_min, t_max = map(as_fraction, window)
    if alpha is None:
        return _exactly(lambda slope, b: slope * (t_max - t_min - b), number, slopes, bias)
    return _exactly(
        lambda a, slope, b: a * (t_min - t_start) + slope * (t_max - t_min - b), number, alpha, slopes, bias
    )


def _alpha1_weights(layer: CodedLayer, number: type) -> list[Array]:
    """J = alpha W / (1 - S) (Stanojevic et al. 2023, eq. 3)."""
    left = 1 - layer.sums()
    return [
        _rounded(ALPHA * term.weight / left.reshape(-1, *[1] * (term.weight.ndim - 1)), number) for term in layer.terms
    ]


def _slopes(weights: Sequence[Array]) -> Array:
    """Alpha + sum J of each neuron, padding included: correctly rounded in float64."""
    rows = np.concatenate([weight.reshape(len(weight), -1) for weight in weights], axis=1)
    if rows.dtype == EXACT:
        exact: Array = ALPHA + rows.sum(axis=1)
        return exact
    return np.array([math.fsum([ALPHA, *row]) for row in rows])


def _exactly(formula: Callable[..., Fraction], number: type, *arrays: Any) -> Array:
    """The formula on each element of the arrays, broadcast, in exact arithmetic and rounded once."""
    together = np.broadcast_arrays(*arrays)
    rows = zip(*(array.ravel() for array in together), strict=True)
    return _array([formula(*map(as_fraction, row)) for row in rows], number).reshape(together[0].shape)


def _rounded(values: Any, number: type) -> Array:
    return as_numbers(values, EXACT if number is Fraction else np.dtype(np.float64))


def _array(values: Sequence[Fraction], number: type) -> Array:
    """Fractions as an array of `number`, each rounded to nearest."""
    return as_numbers(
        np.array([*values, None], dtype=EXACT)[:-1], EXACT if number is Fraction else np.dtype(np.float64)
    )


# -- provenance --------------------------------------------------------------------------------------------------------


def _mapping_note(mapping: _Mapping) -> dict[str, Any]:
    """How the network was made, as JSON holds it."""
    calibrated = mapping.calibrated or mapping.smallest is not None
    return {
        "relu_hash": parameter_hash(mapping.relu),
        "eventsim": __version__,
        "number": mapping.number.__name__,
        "slope": mapping.slope,
        "margin": _json(mapping.margin) if calibrated else None,
        "windows": {name: _json(length) for name, length in zip(mapping.names, mapping.lengths, strict=True)},
        "windows_from": _windows_from(mapping),
        "safe_windows": mapping.smallest,
        "largest_activations": [_json(x) for x in mapping.largest],
        "calibration_samples": mapping.n_calibration,
        "input_range": [_json(value) for value in mapping.value_range],
        "scaling": _scaling_note(mapping),
    }


def _windows_from(mapping: _Mapping) -> str:
    if mapping.smallest is not None:
        return "certified"
    return "calibrated" if mapping.calibrated else "given"


def _scaling_note(mapping: _Mapping) -> dict[str, Any] | None:
    """How the weights were scaled; the factors follow from the ReLU network and are not repeated here."""
    if not mapping.scaling:
        return None
    scaled = {layer.name: int(np.count_nonzero(layer.factor != 1)) for layer in mapping.layers[:-1] if not layer.pools}
    return {"row_sums": [float(LOWEST_SUM), float(HIGHEST_SUM)], "scaled_neurons": scaled}


def _json(value: Any) -> float | str:
    """A number as JSON holds it: Fractions as text."""
    return str(value) if isinstance(value, Fraction) else float(value)
