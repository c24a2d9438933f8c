"""Trained ReLU networks: what is read is what the framework computes, and what cannot be read is refused by name."""

import copy
import itertools
import struct
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzed_reader import read_copies
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eventsim.errors import EventsimError, FileFormatError, InputError, MappingError, NetworkError
from eventsim.files.archive import write_archive
from eventsim.models import digits
from eventsim.models.readers.read_relu import read_relu
from eventsim.models.relu.relu_network import Add, Dense, ReluNetwork

# W1 (3, 3), b1, W2 (2, 3), b2 with activations and logits worked out by hand.
W1 = np.array([[0.5, 0.25, -0.5], [-0.25, 0.5, 0.5], [1.0, -0.75, 0.25]])
B1 = np.array([0.125, -0.25, 0.0625])
W2 = np.array([[1.0, -0.25, 0.5], [-0.5, 0.75, 0.25]])
B2 = np.array([0.1, -0.2])
X = np.array([[1.0, 0.5, 0.25], [0.0, 0.75, 0.5]])
HIDDEN = np.array([[0.625, 0.0, 0.75], [0.0625, 0.375, 0.0]])


def example() -> ReluNetwork:
    return ReluNetwork([Dense("", W1, B1, relu=True), Dense("", W2, B2, relu=False)])


def random_weights(seed: int, sizes: tuple[int, ...]) -> dict[str, list[NDArray[np.float64]]]:
    draw = np.random.default_rng(seed)
    return {
        "weights": [draw.normal(size=(n_out, n_in)) for n_in, n_out in itertools.pairwise(sizes)],
        "biases": [draw.normal(size=n_out) for n_out in sizes[1:]],
    }


def fitted(kind: type, outputs: str, **options: Any) -> tuple[Any, NDArray[np.float64]]:
    """A briefly trained estimator and data for it."""
    draw = np.random.default_rng(3)
    x = draw.uniform(size=(60, 5))
    targets = {
        "classes": draw.integers(0, 3, 60),
        "two classes": draw.integers(0, 2, 60),
        "labels": draw.integers(0, 2, (60, 4)),
        "one value": draw.normal(size=60),
        "values": draw.normal(size=(60, 2)),
    }
    settings = {"hidden_layer_sizes": (7, 6), "solver": "lbfgs", "max_iter": 20_000, "alpha": 0.01, "random_state": 0}
    return kind(**settings | options).fit(x, targets[outputs]), x


# ---- the network


def test_the_worked_example_gives_its_activations_and_logits() -> None:
    network = example()
    [(name, hidden)] = network.activations(X)
    assert name == "dense1"
    assert np.array_equal(hidden, HIDDEN)
    # The products are dyadic and exact; adding a bias rounds once.
    assert np.allclose(network.forward(X), [[1.1, -0.325], [0.06875, 0.05]], rtol=0, atol=3e-16)


def test_the_network_tells_its_shapes() -> None:
    network = ReluNetwork(example().layers, (3, 1))
    assert (network.input_shape, network.output_shape, network.n_in, network.n_out) == ((3, 1), (2,), 3, 2)
    assert network.n_parameters == 9 + 3 + 6 + 2
    assert repr(network) == "ReluNetwork(input (3, 1), dense1 (3,), output (2,); 20 parameters)"
    assert repr(network.layers) == "(Dense('dense1', 3 to 3, relu), Dense('output', 3 to 2))"


def test_layers_are_numbered_and_the_last_is_output_unless_named() -> None:
    weights = random_weights(0, (2, 3, 4, 5, 2))["weights"]
    assert [layer.name for layer in ReluNetwork.from_weights(weights).layers] == [
        "dense1",
        "dense2",
        "dense3",
        "output",
    ]
    named = ReluNetwork.from_weights(weights, names=["", "hidden", "", "logits"])
    assert [layer.name for layer in named.layers] == ["dense1", "hidden", "dense3", "logits"]
    assert [layer.relu for layer in named.layers] == [True, True, True, False]


def test_an_output_layer_with_a_relu_is_among_the_activations() -> None:
    network = ReluNetwork([Dense("", -W1, B1, relu=True)])
    [(name, output)] = network.activations(X)
    assert name == "dense1"  # the read-out behind it passes its values on
    assert np.array_equal(output, network.forward(X))
    assert output.min() == 0


