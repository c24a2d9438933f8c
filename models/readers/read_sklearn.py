"""Reader of scikit-learn: multilayer perceptrons, and pipelines of scalers that end in one.

scikit-learn is not imported: estimators are known by the names of their classes. Relies on the ReLU network. Used by
`read_relu`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from eventsim.errors import InputError, MappingError
from eventsim.models.relu.relu_network import BatchNorm, Clip, Layer, ReluNetwork

Array = np.ndarray[Any, Any]
ESTIMATORS = ("MLPClassifier", "MLPRegressor")
# Monotone functions behind the last layer; logits are what comes before them.
DROPPED_OUTPUTS = ("identity", "softmax", "logistic")


def is_sklearn(source: Any) -> bool:
    """Is it an object of scikit-learn, or of a class that derives from one?"""
    return any(cls.__module__.split(".")[0] == "sklearn" for cls in type(source).__mro__)


def read_sklearn(source: Any, supported: str) -> ReluNetwork:
    """Return the network of an estimator; `supported` is what is read, for messages.

    Raises
    ------
    InputError
        An estimator of another kind, or one that is not fitted.
    MappingError
        Another activation than ReLU, another loss, a step of a pipeline that no layer computes.
    """
    steps = _steps(source)
    if not steps or not _is_perceptron(steps[-1]):
        name = f"{type(source).__module__}.{type(source).__qualname__}"
        inner = "; give its best_estimator_" if hasattr(source, "best_estimator_") else ""
        inner = inner or f"; its last step is {_name(steps[-1])}" * (len(steps) > 1)
        raise InputError(f"read_relu: {name} holds no ReLU network that is read{inner}; give {supported}")
    network = _perceptron(steps[-1])
    layers = [layer for step in steps[:-1] for layer in _scaler(step)]
    if len(steps) == 1:
        return network
    source_name = f"scikit-learn Pipeline of {', '.join(map(_name, steps))}"
    return ReluNetwork([*layers, *network.layers], network.input_shape, {**network.provenance, "source": source_name})


def _name(step: Any) -> str:
    return type(step).__name__


def _steps(source: Any) -> list[Any]:
    """The steps of a pipeline, those of pipelines within it among them, without those that pass all on."""
    if not any(cls.__module__ == "sklearn.pipeline" and cls.__qualname__ == "Pipeline" for cls in type(source).__mro__):
        return [source]
    found: list[Any] = []
    for _, step in source.steps:
        if step is not None and not (isinstance(step, str) and step == "passthrough"):
            found += _steps(step)
    return found


def _is_perceptron(estimator: Any) -> bool:
    classes = [(cls.__module__, cls.__qualname__) for cls in type(estimator).__mro__]
    return any(module.startswith("sklearn.") and name in ESTIMATORS for module, name in classes)


def _perceptron(estimator: Any) -> ReluNetwork:
    """Read a multilayer perceptron; scikit-learn keeps weights as (n_in, n_out)."""
    name = _name(estimator)
    if estimator.activation != "relu":
        raise MappingError(
            f"read_relu: {name}: activation = {estimator.activation!r}; must be 'relu'; train it with activation='relu'"
        )
    if not hasattr(estimator, "coefs_"):
        raise InputError(f"read_relu: {name} is not fitted; call its fit(X, y) first")
    if estimator.out_activation_ not in DROPPED_OUTPUTS:
        raise MappingError(
            f"read_relu: {name}: out_activation_ = {estimator.out_activation_!r}; must be one of "
            f"{', '.join(DROPPED_OUTPUTS)}; train it with another loss"
        )
    return ReluNetwork.from_weights(
        [weight.T for weight in estimator.coefs_],
        estimator.intercepts_,
        provenance={"source": f"scikit-learn {name}", "output": estimator.out_activation_},
    )


def _scaler(step: Any) -> list[Layer]:
    """The layers of a step before the network."""
    name = _name(step)
    if not type(step).__module__.startswith("sklearn.preprocessing.") or name not in SCALERS:
        raise MappingError(
            f"read_relu: step {name} of a Pipeline is not read; supported are {', '.join(SCALERS)} before an MLP; "
            "leave it out, and hand over data that it has transformed"
        )
    if not hasattr(step, "n_features_in_"):
        raise InputError(f"read_relu: {name} is not fitted; call fit(X, y) of its Pipeline first")
    return SCALERS[name](step)


def _affine(n: int, scale: Any, shift: Any, centre: Any) -> BatchNorm:
    """``scale (x - centre) + shift`` of each feature; None leaves a part out."""
    one = np.ones(n)
    parts = [given * one if given is not None else default for given, default in ((scale, one), (shift, 0 * one))]
    return BatchNorm("", parts[0], parts[1], 0 * one if centre is None else centre * one, one, 0.0)


def _inverse(scale: Any) -> Any:
    return None if scale is None else 1 / np.asarray(scale, np.float64)


def _standard(step: Any) -> list[Layer]:
    return [_affine(step.n_features_in_, _inverse(step.scale_), None, step.mean_ if step.with_mean else None)]


def _robust(step: Any) -> list[Layer]:
    return [_affine(step.n_features_in_, _inverse(step.scale_), None, step.center_)]


def _min_max(step: Any) -> list[Layer]:
    low, high = map(float, step.feature_range)
    made: list[Layer] = [_affine(step.n_features_in_, step.scale_, step.min_, None)]
    return [*made, Clip("", low, high)] if step.clip else made


def _max_abs(step: Any) -> list[Layer]:
    made: list[Layer] = [_affine(step.n_features_in_, _inverse(step.scale_), None, None)]
    return [*made, Clip("", -1.0, 1.0)] if getattr(step, "clip", False) else made


SCALERS: Mapping[str, Callable[[Any], list[Layer]]] = MappingProxyType(
    {"StandardScaler": _standard, "MinMaxScaler": _min_max, "MaxAbsScaler": _max_abs, "RobustScaler": _robust}
)
