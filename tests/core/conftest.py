"""Run a few assembled instructions and look at the machine they leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from workbench.core.run import Machine
from workbench.isa.encode import REGISTERS, assemble
from workbench.isa.program import Program, Segment, Symbol

DATA = 0x100000
EXIT = (("addi", "a7", 0, 93), ("ecall",))


def program_of(instructions: Sequence[tuple[int | str, ...]], data: bytes = bytes(4096), code_flags: int = 5) -> Program:
    code = assemble(*instructions, *EXIT)
    segments = (Segment(0x10000, code, len(code), code_flags), Segment(DATA, data, len(data), 6))
    return Program("test.elf", 0x10000, segments, (Symbol("_start", 0x10000, len(code), True),))


def run_instructions(
    instructions: Sequence[tuple[int | str, ...]], x: dict[str, int] | None = None, data: bytes = bytes(4096),
    vlen_bits: int = 128, stdin: bytes = b"", code_flags: int = 5,
) -> Machine:  # fmt: skip
    """Execute with initial integer registers `x` (and s0 = the data's address); the program then exits with a0."""
    machine = Machine(
        program_of(instructions, data, code_flags), None, vlen_bits=vlen_bits, space_bytes=16 << 20, stdin=stdin
    )
    for name, value in {"s0": DATA, **(x or {})}.items():
        machine.registers[REGISTERS[name]] = value if value < 1 << 63 else value - (1 << 64)
    machine.run(max_instructions=1_000_000)
    return machine


@pytest.fixture
def execute() -> Callable[..., Machine]:
    return run_instructions
