"""A linker for one object file: places its sections at fixed addresses and applies the few relocations that occur.

Source: RISC-V ELF psABI specification, chapter "Relocations".
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from workbench.isa.program import Symbol

SYSTEM_CALL = "system_call"
_SYSTEM_CALL_CODE = b"".join(
    word.to_bytes(4, "little")
    for word in (
        0x00050893,  # addi a7, a0, 0     number
        0x00058513,  # addi a0, a1, 0     first argument
        0x00060593,  # addi a1, a2, 0
        0x00068613,  # addi a2, a3, 0
        0x00000073,  # ecall
        0x00008067,  # ret
    )
)
_CALL, _CALL_PLT, _PCREL_HI20, _PCREL_LO12_I, _HI20, _LO12_I, _LO12_S, _RELAX = 18, 19, 23, 24, 26, 27, 28, 51
_ALLOCATED = 2


@dataclass(frozen=True)
class Linked:
    """Machine code (with its literals) at `address`, and the functions in it."""

    address: int
    data: bytes
    symbols: tuple[Symbol, ...]
    entry: int


def link_object(data: bytes, address: int, entry: str = "_start") -> Linked:
    """Place an object file's sections from `address` on, with the system call stub behind them."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.relocation import RelocationSection

    elf: Any = ELFFile(io.BytesIO(data))
    image, places = _place_sections(elf, address)
    stub = len(image)
    image += _SYSTEM_CALL_CODE
    table = list(elf.get_section_by_name(".symtab").iter_symbols())
    values = [_symbol_value(symbol, places, address + stub) for symbol in table]
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection) and section["sh_info"] in places:
            _relocate(image, address, places[section["sh_info"]], section, values)
    symbols = [
        Symbol(symbol.name, value, symbol["st_size"], True)
        for symbol, value in zip(table, values, strict=True)
        if symbol["st_info"]["type"] == "STT_FUNC" and value is not None
    ]
    symbols.append(Symbol(SYSTEM_CALL, address + stub, len(_SYSTEM_CALL_CODE), True))
    symbols.sort(key=lambda symbol: symbol.address)
    start = next(symbol.address for symbol in symbols if symbol.name == entry)
    return Linked(address, bytes(image), tuple(symbols), start)


def _place_sections(elf: Any, address: int) -> tuple[bytearray, dict[int, int]]:
    image, places = bytearray(), {}
    for index, section in enumerate(elf.iter_sections()):
        if section["sh_flags"] & _ALLOCATED and section["sh_size"]:
            alignment = max(section["sh_addralign"], 4)
            image += bytes(-len(image) % alignment)
            places[index] = address + len(image)
            image += section.data()
    image += bytes(-len(image) % 4)
    return image, places


def _symbol_value(symbol: Any, places: dict[int, int], stub: int) -> int | None:
    if symbol.name == SYSTEM_CALL:
        return stub
    place = places.get(symbol["st_shndx"])
    return None if place is None else int(place + symbol["st_value"])


def _relocate(image: bytearray, base: int, place: int, section: Any, values: list[int | None]) -> None:
    high: dict[int, int] = {}
    for relocation in section.iter_relocations():
        kind, where = relocation["r_info_type"], place + relocation["r_offset"]
        if kind == _RELAX:
            continue
        target = values[relocation["r_info_sym"]]
        if target is None:
            raise ValueError(f"relocation at {where:#x} refers to a symbol that is not in the object")
        value, at = target + relocation["r_addend"], where - base
        if kind in (_CALL, _CALL_PLT):
            _patch_upper(image, at, value - where)
            _patch_low(image, at + 4, value - where)
        elif kind == _HI20:
            _patch_upper(image, at, value)
        elif kind == _PCREL_HI20:
            high[where] = value - where
            _patch_upper(image, at, value - where)
        elif kind == _PCREL_LO12_I:
            _patch_low(image, at, high[value])
        elif kind == _LO12_I:
            _patch_low(image, at, value)
        elif kind == _LO12_S:
            _patch_store(image, at, value)
        else:
            raise ValueError(f"relocation type {kind} at {where:#x} is not known to the linker")


def _patch(image: bytearray, at: int, keep: int, bits: int) -> None:
    word = int.from_bytes(image[at : at + 4], "little") & keep | bits
    image[at : at + 4] = word.to_bytes(4, "little")


def _patch_upper(image: bytearray, at: int, value: int) -> None:
    _patch(image, at, 0xFFF, (value + 0x800) & 0xFFFFF000)


def _patch_low(image: bytearray, at: int, value: int) -> None:
    _patch(image, at, 0xFFFFF, (value & 0xFFF) << 20)


def _patch_store(image: bytearray, at: int, value: int) -> None:
    _patch(image, at, 0x1FFF07F, (value >> 5 & 0x7F) << 25 | (value & 31) << 7)
