"""The instructions of RVV in textual LLVM IR: a function builder with vectors, and with tiles for matrix instructions.

All vectors of a loop have the same number of elements (`width` for every 64 bits of a register), whatever their type:
the widest fills `lmul` registers, 1, 2, 4 or 8, narrower ones fewer or a part of one. Loads and stores take the `Element`
that is in memory and extend or shorten narrow numbers.

Source: LLVM 22 language reference (scalable vectors) and IntrinsicsRISCV.td (operands of ``llvm.riscv.*``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.compiler.elements import FLOAT, FLOATING, Element, bits_of, short_name
from workbench.compiler.ir.function import Function, Module
from workbench.compiler.ir.values import Address, Value, element_of, integer, is_vector, vector_type

LMULS = (1, 2, 4, 8)
_REGISTER_BITS = 64  # of one register for every unit of vscale
_ROUNDED = ("vfadd", "vfsub", "vfrsub", "vfmul", "vfdiv", "vfrdiv")
_SHIFTS = ("vsll", "vsra", "vsrl")
_TILE, _ROWS, _ROW_BYTES, _TILE_BYTES = "<vscale x 8 x i8>", 4, 8, 32  # a tile of bytes fills a register


class Builder(Function):
    """A function with vector instructions; `width` and `vl` hold inside a vector region."""

    def __init__(self, module: Module, name: str, threads: int = 1) -> None:
        super().__init__(module, name, threads)
        self.width, self._bits = 2, 32
        self.vl = integer(0)

    # --- vector regions -------------------------------------------------------------------------------------------

    def vector_loop(self, count: int | Value, lmul: int, carried: Sequence[Value], steps: Sequence[int],
                    body: Callable[[list[Value]], None], bits: int = 32) -> None:  # fmt: skip
        """Cover `count` elements in vectors of at most VLMAX; pointers advance by `steps` bytes an element.

        `lmul` registers hold a vector of elements of `bits` bits.
        """
        self.group(lmul, bits)

        def step(values: list[Value]) -> tuple[Value, list[Value]]:
            self.set_vl(values[0])
            vl = self.vl
            body(values[1:])
            rest = self.emit("i64", f"sub i64 {values[0].text}, {vl.text}")
            after = [
                pointer if scale == 0 else self.advance(pointer, scale)
                for pointer, scale in zip(values[1:], steps, strict=True)
            ]
            return rest, [rest, *after]

        self.repeat([count if isinstance(count, Value) else integer(count), *carried], step)

    def advance(self, pointer: Value, scale: int) -> Value:
        """The pointer `vl` elements of `scale` bytes on."""
        size = self.emit("i64", f"mul i64 {self.vl.text}, {scale}")
        return self.emit("ptr", f"getelementptr i8, ptr {pointer.text}, i64 {size.text}")

    def group(self, lmul: int, bits: int = 32) -> None:
        """Let vectors have as many elements of `bits` bits as `lmul` registers hold."""
        self.width, self._bits = lmul * _REGISTER_BITS // bits, bits

    def set_vl(self, wanted: Value) -> None:
        """Choose the vector length for `wanted` elements of the present group."""
        lmul = self.width * self._bits // _REGISTER_BITS
        arguments = [wanted, integer((self._bits // 8).bit_length() - 1), integer(LMULS.index(lmul))]
        self.vl = self.call("llvm.riscv.vsetvli.i64", "i64", arguments)

    def pin(self, values: Sequence[Value]) -> list[Value]:
        """The same vectors, computed before any later load: a barrier for the scheduler on values and memory."""
        code = 'asm sideeffect "", "=^vr,0,~{memory}"'
        return [self.emit(value.type, f"call {value.type} {code}({value})") for value in values]

    # --- vectors --------------------------------------------------------------------------------------------------

    def _suffix(self, kind: str = "float") -> str:
        return f"nxv{self.width}{short_name(kind)}"

    def _kind(self, value: Value) -> str:
        """How intrinsics name an operand: vector or scalar."""
        return self._suffix(element_of(value)) if is_vector(value) else short_name(value.type)

    def _poison(self, kind: str = "float") -> Value:
        return Value(vector_type(self.width, kind), "poison")

    def vload(self, address: Address, stride: int, element: Element = FLOAT) -> Value:
        """Load `vl` elements that lie `stride` bytes apart, extended to the type that they are computed in."""
        pointer, kind, strided = self.pointer(address), element.memory, stride != element.size_bytes
        name = f"llvm.riscv.{'vlse' if strided else 'vle'}.{self._suffix(kind)}.p0.i64"
        arguments = [self._poison(kind), pointer, *([integer(stride)] if strided else []), self.vl]
        return self.extend(self.call(name, vector_type(self.width, kind), arguments), element)

    def vstore(self, value: Value, address: Address, stride: int, element: Element = FLOAT) -> None:
        """Store `vl` elements `stride` bytes apart, shortened to the type in memory."""
        pointer, value, strided = self.pointer(address), self.shorten(value, element), stride != element.size_bytes
        name = f"llvm.riscv.{'vsse' if strided else 'vse'}.{self._suffix(element.memory)}.p0.i64"
        self.call(name, "void", [value, pointer, *([integer(stride)] if strided else []), self.vl])

    def vgather(self, base: Value, offsets: Value, element: Element = FLOAT) -> Value:
        """Load `vl` elements at byte offsets from a pointer (unsigned 32-bit integers)."""
        kind = element.memory
        name = f"llvm.riscv.vluxei.{self._suffix(kind)}.p0.{self._suffix('i32')}.i64"
        return self.extend(
            self.call(name, vector_type(self.width, kind), [self._poison(kind), base, offsets, self.vl]), element
        )

    def vscatter(self, value: Value, base: Value, offsets: Value, element: Element = FLOAT) -> None:
        """Store `vl` elements at byte offsets from a pointer, in order."""
        name = f"llvm.riscv.vsoxei.{self._suffix(element.memory)}.p0.{self._suffix('i32')}.i64"
        self.call(name, "void", [self.shorten(value, element), base, offsets, self.vl])

    def extend(self, value: Value, element: Element) -> Value:
        """A vector from memory in the type that it is computed in."""
        if not element.is_narrow:
            return value
        kind = self._suffix(element.computed)
        operation = "vfwcvt.f.f.v" if element.is_float else "vsext" if element.is_signed else "vzext"
        name = f"llvm.riscv.{operation}.{kind}.{self._kind(value)}.i64"
        return self.call(name, self._poison(element.computed).type, [self._poison(element.computed), value, self.vl])

    def shorten(self, value: Value, element: Element) -> Value:
        """A computed vector as it is kept in memory: rounded, or of integers the low bits."""
        if element.is_float and element_of(value) != element.memory:
            name = f"llvm.riscv.vfncvt.f.f.w.{self._suffix(element.memory)}.{self._kind(value)}.i64"
            arguments = [self._poison(element.memory), value, Value("i64", "7"), self.vl]
            return self.call(name, arguments[0].type, arguments)
        while bits_of(element_of(value)) > bits_of(element.memory):
            half = f"i{bits_of(element_of(value)) // 2}"
            name = f"llvm.riscv.vnsrl.{self._suffix(half)}.{self._kind(value)}.i64.i64"
            arguments = [self._poison(half), value, integer(0), self.vl]
            value = self.call(name, self._poison(half).type, arguments)
        return value

    def splat(self, scalar: Value) -> Value:
        """A vector of equal floats or integers."""
        operation = "vfmv.v.f" if scalar.type in FLOATING else "vmv.v.x"
        name = f"llvm.riscv.{operation}.{self._suffix(scalar.type)}.i64"
        return self.call(name, vector_type(self.width, scalar.type), [self._poison(scalar.type), scalar, self.vl])

    def lanes(self) -> Value:
        """The integers 0, 1, 2, ..."""
        return self.call(
            f"llvm.riscv.vid.{self._suffix('i32')}.i64", self._poison("i32").type, [self._poison("i32"), self.vl]
        )

    def accumulate(self, total: Value, factor: Value, vector: Value, signs: str = "") -> Value:
        """``total + factor * vector``; the factor is a scalar or a vector, integers may have half the total's width.

        `signs` of half-width factors: nothing for signed ones, ``u``, ``us`` or ``su`` for a scalar factor and the vector.
        """
        if signs and is_vector(factor):
            raise ValueError("instructions of two vectors with signs stand in for others: see machine.MATRIX_STAND_INS")
        kind = element_of(vector)
        rounding = [Value("i64", "7")] if kind in FLOATING else []
        family = "f" if kind in FLOATING else ""
        operation = f"v{family}macc" if total.type == vector.type else f"v{family}wmacc{signs}"
        arguments = [total, factor, vector, *rounding, self.vl, Value("i64", "3")]
        operands = [element_of(total), *([] if total.type == vector.type else [kind])]
        names = [self._suffix(operands[0]), self._kind(factor), *map(self._suffix, operands[1:])]
        return self.call(f"llvm.riscv.{operation}.{'.'.join(names)}.i64", total.type, arguments)

    def product(self, factor: Value, vector: Value, signs: str = "") -> Value:
        """``factor * vector`` of integers in twice their width; `signs` as in `accumulate`, but for ``su``."""
        half, operation = element_of(vector), {"": "vwmul", "u": "vwmulu", "us": "vwmulsu"}[signs]
        result = self._poison(f"i{2 * bits_of(half)}")
        name = f"llvm.riscv.{operation}.{self._kind(result)}.{self._suffix(half)}.{self._kind(factor)}.i64"
        return self.call(name, result.type, [result, vector, factor, self.vl])

    def add_half(self, total: Value, value: Value) -> Value:
        """``total + value`` of signed integers, the value half as wide."""
        return self._with_half("vwadd.w", total, value)

    def subtract_half(self, total: Value, value: Value) -> Value:
        """``total - value`` of signed integers, the value half as wide."""
        return self._with_half("vwsub.w", total, value)

    def _with_half(self, operation: str, total: Value, value: Value) -> Value:
        name = f"llvm.riscv.{operation}.{self._kind(total)}.{self._kind(value)}.i64"
        return self.call(name, total.type, [self._poison(element_of(total)), total, value, self.vl])

    def add_wide(self, left: Value, right: Value) -> Value:
        """``left + right`` of unsigned integers, twice as wide."""
        result = self._poison(f"i{2 * bits_of(element_of(left))}")
        name = f"llvm.riscv.vwaddu.{self._kind(result)}.{self._kind(left)}.{self._kind(right)}.i64"
        return self.call(name, result.type, [result, left, right, self.vl])

    def subtract_product(self, total: Value, factor: Value, vector: Value) -> Value:
        """``total - factor * vector`` of integers of one width, which wrap; the factor is a scalar or a vector."""
        name = f"llvm.riscv.vnmsac.{self._kind(total)}.{self._kind(factor)}.i64"
        return self.call(name, total.type, [total, factor, vector, self.vl, Value("i64", "3")])

    def negate(self, scalar: Value) -> Value:
        """A scalar integer with the other sign."""
        return self.emit(scalar.type, f"sub {scalar.type} 0, {scalar.text}")

    # --- tiles of bytes for matrix instructions -------------------------------------------------------------------

    def load_rows(self, address: Address, stride: int, rows: int) -> Value:
        """A tile of `rows` rows of 8 bytes that lie `stride` bytes apart."""
        row, strided = vector_type(1, "i64"), stride != _ROW_BYTES
        name = f"llvm.riscv.{'vlse' if strided else 'vle'}.nxv1i64.p0.i64"
        arguments = [Value(row, "poison"), self.pointer(address), *([integer(stride)] if strided else []), integer(rows)]
        return self.emit(_TILE, f"bitcast {self.call(name, row, arguments)} to {_TILE}")

    def load_tile(self, address: Address) -> Value:
        """A tile that lies in one piece."""
        arguments = [Value(_TILE, "poison"), self.pointer(address), integer(_TILE_BYTES)]
        return self.call("llvm.riscv.vle.nxv8i8.p0.i64", _TILE, arguments)

    def load_results(self, address: Address, stride: int, rows: int, element: Element) -> Value:
        """`rows` rows of 4 bytes that lie `stride` bytes apart, as a tile of results that are computed with."""
        row = vector_type(1, "i32")
        arguments = [Value(row, "poison"), self.pointer(address), integer(stride), integer(rows)]
        tile = vector_type(_ROWS, "i8")
        loaded = self.emit(tile, f"bitcast {self.call('llvm.riscv.vlse.nxv1i32.p0.i64', row, arguments)} to {tile}")
        return self.extend(loaded, element)

    def multiply_tiles(self, total: Value, rows: Value, columns: Value, is_signed: bool) -> Value:
        """``total + rows * columns^T``, of signed columns, written as what `machine.MATRIX_STAND_INS` puts in its place."""
        wide = vector_type(8, "i16")
        name = f"llvm.riscv.{'vwmaccsu' if is_signed else 'vwmaccu'}.nxv8i16.nxv8i8.nxv8i8.i64"
        before = self.emit(wide, f"bitcast {total} to {wide}")
        arguments = [before, rows, columns, integer(_TILE_BYTES), Value("i64", "3")]
        return self.emit(total.type, f"bitcast {self.call(name, wide, arguments)} to {total.type}")

    def store_rows(self, value: Value, address: Address, stride: int, rows: int) -> None:
        """Store the first `rows` rows of 4 bytes of a tile of results, `stride` bytes apart."""
        row = vector_type(1, "i32")
        arguments = [self.emit(row, f"bitcast {value} to {row}"), self.pointer(address), integer(stride), integer(rows)]
        self.call("llvm.riscv.vsse.nxv1i32.p0.i64", "void", arguments)

    def scatter_rows(self, value: Value, address: Address, offsets: Address) -> None:
        """Store the rows of a tile of results at the byte offsets that lie at `offsets`."""
        row = vector_type(1, "i32")
        rows, count = self.emit(row, f"bitcast {value} to {row}"), integer(_ROWS)
        places = self.call("llvm.riscv.vle.nxv1i32.p0.i64", row, [Value(row, "poison"), self.pointer(offsets), count])
        self.call("llvm.riscv.vsuxei.nxv1i32.p0.nxv1i32.i64", "void", [rows, self.pointer(address), places, count])

    # --- arithmetic -----------------------------------------------------------------------------------------------

    def arithmetic(self, operation: str, left: Value, right: Value, keep: Value | None = None) -> Value:
        """A vector instruction of a vector and a vector or scalar; elements behind `vl` are those of `keep`.

        Floats: ``vfadd``, ``vfsub``, ``vfmul``, ``vfdiv`` (rounded), ``vfmax``, ``vfmin``, ``vfsgnj``...; integers:
        ``vadd``, ``vsub``, ``vmul``, ``vdiv``, ``vrem``, ``vmax``, ``vmin``, ``vand``, ``vor``, ``vxor`` and shifts.
        """
        element = element_of(left)
        rounding = [Value("i64", "7")] if operation in _ROUNDED else []
        if operation in _SHIFTS and not is_vector(right):
            right = integer(int(right.text))
        name = f"llvm.riscv.{operation}.{self._suffix(element)}.{self._kind(right)}.i64"
        return self.call(name, left.type, [keep or self._poison(element), left, right, *rounding, self.vl])

    def square_root(self, value: Value) -> Value:
        """Square roots."""
        name = f"llvm.riscv.vfsqrt.{self._kind(value)}.i64"
        return self.call(name, value.type, [self._poison(element_of(value)), value, Value("i64", "7"), self.vl])

    def float_to_int(self, value: Value, truncated: bool = False) -> Value:
        """Round to the nearest 32-bit integers, or towards zero."""
        kind = vector_type(self.width, "i32")
        operation, rounding = ("vfcvt.rtz.x.f.v", []) if truncated else ("vfcvt.x.f.v", [Value("i64", "7")])
        name = f"llvm.riscv.{operation}.{self._suffix('i32')}.{self._suffix()}.i64"
        return self.call(name, kind, [self._poison("i32"), value, *rounding, self.vl])

    def float_to_short(self, value: Value) -> Value:
        """Round floats to the nearest 16-bit integers, saturated."""
        kind = self._poison("i16")
        name = f"llvm.riscv.vfncvt.x.f.w.{self._suffix('i16')}.{self._suffix()}.i64"
        return self.call(name, kind.type, [kind, value, Value("i64", "7"), self.vl])

    def int_to_float(self, value: Value) -> Value:
        """Convert integers of 32 or 16 bits."""
        bits, kind = element_of(value), self._poison()
        operation, rounding = ("vfcvt.f.x.v", [Value("i64", "7")]) if bits == "i32" else ("vfwcvt.f.x.v", [])
        name = f"llvm.riscv.{operation}.{self._suffix()}.{self._suffix(bits)}.i64"
        return self.call(name, kind.type, [kind, value, *rounding, self.vl])

    def compare(self, operation: str, left: Value, right: Value) -> Value:
        """A mask from ``vmflt``, ``vmfle``, ``vmfeq``, ``vmfne`` ... of floats or ``vmslt`` ... of integers."""
        name = f"llvm.riscv.{operation}.{self._kind(left)}.{self._kind(right)}.i64"
        return self.call(name, vector_type(self.width, "i1"), [left, right, self.vl])

    def merge(self, mask: Value, yes: Value, no: Value) -> Value:
        """`yes` (a vector or scalar) where the mask is set, else `no`."""
        element = element_of(no)
        operation = "vfmerge" if yes.type in FLOATING else "vmerge"
        name = f"llvm.riscv.{operation}.{self._kind(no)}.{self._kind(yes)}.i64"
        return self.call(name, no.type, [self._poison(element), no, yes, mask, self.vl])

    def cast_bits(self, value: Value, element: str) -> Value:
        """The same bits as elements of another type."""
        kind = vector_type(self.width, element)
        return self.emit(kind, f"bitcast {value} to {kind}")

    def reduce(self, operation: str, value: Value, start: Value) -> Value:
        """``vfredosum``, ``vfredmax``, ``vfredmin``, ``vredsum``, ... over `vl` elements and a scalar, as a scalar."""
        element = element_of(value)
        width = _REGISTER_BITS // bits_of(element)
        short, one = f"nxv{width}{short_name(element)}", vector_type(width, element)
        into, out = ("vfmv.s.f", "vfmv.f.s") if element in FLOATING else ("vmv.s.x", "vmv.x.s")
        first = self.call(f"llvm.riscv.{into}.{short}.i64", one, [Value(one, "poison"), start, integer(1)])
        rounding = [Value("i64", "7")] if operation == "vfredosum" else []
        name = f"llvm.riscv.{operation}.{short}.{self._suffix(element)}.i64"
        result = self.call(name, one, [Value(one, "poison"), value, first, *rounding, self.vl])
        return self.call(f"llvm.riscv.{out}.{short}", element, [result])
