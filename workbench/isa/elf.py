"""Read and write static RV64 ELF executables.

Reading checks every declared size against the file and the limits before anything is allocated; what a file can get
wrong ends in one `InputError` sentence. Static position-independent programs are placed at `PIE_BASE`; programs that
need a dynamic loader are refused.

Source: System V ABI (gABI) chapters 4-5; RISC-V ELF psABI 1.0.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import read_bytes, write_bytes
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.isa.program import Program, Segment, Symbol

PIE_BASE = 0x1000_0000
_PAGE = 4096
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_MACHINES = {3: "x86", 40: "Arm", 62: "x86-64", 183: "AArch64"}
_MACHINE_RISCV, _TYPE_EXECUTABLE, _TYPE_SHARED = 243, 2, 3
_EXPECTED = "a static 64-bit RISC-V program"
_COMPILE = "compile it for rv64gc and link with -static"
_AGAIN = "build or copy it again"
_LARGEST_TABLE = 4096  # program or section headers


def read_elf(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Program:
    """The program in a static RV64 ELF file; InputError if it is anything else or damaged."""
    return parse_elf(read_bytes(path, limits), str(path), limits)


def parse_elf(data: bytes, where: str, limits: Limits = DEFAULT_LIMITS) -> Program:
    """`read_elf` from bytes; `where` names their origin in errors and the program."""
    header = _checked_header(data, where)
    elf = _opened(data, where)
    bias = PIE_BASE if header["type"] == _TYPE_SHARED else 0
    segments = _segments(elf, data, where, bias, limits)
    symbols = _symbols(elf, where, bias, segments)
    entry = header["entry"] + bias
    if not any(s.flags & 1 and s.address <= entry < s.address + s.size_bytes for s in segments):
        raise InputError(where, f"the entry address 0x{entry:x} outside of all code", "an entry in code", _AGAIN)
    return Program(
        name=Path(where).name, entry=entry, segments=segments, symbols=symbols,
        program_header_address=_header_address(segments, header, elf, bias),
        program_header_count=header["program_headers"],
        tohost_address=next((s.address for s in symbols if s.name == "tohost"), None),
        fromhost_address=next((s.address for s in symbols if s.name == "fromhost"), None),
    )  # fmt: skip


def _checked_header(data: bytes, where: str) -> dict[str, int]:
    if data[:4] != b"\x7fELF":
        raise InputError(where, f"a file that begins with {data[:4].hex(' ')}", "an ELF file (7f 45 4c 46)", _COMPILE)
    if len(data) < _HEADER.size:
        raise InputError(where, f"{len(data)} bytes", "an ELF header of 64 bytes", _AGAIN)
    if data[4] != 2:
        raise InputError(where, "a 32-bit ELF file", _EXPECTED, _COMPILE)
    if data[5] != 1:
        raise InputError(where, "a big-endian ELF file", _EXPECTED, _COMPILE)
    _, kind, machine, _, entry, phoff, shoff, _, _, phsize, phnum, shsize, shnum, shstr = _HEADER.unpack_from(data)
    if machine != _MACHINE_RISCV:
        raise InputError(where, f"a program for {_MACHINES.get(machine, f'machine {machine}')}", _EXPECTED, _COMPILE)
    if kind not in (_TYPE_EXECUTABLE, _TYPE_SHARED):
        found = {1: "an object file", 4: "a core dump"}.get(kind, f"ELF type {kind}")
        raise InputError(where, found, _EXPECTED, "link it with -static")
    if phnum == 0 or phsize != _PROGRAM_HEADER.size or phnum > _LARGEST_TABLE:
        raise InputError(where, f"{phnum} program headers of {phsize} bytes", "at least one of 56 bytes", _AGAIN)
    _check_inside(data, where, "program headers", phoff, phnum * phsize)
    if shoff and shnum:
        _check_inside(data, where, "section headers", shoff, shnum * shsize)
        if shsize != _SECTION_HEADER.size or shstr >= shnum:
            raise InputError(where, "a damaged section table", "64-byte section headers with names", _AGAIN)
    return {"type": kind, "entry": entry, "program_header_offset": phoff, "program_headers": phnum}


def _check_inside(data: bytes, where: str, what: str, offset: int, size: int) -> None:
    if offset + size > len(data):
        raise InputError(
            where, f"{what} up to byte {offset + size:,} in a file of {len(data):,} bytes", "a complete file", _AGAIN
        )


def _opened(data: bytes, where: str) -> Any:
    from elftools.elf.elffile import ELFFile

    try:
        return ELFFile(io.BytesIO(data))
    except Exception as error:  # pyelftools lets construct, key, index and decoding errors through
        raise InputError(where, f"a damaged ELF file ({type(error).__name__})", _EXPECTED, _AGAIN) from None


def _segments(elf: Any, data: bytes, where: str, bias: int, limits: Limits) -> tuple[Segment, ...]:
    headers = [segment.header for segment in elf.iter_segments()]
    for header in headers:
        if header.p_type == "PT_INTERP":
            _check_inside(data, where, "the loader's name", header.p_offset, header.p_filesz)
            loader = data[header.p_offset : header.p_offset + min(header.p_filesz, 100)].rstrip(b"\0")
            found = f"a dynamically linked program (needs {loader.decode('ascii', 'replace')})"
            raise InputError(where, found, "a static program", "link it with -static")
    loads = sorted((h for h in headers if h.p_type == "PT_LOAD" and h.p_memsz), key=lambda h: h.p_vaddr)
    if not loads:
        raise InputError(where, "no loadable segment", "code to run", _AGAIN)
    for header in loads:
        _check_segment(header, data, where, limits)
    _check_layout(loads, where, limits)
    return tuple(
        Segment(h.p_vaddr + bias, data[h.p_offset : h.p_offset + h.p_filesz], h.p_memsz, h.p_flags & 7) for h in loads
    )


def _check_segment(header: Any, data: bytes, where: str, limits: Limits) -> None:
    here = f"{where}, segment at 0x{header.p_vaddr:x}"
    limits.check(here, "memory_bytes", header.p_memsz)
    _check_inside(data, here, "content", header.p_offset, header.p_filesz)
    if header.p_filesz > header.p_memsz:
        found = f"{header.p_filesz:,} bytes of content for {header.p_memsz:,} bytes of memory"
        raise InputError(here, found, "no more content than memory", _AGAIN)
    if header.p_vaddr + header.p_memsz > 1 << 46:
        raise InputError(here, "an address above 46 bits", "a user-mode address", "link it lower")


def _check_layout(loads: list[Any], where: str, limits: Limits) -> None:
    for before, after in zip(loads, loads[1:], strict=False):
        if before.p_vaddr + before.p_memsz > after.p_vaddr:
            found = f"overlapping segments at 0x{before.p_vaddr:x} and 0x{after.p_vaddr:x}"
            raise InputError(where, found, "segments apart from each other", _AGAIN)
    span = loads[-1].p_vaddr + loads[-1].p_memsz - loads[0].p_vaddr
    limits.check(f"{where}, from the first to the last segment", "memory_bytes", span)


def _symbols(elf: Any, where: str, bias: int, segments: tuple[Segment, ...]) -> tuple[Symbol, ...]:
    try:
        table = elf.get_section_by_name(".symtab")
        found = [] if table is None else [_symbol(entry, bias) for entry in table.iter_symbols()]
        labels = set() if table is None else {e.name for e in table.iter_symbols() if _is_label(e)}
    except Exception as error:  # as in _opened
        raise InputError(where, f"a damaged symbol table ({type(error).__name__})", _EXPECTED, _AGAIN) from None
    symbols = sorted((s for s in found if s is not None), key=lambda s: (s.address, s.name))
    return tuple(_with_labels(symbols, labels, segments))


def _symbol(entry: Any, bias: int) -> Symbol | None:
    kind = entry["st_info"]["type"]
    if not entry.name or entry["st_shndx"] == "SHN_UNDEF" or kind not in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE"):
        return None
    if entry.name.startswith((".L", "$")):
        return None
    return Symbol(entry.name, entry["st_value"] + bias, entry["st_size"], kind == "STT_FUNC")


def _is_label(entry: Any) -> bool:
    """A name without a type in a section, as assemblers make them; not those that linkers add."""
    return (
        entry["st_info"]["type"] == "STT_NOTYPE"
        and entry["st_shndx"] not in ("SHN_ABS", "SHN_UNDEF")
        and entry.name not in ("etext", "_etext", "__etext")
    )


def _with_labels(symbols: list[Symbol], labels: set[str], segments: tuple[Segment, ...]) -> Iterator[Symbol]:
    """The symbols, labels in code that no function covers made functions: those of programs in assembly."""
    end = 0
    for symbol in symbols:
        if symbol.is_function:
            end = max(end, symbol.address + symbol.size_bytes)
        elif symbol.name in labels and symbol.address >= end:
            if any(s.flags & 1 and s.address <= symbol.address < s.address + s.size_bytes for s in segments):
                symbol = replace(symbol, is_function=True)
        yield symbol


def _header_address(segments: tuple[Segment, ...], header: dict[str, int], elf: Any, bias: int) -> int:
    offset = header["program_header_offset"]
    for segment in elf.iter_segments():
        if segment.header.p_type == "PT_LOAD":
            inside = offset - segment.header.p_offset
            if 0 <= inside < segment.header.p_filesz:
                return int(segment.header.p_vaddr + inside + bias)
    return 0


def write_elf(path: str | Path, program: Program) -> Path:
    """Write a program as a static RV64GC(V) Linux executable, marked as one; same program, same bytes."""
    return write_bytes(path, format_elf(program), executable=True)


def format_elf(program: Program) -> bytes:
    """The bytes that `write_elf` writes."""
    image = bytearray(_HEADER.size + _PROGRAM_HEADER.size * len(program.segments))
    program_headers, sections = bytearray(), [_SECTION_HEADER.pack(*[0] * 10)]
    names = _Strings()
    for segment in program.segments:
        image += bytes((segment.address - len(image)) % _PAGE)
        offset, content = len(image), len(segment.data)
        image += segment.data
        program_headers += _PROGRAM_HEADER.pack(
            1, segment.flags, offset, segment.address, segment.address, content, segment.size_bytes, _PAGE
        )
        sections.append(_section(names, segment, offset))
    strings = _Strings()
    symbols = _symbol_table(program, strings)
    image += bytes(-len(image) % 8)
    sections.append(_SECTION_HEADER.pack(
        names.add(".symtab"), 2, 0, 0, len(image), len(symbols), len(sections) + 1, 1, 8, _SYMBOL.size
    ))  # fmt: skip
    image += symbols
    sections.append(_SECTION_HEADER.pack(names.add(".strtab"), 3, 0, 0, len(image), len(strings.data), 0, 0, 1, 0))
    image += strings.data
    name = names.add(".shstrtab")
    sections.append(_SECTION_HEADER.pack(name, 3, 0, 0, len(image), len(names.data), 0, 0, 1, 0))
    image += names.data + bytes(-(len(image) + len(names.data)) % 8)
    image[: _HEADER.size] = _HEADER.pack(
        b"\x7fELF\x02\x01\x01" + bytes(9), _TYPE_EXECUTABLE, _MACHINE_RISCV, 1, program.entry, _HEADER.size, len(image),
        0x5, _HEADER.size, _PROGRAM_HEADER.size, len(program.segments), _SECTION_HEADER.size, len(sections),
        len(sections) - 1,
    )  # fmt: skip
    image[_HEADER.size : _HEADER.size + len(program_headers)] = program_headers
    return bytes(image) + b"".join(sections)


class _Strings:
    """A string table under construction."""

    def __init__(self) -> None:
        self.data = bytearray(1)

    def add(self, text: str) -> int:
        """Offset of the text just added."""
        self.data += text.encode() + b"\0"
        return len(self.data) - len(text.encode()) - 1


def _section(names: _Strings, segment: Segment, offset: int) -> bytes:
    is_code, is_data = segment.flags & 1, segment.flags & 2
    name = ".text" if is_code else (".data" if segment.data else ".bss") if is_data else ".rodata"
    flags = 2 | (4 if is_code else 0) | (1 if is_data else 0)
    kind = 1 if segment.data else 8
    size = len(segment.data) or segment.size_bytes
    return _SECTION_HEADER.pack(names.add(name), kind, flags, segment.address, offset, size, 0, 0, 16, 0)


def _symbol_table(program: Program, strings: _Strings) -> bytes:
    table = bytearray(_SYMBOL.size)
    for symbol in program.symbols:
        section = next(
            (i for i, s in enumerate(program.segments, 1) if s.address <= symbol.address < s.address + s.size_bytes), 0xFFF1
        )
        info = 0x12 if symbol.is_function else 0x11  # global function or object
        table += _SYMBOL.pack(strings.add(symbol.name), info, 0, section, symbol.address, symbol.size_bytes)
    return bytes(table)
