"""LLVM IR to an RV64GCV object file and to assembly, in process, with llvmlite's LLVM."""

from __future__ import annotations

import functools
from typing import Any

from workbench.compiler.object_file import instructions, text_of
from workbench.isa.table import op, row_of

_UNMASKED, _REGISTERS = 1 << 25, 31 << 20 | 31 << 15 | 31 << 7

FEATURES = "+m,+a,+f,+d,+c,+v,+zfh,+zvfh,-relax"
"""RV64GCV, with Zfh and Zvfh for what is in half precision; no linker relaxation, so that branches inside a function need no
relocation."""

MATRIX_STAND_INS = {"vwmaccsu.vv": "smt.vmadot", "vwmaccu.vv": "smt.vmadotus"}
"""Instructions that our code has no other use for, and the matrix instructions that replace them in machine code.

LLVM 22 assembles SpacemiT's matrix instructions but has no intrinsics for them, and llvmlite brings no assembler. The
stand-ins have the same operands and constraints: a pair of registers that is read and written, two other registers, bytes at
LMUL 1.
"""


@functools.cache
def _machine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple("riscv64-unknown-linux-gnu")
    return target.create_target_machine(
        cpu="generic-rv64", features=FEATURES, opt=2, reloc="static", codemodel="small", abiname="lp64d"
    )  # fmt: skip


def make_object(text: str) -> bytes:
    """Compile a module to a relocatable ELF file; only code generation runs, no IR passes."""
    import llvmlite.binding as llvm

    data = bytes(_machine().emit_object(llvm.parse_assembly(text)))
    is_used = any(name.removesuffix(".vv") in text for name in MATRIX_STAND_INS)
    return _replace_stand_ins(data) if is_used else data


def make_assembly(text: str) -> str:
    """Compile a module to assembly text."""
    import llvmlite.binding as llvm

    assembly = str(_machine().emit_assembly(llvm.parse_assembly(text)))
    for name, matrix in MATRIX_STAND_INS.items():
        assembly = assembly.replace(f"\t{name}\t", f"\t{matrix}\t")
    return assembly


def _replace_stand_ins(data: bytes) -> bytes:
    """The object file with matrix instructions in their places."""
    rows = [(row_of(op(name)), row_of(op(matrix))) for name, matrix in MATRIX_STAND_INS.items()]
    code, image = text_of(data), bytearray(data)
    for place, word in instructions(code.data):
        for row, matrix in rows:
            if word & (row.mask | _UNMASKED) == row.match | _UNMASKED:
                at = code.offset + place
                image[at : at + 4] = (word & _REGISTERS | matrix.match).to_bytes(4, "little")
    return bytes(image)
