"""Rows of SpacemiT's integer matrix instructions (LLVM's XSMTVDot): products of small matrices of bytes, held in registers.

``smt.vmadot vd, vs1, vs2``: vs1 holds M rows of K bytes, vs2 N rows of K bytes, vd and the next register M rows of N sums
of 32 bits; ``vd[i, j] += sum_k vs1[i, k] * vs2[j, k]``. M = N, and with VLEN bits a register they are 4 x 8 x 4 (256) or
8 x 16 x 8 (1024). The slid forms read the rows of vs1 and the register behind it from row 1, 2 or 3 on.

Source: SpacemiT IME specification (github.com/spacemit-com/riscv-ime-extension-spec); encodings as in
LLVM 22 (llvm/test/MC/RISCV/xsmtvdot-valid.s).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.isa.code import Flag
from workbench.isa.row import Row, VectorForm
from workbench.isa.timing_class import TimingClass

EXTENSION = "Xsmtvdot"
_CUSTOM_1, _PLAIN, _SLID = 0x2B, 0x71 << 25, 0x73 << 25
_SIGNS = (("u", "uu"), ("us", "us"), ("su", "su"), ("", "ss"))  # in order of bits 12 and 13; of vs1 and vs2
_FUNCT7, _LOW, _ODD_VD = 0xFE00_0000, 0x307F, 1 << 7


def products_per_instruction(vlen_bytes: int) -> int:
    """Multiply-adds of two bytes that one instruction does: every row of one register with every row of the other."""
    return vlen_bytes * math.isqrt(vlen_bytes // 2)


def matrix_rows() -> Iterator[Row]:
    """All sixteen."""
    for code, (letters, signs) in enumerate(_SIGNS):
        swapped = signs[::-1]  # a form names vs2 first
        form = VectorForm("matrix", "slide0", "v", signs=swapped, reads_vd=True)
        match = _PLAIN | code << 12 | _CUSTOM_1
        yield _row(f"smt.vmadot{letters}", "vpd, vs1, vs2", match, _FUNCT7 | _LOW | 1 << 14 | _ODD_VD, form)
        for slide in (1, 2, 3):
            form = VectorForm("matrix", f"slide{slide}", "v", signs=swapped, reads_vd=True)
            match = _SLID | (slide - 1) << 14 | code << 12 | _CUSTOM_1
            mask = _FUNCT7 | _LOW | 3 << 14 | _ODD_VD
            yield _row(f"smt.vmadot{slide}{letters}", "vpd, vp1, vs2", match, mask, form)


def _row(name: str, syntax: str, match: int, mask: int, form: VectorForm) -> Row:
    flags = Flag.VECTOR | Flag.WIDENING
    return Row(name, syntax, match, mask, EXTENSION, TimingClass.V_MATRIX, flags, vector=form)
