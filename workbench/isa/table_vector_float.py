"""Rows of the vector extension's floating-point instructions.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", vector instruction listing.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.isa.code import Flag
from workbench.isa.row import Row, VectorForm
from workbench.isa.table_vector import FVF, FVV, vector_row
from workbench.isa.timing_class import TimingClass as T


def _rows(
    name: str, funct6: int, forms: str, timing: T, *, function: str = "", group: str = "float", dest: int = 0,
    wide2: int = 0, flags: Flag = Flag(0), suffix: str = "v", multiply_add: bool = False,
) -> Iterator[Row]:  # fmt: skip
    """``name.vv`` and ``name.vf`` for the letters in `forms`."""
    for letter in forms:
        operand, form = ("vs1", FVV) if letter == "v" else ("fs1", FVF)
        syntax = f"vd, {operand}, vs2" if multiply_add else f"vd, vs2, {operand}"
        vector = VectorForm(group, function or name[2:], letter, dest, wide2, reads_vd=multiply_add)
        yield vector_row(f"{name}.{suffix}{letter}", funct6, form, syntax, timing, vector, flags)


def _arithmetic() -> Iterator[Row]:
    for funct6, name, forms, timing in (
        (0x00, "vfadd", "vf", T.V_FP_ADD), (0x02, "vfsub", "vf", T.V_FP_ADD), (0x27, "vfrsub", "f", T.V_FP_ADD),
        (0x04, "vfmin", "vf", T.V_FP_MISC), (0x06, "vfmax", "vf", T.V_FP_MISC),
        (0x08, "vfsgnj", "vf", T.V_FP_MISC), (0x09, "vfsgnjn", "vf", T.V_FP_MISC), (0x0A, "vfsgnjx", "vf", T.V_FP_MISC),
        (0x20, "vfdiv", "vf", T.V_FP_DIV), (0x21, "vfrdiv", "f", T.V_FP_DIV), (0x24, "vfmul", "vf", T.V_FP_MUL),
    ):  # fmt: skip
        yield from _rows(name, funct6, forms, timing)
    yield vector_row("vfsqrt.v", 0x13, FVV, "vd, vs2", T.V_FP_SQRT, VectorForm("float", "sqrt"), vs1=0)
    yield vector_row("vfrsqrt7.v", 0x13, FVV, "vd, vs2", T.V_FP_MISC, VectorForm("float", "rsqrt7"), vs1=4)
    yield vector_row("vfrec7.v", 0x13, FVV, "vd, vs2", T.V_FP_MISC, VectorForm("float", "rec7"), vs1=5)
    yield vector_row("vfclass.v", 0x13, FVV, "vd, vs2", T.V_FP_MISC, VectorForm("convert", "class"), vs1=16)


def _multiply_add() -> Iterator[Row]:
    names = ("madd", "nmadd", "msub", "nmsub", "macc", "nmacc", "msac", "nmsac")
    for number, name in enumerate(names):
        yield from _rows(f"vf{name}", 0x28 + number, "vf", T.V_FP_FMA, multiply_add=True)
    for number, name in enumerate(names[4:]):
        yield from _rows(f"vfw{name}", 0x3C + number, "vf", T.V_FP_FMA, function=name, dest=1, multiply_add=True)


def _widening() -> Iterator[Row]:
    for funct6, name, function, timing in (
        (0x30, "vfwadd", "add", T.V_FP_ADD), (0x32, "vfwsub", "sub", T.V_FP_ADD), (0x38, "vfwmul", "mul", T.V_FP_MUL),
    ):  # fmt: skip
        yield from _rows(name, funct6, "vf", timing, function=function, dest=1)
    for funct6, name, function in ((0x34, "vfwadd", "add"), (0x36, "vfwsub", "sub")):
        yield from _rows(name, funct6, "vf", T.V_FP_ADD, function=function, dest=1, wide2=1, suffix="w")


def _compare_and_move() -> Iterator[Row]:
    for funct6, name, forms in (
        (0x18, "vmfeq", "vf"), (0x19, "vmfle", "vf"), (0x1B, "vmflt", "vf"), (0x1C, "vmfne", "vf"),
        (0x1D, "vmfgt", "f"), (0x1F, "vmfge", "f"),
    ):  # fmt: skip
        flags = Flag.WRITES_MASK
        yield from _rows(name, funct6, forms, T.V_COMPARE, function=name[1:], group="float_compare", flags=flags)
    merge = VectorForm("int", "merge", "f", uses_v0=True)
    yield vector_row("vfmerge.vfm", 0x17, FVF, "vd, vs2, fs1, v0", T.V_MOVE, merge, vm=0)
    yield vector_row("vfmv.v.f", 0x17, FVF, "vd, fs1", T.V_MOVE, VectorForm("int", "move", "f"), vm=1, vs2=0)
    yield vector_row("vfmv.f.s", 0x10, FVV, "fd, vs2", T.V_SCALAR_MOVE, VectorForm("permute", "mv_f_s"), vm=1, vs1=0)
    yield vector_row("vfmv.s.f", 0x10, FVF, "vd, fs1", T.V_SCALAR_MOVE, VectorForm("permute", "mv_s_x", "f"), vm=1, vs2=0)
    for funct6, name in ((0x0E, "slide1up"), (0x0F, "slide1down")):
        yield vector_row(f"vf{name}.vf", funct6, FVF, "vd, vs2, fs1", T.V_SLIDE, VectorForm("permute", name, "f"))


def _reductions() -> Iterator[Row]:
    for funct6, name, function, dest in (
        (0x01, "vfredusum", "sum", 0), (0x03, "vfredosum", "sum", 0), (0x05, "vfredmin", "min", 0),
        (0x07, "vfredmax", "max", 0), (0x31, "vfwredusum", "sum", 1), (0x33, "vfwredosum", "sum", 1),
    ):  # fmt: skip
        vector = VectorForm("reduce_float", function, "v", dest=dest)
        yield vector_row(f"{name}.vs", funct6, FVV, "vd, vs2, vs1", T.V_REDUCE_FP, vector, Flag.REDUCTION)


def _conversions() -> Iterator[Row]:
    """`function` says source and destination: f, x (signed), u (unsigned); z = towards zero, o = to odd."""
    kinds = [("xu.f", "f_u"), ("x.f", "f_x"), ("f.xu", "u_f"), ("f.x", "x_f"), ("f.f", "f_f"), ("rod.f.f", "f_f_odd")]
    kinds += [("rtz.xu.f", "f_u_zero"), ("rtz.x.f", "f_x_zero")]
    for prefix, suffix, base, dest, wide2 in (("vfcvt", "v", 0, 0, 0), ("vfwcvt", "v", 8, 1, 0), ("vfncvt", "w", 16, 0, 1)):
        for number, (name, function) in enumerate(kinds):
            if (prefix == "vfcvt" and "f_f" in function) or (prefix == "vfwcvt" and "odd" in function):
                continue
            vector = VectorForm("convert", function, "", dest, wide2)
            yield vector_row(f"{prefix}.{name}.{suffix}", 0x12, FVV, "vd, vs2", T.V_FP_CONVERT, vector, vs1=base + number)


def vector_float_rows() -> Iterator[Row]:
    """All rows of this file."""
    yield from _arithmetic()
    yield from _multiply_add()
    yield from _widening()
    yield from _compare_and_move()
    yield from _reductions()
    yield from _conversions()
