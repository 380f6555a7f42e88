"""The initial stack of a Linux program: arguments, environment, auxiliary vector.

Source: System V ABI, RISC-V supplement; Linux include/uapi/linux/auxvec.h (names and numbers).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from workbench.base.errors import InputError
from workbench.core.memory import PAGE_BYTES, STACK_BYTES, Memory
from workbench.isa.program import Program

_PHDR, _PHENT, _PHNUM, _PAGESZ, _ENTRY, _UID, _EUID, _GID, _EGID = 3, 4, 5, 6, 9, 11, 12, 13, 14
_HWCAP, _CLKTCK, _SECURE, _RANDOM, _EXECFN = 16, 17, 23, 25, 31
_EXTENSIONS = "imafdc"
_PROGRAM_HEADER_BYTES = 56
ENVIRONMENT = ("LANG=C",)
FIXED_RANDOM = bytes(range(16))  # runs repeat exactly


def push_arguments(
    memory: Memory, program: Program, arguments: Sequence[str], variables: Sequence[str] = ENVIRONMENT,
    has_vectors: bool = True,
) -> int:  # fmt: skip
    """Write the initial stack; returns the stack pointer.

    `arguments` come after the program's name, `variables` are ``NAME=value``. InputError if they are too long.
    """
    needed = sum(len(os.fsencode(text)) + 9 for text in (program.name, *arguments, *variables)) + 1024
    if needed > STACK_BYTES // 4:
        raise InputError("arguments", f"{needed:,} bytes", f"at most {STACK_BYTES // 4:,}", "pass them in a file")
    strings = bytearray()
    top = memory.stack_top - needed
    hardware = sum(1 << ord(letter) - ord("a") for letter in _EXTENSIONS + "v" * has_vectors)

    def keep(text: bytes) -> int:
        strings.extend(text)
        return top + len(strings) - len(text)

    random = keep(FIXED_RANDOM)
    words = [keep(os.fsencode(argument) + b"\0") for argument in (program.name, *arguments)]
    name = words[0]
    environment = [keep(os.fsencode(item) + b"\0") for item in variables]
    auxiliary = {
        _PAGESZ: PAGE_BYTES, _ENTRY: program.entry, _UID: 1000, _EUID: 1000, _GID: 1000, _EGID: 1000,
        _HWCAP: hardware, _CLKTCK: 100, _SECURE: 0, _RANDOM: random, _EXECFN: name,
    }  # fmt: skip
    if program.program_header_address:
        auxiliary |= {
            _PHDR: program.program_header_address, _PHENT: _PROGRAM_HEADER_BYTES, _PHNUM: program.program_header_count
        }  # fmt: skip
    pairs = [item for pair in auxiliary.items() for item in pair]
    vector = [len(words), *words, 0, *environment, 0, *pairs, 0, 0]
    pointer = (top - 8 * len(vector)) & ~15
    memory.write(top, bytes(strings))
    memory.write(pointer, struct.pack(f"<{len(vector)}Q", *vector))
    return pointer
