"""Named tuples of arrays as compiled loops take them: by one address instead of by value.

numba passes a named tuple by value, field by field, and an array is seven numbers: a `DayArrays` became some two
hundred parameters of every function, which were copied at every call and made compiling several times slower
than the loops themselves do. A class marked with `bundle` is passed as the address of a table instead, that is
written when Python calls a kernel: for each array the address of its first item and its shape, for each number
its value. Inside a kernel the fields read as before; a bundle cannot be made, returned or changed there, though
the items of its arrays can.

The arrays must be C-contiguous, and read-only ones count as writable, so that a kernel is compiled once and not
again for every mixture; a kernel that writes into an array it was given read-only is wrong.
"""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import NativeValue, models, register_model, typeof_impl, unbox
from numba.np.arrayobj import make_array

T = TypeVar("T", bound=type[tuple[Any, ...]])

WORD_BYTES = 8
ARRAY_DATA_AT = object.__basicsize__
"""Where numpy keeps the address of an array's first item: it comes first after the head of a Python object."""
ARRAY_SHAPE_AT = ARRAY_DATA_AT + 2 * WORD_BYTES
"""Where numpy keeps the address of an array's shape: after the number of its dimensions."""


class Bundle(types.Type):
    """The numba type of a bundle: names and types of its fields, and where each begins in the table."""

    def __init__(self, class_name: str, fields: tuple[tuple[str, types.Type], ...]) -> None:
        self.fields = fields
        self.word_at: dict[str, int] = {}
        words = 0
        for name, kind in fields:
            self.word_at[name] = words
            words += 1 + kind.ndim if isinstance(kind, types.Array) else 1
        self.words = words
        # The name becomes part of every symbol: short, and another one for other types of fields.
        super().__init__(f"{class_name}_{zlib.crc32(repr(fields).encode()):08x}")

    @property
    def key(self) -> tuple[str, tuple[tuple[str, types.Type], ...]]:
        """Two bundles of equal keys are one type."""
        return self.name, self.fields


register_model(Bundle)(models.OpaqueModel)


def bundle(named_tuple: T) -> T:
    """Pass instances of this class of named tuples to kernels by address. See the head of the file."""

    @typeof_impl.register(named_tuple)
    def _type_of(value: Any, context: Any) -> Bundle:
        fields = zip(value._fields, value, strict=True)
        return Bundle(named_tuple.__name__, tuple((name, _field_type(name, item, context)) for name, item in fields))

    return named_tuple


def _field_type(name: str, item: object, context: Any) -> types.Type:
    kind: types.Type = typeof_impl(item, context)
    if isinstance(kind, types.Array):
        if kind.layout != "C" or not kind.aligned:
            raise TypeError(f"{name}: an array of a bundle is C-contiguous and aligned, not {kind}")
        return types.Array(kind.dtype, kind.ndim, "C")
    if kind not in (types.int64, types.float64):
        raise TypeError(f"{name}: a field of a bundle is an array, an int or a float, not {kind}")
    return kind


@infer_getattr
class _FieldTypes(AttributeTemplate):
    key = Bundle

    def generic_resolve(self, value: Any, attr: str) -> Any:  # type: ignore[override]
        """Type of a field, None when there is none of this name."""
        return dict(value.fields).get(attr)


def _word(builder: Any, address: Any, at_bytes: int, kind: Any) -> Any:
    """Load what lies some bytes after an address."""
    place = builder.gep(builder.bitcast(address, cgutils.voidptr_t), [ir.Constant(ir.IntType(64), at_bytes)])
    return builder.load(builder.bitcast(place, kind.as_pointer()))


@lower_getattr_generic(Bundle)  # type: ignore[untyped-decorator]
def _read_field(context: Any, builder: Any, typ: Bundle, value: Any, attr: str) -> Any:
    """A number from the table, or an array put together from its address and shape; it is borrowed, not counted."""
    kind = dict(typ.fields)[attr]
    at = typ.word_at[attr] * WORD_BYTES
    if not isinstance(kind, types.Array):
        return _word(builder, value, at, context.get_value_type(kind))
    array = make_array(kind)(context, builder)
    word = context.get_value_type(types.intp)
    item_bytes = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    shape = [_word(builder, value, at + (1 + axis) * WORD_BYTES, word) for axis in range(kind.ndim)]
    step = ir.Constant(word, item_bytes)
    strides: list[Any] = []
    for length in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, length)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    array.nitems = builder.sdiv(step, ir.Constant(word, item_bytes))
    array.itemsize = ir.Constant(word, item_bytes)
    array.data = _word(builder, value, at, array.data.type)
    array.shape = cgutils.pack_array(builder, shape, ty=word)
    array.strides = cgutils.pack_array(builder, strides, ty=word)
    return array._getvalue()  # noqa: SLF001  (numba's own way to end a struct)


@unbox(Bundle)  # type: ignore[untyped-decorator]
def _write_table(typ: Bundle, obj: Any, c: Any) -> NativeValue:
    """Write the table of a named tuple; its types were looked at when the kernel was chosen."""
    builder = c.builder
    word = c.context.get_value_type(types.intp)
    table = cgutils.alloca_once(builder, word, size=typ.words)
    is_error = cgutils.false_bit
    for number, (name, kind) in enumerate(typ.fields):
        item = c.pyapi.tuple_getitem(obj, number)
        at = typ.word_at[name]
        if not isinstance(kind, types.Array):
            native = c.unbox(kind, item)
            is_error = builder.or_(is_error, native.is_error)
            place = builder.gep(table, [ir.Constant(word, at)])
            builder.store(native.value, builder.bitcast(place, native.value.type.as_pointer()))
            continue
        builder.store(_word(builder, item, ARRAY_DATA_AT, word), builder.gep(table, [ir.Constant(word, at)]))
        shape = _word(builder, item, ARRAY_SHAPE_AT, cgutils.voidptr_t)
        for axis in range(kind.ndim):
            length = _word(builder, shape, axis * WORD_BYTES, word)
            builder.store(length, builder.gep(table, [ir.Constant(word, at + 1 + axis)]))
    return NativeValue(builder.bitcast(table, cgutils.voidptr_t), is_error=is_error)
