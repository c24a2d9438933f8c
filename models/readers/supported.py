"""Which layers, modules and operations the readers take: the table of the documentation, made from theirs.

Relies on the readers. Used by the documentation and its test.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from eventsim.models.readers.keras_layers import KERAS_LAYERS, KERAS_OPERATIONS
from eventsim.models.readers.onnx_decisions import DECISIONS
from eventsim.models.readers.read_onnx import ONNX_OPERATIONS, ONNX_OUTPUTS
from eventsim.models.readers.torch_functions import IN_PLACE, TORCH_FUNCTIONS, TORCH_JOINS
from eventsim.models.readers.torch_modules import TORCH_MODULES

# What becomes of the operations of `layer_graph`, in the order of the table.
BECOMES: Mapping[str, str] = MappingProxyType(
    {
        "dense": "a dense layer",
        "conv": "a convolution over one or two axes: stride, dilation, groups, padding of either side",
        "batch_norm": "a batch norm as it evaluates, or a scale and shift of each channel",
        "relu": "the ReLU of the layer before it",
        "leaky_relu": "two streams from 0 on, one of them with weights times the slope; one slope a channel",
        "clip": "a clip: l + ReLU(x − l) − ReLU(x − h), two populations for two bounds",
        "maximum": "with constants: a clip, or for several constants a shift, a ReLU and a shift back",
        "minimum": "with constants: a clip, or for several constants a shift, a ReLU and a shift back",
        "max_pool": "a max pool",
        "average_pool": "an average pool",
        "global_max_pool": "a max pool of all positions",
        "global_average_pool": "an average pool of all positions",
        "adaptive_max_pool": "a max pool whose windows divide the positions",
        "adaptive_average_pool": "an average pool whose windows divide the positions",
        "mean": "an average pool, if it is over all positions",
        "pad": "the padding of the convolution, or pool behind a ReLU, that follows; zeros, or nothing in any mode",
        "add": "a shift by a constant, or the bias of the layer before it; of branches, their sum",
        "subtract": "a shift by a constant, such as a mean image; of two branches, their difference",
        "multiply": "a scale of each channel by a constant",
        "divide": "a scale of each channel by a constant",
        "floor_divide": "a constant, of constants",
        "flatten": "a flattening",
        "reshape": "a flattening, or another shape of the inputs",
        "squeeze": "another shape",
        "unsqueeze": "another shape",
        "transpose": "the order of the columns of the next dense layer, or of the inputs",
        "identity": "nothing, as in evaluation",
        "cast": "nothing, to another width of floats",
        "constant": "a constant",
        "shape": "a constant",
        "gather": "a constant, of constants",
        "concat": "a constant, of constants; of branches, the channels of all",
        "slice": "a constant, of constants",
        "fill": "a constant, of constants",
        "dequantize": "a constant: weights that are stored as integers; of activations, what a quantizer made of them",
        "quantize": "a constant, of constants; of activations, the rounding of the layer before it, and its ReLU where "
        "it cuts what is below 0",
        "softmax": "left out at the end, refused elsewhere",
        "sigmoid": "left out at the end, refused elsewhere",
        "decision": "left out at the end with all that follows: the outputs are what it takes",
    }
)


def _snake(name: str) -> str:
    """The function of `keras.ops` that a class is of: "LeakyRelu" is leaky_relu."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()


def supported_operations() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return for each operation the names that ONNX, PyTorch (modules, functions) and Keras have for it."""
    tables = {
        "ONNX": {**ONNX_OPERATIONS, **ONNX_OUTPUTS, **dict.fromkeys(DECISIONS, ("decision",))},
        "PyTorch modules": TORCH_MODULES,
        "PyTorch functions": {name: row for name, row in TORCH_FUNCTIONS.items() if name not in IN_PLACE}
        | dict.fromkeys(TORCH_JOINS, ("concat",)),
        "Keras": {**KERAS_LAYERS, **{f"ops.{_snake(name)}": row for name, row in KERAS_OPERATIONS.items()}},
    }
    return {
        operation: {
            source: tuple(name for name, row in table.items() if row[0] == operation)
            for source, table in tables.items()
        }
        for operation in BECOMES
    }


def operations_table() -> str:
    """Return the table of `supported_operations` in Markdown."""
    rows = supported_operations()
    sources = list(next(iter(rows.values())))
    lines = [f"| {' | '.join([*sources, 'becomes'])} |", f"|{'---|' * (len(sources) + 1)}"]
    for operation, names in rows.items():
        cells = [", ".join(f"`{name}`" for name in names[source]) for source in sources]
        lines.append(f"| {' | '.join([*cells, BECOMES[operation]])} |")
    return "\n".join(lines)
