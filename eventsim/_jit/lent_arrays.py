"""Arrays as the parts of a loop know them: where the items are, and how many. numba's own are seven numbers.

Relies on numba's internals, as `lowering` does. Used by `borrowing`. What numba makes of one access to an array of its
own (the array put together of its seven numbers, indices from either end, slices clipped) was most of the code that
the parts of a loop were typed and lowered to, before LLVM found that nearly all of it was for nothing. Here an index
is one from the beginning, and a slice lies inside; ``NUMBA_BOUNDSCHECK=1`` holds both.
"""

import operator
from typing import Any

import numba
from numba import types
from numba.core import cgutils
from numba.core.datamodel.models import StructModel
from numba.core.imputils import lower_builtin, lower_getattr
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature
from numba.extending import register_model

DATA, SIZE = range(2)


class LentArray(numba.types.Type):
    """An array of one dimension whose items lie one after another; a record among them is known by its address."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(f"LentArray({dtype})")

    @property
    def key(self) -> Any:
        """What makes two of them equal."""
        return self.dtype


def is_lent(kind: Any) -> bool:
    """Is an array of numba's this type one that a loop knows as a `LentArray`?"""
    if not isinstance(kind, types.Array) or kind.ndim != 1 or kind.layout != "C":
        return False
    return isinstance(kind.dtype, types.Record) or bool(kind.aligned)


@register_model(LentArray)
class _LentArrayModel(StructModel):
    """A pointer and a number."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("data", types.CPointer(kind.dtype)), ("size", types.intp)])


@infer_getattr
class _Attributes(AttributeTemplate):
    """Its attributes: the size alone."""

    key = LentArray

    def resolve_size(self, _array: Any) -> Any:
        """The type of the size."""
        return types.intp


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    """An item, or a slice, which is such an array too."""

    def generic(self, arguments: Any, _named: Any) -> Any:
        """The signature of an access; None where the array is another's."""
        array, index = arguments
        if isinstance(array, LentArray):
            if index == types.slice2_type:
                return signature(array, array, index)
            if isinstance(index, types.Integer):
                return signature(array.dtype, array, types.intp)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    """An item is given another value."""

    def generic(self, arguments: Any, _named: Any) -> Any:
        """The signature of an access; None where the array is another's."""
        array, index, _ = arguments
        if isinstance(array, LentArray) and isinstance(index, types.Integer):
            return signature(types.none, array, types.intp, array.dtype)
        return None


@lower_getattr(LentArray, "size")
def _size(context: Any, builder: Any, kind: Any, value: Any) -> Any:  # noqa: ARG001 - numba's signature
    return builder.extract_value(value, SIZE)


def made_of(context: Any, builder: Any, kind: Any, data: Any, size: Any) -> Any:
    """Such an array: a value, since numba's way over memory takes ten instructions for each of these two."""
    value = context.get_constant_undef(kind)
    return builder.insert_value(builder.insert_value(value, data, DATA), size, SIZE)


def _pointer(context: Any, builder: Any, value: Any, index: Any) -> Any:
    """Where an item is."""
    if context.enable_boundscheck:
        cgutils.do_boundscheck(context, builder, index, builder.extract_value(value, SIZE))
    return builder.gep(builder.extract_value(value, DATA), [index], inbounds=True)


@lower_builtin(operator.getitem, LentArray, types.Integer)
def _get_item(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    kind = sig.args[0]
    return context.unpack_value(builder, kind.dtype, _pointer(context, builder, *arguments))


@lower_builtin(operator.setitem, LentArray, types.Integer, types.Any)
def _set_item(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    array, index, value = arguments
    kind = sig.args[0]
    pointer = _pointer(context, builder, array, index)
    if isinstance(kind.dtype, types.Record):  # numba would load and store it as so many single bytes
        cgutils.raw_memcpy(builder, pointer, value, cgutils.intp_t(kind.dtype.size), 1)
    else:
        context.pack_value(builder, kind.dtype, value, pointer)
    return context.get_dummy_value()


@lower_builtin(operator.getitem, LentArray, types.SliceType)
def _get_slice(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
    kind, sliced = sig.args
    value, ends = arguments[0], context.make_helper(builder, sliced, value=arguments[1])
    start, stop = ends.start, ends.stop
    if context.enable_boundscheck:
        one = start.type(1)
        cgutils.do_boundscheck(context, builder, stop, builder.add(builder.extract_value(value, SIZE), one))
        cgutils.do_boundscheck(context, builder, start, builder.add(stop, one))
    first = builder.gep(builder.extract_value(value, DATA), [start], inbounds=True)
    return made_of(context, builder, kind, first, builder.sub(stop, start))
