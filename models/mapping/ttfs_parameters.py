"""`ttfs_network`: a spiking network from spiking parameters, as a trainer of time-to-first-spike networks has them.

Such a trainer knows weights, thresholds and windows, and no ReLU network: B1 neurons have W and either a threshold or
D, with threshold = t_max - t_min - D (Stanojevic et al. 2024); alpha1 neurons have J and a threshold (Stanojevic et
al. 2023). What is given is taken as it is: `verify` and `certify` say whether it does what the closed form says.

Relies on the network and on `parameter_entries`. Used by nobody else.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from eventsim.checks import check_held, plain_array, real, shown
from eventsim.errors import MappingError, nearest
from eventsim.models.mapping.parameter_entries import named_entries
from eventsim.models.relu.pool_layers import MaxPool
from eventsim.models.relu.real_numbers import EXACT, as_fraction, real_array
from eventsim.models.relu.relu_network import INPUT, OUTPUT
from eventsim.models.relu.sliding import Sliding
from eventsim.network.convolution import Conv, Pool
from eventsim.network.network import Network
from eventsim.network.projections import Dense, OneToOne

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
GEOMETRY = ("stride", "padding", "dilation", "groups")
FIELDS = ("name", "W", "J", "threshold", "D", "alpha", "slope", "t_min", "t_max", "pool", "smallest", *GEOMETRY)
# In which order the official code of Stanojevic et al. 2023 keeps nine biases a filter: rows and columns of a border of
# one position, -1 the first, 0 the inside, 1 the last.
NINE = ((0, 0), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
LAYOUTS = ("torch", "keras")


def ttfs_network(
    parameters: Any,
    input_shape: Sequence[int] | int | None = None,
    input_window: tuple[Any, Any] | None = None,
    value_range: tuple[Any, Any] = (0.0, 1.0),
    layout: str = "torch",
    time_unit: float | None = None,
) -> Network:
    """Return the spiking network of given weights, thresholds and windows.

    Parameters
    ----------
    parameters
        One dict for each layer, in order: a list, a dict by name, the path of an .npz file with entries
        ``name.field``, or a PyTorch module of `eventsim.models.train.torch_layers`. Fields of a hidden layer:

        - ``W``, weights of B1 neurons, or ``J``, weights of alpha1 neurons: (n_out, n_in) or (c_out, c_in / groups,
          *kernel), the latter with ``stride``, ``padding``, ``dilation``, ``groups`` as for `eventsim.Conv`;
        - ``threshold``, or for B1 ``D`` in its place: one number, (n_out,), (c_out,) or one for each neuron; ``D`` of a
          3 × 3 convolution with padding 1 also (9, c_out), in the order of the official code (inside, upper left, top,
          upper right, right, lower right, bottom, lower left, left);
        - ``alpha``, the slope of alpha1 neurons before any input (1); ``slope``, that of B1 neurons from t_min on (1);
        - ``t_min`` and ``t_max``, its window; ``name``.

        A max pool has ``pool``, its kernel, and ``stride``, ``padding``, ``dilation``, and ``smallest``, the channels
        that pass on their smallest input. The last layer is the read-out:
        ``W`` and ``D``, its biases (0); ``t_min`` is when it is read, by default the end of the last window. Without a
        name it is "output". With ``t_max`` it is neurons; then a read-out behind them, "output", holds how long before
        t_max each has fired, 0 of silent ones, as `to_ttfs` has it behind a ReLU: the largest is the first that fires.
        A field that is None counts as absent.
    input_shape
        Shape of one input, (channels, *positions) before a convolution; None takes the inputs of a first dense layer
        as flat.
    input_window
        (t_min, t_max) of the input; None is from 0 to t_min of the first layer.
    value_range
        (low, high) of the inputs, coded as the end and the beginning of that window.
    layout
        "torch", as above; or "keras": weights are (n_in, n_out) and (*kernel, c_in / groups, c_out), what is flattened
        behind a convolution has its channels last, and so has what is given for each neuron. Inputs and populations are
        (channels, *positions) all the same.
    time_unit
        Seconds per unit of time, as for `Network`.

    Raises
    ------
    MappingError
        A field that is missing, unknown, of another shape or of no use to its layer, with the layer's name; both of two
        alternatives; a window that begins before the one before it has ended.
    FileFormatError
        A file that cannot be read as .npz without pickles.
    NetworkError
        What a `Network` refuses: NaN, windows that do not increase.

    Notes
    -----
    Each layer integrates from the beginning of the window before it. Held by tests/test_ttfs_parameters.py.

    Examples
    --------
    >>> layers = [{"W": [[0.5, 0.25]], "D": [0.125], "t_min": 1, "t_max": 3}, {"W": [[1.0], [-1.0]], "D": [0.0, 0.5]}]
    >>> net = ttfs_network(layers)
    >>> import eventsim
    >>> run = eventsim.simulate(net, [[1.0, 0.5]])
    >>> run.spike_times("dense1").tolist(), run.readout.tolist()
    ([[2.25]], [[0.75, -0.25]])
    """
    layers = _given_layers(parameters, layout, input_shape)
    shape = _input_shape(input_shape, layers[0], layout)
    if input_window is None:
        first = next((layer for layer in layers if not layer.is_pool), layers[-1])
        input_window = (0.0, first.number("t_min"))
    net = Network(time_unit)
    _add_layers(net, net.source(shape, INPUT, input_window, value_range), layers)
    net.provenance = {"decision": "largest"}
    return net


@dataclass(frozen=True)
class _Given:
    """The fields of one layer; `place` begins the messages."""

    fields: Mapping[str, Any]
    name: str
    layout: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isprintable():
            raise MappingError(f"{self.place}: name = {shown(self.name)}; must be printable text")
        for field in self.fields:
            if field not in FIELDS:
                raise MappingError(
                    f"{self.place}: unknown field {shown(field)}{nearest(field, FIELDS)}; must be among "
                    f"{', '.join(FIELDS)}"
                )
        kinds = [field for field in ("W", "J", "pool") if field in self.fields]
        if len(kinds) != 1:
            raise MappingError(
                f"{self.place}: has {' and '.join(kinds) or 'neither W nor J nor pool'}; must have exactly one: W for "
                "B1 neurons and the read-out, J for alpha1 neurons, pool for a max pool"
            )

    @property
    def place(self) -> str:
        return f"ttfs_network: layer {self.name!r}"

    def opening(self, before: Any) -> Any:
        """When its window, or its read-out, begins: not before the window before it ends."""
        found = self.number("t_min", before if "t_max" not in self.fields else None)
        if found < before:
            raise MappingError(
                f"{self.place}: t_min = {float(found):g}, but the window before it ends at {float(before):g}; must not "
                "be earlier, or the last inputs would not count"
            )
        return found

    @property
    def is_pool(self) -> bool:
        return "pool" in self.fields

    def number(self, field: str, default: Any = None) -> Any:
        """A time or a slope: one finite number."""
        given = self.fields.get(field, default)
        given = given.item() if isinstance(given, np.ndarray) and given.ndim == 0 else given
        value = real(given)
        if value is None or not -math.inf < value < math.inf:
            what = "is missing" if given is None else f"= {shown(given)}"
            raise MappingError(f"{self.place}: {field} {what}; must be a finite number")
        check_held(self.place, field, [value], MappingError)
        return value

    def add_pool(self, net: Network, node: Any, window: tuple[Any, ...]) -> Any:
        for field in ("threshold", "D", "alpha", "slope", "t_min", "t_max", "groups"):
            self._only(field, "a pool passes spikes on in the window of what it pools")
        kernel = plain_array(f"{self.place}: pool", self.fields["pool"], MappingError).tolist()
        kernel = tuple(kernel) if isinstance(kernel, list) else (kernel,) * (len(node.shape) - 1)
        chosen = {
            field: _plain(self.fields[field]) for field in ("stride", "padding", "dilation") if field in self.fields
        }
        kind = Pool(kernel, **chosen)
        shape = self._shape_by(kind, node)
        settings = {"kernel": kind.kernel, "stride": kind.stride, "padding": kind.padding, "dilation": kind.dilation}
        pool = MaxPool(self.name, **settings, smallest=_plain(self.fields.get("smallest", ())))
        pool.output_shape(node.shape)
        counts = np.ones(shape)
        if pool.smallest:
            counts[list(pool.smallest)] = pool.sliding.inside(node.shape)
        population = net.population("relay", shape, self.name, window, count=counts.ravel())
        net.connect(node, population, kind)
        return population

    def add_neurons(self, net: Network, node: Any, window: tuple[Any, ...]) -> Any:
        field = "W" if "W" in self.fields else "J"
        self._only("smallest", "only pools have it")
        kind = self._projection(field, node)
        shape = self._shape_by(kind, node)
        threshold, alpha = self.fields.get("threshold"), None
        if field == "J":
            self._only("D", "only B1 neurons and read-outs have D; give the threshold")
            self._only("slope", "that of alpha1 neurons is alpha + the sum of J")
            alpha = self.number("alpha", 1.0)
            slope = [self._sum([alpha, *row.ravel().tolist()]) for row in kind.weights]
            parameters = {"alpha": alpha, "slope": self._spread("slope", slope, shape)}
        else:
            self._only("alpha", "only alpha1 neurons, which have J, have alpha")
            parameters = {"slope": self._spread("slope", self.fields.get("slope", 1.0), shape)}
        if (threshold is None) == ("D" not in self.fields):
            raise MappingError(f"{self.place}: must have exactly one of threshold and, for B1 neurons, D")
        if threshold is None:
            length = as_fraction(window[2]) - as_fraction(window[1])
            bias, steep = self._spread("D", self.fields["D"], shape), parameters["slope"].tolist()
            exact = [as_fraction(s) * (length - as_fraction(d)) for s, d in zip(steep, bias.tolist(), strict=True)]
            threshold = np.array(exact, EXACT) if bias.dtype == EXACT else np.array([float(value) for value in exact])
        parameters["threshold"] = self._spread("threshold", threshold, shape)
        population = net.population(
            "ttfs_b1" if field == "W" else "ttfs_alpha1", shape, self.name, window, **parameters
        )
        net.connect(node, population, kind)
        return population

    def add_readout(self, net: Network, node: Any, window: tuple[Any, ...]) -> None:
        for field in ("J", "pool", "threshold", "alpha", "slope", "smallest", "t_max"):
            self._only(field, "the last layer is the read-out, with W, D and t_min, or has t_max")
        kind = self._projection("W", node)
        shape = self._shape_by(kind, node)
        duration = as_fraction(window[1]) - as_fraction(window[0])
        bias = self._spread("D", self.fields.get("D", 0.0), shape)
        exact = [as_fraction(d) / duration for d in bias.tolist()]
        drift = np.array(exact, EXACT) if bias.dtype == EXACT else np.array([float(value) for value in exact])
        net.connect(node, net.population("integrator", shape, self.name, window, drift=drift), kind)

    def _only(self, field: str, reason: str) -> None:
        if field in self.fields:
            raise MappingError(f"{self.place}: has {field}; {reason}")

    def _projection(self, field: str, node: Any) -> Conv | Dense:
        weights = real_array(f"{self.place}: {field}", self.fields[field], MappingError)
        if weights.ndim == 2:
            for name in GEOMETRY:
                self._only(name, "a dense layer has no kernel")
            return Dense(weights if self.layout == "torch" else _channels_first(weights, node.shape))
        if weights.ndim not in (3, 4):
            raise MappingError(
                f"{self.place}: {field} has shape {weights.shape}; must be (n_out, n_in) or (c_out, c_in / groups, "
                "*kernel)"
            )
        if self.layout == "keras":
            weights = np.moveaxis(weights, (-1, -2), (0, 1))
        return Conv(weights, **{name: _plain(self.fields[name]) for name in GEOMETRY if name in self.fields})

    def _shape_by(self, kind: Conv | Dense | Pool, node: Any) -> Shape:
        """Shape of the population; what does not fit at all is refused by its name here, the rest when it connects."""
        if isinstance(kind, Dense):
            return (len(kind.weights),)
        if len(node.shape) != 1 + len(kind.kernel):
            raise MappingError(
                f"{self.place}: kernel {kind.kernel} needs an input of {1 + len(kind.kernel)} axes, (channels, "
                f"*positions), but what precedes it has shape {node.shape}; give input_shape"
            )
        Sliding(self.place, kind.kernel, kind.stride, kind.padding, kind.dilation).positions(node.shape)
        return kind.output_shape(node.shape)

    def _spread(self, field: str, values: Any, shape: Shape) -> Array:
        """One value, one a channel or one a neuron, as one a neuron in C order."""
        given = real_array(f"{self.place}: {field}", values, MappingError)
        size = math.prod(shape)
        last = (*shape[1:], shape[0])  # channels last
        if self.layout == "keras" and len(shape) > 1 and given.shape in (last, (size,)):
            given = np.moveaxis(given.reshape(last), -1, 0)
        if field == "D" and len(shape) == 3 and given.shape == (9, shape[0]):
            return self._nine(given, shape)
        if given.shape in ((), (1,)):
            return np.full(size, given.ravel()[0], given.dtype)
        if given.shape in (shape, (size,)):
            return given.ravel()
        if given.shape == shape[:1]:
            return given.repeat(size // shape[0])
        raise MappingError(
            f"{self.place}: {field} has shape {given.shape}; must be one number, ({shape[0]},) or {shape}"
        )

    def _nine(self, given: Array, shape: Shape) -> Array:
        """Nine biases a filter, for the inside and the border of one position, as one for each neuron."""
        weights = np.shape(self.fields["W"])
        kernel = weights[2:] if self.layout == "torch" else weights[:2]
        chosen = {name: _plain(self.fields[name]) for name in ("stride", "padding") if name in self.fields}
        sliding = Sliding(self.place, kernel, **chosen)
        if (kernel, sliding.stride, sliding.padding) != ((3, 3), (1, 1), ((1, 1), (1, 1))):
            raise MappingError(
                f"{self.place}: D has shape {given.shape}, nine biases a filter; must belong to a 3 x 3 kernel with "
                "padding 1 and stride 1; give D for each neuron"
            )
        place = {where: n for n, where in enumerate(NINE)}
        rows, columns = (np.array([-1, *[0] * (n - 2), 1][:n] if n > 1 else [-1]) for n in shape[1:])
        which = np.array([[place[int(r), int(c)] for c in columns] for r in rows])
        return np.ascontiguousarray(np.moveaxis(given[which], -1, 0)).ravel()

    def _sum(self, values: list[Any]) -> Any:
        """Correctly rounded in floats, exact in Fractions."""
        if any(isinstance(value, Fraction) for value in values):
            return sum(values[1:], values[0])
        return math.fsum(values)


def _given_layers(parameters: Any, layout: Any, input_shape: Any) -> list[_Given]:
    """The layers in order, each with a name of its own."""
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise MappingError(f"ttfs_network: layout = {shown(layout)}; must be 'torch' or 'keras'")
    layers = [_Given(entry, name, layout) for name, entry in named_entries(parameters, input_shape)]
    _check_names(layers)
    return layers


def _add_layers(net: Network, node: Any, layers: Sequence[_Given]) -> None:
    """Add a population for each layer behind the source `node`; the last is the read-out, or neurons with one."""
    *hidden, last = layers
    window: tuple[Any, ...] = tuple(node.window)
    for layer in hidden:
        if layer.is_pool:
            node = layer.add_pool(net, node, window)
        else:
            window = (window[-2], layer.opening(window[-1]), layer.number("t_max"))
            node = layer.add_neurons(net, node, window)
    if "t_max" not in last.fields or last.is_pool:
        last.add_readout(net, node, (window[-2], last.opening(window[-1])))
        return
    window = (window[-2], last.opening(window[-1]), last.number("t_max"))
    node = last.add_neurons(net, node, window)
    number = Fraction if node.parameters["threshold"].dtype == EXACT else float
    readout = net.population("integrator", node.shape, OUTPUT, window[-2:], drift=number(0))
    net.connect(node, readout, OneToOne(number(1)))


def _check_names(layers: Sequence[_Given]) -> None:
    known = {INPUT: "the source"}
    if "t_max" in layers[-1].fields:
        known[OUTPUT] = "the read-out behind the last layer"
    for layer in layers:
        if layer.name in known:
            whose = known[layer.name]
            raise MappingError(f"{layer.place}: this is the name of {whose}, too; give each layer a name of its own")
        known[layer.name] = "another layer"


def _input_shape(given: Any, first: _Given, layout: str) -> Shape:
    if given is not None:
        return tuple(np.atleast_1d(plain_array("ttfs_network: input_shape", given, MappingError)).tolist())
    weights = np.asarray(first.fields.get("W", first.fields.get("J", ())))
    if not first.is_pool and weights.ndim not in (2, 3, 4):
        raise MappingError(
            f"{first.place}: weights have shape {weights.shape}; must be (n_out, n_in) or (c_out, c_in / groups, "
            "*kernel)"
        )
    if weights.ndim != 2:
        raise MappingError(f"{first.place}: input_shape is needed before it; give it, as (channels, height, width)")
    return (weights.shape[1 if layout == "torch" else 0],)


def _channels_first(weights: Array, shape: Shape) -> Array:
    """Keras' (n_in, n_out), of inputs flattened with channels last, as (n_out, n_in) with channels first."""
    if len(shape) > 1 and len(weights) == math.prod(shape):
        last = weights.reshape(*shape[1:], shape[0], weights.shape[1])
        weights = np.moveaxis(last, -2, 0).reshape(weights.shape)
    return np.ascontiguousarray(weights.T)


def _plain(value: Any) -> Any:
    """Numbers of an array as Python's."""
    return value.tolist() if isinstance(value, np.ndarray) else value
