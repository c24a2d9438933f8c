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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim import __version__
from eventsim.checks import flag, shown
from eventsim.errors import MappingError
from eventsim.models.checking.certificates import Certificates
from eventsim.models.checking.certify import certify
from eventsim.models.mapping.mapping_checks import (
    check_choice,
    check_layers,
    check_row_sums,
    checked_calibration,
    checked_range,
)
from eventsim.models.mapping.populations import SLOPES, drifts, neurons, rounded
from eventsim.models.mapping.quantization import quantized_lengths
from eventsim.models.mapping.safe_windows import settled_lengths
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
from eventsim.models.relu.real_numbers import EXACT, as_numbers
from eventsim.models.relu.relu_network import INPUT, OUTPUT, ReluNetwork, parameter_hash
from eventsim.network.network import Network
from eventsim.wording import neuron_text

Array = np.ndarray[Any, Any]

ROUNDS = 6  # in which certified windows are widened at most; bounds that still grow then do so without an end


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
    windows: "_Windows"
    schedule: Schedule
    n_calibration: int

    @property
    def names(self) -> list[str]:
        return _names(self.layers)

    @property
    def lengthened(self) -> dict[str, tuple[Any, Any]]:
        """By the names of layers that the published rule would have given too little: its length, and the real one."""
        published = self.windows.published or self.windows.lengths
        pairs = zip(self.names, published, self.windows.lengths, strict=True)
        return {name: (short, length) for name, short, length in pairs if length > short}


