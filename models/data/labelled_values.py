"""Inputs with their labels, and data sets of two such parts; what is stored stays so until values are asked for.

Relies on `checks` and on the batches. Used by the readers, which fill them, and by trainers and judges, which take
values from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsim import checks
from eventsim.errors import FileFormatError, InputError
from eventsim.models.data.epoch_order import batches
from eventsim.wording import size_text

Array = np.ndarray[Any, Any]
FLOATS = ("float64", "float32")
MOST_CLASSES = 1 << 16  # a label is the place of its class in a tuple of names


class Stored(Protocol):
    """An array of inputs, or what reads them from files when they are taken."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of inputs, and the shape of one."""
        ...

    def __getitem__(self, chosen: Any, /) -> Array:
        """Return the inputs at these places, a slice or an array of integers."""
        ...


@dataclass(frozen=True, eq=False)
class LabelledValues:
    """Inputs and what they are: the training part or the test part of a data set.

    Attributes
    ----------
    stored
        Inputs as the file has them, array (n, *shape): mostly uint8, or what reads pictures when they are taken.
    labels
        Number of each input's class, array (n,).
    white
        What stands for 1 in `stored`: 255 of bytes.
    """

    stored: Stored
    labels: NDArray[np.int64]
    white: float = 1.0

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"LabelledValues({len(self):,} of shape {size_text(self.shape)})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input: (channels, height, width) of images."""
        return tuple(self.stored.shape[1:])

    def values(self, chosen: Any = slice(None), dtype: Any = np.float64) -> Array:
        """Return inputs as numbers in [0, 1], array (k, *shape): the stored ones divided by `white`, rounded once.

        Parameters
        ----------
        chosen
            Which: a slice, or an array of places in 0 … n - 1.
        dtype
            Float64 or float32.

        Raises
        ------
        InputError
            A place where no input is, or another type.
        FileFormatError
            A picture that is read only now is damaged.
        """
        kind = np.dtype(checks.choice("values", "dtype", _name_of(dtype), FLOATS))
        stored = self.stored[self._places(chosen)]
        divided: Array = np.divide(stored, kind.type(self.white), dtype=kind, casting="same_kind")
        return divided

    def view(self, chosen: Any = slice(None), dtype: Any = np.float64) -> "ValuesView":
        """Return what `values` does, but read only when it is taken, so that it may be larger than memory."""
        places = np.arange(len(self))[self._places(chosen)]
        checks.choice("view", "dtype", _name_of(dtype), FLOATS)
        return ValuesView(self, places, dtype)

    def batches(
        self, size: int, seed: int = 0, epoch: int = 0, *, last: str = "keep", dtype: Any = np.float64
    ) -> Iterator[tuple[Array, NDArray[np.int64]]]:
        """Yield the inputs and labels of each batch of an epoch, in the order of `eventsim.models.data.batches`."""
        for chosen in batches(len(self), size, seed, epoch, last=last):
            yield self.values(chosen, dtype), self.labels[chosen]

    def part(self, chosen: NDArray[np.int64]) -> "LabelledValues":
        """Return the inputs at these places as a part of their own; arrays are copied."""
        return labelled("part", self.stored[chosen], self.labels[chosen], self.white)

    def _places(self, chosen: Any) -> Any:
        """A slice, or places that are there."""
        if isinstance(chosen, slice):
            return chosen
        places = checks.integer_array("values", "chosen", chosen, low=0, high=len(self) - 1)
        if places.ndim != 1:
            raise InputError(
                f"values: chosen has {places.ndim} axes; must be a slice, or a list of places. Give [{places}] of one."
                if places.ndim == 0
                else f"values: chosen has {places.ndim} axes; must be a slice, or a list of places. Flatten it."
            )
        return places


