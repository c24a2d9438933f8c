"""Pipelines of scikit-learn: scalers before a multilayer perceptron are layers, and compute what scikit-learn does."""

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from eventsim import simulate
from eventsim.errors import InputError, MappingError
from eventsim.models import read_relu, to_ttfs, verify

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")  # three steps of training are enough
RNG = np.random.default_rng(3)
X = RNG.normal(2.0, 3.0, (40, 4)) * [1.0, 10.0, 0.1, 1.0]
OUTSIDE = np.vstack([X, 2 * X, -X])  # beyond what was seen, where clips act

SCALERS: dict[str, list[Any]] = {
    "standard": [StandardScaler()],
    "without mean": [StandardScaler(with_mean=False)],
    "without deviation": [StandardScaler(with_std=False)],
    "min-max": [MinMaxScaler((-1.0, 2.0))],
    "min-max clipped": [MinMaxScaler(clip=True)],
    "max-abs": [MaxAbsScaler()],
    "max-abs clipped": [MaxAbsScaler(clip=True)],
    "robust": [RobustScaler()],
    "robust without scaling": [RobustScaler(with_scaling=False)],
    "robust without centring": [RobustScaler(with_centering=False)],
    "two": [StandardScaler(), MinMaxScaler()],
    "pipeline": [make_pipeline(StandardScaler(), "passthrough"), "passthrough", MaxAbsScaler()],
    "nothing": ["passthrough"],
}


def fitted(steps: list[Any], regressor: bool = True) -> Any:
    kind, y = (MLPRegressor, X[:, 0]) if regressor else (MLPClassifier, np.arange(40) % 3)
    perceptron = kind(hidden_layer_sizes=(6, 5), max_iter=3, random_state=1)
    return make_pipeline(*steps, perceptron).fit(X, y)


@pytest.mark.parametrize("scaler", SCALERS)
def test_pipelines_compute_what_scikit_learn_computes(scaler: str) -> None:
    pipeline = fitted(SCALERS[scaler])
    network = read_relu(pipeline)
    assert np.abs(network.forward(OUTSIDE).ravel() - pipeline.predict(OUTSIDE)).max() <= 1e-11
    assert network.input_shape == (4,)
    # One range for features of several scales: the largest activation says little about when neurons may fire.
    net = to_ttfs(network, OUTSIDE, windows="certified", input_range=(float(OUTSIDE.min()), float(OUTSIDE.max())))
    run = simulate(net, OUTSIDE, engine="reference")
    assert np.abs(run.readout.ravel() - pipeline.predict(OUTSIDE)).max() <= 1e-9
    assert verify(net, network, OUTSIDE).ok


def test_pipelines_of_classifiers_keep_their_function_and_names() -> None:
    network = read_relu(fitted([StandardScaler()], regressor=False))
    assert dict(network.provenance) == {
        "source": "scikit-learn Pipeline of StandardScaler, MLPClassifier",
        "output": "softmax",
    }
    assert [layer.name for layer in network.layers] == ["batch_norm1", "dense1", "dense2", "output"]


class OwnScaler(StandardScaler):  # type: ignore[misc]
    def transform(self, x: Any) -> Any:
        return super().transform(x) + 1


def test_steps_that_no_layer_computes_are_refused_by_name() -> None:
    for step, name in ((Normalizer(), "Normalizer"), (OwnScaler(), "OwnScaler")):
        with pytest.raises(
            MappingError, match=rf"step {name} of a Pipeline is not read; supported are StandardScaler, M"
        ):
            read_relu(fitted([step]))
    unfitted = make_pipeline(StandardScaler(), fitted(["passthrough"])[-1])
    with pytest.raises(InputError, match=r"StandardScaler is not fitted; call fit\(X, y\) of its Pipeline first"):
        read_relu(unfitted)


def test_a_search_is_told_to_give_its_best_estimator() -> None:
    search = GridSearchCV(MLPRegressor(max_iter=3), {"alpha": [1e-4]}, cv=2).fit(X, X[:, 0])
    with pytest.raises(InputError, match=r"GridSearchCV holds no ReLU network that is read; give its best_estimator_"):
        read_relu(search)
    assert read_relu(search.best_estimator_).n_in == 4