def test_inputs_may_be_flat_or_shaped() -> None:
    network = read_relu(random_weights(1, (6, 4, 2)), input_shape=(2, 3))
    x = np.random.default_rng(2).uniform(size=(5, 2, 3))
    assert np.array_equal(network.forward(x), network.forward(x.reshape(5, 6)))
    assert network.forward(x[:0]).shape == (0, 2)
    assert network.forward(x[:0], dtype=object).shape == (0, 2)


def test_nothing_of_a_network_can_be_changed() -> None:
    weight = W1.copy()
    network = ReluNetwork([Dense("", weight, B1, relu=True)], provenance={"seed": [1]})
    weight[:] = 0
    assert np.array_equal(network.layers[0].apply(X), X @ W1.T + B1)
    layer = network.layers[0]
    assert isinstance(layer, Dense)
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0] = 1
    with pytest.raises(AttributeError):
        layer.bias = B1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        network.layers = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        network.provenance["seed"] = 2  # type: ignore[index]


def test_a_network_may_go_to_another_process() -> None:
    network = digits.network()
    again = copy.deepcopy(network)  # by the protocol that pickles use
    assert again.provenance == network.provenance
    assert np.array_equal(again.forward(digits.test_images()[0]), network.forward(digits.test_images()[0]))


# ---- exact arithmetic


def test_fractions_are_exact_where_floats_round() -> None:
    third = np.array([[Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)]], dtype=object)
    network = read_relu({"weights": [third]})
    [[exact]] = network.forward(np.array([[Fraction(1, 7)] * 3]), dtype=object)
    assert exact == Fraction(1, 7)
    [[tenths]] = read_relu({"weights": [[[1.0, 1.0]]]}).forward([[0.1, 0.2]], dtype=object)
    assert tenths == Fraction(0.1) + Fraction(0.2) != Fraction(0.1 + 0.2)


def test_every_exact_number_is_a_fraction() -> None:
    network = read_relu(random_weights(4, (5, 6, 3)))
    x = np.random.default_rng(5).integers(0, 2, (4, 5))
    outputs = [network.forward(x, dtype=object), *(held for _, held in network.activations(x, dtype=object))]
    values = [value for output in outputs for value in output.ravel()]
    assert all(type(value) is Fraction and type(value.numerator) is int for value in values)
    assert Fraction(0) in values


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_exact_extended_and_float_logits_agree_within_rounding(seed: int, sizes: list[int]) -> None:
    network = read_relu(random_weights(seed, tuple(sizes)))
    x = np.random.default_rng(seed).uniform(size=(3, sizes[0]))
    exact = network.forward(x, dtype=object)
    size = bound_on_sums(network, x)
    for dtype in (np.longdouble, np.float64):
        logits = network.forward(x, dtype=dtype)
        assert logits.dtype == dtype
        # Twice n + 1 roundings for each of the layers, relative to the sum of absolute values.
        n_roundings = 2 * sum(n + 1 for n in sizes[:-1])
        errors = [abs(Fraction(*a.as_integer_ratio()) - b) for a, b in zip(logits.flat, exact.flat, strict=True)]
        assert max(errors) <= n_roundings * float(np.finfo(dtype).eps) * size


def bound_on_sums(network: ReluNetwork, x: NDArray[np.float64]) -> float:
    """The largest sum of absolute values that any logit is made of."""
    layers = [Dense(layer.name, abs(layer.weight), abs(layer.bias), True) for layer in dense_layers(network)]
    return float(ReluNetwork(layers).forward(x).max())


def dense_layers(network: ReluNetwork) -> list[Dense]:
    return [layer for layer in network.layers if isinstance(layer, Dense)]


def test_networks_of_fractions_are_computed_with_in_any_number() -> None:
    exact = read_relu({"weights": [np.array([[Fraction(1, 3), 2]], dtype=object)], "biases": [[0.5]]})
    assert exact.forward([[1.0, 1.0]])[0, 0] == pytest.approx(17 / 6, rel=1e-15)
    extended = exact.forward([[1.0, 1.0]], dtype=np.longdouble)[0, 0]
    assert abs(Fraction(*extended.as_integer_ratio()) - Fraction(17, 6)) < 4 * float(np.finfo(np.longdouble).eps)
    with pytest.raises(InputError, match="a Fraction is too large for float64"):
        exact.forward(np.array([[Fraction(10) ** 400, 1]], dtype=object))


