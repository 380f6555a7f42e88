"""Rows of RV64I, M, A, Zicsr, Zifencei, Zba, Zbb, Zbs and Zicond.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), "RV32/64G Instruction Set Listings", chapters "B" and
"Zicond".
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.isa.code import Flag
from workbench.isa.row import Row
from workbench.isa.timing_class import TimingClass as T

_F3, _F7, _OP = 0x7000, 0xFE00_0000, 0x7F
_SHIFT_6 = 0xFC00_0000


def _rtype(names: str, opcode: int, funct7: int, extension: str, timing: T) -> Iterator[Row]:
    """Register-register rows; `names` lists mnemonic:funct3."""
    for item in names.split():
        name, funct3 = item.split(":")
        match = funct7 << 25 | int(funct3) << 12 | opcode
        yield Row(name, "rd, rs1, rs2", match, _F7 | _F3 | _OP, extension, timing)


def _itype(names: str, opcode: int, timing: T) -> Iterator[Row]:
    for item in names.split():
        name, funct3 = item.split(":")
        yield Row(name, "rd, rs1, i", int(funct3) << 12 | opcode, _F3 | _OP, "I", timing)


def _shift(name: str, opcode: int, funct3: int, top: int, extension: str, timing: T, bits: int) -> Row:
    """Shift by immediate; `top` is the word's bits above the amount."""
    mask = (_SHIFT_6 if bits == 6 else _F7) | _F3 | _OP
    return Row(name, f"rd, rs1, shamt{bits}", top | funct3 << 12 | opcode, mask, extension, timing)


def _unary(name: str, opcode: int, top12: int, funct3: int, timing: T) -> Row:
    return Row(name, "rd, rs1", top12 << 20 | funct3 << 12 | opcode, 0xFFF0_0000 | _F3 | _OP, "Zbb", timing)


def _memory() -> Iterator[Row]:
    for funct3, (name, size) in enumerate([("lb", 1), ("lh", 2), ("lw", 4), ("ld", 8), ("lbu", 1), ("lhu", 2), ("lwu", 4)]):
        yield Row(name, "rd, i(rs1)", funct3 << 12 | 0x03, _F3 | _OP, "I", T.LOAD, Flag.LOAD, size)
    for funct3, (name, size) in enumerate([("sb", 1), ("sh", 2), ("sw", 4), ("sd", 8)]):
        yield Row(name, "rs2, s(rs1)", funct3 << 12 | 0x23, _F3 | _OP, "I", T.STORE, Flag.STORE, size)


def _control() -> Iterator[Row]:
    for item in "beq:0 bne:1 blt:4 bge:5 bltu:6 bgeu:7".split():
        name, funct3 = item.split(":")
        yield Row(name, "rs1, rs2, b", int(funct3) << 12 | 0x63, _F3 | _OP, "I", T.BRANCH, Flag.BRANCH)
    yield Row("jal", "rd, j", 0x6F, _OP, "I", T.JUMP, Flag.JUMP)
    yield Row("jalr", "rd, i(rs1)", 0x67, _F3 | _OP, "I", T.JUMP_INDIRECT, Flag.INDIRECT)
    yield Row("lui", "rd, u", 0x37, _OP, "I", T.INT_ALU)
    yield Row("auipc", "rd, u", 0x17, _OP, "I", T.INT_ALU)


def _system() -> Iterator[Row]:
    whole = 0xFFFF_FFFF
    yield Row("fence", "", 0x0F, _F3 | _OP, "I", T.FENCE, Flag.SERIALIZE)
    yield Row("fence.i", "", 0x100F, _F3 | _OP, "Zifencei", T.FENCE, Flag.SERIALIZE)
    yield Row("ecall", "", 0x73, whole, "I", T.SYSTEM, Flag.SERIALIZE)
    yield Row("ebreak", "", 0x10_0073, whole, "I", T.SYSTEM, Flag.SERIALIZE)
    yield Row("mret", "", 0x3020_0073, whole, "I", T.SYSTEM, Flag.SERIALIZE)
    yield Row("wfi", "", 0x1050_0073, whole, "I", T.SYSTEM, Flag.SERIALIZE)
    for funct3, name in ((1, "csrrw"), (2, "csrrs"), (3, "csrrc")):
        common = ("Zicsr", T.CSR, Flag.SERIALIZE)
        yield Row(name, "rd, csr, rs1", funct3 << 12 | 0x73, _F3 | _OP, *common)
        yield Row(name + "i", "rd, csr, zimm", (funct3 + 4) << 12 | 0x73, _F3 | _OP, *common)


