"""Programs of torch.export and TorchScript, compiled and sparse modules: read as PyTorch computes them, or refused."""

import copy
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from eventsim import simulate
from eventsim.errors import InputError, MappingError
from eventsim.models import read_relu, to_ttfs, verify

torch = pytest.importorskip("torch")
nn = torch.nn
from torch_networks import networks, outputs_of, randomised  # noqa: E402

logging.getLogger("torch").setLevel(logging.CRITICAL)
pytestmark = [
    pytest.mark.references,
    pytest.mark.filterwarnings("ignore"),  # those of torch.jit and torch.export, of themselves
]

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-11
BATCH = 3


def exported(module: Any, x: Array, dynamic: bool = False) -> Any:
    sizes = ({0: torch.export.Dim("n", min=1, max=100)},) if dynamic else None
    return torch.export.export(module.eval(), (torch.from_numpy(x),), dynamic_shapes=sizes)


def traced(module: Any, x: Array) -> Any:
    return torch.jit.trace(module.eval(), (torch.from_numpy(x),))


FORMS: dict[str, Callable[[Any, Array], Any]] = {
    "program": exported,
    "any batch": lambda module, x: exported(module, x, True),
    "module of a program": lambda module, x: exported(module, x).module(),
    "decomposed": lambda module, x: exported(module, x).run_decompositions(),
    "traced": traced,
    "scripted": lambda module, _x: torch.jit.script(module),  # in training, which is not what is read
    "compiled": lambda module, _x: torch.compile(module),
}


def close(ours: Array, theirs: Array) -> bool:
    theirs = theirs.reshape(ours.shape)
    return bool(np.abs(ours - theirs).max() <= TOLERANCE * max(np.abs(theirs).max(), 1e-9))


def without_softmax(module: Any) -> Any:
    return nn.Sequential(*[one for one in module if not isinstance(one, nn.Softmax | nn.LogSoftmax)])


@settings(max_examples=60, phases=[Phase.generate])  # shrinking would take many minutes
@given(networks(), st.sampled_from(sorted(FORMS)), st.integers(0, 2**32 - 1))
def test_programs_of_random_networks_compute_what_torch_computes(drawn: Any, form: str, seed: int) -> None:
    module, input_shape = drawn
    x = np.random.default_rng(seed).uniform(-1, 1, (BATCH, *input_shape))
    if form == "decomposed" and len(input_shape) == 2:  # in which pools over one axis are made of such over two
        form = "program"
    network = read_relu(FORMS[form](module, x), input_shape)
    assert close(network.forward(x), outputs_of(without_softmax(module), x))
    dropped = "Softmax" in type(module[-1]).__name__
    assert network.provenance["output"] == ("softmax" if dropped else "identity")