# ---- what networks and inputs are refused


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "there are no layers; give at least one"),
        ([("", [[1.0, np.nan]], [0.0])], r"layer '': weight\[0, 1\] = nan \(1 such values\); must be finite; replace"),
        ([("a", [[1.0]], [np.inf])], r"layer 'a': bias\[0\] = inf"),
        ([("a", np.zeros((2, 0)), [0.0, 0.0])], r"weight has shape \(2, 0\); must not be empty; remove the layer"),
        ([("a", np.zeros((0, 2)), [])], r"weight has shape \(0, 2\); must not be empty"),
        ([("a", np.zeros(3), [0.0])], r"layer 'a': weight has shape \(3,\); must be \(n_out, n_in\)"),
        ([("a", [[1.0], [2.0, 3.0]], [0.0, 0.0])], "weight is not an array .*; give rows of equal length"),
        ([("a", [["1.0"]], [0.0])], "weight has dtype <U3; must be real numbers; convert it first"),
        ([("a", [[1j]], [0.0])], "weight has dtype complex128"),
        ([("a", [[None]], [0.0])], r"weight\[0, 0\] = None; must be a finite real number"),
        ([("a", np.ones((1, 1), np.longdouble), [0.0])], "which float64 would round; give float64 or Fractions"),
        ([("a", np.ones((3, 2)), np.zeros(4))], r"bias of shape \(4,\) for a weight of shape \(3, 2\); must be"),
        ([("a", np.ones((3, 2)), np.zeros(2))], r"transpose the weight, which is \(n_in, n_out\)"),
        (
            [("a", np.ones((3, 2)), np.zeros(3)), ("b", np.ones((2, 4)), np.zeros(2))],
            r"layer 'b': weight of shape \(2, 4\) needs 4 inputs, but what precedes it has shape \(3,\), 3 values",
        ),
        (
            [("a", np.ones((3, 2)), np.zeros(3)), ("b", np.ones((3, 5)), np.zeros(3))],
            r"transpose it if it is \(n_in, n_out\)",
        ),
        ([("a", [[1.0]], [0.0]), ("a", [[1.0]], [0.0])], "two layers are named 'a'; give each its own name"),
        ([("input", [[1.0]], [0.0])], "layer 0 has name 'input'; must be printable, .* and not 'input'"),
        ([("a\n", [[1.0]], [0.0])], "must be printable"),
        ([(7, [[1.0]], [0.0])], "layer 0 has name 7"),
    ],
)
def test_networks_that_cannot_be_are_refused_by_layer(layers: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        ReluNetwork([Dense(name, weight, bias, relu=True) for name, weight, bias in layers])


def test_other_mistakes_in_building_are_refused() -> None:
    with pytest.raises(NetworkError, match=r"layers\[0\] is a list; must be a Layer, as Dense"):
        ReluNetwork([[1.0]])  # type: ignore[list-item]
    with pytest.raises(NetworkError, match="relu = 'yes'; must be True or False"):
        Dense("a", W1, B1, relu="yes")  # type: ignore[arg-type]
    for shape in ((), (3, 0), (3, -1), (1.5, 2), 3):
        with pytest.raises(NetworkError, match=r"input_shape = .*; must be whole numbers from 1"):
            ReluNetwork(example().layers, shape)  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match=r"needs 3 inputs, but what precedes it has shape \(2, 2\)"):
        ReluNetwork(example().layers, (2, 2))


