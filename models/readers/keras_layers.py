"""What Keras layers do, in the words of `layer_graph`.

Keras has its channels last, unless it is told otherwise; an operation that needs them first moves them there and back,
which moves no value (`graph_views`). Used by `read_keras`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.models.readers.layer_graph import Array

Config = Mapping[str, Any]


class LayerError(Exception):
    """A layer that is not read; the message goes behind its name."""


@dataclass(frozen=True)
class Step:
    """One operation of a layer: its constants behind the data, its settings."""

    operation: str
    constants: list[Array | None] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)


Reader = Callable[[Config, list[Array]], list[Step]]


def steps_of(kind: str, config: Config, weights: list[Array]) -> list[Step]:
    """Return what a layer does, its activation included; LayerError where it is not read."""
    if kind not in KERAS_LAYERS:
        raise LayerError("is not read")
    policy = config.get("dtype")
    if isinstance(policy, Mapping) and str(policy.get("class_name")).startswith(("Quantized", "GPTQ", "AWQ")):
        mode = (policy.get("config") or {}).get("mode", "integers")
        raise LayerError(
            f"is quantized ({mode}): it rounds its weights and, when it runs, its activations to integers, which no "
            "ReLU network does; must be of floating-point layers; save the model before model.quantize"
        )
    try:
        steps = KERAS_LAYERS[kind][1](config, weights)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise LayerError(f"has settings or weights that are not as Keras has them ({error!r})") from error
    return steps + (_activation(config.get("activation")) if "activation" in config else [])


def _activation(value: Any) -> list[Step]:
    name = value.get("config", value.get("class_name")) if isinstance(value, Mapping) else value
    if name in (None, "linear"):
        return []
    if name == "relu":
        return [Step("relu")]
    if name == "relu6":
        return [Step("clip", [], {"low": 0, "high": 6})]
    if name == "leaky_relu":
        return [Step("leaky_relu", [], {"slope": 0.2})]
    if name in ("softmax", "log_softmax"):
        return [Step("softmax", [], {"axis": -1})]
    if name == "sigmoid":
        return [Step("sigmoid")]
    raise LayerError(
        f"has activation {value!r}; must be relu, relu6, leaky_relu or linear, or softmax, log_softmax or sigmoid at "
        "the end"
    )


def _weights(weights: list[Array], *expected: bool) -> list[Array | None]:
    """As many weights as are expected, None for those that are not."""
    if len(weights) != sum(expected):
        raise LayerError(f"has {len(weights)} weights; must have {sum(expected)}; save the model again")
    rest = iter(weights)
    return [next(rest) if one else None for one in expected]


def _first(config: Config, steps: list[Step], axis: int | None = None) -> list[Step]:
    """The steps with the channels first."""
    if axis is None:
        axis = 1 if config.get("data_format", "channels_last") == "channels_first" else -1
    return [Step("transpose", [], {"front": axis}), *steps, Step("transpose", [], {"back": axis})]


def _nothing(_config: Config, _given: list[Array]) -> list[Step]:
    return [Step("identity")]


def _dense(config: Config, given: list[Array]) -> list[Step]:
    kernel, bias = _weights(given, True, bool(config.get("use_bias", True)))
    return [Step("dense", [kernel, bias], {"transposed": True})]


def _sliding(config: Config) -> dict[str, Any]:
    padding = config.get("padding", "valid")
    if padding not in ("valid", "same"):
        raise LayerError(f"has padding = {padding!r}; must be 'valid' or 'same'")
    return {
        "stride": config.get("strides", 1),
        "padding": "same_upper" if padding == "same" else "valid",
        "dilation": config.get("dilation_rate", 1),
    }


def _conv(config: Config, given: list[Array]) -> list[Step]:
    kernel, bias = _weights(given, True, bool(config.get("use_bias", True)))
    weight = np.moveaxis(np.asarray(kernel), (-1, -2), (0, 1))
    settings = {**_sliding(config), "groups": config.get("groups", 1)}
    return _first(config, [Step("conv", [weight, bias], settings)])


def _depthwise(config: Config, given: list[Array]) -> list[Step]:
    kernel, bias = _weights(given, True, bool(config.get("use_bias", True)))
    weight = np.moveaxis(np.asarray(kernel), (-2, -1), (0, 1))  # (channels, multiplier, *kernel)
    settings = {**_sliding(config), "groups": len(weight)}
    return _first(config, [Step("conv", [weight.reshape(-1, 1, *weight.shape[2:]), bias], settings)])


def _separable(config: Config, given: list[Array]) -> list[Step]:
    """A convolution of each channel, and one over all channels of each position."""
    depth, point, bias = _weights(given, True, True, bool(config.get("use_bias", True)))
    first, [conv], last = _cut(_depthwise({**config, "use_bias": False}, [np.asarray(depth)]))
    weight = np.moveaxis(np.asarray(point), (-1, -2), (0, 1))
    return [*first, conv, Step("conv", [weight, bias]), *last]


def _cut(steps: list[Step]) -> tuple[list[Step], list[Step], list[Step]]:
    """What comes before a convolution, it, and what comes behind it."""
    place = next(i for i, step in enumerate(steps) if step.operation == "conv")
    return steps[:place], steps[place : place + 1], steps[place + 1 :]


def _batch_norm(config: Config, given: list[Array]) -> list[Step]:
    gamma, beta, mean, variance = _weights(
        given, bool(config.get("scale", True)), bool(config.get("center", True)), True, True
    )
    one = np.ones(np.asarray(mean).shape)
    constants = [one if gamma is None else gamma, 0 * one if beta is None else beta, mean, variance]
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    return _first(config, [Step("batch_norm", constants, {"epsilon": config.get("epsilon", 1e-3)})], axis)


def _normalization(config: Config, given: list[Array]) -> list[Step]:
    """``(x - mean) / sqrt(variance)``, the root at least 1e-7, each of an axis or one number."""
    if config.get("invert"):
        raise LayerError("has invert = True; must be False")
    mean, variance = (
        (config["mean"], config["variance"]) if config.get("mean") is not None else _weights(given[:2], True, True)
    )
    mean, variance = np.asarray(mean, np.float64), np.maximum(np.asarray(variance, np.float64), 1e-14)
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    if axis is None or axis in ([], ()):
        steps = [Step("subtract", [mean.reshape(())]), Step("divide", [np.sqrt(variance).reshape(())])]
        return _first({}, steps)
    mean, variance = mean.ravel(), variance.ravel()
    one = np.ones(len(mean))
    return _first(config, [Step("batch_norm", [one, 0 * one, mean, variance], {"epsilon": 0.0})], axis)


def _rescaling(config: Config, _given: list[Array]) -> list[Step]:
    scale, offset = (np.asarray(config[name], np.float64) for name in ("scale", "offset"))
    if scale.size == offset.size == 1:
        steps = [Step("multiply", [scale.reshape(())]), Step("add", [offset.reshape(())])]
        return _first({}, steps)
    n = max(scale.size, offset.size)
    scale, offset = np.broadcast_to(scale.ravel(), (n,)), np.broadcast_to(offset.ravel(), (n,))
    return _first({}, [Step("batch_norm", [scale, offset, np.zeros(n), np.ones(n)], {"epsilon": 0.0})])


def _pool(config: Config, _given: list[Array]) -> list[Step]:
    kernel, stride = config["pool_size"], config.get("strides")
    kernel = (kernel,) if isinstance(kernel, int) else tuple(kernel)
    settings = {**_sliding(config), "kernel": kernel, "stride": stride, "count_include_pad": False}
    return _first(config, [Step("pool", [], settings)])


def _global_pool(config: Config, _given: list[Array]) -> list[Step]:
    kept = _first(config, [Step("pool")])
    return kept if config.get("keepdims") else [*kept[:-1], Step("flatten")]


def _named(operation: str, reader: Reader) -> Reader:
    """The reader, whose pools are of this operation."""

    def read(config: Config, given: list[Array]) -> list[Step]:
        return [
            Step(operation, step.constants, step.settings) if step.operation == "pool" else step
            for step in reader(config, given)
        ]

    return read


def _zero_pad(config: Config, _given: list[Array]) -> list[Step]:
    padding = config["padding"]
    one_axis = isinstance(padding, int) or all(isinstance(n, int) for n in padding)
    pairs = [(padding, padding) if isinstance(padding, int) else tuple(padding)] if one_axis else padding
    return _first(config, [Step("pad", [], {"pairs": [tuple(pair) for pair in pairs]})])


def _flatten(config: Config, _given: list[Array]) -> list[Step]:
    last = [Step("transpose", [], {"back": -1})] if config.get("data_format") == "channels_first" else []
    return [*last, Step("flatten")]  # which Keras does with the channels last in any case


def _reshape(config: Config, _given: list[Array]) -> list[Step]:
    return [Step("reshape", [], {"shape": (1, *config["target_shape"]), "zero_is_zero": True})]


def _permute(config: Config, _given: list[Array]) -> list[Step]:
    return [Step("transpose", [], {"axes": (0, *config["dims"])})]


def _relu(config: Config, _given: list[Array]) -> list[Step]:
    slope, high = config.get("negative_slope") or 0.0, config.get("max_value")
    if config.get("threshold") or (slope and high is not None):
        raise LayerError(
            f"has negative_slope = {slope}, max_value = {high}, threshold = {config.get('threshold')}; must have a "
            "threshold of 0, and one of the others"
        )
    if slope:
        return [Step("leaky_relu", [], {"slope": float(slope)})]
    return [Step("relu")] if high is None else [Step("clip", [], {"low": 0, "high": float(high)})]


def _leaky(config: Config, _given: list[Array]) -> list[Step]:
    slope = config.get("negative_slope", config.get("alpha", 0.3))
    return [Step("leaky_relu", [], {"slope": float(np.asarray(slope))})]


def _prelu(_config: Config, given: list[Array]) -> list[Step]:
    return [Step("leaky_relu", _weights(given, True))]


def _softmax(config: Config, _given: list[Array]) -> list[Step]:
    return [Step("softmax", [], {"axis": config.get("axis", -1)})]


IDENTITIES = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
    "ActivityRegularization", "Identity", "InputLayer",
)  # fmt: skip
# By the class: the word of `layer_graph` for what it does, and the reader of its settings and weights.
KERAS_LAYERS: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        "Dense": ("dense", _dense),
        "Conv1D": ("conv", _conv),
        "Conv2D": ("conv", _conv),
        "DepthwiseConv1D": ("conv", _depthwise),
        "DepthwiseConv2D": ("conv", _depthwise),
        "SeparableConv1D": ("conv", _separable),
        "SeparableConv2D": ("conv", _separable),
        "BatchNormalization": ("batch_norm", _batch_norm),
        "Normalization": ("batch_norm", _normalization),
        "Rescaling": ("multiply", _rescaling),
        "ReLU": ("relu", _relu),
        "LeakyReLU": ("leaky_relu", _leaky),
        "PReLU": ("leaky_relu", _prelu),
        "Activation": ("relu", lambda _config, _given: []),
        "Softmax": ("softmax", _softmax),
        "MaxPooling1D": ("max_pool", _named("max_pool", _pool)),
        "MaxPooling2D": ("max_pool", _named("max_pool", _pool)),
        "AveragePooling1D": ("average_pool", _named("average_pool", _pool)),
        "AveragePooling2D": ("average_pool", _named("average_pool", _pool)),
        "GlobalMaxPooling1D": ("global_max_pool", _named("global_max_pool", _global_pool)),
        "GlobalMaxPooling2D": ("global_max_pool", _named("global_max_pool", _global_pool)),
        "GlobalAveragePooling1D": ("global_average_pool", _named("global_average_pool", _global_pool)),
        "GlobalAveragePooling2D": ("global_average_pool", _named("global_average_pool", _global_pool)),
        "ZeroPadding1D": ("pad", _zero_pad),
        "ZeroPadding2D": ("pad", _zero_pad),
        "Flatten": ("flatten", _flatten),
        "Reshape": ("reshape", _reshape),
        "Permute": ("transpose", _permute),
        "Add": ("add", lambda _config, _given: [Step("add")]),
        "Subtract": ("subtract", lambda _config, _given: [Step("subtract")]),
        "Concatenate": ("concat", lambda config, _given: [Step("concat", [], {"axis": config.get("axis", -1)})]),
        **dict.fromkeys(IDENTITIES, ("identity", _nothing)),
    }
)


def operation_of(kind: str, config: Config) -> Step:
    """Return what a function of `keras.ops` does that stands in a functional model; LayerError where it is not read."""
    if kind not in KERAS_OPERATIONS:
        raise LayerError("is a function of keras.ops that is not read")
    operation, settings = KERAS_OPERATIONS[kind]
    try:
        return Step(operation, [], settings(config))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise LayerError(f"has settings that are not as Keras has them ({error!r})") from error


def _none(_config: Config) -> dict[str, Any]:
    return {}


# By the class: the word of `layer_graph`, and what makes its settings. Constants are among the inputs of a call.
KERAS_OPERATIONS: Mapping[str, tuple[str, Callable[[Config], dict[str, Any]]]] = MappingProxyType(
    {
        "Relu": ("relu", _none),
        "Relu6": ("clip", lambda _config: {"low": 0, "high": 6}),
        "Clip": ("clip", lambda config: {"low": config["x_min"], "high": config["x_max"]}),
        "LeakyRelu": ("leaky_relu", lambda config: {"slope": float(config["negative_slope"])}),
        "Absolute": ("leaky_relu", lambda _config: {"slope": -1.0}),
        "Maximum": ("maximum", _none),
        "Minimum": ("minimum", _none),
        "Add": ("add", _none),
        "Subtract": ("subtract", _none),
        "Multiply": ("multiply", _none),
        "Divide": ("divide", _none),
        "TrueDivide": ("divide", _none),
        "Concatenate": ("concat", lambda config: {"axis": config["axis"]}),
        "Reshape": ("reshape", lambda config: {"shape": (1, *config["newshape"][1:]), "zero_is_zero": True}),
        "Transpose": ("transpose", lambda config: {"axes": tuple(config["axes"])}),
        "Softmax": ("softmax", lambda config: {"axis": config["axis"]}),
        "LogSoftmax": ("softmax", lambda config: {"axis": config["axis"]}),
        "Sigmoid": ("sigmoid", _none),
    }
)