@dataclass(frozen=True, eq=False)
class _Windows:
    """The lengths of the windows of hidden layers, and where they come from.

    how : "calibrated", "published", "certified" or "given". published : what the published rule gives, where that is a
    lower bound. smallest : safe windows of the calibration data, 0 where any is safe, where these were asked for.
    bounds : lengths that bounds on rounding ask for, where they are longer; elsewhere None.
    """

    how: str
    lengths: list[Any]
    published: list[Any] | None = None
    smallest: list[float] | None = None
    bounds: Sequence[float | None] = ()


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
        > -1. A window is at least (1 + margin) X long, X being the largest activation of the layer over `calibration`
        (after the scaling of alpha1); 1 stands for X in a layer that is silent on all of it. 0.5 is the published
        value; a larger one makes premature spikes and values beyond the window rarer, and the answer later.
    input_range
        (low, high) of the data, coded as the last and the first time of the input window; None is (0, 1).
    windows
        "calibrated": as long as `margin` says, but no shorter than the smallest window in which no neuron of the layer
        is premature on any of the calibration data (`certify`), rounding included, which `margin` does not multiply.
        "published": as long as `margin` says, also where neurons are premature. "certified", with margin >= 0:
        (1 + margin) times that smallest window. "quantized": as long as the range of a quantised layer's integers, or
        else as `margin` says. Or the lengths, one for each hidden population that computes, pools left out.
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
        Its ``provenance["mapping"]`` says how it was made, under "lengthened" which windows are longer than `margin`
        says, as the repr does, under "rounding_not_reached" which may be shorter than bounds on rounding ask for, and
        what these ask for; ``provenance["decision"]`` how its outputs decide: "sign" of each where they are logistic
        (a binary or multilabel classifier), else the "largest".

    Raises
    ------
    MappingError
        A network that cannot be mapped: weights beyond 1e100, sums that need too large a matrix, S_i >= 1 for alpha1
        with scaling disabled; windows that rounding would lose, or that "certified" cannot certify; an unknown slope,
        margin, number or windows.
    InputError
        Calibration data that are empty, of another shape, NaN, or outside `input_range`; what `read_relu` refuses.

    Notes
    -----
    Every threshold and drift is rounded once, from exact arithmetic on the weights and windows. `verify` counts that
    rounding. Smallest safe windows cost some forward passes over the calibration data, and a part of `certify` on the
    neurons that these leave in doubt (benchmarks/safe_windows.py); "certified" costs all of it, once or a few times.
    Held by tests/test_to_ttfs.py and tests/test_safe_windows.py.
    """
    mapping = _decided(_read(relu, calibration), calibration, slope, margin, input_range, windows, number, scaling)
    net = _build(mapping, time_unit)
    if mapping.windows.how == "certified":
        mapping, net = _certified(mapping, net, calibration, time_unit)
    net.provenance |= _provenance(mapping)
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
    given = given_windows(windows, names, number)
    coded = samples.reshape(len(samples), *network.input_shape)
    if (low, high) != (0, 1):
        coded = (as_numbers(coded, EXACT if number is Fraction else np.dtype(np.float64)) - low) / (high - low)
    largest = largest_activations(layers[:-1], coded, number)
    chosen = _Windows("given", given or [])
    if given is None:
        chosen = _set(windows, layers, coded, slope, number, share, largest, network)
    schedule = scheduled(layers, chosen.lengths, number)
    if number is float:
        check_resolution(layers, schedule, largest)
    return _Mapping(
        network, slope, number, (low, high), rescale, layers, share, largest, chosen, schedule, len(samples)
    )


def _set(
    how: str, layers: list[CodedLayer], coded: Array, slope: str, number: type, margin: Any, largest: list[Any],
    network: ReluNetwork,
) -> _Windows:  # fmt: skip
    """The windows that the calibration data set."""
    published = [(1 + margin) * (x if x > 0 else DEAD_LAYER) for x in largest]
    if how in ("published", "quantized"):
        wanted = how == "quantized"
        return _Windows(how, quantized_lengths(network, layers, slope, published, number) if wanted else published)
    if how == "calibrated":
        found = settled_lengths(layers, coded, slope, number, published, number)
        return _Windows(how, found.lengths, published, bounds=found.bounds)
    if margin < 0:
        raise MappingError(f"to_ttfs: margin = {margin}; must be >= 0 for certified windows; 0 is the smallest")

    def longer(safe: float) -> Any:
        return (1 + margin) * number(safe)

    dead = (1 + margin) * number(DEAD_LAYER)
    found = settled_lengths(layers, coded, slope, number, [number(0)] * len(largest), longer, dead)
    return _Windows(how, found.lengths, smallest=[0.0 if safe is None else safe for safe in found.safe])


def _certified(
    mapping: _Mapping, net: Network, calibration: ArrayLike, time_unit: float | None
) -> tuple[_Mapping, Network]:
    """The mapping in windows that `certify` is sure of on the calibration data, and its network.

    Layers that it is not sure of are widened as its bounds say. These depend on all windows before, so it looks again.
    """
    certificates = certify(net, calibration)
    for _ in range(ROUNDS):
        if certificates.ok:
            return mapping, net
        try:
            mapping = _widened(mapping, certificates)
        except MappingError:  # so long that values would be lost in them
            break
        net = _build(mapping, time_unit)
        certificates = certify(net, calibration)
    if certificates.ok:
        return mapping, net
    raise MappingError(_not_certified(certificates))


def _not_certified(certificates: Certificates) -> str:
    """Why there are no certified windows: the neuron whose bound is largest beside its window."""
    found = certificates.not_certified
    bounds = [float(certificates.layers[name].bound[sample, neuron]) for name, sample, neuron in found]
    shares = [bound / certificates.layers[name].window for bound, (name, *_) in zip(bounds, found, strict=True)]
    worst = int(np.argmax(shares))
    name, sample, neuron = found[worst]
    window, who = certificates.layers[name].window, neuron_text(neuron, certificates.shapes[name])
    return (
        f"to_ttfs: windows = 'certified': {len(found)} neurons on the calibration data may be premature. Bounds on "
        f"rounding grow with the weights of every layer before: that of {who} of layer {name!r}, sample {sample}, is "
        f"{bounds[worst]:.3g} in a window of {window:.3g}, and longer windows do not make up for it; give smaller "
        'weights, fewer layers, a larger margin, or windows="calibrated", which does not wait for such bounds'
    )


def _widened(mapping: _Mapping, certificates: Certificates) -> _Mapping:
    """The mapping with longer windows for the layers that are not certified.

    Raises
    ------
    MappingError
        So long that float64 loses them, or the values in them.
    """
    windows = mapping.windows
    assert windows.smallest is not None
    lengths, smallest = list(windows.lengths), list(windows.smallest)
    premature = any(layer.premature.any() for layer in certificates.layers.values())
    for k, name in enumerate(mapping.names):
        layer = certificates.layers[name]
        if (layer.premature | layer.undecided).any():
            # A quarter more, since bounds grow with the windows. Behind premature neurons margins say nothing.
            wanted = (layer.window - layer.margin + 1.25 * layer.bound).max()
            smallest[k] = max(smallest[k], layer.safe_window if premature else float(wanted))
            if not smallest[k] < np.inf:
                raise MappingError(f"to_ttfs: no window of layer {name!r} is long enough")
            lengths[k] = max(lengths[k], (1 + mapping.margin) * mapping.number(smallest[k]))
    schedule = scheduled(mapping.layers, lengths, mapping.number)
    if mapping.number is float:
        check_resolution(mapping.layers, schedule, mapping.largest)
    return replace(mapping, windows=replace(windows, lengths=lengths, smallest=smallest), schedule=schedule)


def _names(layers: Sequence[CodedLayer]) -> list[str]:
    """Names of the layers that have windows of their own: all that compute, but for the last."""
    return [layer.name for layer in layers[:-1] if not layer.pools]


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
            weights, parameters = neurons(layer, mapping.slope, windows[i], number)
            nodes[i] = net.population(SLOPES[mapping.slope], layer.shape, layer.name, windows[i], **parameters)
        else:
            weights = [rounded(term.weight, number) for term in layer.terms]
            drift = layer.full(drifts(layer, windows[i], number))
            nodes[i] = net.population("integrator", layer.shape, OUTPUT, windows[i], drift=drift)
        for source, delay, kind in zip(
            layer.sources, mapping.schedule.delays[i], layer.projections(weights), strict=True
        ):
            net.connect(nodes[source], nodes[i], kind, delay)
    return net


# -- provenance --------------------------------------------------------------------------------------------------------


def _provenance(mapping: _Mapping) -> dict[str, Any]:
    """Where the network comes from, how its outputs decide, and what its repr says of windows."""
    return {
        "mapping": _mapping_note(mapping),
        "relu": dict(mapping.relu.provenance),
        "decision": "sign" if mapping.relu.provenance.get("output") == "logistic" else "largest",
        "notes": [
            f"window of {name!r}: {float(length):.6g} long, {float(length - short):.6g} more than the published "
            f"{float(short):.6g}, so that no neuron is premature on the calibration data"
            for name, (short, length) in mapping.lengthened.items()
        ],
    }


def _mapping_note(mapping: _Mapping) -> dict[str, Any]:
    """How the network was made, as JSON holds it."""
    windows = mapping.windows
    return {
        "relu_hash": parameter_hash(mapping.relu),
        "eventsim": __version__,
        "number": mapping.number.__name__,
        "slope": mapping.slope,
        "margin": None if windows.how == "given" else _json(mapping.margin),
        "windows": {name: _json(length) for name, length in zip(mapping.names, windows.lengths, strict=True)},
        "windows_from": windows.how,
        "lengthened": {
            name: {"published": _json(short), "by": _json(length - short)}
            for name, (short, length) in mapping.lengthened.items()
        },
        "rounding_not_reached": {
            name: bound for name, bound in zip(mapping.names, windows.bounds, strict=False) if bound is not None
        },
        "safe_windows": windows.smallest,
        "largest_activations": [_json(x) for x in mapping.largest],
        "calibration_samples": mapping.n_calibration,
        "input_range": [_json(value) for value in mapping.value_range],
        "scaling": _scaling_note(mapping),
    }


def _scaling_note(mapping: _Mapping) -> dict[str, Any] | None:
    """How the weights were scaled; the factors follow from the ReLU network and are not repeated here."""
    if not mapping.scaling:
        return None
    scaled = {layer.name: int(np.count_nonzero(layer.factor != 1)) for layer in mapping.layers[:-1] if not layer.pools}
    return {"row_sums": [float(LOWEST_SUM), float(HIGHEST_SUM)], "scaled_neurons": scaled}


def _json(value: Any) -> float | str:
    """A number as JSON holds it: Fractions as text."""
    return str(value) if isinstance(value, Fraction) else float(value)
