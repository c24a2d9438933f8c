"""What is read from Keras files computes what Keras computes; what cannot be read is refused by name."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzed_reader import FEW_COPIES, read_copies
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from eventsim import simulate
from eventsim.errors import EventsimError, FileFormatError, InputError, MappingError
from eventsim.models import read_relu, to_ttfs, verify
from eventsim.models.readers import keras_weights
from eventsim.models.readers.keras_layers import KERAS_LAYERS
from eventsim.models.relu.folded import fused

os.environ.setdefault("KERAS_BACKEND", "torch")
h5py = pytest.importorskip("h5py")
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras", exc_type=ImportError)
L = keras.layers

pytestmark = [
    pytest.mark.references,
    pytest.mark.filterwarnings("ignore"),  # Keras and its backend warn of themselves; eventsim's own tests do not
]

Array = np.ndarray[Any, Any]
Draw = Any
# Keras rounds normalisations and ReLUs to float32, whatever the model is in. A wrong border is a thousand times that.
SINGLE = 1e-5
TOLERANCE = 1e-11
FORMATS = ("net.keras", "net.h5")


def close(ours: Array, theirs: Array, tolerance: float = SINGLE) -> bool:
    return ours.shape == theirs.shape and bool(
        np.abs(ours - theirs).max() <= tolerance * max(np.abs(theirs).max(), 1e-9)
    )


def randomised(model: Any, seed: int = 0) -> Any:
    """The model with weights and statistics as after training, negative scales included."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False):
        if hasattr(layer, "layers"):
            continue
        made = [rng.normal(size=held.shape) / np.sqrt(np.prod(held.shape[:-1]) or 1) for held in layer.get_weights()]
        if isinstance(layer, L.BatchNormalization):
            made[-1] = rng.uniform(0.25, 4, made[-1].shape)
        layer.set_weights(made)
    return model


def first(x: Array) -> Array:
    """Values with the channels first."""
    return np.moveaxis(x, -1, 1)


def outputs_of(model: Any, x: Array) -> Array:
    found: Array = model(x, training=False).detach().numpy()
    return found


def saved(model: Any, folder: Path, name: str = "net.keras") -> Path:
    path = folder / name
    model.save(path)
    return path


def small(*layers: Any, shape: tuple[Any, ...] = (6, 6, 2)) -> Any:
    return randomised(keras.Sequential([L.Input(shape), *layers]))


@st.composite
def sequentials(draw: Draw) -> tuple[Any, tuple[int, ...]]:
    """One to three blocks of a convolution, channels last, then dense layers."""
    n = draw(st.integers(1, 2))
    shape = (*(draw(st.integers(4, 9)) for _ in range(n)), draw(st.integers(1, 3)))
    layers: list[Any] = [L.Input(shape)]
    layers += draw(st.sampled_from([[], ["scale"], ["norm"]]))
    layers = [
        L.Rescaling(2.0, -0.5) if one == "scale" else L.BatchNormalization() if one == "norm" else one for one in layers
    ]

    def of(name: str) -> Any:
        return getattr(L, f"{name}{n}D")

    for _ in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            pairs = [(draw(st.integers(0, 2)), draw(st.integers(0, 1))) for _ in range(n)]
            layers.append(of("ZeroPadding")(pairs if n == 2 else pairs[0]))
        settings: dict[str, Any] = {
            "padding": draw(st.sampled_from(["same", "valid"])),
            "use_bias": draw(st.booleans()),
        }
        settings |= draw(st.sampled_from([{"strides": 2}, {"dilation_rate": 2}, {}]))
        kernel = [draw(st.integers(1, 3)) for _ in range(n)]
        layers.append(of("Conv")(draw(st.integers(1, 4)), kernel, **settings))
        norm = L.BatchNormalization(center=draw(st.booleans()), scale=draw(st.booleans()))
        shared = list(range(1, 1 + n))
        relus = [
            L.ReLU(), L.Activation("relu"), L.ReLU(0.5), L.LeakyReLU(), L.ReLU(negative_slope=0.2),
            L.Activation("leaky_relu"), L.PReLU("random_normal", shared_axes=shared),
        ]  # fmt: skip
        relu = draw(st.sampled_from(relus))
        layers += draw(st.sampled_from([[norm, relu], [relu, norm], [relu], [relu, L.Dropout(0.5)]]))
        kind = draw(st.sampled_from(["", "MaxPooling", "AveragePooling"]))
        if kind:
            stride = draw(st.sampled_from([None, 1]))
            layers.append(of(kind)(2, strides=stride, padding=draw(st.sampled_from(["same", "valid"]))))
    layers.append(draw(st.sampled_from([L.Flatten(), of("GlobalAveragePooling")(), of("GlobalMaxPooling")()])))
    layers += [L.Dense(5, activation="relu"), L.Dense(3)]
    try:
        model = keras.Sequential(layers)
    except ValueError:  # a kernel that fits nowhere
        reject()
    return randomised(model, draw(st.integers(0, 2**32 - 1))), shape


