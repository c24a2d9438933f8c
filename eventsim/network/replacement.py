"""A network again, but for some of its parts.

Relies on the parts of a network and on what builds them; the networks themselves are handed in. Used by
`Network.replace`, and where faults make the network of a device.
"""

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from eventsim.checks import n_axes, shown
from eventsim.errors import NetworkError, listed, nearest
from eventsim.network.neuron_model import find_model
from eventsim.network.nodes import Population, Projection, Source
from eventsim.network.projections import own_delays
from eventsim.network.receptors import given_receptors

Changes = Mapping[str, Any]
OF_SOURCE = ("window", "value_range", "generator")
# What `Network.connect` is given by place; whatever else a projection has is given by its name.
PLACED = ("order", "pre", "post", "kind", "delay")


def replaced(net: Any, new: Any, name: Any, changes: Changes) -> Any:
    """Build `net` again in `new`, which is empty, with changes of one part; return it."""
    part, called = _part(net, name)
    if not changes:
        raise NetworkError(f"replace: {called}: nothing to replace; must be given by name. Give e.g. v_threshold=12.0.")
    left = rebuild(net, new, {part: changes})
    note = f"{called}: replaced {', '.join(changes)}"
    note += f"; left out, which the new model does not have: {', '.join(left)}" if left else ""
    new.provenance["notes"] = [*new.provenance.get("notes", ()), note]
    return new


def rebuild(net: Any, new: Any, changes: Mapping[Any, Changes]) -> list[str]:
    """Build `net` again in `new`, which is empty, with changes by part; return parameters that new models lack."""
    left: list[str] = []
    called = dict(part_names(net))
    for node in net.nodes:
        mine = changes.get(node, {})
        if isinstance(node, Source):
            _add_source(new, node, mine)
        else:
            left += _add_population(new, node, mine)
    for projection in net.projections:
        _connect(new, projection, called[projection], changes.get(projection, {}))
    new.provenance = copy.deepcopy(net.provenance)
    return left


def part_names(net: Any) -> list[tuple[Any, str]]:
    """All parts and what they are called: a node's name, "pre -> post", or "pre -> post #2" where there are several."""
    ends = [f"{one.pre.name} -> {one.post.name}" for one in net.projections]
    count, number = Counter(ends), Counter[str]()
    named: list[tuple[Any, str]] = [(node, node.name) for node in net.nodes]
    for one, name in zip(net.projections, ends, strict=True):
        number[name] += 1
        named.append((one, name if count[name] == 1 else f"{name} #{number[name]}"))
    return named


def _part(net: Any, name: Any) -> tuple[Any, str]:
    """The part that is meant, and its name."""
    named = part_names(net)
    for part, called in named:
        if part is name or (isinstance(name, str) and called == name):
            return part, called
    if not isinstance(name, str):
        raise NetworkError(
            f"replace: {shown(name)} is no part of this network; must be one of its sources, populations or "
            "projections, or a name. Give a name."
        )
    names = [called for _, called in named]
    several = [called for called in names if " #" in called and called.rpartition(" #")[0] == name]
    if several:
        raise NetworkError(
            f"replace: {name!r}: {len(several)} projections have these ends; must be one of them. Give "
            f"{listed(map(repr, several))}, numbered in order of creation."
        )
    raise NetworkError(
        f"replace: unknown part {name!r}{nearest(name, names)}; this network has {listed(names) or 'no parts'}. Give "
        'the name of a source or population, or "pre -> post".'
    )


def _add_source(new: Any, source: Source, changes: Changes) -> None:
    _check_names(source.name, changes, OF_SOURCE)
    given = {name: getattr(source, name) for name in OF_SOURCE} | dict(changes)
    new.source(source.shape, source.name, **given)


def _add_population(new: Any, population: Population, changes: Changes) -> list[str]:
    """Add a population with changes; return the parameters that another model does not have."""
    rest = dict(changes)
    model, window = find_model(rest.pop("model", population.model)), rest.pop("window", population.window)
    model, rest = given_receptors(model, f"replace: {population.name}", rest)
    for name in rest:
        model.parameter(name)  # nothing else can be replaced: neither a shape nor a name
    known = [parameter.name for parameter in model.parameters]
    left = [name for name in population.given if name not in known and name not in changes]
    given = {name: value for name, value in population.given.items() if name in known}
    new.population(model, population.shape, population.name, window, **{**given, **rest})
    return left


def _connect(new: Any, projection: Projection, called: str, changes: Changes) -> None:
    own = [field.name for field in fields(projection) if field.name not in PLACED]
    _check_names(called, changes, ("weights", "delay", "delays", "projection", *own))
    rest = dict(changes)
    kind = rest.pop("projection", projection.kind)
    listed_ones: dict[str, Any] = {name: rest.pop(name) for name in ("weights", "delays") if name in rest}
    had_own = own_delays(projection.kind) is not None
    if "delay" in rest and had_own and kind is projection.kind:
        listed_ones.setdefault("delays", None)  # one delay for all, in place of each synapse's own
    if listed_ones:
        kind = _other_arrays(called, kind, listed_ones)
    has_own = own_delays(kind) is not None
    if had_own and not has_own and "delay" not in rest:
        raise NetworkError(
            f"replace: {called}: its synapses lose their own delays; must have one that is for all. Give delay= too."
        )
    delay = rest.pop("delay", 0.0 if has_own else projection.delay)
    others = {name: getattr(projection, name) for name in own} | rest
    new.connect(projection.pre.name, projection.post.name, kind, delay, **others)


def _other_arrays(called: str, kind: Any, arrays: Changes) -> Any:
    """A projection with other weights or delays; one number is for all of its synapses."""
    made = {}
    for name, given in arrays.items():
        if name not in {field.name for field in fields(kind)}:
            raise NetworkError(
                f"replace: {called}: {type(kind).__name__} has no {name}; must be something it has. Give "
                "projection=eventsim.Sparse(…), or another that has."
            )
        made[name] = given if given is None or n_axes(given) else np.broadcast_to(given, kind.weights.shape)
        shape = None if given is None else np.shape(made[name])
        if shape is not None and shape != kind.weights.shape:
            raise NetworkError(
                f"replace: {called}: {name} have shape {shape}; must be {kind.weights.shape}, in the order that the "
                "projection shows, or one number. Give projection= for another shape."
            )
    return replace(kind, **made)


def _check_names(called: str, changes: Changes, allowed: tuple[str, ...]) -> None:
    for name in changes:
        if name not in allowed:
            raise NetworkError(
                f"replace: {called}: {name}{nearest(name, allowed)} is nothing it has; must be one of "
                f"{', '.join(allowed)}. Choose one of them."
            )
