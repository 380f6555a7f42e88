"""ELF files that are not static RV64 programs, or damaged: each ends in one sentence, before anything is allocated."""

from __future__ import annotations

import struct

import pytest

from workbench.base.errors import InputError
from workbench.isa.elf import format_elf, parse_elf, read_elf
from workbench.isa.program import Program, Segment, Symbol

CODE = bytes.fromhex("1305a0029308d00573000000")


def good() -> bytearray:
    segments = (Segment(0x10000, CODE, len(CODE), 5), Segment(0x20000, b"data", 100, 6))
    return bytearray(format_elf(Program("p", 0x10000, segments, (Symbol("_start", 0x10000, 12, True),))))


def patched(offset: int, form: str, value: int, data: bytes | None = None) -> bytes:
    changed = bytearray(data or good())
    struct.pack_into(form, changed, offset, value)
    return bytes(changed)


def program_header(number: int, field: int) -> int:
    """File offset of a field (in bytes from the header's start) of a program header."""
    return 64 + 56 * number + field


SENTENCES = {
    "text": (
        b"#!/bin/sh\n",
        "x.elf: found a file that begins with 23 21 2f 62, expected an ELF file (7f 45 4c 46); "
        "compile it for rv64gc and link with -static.",
    ),
    "header only begun": (
        bytes(good())[:40],
        "x.elf: found 40 bytes, expected an ELF header of 64 bytes; build or copy it again.",
    ),
    "32-bit": (
        patched(4, "<B", 1),
        "x.elf: found a 32-bit ELF file, expected a static 64-bit RISC-V program; "
        "compile it for rv64gc and link with -static.",
    ),
    "big-endian": (
        patched(5, "<B", 2),
        "x.elf: found a big-endian ELF file, expected a static 64-bit RISC-V program; "
        "compile it for rv64gc and link with -static.",
    ),
    "x86": (
        patched(18, "<H", 62),
        "x.elf: found a program for x86-64, expected a static 64-bit RISC-V program; "
        "compile it for rv64gc and link with -static.",
    ),
    "object file": (
        patched(16, "<H", 1),
        "x.elf: found an object file, expected a static 64-bit RISC-V program; link it with -static.",
    ),
    "no program headers": (
        patched(56, "<H", 0),
        "x.elf: found 0 program headers of 56 bytes, expected at least one of 56 bytes; build or copy it again.",
    ),
    "entry outside": (
        patched(24, "<Q", 0x20000),
        "x.elf: found the entry address 0x20000 outside of all code, expected an entry in code; build or copy it again.",
    ),
    "segment beyond the file": (
        patched(program_header(0, 8), "<Q", 1 << 40),
        "x.elf, segment at 0x10000: found content up to byte "
        "1,099,511,627,788 in a file of {size:,} bytes, expected a complete file; build or copy it again.",
    ),
    "16 TiB segment": (
        patched(program_header(1, 40), "<Q", 1 << 44),
        "x.elf, segment at 0x20000: found 17,592,186,044,416 memory "
        "bytes, expected at most 4,294,967,296; raise the limit or use a smaller input.",
    ),
    "more content than memory": (
        patched(program_header(1, 40), "<Q", 2),
        "x.elf, segment at 0x20000: found 4 bytes of content for "
        "2 bytes of memory, expected no more content than memory; build or copy it again.",
    ),
    "overlap": (
        patched(program_header(1, 16), "<Q", 0x10004),
        "x.elf: found overlapping segments at 0x10000 and 0x10004, "
        "expected segments apart from each other; build or copy it again.",
    ),
    "far apart": (
        patched(program_header(1, 16), "<Q", 1 << 40),
        "x.elf, from the first to the last segment: found "
        "1,099,511,562,340 memory bytes, expected at most 4,294,967,296; raise the limit or use a smaller input.",
    ),
    "nothing to load": (
        patched(program_header(1, 0), "<I", 0, patched(program_header(0, 0), "<I", 0)),
        "x.elf: found no loadable segment, expected code to run; build or copy it again.",
    ),
    "section table outside": (
        patched(40, "<Q", 1 << 50),
        "x.elf: found section headers up to byte {sections:,} in a file of "
        "{size:,} bytes, expected a complete file; build or copy it again.",
    ),
}


@pytest.mark.parametrize("name", list(SENTENCES))
def test_a_bad_file_ends_in_one_sentence(name):
    data, sentence = SENTENCES[name]
    sections = (1 << 50) + 64 * struct.unpack_from("<H", data, 60)[0] if len(data) > 64 else 0
    with pytest.raises(InputError) as caught:
        parse_elf(data, "x.elf")
    assert str(caught.value) == sentence.format(size=len(data), sections=sections)


def test_a_dynamic_program_names_its_loader():
    loader = b"/lib/ld-linux-riscv64-lp64d.so.1\0"
    data = good() + loader
    struct.pack_into("<IIQQQQQQ", data, 64 + 56, 3, 4, len(data) - len(loader), 0, 0, len(loader), len(loader), 1)
    with pytest.raises(InputError) as caught:
        parse_elf(bytes(data), "x.elf")
    assert str(caught.value) == (
        "x.elf: found a dynamically linked program (needs /lib/ld-linux-riscv64-lp64d.so.1), expected a static program; "
        "link it with -static."
    )


def test_an_empty_and_an_absent_file(tmp_path):
    (tmp_path / "empty.elf").write_bytes(b"")
    with pytest.raises(InputError, match="found an empty file, expected a file with content; check how it was written."):
        read_elf(tmp_path / "empty.elf")
    with pytest.raises(InputError, match="found no such file, expected an existing file; check the path."):
        read_elf(tmp_path / "absent.elf")


@pytest.mark.parametrize("length", range(0, 900, 7))
def test_every_truncation_is_refused_in_words(length):
    data = bytes(good())[:length]
    with pytest.raises(InputError):
        parse_elf(data, "cut.elf")


def test_any_flipped_byte_of_the_headers_is_read_or_refused_in_words():
    original = bytes(good())
    for place in [*range(64 + 2 * 56), *range(len(original) - 6 * 64, len(original))]:
        for flip in (0xFF, 0x01, 0x80):
            data = bytearray(original)
            data[place] ^= flip
            try:
                program = parse_elf(bytes(data), "flipped.elf")
            except InputError:
                continue
            assert sum(s.size_bytes for s in program.segments) <= 1 << 32