@pytest.mark.parametrize(
    ("x", "dtype", "message"),
    [
        (np.zeros((2, 4)), float, r"x has shape \(2, 4\); must be \(n, 3\)$"),
        (np.zeros(3), float, r"x has shape \(3,\).*one sample needs a leading axis: x\[None\]"),
        (1.0, float, r"x has shape \(\)"),
        ([[0.0, np.nan, 1.0]], float, r"x\[0, 1\] = nan .*must be finite"),
        (np.array([[0.0, np.inf, 1.0]], dtype=object), object, r"x\[0, 1\] = inf; must be a finite real number"),
        ([["a", "b", "c"]], float, "x has dtype <U1; must be real numbers"),
        (X, int, "dtype = int64; must be a floating type, or object for Fractions"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x: Any, dtype: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        example().forward(x, dtype=dtype)


# ---- scikit-learn


@pytest.mark.parametrize(
    ("outputs", "link"),
    [
        (
            "classes",
            lambda z: np.exp(z - z.max(1, keepdims=True)) / np.exp(z - z.max(1, keepdims=True)).sum(1)[:, None],
        ),
        ("two classes", lambda z: np.hstack([1 - 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(-z))])),
        ("labels", lambda z: 1 / (1 + np.exp(-z))),
    ],
)
def test_logits_of_a_classifier_give_its_probabilities(outputs: str, link: Any) -> None:
    classifier, x = fitted(MLPClassifier, outputs)
    network = read_relu(classifier)
    # Both sum the same products in another order, about 20 roundings of numbers of order 10.
    assert np.allclose(link(network.forward(x)), classifier.predict_proba(x), rtol=0, atol=1e-13)
    assert network.forward(x).shape == (60, classifier.n_outputs_)
    assert network.forward(x).std() > 1, "the classifier has learnt nothing that could differ"
    assert [layer.relu for layer in network.layers] == [True, True, False]


@pytest.mark.parametrize("outputs", ["one value", "values"])
def test_outputs_of_a_regressor_are_its_predictions(outputs: str) -> None:
    regressor, x = fitted(MLPRegressor, outputs)
    predicted = regressor.predict(x).reshape(60, -1)
    assert np.allclose(read_relu(regressor).forward(x), predicted, rtol=0, atol=1e-12)


def test_an_estimator_of_single_precision_is_read_exactly() -> None:
    _, x = fitted(MLPClassifier, "classes")
    single = MLPClassifier((4,), tol=1e3, n_iter_no_change=1).fit(x.astype(np.float32), x[:, 0] > 0.5)
    assert single.coefs_[0].dtype == np.float32
    assert np.array_equal(dense_layers(read_relu(single))[0].weight, single.coefs_[0].T.astype(np.float64))


def test_a_subclass_of_a_supported_estimator_is_read() -> None:
    class Mine(MLPClassifier):  # type: ignore[misc]
        pass

    assert read_relu(fitted(Mine, "classes", hidden_layer_sizes=())[0]).n_out == 3


def test_estimators_that_cannot_be_read_are_refused_by_name() -> None:
    with pytest.raises(MappingError, match="MLPClassifier: activation = 'tanh'; must be 'relu'"):
        read_relu(MLPClassifier(activation="tanh"))
    with pytest.raises(InputError, match="MLPRegressor is not fitted; call its fit"):
        read_relu(MLPRegressor())
    with pytest.raises(InputError, match=r"LogisticRegression holds no ReLU network.*MLPClassifier or MLPRegressor"):
        read_relu(LogisticRegression())
    with pytest.raises(InputError, match=r"Pipeline holds no ReLU network that is read; its last step is Logist"):
        read_relu(make_pipeline(StandardScaler(), LogisticRegression()))
    with pytest.raises(InputError, match="MLPClassifier is not fitted; call its fit"):
        read_relu(make_pipeline(MLPClassifier()))
    with pytest.raises(InputError, match="MLPClassifier is a class, not a network"):
        read_relu(MLPClassifier)
    regressor, _ = fitted(MLPRegressor, "one value", hidden_layer_sizes=())
    regressor.out_activation_ = "exp"
    with pytest.raises(MappingError, match="out_activation_ = 'exp'; must be one of identity, softmax, logistic"):
        read_relu(regressor)


# ---- dicts, networks, other objects


def test_a_dict_of_weights_is_read() -> None:
    network = read_relu({"weights": [W1, W2], "biases": [B1, B2], "input_shape": (3, 1), "names": ["hidden", ""]})
    assert np.array_equal(network.forward(X), example().forward(X))
    assert network.input_shape == (3, 1)
    assert [layer.name for layer in network.layers] == ["hidden", "output"]
    assert read_relu({"weights": [W1.tolist()], "biases": [B1.tolist()]}, input_shape=[1, 3]).input_shape == (1, 3)


def test_biases_left_out_are_zeros() -> None:
    with_zeros = read_relu({"weights": [W1, W2], "biases": [np.zeros(3), B2]})
    assert np.array_equal(read_relu({"weights": [W1, W2], "biases": [None, B2]}).forward(X), with_zeros.forward(X))
    assert np.array_equal(read_relu({"weights": [W1]}).forward(X), X @ W1.T)


def test_a_network_is_returned_as_it_is() -> None:
    network = example()
    assert read_relu(network) is network
    assert read_relu(network, input_shape=(1, 3)).input_shape == (1, 3)


class Module:
    """Stands for ``torch.nn.Module``."""


Module.__module__ = "torch.nn.modules.module"


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ({"weight": [W1]}, InputError, "unknown key 'weight', did you mean 'weights'?"),
        ({"biases": [B1]}, InputError, r"the dict has no 'weights'; give one array \(n_out, n_in\)"),
        ({"weights": None}, InputError, "weights = None; must be a list with one entry for each layer"),
        ({"weights": [W1], "biases": "no"}, InputError, "biases = 'no'; must be a list"),
        ({"weights": []}, NetworkError, "there are no layers"),
        ({"weights": [W1, W2], "biases": [B1]}, NetworkError, "1 biases for 2 weights; give one for each layer"),
        ({"weights": [W1], "names": ["a", "b"]}, NetworkError, "2 names for 1 weights"),
        ({"weights": [W2, W1]}, NetworkError, r"layer 'output': weight of shape \(3, 3\) needs 3 inputs"),
        (
            Module(),
            InputError,
            r"a torch\.nn\.modules\.module\.Module, which is not read; give a ReluNetwork, a fitted",
        ),
        (7, InputError, r"a builtins\.int, which is not read; give a ReluNetwork"),
        (None, InputError, r"a builtins\.NoneType, which is not read"),
        ([W1, W2], InputError, r"a builtins\.list, which is not read; .*a dict \{'weights'"),
        (W1, InputError, r"a numpy\.ndarray, which is not read"),
    ],
)
def test_other_sources_are_refused_with_what_is_supported(
    source: Any, error: type[EventsimError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_relu(source)


# ---- files


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    example().save(tmp_path / "net.npz")
    return tmp_path / "net.npz"


def test_a_saved_network_is_read_back_to_the_bit(tmp_path: Path) -> None:
    network = ReluNetwork(
        [
            *read_relu(random_weights(6, (12, 5, 4))).layers[:1],
            Dense("a.b weight", np.ones((2, 5)), np.array([0.1, 0.0]), True),
        ],
        (3, 4),
        {"seed": 3, "of": ["a", 1]},
    )
    network.save(tmp_path / "net.npz")
    again = read_relu(str(tmp_path / "net.npz"))
    assert repr(again) == repr(network)
    assert again.provenance == network.provenance
    for read, written in zip(dense_layers(again), dense_layers(network), strict=True):
        assert (read.name, read.relu) == (written.name, written.relu)
        assert read.weight.tobytes() == written.weight.tobytes()
        assert read.bias.tobytes() == written.bias.tobytes()
    assert read_relu(tmp_path / "net.npz", input_shape=(12,)).input_shape == (12,)


def test_networks_of_fractions_are_not_saved(tmp_path: Path) -> None:
    network = read_relu({"weights": [np.array([[Fraction(1, 3)]], dtype=object)]})
    with pytest.raises(InputError, match="layer 'output' holds Fractions; a file holds float64, convert it first"):
        network.save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net.npy", "is a single array, which is not read; give a ReluNetwork"),
        ("net.pkl", "is a pickle, .*pickles are never loaded, since that runs code: load it yourself"),
        ("net.pt", "is a PyTorch file, a pickle, .*pickles are never loaded"),
        ("net", "is of no kind that eventsim knows"),
        ("absent.npz", "there is no such file"),
    ],
)
def test_other_files_are_refused_with_what_is_supported(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_relu(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("net.onnx", "onnx", "onnx"), ("net.keras", "h5py", "keras"), ("net.H5", "h5py", "keras")],
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch, tmp_path: Path, name: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        InputError, match=rf"needs the package {package}; install it with: pip install 'eventsim\[{extra}\]'"
    ):
        read_relu(tmp_path / name)


