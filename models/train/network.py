"""A trainable network: layers, a parameterisation, and the arrays that training changes.

Relies on the layers and on a backend's operations. Used by the training loop and its judges.
"""

import copy
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from eventsim.checks import shown
from eventsim.errors import NetworkError
from eventsim.models.train.architecture import checked_input_shape, layers_of
from eventsim.models.train.disturbance import Disturbance
from eventsim.models.train.inputs import checked_range, checked_shape
from eventsim.models.train.layers import Arrays, LastNeurons, MeanPool, Neurons, TrainableLayer, check_takes
from eventsim.models.train.losses import shall_fire
from eventsim.models.train.numpy_operations import NumpyOperations
from eventsim.models.train.parameterisation import Parameterisation
from eventsim.models.train.parameterisations import parameterisation

Array = np.ndarray[Any, Any]
OPERATIONS = NumpyOperations()
PUBLISHED_START = 1500.0  # length of every window before the first batch: 1.5 times X_n = 1000 in the published code


@dataclass(frozen=True)
class Pass:
    """What one batch gave.

    Attributes
    ----------
    loss
        Mean over the samples.
    gradients
        By the names of the parameters, of their shapes.
    largest
        The largest value that each layer with a window sent.
    outputs
        (n, n_out), or (n, n_out, *positions).
    """

    loss: float
    gradients: dict[str, Array]
    largest: dict[str, float]
    outputs: Array