class Residual(nn.Module):  # type: ignore[misc,name-defined]
    """Code of its own: a skip, a view of sizes, a concatenation, constants."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm, self.last = nn.BatchNorm2d(4, affine=False), nn.Linear(36 * 4 + 72, 3)

    def forward(self, x):
        y = torch.relu(self.one(x - 0.25))
        y = nn.functional.max_pool2d(torch.relu(self.norm(self.two(y)) + y), 2)
        y = y.view(y.size(0), y.size(1) * y.shape[2] * y.shape[3])
        return self.last(torch.cat([torch.cat([y, y, y, y], 1), x.flatten(1)], 1))


@pytest.mark.parametrize("form", FORMS)
def test_programs_of_code_with_branches_are_read(form: str) -> None:
    module = randomised(Residual(), 4)
    x = np.random.default_rng(0).random((BATCH, 2, 6, 6))
    assert close(read_relu(FORMS[form](module, x), (2, 6, 6)).forward(x), outputs_of(module, x))


class Largest(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.last(torch.min(torch.max(self.first(x), torch.tensor(-0.25)), torch.tensor(0.5)))


@pytest.mark.parametrize("form", [*FORMS, "module"])
def test_the_larger_of_two_tensors_is_a_maximum(form: str) -> None:
    module = randomised(Largest(), 5)
    x = np.random.default_rng(0).normal(size=(BATCH, 4))
    network = read_relu(FORMS[form](module, x) if form in FORMS else module, (4,))
    assert close(network.forward(x), outputs_of(module, x))
    assert [layer.kind for layer in network.layers] == ["dense", "clip", "clip", "dense"]


def small() -> Any:
    return randomised(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)), 3)


def test_saved_programs_are_read_as_they_were(tmp_path: Path) -> None:
    module, x = small(), np.random.default_rng(1).random((BATCH, 1, 4, 4))
    torch.export.save(exported(module, x), tmp_path / "net.pt2")
    torch.jit.save(traced(module, x), tmp_path / "net.pt")
    for program, source in (
        (torch.export.load(tmp_path / "net.pt2").module(), "torch.export program"),
        (torch.export.load(tmp_path / "net.pt2"), "torch.export program"),
        (torch.jit.load(tmp_path / "net.pt"), "TorchScript module Sequential"),
    ):
        network = read_relu(program, (1, 4, 4))
        assert close(network.forward(x), outputs_of(module, x))
        assert network.provenance["source"] == source
        net = to_ttfs(network, x, margin=20)
        assert verify(net, network, x).ok
        assert close(simulate(net, x, engine="reference").readout, outputs_of(module, x))


def test_programs_say_the_shape_of_their_inputs() -> None:
    module, x = small(), np.random.default_rng(1).random((BATCH, 1, 4, 4))
    assert read_relu(exported(module, x)).input_shape == (1, 4, 4)
    assert read_relu(traced(module, x)).input_shape == (1, 4, 4)
    with pytest.raises(InputError, match=r"takes inputs of shape \(1, 4, 4\), but input_shape = \(1, 5, 4\)"):
        read_relu(exported(module, x), (1, 5, 4))
    wide = randomised(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1)), 1)
    assert read_relu(traced(wide, x), (1, 6, 5)).input_shape == (1, 6, 5)  # a trace takes any size
    with pytest.raises(InputError, match=r"0 \(Conv2d\) comes first; give input_shape|comes first; give input_shape"):
        read_relu(torch.jit.script(module))


def test_frozen_scripts_and_single_precision_are_read() -> None:
    module = small().float().eval()
    x = np.random.default_rng(1).random((BATCH, 1, 4, 4))
    expected = outputs_of(small(), x)
    for program in (torch.jit.freeze(torch.jit.script(module)), exported(module, x.astype(np.float32))):
        assert np.abs(read_relu(program, (1, 4, 4)).forward(x) - expected).max() < 1e-6


@pytest.mark.parametrize("where", ["whole", "part", "in place", "part in place"])
def test_what_is_compiled_is_read_as_what_it_was_made_from(where: str) -> None:
    module = small()
    x = np.random.default_rng(1).random((BATCH, 1, 4, 4))
    expected = outputs_of(module, x)
    source = copy.deepcopy(module)
    if where == "part":
        source[0] = torch.compile(source[0])
    elif where == "in place":
        source.compile()
    elif where == "part in place":
        source[3].compile()
    else:
        source = torch.compile(source)
    kept = [type(one) for one in source.modules()]
    network = read_relu(source, (1, 4, 4))
    assert close(network.forward(x), expected)
    assert network.provenance["source"] == "torch.nn.Sequential"
    assert [type(one) for one in source.modules()] == kept


@pytest.mark.parametrize("layout", ["to_sparse", "to_sparse_csr", "to_sparse_csc"])
def test_sparse_weights_are_read_with_their_zeros(layout: str) -> None:
    module = small()
    dense = module[3].weight.detach().clone()
    dense[:, ::2] = 0
    module[3].weight = nn.Parameter(dense)
    x = np.random.default_rng(1).random((BATCH, 1, 4, 4))
    expected = outputs_of(module, x)
    module[3].weight = nn.Parameter(getattr(dense, layout)())
    network = read_relu(module, (1, 4, 4))
    assert close(network.forward(x), expected)
    assert module[3].weight.layout != torch.strided


def dynamically_quantized() -> Any:
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    return torch.ao.quantization.quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8)


def statically_quantized() -> Any:
    quantization = torch.ao.quantization
    module = nn.Sequential(quantization.QuantStub(), nn.Linear(4, 3), nn.ReLU(), quantization.DeQuantStub()).eval()
    module.qconfig = quantization.get_default_qconfig("x86")
    quantization.prepare(module, inplace=True)
    module(torch.rand(5, 4))
    return quantization.convert(module)


def with_a_script_inside() -> Any:
    return nn.Sequential(torch.jit.script(nn.Linear(4, 3)), nn.ReLU())


class Deciding(nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, x):
        if bool(x.sum() > 0):
            return torch.relu(x)
        return x


class Changed(nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, x):
        return torch.relu(torch.sigmoid(x))


class Two(nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, x, y):
        return torch.relu(x) + y


class Nothing(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self):
        return torch.relu(self.weight)


def hooked() -> Any:
    module = exported(small(), np.zeros((BATCH, 1, 4, 4))).module()
    module.register_forward_pre_hook(lambda _module, given: given)
    return module


SHAPES = {"for inference": (1, 6, 6)}
ROW = np.zeros((BATCH, 4))
WITH_NORM = (nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU())
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "dynamically quantized": (
        dynamically_quantized,
        r"module 0 \(Linear\) is dynamically quantized: it rounds .*; must be of floating-point modules; hand over",
    ),
    "quantized": (statically_quantized, r"torch module 0 \(Quantize\) is quantized: it rounds"),
    "script of quantized modules": (
        lambda: torch.jit.script(dynamically_quantized()),
        r"Sequential: quantized::linear_dynamic is quantized: it rounds .* hand over the network as it was before",
    ),
    "script inside": (
        with_a_script_inside,
        r"0 \(RecursiveScriptModule\) is TorchScript within a module of Python; must be all of one kind",
    ),
    "branch": (
        lambda: torch.jit.script(Deciding()),
        r"Deciding: prim::If .*does not do the same whatever the data are; .* use torch\.jit\.trace",
    ),
    "for inference": (
        lambda: torch.jit.optimize_for_inference(torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 3)).eval())),
        "is not read; must be operations of tensors alone; use torch.jit.trace, or hand over the module",
    ),
    "sigmoid in a script": (lambda: torch.jit.script(Changed()), r"sigmoid \(sigmoid\) is a logistic inside"),
    "function in a script": (
        lambda: torch.jit.script(nn.Sequential(nn.Linear(4, 3), nn.GELU())),
        r"\(gelu\) is not read; supported are Linear",
    ),
    "function in an export": (
        lambda: exported(nn.Sequential(nn.Linear(4, 3), nn.GELU()).double(), ROW),
        r"torch module 1 \(gelu\) is not read; supported are Linear",
    ),
    "exported in training": (
        lambda: torch.export.export(nn.Sequential(*WITH_NORM).train(), (torch.rand(3, 4),)),
        r"torch module 1 \(batch_norm\) is in training, .* call eval\(\) before it is exported or traced",
    ),
    "traced in training": (
        lambda: torch.jit.trace(nn.Sequential(*WITH_NORM).train(), (torch.rand(3, 4),), check_trace=False),
        r"is of a module that changes itself, as in training; .* call eval\(\) before it is traced",
    ),
    "dropout in training": (
        lambda: torch.jit.trace(
            nn.Sequential(nn.Linear(4, 3), nn.Dropout()).train(), (torch.rand(3, 4),), check_trace=False
        ),
        r"\(dropout\) is in training, and drops values at random",
    ),
    "two inputs": (
        lambda: torch.export.export(Two(), (torch.ones(1, 4), torch.ones(1, 4))),
        r"torch module of torch\.export takes 2 inputs \(x, y\); must take one; join them",
    ),
    "two inputs of a trace": (
        lambda: torch.jit.trace(Two(), (torch.ones(1, 4), torch.ones(1, 4))),
        r"torch module Two takes 2 inputs \(x, y\); must take one",
    ),
    "no input": (lambda: torch.jit.script(Nothing()), r"torch module Nothing takes 0 inputs \(none\); must take one"),
    "hook of the user's": (hooked, r"torch module 0 \(GraphModule\) has hooks \(<lambda>\), which change what"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_programs_that_are_no_relu_networks_are_refused_by_name(what: str) -> None:
    made, message = REFUSED[what]
    with pytest.raises(MappingError, match=message):
        read_relu(made(), SHAPES.get(what, (4,)) if what != "hook of the user's" else None)


def test_padding_that_is_read_where_it_pads_nothing_is_refused_elsewhere() -> None:
    for module, message in (
        (
            nn.ReflectionPad2d(1),
            r"0 \(ReflectionPad2d\) has mode = 'reflect', padding = \[\(1, 1\), \(1, 1\)\]; must be",
        ),
        (
            nn.ReplicationPad2d((0, 1, 0, 0)),
            r"0 \(ReplicationPad2d\) has mode = 'replicate', padding = \[\(0, 0\), \(0, 1\)",
        ),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), r"0 \(Conv2d\): padding_mode = 'circular'; must be"),
        (nn.Conv2d(1, 1, 3, padding="same", padding_mode="reflect"), r"padding_mode = 'reflect'; must be 'zeros'"),
    ):
        with pytest.raises(MappingError, match=message):
            read_relu(nn.Sequential(module, nn.Conv2d(1, 2, 3)), (1, 6, 6))


def test_files_of_programs_are_told_to_be_loaded(tmp_path: Path) -> None:
    from eventsim.errors import FileFormatError

    for name, how in (("net.pt2", r"torch\.export\.load\(path\)"), ("net.pt", r"torch\.jit\.load\(path\)")):
        (tmp_path / name).write_bytes(b"PK")
        with pytest.raises(FileFormatError, match=f"which is not read; .*{how}"):
            read_relu(tmp_path / name)


def test_a_program_that_is_read_is_left_as_it_was() -> None:
    module, x = small(), np.random.default_rng(1).random((BATCH, 1, 4, 4))
    program = exported(module, x).module()
    script = torch.jit.script(small().train())
    before = str(program.graph), len(program._forward_pre_hooks), str(script.graph)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_relu(program)
        read_relu(script, (1, 4, 4))
    assert (str(program.graph), len(program._forward_pre_hooks), str(script.graph)) == before
    assert script.training
