"""What an ONNX model of a classifier makes of its outputs, which a ReLU network leaves to its users: labels, tables.

skl2onnx ends its classifiers in the largest output, its label, and a table of probabilities by label; others in an
ArgMax. None of it is computed here: the outputs are what these nodes take. Relies on nothing but the files' nodes.
Used by `read_onnx`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.models.readers.layer_graph import MOST_OUTPUTS
from eventsim.models.readers.onnx_file import OnnxNode

Array = np.ndarray[Any, Any]
# Operations of which an output is decided; the first of them on its way takes the outputs of the network.
DECISIONS = ("ArgMax", "ZipMap", "Binarizer", "ArrayFeatureExtractor", "LabelEncoder")


def without_decisions(
    nodes: Sequence[OnnxNode], outputs: Sequence[str], constants: Mapping[str, Array]
) -> tuple[list[OnnxNode], list[str], list[str]]:
    """Return nodes and outputs without decisions: what these take in their place; and the labels of what is left out.

    Two probabilities that are (1 - p, p) of one logistic p are that p.
    """
    if len(outputs) > MOST_OUTPUTS or not any(map(_decides, nodes)):
        return list(nodes), list(outputs), []
    nodes = [_single(node, nodes, constants) for node in nodes]
    makers = {name: node for node in nodes for name in node.outputs}
    decided: dict[str, bool] = {}
    found: list[str] = []
    dropped: list[str] = []
    for output in outputs:
        if not _is_decided(output, makers, decided):
            found.append(output)
            continue
        for node in _ahead(output, makers):
            if _decides(node):
                dropped.append(node.label)
                found += [
                    name
                    for name in node.inputs
                    if name is not None and name not in constants and not _is_decided(name, makers, decided)
                ]
    if not found:  # of constants
        return nodes, list(outputs), []
    return nodes, list(dict.fromkeys(found)), list(dict.fromkeys(dropped))


def _decides(node: OnnxNode) -> bool:
    return node.operation in DECISIONS and node.domain in ("", "ai.onnx", "ai.onnx.ml")


def _single(node: OnnxNode, nodes: Sequence[OnnxNode], constants: Mapping[str, Array]) -> OnnxNode:
    """A concatenation of 1 - p and p, where p is a logistic, as p alone; any other node as it is."""
    if node.operation != "Concat" or len(node.inputs) != 2:
        return node
    makers = {name: one for one in nodes for name in one.outputs if name in node.inputs}
    rest, p = (makers.get(str(name)) for name in node.inputs)
    if rest is None or p is None or (rest.operation, p.operation) != ("Sub", "Sigmoid"):
        return node
    one = constants.get(str(rest.inputs[0]))
    if one is None or rest.inputs[1:] != p.outputs[:1] or not (np.asarray(one) == 1).all():
        return node
    return replace(node, operation="Identity", inputs=p.outputs[:1], attributes={})


def _ahead(name: str, makers: Mapping[str, OnnxNode]) -> list[OnnxNode]:
    """The nodes that a value is made from."""
    found: dict[int, OnnxNode] = {}
    waiting = [name]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and id(node) not in found:
            found[id(node)] = node
            waiting.extend(given for given in node.inputs if given is not None)
    return list(found.values())


def _is_decided(name: str, makers: Mapping[str, OnnxNode], known: dict[str, bool]) -> bool:
    """Is a value made by a decision, or from one?"""
    if name not in known:
        known[name] = any(map(_decides, _ahead(name, makers)))
    return known[name]
