"""Rows of the vector extension's configuration, integer, fixed-point, mask and permutation instructions.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", vector instruction listing.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.isa.code import Flag
from workbench.isa.row import Row, VectorForm
from workbench.isa.timing_class import TimingClass as T

OPV = 0x57
FUNCT6_MASK, UNMASKED, VS2_MASK, VS1_MASK, FORM_MASK = 0xFC00_0000, 0x0200_0000, 0x01F0_0000, 0xF_8000, 0x707F
IVV, FVV, MVV, IVI, IVX, FVF, MVX = range(7)
_FORMS = {"v": ("vs1", IVV), "x": ("rs1", IVX), "i": ("simm5", IVI), "u": ("uimm5", IVI)}


def vector_row(
    name: str, funct6: int, form: int, syntax: str, timing: T, vector: VectorForm, flags: Flag = Flag(0), *,
    vm: int | None = None, vs1: int | None = None, vs2: int | None = None,
) -> Row:  # fmt: skip
    """An OP-V row; `vm`, `vs1`, `vs2` fix those fields."""
    match, mask = funct6 << 26 | form << 12 | OPV, FUNCT6_MASK | FORM_MASK
    for value, field, at in ((vm, UNMASKED, 25), (vs1, VS1_MASK, 15), (vs2, VS2_MASK, 20)):
        if value is not None:
            match, mask = match | value << at, mask | field
    flags |= Flag.VECTOR
    if vector.source in ("x", "f"):
        flags |= Flag.READS_SCALAR
    if vector.dest == 1:
        flags |= Flag.WIDENING
    if vm is None:
        syntax += ", vm"
    if vm == 0:
        flags |= Flag.MASKED
    return Row(name, syntax, match, mask, "V", timing, flags, vector=vector)


def _binary(
    names: str, forms: str, funct6: int, timing: T, *, group: str = "int", flags: Flag = Flag(0), multiply: bool = False,
    function: str = "", signs: str = "ss", dest: int = 0, wide2: int = 0, suffix: str = "v",
) -> Iterator[Row]:  # fmt: skip
    """Rows ``name.vv``, ``name.vx``, ``name.vi`` of a two-operand instruction for the letters in `forms`."""
    for letter in forms:
        operand, form = _FORMS[letter]
        if multiply:
            form = {IVV: MVV, IVX: MVX}[form]
        source = "i" if letter in "iu" else letter
        vector = VectorForm(group, function or names[1:], source, dest, wide2, signs=signs)
        shown = {"u": "i"}.get(letter, letter)
        yield vector_row(f"{names}.{suffix}{shown}", funct6, form, f"vd, vs2, {operand}", timing, vector, flags)


def _integer() -> Iterator[Row]:
    alu, u = T.V_INT_ALU, "uu"
    for funct6, name, forms, signs in (
        (0x00, "vadd", "vxi", "ss"), (0x02, "vsub", "vx", "ss"), (0x03, "vrsub", "xi", "ss"),
        (0x04, "vminu", "vx", u), (0x05, "vmin", "vx", "ss"), (0x06, "vmaxu", "vx", u), (0x07, "vmax", "vx", "ss"),
        (0x09, "vand", "vxi", "ss"), (0x0A, "vor", "vxi", "ss"), (0x0B, "vxor", "vxi", "ss"),
        (0x20, "vsaddu", "vxi", u), (0x21, "vsadd", "vxi", "ss"), (0x22, "vssubu", "vx", u), (0x23, "vssub", "vx", "ss"),
        (0x25, "vsll", "vxu", "ss"), (0x28, "vsrl", "vxu", u), (0x29, "vsra", "vxu", "ss"),
        (0x2A, "vssrl", "vxu", u), (0x2B, "vssra", "vxu", "ss"),
    ):  # fmt: skip
        yield from _binary(name, forms, funct6, alu, signs=signs)
    yield from _binary("vsmul", "vx", 0x27, T.V_INT_MUL)
    for funct6, name, signs in ((0x2C, "vnsrl", u), (0x2D, "vnsra", "ss"), (0x2E, "vnclipu", u), (0x2F, "vnclip", "ss")):
        yield from _binary(name, "vxu", funct6, alu, signs=signs, wide2=1, suffix="w")
    for funct6, name, signs in ((0x08, "vaaddu", u), (0x09, "vaadd", "ss"), (0x0A, "vasubu", u), (0x0B, "vasub", "ss")):
        yield from _binary(name, "vx", funct6, alu, signs=signs, multiply=True)
    for vs1, name, shift in (
        (2, "vzext", 3),
        (3, "vsext", 3),
        (4, "vzext", 2),
        (5, "vsext", 2),
        (6, "vzext", 1),
        (7, "vsext", 1),
    ):
        vector = VectorForm("int", "move2", "", 0, -shift, signs="uu" if name == "vzext" else "ss")
        yield vector_row(f"{name}.vf{1 << shift}", 0x12, MVV, "vd, vs2", alu, vector, vs1=vs1)


def _compare() -> Iterator[Row]:
    for funct6, name, forms, signs in (
        (0x18, "vmseq", "vxi", "ss"), (0x19, "vmsne", "vxi", "ss"), (0x1A, "vmsltu", "vx", "uu"),
        (0x1B, "vmslt", "vx", "ss"), (0x1C, "vmsleu", "vxi", "uu"), (0x1D, "vmsle", "vxi", "ss"),
        (0x1E, "vmsgtu", "xi", "uu"), (0x1F, "vmsgt", "xi", "ss"),
    ):  # fmt: skip
        yield from _binary(name, forms, funct6, T.V_COMPARE, signs=signs, flags=Flag.WRITES_MASK)


def _carry_and_merge() -> Iterator[Row]:
    for funct6, name, forms in ((0x10, "adc", "vxi"), (0x12, "sbc", "vx")):
        for letter in forms:
            operand, form = _FORMS[letter]
            syntax = f"vd, vs2, {operand}"
            with_v0 = VectorForm("int", name, letter, signs="uu", uses_v0=True)
            mask_plain, mask_v0 = (VectorForm("int", f"m{name}", letter, signs="uu", uses_v0=uses) for uses in (False, True))
            yield vector_row(f"v{name}.v{letter}m", funct6, form, syntax + ", v0", T.V_INT_ALU, with_v0, vm=0)
            flags = Flag.WRITES_MASK
            yield vector_row(f"vm{name}.v{letter}m", funct6 + 1, form, syntax + ", v0", T.V_COMPARE, mask_v0, flags, vm=0)
            yield vector_row(f"vm{name}.v{letter}", funct6 + 1, form, syntax, T.V_COMPARE, mask_plain, flags, vm=1)
    for letter in "vxi":
        operand, form = _FORMS[letter]
        merge = VectorForm("int", "merge", letter, uses_v0=True)
        yield vector_row(f"vmerge.v{letter}m", 0x17, form, f"vd, vs2, {operand}, v0", T.V_MOVE, merge, vm=0)
        move = VectorForm("int", "move", letter)
        yield vector_row(f"vmv.v.{letter}", 0x17, form, f"vd, {operand}", T.V_MOVE, move, vm=1, vs2=0)


def _multiply() -> Iterator[Row]:
    for funct6, name, signs, timing in (
        (0x20, "vdivu", "uu", T.V_INT_DIV), (0x21, "vdiv", "ss", T.V_INT_DIV),
        (0x22, "vremu", "uu", T.V_INT_DIV), (0x23, "vrem", "ss", T.V_INT_DIV),
        (0x24, "vmulhu", "uu", T.V_INT_MUL), (0x25, "vmul", "ss", T.V_INT_MUL),
        (0x26, "vmulhsu", "su", T.V_INT_MUL), (0x27, "vmulh", "ss", T.V_INT_MUL),
    ):  # fmt: skip
        yield from _binary(name, "vx", funct6, timing, signs=signs, multiply=True)
    for funct6, name, signs in ((0x38, "vwmulu", "uu"), (0x3A, "vwmulsu", "su"), (0x3B, "vwmul", "ss")):
        yield from _binary(name, "vx", funct6, T.V_INT_MUL, function="mul", signs=signs, dest=1, multiply=True)
    for funct6, name, function, signs in (
        (0x30, "vwaddu", "add", "uu"), (0x31, "vwadd", "add", "ss"), (0x32, "vwsubu", "sub", "uu"),
        (0x33, "vwsub", "sub", "ss"),
    ):  # fmt: skip
        common = {"function": function, "signs": signs, "dest": 1, "multiply": True}
        yield from _binary(name, "vx", funct6, T.V_INT_ALU, **common)  # type: ignore[arg-type]
        yield from _binary(name, "vx", funct6 + 4, T.V_INT_ALU, wide2=1, suffix="w", **common)  # type: ignore[arg-type]


def _multiply_add() -> Iterator[Row]:
    for funct6, name, function, signs, dest, forms in (
        (0x29, "vmadd", "madd", "ss", 0, "vx"), (0x2B, "vnmsub", "nmsub", "ss", 0, "vx"),
        (0x2D, "vmacc", "macc", "ss", 0, "vx"), (0x2F, "vnmsac", "nmsac", "ss", 0, "vx"),
        (0x3C, "vwmaccu", "macc", "uu", 1, "vx"), (0x3D, "vwmacc", "macc", "ss", 1, "vx"),
        (0x3E, "vwmaccus", "macc", "su", 1, "x"), (0x3F, "vwmaccsu", "macc", "us", 1, "vx"),
    ):  # fmt: skip
        for letter in forms:
            operand, form = ("vs1", MVV) if letter == "v" else ("rs1", MVX)
            vector = VectorForm("int", function, letter, dest, signs=signs, reads_vd=True)
            yield vector_row(f"{name}.v{letter}", funct6, form, f"vd, {operand}, vs2", T.V_INT_MAC, vector)


def _reductions() -> Iterator[Row]:
    names = (
        ("sum", "ss"),
        ("and", "ss"),
        ("or", "ss"),
        ("xor", "ss"),
        ("minu", "uu"),
        ("min", "ss"),
        ("maxu", "uu"),
        ("max", "ss"),
    )
    for funct6, (name, signs) in enumerate(names):
        vector = VectorForm("reduce_int", name, "v", signs=signs)
        yield vector_row(f"vred{name}.vs", funct6, MVV, "vd, vs2, vs1", T.V_REDUCE_INT, vector, Flag.REDUCTION)
    for funct6, name, signs in ((0x30, "vwredsumu", "uu"), (0x31, "vwredsum", "ss")):
        vector = VectorForm("reduce_int", "sum", "v", dest=1, signs=signs)
        yield vector_row(f"{name}.vs", funct6, IVV, "vd, vs2, vs1", T.V_REDUCE_INT, vector, Flag.REDUCTION)


def _masks() -> Iterator[Row]:
    for number, name in enumerate("vmandn vmand vmor vmxor vmorn vmnand vmnor vmxnor".split()):
        vector = VectorForm("mask", name[1:], "v")
        yield vector_row(f"{name}.mm", 0x18 + number, MVV, "vd, vs2, vs1", T.V_MASK, vector, Flag.WRITES_MASK, vm=1)
    for vs1, name in ((1, "vmsbf"), (2, "vmsof"), (3, "vmsif")):
        yield vector_row(
            f"{name}.m", 0x14, MVV, "vd, vs2", T.V_MASK, VectorForm("mask", name[1:]), Flag.WRITES_MASK, vs1=vs1
        )
    yield vector_row("viota.m", 0x14, MVV, "vd, vs2", T.V_MASK, VectorForm("mask", "iota"), vs1=16)
    yield vector_row("vid.v", 0x14, MVV, "vd", T.V_MASK, VectorForm("mask", "id"), vs1=17, vs2=0)
    yield vector_row("vcpop.m", 0x10, MVV, "rd, vs2", T.V_MASK, VectorForm("mask", "cpop"), vs1=16)
    yield vector_row("vfirst.m", 0x10, MVV, "rd, vs2", T.V_MASK, VectorForm("mask", "first"), vs1=17)


def _permutations() -> Iterator[Row]:
    yield vector_row("vmv.x.s", 0x10, MVV, "rd, vs2", T.V_SCALAR_MOVE, VectorForm("permute", "mv_x_s"), vm=1, vs1=0)
    yield vector_row("vmv.s.x", 0x10, MVX, "vd, rs1", T.V_SCALAR_MOVE, VectorForm("permute", "mv_s_x", "x"), vm=1, vs2=0)
    for funct6, name, forms, function, timing in (
        (0x0C, "vrgather", "v", "gather", T.V_GATHER), (0x0C, "vrgather", "xu", "gather_one", T.V_GATHER),
        (0x0E, "vslideup", "xu", "slideup", T.V_SLIDE), (0x0F, "vslidedown", "xu", "slidedown", T.V_SLIDE),
    ):  # fmt: skip
        yield from _binary(name, forms, funct6, timing, group="permute", function=function, signs="uu")
    gather16 = VectorForm("permute", "gather16", "v", signs="uu")
    yield vector_row("vrgatherei16.vv", 0x0E, IVV, "vd, vs2, vs1", T.V_GATHER, gather16)
    for funct6, name, function in ((0x0E, "vslide1up", "slide1up"), (0x0F, "vslide1down", "slide1down")):
        yield vector_row(f"{name}.vx", funct6, MVX, "vd, vs2, rs1", T.V_SLIDE, VectorForm("permute", function, "x"))
    compress = VectorForm("permute", "compress", "v")
    yield vector_row("vcompress.vm", 0x17, MVV, "vd, vs2, vs1", T.V_PERMUTE, compress, vm=1)
    for count in (1, 2, 4, 8):
        whole = VectorForm("permute", "move_whole")
        yield vector_row(f"vmv{count}r.v", 0x27, IVI, "vd, vs2", T.V_MOVE, whole, vm=1, vs1=count - 1)


def _configuration() -> Iterator[Row]:
    flags = Flag.VSET
    yield Row("vsetvli", "rd, rs1, vtype11", 0x7057, 0x8000_707F, "V", T.VSET, flags)
    yield Row("vsetivli", "rd, avl, vtype10", 0xC000_7057, 0xC000_707F, "V", T.VSET, flags)
    yield Row("vsetvl", "rd, rs1, rs2", 0x8000_7057, 0xFE00_707F, "V", T.VSET, flags)


def vector_rows() -> Iterator[Row]:
    """All rows of this file."""
    yield from _configuration()
    yield from _integer()
    yield from _compare()
    yield from _carry_and_merge()
    yield from _multiply()
    yield from _multiply_add()
    yield from _reductions()
    yield from _masks()
    yield from _permutations()
