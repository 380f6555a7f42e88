"""The short way of the vector unit gives what the long one gives: without a mask, and with a full mask."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.core.interpreter.state import INEXACT
from workbench.core.run import Machine
from workbench.isa.encode import assemble, vtype
from workbench.isa.program import Program, Segment, Symbol

INTEGER = "vadd vsub vand vor vxor vmin vminu vmax vmaxu vmul vmacc vnmsac".split()
FLOAT = "vfadd vfsub vfmul vfmin vfmax vfmacc vfnmsac vfmsac vfmadd vfnmacc vfdiv vfsgnj".split()
ACCUMULATES = ("vmacc", "vnmsac", "vfmacc", "vfnmsac", "vfmsac", "vfmadd", "vfnmacc")
LENGTHS = (1, 8, 13)


def after(
    name: str, form: str, sew: int, count: int, is_masked: bool, data: np.ndarray, scalar: int, flags: int
) -> tuple[bytes, int]:
    """The vector registers and fflags after one instruction at LMUL 2: v8 = v16 op v24 (or a scalar), v0 all ones."""
    scalar_name = {"v": "v24", "x": "a1", "f": "fa1"}[form]
    operands = ("v8", scalar_name, "v16") if name in ACCUMULATES else ("v8", "v16", scalar_name)
    line = (f"{name}.v{form}", *operands, *((0,) if is_masked else ()))
    code = assemble(("addi", "a0", 0, count), ("vsetvli", "t0", "a0", vtype(sew, 2)), line, ("ebreak",))
    program = Program(
        "plain", 0x10000, (Segment(0x10000, code, len(code), 5),), (Symbol("_start", 0x10000, len(code), True),)
    )
    with Machine(program, None, vlen_bits=256, space_bytes=1 << 16) as machine:
        machine.vector[8:] = data
        machine.vector[0] = 0xFF
        machine.registers[11] = scalar
        machine.registers[32 + 11] = scalar if sew == 64 else scalar | -1 << sew
        machine.state["fflags"] = flags
        machine.run_slice(3)
        assert machine.instructions == 3
        return machine.vector.tobytes(), int(machine.state["fflags"][0])


def patterns(sew: int, seed: int, usual: bool) -> tuple[np.ndarray, int]:
    """Random registers v8..v31 and a scalar: numbers around 1, or any bits with zeros, infinities, NaNs and tiny ones."""
    random = np.random.default_rng(seed)
    size = 24 * 32 * 8 // sew
    if usual:
        kind = {32: np.float32, 64: np.float64}[sew]
        return random.standard_normal(size).astype(kind).view(np.uint8).reshape(24, 32), 0x40000000 << (sew - 32)
    bits = random.integers(0, 256, (24, 32), np.uint8)
    places = bits.view(f"<u{sew // 8}").reshape(-1)
    top, exponent = 1 << (sew - 1), {8: 0x70, 16: 0x7C00, 32: 0x7F800000, 64: 0x7FF << 52}[sew]
    rare = np.array([0, top, exponent, top | exponent, exponent | 1, exponent | top >> 1, 1, top | 1], places.dtype)
    places[::3] = random.choice(rare, len(places[::3]))
    return bits, int(random.choice(rare)) - (1 << sew if sew == 64 else 0)


@pytest.mark.parametrize("sew", [8, 16, 32, 64])
@pytest.mark.parametrize("name", INTEGER)
def test_integers_in_chunks_equal_those_with_a_full_mask(name: str, sew: int) -> None:
    for number, count in enumerate(LENGTHS):
        data, scalar = patterns(sew, number, usual=False)
        for form in "vx":
            plain = after(name, form, sew, count, False, data, scalar & (1 << 31) - 1, 0)
            assert plain == after(name, form, sew, count, True, data, scalar & (1 << 31) - 1, 0), (form, count)


@pytest.mark.parametrize("usual", [True, False])
@pytest.mark.parametrize("sew", [32, 64])
@pytest.mark.parametrize("name", FLOAT)
def test_floats_in_chunks_equal_those_with_a_full_mask(name: str, sew: int, usual: bool) -> None:
    for number, count in enumerate(LENGTHS):
        data, scalar = patterns(sew, number, usual)
        for form in "vf":
            plain = after(name, form, sew, count, False, data, scalar & (1 << 62) - 1, INEXACT)
            assert plain == after(name, form, sew, count, True, data, scalar & (1 << 62) - 1, INEXACT), (form, count)
