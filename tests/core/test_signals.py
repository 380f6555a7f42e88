"""Signals: handlers and their frames, masks, other stacks, and what ends a program."""

from __future__ import annotations

import struct

import pytest

from workbench.core.fault import ExecutionFault
from workbench.core.run import Machine, run_program
from workbench.isa.encode import REGISTERS, assemble, vtype
from workbench.isa.program import Program, Segment, Symbol

CODE, DATA, HANDLER_AT = 0x10000, 0x100000, 0x400
KILL, TKILL, ACTION, MASK, STACK = 129, 130, 134, 135, 132
USER, SEGV = 10, 11
CALLER_SAVES = ("t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7")


def call(number, *arguments):
    values = [("addi", f"a{place}", 0, value) for place, value in enumerate(arguments)]
    return [*values, ("addi", "a7", 0, number), ("ecall",)]


def set_action(signal):
    """Take the action at DATA for a signal."""
    arguments = [("addi", "a0", 0, signal), ("lui", "a1", DATA), ("addi", "a2", 0, 0), ("addi", "a3", 0, 8)]
    return [*arguments, ("addi", "a7", 0, ACTION), ("ecall",)]


def program(lines, handler, flags=0, mask=0):
    """Code, a handler that ends in a return, and the action for it at DATA."""
    code = assemble(*lines, *call(93)).ljust(HANDLER_AT, b"\0") + assemble(*handler, ("jalr", 0, 0, "ra"))
    data = struct.pack("<QQQ", CODE + HANDLER_AT, flags, mask)
    segments = (Segment(CODE, code, len(code), 5), Segment(DATA, data, 1 << 16, 6))
    return Program("test.elf", CODE, segments, (Symbol("_start", CODE, len(code), True),))


COUNT = [("lui", "t0", DATA), ("ld", "t1", 256, "t0"), ("addi", "t1", "t1", 1), ("sd", "t1", 256, "t0")]
LEAVE_COUNT = [("lui", "s0", DATA), ("ld", "a0", 256, "s0")]


def test_a_handler_runs_and_every_register_is_as_before():
    changed = [("addi", name, 0, -1) for name in CALLER_SAVES]
    changed += [("fcvt.d.l", f"f{number}", "a0") for number in range(32)]
    changed += [("vsetivli", 0, 1, vtype(8, 1)), *(("vmv.v.i", number, 7) for number in range(32))]
    before = [("addi", "t3", 0, 123), ("fcvt.d.l", "f3", "t3"), ("vsetivli", 0, 4, vtype(32, 2)), ("vmv.v.i", 8, 5)]
    lines = [*set_action(USER), *before, *call(KILL, 1000, USER), ("vse32.v", 8, "s0"), *LEAVE_COUNT]
    lines.insert(-3, ("lui", "s0", DATA + 0x1000))
    with Machine(program(lines, [*COUNT, *changed]), None) as machine:
        machine.run()
    assert machine.linux.exit_code == 1
    assert machine.registers[REGISTERS["t3"]] == 123
    assert struct.unpack("<d", struct.pack("<q", int(machine.registers[32 + 3]))) == (123.0,)
    assert machine.memory.read(DATA + 0x1000, 16) == struct.pack("<4i", 5, 5, 5, 5)


def test_a_program_that_catches_a_fault_goes_on_where_its_handler_says():
    registers = 128 + 176  # of the frame's registers, behind siginfo and the head of the context
    handler = [*COUNT, ("ld", "t1", registers, "sp"), ("addi", "t1", "t1", 4), ("sd", "t1", registers, "sp")]
    handler += [("lui", "t2", DATA), ("ld", "t3", 16, "a1"), ("sd", "t3", 264, "t2")]
    with Machine(program([*set_action(SEGV), ("ld", "t0", 24, 0), *LEAVE_COUNT], handler), None) as machine:
        machine.run()
    assert machine.linux.exit_code == 1
    assert machine.memory.read(DATA + 264, 8) == struct.pack("<Q", 24)  # si_addr


def test_a_fault_whose_signal_is_blocked_ends_the_program():
    block = [("addi", "t0", 0, 1 << SEGV - 1), ("sd", "t0", -8, "sp"), ("addi", "a0", 0, 0), ("addi", "a1", "sp", -8)]
    block += [("addi", "a2", 0, 0), ("addi", "a3", 0, 8), ("addi", "a7", 0, MASK), ("ecall",)]
    with pytest.raises(ExecutionFault):
        run_program(program([*set_action(SEGV), *block, ("ld", "t0", 24, 0)], COUNT), None)


def test_a_blocked_signal_waits_until_it_is_let_through():
    def change(how):
        lines = [("addi", "t0", 0, 1 << USER - 1), ("sd", "t0", -8, "sp"), ("addi", "a0", 0, how), ("addi", "a1", "sp", -8)]
        return [*lines, ("addi", "a2", 0, 0), ("addi", "a3", 0, 8), ("addi", "a7", 0, MASK), ("ecall",)]

    twice = [*call(KILL, 1000, USER), *call(KILL, 1000, USER)]  # pending once
    lines = [*set_action(USER), *change(0), *twice, *LEAVE_COUNT, ("slli", "s1", "a0", 4)]
    lines += [*change(1), *LEAVE_COUNT, ("or", "a0", "a0", "s1")]
    assert run_program(program(lines, COUNT), None).exit_code == 1  # 0 before, 1 after


def test_a_handler_runs_on_the_other_stack_if_it_asks_for_it():
    other = [("lui", "t0", DATA + 0x4000), ("sd", "t0", -24, "sp"), ("sd", 0, -16, "sp"), ("lui", "t1", 0x4000)]
    other += [("sd", "t1", -8, "sp"), ("addi", "a0", "sp", -24), ("addi", "a1", 0, 0), ("addi", "a7", 0, STACK), ("ecall",)]
    note = [("lui", "t0", DATA), ("sd", "sp", 256, "t0")]
    lines = [*other, *set_action(USER), *call(KILL, 1000, USER)]
    with Machine(program(lines, note, flags=0x0800_0000), None) as machine:
        machine.run()
    (pointer,) = struct.unpack("<Q", machine.memory.read(DATA + 256, 8))
    assert DATA + 0x4000 < pointer < DATA + 0x8000


def test_a_stack_without_room_for_the_frame_ends_the_program():
    result = run_program(program([*set_action(USER), ("addi", "sp", 0, 64), *call(KILL, 1000, USER)], COUNT), None)
    assert (result.exit_code, result.notes) == (128 + USER, (f"Signal {USER} ended the program.",))


@pytest.mark.parametrize(("signal", "code"), [(15, 143), (17, 5), (9, 137)])
def test_signals_without_a_handler_end_the_program_or_are_ignored(signal, code):
    assert run_program(program([*call(KILL, 1000, signal), ("addi", "a0", 0, 5)], COUNT), None).exit_code == code


def test_a_handler_of_another_thread_is_refused_and_noted():
    result = run_program(program([*set_action(USER), *call(TKILL, 1001, USER), ("sub", "a0", 0, "a0")], COUNT), None)
    assert result.exit_code == 38
    assert result.notes == ("A signal for another thread is not offered: it returned ENOSYS.",)