def test_a_pickle_called_npz_is_refused_and_not_loaded(tmp_path: Path) -> None:
    made = tmp_path / "made"
    code = b"\x80\x02cos\nmkdir\nX" + struct.pack("<I", len(str(made))) + str(made).encode() + b"\x85R."
    (tmp_path / "net.npz").write_bytes(code)
    with pytest.raises(FileFormatError, match="this is a pickle, which eventsim never loads"):
        read_relu(tmp_path / "net.npz")
    assert not made.exists()


ENTRY = {"kind": "dense", "name": "output", "relu": False}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": [ENTRY | {"kind": "dens"}]}, "kind 'dens', did you mean 'dense'.*this release reads dense"),
        ({"layers": [ENTRY | {"kind": ["dense"]}]}, "no network of eventsim-relu version 1"),
        ({"layers": [ENTRY | {"name": "other"}]}, "missing 2 required positional arguments"),
        ({"layers": [ENTRY | {"stride": 2}]}, "unexpected keyword argument 'stride'"),
        ({"layers": [ENTRY | {"relu": 1}]}, "relu = 1; must be True or False"),
        ({"layers": [{}]}, "KeyError"),
        ({"layers": []}, "there are no layers"),
        ({"layers": 3}, "TypeError"),
        ({"input_shape": [4]}, "needs 3 inputs"),
        ({"input_shape": ["a"]}, "must be whole numbers"),
        ({"provenance": "me"}, "no network of eventsim-relu"),
        ({"format": "eventsim-run"}, "of format 'eventsim-run'; 'eventsim-relu' is needed here"),
        ({"version": 2}, r"version 2 is newer than this release reads \(1 to 1\); upgrade eventsim"),
    ],
)
def test_headers_that_make_no_network_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    header = {"format": "eventsim-relu", "version": 1, "input_shape": [3], "layers": [ENTRY], "provenance": {},
              "inputs": {}}  # fmt: skip
    arrays = {"output.weight": W1, "output.bias": B1}
    write_archive(tmp_path / "good.npz", header, arrays)
    assert np.array_equal(read_relu(tmp_path / "good.npz").forward(X), X @ W1.T + B1)
    write_archive(tmp_path / "bad.npz", header | changes, arrays)
    with pytest.raises(FileFormatError, match=message):
        read_relu(tmp_path / "bad.npz")


