"""The simulated program's address space: one flat, lazily committed buffer, and where heap, mappings and stack lie in it.

From low to high: the program's segments, the heap (grows up with brk), mappings (grow down), the stack. What lies below the
first writable segment, code and constants as linkers place them, cannot be written; there is no other page protection.
"""

from __future__ import annotations

import numpy as np

from workbench.base.errors import InputError
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.core.interpreter.state import GUARD_BYTES
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
    store_base: where the program may write; below lie its code and constants (with whatever shares their pages).
    """

    def __init__(self, program: Program, space_bytes: int = DEFAULT_SPACE_BYTES, limits: Limits = DEFAULT_LIMITS) -> None:
        self.base = program.segments[0].address // PAGE_BYTES * PAGE_BYTES
        end = program.segments[-1].address + program.segments[-1].size_bytes
        self.heap_start = self.heap_end = _page_up(end)
        self.size = self.heap_start - self.base + space_bytes
        limits.check(program.name, "memory_bytes", self.heap_start - self.base)
        try:
            self.data = np.zeros(self.size + GUARD_BYTES, np.uint8)
        except MemoryError:
            found = f"{self.size >> 20:,} MiB for its program, heap, mappings and stack"
            raise InputError(program.name, found, "as much free memory on this machine", "give it less") from None
        writable = [s.address for s in program.segments if s.flags & 2]
        self.store_base = max(min([*writable, self.heap_start]) // PAGE_BYTES * PAGE_BYTES, self.base)
        if program.tohost_address is not None:
            self.store_base = self.base  # no page protection on bare metal
        self.stack_top = self.base + self.size
        self.mappings_start = self._mappings_end = self.stack_top - STACK_BYTES
        self._holes: list[tuple[int, int]] = []  # free ranges between mappings, ascending
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

    def make_writable(self, address: int) -> None:
        """Let the program write from an address on."""
        self.store_base = max(min(self.store_base, address), self.base)

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

    def clear(self, address: int, count: int) -> bool:
        """Zero bytes at a guest address; False (and nothing done) if a part is outside."""
        if not self.contains(address, count):
            return False
        self.data[address - self.base : address - self.base + count] = 0
        return True

    def map(self, count: int) -> int | None:
        """Address of a fresh zeroed mapping, as high as there is room; None if there is none."""
        size = _page_up(count)
        if count <= 0:
            return None
        for number in reversed(range(len(self._holes))):
            start, end = self._holes[number]
            if end - start >= size:
                self._holes[number : number + 1] = [(start, end - size)] if end - start > size else []
                return end - size
        start = self.mappings_start - size
        if start < _page_up(self.heap_end):
            return None
        self.mappings_start = start
        return start

    def unmap(self, address: int, count: int) -> bool:
        """Zero mapped pages and give their room back; False if a part is outside or `address` inside a page."""
        end = address + _page_up(count)
        if address % PAGE_BYTES or not self.clear(address, _page_up(count)):
            return False
        start, end = max(address, self.mappings_start), min(end, self._mappings_end)
        if start < end:
            self._free(start, end)
        return True

    def _free(self, start: int, end: int) -> None:
        apart = []
        for hole in self._holes:
            if hole[1] < start or hole[0] > end:
                apart.append(hole)
            else:
                start, end = min(start, hole[0]), max(end, hole[1])
        if start == self.mappings_start:
            self.mappings_start = end
        else:
            apart.append((start, end))
        self._holes = sorted(apart)
