"""A linker for object files: places their sections at fixed addresses and applies the few relocations that occur.

Source: RISC-V ELF psABI specification, chapter "Relocations".
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
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


def link_objects(
    objects: Sequence[bytes], address: int, entry: str = "_start", stubs: Mapping[str, bytes] | None = None
) -> Linked:
    """Place the sections of object files from `address` on; behind them the system call stub, and others by name."""
    from elftools.elf.elffile import ELFFile

    elfs: list[Any] = [ELFFile(io.BytesIO(data)) for data in objects]
    image, places = bytearray(), []
    for elf in elfs:
        places.append(_place_sections(elf, image, address))
    known = {}
    for name, code in {SYSTEM_CALL: _SYSTEM_CALL_CODE, **(stubs or {})}.items():
        known[name] = Symbol(name, address + len(image), len(code), True)
        image += code
    for elf, placed in zip(elfs, places, strict=True):
        known |= {symbol.name: symbol for symbol in _functions(elf, placed)}
    for elf, placed in zip(elfs, places, strict=True):
        _relocate_all(elf, image, address, placed, known)
    symbols = sorted(known.values(), key=lambda symbol: symbol.address)
    return Linked(address, bytes(image), tuple(symbols), known[entry].address)


def _place_sections(elf: Any, image: bytearray, address: int) -> dict[int, int]:
    """Append an object's sections to the image; their addresses."""
    places = {}
    for index, section in enumerate(elf.iter_sections()):
        if section["sh_flags"] & _ALLOCATED and section["sh_size"]:
            alignment = max(section["sh_addralign"], 4)
            image += bytes(-len(image) % alignment)
            places[index] = address + len(image)
            image += section.data()
    image += bytes(-len(image) % 4)
    return places


def _functions(elf: Any, places: dict[int, int]) -> list[Symbol]:
    return [
        Symbol(symbol.name, places[symbol["st_shndx"]] + symbol["st_value"], symbol["st_size"], True)
        for symbol in elf.get_section_by_name(".symtab").iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] in places
    ]


def _relocate_all(elf: Any, image: bytearray, base: int, places: dict[int, int], known: dict[str, Symbol]) -> None:
    from elftools.elf.relocation import RelocationSection

    values = [_symbol_value(symbol, places, known) for symbol in elf.get_section_by_name(".symtab").iter_symbols()]
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection) and section["sh_info"] in places:
            _relocate(image, base, places[section["sh_info"]], section, values)


def _symbol_value(symbol: Any, places: dict[int, int], known: dict[str, Symbol]) -> int | None:
    place = places.get(symbol["st_shndx"])
    if place is not None:
        return int(place + symbol["st_value"])
    return known[symbol.name].address if symbol.name in known else None


def _relocate(image: bytearray, base: int, place: int, section: Any, values: list[int | None]) -> None:
    high: dict[int, int] = {}
    for relocation in section.iter_relocations():
        kind, where = relocation["r_info_type"], place + relocation["r_offset"]
        if kind == _RELAX:
            continue
        target = values[relocation["r_info_sym"]]
        if target is None:
            raise ValueError(f"relocation at {where:#x} refers to a symbol that no object has")
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
