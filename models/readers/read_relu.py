"""Readers of trained ReLU networks: whatever a user holds becomes a `ReluNetwork`.

Relies on `eventsim.models.relu.relu_network`. Frameworks are recognised by the names of the classes handed in, and
are never imported here. Used by `to_ttfs`, the command line and the demo.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError, InputError, nearest
from eventsim.models.readers.read_keras import read_keras
from eventsim.models.readers.read_onnx import read_onnx
from eventsim.models.readers.read_sklearn import is_sklearn, read_sklearn
from eventsim.models.readers.read_torch import is_torch, read_torch
from eventsim.models.relu.input_order import turn_of
from eventsim.models.relu.relu_network import ReluNetwork

SUPPORTED = (
    "a ReluNetwork, a fitted scikit-learn MLPClassifier or MLPRegressor with activation='relu' or a Pipeline of "
    "scalers and one of these, a torch.nn.Module that torch.fx can trace, a program of torch.export or TorchScript, a "
    "dict {'weights': [...], 'biases': [...]}, or the path of an ONNX (.onnx) or Keras (.keras, .h5) model or of an "
    ".npz file written by ReluNetwork.save"
)
DICT_KEYS = ("weights", "biases", "input_shape", "names")
OTHER_SUFFIXES = {
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".joblib": "a pickle",
    ".pt": "a PyTorch file, a pickle",
    ".pth": "a PyTorch file, a pickle",
    ".pt2": "a program of torch.export",
    ".npy": "a single array",
    ".safetensors": "a safetensors file",
}

# What to do with some of them besides.
ADVICE = {
    ".pt": " (as the module, or torch.jit.load(path))",
    ".pth": " (as the module, or torch.jit.load(path))",
    ".pt2": "; load it yourself: torch.export.load(path)",
}


def read_relu(source: Any, input_shape: Sequence[int] | None = None) -> ReluNetwork:
    """Return the trained ReLU network that `source` holds.

    Parameters
    ----------
    source
        One of

        - a `ReluNetwork`, returned as it is;
        - a fitted scikit-learn ``MLPClassifier`` or ``MLPRegressor`` with ``activation="relu"``; the softmax or
          sigmoid behind its last layer is left out;
        - a scikit-learn ``Pipeline`` of scalers (standard, min-max, max-abs, robust) and one of these;
        - a ``torch.nn.Module`` that ``torch.fx`` can trace, a ``torch.nn.Sequential`` for example; it is read as it
          evaluates, whether it is in training or not; what ``torch.compile`` made of it likewise;
        - a ``torch.export.ExportedProgram``, its ``module()``, or a module of TorchScript;
        - the path of an ONNX model, ``.onnx``, of opset 7 or later (needs the package onnx);
        - the path of a Keras model, ``.keras`` or ``.h5``, Sequential or Functional (needs the package h5py);
        - a mapping with ``weights``, one array (n_out, n_in) for each layer, and optionally ``biases``, one array
          (n_out,) for each layer (absent or None: zeros), ``input_shape`` and ``names``; a ReLU follows every
          layer but the last;
        - the path of an .npz file that `ReluNetwork.save` wrote.

        `supported_operations` lists what is read of PyTorch, ONNX and Keras, branches among it. A softmax or sigmoid
        at the end is left out, and ``provenance["dropped"]`` says so.
    input_shape
        Shape of one input, where it is not flat; it goes before the one that `source` holds. Needed for a torch
        network that does not begin with a Linear, and for models that leave a size open. Inputs of the network
        returned have their channels first, those of Keras, too.

    Raises
    ------
    InputError
        A source of another kind, an estimator that is not fitted, a key that a mapping does not have.
    MappingError
        A network with another activation than ReLU, a torch module or setting that is not supported.
    NetworkError
        Weights that make no network: NaN or infinite, shapes that do not chain, empty.
    FileFormatError
        A file that is missing, damaged, a pickle, or of a kind that is not read.

    Warns
    -----
    UserWarning
        The model has its inputs in another order, and both shapes are equal. Where they differ, the repr of the network
        and ``provenance["inputs"]`` say so, and inputs as the model has them are refused.
    """
    if isinstance(source, ReluNetwork):
        return _shaped(source, input_shape)
    if isinstance(source, Mapping):
        return _shaped(_from_mapping(source), input_shape)
    named = isinstance(source, str | os.PathLike)
    network = _from_path(Path(source), input_shape) if named else _from_object(source, input_shape)
    turn = turn_of(network.provenance)
    if turn is not None and turn.ambiguous:
        warnings.warn(
            f"read_relu: the model takes inputs of shape {turn.model} in another order than this network, whose "
            f"channels come first; both have one shape, so that nobody can see which is which: give {turn.how} of what "
            "the model takes",
            UserWarning,
            stacklevel=2,
        )
    return network


def _shaped(network: ReluNetwork, input_shape: Sequence[int] | None) -> ReluNetwork:
    if input_shape is None:
        return network
    return ReluNetwork(network.layers, input_shape, network.provenance, network.inputs, network.quantizers)


def _from_path(path: Path, input_shape: Sequence[int] | None) -> ReluNetwork:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _shaped(ReluNetwork.load(path), input_shape)
    if suffix == ".onnx":
        return read_onnx(path, input_shape)
    if suffix in (".keras", ".h5", ".hdf5"):
        return read_keras(path, input_shape)
    kind = OTHER_SUFFIXES.get(suffix, "of no kind that eventsim knows")
    advice = "; pickles are never loaded, since that runs code: load it yourself" if "pickle" in kind else ""
    advice += ADVICE.get(suffix, "")
    raise FileFormatError(f"read_relu: {path} is {kind}, which is not read{advice}; give {SUPPORTED}")


def _from_mapping(source: Mapping[str, Any]) -> ReluNetwork:
    for key in source:
        if key not in DICT_KEYS:
            raise InputError(
                f"read_relu: unknown key {key!r}{nearest(key, DICT_KEYS)}; a dict has 'weights' and may have "
                f"{', '.join(map(repr, DICT_KEYS[1:]))}"
            )
    if "weights" not in source:
        raise InputError("read_relu: the dict has no 'weights'; give one array (n_out, n_in) for each layer")
    for key, value in source.items():
        listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        listed = listed or (isinstance(value, np.ndarray) and value.ndim > 0)
        if not listed and (value is not None or key == "weights"):
            raise InputError(f"read_relu: {key} = {value!r}; must be a list with one entry for each layer")
    return ReluNetwork.from_weights(
        source["weights"], source.get("biases"), source.get("input_shape"), source.get("names")
    )


def _from_object(source: Any, input_shape: Sequence[int] | None) -> ReluNetwork:
    """Recognise an object of another library by its classes' names, so that the library is not needed here."""
    name = f"{type(source).__module__}.{type(source).__qualname__}"
    if is_sklearn(source):
        return _shaped(read_sklearn(source, SUPPORTED), input_shape)
    if isinstance(source, type):
        raise InputError(f"read_relu: {source.__qualname__} is a class, not a network; give {SUPPORTED}")
    if is_torch(source):
        return read_torch(source, input_shape)
    raise InputError(f"read_relu: source is a {name}, which is not read; give {SUPPORTED}")
