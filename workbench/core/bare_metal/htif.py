"""The host-target interface of bare-metal programs: exit, console and system calls through `tohost` and `fromhost`.

A store to `tohost` is a command: device in bits 63..56, command in 55..48, payload below. Device 0 ends the program (odd
payload: exit code above bit 0) or is a system call (payload: address of eight doublewords, the number first, the result
back in its place); device 1 is the console. `tohost` reads as 0 after a command was taken.

Source: riscv-isa-sim (Spike), fesvr; riscv-tests, env and benchmarks/common.
"""

from __future__ import annotations

import struct

from workbench.core.linux.syscalls import Linux

_READ_CHARACTER, _WRITE_CHARACTER = 0, 1
_CHARACTER_READY = 0x100


class Htif:
    """The host's side. `fromhost_address` is None where the program has no such symbol: it then gets no answers."""

    def __init__(self, linux: Linux, tohost_address: int, fromhost_address: int | None) -> None:
        self.linux, self.memory = linux, linux.memory
        self.tohost_address, self.fromhost_address = tohost_address, fromhost_address

    def handle(self, time_ns: int) -> None:
        """Take the command in `tohost`, if there is one."""
        value = int.from_bytes(self.memory.read(self.tohost_address, 8) or b"", "little")
        if not value:
            return
        self.memory.write(self.tohost_address, bytes(8))
        device, command, payload = value >> 56, value >> 48 & 0xFF, value & (1 << 48) - 1
        if device == 0 and payload & 1:
            code = payload >> 1
            self.linux.exit_code = code & 0xFF or int(code != 0)
        elif device == 0:
            self._system_call(payload, time_ns)
        elif device == 1 and command == _WRITE_CHARACTER:
            self.linux.write_character(payload & 0xFF)
        elif device == 1 and command == _READ_CHARACTER:
            self._answer(device, command, _CHARACTER_READY | self.linux.read_character())
        else:
            self.linux.note_missing(f"HTIF command {command} of device {device}")

    def _system_call(self, address: int, time_ns: int) -> None:
        content = self.memory.read(address, 64)
        if content is None:
            self.linux.note_missing("HTIF system calls with arguments outside of memory")
            return
        number, *arguments = struct.unpack("<8q", content)
        result = self.linux.call(number, arguments[:6], time_ns)
        self.memory.write(address, struct.pack("<q", result))
        self._answer(0, 0, 1)

    def _answer(self, device: int, command: int, payload: int) -> None:
        if self.fromhost_address is not None:
            self.memory.write(self.fromhost_address, struct.pack("<Q", device << 56 | command << 48 | payload))
