"""A program that writes its own code sees it after fence.i, and after the C library's flush of the instruction cache."""

from __future__ import annotations

import pytest

from workbench.isa.encode import REGISTERS, encode

FLUSH_ICACHE = 259
READ_WRITE_EXECUTE = 7


@pytest.mark.parametrize(
    "flush",
    [[("fence.i",), ("addi", 0, 0, 0)], [("addi", "a7", 0, FLUSH_ICACHE), ("ecall",)]],
    ids=["fence.i", "system call"],
)
def test_rewritten_code_is_executed_after(execute, flush):
    function = 8  # place of the instruction that is rewritten
    lines = [
        ("lui", "t0", 0x10000),
        ("lw", "t1", 0, "s0"),
        ("jal", "ra", 4 * (function - 2)),
        ("sw", "t1", 4 * function, "t0"),
        *flush,
        ("jal", "ra", 4 * (function - 6)),
        ("jal", 0, 4 * 3),
        ("addi", "a1", "a1", 1),
        ("jalr", 0, 0, "ra"),
    ]
    machine = execute(lines, data=encode("addi", "a1", "a1", 7).to_bytes(4, "little"), code_flags=READ_WRITE_EXECUTE)
    assert machine.registers[REGISTERS["a1"]] == 1 + 7


def test_a_half_of_an_instruction_may_be_rewritten(execute):
    word = encode("lui", "a1", 0x12345000)
    lines = [("lui", "t0", 0x10000), ("lhu", "t1", 2, "s0"), ("sh", "t1", 18, "t0"), ("fence.i",), ("lui", "a1", 0x5000)]
    machine = execute(lines, data=word.to_bytes(4, "little"), code_flags=READ_WRITE_EXECUTE)
    assert machine.registers[REGISTERS["a1"]] == 0x12345000
