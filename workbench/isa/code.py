"""The predecoded form of a program: one record per 2-byte parcel, shared by the interpreter and the timing model."""

from __future__ import annotations

from enum import IntFlag

import numpy as np

X0, F0, V0, NO_REGISTER = 0, 32, 64, -1  # unified register numbers: x0..x31, f0..f31, v0..v31, none


class Flag(IntFlag):
    """Properties of an instruction that do not depend on run-time state."""

    LOAD = 1
    STORE = 2
    BRANCH = 4  # conditional
    JUMP = 8  # jal
    INDIRECT = 16  # jalr
    CALL = 32
    RETURN = 64
    VECTOR = 128
    VSET = 256
    SERIALIZE = 512  # fence, csr, ecall
    MASKED = 1024  # reads v0 as a mask
    ATOMIC = 2048
    WRITES_MASK = 4096  # compare into a mask register
    READS_SCALAR = 8192  # .vx and .vf forms
    REDUCTION = 16384
    WIDENING = 32768
    STRIDED = 65536
    INDEXED = 131072
    MOVE = 262144  # copies an integer register


INSTRUCTION_DTYPE = np.dtype(
    [
        ("imm", np.int64),  # immediate, sign-extended; also csr number, vtype, rounding mode (zimm and avl at bit 12)
        ("op", np.int16),  # semantic number: row of the instruction table + 1 (0 = illegal)
        ("timing", np.int16),  # TimingClass
        ("rd", np.int16),  # unified register numbers; vector: rd = vd, rs2 = vs2
        ("rs1", np.int16),
        ("rs2", np.int16),
        ("rs3", np.int16),  # fma addend; vd where it is also a source (vfmacc, store data)
        ("flags", np.int32),  # Flag bits
        ("region", np.int32),  # number of the function symbol that holds it, 0 = none
        ("raw", np.uint32),  # the instruction word (16-bit forms expanded)
        ("mem_bytes", np.int16),  # scalar access size, or bytes of the encoded element width of vector accesses
        ("length", np.int8),  # 2 or 4
        ("fields", np.int8),  # vector segments - 1 of segment accesses
        ("fusion", np.int16),  # group bit of the pair that it may form with the next instruction (`isa.fusion`), 0 = none
    ],
    align=True,
)