class TrainableNetwork:
    """A network whose spike times are computed in closed form, layer by layer, and differentiated.

    Parameters
    ----------
    layers
        In order; the last is a read-out, or `LastNeurons`, of which the first that fires decides.
    input_shape
        Shape of one input.
    code
        The parameterisation of all layers.
    dtype
        Type of all numbers, float64 or float32.

    Attributes
    ----------
    parameters
        The trained arrays, by "layer.weight" (n_units, …), "layer.bias" (n_units,) and "layer.gamma" of a batch norm.
    state
        Running statistics of batch norms, by "layer.mean" and "layer.variance", (n_units,).
    windows
        How long the window of each layer with a threshold is, by its name.
    saturates
        Whether values beyond a window are cut to it, as a spike that cannot come before t_min; otherwise the closed
        form goes on, and windows must grow.

    Raises
    ------
    NetworkError
        A batch norm where the parameterisation has none; a shape that is none.
    """

    def __init__(
        self,
        layers: Sequence[TrainableLayer],
        input_shape: Sequence[int],
        code: Parameterisation,
        dtype: Any = np.float64,
    ) -> None:
        self.layers = tuple(layers)
        self.input_shape = checked_input_shape(input_shape)
        self.code = code
        self.dtype = np.dtype(dtype)
        self.parameters: dict[str, Array] = {}
        self.state: dict[str, Array] = {}
        self.windows = {layer.name: PUBLISHED_START for layer in self.layers if isinstance(layer, Neurons | MeanPool)}
        self.saturates = False
        for layer in self.layers:
            check_takes(layer, code)
            for name, shape in layer.parameter_shapes().items():
                filled = np.ones if name == "gamma" else np.zeros
                self.parameters[f"{layer.name}.{name}"] = filled(shape, self.dtype)
            for name, shape in layer.state_shapes().items():
                filled = np.ones if name == "variance" else np.zeros
                self.state[f"{layer.name}.{name}"] = filled(shape, self.dtype)

    @property
    def n_in(self) -> int:
        """How many values an input has."""
        return math.prod(self.input_shape)

    @property
    def n_out(self) -> int:
        """How many outputs there are, at each position of a convolution that is read out."""
        return self.layers[-1].shape[0]

    @property
    def fires(self) -> bool:
        """Whether the outputs are neurons, the first of which decides; otherwise they are potentials."""
        return isinstance(self.layers[-1], LastNeurons)

    def copy(self) -> Self:
        """Return a network of its own arrays."""
        twin = copy.copy(self)
        twin.parameters = {name: values.copy() for name, values in self.parameters.items()}
        twin.windows = dict(self.windows)
        twin.state = {name: values.copy() for name, values in self.state.items()}
        return twin

    def encoded(self, x: Array) -> Array:
        """Return inputs in [0, 1], (n, *input_shape) or (n, n_in), as what the first layer takes.

        Raises
        ------
        InputError
            No real numbers, of another shape, or outside of [0, 1].
        """
        given = checked_range("inputs", checked_shape("inputs", x, self.input_shape))
        return self.code.sign * given.astype(self.dtype, copy=False)

    def outputs(self, x: Array, disturbance: Disturbance | None = None) -> Array:
        """Return the outputs of inputs in [0, 1]; batch norms use their running statistics.

        Potentials, (n, n_out) or (n, n_out, *positions). Of a network that fires: spike times relative to t_max of the
        outputs, (n, n_out), 0 = no spike; of its ReLU twin, minus its values.
        """
        *_, (_, sent) = self.sent(x, disturbance)
        return -self.code.sign * sent if self.fires else sent

    def sent(self, x: Array, disturbance: Disturbance | None = None) -> Iterator[tuple[str, Array]]:
        """Yield for each layer its name and what it sends, (n, *shape): times relative to its t_max, or values."""
        given = self.encoded(x)
        if disturbance is not None:
            given = disturbance.inputs(given)
        for layer in self.layers:
            p, _ = self._made(layer, disturbance)
            given, _ = layer.forward(OPERATIONS, self.code, p, self.state_of(layer), given, False)
            given, _ = self.kept(layer, given)
            if disturbance is not None:
                given, _ = disturbance.sent(layer, given)
            yield layer.name, given

    def gradients(
        self,
        x: Array,
        loss: Any,
        targets: Array,
        activity: float = 0.0,
        disturbance: Disturbance | None = None,
        silent: float = 0.0,
    ) -> Pass:
        """Return what one batch asks of the parameters.

        Parameters
        ----------
        x
            Inputs in [0, 1], (n, *input_shape).
        loss
            A `Loss`.
        targets
            What it compares the outputs with, labels (n,) or values (n, n_out).
        activity
            What a value that a layer of neurons sends costs, on average over the samples (L1); it makes spikes rare.
        disturbance
            What a chip makes of this batch; None is nothing.
        silent
            Of outputs that fire: what it costs, on average over the samples, a unit of time by which one that shall
            fire, that of the label or with a target below 0, is too late. Nothing else reaches a silent one.
        """
        given, tapes, largest = self.encoded(x), [], {}
        if disturbance is not None:
            given = disturbance.inputs(given)
        for layer in self.layers:
            state = self.state_of(layer)
            p, through = self._made(layer, disturbance)
            given, tape = layer.forward(OPERATIONS, self.code, p, state, given, True)
            self.state.update({f"{layer.name}.{name}": values for name, values in state.items()})
            late = np.maximum(-self.code.sign * given, 0) if isinstance(layer, LastNeurons) and silent else None
            given, cut = self.kept(layer, given)
            passes = None if cut is None else ~cut
            if layer.name in self.windows:
                largest[layer.name] = float(np.maximum(given.max(), -given.min()))
            if disturbance is not None:
                given, more = disturbance.sent(layer, given)
                passes = more if passes is None else passes if more is None else passes & more
            tapes.append((p, through, tape, passes))
        outputs = -self.code.sign * given if self.fires else given
        value, grad = loss(outputs, targets)
        if self.fires:
            grad = -self.code.sign * grad
        found: dict[str, Array] = {}
        share = self.code.sign * activity / len(x)
        for place in range(len(self.layers) - 1, -1, -1):
            layer, (p, through, tape, passes) = self.layers[place], tapes[place]
            if activity and layer.name in self.windows and not isinstance(layer, LastNeurons):
                grad = grad + share
            if passes is not None:
                grad = grad * passes
            if late is not None:
                shall = shall_fire(targets, outputs.shape)
                grad = grad - self.code.sign * (silent / len(x)) * (shall & (late > 0))
                late = None
            grad, own = layer.backward(OPERATIONS, self.code, p, tape, grad, place > 0)
            for name, values in own.items():
                kept = values * through[name] if name in through else values
                found[f"{layer.name}.{name}"] = _as_trained(kept, self.parameters[f"{layer.name}.{name}"])
        return Pass(value, found, largest, outputs)

    def _made(self, layer: TrainableLayer, disturbance: Disturbance | None) -> tuple[Arrays, Arrays]:
        """The parameters of a layer, on a chip where there is one, and where their gradients pass."""
        return (self.of(layer), {}) if disturbance is None else disturbance.parameters(layer, self.of(layer))

    def take_slope(self, slope: Any) -> None:
        """Let all neurons be of another parameterisation, a name or a `parameterisation`; numbers stay as they are.

        Raises
        ------
        NetworkError
            A slope that is none, or that a layer does not take; then the network is as it was.
        """
        code = parameterisation(slope)
        for layer in self.layers:
            check_takes(layer, code)
        self.code = code

    def kept(self, layer: TrainableLayer, sent: Array) -> tuple[Array, Array | None]:
        """Return what stays of what a layer sends, and what was cut, None where nothing was; `sent` may be overwritten.

        Last neurons send nothing from t_max on. Where `saturates`, no spike is earlier than t_min.
        """
        found = None
        if isinstance(layer, LastNeurons):  # the tape of the layer has the times as they were
            sent = np.minimum(sent, 0) if self.code.sign < 0 else np.maximum(sent, 0)
            found = sent == 0
        if not self.saturates or layer.name not in self.windows:
            return sent, found
        window = self.windows[layer.name]
        cut = np.abs(sent) > window
        if not cut.any():
            return sent, found
        np.clip(sent, -window, window, out=sent)
        return sent, cut if found is None else found | cut

    def of(self, layer: TrainableLayer) -> dict[str, Array]:
        """Return the parameters of a layer by their own names."""
        return {name: self.parameters[f"{layer.name}.{name}"] for name in layer.parameter_shapes()}

    def state_of(self, layer: TrainableLayer) -> dict[str, Array]:
        """Return the running statistics of a layer by their own names."""
        return {name: self.state[f"{layer.name}.{name}"] for name in layer.state_shapes()}