@settings(max_examples=60)
@given(sequentials(), st.integers(0, 2**32 - 1), st.sampled_from(FORMATS))
def test_logits_and_activations_are_those_of_keras(tmp_path_factory: Any, drawn: Any, seed: int, name: str) -> None:
    model, shape = drawn
    x = np.random.default_rng(seed).uniform(-1, 1, (3, *shape))
    network = read_relu(saved(model, tmp_path_factory.mktemp("keras"), name))
    assert network.input_shape == (shape[-1], *shape[:-1])
    assert close(network.forward(first(x)), outputs_of(model, x))
    assert close(fused(network).forward(first(x)), network.forward(first(x)), TOLERANCE)
    shown = iter(network.activations(first(x)))
    value = x
    for layer in model.layers[:-1]:
        value = outputs_of(layer, value)
        cuts = isinstance(layer, L.Dense | L.ReLU) or layer.get_config().get("activation") == "relu"
        if cuts and getattr(layer, "max_value", None) is None and not getattr(layer, "negative_slope", 0):
            theirs = first(value) if value.ndim > 2 else value
            assert any(close(ours, theirs) for _, ours in shown), layer.name


def within(name: str) -> Any:
    """A model of two convolutions with a skip, whose layers have the names of those of other models."""
    given = L.Input((4, 4, 3))
    held = L.BatchNormalization(name="norm")(L.Conv2D(3, 1, name="conv")(given))
    held = L.Conv2D(3, 1, name="conv2", trainable=False)(L.ReLU()(held))
    return keras.Model(given, L.Add()([given, held]), name=name)


@pytest.mark.parametrize("name", FORMATS)
def test_models_within_models_are_read(tmp_path: Path, name: str) -> None:
    first_part = keras.Sequential([
        L.Input((6, 6, 2)), L.Conv2D(3, 3, name="conv"), L.BatchNormalization(name="norm"), L.ReLU(),
    ], name="a")  # fmt: skip
    twice, other = within("b"), within("c")
    given = L.Input((6, 6, 2))
    held = other(twice(L.ReLU()(twice(first_part(given)))))
    held = keras.Sequential([keras.Sequential([L.Flatten(), L.Dense(4, "relu")]), L.Dense(2, name="conv")])(held)
    model = randomised(keras.Model(given, held), 3)
    x = np.random.default_rng(2).random((5, 6, 6, 2))
    network = read_relu(saved(model, tmp_path, name))
    assert close(network.forward(first(x)), outputs_of(model, x))
    net = to_ttfs(network, first(x), margin=20)
    assert verify(net, network, first(x)).ok


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("how", ["one behind the other", "twice", "around"])
def test_a_model_within_may_give_the_output(tmp_path: Path, name: str, how: str) -> None:
    def part(label: str, n_in: int, n_out: int) -> Any:
        taken = L.Input((n_in,))
        return keras.Model(taken, L.ReLU()(L.Dense(n_out)(taken)), name=label)

    given = L.Input((5,))
    if how == "one behind the other":
        held = part("head", 4, 3)(part("backbone", 5, 4)(given))
    elif how == "twice":
        same = part("same", 5, 5)
        held = same(same(given))
    else:
        taken = L.Input((5,))
        held = keras.Model(taken, part("inner", 5, 4)(taken), name="outer")(given)
    model = randomised(keras.Model(given, held), 1)
    x = np.random.default_rng(0).normal(size=(4, 5))
    assert close(read_relu(saved(model, tmp_path, name)).forward(x), outputs_of(model, x))


