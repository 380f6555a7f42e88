"""Faults of a simulated program as one sentence: what, where (symbol, address, instruction), with which register values."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from workbench.base.errors import WorkbenchError
from workbench.core.interpreter.state import Status
from workbench.isa.program import Program

_MASK = (1 << 64) - 1
_RETURN_ADDRESS = 1
SIGNALS = {
    Status.BREAKPOINT: 5, Status.ILLEGAL: 4, Status.FETCH_FAULT: 11, Status.LOAD_FAULT: 11, Status.STORE_FAULT: 11,
    Status.MISALIGNED: 7,
}  # fmt: skip
"""What Linux would send the program: SIGTRAP, SIGILL, SIGSEGV, SIGBUS."""


class ExecutionFault(WorkbenchError):
    """The simulated program did something that ends it: an illegal instruction, an access outside its memory.

    `signal` is the number of the signal that Linux would have ended it with.
    """

    def __init__(self, sentence: str, signal: int = 11) -> None:
        self.signal = signal
        super().__init__(sentence)


def place_name(program: Program, address: int) -> str:
    """An address as ``0x10444 (main+0x12)``, or alone where no function and no object holds it."""
    for is_function in (True, False):
        symbols = [s for s in program.symbols if s.is_function == is_function]
        number = bisect.bisect_right([s.address for s in symbols], address) - 1
        if number < 0:
            continue
        symbol = symbols[number]
        offset = address - symbol.address
        if offset < (symbol.size_bytes or (1 << 20 if is_function else 0)):
            return f"0x{address:x} ({symbol.name}+0x{offset:x})"
    return f"0x{address:x}"


def fault(
    program: Program, status: Status, pc: int, word: int | None, instructions: int, registers: Sequence[int],
    address: int = 0, vector: Sequence[int] = (0, 0), hint: str = "", is_read_only: bool = False,
) -> ExecutionFault:  # fmt: skip
    """The exception for a fault at `pc`.

    Parameters
    ----------
    word: the instruction there, None if there is none. address: what it wanted to access.
    registers: x0..x31 and f0..f31. vector: vl and vtype. hint: why the instruction is illegal.
    is_read_only: the address of a store lies in memory that may not be written.
    For a jump out of the code, `pc` and `word` are those of the jump, and `address` is its target.
    """
    target = place_name(program, address & _MASK)
    refused = "which may only be read" if is_read_only else "outside of the program's memory"
    is_data = any(s.address <= address < s.address + s.size_bytes for s in program.segments)
    no_code = "which is data" if is_data else "outside of the program's code"
    what = {
        Status.BREAKPOINT: "a breakpoint",
        Status.ILLEGAL: f"an illegal instruction{hint}",
        Status.FETCH_FAULT: f"a jump to {target}, {no_code},",
        Status.LOAD_FAULT: f"a load from {target}, outside of the program's memory,",
        Status.STORE_FAULT: f"a store to {target}, {refused},",
        Status.MISALIGNED: f"an atomic access to {target}, which is not aligned,",
    }[status]
    sentence = f"{program.name}: {what} at {place_name(program, pc & _MASK)}"
    values = [] if word is None else source_values(word, registers, vector)
    if word is not None:
        sentence += f", instruction {instruction_text(word, pc)}"
    values.append(("ra", place_name(program, registers[_RETURN_ADDRESS] & _MASK)))
    listed = ", ".join(f"{name} = {value}" for name, value in values)
    return ExecutionFault(f"{sentence}, with {listed}, after {instructions:,} instructions.", SIGNALS[status])


def instruction_text(word: int, pc: int) -> str:
    """Bits and assembly text of the instruction that begins with a word."""
    from workbench.isa.disassemble import disassemble

    bits = f"0x{word:08x}" if word & 3 == 3 else f"0x{word & 0xFFFF:04x}"
    return f"{bits} `{disassemble(word, pc)}`"


def source_values(word: int, registers: Sequence[int], vector: Sequence[int]) -> list[tuple[str, str]]:
    """Names and values of what an instruction reads: scalar registers but zero and ra, vl and vtype of vector ones."""
    from workbench.isa.disassemble import find_row, vector_type
    from workbench.isa.encode import F_NAMES, X_NAMES
    from workbench.isa.table_compressed import expand

    word = word if word & 3 == 3 else expand(word & 0xFFFF)
    row = find_row(word)
    values: dict[str, str] = {}
    for operand in row.operands if row is not None else ():
        if operand.kind not in ("x", "f") or operand.slot == "rd":
            continue
        number = operand.extract(word)
        if operand.kind == "f":
            values[F_NAMES[number]] = f"0x{registers[32 + number] & _MASK:x}"
        elif number not in (0, _RETURN_ADDRESS):
            values[X_NAMES[number]] = f"0x{registers[number] & _MASK:x}"
    if row is not None and row.extension == "V":
        values |= {"vl": str(vector[0]), "vtype": vector_type(vector[1]) if vector[1] >= 0 else "illegal"}
    return list(values.items())
