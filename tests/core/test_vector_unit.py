"""Vector instructions against NumPy, at VLEN from 128 to 65536 (QEMU, the other judge, ends at 1024)."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.isa.encode import REGISTERS, vtype

DATA = 0x100000
VLENS = (128, 1024, 65536)


def array(machine, offset, count, kind):
    size = np.dtype(kind).itemsize * count
    return np.frombuffer(machine.memory.read(DATA + offset, size), kind)


def inputs(count: int, kind: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind[1] == "f":
        return rng.standard_normal(count).astype(kind)
    return rng.integers(0, 256, count * np.dtype(kind).itemsize, dtype=np.uint8).view(kind)


@pytest.mark.parametrize("vlen", VLENS)
@pytest.mark.parametrize(
    "name,operation",
    [
        ("vfadd", np.add),
        ("vfsub", np.subtract),
        ("vfmul", np.multiply),
        ("vfdiv", np.divide),
        ("vfmax", np.maximum),
        ("vfmin", np.minimum),
    ],
)
def test_float_arithmetic_on_whole_groups(execute, vlen, name, operation):
    count = vlen * 4 // 32
    a, b = inputs(count, "<f4", 1), inputs(count, "<f4", 2)
    lines = [
        ("vsetvli", "t0", 0, vtype(32, 4)),
        ("slli", "t1", "t0", 2),
        ("add", "t2", "s0", "t1"),
        ("add", "t3", "t2", "t1"),
        ("vle32.v", 8, "s0"),
        ("vle32.v", 12, "t2"),
        (f"{name}.vv", 4, 8, 12),
        ("vse32.v", 4, "t3"),
    ]
    machine = execute(lines, data=a.tobytes() + b.tobytes() + bytes(4 * count), vlen_bits=vlen)
    assert machine.registers[REGISTERS["t0"]] == count
    np.testing.assert_array_equal(array(machine, 8 * count, count, "<f4"), operation(a, b))


@pytest.mark.parametrize("in_place", [False, True])
def test_multiply_accumulate_is_fused_and_reads_its_destination(execute, in_place):
    a = np.full(16, 1 + 2.0**-12, "<f4")
    c = np.full(16, -1.0, "<f4")
    source = 8 if in_place else 12
    lines = [
        ("vsetivli", 0, 16, vtype(32, 4)),
        ("vle32.v", source, "s0"),
        ("addi", "t0", "s0", 64),
        ("vle32.v", 8, "t0"),
        ("vfmacc.vv", 8, source, source),
        ("vse32.v", 8, "t0"),
    ]
    machine = execute(lines, data=a.tobytes() + c.tobytes() + bytes(256))
    x = c.astype(float) if in_place else a.astype(float)
    np.testing.assert_array_equal(array(machine, 64, 16, "<f4"), (x * x + c).astype("<f4"))


@pytest.mark.parametrize("kind,bits", [("<i1", 8), ("<i2", 16), ("<i4", 32), ("<i8", 64)])
@pytest.mark.parametrize(
    "name,operation",
    [
        ("vadd.vv", lambda a, b: a + b),
        ("vmul.vv", lambda a, b: a * b),
        ("vmax.vv", np.maximum),
        ("vxor.vv", np.bitwise_xor),
        ("vsra.vv", lambda a, b: a >> (b & (a.itemsize * 8 - 1))),
        ("vsub.vv", lambda a, b: a - b),
    ],
)
def test_integer_arithmetic_at_every_width(execute, kind, bits, name, operation):
    count = 256 // bits * 2
    a, b = inputs(count, kind, 3), inputs(count, kind, 4)
    lines = [
        ("addi", "t0", 0, count),
        ("vsetvli", 0, "t0", vtype(bits, 2)),
        (f"vle{bits}.v", 8, "s0"),
        ("addi", "t1", "s0", 64),
        (f"vle{bits}.v", 12, "t1"),
        (name, 4, 8, 12),
        ("addi", "t1", "s0", 128),
        (f"vse{bits}.v", 4, "t1"),
    ]
    machine = execute(lines, data=a.tobytes() + b.tobytes() + bytes(64), vlen_bits=256)
    np.testing.assert_array_equal(array(machine, 128, count, kind), operation(a, b))


def test_masked_elements_and_the_tail_are_left_alone(execute):
    a = np.arange(16, dtype="<i4")
    lines = [
        ("vsetivli", 0, 16, vtype(32, 4)),
        ("vle32.v", 8, "s0"),
        ("vmv.v.i", 12, -1),
        ("vsetivli", 0, 10, vtype(32, 4)),
        ("addi", "t1", 0, 5),
        ("vmslt.vx", 0, 8, "t1"),
        ("vadd.vx", 12, 8, "t1", 0),
        ("vsetivli", 0, 16, vtype(32, 4)),
        ("addi", "t2", "s0", 128),
        ("vse32.v", 12, "t2"),
    ]
    machine = execute(lines, data=a.tobytes() + bytes(256))
    np.testing.assert_array_equal(array(machine, 128, 16, "<i4"), np.where(a < 5, a + 5, -1))


def test_strided_and_indexed_loads_gather(execute):
    table = np.arange(256, dtype="<i4") * 3
    index = np.array([9, 4, 4, 200, 0, 31, 7, 100], "<u4") * 4
    lines = [
        ("vsetivli", 0, 8, vtype(32, 2)),
        ("addi", "t0", 0, -12),
        ("addi", "t1", "s0", 400),
        ("vlse32.v", 4, "t1", "t0"),
        ("addi", "t2", "s0", 1024),
        ("vle32.v", 6, "t2"),
        ("vluxei32.v", 8, "s0", 6),
        ("addi", "t2", "t2", 32),
        ("vse32.v", 4, "t2"),
        ("addi", "t2", "t2", 32),
        ("vse32.v", 8, "t2"),
        ("vsse32.v", 8, "t1", "t0"),
    ]
    machine = execute(lines, data=table.tobytes() + index.tobytes() + bytes(2048))
    np.testing.assert_array_equal(array(machine, 1056, 8, "<i4"), table[100 - 3 * np.arange(8)])
    np.testing.assert_array_equal(array(machine, 1088, 8, "<i4"), table[index // 4])
    np.testing.assert_array_equal(array(machine, 0, 256, "<i4")[100 - 3 * np.arange(8)], table[index // 4])


def test_segment_loads_split_fields(execute):
    pixels = np.arange(48, dtype=np.uint8)
    lines = [("vsetivli", 0, 16, vtype(8, 1)), ("vlseg3e8.v", 4, "s0"), ("addi", "t0", "s0", 64)]
    for field in range(3):
        lines += [("vse8.v", 4 + field, "t0"), ("addi", "t0", "t0", 16)]
    machine = execute(lines, data=pixels.tobytes() + bytes(128))
    np.testing.assert_array_equal(array(machine, 64, 48, "u1").reshape(3, 16), pixels.reshape(16, 3).T)


def test_fault_only_first_cuts_vl_at_the_end_of_memory(execute):
    lines = [("vsetivli", 0, 16, vtype(32, 4)), ("addi", "t0", "s1", -20), ("vle32ff.v", 8, "t0"), ("csrrs", "t1", 0xC20, 0)]
    end = DATA + 4096 + (16 << 20)
    machine = execute(lines, {"s1": end})
    assert machine.registers[REGISTERS["t1"]] == 5


@pytest.mark.parametrize("vlen", VLENS)
def test_reductions_are_in_order(execute, vlen):
    count = vlen * 8 // 32
    a = inputs(count, "<f4", 5)
    lines = [
        ("vsetvli", "t0", 0, vtype(32, 8)),
        ("vle32.v", 8, "s0"),
        ("vmv.s.x", 1, 0),
        ("vfredusum.vs", 2, 8, 1),
        ("vfredmax.vs", 3, 8, 1),
        ("vfmv.f.s", "f1", 2),
        ("vfmv.f.s", "f2", 3),
        ("fsw", "f1", 0, "s0"),
        ("fsw", "f2", 4, "s0"),
    ]
    machine = execute(lines, data=a.tobytes(), vlen_bits=vlen)
    total = np.float32(0)
    for value in a:
        total = np.float32(total + value)
    np.testing.assert_array_equal(array(machine, 0, 2, "<f4"), [total, max(a.max(), np.float32(0))])


def test_widening_multiply_and_narrowing_shift(execute):
    a, b = inputs(16, "<i2", 6), inputs(16, "<i2", 7)
    lines = [
        ("vsetivli", 0, 16, vtype(16, 2)),
        ("vle16.v", 2, "s0"),
        ("addi", "t0", "s0", 32),
        ("vle16.v", 4, "t0"),
        ("vwmul.vv", 8, 2, 4),
        ("vnsra.wi", 6, 8, 15),
        ("addi", "t0", "s0", 64),
        ("vse16.v", 6, "t0"),
        ("vsetivli", 0, 16, vtype(32, 4)),
        ("addi", "t0", "s0", 96),
        ("vse32.v", 8, "t0"),
    ]
    machine = execute(lines, data=a.tobytes() + b.tobytes() + bytes(256))
    product = a.astype("<i4") * b
    np.testing.assert_array_equal(array(machine, 96, 16, "<i4"), product)
    np.testing.assert_array_equal(array(machine, 64, 16, "<i2"), (product >> 15).astype("<i2"))


def test_conversions_round_to_nearest_even_or_towards_zero(execute):
    a = np.array([0.5, 1.5, 2.5, -2.5, 1e20, -1e20, np.nan, 3.99], "<f4")
    lines = [
        ("vsetivli", 0, 8, vtype(32, 2)),
        ("vle32.v", 2, "s0"),
        ("vfcvt.x.f.v", 4, 2),
        ("vfcvt.rtz.x.f.v", 6, 2),
        ("addi", "t0", "s0", 64),
        ("vse32.v", 4, "t0"),
        ("addi", "t0", "s0", 96),
        ("vse32.v", 6, "t0"),
    ]
    machine = execute(lines, data=a.tobytes() + bytes(256))
    top, bottom = 2**31 - 1, -(2**31)
    assert list(array(machine, 64, 8, "<i4")) == [0, 2, 2, -2, top, bottom, top, 4]
    assert list(array(machine, 96, 8, "<i4")) == [0, 1, 2, -2, top, bottom, top, 3]


@pytest.mark.parametrize(
    "wanted,bits,lmul,vlen,expected",
    [
        (1000, 32, 4, 1024, 128),
        (5, 32, 4, 1024, 5),
        (1000, 8, 8, 65536, 1000),
        (1 << 40, 8, 8, 65536, 65536),
        (9, 32, 0.5, 128, 2),
    ],
)
def test_vl_is_the_smaller_of_wish_and_capacity(execute, wanted, bits, lmul, vlen, expected):
    machine = execute([("vsetvli", "a1", "a2", vtype(bits, lmul))], {"a2": wanted}, vlen_bits=vlen)
    assert machine.registers[REGISTERS["a1"]] == expected


@pytest.mark.parametrize("value", [vtype(64, 0.5), 0b100, vtype(32, 1) | 1 << 8, 7 << 3])
def test_reserved_vector_types_set_vill(execute, value):
    machine = execute([("addi", "t0", 0, value), ("vsetvl", "a1", 0, "t0"), ("csrrs", "a2", 0xC21, 0)])
    assert machine.registers[REGISTERS["a1"]] == 0
    assert machine.registers[REGISTERS["a2"]] == -(1 << 63)


def test_mask_instructions_keep_the_tail(execute):
    lines = [
        ("vsetivli", 0, 16, vtype(8, 1)),
        ("vmv.v.i", 1, -1),
        ("vsetivli", 0, 5, vtype(8, 1)),
        ("vmxor.mm", 1, 1, 1),
        ("vsetivli", 0, 16, vtype(8, 1)),
        ("vcpop.m", "a1", 1),
        ("vfirst.m", "a2", 1),
        ("vse8.v", 1, "s0"),
    ]
    machine = execute(lines)
    assert [int(machine.registers[REGISTERS[r]]) for r in ("a1", "a2")] == [11, 5]
