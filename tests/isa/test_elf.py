"""ELF files: what we write is what we and QEMU read."""

from __future__ import annotations

import os
import subprocess

import pytest

from workbench.isa.elf import format_elf, parse_elf, read_elf, write_elf
from workbench.isa.program import Program, Segment, Symbol

EXIT_42 = bytes.fromhex("1305a002 9308d005 73000000".replace(" ", ""))  # li a0,42; li a7,93; ecall


def small_program() -> Program:
    return Program(
        name="small.elf",
        entry=0x10004,
        segments=(
            Segment(0x10000, b"\x13\0\0\0" + EXIT_42, 16, 5),
            Segment(0x20010, b"abc", 3, 4),
            Segment(0x30000, b"", 100_000, 6),
        ),
        symbols=(Symbol("_start", 0x10004, 12, True), Symbol("text", 0x20010, 3, False)),
    )


def test_a_written_program_reads_back_equal(tmp_path):
    path = write_elf(tmp_path / "small.elf", small_program())
    back = read_elf(path)
    assert back.segments == small_program().segments
    assert back.symbols == small_program().symbols
    assert (back.name, back.entry, back.tohost_address) == ("small.elf", 0x10004, None)


def test_the_same_program_gives_the_same_bytes():
    assert format_elf(small_program()) == format_elf(small_program())


def test_binutils_style_readers_see_sections_and_symbols(tmp_path):
    from elftools.elf.elffile import ELFFile

    with write_elf(tmp_path / "small.elf", small_program()).open("rb") as stream:
        elf = ELFFile(stream)
        assert elf.get_section_by_name(".text").data()[4:] == EXIT_42
        assert [s.name for s in elf.get_section_by_name(".symtab").iter_symbols()] == ["", "_start", "text"]


def test_tohost_symbol_is_found():
    program = small_program()
    with_tohost = Program(**{**program.__dict__, "symbols": (Symbol("tohost", 0x30000, 8, False),)})
    assert parse_elf(format_elf(with_tohost), "bare.elf").tohost_address == 0x30000


def test_a_written_program_is_marked_executable(tmp_path):
    assert os.access(write_elf(tmp_path / "small.elf", small_program()), os.X_OK)


@pytest.mark.slow
def test_qemu_runs_a_written_program(tmp_path):
    path = write_elf(tmp_path / "small.elf", small_program())
    assert subprocess.run(["qemu-riscv64", str(path)], timeout=60).returncode == 42