def trainable(
    architecture: str, input_shape: Sequence[int], slope: Any = "b1", dtype: Any = np.float64
) -> TrainableNetwork:
    """Return a network of an architecture in one line, all weights 0; `initialise` draws them.

    Parameters
    ----------
    architecture
        As in ``"conv8x3-bn-relu-pool2-10"``; `layers_of` says what there is.
    input_shape
        Shape of one input, (channels, *positions) before a convolution.
    slope
        "b1", "alpha1", "relu", or another `parameterisation`.
    dtype
        Type of all numbers, float64 or float32.

    Raises
    ------
    NetworkError
        An architecture, shape, slope or dtype that is none.

    Warns
    -----
    UserWarning
        A first layer of as many neurons as there are inputs, unlike the next: papers write inputs first, here they are
        not written.
    """
    input_shape = checked_input_shape(input_shape)
    layers, code = layers_of(architecture, input_shape), parameterisation(slope)
    n_in = math.prod(input_shape)
    narrower = len(layers) > 2 and layers[1].shape != layers[0].shape
    if n_in > 1 and narrower and architecture.partition("-")[0] == str(n_in):
        warnings.warn(
            f"trainable: architecture {architecture!r} begins with a layer of {layers[0].shape[0]} neurons, as many as "
            "there are inputs, which are not written here; leave the number out if it stands for them",
            UserWarning,
            stacklevel=2,
        )
    return TrainableNetwork(layers, input_shape, code, checked_dtype(dtype))


def checked_dtype(dtype: Any) -> Any:
    """Return a dtype that numbers are trained in; NetworkError for another."""
    try:
        known = dtype is not None and np.dtype(dtype) in (np.float64, np.float32)
    except TypeError:
        known = False
    if not known:
        raise NetworkError(f"trainable: dtype = {shown(dtype)}; must be float64 or float32. Simulations use float64.")
    return dtype


def _as_trained(grad: Array, parameter: Array) -> Array:
    """The gradient of a parameter that a chip has for each neuron: the sum over those that share it."""
    return grad if grad.shape == parameter.shape else grad.reshape(*parameter.shape, -1).sum(axis=-1)
