"""The record that a random program keeps: after every item the flags, the vector state and the registers it wrote."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from workbench.isa.encode import assemble
from workbench.isa.row import Row

TEMPORARY, DATA, ADDRESS, LOG = 29, 30, 31, 28
"""Reserved registers: scratch, middle of the data area, address of an access, end of the record."""
_STATE = (0x003, 0x00F, 0x008, 0xC20)
_STATE_NAMES = ("fcsr", "vcsr", "vstart", "vl")
F0, V0 = 32, 64


@dataclass(frozen=True)
class Item:
    """What was generated for one row: its mnemonic, machine code, and what it writes (x, f and v from 0, 32 and 64)."""

    mnemonic: str
    code: bytes
    written: tuple[int, ...] = ()

    def record_bytes(self, vlenb: int) -> int:
        """Size of what is recorded after it."""
        return 8 * (len(_STATE) + sum(n < V0 for n in self.written)) + 8 * vlenb * len(self._blocks())

    def recording(self, vlenb: int) -> bytes:
        """Machine code that appends the record."""
        lines: list[tuple[int | str, ...]] = []
        for place, number in enumerate(_STATE):
            lines += [("csrrs", TEMPORARY, number, 0), ("sd", TEMPORARY, 8 * place, LOG)]
        at = 8 * len(_STATE)
        for number in self.written:
            if number < V0:
                lines.append(("sd", number, at, LOG) if number < F0 else ("fsd", number - F0, at, LOG))
                at += 8
        lines.append(("addi", LOG, LOG, at))
        for block in self._blocks():
            lines += [("vs8r.v", block, LOG), ("addi", LOG, LOG, 8 * vlenb)]
        return assemble(*lines)

    def _blocks(self) -> list[int]:
        """First registers of the groups of eight that hold what it writes."""
        return sorted({(n - V0) // 8 * 8 for n in self.written if n >= V0})

    def fields(self, record: bytes, vlenb: int) -> list[tuple[str, bytes]]:
        """The parts of a record with their names."""
        names = list(_STATE_NAMES) + [f"x{n}" if n < F0 else f"f{n - F0}" for n in self.written if n < V0]
        parts = [(name, record[8 * place : 8 * place + 8]) for place, name in enumerate(names)]
        at = 8 * len(names)
        for block in self._blocks():
            for register in range(8):
                parts.append((f"v{block + register}", record[at : at + vlenb]))
                at += vlenb
        return parts


def written_registers(row: Row, word: int, registers: int) -> tuple[int, ...]:
    """Unified numbers of what a word of the row writes; `registers`: vector registers of its destination."""
    found = []
    for operand in row.operands:
        if operand.slot != "rd":
            continue
        number = operand.extract(word)
        if operand.kind == "v":
            found += [V0 + min(number + n, 31) for n in range(registers)]
        else:
            found.append(number + (F0 if operand.kind == "f" else 0))
    return tuple(sorted(set(found)))


def describe(item: Item, ours: bytes, theirs: bytes, vlenb: int) -> str:
    """The fields that differ, as hexadecimal numbers; of vectors the 8-byte words that do."""
    lines = []
    for (name, mine), (_, other) in zip(item.fields(ours, vlenb), item.fields(theirs, vlenb), strict=True):
        for at in range(0, len(mine), 8):
            a, b = (struct.unpack_from("<Q", part, at)[0] for part in (mine, other))
            if a != b:
                lines.append(f"{name} byte {at}: ours {a:016x}, QEMU's {b:016x}")
    state = {name: int.from_bytes(part, "little") for name, part in item.fields(theirs, vlenb)[: len(_STATE)]}
    return "\n  ".join([", ".join(f"{name} {value:#x}" for name, value in state.items()), *lines[:8]])
