"""Faults of a simulated program as one sentence: what, where (symbol, address, instruction), after how many instructions."""

from __future__ import annotations

import bisect

from workbench.base.errors import WorkbenchError
from workbench.isa.program import Program


class ExecutionFault(WorkbenchError):
    """The simulated program did something that ends it: an illegal instruction, an access outside its memory."""


def place_name(program: Program, address: int) -> str:
    """An address as ``0x10444 (main+0x12)``, or alone where no function holds it."""
    functions = [s for s in program.symbols if s.is_function]
    number = bisect.bisect_right([s.address for s in functions], address) - 1
    if number >= 0:
        symbol = functions[number]
        offset = address - symbol.address
        if offset < (symbol.size_bytes or 1 << 20):
            return f"0x{address:x} ({symbol.name}+0x{offset:x})"
    return f"0x{address:x}"


def fault(program: Program, what: str, pc: int, word: int | None, instructions: int) -> ExecutionFault:
    """The exception for a fault at `pc`; `word` is the instruction there, None if there is none."""
    from workbench.isa.disassemble import disassemble

    shown = "" if word is None else f", instruction 0x{word:08x} `{disassemble(word, pc)}`"
    where = f"{place_name(program, pc)}{shown}"
    return ExecutionFault(f"{program.name}: {what} at {where}, after {instructions:,} instructions.")
