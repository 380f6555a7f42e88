"""Programs of random instructions, on random values: each ends in words or at its limit, and never ends the process."""

from __future__ import annotations

import random
import struct

import pytest

from workbench.core.config import load_core
from workbench.core.fault import ExecutionFault
from workbench.core.run import Machine
from workbench.isa.program import Program, Segment
from workbench.isa.table import TABLE

CODE, DATA, LIMIT = 0x10000, 0x20000, 2000


def random_word(source: random.Random) -> int:
    """An instruction of the table with random operands; sometimes any word."""
    if source.random() < 0.05:
        return source.getrandbits(32)
    row = source.choice(TABLE)
    return row.match | source.getrandbits(32) & ~row.mask & 0xFFFF_FFFF


def random_program(seed: int, is_bare: bool) -> tuple[Program, random.Random]:
    source = random.Random(seed)
    code = struct.pack("<200I", *(random_word(source) for _ in range(200)))
    segments = (Segment(CODE, code, len(code), 7 if seed % 3 == 0 else 5), Segment(DATA, source.randbytes(4096), 8192, 6))
    return Program(f"random {seed}", CODE, segments, tohost_address=DATA if is_bare else None), source


def outcome(machine: Machine, source: random.Random) -> str:
    for number in range(1, 64):
        machine.registers[number] = source.choice(
            (DATA + source.randrange(8192), source.getrandbits(64) - (1 << 63), 0, -1, 8)
        )
    with machine:
        try:
            machine.run(LIMIT)
        except ExecutionFault as fault:
            assert str(fault).startswith(machine.program.name) and str(fault).endswith("instructions.")
            return "fault"
    return "end" if machine.result().exit_code != 124 else "limit"


@pytest.mark.parametrize("is_bare", [False, True])
def test_functional(tmp_path, is_bare):
    (tmp_path / "file").write_bytes(b"content")
    seen = set()
    for seed in range(30):
        program, source = random_program(seed, is_bare)
        seen.add(outcome(Machine(program, None, vlen_bits=256, space_bytes=16 << 20, root=tmp_path), source))
    assert "fault" in seen


@pytest.mark.parametrize("name", ["xiangshan_kunminghu_v2", "thead_c906", "xiangshan_kunminghu_v2_npu4"])
def test_timed(name):
    core = load_core(name)
    for seed in range(100, 108):
        program, source = random_program(seed, seed % 2 == 0)
        outcome(Machine(program, core, timed=True, space_bytes=16 << 20), source)
