"""Half precision (Zfh, Zvfh) against NumPy's float16, which rounds once to nearest even."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.isa.encode import REGISTERS, vtype

DATA = 0x100000


def halves(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(count) * 2.0 ** rng.integers(-5, 4, count)).astype("<f2")


def array(machine, offset, count, kind):
    return np.frombuffer(machine.memory.read(DATA + offset, np.dtype(kind).itemsize * count), kind)


@pytest.mark.parametrize("vlen", [128, 65536])
@pytest.mark.parametrize(
    "name,operation",
    [
        ("vfadd.vv", lambda a, b: a + b),
        ("vfmul.vv", lambda a, b: a * b),
        ("vfdiv.vv", lambda a, b: a / b),
        ("vfmax.vv", np.maximum),
        ("vfsgnjn.vv", lambda a, b: np.copysign(a, -b)),
    ],
)
def test_arithmetic_on_groups_of_halves(execute, vlen, name, operation):
    count = vlen * 2 // 16
    a, b = halves(count, 1), halves(count, 2)
    lines = [
        ("vsetvli", "t0", 0, vtype(16, 2)),
        ("slli", "t1", "t0", 1),
        ("add", "t2", "s0", "t1"),
        ("add", "t3", "t2", "t1"),
        ("vle16.v", 8, "s0"),
        ("vle16.v", 12, "t2"),
        (name, 4, 8, 12),
        ("vse16.v", 4, "t3"),
    ]
    machine = execute(lines, data=a.tobytes() + b.tobytes() + bytes(2 * count), vlen_bits=vlen)
    with np.errstate(over="ignore"):
        expected = operation(a, b)
    np.testing.assert_array_equal(array(machine, 4 * count, count, "<f2"), expected)


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("name", ["vfmax.vv", "vfmin.vv"])
def test_a_signaling_nan_anywhere_in_an_extreme_of_halves_is_invalid(execute, name, place):
    """Source: RISC-V unprivileged manual, 12.6: the invalid flag for a signaling NaN, and the other operand as result."""
    numbers = np.arange(1, 17, dtype="<f2")
    for first in (place, 8 + place):
        patterns = numbers.view("<u2").copy()
        patterns[first] = 0x7D01
        lines = [("vsetivli", 0, 8, vtype(16, 1)), ("vle16.v", 2, "s0"), ("addi", "t0", "s0", 16), ("vle16.v", 3, "t0")]
        lines += [("csrrwi", 0, 1, 0), (name, 4, 2, 3), ("vse16.v", 4, "s0"), ("csrrs", "a1", 1, 0)]
        machine = execute(lines, data=patterns.tobytes())
        assert machine.registers[11] == 0x10
        assert array(machine, 0, 8, "<f2")[place] == numbers[(first + 8) % 16]


def test_widening_multiply_accumulate_is_exact_where_single_precision_is(execute):
    a, b, c = halves(16, 3), halves(16, 4), halves(16, 5).astype("<f4")
    lines = [
        ("vsetivli", 0, 16, vtype(16, 2)),
        ("vle16.v", 2, "s0"),
        ("addi", "t0", "s0", 32),
        ("vle16.v", 4, "t0"),
        ("addi", "t0", "s0", 64),
        ("vsetivli", 0, 16, vtype(32, 4)),
        ("vle32.v", 8, "t0"),
        ("vsetivli", 0, 16, vtype(16, 2)),
        ("vfwmacc.vv", 8, 2, 4),
        ("vfncvt.f.f.w", 6, 8),
        ("addi", "t0", "s0", 128),
        ("vse16.v", 6, "t0"),
        ("vsetivli", 0, 16, vtype(32, 4)),
        ("addi", "t0", "s0", 256),
        ("vse32.v", 8, "t0"),
    ]
    machine = execute(lines, data=a.tobytes() + b.tobytes() + c.tobytes() + bytes(512))
    expected = (a.astype(float) * b.astype(float) + c.astype(float)).astype("<f4")
    np.testing.assert_array_equal(array(machine, 256, 16, "<f4"), expected)
    np.testing.assert_array_equal(array(machine, 128, 16, "<f2"), expected.astype("<f2"))


def test_sums_of_halves_are_rounded_at_every_step(execute):
    a = halves(64, 6)
    lines = [("addi", "t0", 0, 64), ("vsetvli", 0, "t0", vtype(16, 8)), ("vle16.v", 8, "s0"), ("vmv.s.x", 1, 0)]
    lines += [("vfredosum.vs", 2, 8, 1), ("vfmv.f.s", "f1", 2), ("fsh", "f1", 0, "s0")]
    machine = execute(lines, data=a.tobytes())
    total = np.float16(0)
    for value in a:
        total = np.float16(total + value)
    assert array(machine, 0, 1, "<f2")[0] == total


def test_scalar_halves_are_boxed_and_converted(execute):
    lines = [("flh", "f1", 0, "s0"), ("fcvt.s.h", "f2", "f1"), ("fcvt.d.h", "f3", "f1"), ("fcvt.h.d", "f4", "f3")]
    lines += [("fcvt.l.h", "a1", "f1", 1), ("fclass.h", "a2", "f1"), ("fcvt.h.l", "f5", "a3", 0)]
    machine = execute(lines, {"a3": 2049}, data=np.array([-7.75], "<f2").tobytes())
    registers = machine.registers[32:38].view(np.uint64)
    half = int(np.array([-7.75], "<f2").view("<u2")[0])
    assert registers[1] == registers[4] == 0xFFFFFFFFFFFF0000 | half
    assert registers[2] == 0xFFFFFFFF00000000 | int(np.array([-7.75], "<f4").view("<u4")[0])
    assert registers[3:4].view(float)[0] == -7.75
    assert machine.registers[REGISTERS["a1"]] == -7 and machine.registers[REGISTERS["a2"]] == 2
    assert registers[5] == 0xFFFFFFFFFFFF0000 | int(np.float16(2048).view(np.uint16))
