"""vstart: every instruction begins at that element, leaves those before it alone, and sets it back to 0."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.isa.encode import REGISTERS, vtype

DATA, VSTART, FFLAGS = 0x100000, 0x008, 0x001


def run(execute, instruction, vstart, setup=()):
    """v8..v15 = -1, v16.. = 1, 2, 3 ...; the instruction; v8 as 16 words, and vstart."""
    lines = [
        ("vsetivli", 0, 16, vtype(32, 4)),
        ("vid.v", 16),
        ("vadd.vi", 16, 16, 1),
        ("vmv.v.i", 8, -1),
        *setup,
        ("csrrwi", 0, VSTART, vstart),
        instruction,
        ("csrrs", "t0", VSTART, 0),
        ("vse32.v", 8, "s0"),
    ]
    machine = execute(lines)
    assert machine.registers[REGISTERS["t0"]] == 0
    return np.frombuffer(machine.memory.read(DATA, 64), "<i4")


NUMBERS = np.arange(1, 17)


@pytest.mark.parametrize("vstart", [0, 1, 7, 15, 16, 31])
@pytest.mark.parametrize(
    "instruction,expected",
    [
        (("vadd.vi", 8, 16, 5), NUMBERS + 5),
        (("vmv.v.v", 8, 16), NUMBERS),
        (("vmv4r.v", 8, 16), NUMBERS),
        (("vmerge.vim", 8, 16, 5), np.where(NUMBERS % 2, 5, NUMBERS)),
        (("vslideup.vi", 8, 16, 0), NUMBERS),
        (("vslidedown.vi", 8, 16, 2), np.r_[NUMBERS[2:], 0, 0]),
        (("vid.v", 8), NUMBERS - 1),
    ],
)
def test_elements_before_vstart_are_left_alone(execute, instruction, expected, vstart):
    got = run(execute, instruction, vstart, [("addi", "t1", 0, 0x555), ("slli", "t2", "t1", 12), ("or", "t1", "t1", "t2"),
                                             ("vmv.s.x", 0, "t1")])  # fmt: skip
    np.testing.assert_array_equal(got, np.where(np.arange(16) >= vstart, expected, -1))


@pytest.mark.parametrize("load,bytes_each", [("vle32.v", 4), ("vl4re32.v", 4), ("vl4re8.v", 1)])
def test_loads_begin_at_vstart(execute, load, bytes_each):
    data = np.arange(100, 116, dtype="<i4")
    lines = [("vsetivli", 0, 16, vtype(32, 4)), ("vmv.v.i", 8, -1), ("csrrwi", 0, VSTART, 5), (load, 8, "s0")]
    machine = execute([*lines, ("vse32.v", 8, "s0")], data=data.tobytes())
    got = machine.memory.read(DATA, 64)
    assert got == b"\xff" * 5 * bytes_each + data.tobytes()[5 * bytes_each :]


def test_flags_come_from_the_elements_behind_vstart_only(execute):
    data = np.array([np.inf, 1, 1, 1, -np.inf, 1, 1, 1], "<f4")
    setup = [("vsetivli", 0, 4, vtype(32, 1)), ("vle32.v", 1, "s0"), ("addi", "t0", "s0", 16), ("vle32.v", 2, "t0")]
    for vstart, flags in ((0, 16), (1, 0)):
        lines = [*setup, ("csrrwi", 0, VSTART, vstart), ("vfadd.vv", 3, 1, 2), ("csrrs", "a1", FFLAGS, 0)]
        assert execute(lines, data=data.tobytes()).registers[REGISTERS["a1"]] == flags


def test_vstart_has_as_many_bits_as_the_number_of_an_element(execute):
    lines = [("addi", "t0", 0, -1), ("csrrw", 0, VSTART, "t0"), ("csrrs", "a1", VSTART, 0)]
    lines += [("vsetivli", 0, 4, vtype(8, 1)), ("csrrs", "a2", VSTART, 0)]
    machine = execute(lines, vlen_bits=256)
    assert [int(machine.registers[REGISTERS[name]]) for name in ("a1", "a2")] == [255, 0]
