"""The simulated program's address space: one flat, lazily committed buffer, and where heap, mappings and stack lie in it.

From low to high: the program's segments, the heap (grows up with brk), mappings (grow down), the stack. There is no
page protection inside the buffer.
"""

from __future__ import annotations

import numpy as np

from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.core.interpreter_state import GUARD_BYTES
from workbench.isa.program import Program

PAGE_BYTES = 4096
STACK_BYTES = 8 << 20
DEFAULT_SPACE_BYTES = 1 << 30  # heap, mappings and stack together


def _page_up(value: int) -> int:
    return -(-value // PAGE_BYTES) * PAGE_BYTES


class Memory:
    """The bytes of a program and of what it allocates.

    Attributes
    ----------
    base, size: guest addresses covered are ``base ... base + size - 1``.
    data: the bytes; GUARD_BYTES longer than `size`.
    """

    def __init__(self, program: Program, space_bytes: int = DEFAULT_SPACE_BYTES, limits: Limits = DEFAULT_LIMITS) -> None:
        self.base = program.segments[0].address // PAGE_BYTES * PAGE_BYTES
        end = program.segments[-1].address + program.segments[-1].size_bytes
        self.heap_start = self.heap_end = _page_up(end)
        self.size = self.heap_start - self.base + space_bytes
        limits.check(program.name, "memory_bytes", self.heap_start - self.base)
        self.data = np.zeros(self.size + GUARD_BYTES, np.uint8)
        self.stack_top = self.base + self.size
        self.mappings_start = self.stack_top - STACK_BYTES
        for segment in program.segments:
            self.write(segment.address, segment.data)

    def contains(self, address: int, count: int) -> bool:
        """All of `count` bytes from `address` lie inside."""
        return self.base <= address and 0 <= count <= self.base + self.size - address

    def read(self, address: int, count: int) -> bytes | None:
        """Bytes at a guest address, None if a part is outside."""
        if not self.contains(address, count):
            return None
        at = address - self.base
        return self.data[at : at + count].tobytes()

    def write(self, address: int, content: bytes) -> bool:
        """Write bytes at a guest address; False (and nothing written) if a part is outside."""
        if not self.contains(address, len(content)):
            return False
        at = address - self.base
        self.data[at : at + len(content)] = np.frombuffer(content, np.uint8)
        return True

    def text(self, address: int, longest: int = 4096) -> bytes | None:
        """The zero-terminated string at an address, without the zero; None if it is outside or has no end."""
        count = min(longest, self.base + self.size - address)
        content = self.read(address, count) if count > 0 else None
        return content[: content.index(0)] if content is not None and 0 in content else None

    def grow_heap(self, end: int) -> int:
        """The brk call: move the heap's end there if there is room; returns the end."""
        if self.heap_start <= end <= self.mappings_start:
            if end < self.heap_end:
                self.data[end - self.base : self.heap_end - self.base] = 0
            self.heap_end = end
        return self.heap_end

    def map(self, count: int) -> int | None:
        """Address of a fresh zeroed mapping; None if there is no room."""
        start = self.mappings_start - _page_up(count)
        if count <= 0 or start < _page_up(self.heap_end):
            return None
        self.mappings_start = start
        return start

    def unmap(self, address: int, count: int) -> None:
        """Zero a mapping, and give its room back if it is the lowest."""
        if not self.contains(address, _page_up(count)):
            return
        self.data[address - self.base : address - self.base + _page_up(count)] = 0
        if address == self.mappings_start:
            self.mappings_start += _page_up(count)
