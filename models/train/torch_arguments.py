"""Sizes and kernels as PyTorch's layers take them, checked where a module is made.

Relies on the sliding of kernels. Used by the torch layers.
"""

from collections.abc import Sequence
from typing import Any

from eventsim.checks import integer
from eventsim.errors import NetworkError
from eventsim.models.relu.sliding import Sliding


def check_sizes(place: str, **sizes: Any) -> None:
    """Refuse numbers of inputs, outputs, channels or groups that are none.

    Raises
    ------
    NetworkError
        One is no whole number >= 1.
    """
    for name, size in sizes.items():
        integer(place, name, size, NetworkError, low=1, remedy="Count them.")


def check_groups(place: str, groups: int, **channels: int) -> None:
    """Refuse channels that do not fall into so many groups.

    Raises
    ------
    NetworkError
        A number of channels that is no multiple.
    """
    for name, n in channels.items():
        if n % groups:
            raise NetworkError(
                f"{place}: {name} = {n} in groups = {groups}; must be a multiple of it. Change one of them."
            )


def sliding_of(place: str, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Sliding:
    """Return how a kernel slides over two axes; a padding is the same before and behind, as PyTorch's layers have it.

    Raises
    ------
    NetworkError
        Settings that are no whole numbers, or none for each axis.
    """
    if isinstance(padding, Sequence) and not isinstance(padding, str) and any(isinstance(p, Sequence) for p in padding):
        raise NetworkError(
            f"{place}: padding = {padding!r}; must be one number an axis, the same before and behind, as PyTorch's "
            "layers have it. Pad the values before the encoder."
        )
    kernel = pair_of(kernel)
    return Sliding(place, kernel, kernel if stride is None else stride, padding, dilation)


def pair_of(size: int | Sequence[int]) -> Any:
    """Return a kernel over two axes; what is no number is left for `Sliding` to refuse.

    Raises
    ------
    NetworkError
        Another number of axes.
    """
    if isinstance(size, Sequence) and len(size) != 2:
        raise NetworkError(f"kernel_size = {size}; must be one number, or two. Give e.g. (3, 3).")
    return tuple(size) if isinstance(size, Sequence) else (size, size)


def check_pool(place: str, sliding: Sliding) -> None:
    """Refuse a padding of more than half a kernel, as PyTorch does: a window of it alone has no earliest spike.

    Raises
    ------
    NetworkError
        It is more.
    """
    for (before, _), extent in zip(sliding.padding, sliding.extent, strict=True):
        if 2 * before > extent:
            raise NetworkError(
                f"{place}: padding = {before} for a kernel {extent} wide; must be at most half of it, or a window has "
                "no input. Take less."
            )
