"""The interpreter: executes predecoded instructions functionally and, if asked, times each with the timing engine.

One flat chain of comparisons on the instruction's number, which LLVM turns into a jump table. Memory is one flat buffer;
an access outside of it, and a store below its first writable segment, end the slice with a fault. Above that there is no
page protection. Misaligned accesses work, but for atomic ones. A fence.i ends the slice, so that code that was rewritten
is decoded again.

Source: The RISC-V Instruction Set Manual, Volume I (20240411).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import kernel
from workbench.base.jit_units import unit_call
from workbench.core.interpreter.csr import csr_instruction
from workbench.core.interpreter.integer import (
    atomic,
    bit_manipulation,
    divide,
    divide_unsigned,
    multiply_high_mixed,
    remainder,
    remainder_unsigned,
    shift_right_logical,
    unsigned_less,
)
from workbench.core.interpreter.primitives import foretold, load, multiply_high_signed, multiply_high_unsigned, store
from workbench.core.interpreter.record import record_instruction, record_visit
from workbench.core.interpreter.state import BOX, MACHINE_DTYPE, RECORDS, TIMES, Status
from workbench.core.timing.engine import step
from workbench.core.timing.state import TIMING_DTYPE
from workbench.core.vector.forms import FORM_DTYPE
from workbench.core.vector.vtype import set_vector_type
from workbench.isa.code import INSTRUCTION_DTYPE, Flag
from workbench.isa.table import FIRST_VECTOR as _FIRST_VECTOR
from workbench.isa.table import op as _op

_I8, _I16, _I32, _I64 = np.int8(0), np.int16(0), np.int32(0), np.int64(0)
_U8, _U16, _U32 = np.uint8(0), np.uint16(0), np.uint32(0)
_ADDI, _SLTI, _SLTIU, _XORI, _ORI, _ANDI, _ADDIW = (_op(n) for n in "addi slti sltiu xori ori andi addiw".split())
_SLLI, _SLLIW, _SRLI, _SRLIW, _SRAI, _SRAIW = (_op(n) for n in "slli slliw srli srliw srai sraiw".split())
_ADD, _SLL, _SLT, _SLTU, _XOR, _SRL, _OR, _AND = (_op(n) for n in "add sll slt sltu xor srl or and".split())
_SUB, _SRA, _ADDW, _SLLW, _SRLW, _SUBW, _SRAW = (_op(n) for n in "sub sra addw sllw srlw subw sraw".split())
_LB, _LH, _LW, _LD, _LBU, _LHU, _LWU = (_op(n) for n in "lb lh lw ld lbu lhu lwu".split())
_SB, _SH, _SW, _SD = (_op(n) for n in "sb sh sw sd".split())
_BEQ, _BNE, _BLT, _BGE, _BLTU, _BGEU = (_op(n) for n in "beq bne blt bge bltu bgeu".split())
_JAL, _JALR, _LUI, _AUIPC = (_op(n) for n in "jal jalr lui auipc".split())
_MUL, _MULH, _MULHSU, _MULHU, _MULW = (_op(n) for n in "mul mulh mulhsu mulhu mulw".split())
_DIV, _DIVU, _REM, _REMU = (_op(n) for n in "div divu rem remu".split())
_DIVW, _DIVUW, _REMW, _REMUW = (_op(n) for n in "divw divuw remw remuw".split())
_FENCE, _FENCE_I, _ECALL, _EBREAK = (_op(n) for n in "fence fence.i ecall ebreak".split())
_FLW, _FSW, _FLD, _FSD, _FLH, _FSH = (_op(n) for n in "flw fsw fld fsd flh fsh".split())
_FIRST_CSR, _FIRST_ATOMIC, _LAST_ATOMIC = _op("csrrw"), _op("lr.w"), _op("amomaxu.d")
_LR_W, _LR_D = _op("lr.w"), _op("lr.d")
_FIRST_BIT, _FIRST_FLOAT = _op("sh1add"), _op("flw")
_VSETVLI, _VSETIVLI, _VSETVL = _op("vsetvli"), _op("vsetivli"), _op("vsetvl")
_VECTOR_FLAG = int(Flag.VECTOR)
_SLICE_DONE, _ECALL_STATUS, _BREAKPOINT, _ILLEGAL = (
    int(s) for s in (Status.SLICE_DONE, Status.ECALL, Status.BREAKPOINT, Status.ILLEGAL)
)
_FETCH_FAULT, _LOAD_FAULT, _STORE_FAULT, _TOHOST, _CODE_CHANGED, _MISALIGNED = (
    int(s)
    for s in (
        Status.FETCH_FAULT, Status.LOAD_FAULT, Status.STORE_FAULT, Status.TOHOST, Status.CODE_CHANGED, Status.MISALIGNED,
    )
)  # fmt: skip
_NEEDS_FLOAT, _NEEDS_VECTOR = int(Status.NEEDS_FLOAT), int(Status.NEEDS_VECTOR)
_scalar_float = unit_call(int, int, int, int, int, MACHINE_DTYPE)
_execute_vector = unit_call(INSTRUCTION_DTYPE, FORM_DTYPE, MACHINE_DTYPE)
_step_vector = unit_call(TIMING_DTYPE, INSTRUCTION_DTYPE, int, int, int, int, int, int, int, int, int)


@kernel
def run_slice(
    code: Any,
    forms: Any,
    registers: Any,
    region_instructions: Any,
    machine: Any,
    timing: Any,
    actions: int | None,
    limit: int,
) -> Any:
    """Execute up to `limit` instructions; returns the `Status` that ended the slice. An ecall counts as executed.

    `registers` holds x0..x31 and f0..f31 (bits); `forms` are `vector_forms()`; the vector registers lie at ``m.vector``.
    `actions` is `TIMES` + `RECORDS`, or None to execute only: Numba compiles another kernel for that, without what stands
    under ``actions is not None``. What only some programs need is called by its address in `machine`; a slice ends before
    the first instruction that needs an address that is not there.
    """
    r, m, s = registers, machine[0], timing[0]
    pc, base, count = m.pc, m.code_base, np.uint64(len(code))
    memory_base, size = m.memory_base, np.uint64(m.memory_size)
    store_base, store_size = m.store_base, np.uint64(m.memory_size - (m.store_base - m.memory_base))
    pointer = m.memory_pointer - memory_base
    tohost = m.tohost
    started = m.instructions
    region, region_start = m.region, m.region_start
    left = limit
    status = _SLICE_DONE
    while left > 0:
        i = (pc - base) >> 1
        if np.uint64(i) >= count:
            status = _FETCH_FAULT
            break
        c = code[np.uint64(i)]
        op = c.op
        rd, rs1, rs2 = np.uint64(c.rd), np.uint64(c.rs1), np.uint64(c.rs2)
        imm = c.imm
        if actions is not None:
            next_pc = pc + c.length
        elif c.length == 4:  # two branches: the next instruction does not wait for this one's length
            next_pc = pc + 4
        else:
            next_pc = foretold(pc + 2)
        address = np.int64(0)
        if op == _ADDI:
            r[rd] = r[rs1] + imm
        elif op == _ADD:
            r[rd] = r[rs1] + r[rs2]
        elif op == _LD:
            address = r[rs1] + imm
            if np.uint64(address - memory_base) >= size:
                status = _LOAD_FAULT
                break
            r[rd] = load(pointer + address, _I64)
        elif op == _LW:
            address = r[rs1] + imm
            if np.uint64(address - memory_base) >= size:
                status = _LOAD_FAULT
                break
            r[rd] = np.int64(load(pointer + address, _I32))
        elif op == _SD:
            address = r[rs1] + imm
            if np.uint64(address - store_base) >= store_size:
                status = _STORE_FAULT
                break
            store(pointer + address, r[rs2])
            if address == tohost:
                status = _TOHOST
        elif op == _SW:
            address = r[rs1] + imm
            if np.uint64(address - store_base) >= store_size:
                status = _STORE_FAULT
                break
            store(pointer + address, np.int32(r[rs2]))
            if address == tohost:
                status = _TOHOST
        elif op == _BEQ:
            if r[rs1] == r[rs2]:
                next_pc = foretold(pc + imm)
        elif op == _BNE:
            if r[rs1] != r[rs2]:
                next_pc = foretold(pc + imm)
        elif op == _BLT:
            if r[rs1] < r[rs2]:
                next_pc = foretold(pc + imm)
        elif op == _BGE:
            if r[rs1] >= r[rs2]:
                next_pc = foretold(pc + imm)
        elif op == _BLTU:
            if unsigned_less(r[rs1], r[rs2]):
                next_pc = foretold(pc + imm)
        elif op == _BGEU:
            if not unsigned_less(r[rs1], r[rs2]):
                next_pc = foretold(pc + imm)
        elif op == _JAL:
            r[rd] = next_pc
            next_pc = pc + imm
        elif op == _JALR:
            target = (r[rs1] + imm) & ~1
            r[rd] = next_pc
            next_pc = target
        elif op == _SLTI:
            r[rd] = np.int64(r[rs1] < imm)
        elif op == _SLTIU:
            r[rd] = np.int64(unsigned_less(r[rs1], imm))
        elif op == _XORI:
            r[rd] = r[rs1] ^ imm
        elif op == _ORI:
            r[rd] = r[rs1] | imm
        elif op == _ANDI:
            r[rd] = r[rs1] & imm
        elif op == _ADDIW:
            r[rd] = np.int64(np.int32(r[rs1] + imm))
        elif op == _SLLI:
            r[rd] = r[rs1] << imm
        elif op == _SLLIW:
            r[rd] = np.int64(np.int32(r[rs1] << imm))
        elif op == _SRLI:
            r[rd] = shift_right_logical(r[rs1], imm)
        elif op == _SRLIW:
            r[rd] = np.int64(np.int32((r[rs1] & 0xFFFFFFFF) >> imm))
        elif op == _SRAI:
            r[rd] = r[rs1] >> imm
        elif op == _SRAIW:
            r[rd] = np.int64(np.int32(r[rs1])) >> imm
        elif op == _SLL:
            r[rd] = r[rs1] << (r[rs2] & 63)
        elif op == _SLT:
            r[rd] = np.int64(r[rs1] < r[rs2])
        elif op == _SLTU:
            r[rd] = np.int64(unsigned_less(r[rs1], r[rs2]))
        elif op == _XOR:
            r[rd] = r[rs1] ^ r[rs2]
        elif op == _SRL:
            r[rd] = shift_right_logical(r[rs1], r[rs2] & 63)
        elif op == _OR:
            r[rd] = r[rs1] | r[rs2]
        elif op == _AND:
            r[rd] = r[rs1] & r[rs2]
        elif op == _SUB:
            r[rd] = r[rs1] - r[rs2]
        elif op == _SRA:
            r[rd] = r[rs1] >> (r[rs2] & 63)
        elif op == _ADDW:
            r[rd] = np.int64(np.int32(r[rs1] + r[rs2]))
        elif op == _SLLW:
            r[rd] = np.int64(np.int32(r[rs1] << (r[rs2] & 31)))
        elif op == _SRLW:
            r[rd] = np.int64(np.int32((r[rs1] & 0xFFFFFFFF) >> (r[rs2] & 31)))
        elif op == _SUBW:
            r[rd] = np.int64(np.int32(r[rs1] - r[rs2]))
        elif op == _SRAW:
            r[rd] = np.int64(np.int32(r[rs1])) >> (r[rs2] & 31)
        elif op == _LUI:
            r[rd] = imm
        elif op == _AUIPC:
            r[rd] = pc + imm
        elif op == _LB or op == _LBU or op == _LH or op == _LHU or op == _LWU:
            address = r[rs1] + imm
            if np.uint64(address - memory_base) >= size:
                status = _LOAD_FAULT
                break
            if op == _LBU:
                r[rd] = np.int64(load(pointer + address, _U8))
            elif op == _LB:
                r[rd] = np.int64(load(pointer + address, _I8))
            elif op == _LHU:
                r[rd] = np.int64(load(pointer + address, _U16))
            elif op == _LH:
                r[rd] = np.int64(load(pointer + address, _I16))
            else:
                r[rd] = np.int64(load(pointer + address, _U32))
        elif op == _SB or op == _SH:
            address = r[rs1] + imm
            if np.uint64(address - store_base) >= store_size:
                status = _STORE_FAULT
                break
            if op == _SB:
                store(pointer + address, np.int8(r[rs2]))
            else:
                store(pointer + address, np.int16(r[rs2]))
        elif op == _MUL:
            r[rd] = r[rs1] * r[rs2]
        elif op == _MULW:
            r[rd] = np.int64(np.int32(r[rs1] * r[rs2]))
        elif op == _MULH:
            r[rd] = multiply_high_signed(r[rs1], r[rs2])
        elif op == _MULHU:
            r[rd] = multiply_high_unsigned(r[rs1], r[rs2])
        elif op == _MULHSU:
            r[rd] = multiply_high_mixed(r[rs1], r[rs2])
        elif op == _DIV:
            r[rd] = divide(r[rs1], r[rs2])
        elif op == _DIVU:
            r[rd] = divide_unsigned(r[rs1], r[rs2])
        elif op == _REM:
            r[rd] = remainder(r[rs1], r[rs2])
        elif op == _REMU:
            r[rd] = remainder_unsigned(r[rs1], r[rs2])
        elif op == _DIVW:
            r[rd] = np.int64(np.int32(divide(np.int64(np.int32(r[rs1])), np.int64(np.int32(r[rs2])))))
        elif op == _DIVUW:
            r[rd] = np.int64(np.int32(divide_unsigned(r[rs1] & 0xFFFFFFFF, r[rs2] & 0xFFFFFFFF)))
        elif op == _REMW:
            r[rd] = np.int64(np.int32(remainder(np.int64(np.int32(r[rs1])), np.int64(np.int32(r[rs2])))))
        elif op == _REMUW:
            r[rd] = np.int64(np.int32(remainder_unsigned(r[rs1] & 0xFFFFFFFF, r[rs2] & 0xFFFFFFFF)))
        elif op == _FLW or op == _FLD or op == _FLH:
            address = r[rs1] + imm
            if np.uint64(address - memory_base) >= size:
                status = _LOAD_FAULT
                break
            if op == _FLW:
                r[rd] = np.int64(load(pointer + address, _U32)) | BOX
            elif op == _FLH:
                r[rd] = np.int64(load(pointer + address, _U16)) | -(1 << 16)
            else:
                r[rd] = load(pointer + address, _I64)
        elif op == _FSW or op == _FSD or op == _FSH:
            address = r[rs1] + imm
            if np.uint64(address - store_base) >= store_size:
                status = _STORE_FAULT
                break
            if op == _FSW:
                store(pointer + address, np.int32(r[rs2]))
            elif op == _FSH:
                store(pointer + address, np.int16(r[rs2]))
            else:
                store(pointer + address, r[rs2])
        elif op >= _FIRST_VECTOR:
            if m.execute_vector == 0:
                status = _NEEDS_VECTOR
                break
            if actions is not None:
                if actions & TIMES and m.step_vector == 0:
                    status = _NEEDS_VECTOR
                    break
            outcome = _execute_vector(m.execute_vector, (c, forms[op], m))
            if outcome != 0:
                status = outcome
                break
        elif op == _VSETVLI or op == _VSETIVLI or op == _VSETVL:
            m.vstart = 0
            if op == _VSETIVLI:
                r[rd] = set_vector_type(m, imm & 0x3FF, imm >> 12, np.int64(0))
            else:
                wanted = imm if op == _VSETVLI else r[rs2]
                keep = np.int64(2 if rs1 == 0 and rd == 0 else 1 if rs1 == 0 else 0)
                r[rd] = set_vector_type(m, wanted, r[rs1], keep)
        elif op >= _FIRST_FLOAT:
            if m.scalar_float == 0:
                status = _NEEDS_FLOAT
                break
            rounding = imm if imm != 7 else m.frm
            if rounding > 4:
                status = _ILLEGAL
                break
            third = r[np.uint64(c.rs3)] if c.rs3 >= 0 else np.int64(0)
            second = r[rs2] if c.rs2 >= 0 else np.int64(0)
            r[rd] = _scalar_float(m.scalar_float, (op, r[rs1], second, third, rounding, m))
        elif op >= _FIRST_BIT:
            r[rd] = bit_manipulation(op, r[rs1], r[rs2] if c.rs2 >= 0 else np.int64(0), imm)
        elif op >= _FIRST_ATOMIC:
            address = r[rs1]
            reads_only = op == _LR_W or op == _LR_D
            if np.uint64(address - memory_base) >= size or (not reads_only and address < store_base):
                status = _LOAD_FAULT if reads_only else _STORE_FAULT
                break
            if address & (c.mem_bytes - 1):
                status = _MISALIGNED
                break
            r[rd] = atomic(op, address, r[rs2] if c.rs2 >= 0 else np.int64(0), m)
        elif op >= _FIRST_CSR:
            m.instructions = started + limit - left
            if actions is not None:
                if actions & TIMES:
                    m.cycle_csr = max(s.last_commit, 1)
            value, outcome = csr_instruction(op, imm, c.rs1, r[rs1] if c.rs1 >= 0 else np.int64(0), m)
            if outcome != 0:
                status = outcome
                break
            r[rd] = value
        elif op == _ECALL:
            status = _ECALL_STATUS
        elif op == _EBREAK:
            status = _BREAKPOINT
            break
        elif op == _FENCE_I:
            status = _CODE_CHANGED
        elif op != _FENCE:
            status = _ILLEGAL
            break
        r[0] = 0
        if c.region != region:
            if m.visits_left > 0:
                record_visit(m, c.region, started + limit - left, s.last_commit, pc)
            region_instructions[region] += started + limit - left - region_start
            region, region_start = np.int64(c.region), started + limit - left
        if actions is not None:
            if actions >= RECORDS and record_instruction(m, c.flags, i, address):
                limit, left = limit - left + 1, 1  # this one is the last
            if actions != RECORDS:
                if c.flags & _VECTOR_FLAG:
                    _step_vector(
                        m.step_vector,
                        (s, c, i, pc, next_pc, m.address, m.stride, m.vl, m.sew_log2, m.lmul_log2, m.addresses),
                    )
                else:
                    step(s, c, i, pc, next_pc, address)
                if s.last_commit >= s.slice_end:
                    limit, left = limit - left + 1, 1
        left -= 1
        m.previous_pc = pc
        pc = next_pc
        if status != _SLICE_DONE:
            break
    if status == _LOAD_FAULT or status == _STORE_FAULT or status == _MISALIGNED:
        if address != 0 or c.flags & _VECTOR_FLAG == 0:
            m.fault_address = address
    m.pc = pc
    m.instructions = started + limit - left
    m.region, m.region_start = region, region_start
    return status
