"""A linker for object files: places their sections at fixed addresses and applies the few relocations that occur.

Source: RISC-V ELF psABI specification, chapter "Relocations".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.compiler.object_file import read_elf
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


@dataclass(frozen=True)
class Piece:
    """An object file, other names for some of its functions, and addresses of what it leaves open."""

    code: bytes
    renamed: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Name:
    """An entry of a symbol table; `section` is None for what another object or the linker defines."""

    name: str
    section: int | None
    value: int
    size: int
    is_function: bool


@dataclass(frozen=True)
class _Relocation:
    section: int
    offset: int
    kind: int
    name: int
    addend: int


@dataclass(frozen=True)
class _Object:
    """What the linker needs of an object file: sections as (number, alignment, bytes), symbols and relocations."""

    sections: tuple[tuple[int, int, bytes], ...]
    names: tuple[_Name, ...]
    relocations: tuple[_Relocation, ...]


def link_pieces(
    pieces: Sequence[Piece], address: int, entry: str = "_start", stubs: Mapping[str, bytes] | None = None
) -> Linked:
    """Place the sections of pieces from `address` on; behind them the system call stub, and others by name."""
    read = {code: _read_object(code) for code in dict.fromkeys(piece.code for piece in pieces)}
    objects = [read[piece.code] for piece in pieces]
    image = bytearray()
    placed = [_place_sections(part, image, address) for part in objects]
    known = {}
    for name, code in {SYSTEM_CALL: _SYSTEM_CALL_CODE, **(stubs or {})}.items():
        known[name] = Symbol(name, address + len(image), len(code), True)
        image += code
    for piece, part, places in zip(pieces, objects, placed, strict=True):
        known |= {symbol.name: symbol for symbol in _functions(piece, part, places)}
    for piece, part, places in zip(pieces, objects, placed, strict=True):
        values = [_value(name, piece, places, known) for name in part.names]
        _relocate(image, address, places, part.relocations, values)
    symbols = sorted(known.values(), key=lambda symbol: symbol.address)
    return Linked(address, bytes(image), tuple(symbols), known[entry].address)


def _read_object(code: bytes) -> _Object:
    from elftools.elf.relocation import RelocationSection

    elf = read_elf(code)
    parts = list(elf.iter_sections())
    sections = tuple(
        (index, max(part["sh_addralign"], 4), part.data())
        for index, part in enumerate(parts)
        if part["sh_flags"] & _ALLOCATED and part["sh_size"]
    )
    kept = {index for index, _, _ in sections}
    names = tuple(_name(symbol, kept) for symbol in elf.get_section_by_name(".symtab").iter_symbols())
    relocations = tuple(
        _Relocation(part["sh_info"], entry["r_offset"], entry["r_info_type"], entry["r_info_sym"], entry["r_addend"])
        for part in parts
        if isinstance(part, RelocationSection) and part["sh_info"] in kept
        for entry in part.iter_relocations()
        if entry["r_info_type"] != _RELAX
    )
    return _Object(sections, names, relocations)


def _name(symbol: Any, kept: set[int]) -> _Name:
    place = symbol["st_shndx"] if symbol["st_shndx"] in kept else None
    return _Name(symbol.name, place, symbol["st_value"], symbol["st_size"], symbol["st_info"]["type"] == "STT_FUNC")


def _place_sections(part: _Object, image: bytearray, address: int) -> dict[int, int]:
    """Append an object's sections to the image; their addresses."""
    places = {}
    for index, alignment, data in part.sections:
        image += bytes(-len(image) % alignment)
        places[index] = address + len(image)
        image += data
    image += bytes(-len(image) % 4)
    return places


def _functions(piece: Piece, part: _Object, places: dict[int, int]) -> list[Symbol]:
    return [
        Symbol(piece.renamed.get(name.name, name.name), places[name.section] + name.value, name.size, True)
        for name in part.names
        if name.is_function and name.section is not None
    ]


def _value(name: _Name, piece: Piece, places: dict[int, int], known: dict[str, Symbol]) -> int | None:
    """Address of a symbol; None for one that nothing defines."""
    if name.section is not None:
        return places[name.section] + name.value
    if name.name in piece.places:
        return piece.places[name.name]
    return known[name.name].address if name.name in known else None


def _relocate(
    image: bytearray, base: int, places: dict[int, int], relocations: Sequence[_Relocation], values: list[int | None]
) -> None:
    high: dict[int, int] = {}
    for relocation in relocations:
        kind, where = relocation.kind, places[relocation.section] + relocation.offset
        target = values[relocation.name]
        if target is None:
            raise ValueError(f"relocation at {where:#x} refers to a symbol that no object has")
        value, at = target + relocation.addend, where - base
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
