"""Control and status registers of user mode: floating-point and vector state, counters.

Those of machine mode, which bare-metal programs use, end the slice as illegal and are `machine_mode`'s business.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapters "Zicsr", "Zicntr", "F" and "V".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.state import Status
from workbench.isa.table import op as _op

ILLEGAL_CSR = -1


@inner_kernel
def read_csr(number: int, machine: Any) -> Any:
    """Value of a control and status register; `ILLEGAL_CSR` in the second place if there is none."""
    m = machine
    if number == 0x001:
        return m.fflags, 0
    elif number == 0x002:
        return m.frm, 0
    elif number == 0x003:
        return m.frm << 5 | m.fflags, 0
    elif number == 0x008:
        return m.vstart, 0
    elif number == 0x009:
        return m.vxsat, 0
    elif number == 0x00A:
        return m.vxrm, 0
    elif number == 0x00F:
        return m.vxrm << 1 | m.vxsat, 0
    elif number == 0xC00 or number == 0xC01:
        return m.cycle_csr + m.instructions if m.cycle_csr == 0 else m.cycle_csr, 0
    elif number == 0xC02:
        return m.instructions, 0
    elif number == 0xC20:
        return m.vl, 0
    elif number == 0xC21:
        return m.vtype, 0
    elif number == 0xC22:
        return m.vlenb, 0
    return np.int64(0), ILLEGAL_CSR


@inner_kernel
def write_csr(number: int, value: Any, machine: Any) -> Any:
    """Write a control and status register; returns `ILLEGAL_CSR` if it cannot be written.

    vstart keeps as many bits as an element's number has.
    """
    if number == 0x001:
        machine.fflags = value & 31
    elif number == 0x002:
        machine.frm = value & 7
    elif number == 0x003:
        machine.fflags = value & 31
        machine.frm = value >> 5 & 7
    elif number == 0x008:
        machine.vstart = value & (machine.vlenb * 8 - 1)
    elif number == 0x009:
        machine.vxsat = value & 1
    elif number == 0x00A:
        machine.vxrm = value & 3
    elif number == 0x00F:
        machine.vxsat = value & 1
        machine.vxrm = value >> 1 & 3
    else:
        return ILLEGAL_CSR
    return 0


_CSRRW, _CSRRWI, _CSRRS, _CSRRSI, _CSRRC = (_op(name) for name in "csrrw csrrwi csrrs csrrsi csrrc".split())


@inner_kernel(is_rare=True)
def csr_instruction(op: int, imm: int, rs1: Any, value: Any, machine: Any) -> Any:
    """Execute a Zicsr instruction; returns (rd's value, status)."""
    number, zimm = imm & 0xFFF, imm >> 12
    old, status = read_csr(number, machine)
    if status != 0:
        return old, Status.ILLEGAL.value
    is_immediate = op > _CSRRC or op == _CSRRWI or op == _CSRRSI
    operand = zimm if is_immediate else value
    if op == _CSRRW or op == _CSRRWI:
        status = write_csr(number, operand, machine)
    elif (zimm if is_immediate else rs1) != 0:
        is_set = op == _CSRRS or op == _CSRRSI
        status = write_csr(number, old | operand if is_set else old & ~operand, machine)
    return old, Status.ILLEGAL.value if status != 0 else 0
