"""What a loop hands from part to part: a pointer to its arrays, not each of their fields.

Relies on numba's internals, as `lowering` does. Used by `lowering` and by the loop of the compiled engine. numba hands
over a tuple of arrays as seven numbers an array: two hundred arguments for each call of each part, which took a third
of the time that a loop is compiled, and time at each call that is not inlined. A borrowed tuple lies in memory that
nobody writes to, and no reference is counted for it: whoever lends it outlives the loop.
"""

from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import register_model

PARTS = ("meminfo", "parent", "nitems", "itemsize", "data", "shape", "strides")  # as numba keeps an array


class Borrowed(numba.types.Type):
    """A named tuple that is read, field by field, through a pointer."""

    def __init__(self, lent: Any) -> None:
        self.lent = lent
        super().__init__(f"Borrowed({lent})")

    @property
    def key(self) -> Any:
        """What makes two of them equal."""
        return self.lent


@register_model(Borrowed)
class _BorrowedModel(models.PrimitiveModel):
    """The pointer."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, manager.lookup(kind.lent).get_value_type().as_pointer())


@infer_getattr
class _BorrowedFields(AttributeTemplate):
    """The types of its fields are those of the tuple's."""

    key = Borrowed

    def generic_resolve(self, kind: Any, name: str) -> Any:
        """The type of one field, or None."""
        return kind.lent.types[kind.lent.fields.index(name)] if name in kind.lent.fields else None


@lower_getattr_generic(Borrowed)
def _load_field(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    """One field; of an array what is not known beforehand: where its data are, and how many."""
    place = kind.lent.fields.index(name)
    field = kind.lent.types[place]
    if not isinstance(field, numba.types.Array):
        return builder.load(_inside(builder, value, place))

    def load(part: str) -> Any:
        return builder.load(_inside(builder, value, place, PARTS.index(part)))

    array = context.make_array(field)(context, builder)
    array.meminfo = array.parent = context.get_constant_null(numba.types.voidptr)
    array.data, array.shape, array.nitems = load("data"), load("shape"), load("nitems")
    array.itemsize = context.get_constant(numba.types.intp, context.get_abi_sizeof(context.get_data_type(field.dtype)))
    array.strides = load("strides")
    if field.ndim == 1 and field.layout == "C":
        array.strides = builder.insert_value(array.strides, array.itemsize, 0)
    return array._getvalue()


def _inside(builder: Any, pointer: Any, *places: int) -> Any:
    """The place of a field, or of a field of a field."""
    indices = [ir.Constant(ir.IntType(32), place) for place in (0, *places)]
    return builder.gep(pointer, indices, inbounds=True)


def say_unchanged(context: Any, function: Any, types: Any) -> None:
    """Mark each borrowed argument of an LLVM function as one that nobody writes to, and that it does not keep."""
    pointers = [context.get_argument_type(kind) for kind in types if isinstance(kind, Borrowed)]
    for argument in function.args:
        if argument.type in pointers:
            for attribute in ("nocapture", "readonly", "noalias"):
                argument.add_attribute(attribute)


@numba.extending.intrinsic
def _borrowed(_typing_context: Any, lent: Any) -> Any:
    """A pointer to the tuple with every array's owner cleared, so that no reference is counted inside the loop."""

    def clear(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        if isinstance(kind, numba.types.Array):
            array = context.make_array(kind)(context, builder, value)
            array.meminfo = context.get_constant_null(numba.types.voidptr)
            array.parent = context.get_constant_null(numba.types.voidptr)
            return array._getvalue()
        for k, part in enumerate(getattr(kind, "types", ())):
            changed = clear(context, builder, part, builder.extract_value(value, k))
            value = builder.insert_value(value, changed, k)
        return value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return cgutils.alloca_once_value(builder, clear(context, builder, signature.args[0], arguments[0]))

    return Borrowed(lent)(lent), codegen


def borrowed(lent):
    """Interpreted twin of `_borrowed`: the tuple itself (unannotated: numba compares the signatures' texts)."""
    return lent


@numba.extending.overload(borrowed, inline="always")  # the memory must be that of the loop itself
def _borrowed_overload(lent):  # noqa: ARG001 - its type alone
    return lambda lent: _borrowed(lent)  # noqa: PLW0108 - numba compares argument names
