"""What no ReLU network has, and what no ONNX file should have, is refused by name before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzed_reader import read_copies

from eventsim.errors import EventsimError, FileFormatError, InputError, MappingError, NetworkError
from eventsim.models import read_relu

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.references

from onnx_networks import Builder, saved  # noqa: E402 - what imports onnx comes behind its test

helper, TensorProto = onnx.helper, onnx.TensorProto


def network(opset: int = 13) -> Builder:
    """A convolution and a ReLU."""
    made = Builder([1, 6, 6], opset)
    made.add("Conv", made.random(2, 1, 3, 3), made.random(2))
    made.relu()
    return made


def behind(operation: str, *shapes: tuple[int, ...], opset: int = 13, **attributes: Any) -> Any:
    """The network with one more operation, whose weights have these shapes."""
    made = network(opset)
    made.add(operation, *(made.random(*shape) for shape in shapes), **attributes)
    return made.model()


def clipped() -> Any:
    made = network()
    made.clip(1.0, 0.5)
    return made.model()


def multiplied() -> Any:
    made = network()
    made.node("Mul", [made.last, "v0"])
    return made.model()


def concatenated(axis: int) -> Any:
    made = network()
    made.node("Concat", [made.last, "v0"], axis=axis)
    return made.model()


def joined_with_a_constant() -> Any:
    made = network()
    made.node("Concat", [made.last, made.random(1, 2, 4, 4)], axis=1)
    return made.model()


def joined_beyond_measure() -> Any:
    made = Builder([1, 4096, 4096], 13)
    made.node("Concat", ["x"] * 40, axis=1)
    return made.model()


def summed_with_constants() -> Any:
    made = network()
    made.node("Sum", [made.last, made.weight(np.ones(1)), made.weight(np.ones(1))])
    return made.model()


def added_to_another_shape() -> Any:
    made = network()
    made.node("Add", [made.last, "x"])
    return made.model()


def two_outputs() -> Any:
    made = network()
    relu = made.last
    made.node("Flatten", [relu])
    made.node("GlobalMaxPool", [relu])
    return made.model(["v2", "v3"])


def two_inputs() -> Any:
    model = network().model()
    model.graph.input.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2]))
    return model


def integers() -> Any:
    model = network().model()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    return model


def cycle() -> Any:
    made = network()
    made.node("Add", ["v0", "v3"])
    made.node("Relu", ["v2"])
    return made.model()


def missing() -> Any:
    model = network().model()
    del model.graph.initializer[0]
    return model


def twice() -> Any:
    model = network().model()
    model.graph.node.append(helper.make_node("Relu", ["v0"], ["v1"], name="again"))
    return model


def indices() -> Any:
    made = network()
    made.nodes.append(helper.make_node("MaxPool", [made.last], ["p", "i"], name="pool", kernel_shape=[2, 2]))
    made.nodes.append(helper.make_node("Cast", ["i"], ["c"], name="cast", to=TensorProto.FLOAT))
    return made.model(["c"])


def foreign() -> Any:
    model = network().model()
    model.graph.node[1].domain = "com.example"
    return model


def lying(change: Callable[[Any], None]) -> Callable[[], Any]:
    def made() -> Any:
        model = network().model()
        change(model)
        return model

    return made


def set_dims(*dims: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)

    return change


def outside(location: str, **places: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **places}.items():
            tensor.external_data.add(key=key, value=value)

    return change


def growing() -> Any:
    """Constants that double forty times."""
    made = network()
    name = made.weight(np.ones(4))
    for _ in range(40):
        made.nodes.append(helper.make_node("Concat", [name, name], [f"{name}x"], name=f"{name}x", axis=0))
        name += "x"
    made.add("Reshape", name)
    return made.model()


def wide() -> Any:
    model = network().model()
    for axis in model.graph.input[0].type.tensor_type.shape.dim[1:]:
        axis.dim_value = 1 << 40
    return model


def scaled(value: Any) -> Any:
    made = network()
    made.add("Mul", made.weight(value))
    return made.model()


def channels_last() -> Any:
    made = network()
    made.add("Transpose", perm=[0, 2, 3, 1])
    made.add("GlobalMaxPool")
    return made.model()


def reordered() -> Any:
    made = network()
    made.add("Transpose", perm=[0, 2, 3, 1])
    made.add("Flatten")
    return made.model()


def after_softmax() -> Any:
    made = network()
    made.add("Flatten")
    made.add("Softmax", axis=1)
    made.add("Relu")
    return made.model()


def padded_average() -> Any:
    made = network()
    made.pad([(1, 1), (1, 1)])
    made.add("Flatten")
    return made.model()


def looping() -> Any:
    made = network()
    body = helper.make_graph([], "body", [], [])
    made.nodes.append(helper.make_node("Loop", ["", "", made.last], ["out"], name="loop", body=body))
    return made.model(["out"])


REFUSED: list[tuple[Any, type[EventsimError], str]] = [
    (lambda: behind("Tanh"), MappingError, r"ONNX node node2 \(Tanh\) is not read; supported are Gemm, MatMul, Conv"),
    (lambda: behind("Elu", alpha=0.1), MappingError, r"node2 \(Elu\) is not read"),
    (lambda: behind("PRelu", (2, 4, 4)), MappingError, r"node2 \(PRelu\) has slopes that differ between positions"),
    (lambda: behind("PRelu", (3, 1, 1)), MappingError, r"node2 \(PRelu\) has slopes of shape \(3, 1, 1\) for values"),
    (lambda: behind("PRelu"), MappingError, r"node2 \(PRelu\) takes its slope from the activations; must be a const"),
    (lambda: behind("LRN", size=3), MappingError, r"node2 \(LRN\) is not read"),
    (lambda: behind("HardSwish", opset=14), MappingError, r"node2 \(HardSwish\) is not read"),
    (looping, MappingError, r"loop \(Loop\) is not read"),
    (foreign, MappingError, r"node1 \(Relu\) is of the domain 'com.example', which is not read; supported are"),
    (multiplied, MappingError, r"node2 \(Mul\) joins two branches of the network; .* end in add, subtract, concat"),
    (lambda: concatenated(0), MappingError, r"node2 \(Concat\) joins branches .* along axis 0; must be an axis"),
    (lambda: concatenated(7), MappingError, r"node2 \(Concat\) joins branches of shapes .* along axis 7"),
    (joined_beyond_measure, MappingError, r"node0 \(Concat\) joins 671,088,640 values; must be at most 33,554,432"),
    (summed_with_constants, MappingError, r"node2 \(Sum\) takes 3 values, constants among them; must take two"),
    (joined_with_a_constant, MappingError, r"node2 \(Concat\) .*constant"),
    (added_to_another_shape, MappingError, r"node2 \(Add\) joins branches of shapes .*; must be equal"),
    (two_outputs, MappingError, r"node3 \(GlobalMaxPool\) makes output 'v3', and node2 \(Flatten\) makes 'v2'"),
    (two_inputs, FileFormatError, "the model has inputs 'x', 'y' besides its weights; must have one"),
    (integers, FileFormatError, "input 'x' holds no floats"),
    (cycle, FileFormatError, r"node\d \(\w+\) needs its own output; cycles are not read"),
    (missing, FileFormatError, r"node0 \(Conv\) needs value 'w0', which no node makes and no weight holds"),
    (twice, FileFormatError, r"again \(Relu\) makes value 'v1', which there is already"),
    (indices, MappingError, r"cast \(Cast\) needs 'i', which is not the first output of its node"),
    (clipped, MappingError, r"node2 \(Clip\) cuts values to \[1, 0.5\]; must be from a number to a larger one"),
    (lambda: behind("MatMul", (4, 3)), MappingError, r"node2 \(MatMul\) multiplies each row of \(2, 4, 4\) by itself"),
    (
        lambda: behind(
            "AveragePool", kernel_shape=[3, 3], ceil_mode=1, strides=[3, 3], pads=[1, 1, 0, 0], count_include_pad=1
        ),
        MappingError,
        r"node2 \(AveragePool\) has ceil_mode = True, padding",
    ),
    (lambda: behind("MaxPool", kernel_shape=[2, 2, 2]), MappingError, r"node2 \(MaxPool\) pools over 3 axes"),
    (lambda: behind("Conv", (2, 2, 3, 3), kernel_shape=[2, 2]), MappingError, r"node2 \(Conv\) has kernel \(2, 2\)"),
    (lambda: behind("Conv", (2, 3, 3, 3)), NetworkError, r"layer 'node2 \(Conv\)': weight .* needs 3 channels"),
    (lambda: behind("Conv", (2, 2, 3, 3), auto_pad="SOMEHOW"), MappingError, r"auto_pad = 'SOMEHOW'; must be NOTSET"),
    (lambda: behind("Conv", (2, 2, 3, 3), pads=[1, 1, 1]), MappingError, r"node2 \(Conv\) has attributes that are not"),
    (lambda: behind("Flatten", axis=2), MappingError, r"node2 \(Flatten\) start_dim = 2"),
    (lambda: behind("Transpose", perm=[1, 0, 2, 3]), MappingError, r"node2 \(Transpose\) transposes axes of"),
    (channels_last, MappingError, r"node3 \(GlobalMaxPool\) takes values of shape \(4, 4, 2\), which the nodes"),
    (reordered, MappingError, "gives outputs in another order than the model does"),
    (after_softmax, MappingError, r"node3 \(Softmax\) is a softmax inside the network, before node4 \(Relu\)"),
    (padded_average, MappingError, r"node2 \(Pad\) comes before node3 \(Flatten\); padding is read before"),
    (lambda: behind("Dropout", (), (1,)), MappingError, r"node2 \(Dropout\) is in training"),
    (lambda: scaled(np.ones((2, 4, 4)) + np.eye(4)), MappingError, r"node2 \(Mul\) has a factor of shape"),
    (lambda: scaled(np.array(np.nan)), NetworkError, r"layer 'node2 \(Mul\)': gamma\[0\] = nan"),
    (lambda: behind("ReduceMean", axes=[1, 2]), MappingError, r"averages axes \[1, 2\] of \(samples, 2, 4, 4\)"),
    (lying(set_dims(2, 1, 3, 4)), FileFormatError, r"w0 has shape \(2, 1, 3, 4\) and holds 72 bytes; must fit"),
    (lying(set_dims(1 << 40, 1 << 40)), FileFormatError, "w0 has shape .* and holds 72 bytes; must fit"),
    (lying(set_dims(-1, 1, 3, 3)), FileFormatError, r"w0 has shape \(-1, 1, 3, 3\); sizes must be >= 0"),
    (lying(set_dims(0, 1, 3, 3)), FileFormatError, "must fit"),
    (lying(outside("/etc/passwd")), FileFormatError, "w0 lies in '/etc/passwd', which is no file in the model's"),
    (lying(outside(str(Path("..") / "net.data"))), FileFormatError, "which is no file in the model's folder"),
    (lying(outside("net.onnx", offset="1000")), FileFormatError, "w0 needs 72 bytes, but 'net.onnx' has"),
    (lying(outside("net.onnx", length="71")), FileFormatError, "is to be read from 0 for 71"),
    (lying(outside("net.onnx", offset="x")), FileFormatError, "w0 lies in 'net.onnx', which cannot be read"),
    (growing, MappingError, r"w2x+ \(Concat\) makes constants of more than .* values in all"),
    (wide, InputError, "must be at most 33,554,432"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "error", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_read_is_refused_by_name(
    tmp_path: Path, model: Callable[[], Any], error: type[EventsimError], message: str
) -> None:
    path = saved(model(), tmp_path)
    with pytest.raises(error, match=message):
        read_relu(path)


def test_a_sigmoid_inside_is_refused_and_one_at_the_end_is_left_out(tmp_path: Path) -> None:
    made = network()
    made.add("Sigmoid")
    end = read_relu(saved(made.model(), tmp_path))
    assert (end.provenance["output"], end.provenance["dropped"]) == ("logistic", ["node2 (Sigmoid)"])
    made.add("Flatten")
    made.dense("gemm", 32, 2)
    with pytest.raises(
        MappingError,
        match=r"node2 \(Sigmoid\) is a logistic inside the network, before node4 \(Gemm\); that is",
    ):
        read_relu(saved(made.model(), tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "this is no ONNX model, since it names no graph or no opset"),
        (b"hello", "this is no ONNX model, or it is damaged|names no graph"),
        (b"\x08" * 1000, "this is no ONNX model"),
        (b"\x3a\xff\xff\xff\xff\x0f", "this is no ONNX model, or it is damaged"),
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_relu(path)


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    whole = saved(network().model(), tmp_path).read_bytes()
    path = tmp_path / "cut.onnx"
    for n in range(0, len(whole), 7):
        path.write_bytes(whole[:n])
        with pytest.raises(EventsimError):
            read_relu(path)


@pytest.mark.parametrize(
    ("opset", "message"), [(6, "opset 6; must be from 7 to"), (999, "opset 999; must be from 7 to")]
)
def test_operations_of_other_ages_are_refused(tmp_path: Path, opset: int, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_relu(saved(network(opset).model(), tmp_path))


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="there is no such file"):
        read_relu(tmp_path / "net.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_relu(tmp_path / "folder.onnx")


def test_links_out_of_the_folder_of_a_model_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\0" * 72)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "net.data").symlink_to(tmp_path / "secret")
    model = network().model()
    outside("net.data")(model)
    with pytest.raises(FileFormatError, match="is no file in the model's folder"):
        read_relu(saved(model, folder))


def test_an_input_shape_with_another_number_of_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"takes inputs of shape \(1, 6, 6\), but input_shape = \(1, 5, 5\)"):
        read_relu(saved(network().model(), tmp_path), (1, 5, 5))


def test_an_open_input_shape_is_asked_for(tmp_path: Path) -> None:
    made = network()
    made.shape = ["n", 1, "height", 6]
    with pytest.raises(InputError, match=r"leaves the shape of its input 'x' open: .*; give input_shape"):
        read_relu(saved(made.model(), tmp_path))


def test_damaged_copies_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    made = network()
    made.batch_norm(2)
    made.add("AveragePool", kernel_shape=[2, 2], pads=[1, 0, 0, 1])
    made.flatten("sizes", 2)
    made.dense("matmul add", 32, 2)
    path = saved(made.model(), tmp_path)
    assert min(read_copies(path)) > 10
