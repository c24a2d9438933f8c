"""What PyTorch's modules do in evaluation, in the words of `layer_graph`.

torch is not imported: modules are known by the names of their classes, and their settings are attributes. Used by
`read_torch`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.errors import InputError, MappingError
from eventsim.models.readers.layer_graph import Array

WHERE = "read_relu: torch module "


@dataclass(frozen=True)
class Meaning:
    """An operation of `layer_graph`, the constants that it takes behind the data, and its settings."""

    operation: str
    constants: list[Array | None] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)


def values_of(label: str, name: str, tensor: Any) -> Array:
    """Return a parameter in float64, which holds every value of the types that torch trains in."""
    try:
        if str(tensor.layout).startswith("torch.sparse"):
            tensor = tensor.detach().to_dense()
        if tensor.is_floating_point():
            return np.asarray(tensor.detach().double().cpu().numpy())
        given = None if tensor.is_quantized else tensor.detach().cpu().numpy()
        if given is None or given.dtype.kind not in "iub" or max(map(abs, given.ravel().tolist()), default=0) > 2**53:
            raise MappingError(
                f"{WHERE}{label}: {name} has type {tensor.dtype}; must be real numbers that float64 holds; convert the "
                "module first"
            )
        values: Array = given.astype(np.float64)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, MappingError):
            raise
        raise InputError(f"{WHERE}{label}: {name} has no values ({error}); run or load the network first") from error
    return values


def kind_of(module: Any) -> str | None:
    """Name of the torch class whose evaluation the module has; None where it is another's or its own."""
    for cls in type(module).__mro__:
        if cls.__module__.startswith("torch.nn.modules.") and cls.__qualname__ in KNOWN:
            same = all(getattr(type(module), name, None) is getattr(cls, name, None) for name in EVALUATION)
            return cls.__qualname__ if same and not set(EVALUATION) & set(vars(module)) else None
    return None


def meaning_of(label: str, module: Any) -> Meaning | None:
    """Return what a module does; None for one that is not read.

    Raises
    ------
    MappingError
        A setting that no ReLU network has.
    InputError
        Parameters without values.
    """
    kind = kind_of(module)
    if kind is None or kind not in TORCH_MODULES:
        return None
    operation, reader = TORCH_MODULES[kind]
    return reader(label, module, operation)


def _parameter(label: str, module: Any, name: str) -> Array | None:
    tensor = getattr(module, name)
    return None if tensor is None else values_of(label, name, tensor)


def _linear(label: str, module: Any, operation: str) -> Meaning:
    return Meaning(operation, [_parameter(label, module, "weight"), _parameter(label, module, "bias")])


def _conv(label: str, module: Any, operation: str) -> Meaning:
    pads = module.padding if isinstance(module.padding, str) else any(module.padding)
    if module.padding_mode != "zeros" and pads and pads != "valid":
        raise MappingError(
            f"{WHERE}{label}: padding_mode = {module.padding_mode!r}; must be 'zeros'; train it with that"
        )
    settings = {
        "stride": module.stride,
        "padding": "same_upper" if module.padding == "same" else module.padding,
        "dilation": module.dilation,
        "groups": module.groups,
    }
    return Meaning(operation, _linear(label, module, operation).constants, settings)


def _batch_norm(label: str, module: Any, operation: str) -> Meaning:
    if module.running_mean is None:
        raise MappingError(
            f"{WHERE}{label}: track_running_stats = False; must be True, or each sample's outputs depend on the "
            "others of its batch; train it with running statistics"
        )
    mean = values_of(label, "running_mean", module.running_mean)
    gamma, beta = _parameter(label, module, "weight"), _parameter(label, module, "bias")
    constants = [
        np.ones_like(mean) if gamma is None else gamma,
        np.zeros_like(mean) if beta is None else beta,
        mean,
        values_of(label, "running_var", module.running_var),
    ]
    axes = (1, 2) if _n_axes(module) == 1 else (3,)
    return Meaning(operation, list(constants), {"epsilon": module.eps, "axes": axes})


def _plain(_label: str, _module: Any, operation: str) -> Meaning:
    return Meaning(operation)


def _hardtanh(_label: str, module: Any, operation: str) -> Meaning:
    return Meaning(operation, [], {"low": module.min_val, "high": module.max_val})


def _leaky(_label: str, module: Any, operation: str) -> Meaning:
    return Meaning(operation, [], {"slope": module.negative_slope})


def _prelu(label: str, module: Any, operation: str) -> Meaning:
    return Meaning(operation, [_parameter(label, module, "weight")], {"by_channel": True})


def _zero_pad(_label: str, module: Any, operation: str) -> Meaning:
    """The pairs (before, after) go from the last axis to the first."""
    settings = pad_settings(module.padding, getattr(module, "value", 0), _n_axes(module))
    kind = str(kind_of(module))
    mode = next((mode for name, mode in PADDING_MODES.items() if kind.startswith(name)), "constant")
    return Meaning(operation, [], {**settings, "mode": mode})


