"""Scalar instructions against Python's integers, fractions and NumPy's floats."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from workbench.isa.encode import REGISTERS

MASK = (1 << 64) - 1
INTERESTING = [0, 1, 2, 7, 63, 64, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 62, 1 << 63, MASK, MASK - 1, 0x123456789ABCDEF0]


def signed(value: int, bits: int = 64) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return -quotient if (a < 0) != (b < 0) else quotient


def divided(a: int, b: int) -> int:
    return -1 if b == 0 else truncated(a, b)


def rest(a: int, b: int) -> int:
    return a if b == 0 else a - b * truncated(a, b)


def word(value: int) -> int:
    return signed(value, 32)


EXPECTED = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "sll": lambda a, b: a << (b & 63),
    "slt": lambda a, b: signed(a) < signed(b),
    "sltu": lambda a, b: a < b,
    "xor": lambda a, b: a ^ b,
    "srl": lambda a, b: a >> (b & 63),
    "sra": lambda a, b: signed(a) >> (b & 63),
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "addw": lambda a, b: word(a + b),
    "subw": lambda a, b: word(a - b),
    "sllw": lambda a, b: word(a << (b & 31)),
    "srlw": lambda a, b: word((a & 0xFFFFFFFF) >> (b & 31)),
    "sraw": lambda a, b: word(a) >> (b & 31),
    "mul": lambda a, b: a * b,
    "mulh": lambda a, b: signed(a) * signed(b) >> 64,
    "mulhsu": lambda a, b: signed(a) * b >> 64,
    "mulhu": lambda a, b: a * b >> 64,
    "mulw": lambda a, b: word(a * b),
    "div": lambda a, b: divided(signed(a), signed(b)),
    "divu": lambda a, b: divided(a, b),
    "rem": lambda a, b: rest(signed(a), signed(b)),
    "remu": lambda a, b: rest(a, b),
    "divw": lambda a, b: word(divided(word(a), word(b))),
    "divuw": lambda a, b: word(divided(a & 0xFFFFFFFF, b & 0xFFFFFFFF)),
    "remw": lambda a, b: word(rest(word(a), word(b))),
    "remuw": lambda a, b: word(rest(a & 0xFFFFFFFF, b & 0xFFFFFFFF)),
    "sh2add": lambda a, b: (a << 2) + b,
    "sh3add.uw": lambda a, b: ((a & 0xFFFFFFFF) << 3) + b,
    "andn": lambda a, b: a & ~b,
    "max": lambda a, b: max(signed(a), signed(b)),
    "minu": lambda a, b: min(a, b),
    "rol": lambda a, b: a << (b & 63) | a >> (-b & 63) if b & 63 else a,
    "czero.eqz": lambda a, b: 0 if b == 0 else a,
    "czero.nez": lambda a, b: 0 if b != 0 else a,
    "bext": lambda a, b: a >> (b & 63) & 1,
}


def test_register_operations_equal_python_integers(execute):
    pairs = [(a, b) for a in INTERESTING for b in INTERESTING]
    for a, b in pairs[::5]:
        lines = []
        names = list(EXPECTED)
        for place, name in enumerate(names):
            lines += [(name, "t0", "a1", "a2"), ("sd", "t0", 8 * place, "s0")]
        machine = execute(lines, {"a1": a, "a2": b})
        memory = machine.memory.read(0x100000, 8 * len(names))
        got = np.frombuffer(memory, "<u8")
        for name, value in zip(names, got, strict=True):
            assert int(value) == int(EXPECTED[name](a, b)) & MASK, f"{name} {a:#x} {b:#x}"


def test_counting_zeros_of_words_ignores_the_upper_half(execute):
    lines = [("clzw", "t0", "a1"), ("ctzw", "t1", "a1"), ("cpopw", "t2", "a1"), ("ctz", "t3", "a1")]
    machine = execute(lines, {"a1": 0x7F << 40})
    assert [int(machine.registers[REGISTERS[name]]) for name in ("t0", "t1", "t2", "t3")] == [32, 32, 0, 40]


def test_x0_stays_zero(execute):
    machine = execute([("addi", 0, 0, 5), ("ld", 0, 0, "s0"), ("add", "t0", 0, 0)], data=b"\xff" * 4096)
    assert machine.registers[REGISTERS["t0"]] == 0


@pytest.mark.parametrize(
    "name,size,is_signed",
    [
        ("lb", 1, True),
        ("lh", 2, True),
        ("lw", 4, True),
        ("ld", 8, True),
        ("lbu", 1, False),
        ("lhu", 2, False),
        ("lwu", 4, False),
    ],
)
def test_loads_extend_and_may_be_misaligned(execute, name, size, is_signed):
    data = bytes(range(0xF0, 0x100)) + bytes(4080)
    machine = execute([(name, "a1", 3, "s0")], data=data)
    expected = int.from_bytes(data[3 : 3 + size], "little", signed=is_signed)
    assert int(machine.registers[REGISTERS["a1"]]) == signed(expected)


def test_a_loop_with_branches_computes_a_sum(execute):
    machine = execute([("addi", "a1", 0, 100), ("add", "a2", "a2", "a1"), ("addi", "a1", "a1", -1), ("bne", "a1", 0, -8)])
    assert machine.registers[REGISTERS["a2"]] == 5050
    assert machine.instructions == 1 + 300 + 2


def test_jal_and_jalr_link_and_clear_the_lowest_bit(execute):
    machine = execute(
        [("jal", "ra", 8), ("ebreak",), ("addi", "t1", "ra", 13), ("jalr", "t2", 0, "t1"), ("addi", "a5", 0, 1)]
    )
    assert int(machine.registers[REGISTERS["ra"]]) == 0x10004
    assert int(machine.registers[REGISTERS["t2"]]) == 0x10010


def floats(execute, lines, values, count):
    """Run on float64 inputs in f1..., return the 64-bit patterns of f10...f10+count."""
    loads = [("fld", f"f{1 + n}", 8 * n, "s0") for n in range(len(values))]
    stores = [("fsd", f"f{10 + n}", 1024 + 8 * n, "s0") for n in range(count)]
    data = np.zeros(512, "<f8")
    data[: len(values)] = values
    machine = execute([*loads, *lines, *stores], data=data.tobytes())
    return np.frombuffer(machine.memory.read(0x100000 + 1024, 8 * count), "<f8"), machine


def test_double_arithmetic_is_rounded_once(execute):
    a, b, c = 1.0 + 2.0**-30, 1.0 - 2.0**-30, -1.0
    lines = [
        ("fadd.d", "f10", "f1", "f2"),
        ("fmul.d", "f11", "f1", "f2"),
        ("fmadd.d", "f12", "f1", "f2", "f3"),
        ("fdiv.d", "f13", "f1", "f2"),
        ("fsqrt.d", "f14", "f1"),
        ("fnmsub.d", "f15", "f1", "f2", "f3"),
    ]
    got, _ = floats(execute, lines, [a, b, c], 6)
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    assert got[2] == float(exact) != a * b + c
    assert list(got[[0, 1, 3, 4]]) == [a + b, a * b, a / b, math.sqrt(a)]
    assert got[5] == float(-Fraction(a) * Fraction(b) + Fraction(c))


def test_single_results_are_boxed_and_unboxed_inputs_are_nan(execute):
    lines = [("fcvt.s.d", "f10", "f1"), ("fadd.s", "f11", "f10", "f10"), ("fadd.s", "f12", "f1", "f10")]
    got, machine = floats(execute, lines, [1.5], 3)
    patterns = got.view(np.uint64)
    assert patterns[1] == 0xFFFFFFFF40400000
    assert patterns[2] == 0xFFFFFFFF7FC00000  # f1 holds a double, so as a single it is the canonical NaN
    assert machine.linux.exit_code is not None


@pytest.mark.parametrize(
    "mode,expected", [(0, [2, -2, 2, 3]), (1, [1, -1, 2, 2]), (2, [1, -2, 2, 2]), (3, [2, -1, 3, 3]), (4, [2, -2, 3, 3])]
)
def test_conversions_to_integers_follow_the_rounding_mode(execute, mode, expected):
    lines = []
    for n in range(4):
        lines += [("fcvt.l.d", "t0", f"f{n + 1}", mode), ("sd", "t0", 1536 + 8 * n, "s0")]
    _, machine = floats(execute, lines, [1.5, -1.5, 2.5, 2.75], 0)
    assert list(np.frombuffer(machine.memory.read(0x100000 + 1536, 32), "<i8")) == expected


def test_conversions_saturate_and_raise_invalid(execute):
    values = [1e30, -1e30, math.nan, -1.0]
    lines = []
    for n, name in enumerate(["fcvt.w.d", "fcvt.w.d", "fcvt.wu.d", "fcvt.lu.d"]):
        lines += [(name, "t0", f"f{n + 1}", 1), ("sd", "t0", 1536 + 8 * n, "s0")]
    _, machine = floats(execute, [*lines, ("csrrs", "t1", 1, 0)], values, 0)
    got = np.frombuffer(machine.memory.read(0x100000 + 1536, 32), "<i8")
    assert list(got) == [0x7FFFFFFF, -0x80000000, -1, 0]
    assert machine.registers[REGISTERS["t1"]] & 16


def test_division_by_zero_and_invalid_flags(execute):
    lines = [("fdiv.d", "f10", "f1", "f2"), ("csrrw", "t0", 1, 0), ("fsqrt.d", "f11", "f3"), ("csrrw", "t1", 1, 0)]
    got, machine = floats(execute, lines, [1.0, 0.0, -4.0], 2)
    assert got[0] == math.inf and got.view(np.uint64)[1] == 0x7FF8000000000000
    assert [int(machine.registers[REGISTERS[r]]) for r in ("t0", "t1")] == [8, 16]


def test_minimum_prefers_numbers_and_orders_zeros(execute):
    lines = [("fmin.d", "f10", "f1", "f2"), ("fmax.d", "f11", "f3", "f4"), ("fmin.d", "f12", "f3", "f4")]
    got, _ = floats(execute, lines, [math.nan, 3.0, -0.0, 0.0], 3)
    assert got[0] == 3.0 and not np.signbit(got[1]) and np.signbit(got[2])


def test_atomics_return_the_old_value(execute):
    lines = [
        ("amoadd.w", "a1", "a2", "s0"),
        ("amomaxu.d", "a3", "a4", "s0"),
        ("lr.d", "t0", "s0"),
        ("sc.d", "t1", "a2", "s0"),
        ("sc.d", "t2", "a2", "s0"),
    ]
    machine = execute(lines, {"a2": 5, "a4": MASK}, data=(0x7FFFFFFE).to_bytes(8, "little") + bytes(64))
    values = {name: int(machine.registers[REGISTERS[name]]) for name in ("a1", "a3", "t0", "t1", "t2")}
    assert values == {"a1": 0x7FFFFFFE, "a3": 0x80000003, "t0": -1, "t1": 0, "t2": 1}
    assert machine.memory.read(0x100000, 8) == (5).to_bytes(8, "little")