def test_weights_in_a_file_are_checked_too(tmp_path: Path) -> None:
    header = {"format": "eventsim-relu", "version": 1, "input_shape": [3], "layers": [ENTRY], "inputs": {}}
    for weight, message in [(W1 * np.nan, "weight.0, 0. = nan"), (W1[:, :2], "needs 2 inputs"), (W1[0], "must be")]:
        write_archive(tmp_path / "bad.npz", header, {"output.weight": weight, "output.bias": B1})
        with pytest.raises(FileFormatError, match=message):
            read_relu(tmp_path / "bad.npz")


def test_a_network_file_cut_anywhere_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for n_kept in range(0, len(whole), 7):
        saved.write_bytes(whole[:n_kept])
        with pytest.raises(FileFormatError):
            read_relu(saved)


def test_a_network_file_with_any_byte_changed_is_refused_or_reads_the_same(saved: Path) -> None:
    whole = saved.read_bytes()
    logits = example().forward(X)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x11
        saved.write_bytes(damaged)
        try:
            network = read_relu(saved)
        except FileFormatError:
            continue
        assert np.array_equal(network.forward(X), logits)


def test_damaged_copies_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    layers = [Dense("a", W1, B1, True), Dense("b", W1, B1, False), Add("sum", True), Dense("output", W2, B2, False)]
    ReluNetwork(layers, inputs={"sum": ["a", "b"]}).save(tmp_path / "net.npz")
    read_copies(tmp_path / "net.npz")
