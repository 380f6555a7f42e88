"""Machine mode for bare-metal programs: control registers, traps and returns, one privileged instruction at a time.

Enough for start-up code and for test programs that end through a trap handler. The registers hold what is written to them;
there is no address translation, no memory protection, no interrupts, and no timing of what happens here.

Source: The RISC-V Instruction Set Manual, Volume II (20240411), chapter "Machine-Level ISA".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.core.interpreter.state import Status
from workbench.core.memory import Memory
from workbench.isa.disassemble import find_row

_MSTATUS, _MISA, _MTVEC, _MEPC, _MCAUSE, _MTVAL = 0x300, 0x301, 0x305, 0x341, 0x342, 0x343
_MCYCLE, _MINSTRET = 0xB00, 0xB02
_EXTENSIONS = 2 << 62 | sum(1 << ord(letter) - ord("a") for letter in "acdfimv")
_PREVIOUS_SHIFT = 11  # of the field MPP in mstatus
_MACHINE = 3  # privilege
_CAUSES = {
    Status.FETCH_FAULT: 1, Status.ILLEGAL: 2, Status.BREAKPOINT: 3, Status.LOAD_FAULT: 5, Status.MISALIGNED: 6,
    Status.STORE_FAULT: 7,
}  # fmt: skip
_ECALL_CAUSE = 8  # from user mode; the privilege is added
_SIGN, _WORD = 1 << 63, 1 << 64
_SFENCE_VMA, _SFENCE_MASK = 0x1200_0073, 0xFE00_7FFF
_WAITS = ("wfi",)


class MachineMode:
    """The privileged state of one hart; `registers` are x0..x31, `state` is the machine's record, `cycles` those so far."""

    def __init__(self, memory: Memory, registers: Any, state: Any, cycles: Callable[[], int]) -> None:
        self._memory, self._registers, self._state, self._cycles = memory, registers, state, cycles
        self._values = {_MISA: _EXTENSIONS}
        self._privilege = _MACHINE

    def take(self, status: Status) -> bool:
        """Act on what ended a slice: execute a privileged instruction, or enter the trap handler; False if neither."""
        pc = int(self._state["pc"])
        if status == Status.ECALL:
            return self._trap(_ECALL_CAUSE + self._privilege, 0, pc - 4)
        word = int.from_bytes(self._memory.read(pc, 4) or bytes(4), "little")
        if status == Status.ILLEGAL and self._execute(word, pc):
            self._state["instructions"] += 1
            return True
        value = word if status == Status.ILLEGAL else pc if status == Status.FETCH_FAULT else self._state["fault_address"]
        return status in _CAUSES and self._trap(_CAUSES[status], int(value), pc)

    def _trap(self, cause: int, value: int, pc: int) -> bool:
        handler = self._values.get(_MTVEC, 0) & ~3
        if not handler or handler == pc & _WORD - 1:  # none, or the handler itself is what fails
            return False
        self._values |= {_MEPC: pc, _MCAUSE: cause, _MTVAL: value & _WORD - 1}
        status = self._values.get(_MSTATUS, 0) & ~(3 << _PREVIOUS_SHIFT)
        self._values[_MSTATUS] = status | self._privilege << _PREVIOUS_SHIFT
        self._privilege = _MACHINE
        self._state["pc"] = _signed(handler)
        return True

    def _execute(self, word: int, pc: int) -> bool:
        row = find_row(word)
        name = row.mnemonic if row is not None else ""
        if name == "mret":
            self._privilege = self._values.get(_MSTATUS, 0) >> _PREVIOUS_SHIFT & 3
            self._values[_MSTATUS] = self._values.get(_MSTATUS, 0) & ~(3 << _PREVIOUS_SHIFT)
            self._state["pc"] = _signed(self._values.get(_MEPC, 0) & ~1)
            return True
        is_csr = name.startswith("csrr")
        if not is_csr and name not in _WAITS and word & _SFENCE_MASK != _SFENCE_VMA:
            return False
        if is_csr and not self._csr(word, name):
            return False
        self._state["pc"] = pc + 4
        return True

    def _csr(self, word: int, name: str) -> bool:
        """Execute a Zicsr instruction on a register of machine or supervisor mode; False if it is not allowed."""
        number, source, target = word >> 20, word >> 15 & 31, word >> 7 & 31
        operand = source if name.endswith("i") else int(self._registers[source]) & _WORD - 1
        kind = name.removesuffix("i")
        writes = kind == "csrrw" or source != 0
        if number >> 8 & 3 == 0 or number >> 8 & 3 > self._privilege or (writes and number >> 10 == 3):
            return False
        old = self._read(number)
        if writes:
            new = {"csrrw": operand, "csrrs": old | operand, "csrrc": old & ~operand}[kind]
            self._values[number] = new
        if target:
            self._registers[target] = _signed(old)
        return True

    def _read(self, number: int) -> int:
        if number == _MCYCLE:
            return self._cycles()
        return int(self._state["instructions"]) if number == _MINSTRET else self._values.get(number, 0)


def _signed(value: int) -> int:
    value &= _WORD - 1
    return value - _WORD if value & _SIGN else value