def _atomic() -> Iterator[Row]:
    mask = 0xF800_0000 | _F3 | _OP  # aq and rl may be anything: one hart
    for letter, funct3, size in (("w", 2, 4), ("d", 3, 8)):
        base = funct3 << 12 | 0x2F
        flags = Flag.ATOMIC | Flag.LOAD
        yield Row(f"lr.{letter}", "rd, (rs1)", 0x2 << 27 | base, mask | 0x1F0_0000, "A", T.ATOMIC, flags, size)
        for item in "sc:3 amoswap:1 amoadd:0 amoxor:4 amoand:12 amoor:8 amomin:16 amomax:20 amominu:24 amomaxu:28".split():
            name, funct5 = item.split(":")
            flags = Flag.ATOMIC | Flag.STORE | (Flag(0) if name == "sc" else Flag.LOAD)
            match = int(funct5) << 27 | base
            yield Row(f"{name}.{letter}", "rd, rs2, (rs1)", match, mask, "A", T.ATOMIC, flags, size)


def _bit_manipulation() -> Iterator[Row]:
    alu, bit = T.INT_ALU, T.BIT_OP
    yield from _rtype("sh1add:2 sh2add:4 sh3add:6", 0x33, 0x10, "Zba", alu)
    yield from _rtype("sh1add.uw:2 sh2add.uw:4 sh3add.uw:6", 0x3B, 0x10, "Zba", alu)
    yield from _rtype("add.uw:0", 0x3B, 0x04, "Zba", alu)
    yield _shift("slli.uw", 0x1B, 1, 0x0800_0000, "Zba", alu, 6)
    yield from _rtype("andn:7 orn:6 xnor:4", 0x33, 0x20, "Zbb", alu)
    yield from _rtype("min:4 minu:5 max:6 maxu:7", 0x33, 0x05, "Zbb", alu)
    yield from _rtype("rol:1 ror:5", 0x33, 0x30, "Zbb", alu)
    yield from _rtype("rolw:1 rorw:5", 0x3B, 0x30, "Zbb", alu)
    yield _shift("rori", 0x13, 5, 0x6000_0000, "Zbb", alu, 6)
    yield _shift("roriw", 0x1B, 5, 0x6000_0000, "Zbb", alu, 5)
    for top12, name in ((0x600, "clz"), (0x601, "ctz"), (0x602, "cpop")):
        yield _unary(name, 0x13, top12, 1, bit)
        yield _unary(name + "w", 0x1B, top12, 1, bit)
    yield _unary("sext.b", 0x13, 0x604, 1, alu)
    yield _unary("sext.h", 0x13, 0x605, 1, alu)
    yield _unary("zext.h", 0x3B, 0x080, 4, alu)
    yield _unary("orc.b", 0x13, 0x287, 5, alu)
    yield _unary("rev8", 0x13, 0x6B8, 5, alu)
    for top, names in ((0x24, "bclr:1 bext:5"), (0x34, "binv:1"), (0x14, "bset:1")):
        yield from _rtype(names, 0x33, top, "Zbs", alu)
        for item in names.split():
            name, funct3 = item.split(":")
            yield _shift(name + "i", 0x13, int(funct3), top << 25, "Zbs", alu, 6)
    yield from _rtype("czero.eqz:5 czero.nez:7", 0x33, 0x07, "Zicond", alu)


def integer_rows() -> Iterator[Row]:
    """All rows of this file."""
    alu = T.INT_ALU
    yield from _itype("addi:0 slti:2 sltiu:3 xori:4 ori:6 andi:7", 0x13, alu)
    yield from _itype("addiw:0", 0x1B, alu)
    for name, funct3, top in (("slli", 1, 0), ("srli", 5, 0), ("srai", 5, 0x4000_0000)):
        yield _shift(name, 0x13, funct3, top, "I", alu, 6)
        yield _shift(name + "w", 0x1B, funct3, top, "I", alu, 5)
    yield from _rtype("add:0 sll:1 slt:2 sltu:3 xor:4 srl:5 or:6 and:7", 0x33, 0, "I", alu)
    yield from _rtype("sub:0 sra:5", 0x33, 0x20, "I", alu)
    yield from _rtype("addw:0 sllw:1 srlw:5", 0x3B, 0, "I", alu)
    yield from _rtype("subw:0 sraw:5", 0x3B, 0x20, "I", alu)
    yield from _memory()
    yield from _control()
    yield from _rtype("mul:0 mulh:1 mulhsu:2 mulhu:3", 0x33, 1, "M", T.INT_MUL)
    yield from _rtype("mulw:0", 0x3B, 1, "M", T.INT_MUL)
    yield from _rtype("div:4 divu:5 rem:6 remu:7", 0x33, 1, "M", T.INT_DIV)
    yield from _rtype("divw:4 divuw:5 remw:6 remuw:7", 0x3B, 1, "M", T.INT_DIV)
    yield from _system()
    yield from _atomic()
    yield from _bit_manipulation()