def test_an_input_shape_that_the_file_contradicts_is_refused(tmp_path: Path) -> None:
    path = saved(small(L.Conv2D(2, 3), L.Flatten(), L.Dense(2)), tmp_path)
    for shape in ((6, 6, 2), (2, 6, 6)):
        assert read_relu(path, shape).input_shape == (2, 6, 6)
    with pytest.raises(InputError, match=r"takes inputs of shape \(6, 6, 2\), but input_shape = \(5, 5, 2\); must be"):
        read_relu(path, (5, 5, 2))


def test_weights_of_nested_models_are_told_apart_by_their_paths() -> None:
    leaves = ["both/b/conv", "both/c/conv", "both/c/last"]
    assert keras_weights._owner("c/conv/kernel:0", leaves) == "both/c/conv"
    assert keras_weights._owner("somewhere/last/bias", leaves) == "both/c/last"
    for place in ("conv/kernel", "elsewhere/kernel", "kernel"):
        with pytest.raises(keras_weights.UnreadError, match="belong to none or to several of the layers of a nested"):
            keras_weights._owner(place, leaves)


@pytest.mark.parametrize("name", FORMATS)
def test_functional_models_are_read_along_their_calls(tmp_path: Path, name: str) -> None:
    inputs = L.Input((8, 8, 3))
    shared = L.Conv2D(3, 3, padding="same", activation="relu", groups=3)
    held = shared(
        L.MaxPooling2D(2, padding="same")(shared(L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1, 2, 3])(inputs)))
    )
    held = L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(held)
    held = L.Reshape((-1,))(L.SpatialDropout2D(0.5)(held))
    model = randomised(keras.Model(inputs, L.Dense(4, activation="softmax")(L.BatchNormalization()(held))))
    x = np.random.default_rng(0).random((3, 8, 8, 3))
    network = read_relu(saved(model, tmp_path, name))
    logits = network.forward(first(x))
    powers = np.exp(logits - logits.max(1, keepdims=True))
    assert close(powers / powers.sum(1, keepdims=True), outputs_of(model, x))
    assert network.provenance["dropped"] == [f"{model.layers[-1].name} (Dense)"]
    assert network.provenance["output"] == "softmax"
    assert [layer.kind for layer in network.layers].count("conv") == 3


def test_spikes_of_a_read_model_carry_what_keras_computes(tmp_path: Path) -> None:
    model = small(
        L.Rescaling(1 / 255), L.Conv2D(4, 3, strides=2, padding="same", activation="relu"), L.BatchNormalization(),
        L.MaxPooling2D(2), L.Flatten(), L.Dense(5, activation="relu"), L.Dense(3), shape=(9, 8, 2),
    )  # fmt: skip
    x = np.random.default_rng(2).integers(0, 256, (5, 9, 8, 2)).astype(float)
    path = saved(model, tmp_path)
    net = to_ttfs(path, first(x), input_range=(0, 255), margin=100)
    assert verify(net, path, first(x)).ok
    assert close(simulate(net, first(x)).readout, outputs_of(model, x))


def test_layers_with_the_channels_first_are_read(tmp_path: Path) -> None:
    where = {"data_format": "channels_first"}
    model = small(
        L.Conv2D(3, 3, activation="relu", **where), L.BatchNormalization(axis=1), L.AveragePooling2D(2, **where),
        L.Flatten(**where), L.Dense(2), shape=(2, 6, 6),
    )  # fmt: skip
    x = np.random.default_rng(3).random((3, 2, 6, 6))
    assert close(read_relu(saved(model, tmp_path)).forward(x), outputs_of(model, x))


