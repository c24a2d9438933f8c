"""Models whose channels come last are read turned: network, files, messages and the command line say so."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eventsim
from eventsim import cli
from eventsim.errors import InputError
from eventsim.models import ReluNetwork, read_relu, to_ttfs, verify
from eventsim.models.relu.input_order import Turn, described, turn_of
from eventsim.models.relu.relu_network import Conv, Dense

Array = np.ndarray[Any, Any]


def network(model: tuple[int, ...], order: Array | None, shape: tuple[int, ...] = (3, 5, 4)) -> ReluNetwork:
    rng = np.random.default_rng(0)
    conv = Conv("", rng.normal(size=(2, shape[0], 2, 2)), np.zeros(2), True)
    dense = Dense("", rng.normal(size=(2, 2 * (shape[1] - 1) * (shape[2] - 1))), np.zeros(2), False)
    return ReluNetwork([conv, dense], shape, described(model, shape, order))


def last_to_first(model: tuple[int, ...]) -> Array:
    return np.moveaxis(np.arange(np.prod(model)).reshape(model), -1, 0).ravel()


TURNED = (5, 4, 3), last_to_first((5, 4, 3))


def test_the_turn_stands_in_repr_and_provenance_and_survives_saving(tmp_path: Path) -> None:
    relu = network(*TURNED)
    relu.save(tmp_path / "relu.npz")
    for one in (relu, ReluNetwork.load(tmp_path / "relu.npz")):
        assert repr(one).startswith("ReluNetwork(input (3, 5, 4) turned from (5, 4, 3), conv1 (2, 4, 3)")
        assert one.turn == Turn((5, 4, 3), (3, 5, 4), "np.transpose(x, (0, 3, 1, 2))", True)
    net = to_ttfs(relu, np.zeros((1, 3, 5, 4)))
    assert turn_of(net.provenance["relu"]) == relu.turn
    assert "turned" not in repr(network((3, 5, 4), None))


@pytest.mark.parametrize(
    "model",
    [(5, 4, 3), (4, 4, 4), (6, 2), (5, 4, 1), (1, 4, 3), (2, 3, 4, 5)],
    ids=lambda model: "x".join(map(str, model)),
)
def test_the_python_that_is_told_turns_the_inputs(model: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).random((3, *model))
    shape = (model[-1], *model[:-1])
    order = last_to_first(model)
    found = turn_of(described(model, shape, order))
    assert found is not None
    told = eval(found.how, {"x": x, "np": np})  # noqa: S307 - what the network says
    assert np.array_equal(told, np.moveaxis(x, -1, 1))
    assert found.ambiguous is (shape == model)


def test_shapes_and_orders_that_are_no_turn_of_axes_are_told_too() -> None:
    x = np.random.default_rng(1).random((3, 12))
    plain = turn_of(described((12,), (1, 3, 4), None))
    assert plain is not None
    assert (str(plain), plain.how) == ("reshaped from (12,)", "x.reshape(len(x), 1, 3, 4)")
    order = np.arange(12).reshape(2, 6).T.ravel()
    provenance = described((12,), (6, 2), order)
    mixed = turn_of(json.loads(json.dumps(provenance)))
    assert mixed is not None
    told = eval(mixed.how, {"x": x, "provenance": provenance})  # noqa: S307 - what the network says
    assert np.array_equal(told, x.reshape(3, 2, 6).transpose(0, 2, 1))
    assert described((3, 5, 4), (3, 5, 4), None) == {}


@pytest.mark.parametrize("entry", [None, 3, {}, {"model": "a"}, {"model": [1], "network": [1]}, [1, 2]])
def test_a_provenance_of_somebody_else_says_nothing(entry: Any) -> None:
    assert turn_of({"inputs": entry}) is None
    relu = ReluNetwork(network(*TURNED).layers, (3, 5, 4), {"inputs": entry})
    assert "turned" not in repr(relu)


def test_messages_that_offer_flat_inputs_say_in_which_order() -> None:
    relu = network(*TURNED)
    flat = r"must be \(n, 3, 5, 4\) or \(n, 60\), the same values in this order \(C order\)"
    told = r"; this network is turned from \(5, 4, 3\) of the model: np\.transpose\(x, \(0, 3, 1, 2\)\)"
    x = np.zeros((2, 5, 4, 3))
    with pytest.raises(InputError, match=flat + told):
        relu.forward(x)
    with pytest.raises(InputError, match=flat + told):
        to_ttfs(relu, x)
    with pytest.raises(InputError, match=flat):
        relu.forward(np.zeros((2, 61)))
    net = to_ttfs(relu, np.zeros((1, 3, 5, 4)))
    with pytest.raises(InputError, match=r"must be \(n, 3, 5, 4\)" + told):
        verify(net, relu, x)
    with pytest.raises(InputError, match=r"The channels come first: np\.moveaxis\(x, -1, 1\)\."):
        eventsim.simulate(net, x)
    with pytest.raises(InputError, match=rf"{flat}; the channels come first: np\.moveaxis\(x, -1, 1\)$"):
        network((3, 5, 4), None).forward(x)
    with pytest.raises(InputError, match=r"must be \(n, 3\)$"):
        ReluNetwork.from_weights([np.ones((2, 3))]).forward(np.zeros((2, 4)))


def files(tmp_path: Path, relu: ReluNetwork) -> list[str]:
    relu.save(tmp_path / "relu.npz")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((4, *relu.input_shape)))
    return ["convert", str(tmp_path / "relu.npz"), "--calibrate", str(tmp_path / "x.npy")]


def test_convert_prints_how_inputs_are_turned(tmp_path: Path, capsys: Any) -> None:
    words = files(tmp_path, network(*TURNED))
    line = "inputs: (n, 3, 5, 4), turned from (5, 4, 3) of the model: np.transpose(x, (0, 3, 1, 2))"
    assert cli.main(words) == 0
    assert line in capsys.readouterr().out.splitlines()
    assert cli.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["provenance"]["inputs"]
    assert told["from_model"] == "np.transpose(x, (0, 3, 1, 2))"
    words = files(tmp_path, network((4, 4, 4), last_to_first((4, 4, 4)), (4, 4, 4)))
    assert cli.main(words) == 0
    assert "turned from (4, 4, 4) of the model, which the shape does not show: np.tr" in capsys.readouterr().out


@pytest.mark.references
@pytest.mark.parametrize("kind", ["onnx", "torch", "keras"])
def test_what_shapes_cannot_tell_apart_is_said_when_the_network_is_read(tmp_path: Path, kind: str) -> None:
    for sizes, said in (((4, 4, 4), True), ((5, 4, 3), False)):
        source, x, theirs = MADE[kind](sizes, tmp_path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            relu = read_relu(source, sizes)
        told = [str(one.message) for one in caught if "read_relu" in str(one.message)]
        how = "np.transpose(x, (0, 3, 1, 2))"
        assert [f"give {how} of what the model takes" in text for text in told] == [True] * said
        assert relu.turn is not None
        assert relu.turn.how == how
        turned = eval(relu.turn.how, {"x": x, "np": np})  # noqa: S307 - what the network says
        assert np.abs(relu.forward(turned) - theirs.reshape(len(x), -1)).max() <= 1e-4 * np.abs(theirs).max()


def by_onnx(sizes: tuple[int, ...], tmp_path: Path) -> tuple[Any, Array, Array]:
    pytest.importorskip("onnxruntime")
    from onnx_networks import Builder, run_by_runtime, saved

    made = Builder(list(sizes), 13, 3)
    made.node("Transpose", ["x"], perm=[0, 3, 1, 2])
    made.add("Conv", made.random(3, sizes[2], 2, 2))
    made.relu()
    made.add("Flatten")
    made.add("Gemm", made.random(3 * (sizes[0] - 1) * (sizes[1] - 1), 5))
    x = np.random.default_rng(0).random((3, *sizes)).astype(np.float32)
    return saved(made.model(), tmp_path), x, run_by_runtime(made.model(), x)[0]


def by_torch(sizes: tuple[int, ...], _tmp_path: Path) -> tuple[Any, Array, Array]:
    torch = pytest.importorskip("torch")

    class Last(torch.nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(sizes[2], 3, 2)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.conv(x.permute(0, 3, 1, 2))).flatten(1)

    module = Last().double()
    x = np.random.default_rng(0).random((3, *sizes))
    return module, x, module(torch.from_numpy(x)).detach().numpy()


def by_keras(sizes: tuple[int, ...], tmp_path: Path) -> tuple[Any, Array, Array]:
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("h5py")
    keras = pytest.importorskip("keras", exc_type=ImportError)
    layers = keras.layers
    listed = [layers.Input(sizes), layers.Conv2D(2, 2, activation="relu"), layers.Flatten(), layers.Dense(3)]
    model = keras.Sequential(listed)
    model.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).random((3, *sizes)).astype(np.float32)
    return tmp_path / "net.keras", x, model(x, training=False).detach().numpy()


MADE = {"onnx": by_onnx, "torch": by_torch, "keras": by_keras}
