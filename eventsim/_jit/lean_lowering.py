"""How a part's statements become LLVM's: values as they are, where numba keeps them in memory that it clears twice.

Relies on numba's internals, as `lowering` does. Used by `lowering`. Python's variables may be bound to other objects,
own what they are bound to, and be read before they are bound. So numba gives each that is used in more than one block
a place in memory, loads what was there before each store, lets it go, and writes zeros into it in the end. The
variables of a part own nothing, and are bound before they are read, which the interpreted engine shows. LLVM would take
all of that out again, after it was written, read, verified and linked as text.
"""

import collections
from typing import Any

from numba import types
from numba.core import ir
from numba.core.lowering import Lower

RANGES = (types.RangeType, types.RangeIteratorType)


class LeanLower(Lower):
    """Lowering without owners: a variable that is bound once is the value that it is bound to."""

    def _find_singly_assigned_variable(self) -> None:
        """Which variables are bound once: behind numba's pass to that form, all that no branch binds differently."""
        bound = collections.Counter(
            statement.target.name for block in self.blocks.values() for statement in block.find_insts(ir.Assign)
        )
        self._singly_assigned_vars = {name for name, times in bound.items() if times == 1}
        self._blk_local_varmap: dict[str, Any] = {}

    def pre_block(self, block: Any) -> None:
        """Nothing is made ready for a block: there is no owner to let go, and no exception to catch."""
        self._cur_ir_block = block

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:  # noqa: ARG002 - numba's signature
        """A place for a variable, not cleared."""
        with self.builder.goto_entry_block():
            return self.builder.alloca(lltype, name=name)

    def storevar(self, value: Any, name: str, argidx: Any = None) -> None:  # noqa: ARG002 - numba's signature
        """Bind a variable."""
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
            return
        self._alloca_var(name, self.typeof(name))
        self.builder.store(value, self.getvar(name))

    def delvar(self, name: str) -> None:
        """A variable goes out of use: nothing is owned by it."""

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        """An expression; a loop over a range keeps nothing in memory but the number that it is at."""
        builder = self.builder
        if expr.op == "call" and getattr(self.typeof(expr.func.name), "typing_key", None) is range:
            return self._range(resty, expr)
        if expr.op in ("pair_first", "pair_second"):
            return builder.extract_value(self.loadvar(expr.value.name), int(expr.op == "pair_second"))
        if expr.op in ("getiter", "iternext") and isinstance(self.typeof(expr.value.name), RANGES):
            value = self.loadvar(expr.value.name)
            return (self._begin if expr.op == "getiter" else self._next)(resty, value)
        return super().lower_expr(resty, expr)

    def _made_of(self, kind: Any, *parts: Any) -> Any:
        """A value of several parts."""
        value = self.context.get_constant_undef(kind)
        for k, part in enumerate(parts):
            value = self.builder.insert_value(value, part, k)
        return value

    def _range(self, resty: Any, expr: Any) -> Any:
        """Begin, end and step."""
        wanted = self.fndesc.calltypes[expr].args
        given = [
            self.context.cast(self.builder, self.loadvar(one.name), self.typeof(one.name), kind)
            for one, kind in zip(expr.args, wanted, strict=True)
        ]
        if len(given) == 1:
            given.insert(0, given[0].type(0))
        return self._made_of(resty, *given, *[given[0].type(1)][: 3 - len(given)])

    def _begin(self, resty: Any, ends: Any) -> Any:
        """An iterator: where the number stands that it is at, the end of the range, the step."""
        start, stop, step = (self.builder.extract_value(ends, k) for k in range(3))
        with self.builder.goto_entry_block():
            place = self.builder.alloca(start.type)
        self.builder.store(start, place)
        return self._made_of(resty, place, stop, step)

    def _next(self, resty: Any, iterator: Any) -> Any:
        """The number that an iterator is at, and whether the range has it; the iterator goes on."""
        builder = self.builder
        place, stop, step = (builder.extract_value(iterator, k) for k in range(3))
        number = builder.load(place)
        builder.store(builder.add(number, step, flags=["nsw"]), place)
        upwards, below = builder.icmp_signed(">", step, step.type(0)), builder.icmp_signed("<", number, stop)
        inside = builder.select(upwards, below, builder.icmp_signed(">", number, stop))
        return self._made_of(resty, number, inside)