def test_files_of_keras_2_are_read(tmp_path: Path) -> None:
    """Written by hand: the shape of inputs, calls and activations stand elsewhere."""
    rng = np.random.default_rng(4)
    weights = {"hidden": [rng.normal(size=(4, 3)), rng.normal(size=3)], "last": [rng.normal(size=(3, 2))]}
    dense = {"use_bias": True, "activation": "relu"}
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 4]}, "inbound_nodes": []},
        {"class_name": "Dense", "config": {"name": "hidden", **dense}, "inbound_nodes": [[["x", 0, 0, {}]]]},
        {
            "class_name": "Dense",
            "name": "last",
            "config": {"name": "last", "use_bias": False, "activation": "linear"},
            "inbound_nodes": [[["hidden", 0, 0, {}]]],
        },
    ]  # fmt: skip
    config = {"layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["last", 0, 0]]}
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Model", "config": config})
        held = file.create_group("model_weights")
        for name, arrays in weights.items():
            group = held.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{i}:0".encode() for i in range(len(arrays))]
            for i, array in enumerate(arrays):
                group[f"{name}/{i}:0"] = array
    x = rng.normal(size=(5, 4))
    hidden = np.maximum(x @ weights["hidden"][0] + weights["hidden"][1], 0)
    assert close(read_relu(tmp_path / "net.h5").forward(x), hidden @ weights["last"][0], TOLERANCE)


def multiplied() -> Any:
    inputs = L.Input((4,))
    held = L.Dense(4, activation="relu")(inputs)
    return keras.Model(inputs, L.Multiply()([held, inputs]))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: small(L.Conv2D(2, 3, activation="tanh")),
            r"layer conv2d\w* \(Conv2D\) has activation 'tanh'; must be relu",
        ),
        (lambda: small(L.Conv2D(2, 3), L.ELU()), r"elu\w* \(ELU\) is not read; supported are Dense, Conv"),
        (
            lambda: small(L.Conv2D(2, 3), L.ReLU(1.0, negative_slope=0.1)),
            r"\(ReLU\) has negative_slope = 0.1, max_value = 1.0, threshold = 0.0; must have a threshold of 0",
        ),
        (lambda: small(L.Conv2D(2, 3), L.PReLU()), r"\(PReLU\) has slopes that differ between positions of a channel"),
        (lambda: small(L.Conv3D(2, 3), shape=(6, 6, 6, 2)), r"\(Conv3D\) is not read"),
        (lambda: small(L.Conv2DTranspose(2, 3)), r"\(Conv2DTranspose\) is not read"),
        (lambda: small(L.Conv1D(2, 3, padding="causal"), shape=(6, 2)), r"\(Conv1D\) has padding = 'causal'"),
        (lambda: small(L.Dense(3)), r"\(Dense\) multiplies each row of \(6, 6, 2\) by itself"),
        (
            lambda: small(L.Conv2D(2, 3), L.Permute((3, 1, 2)), L.GlobalMaxPooling2D()),
            r"\(GlobalMaxPooling2D\) takes val",
        ),
        (lambda: small(L.LSTM(3), shape=(6, 2)), r"\(LSTM\) is not read"),
        (
            lambda: small(L.Flatten(), L.Dense(2, "softmax"), L.Dense(2)),
            r"\(Dense\) is a softmax inside the network, before dense\w* \(Dense\); that is read as the last",
        ),
        (multiplied, r"multiply\w* \(Multiply\) is not read"),
        (
            lambda: small(keras.Sequential([L.Input((6, 6, 2)), L.Conv2D(2, 3, activation="elu")], name="in")),
            r"layer in/conv2d\w* \(Conv2D\) has activation 'elu'",
        ),
    ],
)
@pytest.mark.parametrize("name", FORMATS)
def test_layers_that_are_not_read_are_refused_by_name(
    tmp_path: Path, model: Callable[[], Any], message: str, name: str
) -> None:
    with pytest.raises(MappingError, match=message):
        read_relu(saved(model(), tmp_path, name))


@pytest.mark.parametrize("mode", ["int8", "float8"])
@pytest.mark.parametrize("name", FORMATS)
def test_quantized_models_are_refused_in_words(tmp_path: Path, name: str, mode: str) -> None:
    model = small(L.Flatten(), L.Dense(4, "relu"), L.Dense(2))
    model.quantize(mode)
    with pytest.raises(
        MappingError,
        match=rf"layer dense\w* \(Dense\) is quantized \({mode}\): it rounds its weights and, when it runs, its "
        r"activations to integers.*; must be of floating-point layers; save the model before model\.quantize",
    ):
        read_relu(saved(model, tmp_path, name))