def pad_settings(flat: Any, value: Any, n_axes: int | None = None) -> dict[str, Any]:
    """Settings of a padding by `flat`, one number or pairs (before, after) from the last axis to the first."""
    flat = [flat] * (2 * (n_axes or 1)) if isinstance(flat, int) else list(flat)
    pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat) - 1, 2)]
    return {"pairs": pairs[::-1], "value": value}


def _pool(label: str, module: Any, operation: str) -> Meaning:
    return Meaning(operation, [], pool_settings(label, vars(module), _n_axes(module)))


def pool_settings(label: str, given: Mapping[str, Any], n_axes: int) -> dict[str, Any]:
    """Settings of a pool from torch's names for them; MappingError for those that no pool here has."""
    for option, allowed in (("return_indices", False), ("divisor_override", None)):
        value = given.get(option, allowed)
        if value != allowed:
            raise MappingError(f"{WHERE}{label}: {option} = {value!r}; must be {allowed}; train it with that")
    kernel = given["kernel_size"]
    stride = given.get("stride")
    return {
        "kernel": (kernel,) * n_axes if isinstance(kernel, int) else tuple(kernel),
        "stride": stride if stride or isinstance(stride, int) else None,
        "padding": given.get("padding", 0),
        "dilation": given.get("dilation", 1),
        "ceil": bool(given.get("ceil_mode")),
        "count_include_pad": bool(given.get("count_include_pad", True)),
    }


def _adaptive_pool(label: str, module: Any, operation: str) -> Meaning:
    if getattr(module, "return_indices", False):
        raise MappingError(f"{WHERE}{label}: return_indices = True; must be False; train it with that")
    return Meaning(operation, [], {"size": module.output_size, "n_axes": _n_axes(module)})


def _flatten(_label: str, module: Any, operation: str) -> Meaning:
    return Meaning(operation, [], {"start": module.start_dim, "end": module.end_dim})


def _softmax(_label: str, module: Any, operation: str) -> Meaning:
    return Meaning(operation, [], {"axis": 1 if module.dim is None else module.dim})


def _n_axes(module: Any) -> int:
    """1 or 2, as the name of the class ends."""
    return int((kind_of(module) or "")[-2])


# Of modules that pad with something else than zeros, which are read where they pad nothing.
PADDING_MODES = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular"}
IDENTITIES = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
OUTPUTS = {"Softmax": ("softmax", _softmax), "LogSoftmax": ("softmax", _softmax), "Sigmoid": ("sigmoid", _plain)}
Reader = Callable[[str, Any, str], Meaning]
# By the class: the word of `layer_graph` for what it does, and the reader of its settings.
TORCH_MODULES: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        "Linear": ("dense", _linear),
        "Conv1d": ("conv", _conv),
        "Conv2d": ("conv", _conv),
        "BatchNorm1d": ("batch_norm", _batch_norm),
        "BatchNorm2d": ("batch_norm", _batch_norm),
        "ReLU": ("relu", _plain),
        "LeakyReLU": ("leaky_relu", _leaky),
        "PReLU": ("leaky_relu", _prelu),
        "ReLU6": ("clip", _hardtanh),
        "Hardtanh": ("clip", _hardtanh),
        "MaxPool1d": ("max_pool", _pool),
        "MaxPool2d": ("max_pool", _pool),
        "AvgPool1d": ("average_pool", _pool),
        "AvgPool2d": ("average_pool", _pool),
        "AdaptiveAvgPool1d": ("adaptive_average_pool", _adaptive_pool),
        "AdaptiveAvgPool2d": ("adaptive_average_pool", _adaptive_pool),
        "AdaptiveMaxPool1d": ("adaptive_max_pool", _adaptive_pool),
        "AdaptiveMaxPool2d": ("adaptive_max_pool", _adaptive_pool),
        "ZeroPad1d": ("pad", _zero_pad),
        "ZeroPad2d": ("pad", _zero_pad),
        "ConstantPad1d": ("pad", _zero_pad),
        "ConstantPad2d": ("pad", _zero_pad),
        **{f"{name}Pad{n}d": ("pad", _zero_pad) for name in PADDING_MODES for n in (1, 2)},
        "Flatten": ("flatten", _flatten),
        **dict.fromkeys(IDENTITIES, ("identity", _plain)),
        **OUTPUTS,
    }
)
# What evaluates a module: where a class or a module has its own, it is another function.
EVALUATION = ("forward", "__call__", "_conv_forward")
KNOWN = ("Sequential", *TORCH_MODULES)
SUPPORTED_MODULES = (
    f"{', '.join(name for name in TORCH_MODULES if name not in OUTPUTS)}, and {', '.join(OUTPUTS)} at the end"
)
