"""A ReLU network in a form whose streams spikes can carry: what may be negative is split into two streams from 0 on.

Any value is ``relu(x) - relu(-x)``, and a leaky ReLU is ``relu(x) - slope relu(-x)``. Who takes the difference takes
both streams with weights of opposite signs, so that they need no neurons beyond their own. Values that no ReLU has cut
are split where a layer takes them that computes; those that a batch norm or a ReLU takes are left to `fusion`, and so
is the read-out. A max pool of a difference is that of its positive stream minus the min pool of the negative one. A
clip is ``low + relu(x - low) - relu(x - high)``.

Relies on the kinds of layers and on `carriers`. Used by `eventsim.models.relu.relu_network` and `fusion`, which must
see the same streams.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.models.relu.batch_norm import BatchNorm
from eventsim.models.relu.carriers import ABOVE, ALL, BELOW, Called, Carrier
from eventsim.models.relu.conv_layer import Conv
from eventsim.models.relu.cut_layers import Clip, LeakyReLU
from eventsim.models.relu.join_layers import Add, Concat, Join
from eventsim.models.relu.layer_names import INPUT, OUTPUT
from eventsim.models.relu.pool_layers import AveragePool, Flatten, MaxPool, Pool
from eventsim.models.relu.relu_layers import Dense, Layer

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Inputs = Mapping[str, Sequence[str]]

# What a layer gives; of values side by side, the worst. CARRIED: by populations, but for a batch norm behind these.
# SUM: of such, each channel by itself. LINEAR: of a convolution or dense layer. POOLED: max pools of those two.
# FLAT, FLAT_POOLED: the same in one axis, where batch norms by value are no longer by channel.
CARRIED, SUM, LINEAR, POOLED, FLAT, FLAT_POOLED = range(6)


@dataclass(frozen=True, eq=False)
class Streams:
    """Layers that compute what a network does.

    Attributes
    ----------
    layers
        The layers in order.
    inputs
        For each layer, whose outputs it takes.
    shapes
        The shape of each layer's outputs.
    carriers
        For each layer, what it carries; in this order they were made.
    called
        For each layer, what a population that it becomes is called after.
    """

    layers: Sequence[Layer]
    inputs: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, Shape]
    carriers: Mapping[str, Carrier]
    called: Mapping[str, Called]


def streams(layers: Sequence[Layer], inputs: Inputs, shapes: Mapping[str, Shape], read_out: bool = True) -> Streams:
    """Return layers that compute the same: each ReLU at the layer whose values it cuts, and signed values split.

    `read_out`: where the network ends in a ReLU or in a max pool, one that passes values on comes last.
    """
    found = _split(layers, inputs, shapes)
    if read_out:
        hidden = found.needs_read_out(layers[-1].name)
        if OUTPUT in shapes and (hidden or any(carrier.of == OUTPUT for carrier in found.carriers.values())):
            layers, inputs, shapes = _renamed(layers, inputs, shapes, OUTPUT)
            found = _split(layers, inputs, shapes)
        if hidden:
            found.read_out(layers[-1].name)
    return Streams(found.layers, found.inputs, found.shapes, found.carriers, found.called)


def _split(layers: Sequence[Layer], inputs: Inputs, shapes: Mapping[str, Shape]) -> "_Splitting":
    found = _Splitting(dict(shapes))
    for layer in _relus_in_place(layers, inputs):
        found.add(layer, tuple(inputs[layer.name]))
    return found


def _relus_in_place(layers: Sequence[Layer], inputs: Inputs) -> list[Layer]:
    """Return layers that compute the same, with each ReLU at the one whose values it cuts.

    A max, a choice of order and a ReLU commute, and means of positive values are positive. A ReLU behind the input
    itself, or behind a layer whose values somebody else takes without it, stays where it is.
    """
    places = {layer.name: i for i, layer in enumerate(layers)}
    users = Counter(name for taken in inputs.values() for name in taken)
    layers = list(layers)
    for i in range(len(layers) - 1, 0, -1):
        before = [places.get(name, -1) for name in inputs[layers[i].name]]
        alone = all(k >= 0 and (layers[k].relu or users[layers[k].name] == 1) for k in before)
        if layers[i].relu and isinstance(layers[i], MaxPool | Flatten | Concat) and alone:
            layers[i] = _with_relu(layers[i], False)
            for k in before:
                layers[k] = _with_relu(layers[k], True)
    positive: dict[str, bool] = {}
    for i, layer in enumerate(layers):
        kept = all(positive.get(name, False) for name in inputs[layer.name])
        if kept and layer.relu and isinstance(layer, AveragePool | Concat):
            layers[i] = _with_relu(layer, False)
        if kept and isinstance(layer, Add) and i < len(layers) - 1:
            layers[i] = _with_relu(layer, True)
        positive[layer.name] = layer.relu or (kept and isinstance(layer, Pool | Flatten | Add | Concat))
    return layers


def _with_relu(layer: Layer, relu: bool) -> Layer:
    return layer if layer.relu is relu else type(layer)(**{**vars(layer), "relu": relu})


@dataclass
class _Splitting:
    """The layers so far; by their names what they give, in how many channels side by side, and that signed or cut.

    words : of a layer that was made of another, that one's and one of its own, of which its name consists.
    """

    shapes: dict[str, Shape]
    layers: list[Layer] = field(default_factory=list)
    inputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    state: dict[str, int] = field(default_factory=dict)
    widths: dict[str, tuple[int, ...]] = field(default_factory=dict)
    carriers: dict[str, Carrier] = field(default_factory=dict)
    called: dict[str, Called] = field(default_factory=dict)
    words: dict[str, Called] = field(default_factory=dict)
    signed_name: dict[str, str] = field(default_factory=dict)
    cut: dict[str, str] = field(default_factory=dict)
    positive: set[str] = field(default_factory=set)
    # Of a leaky ReLU, the streams above and below 0, and the slope of the latter.
    leaky: dict[str, tuple[str, str, Array]] = field(default_factory=dict)
    # Of a clip, the streams cut at its bounds, and the shift of their difference.
    clips: dict[str, tuple[str, str, Array]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state[INPUT], self.widths[INPUT] = CARRIED, self.shapes[INPUT][:1]

    def add(self, layer: Layer, taken: tuple[str, ...]) -> None:
        """Add a layer of the network, or what computes the same."""
        worst = max(self.state[name] for name in taken)
        if layer.relu and isinstance(layer, MaxPool | Flatten | Concat):
            taken, layer = tuple(self._cut(name) for name in taken), _with_relu(layer, relu=False)
            worst = CARRIED
        if isinstance(layer, Dense | Conv):
            self._append(layer, self._each(taken, LINEAR), LINEAR)
        elif isinstance(layer, LeakyReLU):
            self._leaky(layer, self._each(taken, FLAT)[0])
        elif isinstance(layer, Clip):
            self._clip(layer, self._each(taken, POOLED if layer.low is None else FLAT)[0])
        elif isinstance(layer, Pool):
            self._pool(layer, taken[0], worst)
        elif isinstance(layer, Flatten):
            flat = {LINEAR: FLAT, POOLED: FLAT_POOLED}
            unchanged = len(self.shapes[taken[0]]) == 1
            self._append(layer, taken, worst if unchanged else flat.get(worst, worst))
        elif isinstance(layer, BatchNorm):
            taken = self._each(taken, POOLED if layer.by_value else FLAT)
            self._append(layer, taken, self.state[taken[0]])
        elif isinstance(layer, Add):
            taken = self._each(taken, POOLED)
            alike = len({self.widths[name] for name in taken}) == 1
            worst = max(self.state[name] for name in taken)
            self._append(layer, taken, SUM if worst <= SUM and alike else LINEAR)
        else:
            self._append(layer, taken, worst)

    def _append(self, layer: Layer, taken: tuple[str, ...], state: int) -> str:
        name = layer.name
        if name not in self.shapes:
            shapes = [self.shapes[one] for one in taken]
            self.shapes[name] = layer.joined_shape(shapes) if isinstance(layer, Join) else layer.output_shape(shapes[0])
        self.layers.append(layer)
        self.carriers[name], self.called[name] = Carrier(name, ALL), self.words.get(name, (name,))
        self.inputs[name] = taken
        self.state[name] = CARRIED if layer.relu else state
        kept = isinstance(layer, Pool | Flatten | Join) and self.positive.issuperset(taken)
        self.positive |= {name} if layer.relu or kept else set()
        before = tuple(n for one in taken for n in self.widths[one])
        apart = not layer.relu and len({self.widths[one] for one in taken}) == 1  # as `fusion` adds up part by part
        if isinstance(layer, Add) and apart:
            self.widths[name] = self.widths[taken[0]]
        elif isinstance(layer, Dense | Conv | Add):
            self.widths[name] = self.shapes[name][:1]
        elif isinstance(layer, Flatten):
            self.widths[name] = tuple(n * math.prod(self.shapes[taken[0]][1:]) for n in before)
        else:
            self.widths[name] = before
        return name

    def _each(self, taken: tuple[str, ...], least: int) -> tuple[str, ...]:
        """The names, or those of the split values where a state is `least` or beyond."""
        return tuple(self._signed(name) if self.state[name] >= least else name for name in taken)

    def _signed(self, name: str) -> str:
        """The name of the same values as a difference of two streams."""
        if name not in self.signed_name:
            layer = next(layer for layer in self.layers if layer.name == name)
            new = self._made_of(name, "signed")
            if isinstance(layer, Flatten | Concat):
                self._append(layer.named(new), self._each(self.inputs[name], LINEAR), SUM)
            else:
                above, below = self._parts(name, of=name)
                self._difference(Add(new), above, below, np.ones(self.shapes[name][0]))
            self.signed_name[name] = new
        return self.signed_name[name]

    def _cut(self, name: str) -> str:
        """The name of the values, those below 0 cut."""
        if name in self.positive:
            return name
        if name not in self.cut:
            [taken] = self._each((name,), FLAT)
            scale = np.ones(self.shapes[name][0])
            self.cut[name] = self._append(self._scaling(name, "relu", scale, relu=True), (taken,), CARRIED)
        return self.cut[name]

    def _parts(self, name: str, of: str = "") -> tuple[str, str]:
        """The names of two streams, of the values above 0 and of those below; `of`: whose values these carry."""
        found = []
        for sign, word, part in ((1, "positive", ABOVE), (-1, "negative", BELOW)):
            scale = np.full(self.shapes[name][0], sign)
            found.append(self._append(self._scaling(name, word, scale, relu=True), (name,), CARRIED))
            self.carriers[found[-1]] = Carrier(found[-1], ALL, part, of)
        return found[0], found[1]

    def _difference(self, layer: Add, above: str, below: str, slope: Array) -> None:
        """Add the first stream minus `slope` times the second."""
        scaled = self._append(self._scaling(below, "scaled", -slope), (below,), CARRIED)
        self._append(layer, (above, scaled), SUM)

    def _leaky(self, layer: LeakyReLU, taken: str) -> None:
        above, below = self._parts(taken, of=layer.name)
        self._difference(Add(layer.name, layer.relu), above, below, layer.slope)
        if not layer.relu:
            self.leaky[layer.name] = above, below, layer.slope

    def _clip(self, layer: Clip, taken: str) -> None:
        """``low + relu(x - low) - relu(x - high)``, or ``x - relu(x - high)`` where nothing is cut from below."""
        one = np.ones(self.shapes[taken][0])
        name, first, shift = layer.name, taken, 0.0 * one
        if layer.low is not None:
            cut = BatchNorm(self._made_of(name, "low"), one, 0 * one, layer.low * one, one, 0.0, True)
            first, shift = self._append(cut, (taken,), CARRIED), layer.low * one
        if layer.high is None:
            self._append(BatchNorm(name, one, shift, 0 * one, one, 0.0, layer.relu), (first,), CARRIED)
            return
        cut = BatchNorm(self._made_of(name, "high"), one, 0 * one, layer.high * one, one, 0.0, True)
        second = self._append(cut, (taken,), CARRIED)
        turned = BatchNorm(self._made_of(name, "turned"), -one, shift, 0 * one, one, 0.0)
        both = (first, self._append(turned, (second,), CARRIED))
        self._append(Add(name, layer.relu), both, SUM if self.state[first] <= SUM else LINEAR)
        if layer.low is not None and not layer.relu:
            self.clips[name] = first, second, shift

    def _pool(self, pool: Pool, taken: str, worst: int) -> None:
        """A pool, or the difference of two where it takes one that `fusion` has no single layer for."""
        above, below, slope = self.leaky.get(taken, ("", "", np.ones(self.shapes[taken][0])))
        is_max = isinstance(pool, MaxPool)
        if above and not (is_max and (slope < 0).any()):
            self._pool_both(pool, above, below, slope)
        elif is_max and taken in self.clips:
            self._pool_clip(pool, *self.clips[taken])
        elif worst == CARRIED and pool.relu:  # a mean of what a batch norm or the range of inputs may make negative
            mean = self._append(_settled(pool, self._made_of(pool.name, "mean")), (taken,), CARRIED)
            self._append(Add(pool.name, True), (mean,), CARRIED)
        elif worst == CARRIED or is_max:
            self._append(pool, (taken,), CARRIED if worst == CARRIED else POOLED)
        elif worst < POOLED and not any(map(any, pool.padding)):
            self._append(pool, (taken,), LINEAR)
        else:
            above, below = self._parts(taken)
            self._pool_both(pool, above, below, np.ones(len(slope)))

    def _pool_both(self, pool: Pool, above: str, below: str, slope: Array) -> None:
        """The pool of the first stream minus `slope` times that of the second, of which a max takes the smallest."""
        positive = self._append(_settled(pool, self._made_of(pool.name, "above")), (above,), CARRIED)
        other = _settled(pool, self._made_of(pool.name, "below"))
        if isinstance(other, MaxPool):
            chosen = set(range(len(slope))) - set(other.smallest)
            other = MaxPool(**{**vars(other), "smallest": tuple(chosen)})
        negative = self._append(other, (below,), CARRIED)
        for made, part in ((positive, ABOVE), (negative, BELOW)):
            self.carriers[made] = Carrier(made, ALL, part, pool.name)
        self.called |= {positive: (pool.name,), negative: (pool.name, "negative")}
        self._difference(Add(pool.name, pool.relu), positive, negative, slope)

    def _pool_clip(self, pool: Pool, first: str, second: str, shift: Array) -> None:
        """The pool of each of two streams that grow together: the difference of their largest values is the largest."""
        one = np.ones(len(shift))
        kept = self._append(_settled(pool, self._made_of(pool.name, "low")), (first,), CARRIED)
        other = self._append(_settled(pool, self._made_of(pool.name, "high")), (second,), CARRIED)
        self.called |= {kept: (pool.name,), other: (pool.name, "high")}
        turned = BatchNorm(self._made_of(pool.name, "turned"), -one, shift, 0 * one, one, 0.0)
        self._append(Add(pool.name, pool.relu), (kept, self._append(turned, (other,), CARRIED)), SUM)
        self.clips[pool.name] = kept, other, shift

    def _scaling(self, name: str, word: str, scale: Array, relu: bool = False) -> BatchNorm:
        one = np.ones(len(scale))
        return BatchNorm(self._made_of(name, word), scale, 0 * one, 0 * one, one, 0.0, relu)

    def _made_of(self, name: str, word: str) -> str:
        """An unused name for a layer that is made of another one."""
        while f"{name}.{word}" in self.shapes:
            word += "'"
        self.words[f"{name}.{word}"] = (*self.words.get(name, (name,)), word)
        return f"{name}.{word}"

    def needs_read_out(self, last: str) -> bool:
        """Is the last layer carried by populations, or a max pool, and no mean that a read-out can take?"""
        state = self.state[last]
        if state != CARRIED:
            return state in (POOLED, FLAT_POOLED) or (state == FLAT and len(self.widths[last]) > 1)
        places = {layer.name: layer for layer in self.layers}
        while isinstance(places[last], Flatten) and not places[last].relu and self.inputs[last][0] != INPUT:
            last = self.inputs[last][0]
        pool = places[last]
        if not isinstance(pool, AveragePool) or pool.relu:
            return True
        divisor = pool.divisor(self.shapes[self.inputs[last][0]])
        return bool((divisor != divisor.flat[0]).any())

    def read_out(self, last: str) -> None:
        """Add a read-out that passes on the values of the last layer."""
        self._append(Add(OUTPUT), self._each((last,), LINEAR), SUM)


def _settled(pool: Pool, name: str) -> Pool:
    """The pool under another name and without its ReLU."""
    return type(pool)(**{**vars(pool), "relu": False, "name": name})


def _renamed(
    layers: Sequence[Layer], inputs: Inputs, shapes: Mapping[str, Shape], old: str
) -> tuple[list[Layer], Inputs, dict[str, Shape]]:
    """The network with another name for a layer: its kind and number, as layers without a name have it."""
    layer = next(layer for layer in layers if layer.name == old)
    stem = layer.stem or layer.kind
    number = 1 + sum((one.stem or one.kind) == stem for one in layers[: list(layers).index(layer)])
    new = f"{stem}{number}"
    while new in shapes:
        new += "'"
    names = {name: new if name == old else name for name in shapes}
    taken = {names[name]: tuple(names[one] for one in before) for name, before in inputs.items()}
    return [one.named(names[one.name]) for one in layers], taken, {names[name]: shapes[name] for name in shapes}
