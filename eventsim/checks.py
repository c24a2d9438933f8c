"""What every public entry asks of its arguments: numbers, integers, choices, names, and arrays of them.

Relies on numpy and `eventsim.errors`. Used wherever a user's value comes in. Each check takes the place and the name
for the message, returns the value in its plain form, and raises the error class that it is given:
``where: name = value; must be … . What to do.``
"""

import math
import numbers
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eventsim.errors import EventsimError, InputError, NetworkError, nearest

Array = np.ndarray[Any, Any]
Error = type[EventsimError]
REAL_KINDS = "fiub"
LARGEST_WHOLE = 2**53  # up to which float64 holds every integer
HELD = "must be a number that float64 holds, as whole numbers up to 2**53 are."
NEAR = "Give a float, if near is near enough."
# Of numpy's dates and durations.
UNITS = {
    "W": "weeks", "D": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds",
    "us": "microseconds", "ns": "nanoseconds", "ps": "picoseconds", "fs": "femtoseconds", "as": "attoseconds",
}  # fmt: skip
LARGEST_SEED = 2**64 - 1


def shown(value: Any) -> str:
    """Return a value as a message shows it: its repr, cut where it is long.

    >>> shown(np.float64(0.5)), len(shown("a" * 1000)) < 100
    ('0.5', True)
    """
    short = reprlib.Repr()
    short.maxother = short.maxstring = short.maxlong = 60
    return short.repr(value.item() if isinstance(value, np.generic) else value)


def real(value: Any) -> Any:
    """Return the plain number that `value` is (int, float, Fraction; inf and NaN too), or None where it is none.

    None also for a bool, and for integers and Fractions beyond the range of float64.

    >>> real(np.float32(0.5)), real(True), real("1"), real(10**400)
    (0.5, None, None, None)
    """
    if isinstance(value, np.generic):
        value = value.item() if isinstance(value, np.integer | np.floating) else None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        near = float(value)
    except OverflowError:
        return None
    return near if isinstance(value, np.floating) else value  # extended precision has no plain form


def n_axes(values: Any) -> int:
    """Return the number of axes of an array or of nested sequences; -1 where their lengths differ.

    >>> n_axes(0), n_axes([1, 2]), n_axes((0, [1]))
    (0, 1, -1)
    """
    try:
        return np.ndim(values)
    except ValueError:
        return -1


def reals(values: Any) -> tuple[Any, ...]:
    """Return the plain numbers of a sequence; () where it is no sequence or holds anything else."""
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str | bytes) or n_axes(values) != 1:
        return ()
    plain = tuple(map(real, values))
    return () if None in plain else tuple(one + 0 for one in plain)  # 0.0 for -0.0


def is_held(plain: Any) -> bool:
    """Does float64 hold a number in its range, if that is an integer? Fractions stay what they are.

    >>> is_held(2**53), is_held(2**53 + 1), is_held(2**60), is_held(0.1)
    (True, False, True, True)
    """
    return not isinstance(plain, numbers.Integral) or int(float(plain)) == plain


def check_held(where: str, name: str, plain: Iterable[Any], error: Error = InputError, remedy: str = NEAR) -> None:
    """Refuse an integer that float64 does not hold, among plain numbers: rounding would go unseen."""
    for one in plain:
        if not is_held(one):
            raise error(f"{where}: {name} = {shown(one)}; {HELD} {remedy}")


def number(
    where: str, name: str, value: Any, error: Error = InputError, *, low: float = -math.inf, open_low: bool = False,
    high: float = math.inf, infinite: bool = False, remedy: str = "", whole: bool = True,
) -> Any:  # fmt: skip
    """Return `value` as a plain number >= `low` (> where `open_low`), <= `high`, finite unless `infinite`; never NaN.

    Integers that float64 does not hold are refused where `whole`.
    """
    plain = real(value)
    inside = plain is not None and (plain > low if open_low else plain >= low) and plain <= high
    if inside and (infinite or math.isfinite(plain)):
        if whole:
            check_held(where, name, [plain], error)
        return plain + 0  # 0.0 for -0.0
    limit = "" if low == -math.inf else f"{'>' if open_low else '>='} {low:g}, "
    limit += "" if high == math.inf else f"<= {high:g}, "
    allowed = f"{limit}a number" if infinite else f"{limit}a finite number"
    raise error(f"{where}: {name} = {shown(value)}; must be {allowed}.{remedy and ' ' + remedy}")


