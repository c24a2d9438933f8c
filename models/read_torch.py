"""Reader of PyTorch networks: a `torch.nn.Sequential` becomes the layers of a ReLU network.

torch is not imported: modules are known by the names of their classes, and their settings are attributes. What a module
does in training (dropout, the statistics of each batch) is not read. Relies on `eventsim.models.relu_network`. Used by
`read_relu`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.errors import InputError, MappingError
from eventsim.models.relu_network import (
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    ReluNetwork,
)

Array = np.ndarray[Any, Any]
WHERE = "read_relu: torch module "
# What the last module may be, and the word for what is left out with it.
DROPPED_OUTPUTS = {"Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "logistic"}
# What does nothing in evaluation.
IDENTITIES = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")


@dataclass
class Reading:
    """The layers read so far, and the shape of what comes out of them (None: not known before the first layer).

    They are named after their modules, for messages, until all are read.

    Attributes
    ----------
    zeros : padding that a module of its own put around the values, for the convolution that must come next: the
        module's name, and a pair (before, after) an axis.
    """

    shape: tuple[int, ...] | None
    layers: list[Layer] = field(default_factory=list)
    zeros: tuple[str, list[tuple[int, int]]] | None = None

    def append(self, layer: Layer) -> None:
        """Add a layer behind the others."""
        if self.zeros is not None:
            raise MappingError(
                f"{WHERE}{self.zeros[0]} comes before {layer.name}; padding is read before a convolution of as many "
                "axes only; use the padding= of a convolution or a pool"
            )
        self.layers.append(layer)
        if self.shape is None and isinstance(layer, Dense):
            self.shape = (layer.weight.shape[1],)
        if self.shape is not None:
            self.shape = layer.output_shape(self.shape)


def is_torch(source: Any) -> bool:
    """Whether an object is a PyTorch module."""
    return any(
        cls.__module__ == "torch.nn.modules.module" and cls.__qualname__ == "Module" for cls in type(source).__mro__
    )


def read_torch(module: Any, input_shape: Sequence[int] | None) -> ReluNetwork | None:
    """Return the network of a `torch.nn.Sequential`, nested or not, or of one supported layer, as it evaluates.

    None where the module is neither. Parameters and errors are those of `read_relu`.
    """
    if _kind(module) is None:
        return None
    output = "identity"
    reading = Reading(None)
    if input_shape is not None:
        reading.shape = ReluNetwork([Flatten()], input_shape).input_shape  # checked as everywhere
    for place, one in _modules("", module):
        kind = _kind(one)
        name = f"{place or '0'} ({type(one).__name__})"
        where = WHERE + name
        _check_hooks(where, one)
        if kind not in (*READERS, *IDENTITIES, *DROPPED_OUTPUTS):
            raise MappingError(f"{where} is not read; supported are {SUPPORTED_MODULES}, in a torch.nn.Sequential")
        if kind in IDENTITIES:
            continue
        if output != "identity":
            raise MappingError(f"{where} comes after a {output}; that is read as the last module only; remove one")
        if kind in DROPPED_OUTPUTS:
            _check_output(name, one, kind, reading)
            output = DROPPED_OUTPUTS[kind]
        else:
            if reading.shape is None and kind != "Linear":
                raise InputError(f"{where} comes first; give input_shape, as (channels, height, width)")
            READERS[kind](name, one, reading)
    if reading.zeros is not None:
        raise MappingError(f"{WHERE}{reading.zeros[0]} comes last; padding is read before a convolution; remove it")
    layers = [layer.named("") for layer in reading.layers]
    return ReluNetwork(layers, input_shape, {"source": "torch.nn.Sequential", "output": output})


def _kind(module: Any) -> str | None:
    """Name of the torch class whose evaluation the module has; None where it is another's or its own."""
    for cls in type(module).__mro__:
        if cls.__module__.startswith("torch.nn.modules.") and cls.__qualname__ in KNOWN:
            same = all(getattr(type(module), name, None) is getattr(cls, name, None) for name in EVALUATION)
            return cls.__qualname__ if same and not set(EVALUATION) & set(vars(module)) else None
    return None


def _check_hooks(where: str, module: Any) -> None:
    """Hooks change what a module computes; old-style weight and spectral norms and pruning are hooks."""
    for kind in ("_forward_pre_hooks", "_forward_hooks"):
        hooks = (getattr(module, kind, None) or {}).values()
        found = {getattr(hook, "__name__", type(hook).__name__) for hook in hooks}
        if found - {"_infer_parameters"}:  # that of lazy modules, whose missing weights are refused later
            names = ", ".join(sorted(found))
            raise MappingError(
                f"{where} has hooks ({names}), which change what it computes; remove them (as "
                "torch.nn.utils.remove_weight_norm or torch.nn.utils.prune.remove do)"
            )


def _modules(place: str, module: Any) -> Iterator[tuple[str, Any]]:
    """The modules of nested Sequentials in order, also one that stands at two places, each with its path."""
    if _kind(module) != "Sequential":
        yield place, module
        return
    _check_hooks(f"{WHERE}{place or 'Sequential'}", module)
    for name, child in module._modules.items():
        yield from _modules(f"{place}.{name}" if place else name, child)


