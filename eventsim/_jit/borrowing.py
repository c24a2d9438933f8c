"""What a loop hands from part to part: a pointer to its arrays, not each of their fields.

Relies on numba's internals, as `lowering` does. Used by `lowering` and by the loop of the compiled engine. numba hands
over a tuple of arrays as seven numbers an array: two hundred arguments for each call of each part, which took a third
of the time that a loop is compiled, and time at each call that is not inlined. A borrowed tuple lies in memory that
nobody writes to, and no reference is counted for it: whoever lends it outlives the loop.

That memory is bytes, and a field is so many bytes behind its beginning. A pointer to a type of its own would have
LLVM's text spell out all fields of that type wherever one is read: nine tenths of fourteen megabytes a loop.
"""

import functools
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.imputils import lower_getattr_generic
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import register_model

from eventsim._jit.lent_arrays import DATA, SIZE, LentArray, is_lent, made_of

PARTS = ("meminfo", "parent", "nitems", "itemsize", "data", "shape", "strides")  # as numba keeps an array
BYTES = ir.ArrayType(ir.IntType(8), 0)  # as many as there are; no array is as long, so nothing else is of this type


class Borrowed(numba.types.Type):
    """A named tuple that is read, field by field, through a pointer; a tuple in it is one, too.

    `fields` are the types under which a loop knows its fields, by name.
    """

    def __init__(self, lent: Any) -> None:
        self.lent = lent
        self.fields = {name: _lent_type(kind) for name, kind in zip(lent.fields, lent.types, strict=True)}
        super().__init__(f"Borrowed({lent.instance_class.__name__}: {', '.join(map(str, self.fields.values()))})")


def _lent_type(kind: Any) -> Any:
    """The type under which a loop knows a field of what it has borrowed."""
    if isinstance(kind, numba.types.NamedTuple):
        return Borrowed(kind)
    return LentArray(kind.dtype) if is_lent(kind) else kind


@register_model(Borrowed)
class _BorrowedModel(models.PrimitiveModel):
    """The pointer."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, BYTES.as_pointer())


@functools.cache
def _layout(kind: Borrowed) -> tuple[Any, dict[str, int]]:
    """The memory of a tuple as a type, and at which of its bytes each field begins."""
    context = cpu_target.target_context
    memory = ir.LiteralStructType(
        [_layout(one)[0] if isinstance(one, Borrowed) else context.get_value_type(one) for one in kind.fields.values()]
    )
    offsets = [memory.get_element_offset(context.target_data, k) for k in range(len(kind.fields))]
    return memory, dict(zip(kind.fields, offsets, strict=True))


@infer_getattr
class _BorrowedFields(AttributeTemplate):
    """The types of its fields."""

    key = Borrowed

    def generic_resolve(self, kind: Any, name: str) -> Any:
        """The type of one field, or None."""
        return kind.fields.get(name)


@lower_getattr_generic(Borrowed)
def _load_field(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    """One field; of an array what is not known beforehand: where its data are, and how many."""
    field, place = kind.fields[name], _behind(builder, value, _layout(kind)[1][name])
    if isinstance(field, Borrowed):
        return builder.bitcast(place, BYTES.as_pointer())
    pointer = builder.bitcast(place, context.get_value_type(field).as_pointer())
    if isinstance(field, LentArray):
        data, size = (builder.load(cgutils.gep_inbounds(builder, pointer, 0, k)) for k in (DATA, SIZE))
        return made_of(context, builder, field, data, size)
    if not isinstance(field, numba.types.Array):
        return builder.load(pointer)

    def load(part: str) -> Any:
        return builder.load(cgutils.gep_inbounds(builder, pointer, 0, PARTS.index(part)))

    array = context.make_array(field)(context, builder)
    array.meminfo = array.parent = context.get_constant_null(numba.types.voidptr)
    array.data, array.shape, array.strides, array.nitems = (load(p) for p in ("data", "shape", "strides", "nitems"))
    array.itemsize = context.get_constant(numba.types.intp, context.get_abi_sizeof(context.get_data_type(field.dtype)))
    return array._getvalue()


def _behind(builder: Any, pointer: Any, offset: int) -> Any:
    """The place so many bytes behind another."""
    return builder.gep(pointer, [ir.IntType(32)(0), ir.IntType(32)(offset)], inbounds=True)


def say_unchanged(function: Any) -> None:
    """Mark each borrowed argument of an LLVM function as one that nobody writes to, and that it does not keep."""
    for argument in function.args:
        if getattr(argument.type, "pointee", None) == BYTES:
            for attribute in ("nocapture", "readonly", "noalias"):
                argument.add_attribute(attribute)


def _lay_down(context: Any, builder: Any, kind: Borrowed, value: Any, begin: Any) -> None:
    """Write a tuple into its memory, without the owners of arrays, so that no reference is counted inside the loop."""
    _, offsets = _layout(kind)
    for k, (name, field) in enumerate(kind.fields.items()):
        part, place = builder.extract_value(value, k), _behind(builder, begin, offsets[name])
        if isinstance(field, Borrowed):
            _lay_down(context, builder, field, part, builder.bitcast(place, BYTES.as_pointer()))
            continue
        if isinstance(field, LentArray):
            array = context.make_array(kind.lent.types[k])(context, builder, part)
            part = made_of(context, builder, field, array.data, array.nitems)
        builder.store(part, builder.bitcast(place, part.type.as_pointer()))


@numba.extending.intrinsic
def _borrowed(_typing_context: Any, lent: Any) -> Any:
    """A pointer to a copy of the tuple, laid down in memory of the loop."""
    kind = Borrowed(lent)

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        memory = cgutils.alloca_once(builder, _layout(kind)[0])
        begin = builder.bitcast(memory, BYTES.as_pointer())
        _lay_down(context, builder, kind, arguments[0], begin)
        return begin

    return kind(lent), codegen


def borrowed(lent):
    """Interpreted twin of `_borrowed`: the tuple itself (unannotated: numba compares the signatures' texts)."""
    return lent


@numba.extending.overload(borrowed, inline="always")  # the memory must be that of the loop itself
def _borrowed_overload(lent):  # noqa: ARG001 - its type alone
    return lambda lent: _borrowed(lent)  # noqa: PLW0108 - numba compares argument names