def integer(
    where: str, name: str, value: Any, error: Error = InputError, *, low: int, high: int | None = None, remedy: str = ""
) -> int:
    """Return `value` as an int in low..high; a bool is none, and neither is 2.0."""
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if is_integer and value >= low and (high is None or value <= high):
        return int(value)
    allowed = f"an integer >= {low}" if high is None else f"an integer in {low}..{high}"
    raise error(f"{where}: {name} = {shown(value)}; must be {allowed}.{remedy and ' ' + remedy}")


def flag(where: str, name: str, value: Any, error: Error = InputError, *, also: str = "") -> bool:
    """Return `value`, which is True or False. `also` is allowed elsewhere."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise error(f"{where}: {name} = {shown(value)}; must be True or False{also}. Choose one of them.")


def choice(
    where: str, name: str, value: Any, allowed: Sequence[str], error: Error = InputError, *, also: str = ""
) -> str:
    """Return `value`, one of the allowed strings; a typo is answered with the nearest. `also` is allowed elsewhere."""
    if isinstance(value, str) and value in allowed:
        return value
    close = nearest(value, allowed) if isinstance(value, str) else ""
    raise error(f"{where}: {name} = {shown(value)}{close}; must be one of {', '.join(allowed)}{also}. Choose another.")


def names(where: str, name: str, values: Any, error: Error = InputError) -> list[str]:
    """Return names as a list of strings; one string is one name."""
    found: list[Any] = [values] if isinstance(values, str) else [None]
    if isinstance(values, Iterable) and not isinstance(values, str) and np.ndim(values) != 0:  # type: ignore[arg-type]
        found = list(values)
    for one in found:
        if not isinstance(one, str):
            raise error(
                f"{where}: {name} = {shown(values)}; must be a name or a list of names. Give them as strings, or "
                "leave it out."
            )
    return found


def is_sparse(values: Any) -> bool:
    """Is it a sparse matrix of SciPy, or a sparse tensor of PyTorch? numpy makes a single object of the first."""
    return hasattr(values, "tocoo") or str(getattr(values, "layout", "")).startswith("torch.sparse")


def dense_form(values: Any) -> str:
    """Return how a sparse matrix becomes an array."""
    return "its .toarray()" if hasattr(values, "tocoo") else "its .to_dense()"


def as_synapses(values: Any) -> str:
    """Return how a sparse matrix of weights becomes a projection."""
    if hasattr(values, "tocoo"):
        return "eventsim.Sparse.from_scipy(matrix)"
    return "with m = matrix.to_sparse_coo().coalesce(): eventsim.Sparse(*m.indices().flip(0), m.values())"


def plain_array(place: str, values: Any, error: Error) -> Array:
    """Return `values` as an array of any type; it may share memory with them. A mask would be lost, and is refused."""
    parts = values if isinstance(values, list | tuple) and values and isinstance(values[0], np.ndarray) else [values]
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):
        raise error(
            f"{place} is a masked array; must be one without a mask, which would be ignored. Fill the masked values "
            "with .filled(value) first."
        )
    if is_sparse(values):
        raise error(f"{place} is a sparse {type(values).__name__}; must be an array. Give {dense_form(values)}.")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as reason:  # the last of tensors that need a gradient
        remedy = "convert it first" if isinstance(reason, RuntimeError) else "give rows of equal length"
        raise error(f"{place} is not an array ({reason}); {remedy}") from reason


def real_array(
    where: str, name: str, values: Any, error: Error = InputError, *, kinds: str = REAL_KINDS, remedy: str = ""
) -> Array:
    """Return `values` as an array of real numbers, of a numpy type or of objects that all are real (Fractions).

    NaN and infinities pass. The array may share memory with `values`. O(n), one pass of numpy; object arrays by type.
    """
    array = plain_array(f"{where}: {name}", values, error)
    if array.dtype == object:
        _check_objects(where, name, array, error)
    elif array.dtype.kind not in kinds:
        remedy = counted(array) or remedy or "Convert it to float64."
        raise error(f"{where}: {name} has type {array.dtype}; must be real numbers. {remedy}")
    return array


def counted(array: Array) -> str:
    """Return how dates and durations of numpy become whole numbers, and of what; "" where an array has none.

    >>> counted(np.array([3, 5], "m8[us]"))
    'Give .astype("int64"), which counts microseconds; float64 would lose digits.'
    """
    if array.dtype.kind not in "mM":
        return ""
    unit, count = np.datetime_data(array.dtype)
    word = f"{count} {UNITS.get(unit, unit)}" if count > 1 else UNITS.get(unit, "units that it does not name")
    first = "Leave NaT out, then give" if np.isnat(array).any() else "Give"
    return f'{first} .astype("int64"), which counts {word}; float64 would lose digits.'


def _check_objects(where: str, name: str, array: Array, error: Error) -> None:
    """Refuse what is no real number, and what float64 cannot come near."""
    flat = array.ravel().tolist()
    if all(issubclass(kind, numbers.Real) and not issubclass(kind, bool) for kind in set(map(type, flat))):
        try:
            array.astype(np.float64)
        except OverflowError:
            pass
        else:
            return
    place = next(place for place, value in enumerate(flat) if real(value) is None)
    raise error(
        f"{where}: {_entry(name, array, place)} = {shown(flat[place])}; must be a real number in the range of float64, "
        "such as a Fraction. Replace it."
    )


def finite_array(
    where: str, name: str, values: Any, error: Error = InputError, *, kinds: str = REAL_KINDS, remedy: str = "",
    whole: bool = True,
) -> Array:  # fmt: skip
    """Return `values` as an array of finite numbers: float64, or objects where they are given as objects (Fractions).

    The array may share memory with `values`. The message names the first entry that is NaN or infinite or, where
    `whole`, an integer that float64 does not hold.
    """
    array = real_array(where, name, values, error, kinds=kinds)
    if whole:
        held_in_float64(where, name, array, remedy or NEAR, values, error)
    with np.errstate(over="ignore"):
        near = np.asarray(array, dtype=np.float64)
    finite = np.isfinite(near)
    if not finite.all():
        place = int(np.argmin(finite))
        remedy = remedy or "Replace it."
        raise error(f"{where}: {_entry(name, array, place)} = {near.flat[place]}; must be finite. {remedy}")
    return array if array.dtype == object else near


def held_in_float64(
    where: str, name: str, array: Array, remedy: str, given: Any = None, error: Error = InputError
) -> Array:
    """Return `array`, real numbers, as float64, objects as they are; integers that float64 does not hold are refused.

    So are those among objects, where Fractions may be any. `given` is what `array` was made of: of a list of floats and
    integers numpy makes float64.
    """
    values: list[Any] = []
    if array.dtype.kind in "iu":
        far = (array > LARGEST_WHOLE) | (array < -LARGEST_WHOLE)
        values = array[far].tolist()
    elif array.dtype == object:
        far = np.array([isinstance(one, numbers.Integral) for one in array.flat], bool).reshape(array.shape)
        values = array[far].tolist()
    elif array.dtype == np.float64 and isinstance(given, list | tuple):
        far = np.abs(array) >= LARGEST_WHOLE
        values = np.array(given, dtype=object).reshape(array.shape)[far].tolist() if far.any() else []
    lost = next((k for k, one in enumerate(values) if not is_held(one)), None)
    if lost is not None:
        place = int(np.flatnonzero(far)[lost])
        raise error(f"{where}: {_entry(name, array, place)} = {values[lost]}; {HELD} {remedy}")
    return array if array.dtype == object else array.astype(np.float64, copy=False)


def integer_array(
    where: str, name: str, values: Any, error: Error = InputError, *, low: int | None = None, high: int | None = None,
    remedy: str = "",
) -> Array:  # fmt: skip
    """Return `values` as an array of integers; the first below `low` or above `high` is named. May share memory."""
    array = plain_array(f"{where}: {name}", values, error)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise error(f"{where}: {name} has type {array.dtype}; must be integers.{remedy and ' ' + remedy}")
    outside = np.zeros(array.shape, dtype=bool)
    if low is not None:
        outside |= array < low
    if high is not None:
        outside |= array > high
    if outside.any():
        place = int(np.argmax(outside))
        allowed = f"in {low}..{high}" if high is not None else f">= {low}"
        raise error(
            f"{where}: {_entry(name, array, place)} = {array.flat[place]}; must be {allowed}.{remedy and ' ' + remedy}"
        )
    return array


def channels_last(given: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Return what to do about data (n, *positions, channels) where they must be (n, channels, *positions), or "".

    >>> channels_last((5, 28, 28, 3), (3, 28, 28))
    'channels come first: np.moveaxis(x, -1, 1)'
    """
    turned = len(shape) > 1 and given[1:] == (*shape[1:], shape[0])
    return "channels come first: np.moveaxis(x, -1, 1)" if turned else ""