@dataclass(frozen=True, eq=False, repr=False)
class ValuesView:
    """Some inputs of a part, as an array of numbers in [0, 1] that is read when it is taken; `fit` trains on it.

    Attributes
    ----------
    part, places, dtype
        Which inputs, (n,) of which part, and of which type.
    """

    part: LabelledValues
    places: NDArray[np.int64]
    dtype: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, *shape)."""
        return (len(self.places), *self.part.shape)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, chosen: Any) -> Array:
        """Return the inputs at these places of the view, a slice or an array of integers."""
        return self.part.values(np.atleast_1d(self.places[chosen]), self.dtype)

    def __repr__(self) -> str:
        return f"ValuesView({len(self):,} of shape {size_text(self.part.shape)})"


def labelled(where: str, stored: Stored, labels: Array, white: float = 1.0) -> LabelledValues:
    """Return inputs with their labels, arrays read-only; FileFormatError where there are not as many of these."""
    if stored.shape[0] != len(labels):
        raise FileFormatError(
            f"{where}: {stored.shape[0]} inputs and {len(labels)} labels; must be as many of both. Fetch the files "
            "again, or give those that belong together"
        )
    known = np.array(labels, dtype=np.int64)
    known.flags.writeable = False
    if isinstance(stored, np.ndarray):
        stored = stored.view()
        stored.flags.writeable = False
    return LabelledValues(stored, known, white)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Inputs to train on, others to test with, and where both are from.

    Attributes
    ----------
    name
        What it was asked for by, or the name of its file.
    train, test
        The two parts; `test` may be empty.
    classes
        Name of each class; labels are places in it.
    shape
        Shape of one input: (channels, height, width) of images.
    source
        Which file, folder or generator it is from.
    credit
        Who made the data, and under which licence; "" where the file does not say.
    """

    name: str
    train: LabelledValues
    test: LabelledValues
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    source: str
    credit: str = ""

    def __post_init__(self) -> None:
        for name, part in (("training", self.train), ("test", self.test)):
            if part.shape != self.shape:
                raise FileFormatError(
                    f"{self.source}: the {name} part has inputs of shape {part.shape}; must be {self.shape}, as the "
                    "other part has. Give files that belong together"
                )
            wrong = (part.labels < 0) | (part.labels >= len(self.classes))
            if wrong.any():
                place = int(np.argmax(wrong))
                raise FileFormatError(
                    f"{self.source}: label {part.labels[place]} of {name} input {place}; must be in "
                    f"0..{len(self.classes) - 1}. The file is damaged, or of other data: fetch it again"
                )
        if not len(self.train) or 0 in self.shape:
            raise FileFormatError(
                f"{self.source}: {len(self.train)} inputs of shape {self.shape} to train on; must be 1 or more, of "
                "1 value or more each. Give other files"
            )

    def __repr__(self) -> str:
        return (
            f"DataSet({self.name}: {len(self.train):,} to train on, {len(self.test):,} to test with, of shape "
            f"{size_text(self.shape)}, {len(self.classes)} classes, from {self.source})"
        )


@dataclass(frozen=True)
class Parts:
    """What a reader found: without a test part (None), it is split off."""

    train: LabelledValues
    test: LabelledValues | None
    classes: tuple[str, ...]


def is_name(value: Any) -> bool:
    """Is it a text that can be shown, as the name of a class?"""
    return isinstance(value, str) and value.isprintable() and value != ""


def numbered_classes(where: str, *labels: Array) -> tuple[str, ...]:
    """Return names for classes that have none, "0", "1", …, as many as labels need."""
    largest = max((int(known.max()) for known in labels if known.size), default=0)
    if largest >= MOST_CLASSES:
        raise FileFormatError(
            f"{where}: the largest label is {largest}; must be below {MOST_CLASSES:,}. Number the classes from 0"
        )
    return tuple(map(str, range(largest + 1)))


def _name_of(dtype: Any) -> Any:
    """The name of a type of numpy; what is none stays what it is."""
    try:
        return np.dtype(dtype).name
    except TypeError:
        return dtype