def test_functions_of_keras_that_are_not_read_are_refused_by_name(tmp_path: Path) -> None:
    given = L.Input((4,))
    for made, message in (
        (keras.ops.gelu(L.Dense(3)(given)), r"gelu\w* \(Gelu\) is a function of keras.ops that is not read; supported"),
        (L.Dense(4)(given) * given, r"multiply\w* \(Multiply\) joins two branches of the network"),
        (keras.ops.maximum(L.Dense(4)(given), given), r"maximum\w* \(Maximum\) joins two branches of the network"),
        (1 / given, r"divide\w* \(\w*Divide\) divides by activations or by 0"),
    ):
        with pytest.raises(MappingError, match=message):
            read_relu(saved(keras.Model(given, made), tmp_path))


def rewritten(path: Path, change: Callable[[dict[str, Any], Any], None]) -> None:
    """Change the description and the weights in a ``.keras`` file."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        stored = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(stored, "r+") as file:
        change(config, file)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", stored.getvalue())


def set_class(name: str) -> Callable[[dict[str, Any], Any], None]:
    def change(config: dict[str, Any], _file: Any) -> None:
        config["class_name"] = name

    return change


def register(config: dict[str, Any], _file: Any) -> None:
    config["config"]["layers"][-1] |= {"module": "mine", "registered_name": "mine>Dense"}


def drop_bias(_config: dict[str, Any], file: Any) -> None:
    del file["layers/dense/vars/1"]


def link_out(_config: dict[str, Any], file: Any) -> None:
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = h5py.ExternalLink("/etc/passwd", "/")


def pretend(_config: dict[str, Any], file: Any) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (1 << 20, 1 << 20), "f8", chunks=(64, 64))


def unnamed(config: dict[str, Any], _file: Any) -> None:
    del config["config"]["layers"][-1]["class_name"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_class("Mine"), "the model is a Mine, whose code no file holds; must be Sequential or Functional"),
        (register, r"dense\w* \(Dense\) is a class of somebody's own"),
        (drop_bias, r"dense\w* \(Dense\) has 1 weights; must have 2"),
        (link_out, "there are no weights 'layers/dense/vars/1' in it"),
        (pretend, r"weights 'layers/dense/vars/0' of shape \(1048576, 1048576\) are more than the file can hold"),
        (unnamed, "the description of the model is not as Keras writes it|is no Keras model, or it is damaged"),
    ],
)
def test_files_that_keras_would_not_write_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    path = saved(small(L.Flatten(), L.Dense(2)), tmp_path)
    rewritten(path, change)
    with pytest.raises(EventsimError, match=message):
        read_relu(path)


def test_weights_alone_are_refused(tmp_path: Path) -> None:
    small(L.Flatten(), L.Dense(2)).save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(FileFormatError, match=r"describes no Keras model; must be of a whole model: model\.save, not"):
        read_relu(tmp_path / "net.weights.h5")


def test_open_input_shapes_are_asked_for(tmp_path: Path) -> None:
    model = small(L.Conv2D(2, 3, activation="relu"), L.GlobalMaxPooling2D(), L.Dense(2), shape=(None, None, 1))
    path = saved(model, tmp_path)
    with pytest.raises(InputError, match=r"leaves the shape of its inputs open; give input_shape, as Keras has it"):
        read_relu(path)
    x = np.random.default_rng(5).random((2, 7, 6, 1))
    assert close(read_relu(path, (7, 6, 1)).forward(first(x)), outputs_of(model, x))


@pytest.mark.parametrize("name", FORMATS)
def test_truncated_and_foreign_files_are_refused(tmp_path: Path, name: str) -> None:
    whole = saved(small(L.Flatten(), L.Dense(2)), tmp_path, name).read_bytes()
    path = tmp_path / f"cut{Path(name).suffix}"
    for n in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:n])
        with pytest.raises(FileFormatError, match="is no Keras model, or it is damaged"):
            read_relu(path)
    with pytest.raises(FileFormatError, match="there is no such file"):
        read_relu(tmp_path / f"absent{Path(name).suffix}")


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_copies_are_read_or_refused_and_nothing_else(tmp_path: Path, name: str) -> None:
    model = small(L.Conv2D(2, 3, activation="relu"), L.BatchNormalization(), L.Flatten(), L.Dense(2))
    path = saved(model, tmp_path, name)
    read_copies(path, 30.0, FEW_COPIES)  # a process that starts, and is ended after 20 s


def test_every_layer_that_is_listed_exists() -> None:
    assert not [name for name in KERAS_LAYERS if not hasattr(L, name)]