def _values(module: str, name: str, tensor: Any) -> Array:
    """A parameter in float64, which holds every value of the types that torch trains in."""
    try:
        if not tensor.is_floating_point():
            raise MappingError(
                f"{WHERE}{module}: {name} has type {tensor.dtype}; must be floating; convert the module first"
            )
        values: Array = tensor.detach().double().cpu().numpy()
    except (RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, MappingError):
            raise
        raise InputError(f"{WHERE}{module}: {name} has no values ({error}); run or load the network first") from error
    return values


def _bias(name: str, module: Any, n: int) -> Array:
    return np.zeros(n) if module.bias is None else _values(name, "bias", module.bias)


def _linear(name: str, module: Any, reading: Reading) -> None:
    weight = _values(name, "weight", module.weight)
    reading.append(Dense(name, weight, _bias(name, module, len(weight)), relu=False))


def _conv(name: str, module: Any, reading: Reading) -> None:
    if module.padding_mode != "zeros":
        raise MappingError(
            f"{WHERE}{name}: padding_mode = {module.padding_mode!r}; must be 'zeros'; train it with that"
        )
    weight = _values(name, "weight", module.weight)
    padding: Any = module.padding
    if padding == "valid":
        padding = 0
    elif padding == "same":  # what cannot be halved goes behind
        totals = [d * (k - 1) for k, d in zip(module.kernel_size, module.dilation, strict=True)]
        padding = [(total // 2, total - total // 2) for total in totals]
    bias = _bias(name, module, len(weight))
    conv = Conv(name, weight, bias, False, module.stride, padding, module.dilation, module.groups)
    if reading.zeros is not None and len(reading.zeros[1]) == len(conv.kernel):
        around = zip(conv.padding, reading.zeros[1], strict=True)
        padding = [(own[0] + more[0], own[1] + more[1]) for own, more in around]
        reading.zeros = None
    reading.append(Conv(name, weight, bias, False, module.stride, padding, module.dilation, module.groups))


def _batch_norm(name: str, module: Any, reading: Reading) -> None:
    if module.running_mean is None:
        raise MappingError(
            f"{WHERE}{name}: track_running_stats = False; must be True, or each sample's outputs depend on the "
            "others of its batch; train it with running statistics"
        )
    axes = (1, 2) if _n_axes(module) == 1 else (3,)
    if reading.shape is not None and len(reading.shape) not in axes:
        raise MappingError(
            f"{WHERE}{name}: inputs of shape {reading.shape}; must have {' or '.join(map(str, axes))} axes, as in "
            "torch; use the batch norm of the other dimension"
        )
    mean = _values(name, "running_mean", module.running_mean)
    gamma = np.ones_like(mean) if module.weight is None else _values(name, "weight", module.weight)
    beta = np.zeros_like(mean) if module.bias is None else _values(name, "bias", module.bias)
    variance = _values(name, "running_var", module.running_var)
    reading.append(BatchNorm(name, gamma, beta, mean, variance, module.eps))


def _relu(name: str, _module: Any, reading: Reading) -> None:
    if not reading.layers:
        raise MappingError(
            f"{WHERE}{name} comes first; a ReLU must follow a layer; cut the inputs to positive values instead"
        )
    last = reading.layers[-1]
    reading.layers[-1] = type(last)(**{**vars(last), "relu": True})


def _zero_pad(name: str, module: Any, reading: Reading) -> None:
    """Zeros around the values; torch gives the pairs (before, after) from the last axis to the first."""
    flat = module.padding
    n_axes = _n_axes(module)
    flat = [flat] * (2 * n_axes) if isinstance(flat, int) else list(flat)
    if getattr(module, "value", 0) != 0 or min(flat) < 0:
        raise MappingError(
            f"{WHERE}{name}: value = {getattr(module, 'value', 0)!r}, padding = {module.padding!r}; must be zeros, and "
            "pad >= 0 positions; train it with that"
        )
    pairs = [(flat[2 * i], flat[2 * i + 1]) for i in reversed(range(n_axes))]
    if reading.zeros is not None:
        if len(reading.zeros[1]) != n_axes:
            raise MappingError(f"{WHERE}{name}: follows {reading.zeros[0]} of other axes; use one padding")
        pairs = [(a + c, b + d) for (a, b), (c, d) in zip(reading.zeros[1], pairs, strict=True)]
    reading.zeros = (name, pairs)


def _pool_settings(name: str, module: Any, n_axes: int) -> dict[str, Any]:
    for option, allowed in (("return_indices", False), ("divisor_override", None)):
        value = getattr(module, option, allowed)
        if value != allowed:
            raise MappingError(f"{WHERE}{name}: {option} = {value!r}; must be {allowed}; train it with that")
    kernel = module.kernel_size
    kernel = (kernel,) * n_axes if isinstance(kernel, int) else tuple(kernel)
    return {"kernel": kernel, "stride": module.stride, "padding": module.padding}


def _append_pool(module: Any, pool: MaxPool | AveragePool, reading: Reading) -> None:
    """Add a pool; ceil_mode is nothing where the windows end with the positions."""
    if module.ceil_mode and reading.shape is not None:
        sliding = pool.sliding
        for size, extent, step, pads in zip(
            reading.shape[1:], sliding.extent, sliding.stride, sliding.padding, strict=False
        ):
            if (size + sum(pads) - extent) % step:
                raise MappingError(
                    f"{WHERE}{pool.name}: ceil_mode = True for inputs of shape {reading.shape}, which leaves a window "
                    "cut at the border; must be False where the windows do not end with the positions; pad the inputs"
                )
    reading.append(pool)


def _max_pool(name: str, module: Any, reading: Reading) -> None:
    settings = _pool_settings(name, module, _n_axes(module))
    _append_pool(module, MaxPool(name, **settings, dilation=module.dilation), reading)


def _average_pool(name: str, module: Any, reading: Reading) -> None:
    settings = _pool_settings(name, module, _n_axes(module))
    _append_pool(module, AveragePool(name, **settings, count_include_pad=bool(module.count_include_pad)), reading)


def _adaptive_pool(name: str, module: Any, reading: Reading) -> None:
    """Windows of equal size, where the positions can be divided so."""
    n_axes = _n_axes(module)
    positions = (reading.shape or ())[1:]
    wanted = module.output_size
    wanted = [wanted] * n_axes if isinstance(wanted, int) or wanted is None else list(wanted)
    sizes = [have if size is None else size for have, size in zip(positions, wanted, strict=False)]
    if (
        len(positions) != n_axes
        or len(sizes) != n_axes
        or min(sizes) < 1
        or any(have % size for have, size in zip(positions, sizes, strict=True))
    ):
        raise MappingError(
            f"{WHERE}{name}: output_size = {module.output_size!r} for inputs of shape {reading.shape}; must be 1 or "
            "divide the positions; use a pool with a kernel instead"
        )
    kernel = tuple(have // size for have, size in zip(positions, sizes, strict=True))
    if getattr(module, "return_indices", False):
        raise MappingError(f"{WHERE}{name}: return_indices = True; must be False; train it with that")
    adaptive = MaxPool if (_kind(module) or "").startswith("AdaptiveMax") else AveragePool
    reading.append(adaptive(name, kernel))


def _flatten(name: str, module: Any, reading: Reading) -> None:
    n_axes = 1 + len(reading.shape or ())
    if module.start_dim != 1 or module.end_dim not in (-1, n_axes - 1):
        raise MappingError(
            f"{WHERE}{name}: start_dim = {module.start_dim}, end_dim = {module.end_dim}; must be 1 and -1, all axes "
            "of a sample; use torch.nn.Flatten()"
        )
    reading.append(Flatten(name))


def _check_output(name: str, module: Any, kind: str, reading: Reading) -> None:
    if kind != "Sigmoid" and reading.shape is not None and len(reading.shape) > 1:
        raise MappingError(
            f"{WHERE}{name}: inputs of shape {reading.shape}; must be the outputs of a sample in one axis; put a "
            "Flatten before it"
        )
    if kind != "Sigmoid" and module.dim not in (None, 1, -1):
        raise MappingError(f"{WHERE}{name}: dim = {module.dim}; must be 1, the outputs of a sample; use that")


def _n_axes(module: Any) -> int:
    """1 or 2, as the name of the class ends."""
    return int((_kind(module) or "")[-2])


READERS: Mapping[str, Callable[[str, Any, Reading], None]] = MappingProxyType(
    {
        "Linear": _linear,
        "Conv1d": _conv,
        "Conv2d": _conv,
        "BatchNorm1d": _batch_norm,
        "BatchNorm2d": _batch_norm,
        "ReLU": _relu,
        "MaxPool1d": _max_pool,
        "MaxPool2d": _max_pool,
        "AvgPool1d": _average_pool,
        "AvgPool2d": _average_pool,
        "AdaptiveAvgPool1d": _adaptive_pool,
        "AdaptiveAvgPool2d": _adaptive_pool,
        "AdaptiveMaxPool1d": _adaptive_pool,
        "AdaptiveMaxPool2d": _adaptive_pool,
        "ZeroPad1d": _zero_pad,
        "ZeroPad2d": _zero_pad,
        "ConstantPad1d": _zero_pad,
        "ConstantPad2d": _zero_pad,
        "Flatten": _flatten,
    }
)
# What evaluates a module: where a class or a module has its own, it is another function.
EVALUATION = ("forward", "__call__", "_conv_forward")
KNOWN = ("Sequential", *READERS, *IDENTITIES, *DROPPED_OUTPUTS)
SUPPORTED_MODULES = f"{', '.join((*READERS, *IDENTITIES))}, and {', '.join(DROPPED_OUTPUTS)} at the end"
