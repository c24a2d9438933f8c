"""Architectures in one line, such as ``conv8x3-bn-relu-pool2-conv16x3-bn-relu-pool2-10``.

Relies on the layers. Used by `trainable` and by the command line.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.checks import shown
from eventsim.errors import NetworkError
from eventsim.models.relu.sliding import Sliding
from eventsim.models.train.batch_norm import BatchNorm
from eventsim.models.train.layers import EarliestPool, LastNeurons, MeanPool, Neurons, ReadOut, TrainableLayer
from eventsim.models.train.linear_maps import ConvMap, DenseMap
from eventsim.network.convolution import LARGEST

GRAMMAR = (
    "parts joined by '-': conv<channels>x<kernel> (with s<stride> and p<padding> behind it), a number of neurons, bn, "
    "relu, pool<size>, avg<size>, and at last the outputs: a number or a conv, or a number and relu"
)
_NUMBER = r"([0-9]{1,9})"
_COUNT = re.compile(_NUMBER)
_CONV = re.compile(rf"conv{_NUMBER}x{_NUMBER}(?:s{_NUMBER})?(?:p{_NUMBER})?")
_POOL = re.compile(rf"(pool|avg)(?:{_NUMBER}(?:s{_NUMBER})?)?")
MOST_WEIGHTS = 1 << 31  # of a layer, which are 16 GiB of float64


def layers_of(architecture: str, input_shape: Sequence[int]) -> tuple[TrainableLayer, ...]:
    """Return the layers of an architecture written in one line.

    Parameters
    ----------
    architecture
        Parts joined by "-". ``conv8x3``: 8 channels, kernels of 3 × 3 (on one axis of positions: of 3), padded such
        that positions stay; ``conv8x5s2p0``: with stride 2 and padding 0. ``340``: so many neurons. ``bn``: a batch
        norm on what comes before it. ``relu``: what makes neurons of it; a layer without ``bn`` has one anyway.
        ``pool2``: a max pool of 2 × 2, ``avg2`` an average pool, ``pool3s2`` with stride 2, ``avg`` over all positions.
        The last part is the number of outputs, potentials that are read out, or a ``conv`` whose channels are read out
        at each position. With ``relu`` behind it, as in ``64-10-relu``, the outputs are neurons, and the first that
        fires decides.
    input_shape
        Shape of one input.

    Raises
    ------
    NetworkError
        A part that is none of these, or where it cannot be, or of more weights than 2**31; the message names it. An
        `input_shape` that is none.
    """
    parts = parts_of(architecture)
    builder = _Builder(architecture, checked_input_shape(input_shape))
    hidden = parts if parts[-1] == "relu" else parts[:-1]
    for place, part in enumerate(hidden):
        builder.add(place, part)
    builder.close(len(parts) - 1)
    builder.end(len(parts) - 1, parts[-1])
    return tuple(builder.layers)


def parts_of(architecture: Any) -> list[str]:
    """Return the parts of an architecture in one line, which may still not stand where they do.

    Raises
    ------
    NetworkError
        No text, or a part that is unknown.
    """
    if not isinstance(architecture, str) or not architecture:
        raise NetworkError(f"architecture = {shown(architecture)}; must be text, {GRAMMAR}")
    parts = architecture.split("-")
    for place, part in enumerate(parts):
        if part not in ("bn", "relu") and not any(kind.fullmatch(part) for kind in (_CONV, _POOL, _COUNT)):
            raise _refused(architecture, place, part, "is unknown")
    return parts


def checked_input_shape(input_shape: Any) -> tuple[int, ...]:
    """Return the shape of one input; NetworkError where it is none."""
    given = tuple(input_shape) if isinstance(input_shape, Sequence | np.ndarray) else ()
    whole = [isinstance(n, int | np.integer) and not isinstance(n, bool) and 1 <= n <= LARGEST for n in given]
    if not whole or not all(whole):
        raise NetworkError(
            f"input_shape = {shown(input_shape)}; must be whole numbers >= 1, as (64,) or (1, 28, 28). Give data.shape."
        )
    return tuple(map(int, given))


def fires(architecture: str) -> bool:
    """Whether the outputs of an architecture are neurons, the first of which decides."""
    return architecture.endswith("-relu")


def _refused(architecture: str, place: int, part: str, what: str) -> NetworkError:
    return NetworkError(f"architecture {architecture!r}: part {place + 1}, {part!r}: {what}; must be {GRAMMAR}")


@dataclass
class _Builder:
    """Layers as parts come; `open` is a weighted sum that waits for what stands behind it."""

    architecture: str
    shape: tuple[int, ...]
    layers: list[TrainableLayer] = field(default_factory=list)
    open: Any = None
    norm: BatchNorm | None = None

    def refused(self, place: int, part: str, what: str) -> NetworkError:
        return _refused(self.architecture, place, part, what)

    def add(self, place: int, part: str) -> None:
        if part == "bn":
            if self.open is None or self.norm is not None:
                raise self.refused(place, part, "stands behind no conv and no number of neurons")
            self.norm = BatchNorm()
        elif part == "relu":
            if self.open is None:
                raise self.refused(place, part, "stands behind no conv, number of neurons or bn")
            self.settle()
        elif found := _CONV.fullmatch(part):
            self.close(place)
            self.open = self.conv(place, part, *found.groups())
        elif found := _POOL.fullmatch(part):
            self.close(place)
            self.layers.append(self.pool(place, part, *found.groups()))
            self.shape = self.layers[-1].shape
        else:
            self.close(place)
            self.open = self.dense(place, part)

    def close(self, place: int) -> None:
        """Before the next layer: neurons without a batch norm need no "relu" to be some."""
        if self.open is not None:
            if self.norm is not None:
                raise self.refused(place - 1, "bn", "is followed by no relu; write bn-relu")
            self.settle()

    def settle(self) -> None:
        stem = "dense" if isinstance(self.open, DenseMap) else "conv"
        if isinstance(self.open, DenseMap):
            shape: tuple[int, ...] = (self.open.n_out,)
        else:
            shape = (self.open.c_out, *self.open.sliding.positions(self.shape))
        self.layers.append(Neurons(self.name(stem), self.open, shape, self.norm))
        self.open, self.norm, self.shape = None, None, shape

    def name(self, stem: str) -> str:
        return f"{stem}{sum(layer.name.startswith(stem) for layer in self.layers) + 1}"

    def dense(self, place: int, part: str) -> DenseMap:
        if int(part) < 1:
            raise self.refused(place, part, "has no neurons")
        return self.bounded(place, part, DenseMap(int(part), math.prod(self.shape)))

    def conv(self, place: int, part: str, channels: str, kernel: str, stride: Any, padding: Any) -> ConvMap:
        size = int(kernel)
        if len(self.shape) < 2 or int(channels) < 1 or size < 1 or (padding is None and size % 2 == 0):
            what = (
                f"follows an input of shape {self.shape}, which has no (channels, *positions)"
                if len(self.shape) < 2
                else "needs channels, and a kernel that is odd or has its padding, as in conv8x4p1"
            )
            raise self.refused(place, part, what)
        sliding = Sliding(
            f"architecture {self.architecture!r}: part {part!r}",
            (size,) * (len(self.shape) - 1),
            int(stride or 1),
            int(padding) if padding is not None else size // 2,
        )
        sliding.positions(self.shape)
        return self.bounded(place, part, ConvMap(int(channels), self.shape[0], sliding))

    def bounded(self, place: int, part: str, linear: Any) -> Any:
        """A linear map, once its weights fit into a memory."""
        if math.prod(linear.weight_shape) > MOST_WEIGHTS:
            raise self.refused(place, part, f"has weights of shape {linear.weight_shape}, more than {MOST_WEIGHTS:,}")
        return linear

    def pool(self, place: int, part: str, kind: str, size: Any, stride: Any) -> TrainableLayer:
        if len(self.shape) < 2 or size == "0":
            raise self.refused(place, part, f"needs an input (channels, *positions), not {self.shape}, and a size")
        where = f"architecture {self.architecture!r}: part {part!r}"
        kernel = (int(size),) * (len(self.shape) - 1) if size else self.shape[1:]
        sliding = Sliding(where, kernel, int(stride) if stride else kernel)
        shape = (self.shape[0], *sliding.positions(self.shape))
        return (EarliestPool if kind == "pool" else MeanPool)(self.name("pool"), sliding, shape)

    def end(self, place: int, part: str) -> None:
        """The outputs: neurons in place of the last layer, or a read-out behind it."""
        if part == "relu":
            last = self.layers[-1]
            if not isinstance(last, Neurons) or len(last.shape) != 1:
                what = "the outputs, the first of which decides, must be a number of neurons; write e.g. 10-relu"
                raise self.refused(place, part, what)
            self.layers[-1] = LastNeurons(last.name, last.linear, last.shape, last.norm)
        elif _COUNT.fullmatch(part):
            linear = self.dense(place, part)
            self.layers.append(ReadOut("output", linear, (linear.n_out,)))
        elif found := _CONV.fullmatch(part):
            conv = self.conv(place, part, *found.groups())
            self.layers.append(ReadOut("output", conv, (conv.c_out, *conv.sliding.positions(self.shape))))
        else:
            raise self.refused(place, part, "the last part must be the number of outputs, or a conv")
