"""Addresses: constants behind each other, working memory shared by buffers that do not live at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.compiler.lowering import Buffer

ALIGNMENT = 64
PAGE = 4096


@dataclass(frozen=True)
class MemoryPlan:
    """Address of every buffer, the constants' bytes, and the size of the working memory behind them."""

    addresses: tuple[int, ...]
    constants_address: int
    constants: bytes
    arena_address: int
    arena_bytes: int

    @property
    def end(self) -> int:
        """First free address, page aligned."""
        return align(self.arena_address + self.arena_bytes, PAGE)


def align(value: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-value // step) * step


def plan_memory(buffers: Sequence[Buffer], base: int) -> MemoryPlan:
    """Place all buffers from address `base` on."""
    addresses = [0] * len(buffers)
    place, pieces = 0, []
    for index, buffer in enumerate(buffers):
        if buffer.data is not None:
            addresses[index] = base + place
            padded = np.zeros(align(buffer.size_bytes, ALIGNMENT), np.uint8)
            padded[: buffer.size_bytes] = np.frombuffer(buffer.data.tobytes(), np.uint8)
            pieces.append(padded.tobytes())
            place += len(padded)
    arena = align(base + place, PAGE)
    offsets, size = _pack({index: buffer for index, buffer in enumerate(buffers) if buffer.data is None})
    for index, offset in offsets.items():
        addresses[index] = arena + offset
    return MemoryPlan(tuple(addresses), base, b"".join(pieces), arena, align(size, PAGE))


def _pack(buffers: dict[int, Buffer]) -> tuple[dict[int, int], int]:
    """Offsets by first fit, largest first: two buffers overlap only if no layer uses both."""
    order = sorted(buffers, key=lambda index: (-buffers[index].size_bytes, index))
    placed: list[tuple[int, int, Buffer]] = []
    offsets: dict[int, int] = {}
    peak = 0
    for index in order:
        buffer = buffers[index]
        size = align(buffer.size_bytes, ALIGNMENT)
        offset = 0
        busy = sorted((start, end) for start, end, other in placed if _together(other, buffer))
        for start, end in busy:
            if start - offset >= size:
                break
            offset = max(offset, end)
        offsets[index] = offset
        placed.append((offset, offset + size, buffer))
        peak = max(peak, offset + size)
    return offsets, peak


def _together(first: Buffer, second: Buffer) -> bool:
    return first.first <= second.last and second.first <= first.last
