"""Reader of Keras models, Sequential and Functional: what their files say, in the words of `layer_graph`.

Relies on `keras_file` for files, on `keras_layers` for what layers mean, and on `graph_walk` for what becomes of the
graph. Used by `read_relu`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import EventsimError, FileFormatError, InputError
from eventsim.models.readers.graph_walk import read_graph
from eventsim.models.readers.keras_file import KerasModel, open_keras
from eventsim.models.readers.keras_layers import (
    KERAS_LAYERS,
    KERAS_OPERATIONS,
    LayerError,
    Step,
    operation_of,
    steps_of,
)
from eventsim.models.readers.keras_weights import MODELS, is_model, layer_name, layers_of
from eventsim.models.readers.layer_graph import UNSUPPORTED, Array, Graph, Node
from eventsim.models.relu.relu_network import ReluNetwork

WHERE = "read_relu: Keras layer "
INPUT = "input"
MOST_NESTED = 10


def read_keras(path: Path, input_shape: Sequence[int] | None) -> ReluNetwork:
    """Return the ReLU network of a Keras file; parameters and errors are those of `read_relu`."""
    model = open_keras(path)
    try:
        reading = _Reading(path, model)
        reading.read()
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, EventsimError):
            raise
        raise FileFormatError(
            f"{path}: the description of the model is not as Keras writes it ({error!r}); save it again with model.save"
        ) from error
    given = None if input_shape is None else tuple(input_shape)
    if given is not None and reading.shape is not None and given not in (reading.shape, first_channels(reading.shape)):
        raise InputError(
            f"{path}: the model takes inputs of shape {reading.shape}, but input_shape = {given}; must be that; leave "
            "it out"
        )
    if reading.shape is None and input_shape is None:
        raise InputError(
            f"{path}: the model leaves the shape of its inputs open; give input_shape, as Keras has it: (height, "
            "width, channels)"
        )
    return read_graph(
        Graph(
            place=WHERE,
            nodes=reading.nodes,
            constants=reading.constants,
            input=INPUT,
            outputs=reading.outputs,
            source=f"Keras {model.config.get('class_name')}",
            supported=f"{', '.join(KERAS_LAYERS)}, and of keras.ops {', '.join(KERAS_OPERATIONS)}",
            shape=reading.shape or tuple(input_shape or ()),
        ),
        None,
    )


def first_channels(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with the last axis first, as a `ReluNetwork` has it."""
    return (shape[-1], *shape[:-1])


