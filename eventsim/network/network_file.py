"""Networks from files: a network is built again as it was built, with every check on the way.

Relies on the archive, on what `definition` writes and on the network. The format is documented in
docs/reference/formats.md.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import EventsimError, FileFormatError, ModelError, nearest
from eventsim.files.archive import read_archive
from eventsim.network.definition import FILE_FORMAT, FILE_VERSION
from eventsim.network.generators import GENERATORS
from eventsim.network.network import Network
from eventsim.network.neuron_model import Array, find_model
from eventsim.network.projections import KINDS
from eventsim.network.steps import Steps

ADVICE = "Save it again with net.save()."


def load_network(path: str | Path) -> Network:
    """Read a network written by `Network.save`.

    Parameters
    ----------
    path
        The file, used as given.

    Raises
    ------
    FileFormatError
        A file that is corrupt, truncated, foreign, a pickle, or made by a newer version.
    ModelError
        A neuron model that is neither registered nor installed.
    """
    header, arrays = read_archive(path, FILE_FORMAT, FILE_VERSION)
    read = _Reader(path, header, dict(arrays))
    with read.blamed("its time unit"):
        net = Network(_present(header, "time_unit"))
    for order, entry in enumerate(read.entries("nodes")):
        with read.blamed(f"nodes[{order}]"):
            read.add_node(net, order, entry)
    for order, entry in enumerate(read.entries("projections")):
        with read.blamed(f"projections[{order}]"):
            read.connect(net, order, entry)
    if read.arrays:
        raise FileFormatError(f"{path}: array {min(read.arrays)!r} belongs to nothing in this network. {ADVICE}")
    provenance = header.get("provenance", {})
    if not isinstance(provenance, dict):
        raise FileFormatError(f"{path}: header['provenance'] is no dict. {ADVICE}")
    net.provenance = provenance
    return net


class _Reader:
    """A header and its arrays, of which each is taken once."""

    def __init__(self, path: str | Path, header: dict[str, Any], arrays: dict[str, Array]) -> None:
        self.path, self.header, self.arrays = path, header, arrays

    @contextmanager
    def blamed(self, place: str) -> Iterator[None]:
        """Whatever is wrong in here is the file's fault; an unknown model is not."""
        try:
            yield
        except _UnknownModelError as error:
            raise ModelError(str(error)) from error
        except EventsimError as error:
            reason = str(error)
            raise FileFormatError(f"{self.path}: {place} is not what a network has ({reason}) {ADVICE}") from error

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The dicts that the header lists under a key."""
        listed = self.header.get(key)
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise FileFormatError(f"{self.path}: header[{key!r}] is no list of dicts. {ADVICE}")
        return listed

    def array(self, name: Any, size: int | None = None) -> Array:
        """Take an array, of so many numbers where that is known; text turned back into Fractions."""
        if not isinstance(name, str) or name not in self.arrays:
            raise FileFormatError(f"array {name!r} is missing.")
        values = self.arrays.pop(name)
        if size is not None and values.shape != (size,):
            raise FileFormatError(f"array {name!r} has shape {values.shape}; must be ({size},).")
        return _rich(name, values)

    def generator(self, order: int, kind: Any, size: int) -> Any:
        """The generator of source `order`, or None."""
        if kind is None:
            return None
        if kind not in GENERATORS:
            raise FileFormatError(
                f"generator {kind!r}{nearest(kind, GENERATORS)} is none of {', '.join(GENERATORS)}; a newer release "
                "may know it."
            )
        return GENERATORS[kind](*(self.array(f"node{order}.{name}", size) for name in GENERATORS[kind].settings))

    def add_node(self, net: Network, order: int, entry: dict[str, Any]) -> None:
        """Add a source or a population as it was added when the network was built."""
        kind = _field(entry, "kind", str)
        shape, name, window = _shape(entry), _field(entry, "name", str), _present(entry, "window")
        times = None if window is None else _numbers("window", window)
        if kind == "source":
            generator = self.generator(order, _present(entry, "generator"), math.prod(shape))
            value_range = _numbers("value_range", _field(entry, "value_range", list))
            net.source(shape, name, () if times is None else times, value_range, generator)
        elif kind == "population":
            try:
                model = find_model(_field(entry, "model", str))
            except ModelError as error:
                raise _UnknownModelError(str(error)) from error
            if "receptors" in entry:
                model = model.with_receptors(f"{name!r}", _field(entry, "receptors", list))
            values: dict[str, Any] = {}
            for given in _field(entry, "parameters", list):
                values[given] = self.array(f"node{order}.{given}", math.prod(shape))
            for given in _field(entry, "steps", list) if "steps" in entry else ():
                place = f"node{order}.{given}"
                values[given] = Steps(self.array(f"{place}.times"), self.array(f"{place}.values"))
            net.population(model, shape, name, times, **values)
        else:
            raise FileFormatError(f"kind = {kind!r}; must be source or population.")

    def connect(self, net: Network, order: int, entry: dict[str, Any]) -> None:
        """Connect two nodes as they were connected when the network was built."""
        kind = _field(entry, "kind", str)
        if kind not in KINDS:
            raise FileFormatError(f"kind = {kind!r}; must be one of {', '.join(KINDS)}.")
        made = KINDS[kind]
        fields = [name for name in made.__dataclass_fields__ if name not in ("kind", "shape")]
        if f"projection{order}.delays" not in self.arrays and "delays" in fields:
            fields.remove("delays")
        arrays = {name: self.array(f"projection{order}.{name}") for name in fields}
        pre, post = _field(entry, "pre", str), _field(entry, "post", str)
        receptor = _field(entry, "receptor", str) if "receptor" in entry else None
        net.connect(pre, post, made(**arrays), _number("delay", _present(entry, "delay")), receptor=receptor)


class _UnknownModelError(EventsimError):
    """A neuron model that this installation does not have."""


def _present(entry: dict[str, Any], key: str) -> Any:
    if key not in entry:
        raise FileFormatError(f"{key} is missing.")
    return entry[key]


def _shape(entry: dict[str, Any]) -> list[int]:
    shape: list[int] = _field(entry, "shape", list)
    if not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in shape):
        raise FileFormatError(f"shape = {shape!r}; must be integers >= 1.")
    return shape


def _field(entry: dict[str, Any], key: str, kind: type) -> Any:
    value = _present(entry, key)
    if not isinstance(value, kind):
        raise FileFormatError(f"{key} = {value!r}; must be a {kind.__name__}.")
    return value


def _number(name: str, text: Any) -> Any:
    try:
        if isinstance(text, str):
            return Fraction(text) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        pass
    raise FileFormatError(f"{name} holds {text!r}; must be a number as text.")


def _numbers(name: str, texts: Any) -> tuple[Any, ...]:
    if not isinstance(texts, list):
        raise FileFormatError(f"{name} = {texts!r}; must be a list.")
    return tuple(_number(name, text) for text in texts)


def _rich(name: str, values: Array) -> Array:
    if values.dtype.kind != "U":
        return values
    flat = np.empty(values.size, dtype=object)
    flat[:] = [_number(name, str(text)) for text in values.ravel()]
    return flat.reshape(values.shape)
