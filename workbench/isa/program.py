"""`Program`: a RISC-V executable in memory, whether read from an ELF file or made by our compiler."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A loadable piece: `data` at `address`, zero-filled to `size_bytes`; flags as in ELF (1 execute, 2 write, 4 read)."""

    address: int
    data: bytes
    size_bytes: int
    flags: int


@dataclass(frozen=True)
class Symbol:
    """A named address range; functions are what cycles are attributed to."""

    name: str
    address: int
    size_bytes: int
    is_function: bool


@dataclass(frozen=True)
class Program:
    """A static RV64 program.

    Attributes
    ----------
    name: file name or network name.
    entry: address of the first instruction.
    segments: loadable pieces, ascending, not overlapping.
    symbols: ascending by address.
    program_header_address, program_header_count: for the auxiliary vector of Linux programs; 0 where there are none.
    tohost_address, fromhost_address: HTIF addresses of bare-metal programs, else None.
    """

    name: str
    entry: int
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...] = ()
    program_header_address: int = 0
    program_header_count: int = 0
    tohost_address: int | None = None
    fromhost_address: int | None = None

    @property
    def device_end(self) -> int | None:
        """Of bare-metal programs: where memory with content begins; empty segments below stand for devices. Else None."""
        if self.tohost_address is None:
            return None
        return min((segment.address for segment in self.segments if segment.data), default=0)
