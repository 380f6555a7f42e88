"""Bare-metal programs and their host: exit codes, console, system calls through tohost and fromhost."""

from __future__ import annotations

import struct

import pytest

from workbench.core.bare_metal.htif import Htif
from workbench.core.linux.syscalls import Linux
from workbench.core.memory import Memory
from workbench.isa.program import Program, Segment

TOHOST, FROMHOST, DATA = 0x10000, 0x10040, 0x10080


@pytest.fixture
def host():
    memory = Memory(Program("p.elf", TOHOST, (Segment(TOHOST, b"", 4096, 7),)), 1 << 20)
    return Htif(Linux(memory, b"hi", "p.elf"), TOHOST, FROMHOST)


def send(host, device, command, payload):
    host.memory.write(TOHOST, struct.pack("<Q", device << 56 | command << 48 | payload))
    host.handle(0)
    assert host.memory.read(TOHOST, 8) == bytes(8)
    return struct.unpack("<Q", host.memory.read(FROMHOST, 8))[0]


@pytest.mark.parametrize("code,seen", [(0, 0), (3, 3), (255, 255), (256, 1), (1337, 1337 & 0xFF)])
def test_an_odd_payload_ends_the_program(host, code, seen):
    send(host, 0, 0, code << 1 | 1)
    assert host.linux.exit_code == seen


def test_the_console_writes_and_reads_characters(host):
    for character in b"ok\n":
        send(host, 1, 1, character)
    assert host.linux.stdout == b"ok\n" and host.linux.exit_code is None
    assert [send(host, 1, 0, 0) for _ in range(3)] == [1 << 56 | 0x100 | c for c in (ord("h"), ord("i"), 255)]


def test_an_even_payload_is_a_system_call(host):
    host.memory.write(DATA, struct.pack("<8q", 64, 1, DATA + 64, 5, 0, 0, 0, 0) + b"hello")
    assert send(host, 0, 0, DATA) == 1
    assert host.linux.stdout == b"hello" and host.memory.read(DATA, 8) == struct.pack("<q", 5)


def test_what_is_not_offered_is_noted(host):
    send(host, 2, 0, 8)
    send(host, 0, 0, 1 << 40)
    assert host.linux.missing == [
        "HTIF command 0 of device 2", "HTIF system calls with arguments outside of memory",
    ]  # fmt: skip