class _Reading:
    """A description on its way to a graph."""

    def __init__(self, path: Path, model: KerasModel) -> None:
        self.path, self.model = path, model
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.outputs: list[str] = []
        self.shape: tuple[int, ...] | None = None

    def read(self) -> None:
        """Read all layers."""
        kind = self.model.config["class_name"]
        if kind not in MODELS:
            raise FileFormatError(
                f"{self.path}: the model is a {kind}, whose code no file holds; must be Sequential or Functional"
            )
        self.outputs = self._model(self.model.config, [INPUT], "", "")

    def _model(self, model: Mapping[str, Any], given: Sequence[str], path: str, values: str) -> list[str]:
        """Add the layers of a model, which may lie in another; the names of what it gives.

        `path` begins the names of its layers, with those of the models around it; `values` those of its values.
        """
        config, layers = model["config"], layers_of(model)
        if path.count("/") > MOST_NESTED:
            raise FileFormatError(f"{self.path}: models are nested more than {MOST_NESTED} deep; take them apart")
        if model["class_name"] == "Sequential":
            last = self._only(list(given), "inputs", path)
            for layer in layers:
                last = self._layer(layer, [last], 0, path, values)
            self._take_shape(config.get("build_input_shape") if isinstance(config, Mapping) else None)
            return [last]
        names = [layer_name(layer) for layer in layers]
        inputs = [self._value(place, values, {}) for place in _places(config["input_layers"])]
        if len(inputs) != len(given) or (not path and len(inputs) != 1):
            raise FileFormatError(f"{self.path}: the model {path}has {len(inputs)} inputs; must have one; split it")
        replaced = dict(zip(inputs, given, strict=True))
        for layer in layers:
            if layer["class_name"] == "InputLayer":
                self._take_shape(_shape_of(layer["config"]))
                continue
            for number, inbound in enumerate(layer["inbound_nodes"]):
                operands = _inbound(inbound, is_operation(layer))
                taken = [one if _is_number(one) else self._value(one, values, replaced) for one in operands]
                self._layer(layer, taken, number, path, values)
        if len(set(names)) != len(names):
            raise FileFormatError(f"{self.path}: two layers have one name; save the model again")
        kinds = dict(zip(names, layers, strict=True))
        outputs = [_called(place, kinds.get(str(place[0]))) for place in _places(config["output_layers"])]
        return [self._value(place, values, replaced) for place in outputs]

    def _operation(self, layer: Mapping[str, Any], label: str, given: list[Any], result: str) -> None:
        """Add a function of `keras.ops`, whose operands may be numbers."""
        try:
            step = operation_of(str(layer["class_name"]), layer["config"])
        except LayerError as error:
            step = Step(UNSUPPORTED, [], {"reason": str(error)})
        names = []
        for place, one in enumerate(given):
            names.append(f"{result} operand {place}" if _is_number(one) else one)
            if _is_number(one):
                self.constants[names[-1]] = np.asarray(float(one))
        if not names:
            raise FileFormatError(f"{self.path}: {label} takes nothing; save the model again")
        self.nodes.append(Node(label, step.operation, tuple(names), (result,), step.settings))

    def _only(self, listed: list[str], what: str, path: str) -> str:
        if len(listed) != 1:
            raise FileFormatError(
                f"{self.path}: the model {path.rstrip('/')} has {len(listed)} {what}; must have one; split it"
            )
        return listed[0]

    def _value(self, place: Sequence[Any], values: str, replaced: Mapping[str, str]) -> str:
        """Name of the value that Keras calls by layer, call and number of the output."""
        name, call, output = place[0], int(place[1]), int(place[2])
        if output != 0:
            raise FileFormatError(f"{self.path}: output {output} of layer {name!r} is used; only first ones are read")
        value = f"{values}{name} {call}"
        return replaced.get(value, value)

    def _take_shape(self, shape: Any) -> None:
        """The shape of inputs, from a description of it with the samples in front."""
        if self.shape is None and shape is not None and len(shape) > 1:
            sizes = list(shape)[1:]
            if all(isinstance(n, int) and n > 0 for n in sizes):
                self.shape = tuple(sizes)

    def _layer(self, layer: Mapping[str, Any], given: list[Any], call: int, path: str, values: str) -> str:
        """Add the operations of a layer; the name of what it gives."""
        kind, config, name = str(layer["class_name"]), layer["config"], path + layer_name(layer)
        if is_model(layer):
            result = f"{values}{layer_name(layer)} {call}"
            inside = self._model(layer, given, f"{name}/", f"{result}/")
            label = f"{name if name.isprintable() else repr(name)} ({kind})"
            self.nodes.append(Node(label, "identity", (self._only(inside, "outputs", name),), (result,)))
            return result
        self._take_shape(_shape_of(config))
        label = f"{name if name.isprintable() else repr(name)} ({kind})"
        result = f"{values}{layer_name(layer)} {call}"
        if is_operation(layer):
            self._operation(layer, label, given, result)
            return result
        own = str(layer.get("module") or "keras").split(".")[0] not in ("keras", "tensorflow", "tf_keras")
        if own or layer.get("registered_name") not in (None, kind):
            steps = [Step(UNSUPPORTED, [], {"reason": "is a class of somebody's own, which is not read"})]
        else:
            try:
                steps = steps_of(kind, config, self.model.weights.get(name, []))
            except LayerError as error:
                steps = [Step(UNSUPPORTED, [], {"reason": str(error)})]
        for number, step in enumerate(steps or [Step("identity")]):
            names: list[str | None] = list(given)
            for place, constant in enumerate(step.constants):
                constant_name = f"{result} {number} {place}"
                names.append(None if constant is None else constant_name)
                if constant is not None:
                    self.constants[constant_name] = constant
            output = result if number >= len(steps) - 1 else f"{result} step {number}"
            self.nodes.append(Node(label, step.operation, tuple(names), (output,), step.settings))
            given = [output]
        return result


def is_operation(layer: Mapping[str, Any]) -> bool:
    """Is what a model lists among its layers a function of `keras.ops`?

    An ``.h5`` file does not say of what module a class is; a layer says whether it is trainable, a function does not.
    """
    if layer.get("module") is not None:
        return str(layer["module"]).startswith("keras.src.ops")
    config = layer["config"]
    return layer["class_name"] in KERAS_OPERATIONS and not {"trainable", "target_shape"} & {*config}


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool)


def _shape_of(config: Mapping[str, Any]) -> Any:
    """Keras 3 and Keras 2 name the shape of inputs differently."""
    return config.get("batch_shape") or config.get("batch_input_shape")


def _places(listed: Sequence[Any]) -> list[Sequence[Any]]:
    """Values that a model lists, which may be one without a list around it."""
    return [listed] if listed and isinstance(listed[0], str) else list(listed)


def _called(place: Sequence[Any], layer: Mapping[str, Any] | None) -> Sequence[Any]:
    """An output of a model by the calls of its layers; Keras 3 counts the making of a Functional layer as a call."""
    newer = layer is not None and any(isinstance(inbound, Mapping) for inbound in layer.get("inbound_nodes", ()))
    if layer is not None and newer and layer["class_name"] == "Functional" and int(place[1]) > 0:
        return (place[0], int(place[1]) - 1, *place[2:])
    return place


def _inbound(inbound: Any, numbers: bool) -> list[Any]:
    """What a call of a layer takes: of Keras 3, tensors somewhere in its arguments, and where `numbers` are meant, as
    of functions, these, too; of Keras 2, a list.
    """
    if not isinstance(inbound, Mapping):
        return [place[:3] for place in ([inbound] if isinstance(inbound[0], str) else inbound)]
    found: list[Any] = []
    waiting: list[Any] = [inbound.get("args", ()), inbound.get("kwargs", {})]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, Mapping) and one.get("class_name") == "__keras_tensor__":
            found.append(one["config"]["keras_history"])
        elif isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif numbers and _is_number(one):
            found.append(one)
    return found