def read_only(array: Array) -> Array:
    """Return a C-ordered copy that cannot be written to."""
    copy = np.array(array, order="C", copy=True, subok=False)
    copy.flags.writeable = False
    return copy


def _entry(name: str, array: Array, place: int) -> str:
    """Return "name[i, j]" of the entry in this place of the flattened array; the name alone of a single number."""
    index = ", ".join(str(int(i)) for i in np.unravel_index(place, array.shape))
    return f"{name}[{index}]" if array.ndim else name


HEAVIEST = 1e100  # of a weight


def weights_array(where: str, values: Any, *ndim: int) -> Array:
    """Weights as float64 or, where they are Fractions, as an object array; finite, a read-only copy.

    `ndim` are the numbers of dimensions that they may have. Beyond `HEAVIEST` potentials, which are sums of weights
    times times, could leave the range of float64 in the middle of a run, where a neuron falls silent without a word.
    """
    remedy = "Look for a diverged training run or a division by zero upstream."
    if is_sparse(values):
        raise NetworkError(
            f"{where}: weights are a sparse {type(values).__name__}, which {where} does not take. A matrix "
            f"(n_out, n_in) is a Sparse projection, {as_synapses(values)}; or give {dense_form(values)}."
        )
    weights = finite_array(where, "weight", values, NetworkError, remedy=remedy)
    sizes = np.asarray(np.abs(weights)).astype(np.float64)  # numpy makes a plain number of one without axes
    if (sizes > HEAVIEST).any():
        place = int(np.argmax(sizes > HEAVIEST))
        raise NetworkError(
            f"{where}: {_entry('weight', weights, place)} = {weights.flat[place]}; must lie between -{HEAVIEST:g} and "
            f"{HEAVIEST:g}. {remedy}"
        )
    if weights.ndim not in ndim:
        allowed = " or ".join(map(str, ndim))
        raise NetworkError(
            f"{where}: weights have shape {weights.shape}; must have {allowed} dimension(s). Reshape them."
        )
    return read_only(weights)


def indices(where: str, name: str, values: Any, size: int, remedy: str) -> Array:
    """Return indices in 0..size - 1, (n,), in the order given: of an integer, of several, of a slice, or of "all".

    Raises
    ------
    InputError
        None at all, one outside, no integers.
    """
    if isinstance(values, str):
        if values != "all":
            close = nearest(values, ["all"])
            raise InputError(f'{where}: {name} = {shown(values)}{close}; must be integers, a slice or "all". {remedy}')
        values = slice(None)
    if isinstance(values, slice):
        try:
            values = range(size)[values]
        except (TypeError, ValueError) as problem:
            raise InputError(f"{where}: {name} = {values}; must be a slice of integers ({problem}). {remedy}") from None
    elif not isinstance(values, np.ndarray | Mapping) and isinstance(values, Iterable):
        values = list(values)
    array = integer_array(where, name, values, low=0, high=size - 1, remedy=remedy).ravel()
    if not array.size:
        raise InputError(f"{where}: {name} = {shown(values)}; must be one at least. {remedy}")
    return array.astype(np.int64)
