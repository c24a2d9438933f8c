"""What PyTorch's functions and methods of tensors do, in the words of `layer_graph`.

torch is not imported: a call is known by its name, and its arguments by theirs. Used by `read_torch`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from eventsim.errors import MappingError
from eventsim.models.readers.torch_modules import WHERE, pad_settings, pool_settings

# The inputs behind the data, which may be values of the graph, and the settings.
Call = tuple[list[Any], dict[str, Any]]
Reader = Callable[[str, str, dict[str, Any]], Call]


def _plain(_label: str, _name: str, _given: dict[str, Any]) -> Call:
    return [], {}


def _clip(_label: str, name: str, given: dict[str, Any]) -> Call:
    if name == "relu6":
        return [], {"low": 0, "high": 6}
    default = (-1.0, 1.0) if name == "hardtanh" else (None, None)
    return [], {
        "low": given.get("min_val", given.get("min", default[0])),
        "high": given.get("max_val", given.get("max", default[1])),
    }


def _leaky(_label: str, _name: str, given: dict[str, Any]) -> Call:
    return [], {"slope": given.get("negative_slope", 0.01)}


def _prelu(_label: str, _name: str, given: dict[str, Any]) -> Call:
    return [given["weight"]], {"by_channel": True}


def _absolute(_label: str, _name: str, _given: dict[str, Any]) -> Call:
    return [], {"slope": -1.0}


def _matmul(_label: str, _name: str, given: dict[str, Any]) -> Call:
    settings = {"transposed": True, "alpha": given.get("alpha", 1.0), "beta": given.get("beta", 1.0)}
    return [given["other"], given.get("bias")], settings


def _linear(_label: str, _name: str, given: dict[str, Any]) -> Call:
    return [given["weight"], given.get("bias")], {}


def _conv(_label: str, _name: str, given: dict[str, Any]) -> Call:
    settings: dict[str, Any] = {
        name: given[name] for name in ("stride", "padding", "dilation", "groups") if name in given
    }
    if settings.get("padding") == "same":
        settings["padding"] = "same_upper"
    return [given["weight"], given.get("bias")], settings


def _batch_norm(label: str, _name: str, given: dict[str, Any]) -> Call:
    if given.get("training", False) or given.get("running_mean") is None or given.get("running_var") is None:
        raise MappingError(
            f"{WHERE}{label} is in training, or has no running statistics, so that each sample's outputs depend on the "
            "others of its batch; must evaluate with statistics; call eval() before it is exported or traced"
        )
    found = [given.get("weight"), given.get("bias"), given["running_mean"], given["running_var"]]
    return found, {"epsilon": given.get("eps", 1e-5), "optional": True}


def _pool(label: str, name: str, given: dict[str, Any]) -> Call:
    return [], pool_settings(label, given, int(name[-2]))


def _adaptive(label: str, name: str, given: dict[str, Any]) -> Call:
    if given.get("return_indices"):
        raise MappingError(f"{WHERE}{label}: return_indices = True; must be False; train it with that")
    return [], {"size": given["output_size"], "n_axes": int(name[-2])}


def _mean(_label: str, _name: str, given: dict[str, Any]) -> Call:
    axes = given.get("dim")
    axes = [axes] if isinstance(axes, int) else axes
    return [], {"axes": axes, "keep": bool(given.get("keepdim", False))}


def _flatten(_label: str, _name: str, given: dict[str, Any]) -> Call:
    return [], {"start": given.get("start_dim", 0), "end": given.get("end_dim", -1)}


def _permute(_label: str, _name: str, given: dict[str, Any]) -> Call:
    return [], {"axes": tuple(given["dims"])}


def _swap(_label: str, _name: str, given: dict[str, Any]) -> Call:
    return [], {"swap": (given["dim0"], given["dim1"])}


def _axis(_label: str, _name: str, given: dict[str, Any]) -> Call:
    axis = given.get("dim")
    return [], {"axes": None if axis is None else [axis] if isinstance(axis, int) else list(axis)}


def _pad(label: str, _name: str, given: dict[str, Any]) -> Call:
    return [], {**pad_settings(given["pad"], given.get("value") or 0), "mode": given.get("mode", "constant")}


def _cast(_label: str, _name: str, given: dict[str, Any]) -> Call:
    """To another type or place; TorchScript has types as numbers."""
    to = given.get("dtype")
    floats = getattr(to, "is_floating_point", to in TYPES) if to is not None and not isinstance(to, str) else True
    return [], {"kind": "f" if floats else "i"}


def _swapped(_label: str, _name: str, _given: dict[str, Any]) -> Call:
    return [], {"swap": (0, 1)}


def _two(label: str, _name: str, given: dict[str, Any]) -> Call:
    if given.get("alpha", 1) != 1 or given.get("rounding_mode") is not None:
        raise MappingError(f"{WHERE}{label} has alpha or rounding_mode; must have none; write it out")
    return [given["other"]], {}


def _negative(_label: str, _name: str, _given: dict[str, Any]) -> Call:
    return [-1.0], {}


def _dropout(_label: str, name: str, given: dict[str, Any]) -> Call:
    return [None, bool(given.get("training", True))], {}


def _softmax(_label: str, _name: str, given: dict[str, Any]) -> Call:
    return [], {"axis": given.get("dim", 1)}


def _table() -> dict[str, tuple[str, str, Reader]]:
    """By the name: the operation, the arguments behind the data in order, "*" before one that takes all, the reader."""
    pool = "kernel_size stride padding "
    table: dict[str, tuple[str, str, Reader]] = {
        "linear": ("dense", "weight bias", _linear),
        "batch_norm": ("batch_norm", "running_mean running_var weight bias training momentum eps", _batch_norm),
        "matmul": ("dense", "other", _matmul),
        "mm": ("dense", "other", _matmul),
        "addmm": ("dense", "other bias", _matmul),
        "relu": ("relu", "inplace", _plain),
        "leaky_relu": ("leaky_relu", "negative_slope inplace", _leaky),
        "prelu": ("leaky_relu", "weight", _prelu),
        "abs": ("leaky_relu", "", _absolute),
        "relu6": ("clip", "inplace", _clip),
        "hardtanh": ("clip", "min_val max_val inplace", _clip),
        "clamp": ("clip", "min max", _clip),
        "clamp_min": ("clip", "min", _clip),
        "clamp_max": ("clip", "max", _clip),
        "maximum": ("maximum", "other", _two),
        "minimum": ("minimum", "other", _two),
        "mean": ("mean", "dim keepdim", _mean),
        "flatten": ("flatten", "start_dim end_dim", _flatten),
        "view": ("reshape", "*shape", _plain),
        "reshape": ("reshape", "*shape", _plain),
        "permute": ("transpose", "*dims", _permute),
        "transpose": ("transpose", "dim0 dim1", _swap),
        "t": ("transpose", "", _swapped),
        "squeeze": ("squeeze", "dim", _axis),
        "unsqueeze": ("unsqueeze", "dim", _axis),
        "pad": ("pad", "pad mode value", _pad),
        "neg": ("multiply", "", _negative),
        "softmax": ("softmax", "dim", _softmax),
        "log_softmax": ("softmax", "dim", _softmax),
        "sigmoid": ("sigmoid", "", _plain),
    }
    for n in ("1d", "2d"):
        table[f"conv{n}"] = ("conv", "weight bias stride padding dilation groups", _conv)
        table[f"max_pool{n}"] = ("max_pool", pool + "dilation ceil_mode return_indices", _pool)
        table[f"avg_pool{n}"] = ("average_pool", pool + "ceil_mode count_include_pad divisor_override", _pool)
        table[f"adaptive_avg_pool{n}"] = ("adaptive_average_pool", "output_size", _adaptive)
        table[f"adaptive_max_pool{n}"] = ("adaptive_max_pool", "output_size return_indices", _adaptive)
    for name in ("dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout"):
        table[name] = ("identity", "p training inplace", _dropout)
    table["to"] = ("cast", "dtype", _cast)
    for name in ("contiguous", "clone", "detach", "float", "double"):
        table[name] = ("identity", "", _plain)
    for operation, names in (
        ("add", "add iadd"),
        ("subtract", "sub isub subtract"),
        ("multiply", "mul imul multiply"),
        ("divide", "truediv itruediv div divide"),
        ("floor_divide", "floordiv floor_divide"),
    ):
        table |= dict.fromkeys(names.split(), (operation, "other", _two))
    return table


TYPES = (5, 6, 7, 15)  # numbers of floating-point types
TORCH_JOINS = ("cat", "concat", "concatenate")  # of a list of values, which only they take
IN_PLACE = ("iadd", "isub", "imul", "itruediv")  # operators of Python
TORCH_FUNCTIONS: Mapping[str, tuple[str, str, Reader]] = MappingProxyType(_table())


def bound(names: str, positional: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any] | None:
    """Arguments behind the data by their names; None where there are too many."""
    if names.startswith("*"):
        name = names[1:]
        listed = keywords.get(name, positional[0] if len(positional) == 1 else positional)
        return {name: tuple(listed) if isinstance(listed, tuple | list) else (listed,)}
    wanted = names.split()
    if len(positional) > len(wanted):
        return None
    return dict(zip(wanted, positional, strict=False)) | dict(keywords)
