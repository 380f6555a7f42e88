"""Running a program: system calls, limits, faults in words, regions, simulated time, bare-metal exit."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from workbench.base.errors import InputError
from workbench.core.config import load_core
from workbench.core.fault import ExecutionFault
from workbench.core.run import Machine, run_program
from workbench.isa.encode import REGISTERS, assemble, encode
from workbench.isa.program import Program, Segment, Symbol

DATA = 0x100000
ENOSYS = 38


def program(*lines, data=bytes(4096), symbols=()):
    code = assemble(*lines)
    whole = Symbol("_start", 0x10000, len(code), True)
    segments = (Segment(0x10000, code, len(code), 5), Segment(DATA, data, len(data), 6))
    return Program("test.elf", 0x10000, segments, (whole, *symbols))


def call(number, *arguments):
    lines = [("addi", f"a{place}", 0, value) for place, value in enumerate(arguments)]
    return [*lines, ("addi", "a7", 0, number), ("ecall",)]


EXIT = call(93)
ECHO = [
    ("lui", "a1", DATA),
    ("addi", "a0", 0, 0),
    ("addi", "a2", 0, 100),
    ("addi", "a7", 0, 63),
    ("ecall",),
    ("addi", "a2", "a0", 0),
    ("addi", "a0", 0, 1),
    ("addi", "a7", 0, 64),
    ("ecall",),
    ("addi", "a0", 0, 2),
    ("addi", "a2", 0, 2),
    ("ecall",),
    *call(94, 7),
]


def test_reads_stdin_writes_stdout_and_stderr_and_exits():
    result = run_program(program(*ECHO), None, stdin=b"hello")
    assert (result.exit_code, result.stdout, result.stderr) == (7, b"hello", b"he")
    assert result.notes == () and result.cycles == 0


def test_arguments_lie_on_the_stack_as_linux_puts_them():
    machine = Machine(program(*EXIT), None, argv=("one", "two"))
    pointer = int(machine.registers[REGISTERS["sp"]])
    count, *addresses = struct.unpack("<5Q", machine.memory.read(pointer, 40))
    assert pointer % 16 == 0 and count == 3 and addresses[3] == 0
    assert [machine.memory.text(a) for a in addresses[:3]] == [b"test.elf", b"one", b"two"]


def test_the_auxiliary_vector_names_entry_and_page_size():
    machine = Machine(program(*EXIT), None)
    pointer = int(machine.registers[REGISTERS["sp"]])
    words = struct.unpack("<40Q", machine.memory.read(pointer, 320))
    start = words.index(0, words.index(0, 1) + 1) + 1
    pairs = dict(zip(words[start::2], words[start + 1 :: 2], strict=False))
    assert pairs[9] == 0x10000 and pairs[6] == 4096


def test_an_unknown_system_call_returns_enosys_and_is_noted():
    result = run_program(
        program(*call(600), ("sub", "a0", 0, "a0"), *call(220), ("addi", "a7", 0, 93), ("sub", "a0", 0, "a0"), ("ecall",)),
        None,
    )
    assert result.exit_code == ENOSYS
    assert result.notes == (
        "System call number 600 is not offered: it returned ENOSYS.",
        "System call clone is not offered: it returned ENOSYS.",
    )


def test_heap_and_mappings_are_zeroed_memory_apart_from_each_other():
    machine = Machine(program(*EXIT), None, space_bytes=64 << 20)
    linux, memory = machine.linux, machine.memory
    start = linux.call(214, (0, 0, 0, 0, 0, 0), 0)
    assert linux.call(214, (start + 8192, 0, 0, 0, 0, 0), 0) == start + 8192
    mapped = linux.call(222, (0, 10000, 3, 0x22, -1, 0), 0)
    assert mapped % 4096 == 0 and mapped > start + 8192
    memory.write(mapped, b"x" * 10000)
    assert linux.call(215, (mapped, 10000, 0, 0, 0, 0), 0) == 0
    assert linux.call(222, (0, 10000, 3, 0x22, -1, 0), 0) == mapped
    assert memory.read(mapped, 10000) == bytes(10000)
    assert linux.call(222, (0, 1 << 40, 3, 0x22, -1, 0), 0) == -12


@pytest.mark.parametrize(
    "number,arguments,expected",
    [
        (63, (5, DATA, 1, 0, 0, 0), -9),
        (64, (1, 8, 4, 0, 0, 0), -14),
        (29, (1, 0x5413, DATA, 0, 0, 0), -25),
        (56, (-100, DATA, 0, 0, 0, 0), -2),
        (62, (1, 0, 0, 0, 0, 0), -29),
        (293, (0, 0, 0, 0, 0, 0), -38),
        (174, (0,) * 6, 1000),
    ],
)
def test_calls_that_cannot_succeed_return_linux_errors(number, arguments, expected):
    assert Machine(program(*EXIT), None).linux.call(number, arguments, 0) == expected


def test_random_numbers_and_time_repeat():
    def outcome():
        linux = Machine(program(*EXIT), None).linux
        linux.call(278, (DATA, 64, 0, 0, 0, 0), 0)
        linux.call(113, (1, DATA + 64, 0, 0, 0, 0), 1_500_000_000)
        return linux.memory.read(DATA, 80)

    assert outcome() == outcome()
    assert struct.unpack("<qq", outcome()[64:]) == (1, 500_000_000)


FAULTS = {
    "load": (
        [("ld", "a0", 8, 0)],
        "test.elf: a load from 0x8, outside of the program's memory, at 0x10000 (_start+0x0), instruction 0x00803503 "
        "`ld a0, 8(zero)`, with ra = 0x0, after 0 instructions.",
    ),
    "store": (
        [("addi", "a0", 0, -8), ("sw", "a0", 0, "a0")],
        "test.elf: a store to 0xfffffffffffffff8, outside of the program's memory, at 0x10004 (_start+0x4), instruction "
        "0x00a52023 `sw a0, 0(a0)`, with a0 = 0xfffffffffffffff8, ra = 0x0, after 1 instructions.",
    ),
    "jump": (
        [("jalr", 0, 0, 0)],
        "test.elf: a jump to 0x0, outside of the program's code, at 0x10000 (_start+0x0), instruction 0x00000067 "
        "`jalr zero, 0(zero)`, with ra = 0x0, after 1 instructions.",
    ),
    "jump into data": (
        [("lui", "a5", DATA), ("jalr", "ra", 16, "a5")],
        "test.elf: a jump to 0x100010, which is data, at 0x10004 (_start+0x4), instruction 0x010780e7 `jalr ra, 16(a5)`, "
        "with a5 = 0x100000, ra = 0x10008, after 2 instructions.",
    ),
    "store to code": (
        [("lui", "a5", 0x10000), ("sb", "a5", 1, "a5")],
        "test.elf: a store to 0x10001 (_start+0x1), which may only be read, at 0x10004 (_start+0x4), instruction 0x00f780a3 "
        "`sb a5, 1(a5)`, with a5 = 0x10000, ra = 0x0, after 1 instructions.",
    ),
    "vector store to code": (
        [("lui", "a5", 0x10000), ("vsetivli", 0, 4, 0), ("vse8.v", 1, "a5")],
        "test.elf: a store to 0x10000 (_start+0x0), which may only be read, at 0x10008 (_start+0x8), instruction 0x020780a7 "
        "`vse8.v v1, (a5)`, with a5 = 0x10000, vl = 4, vtype = e8, m1, tu, mu, ra = 0x0, after 2 instructions.",
    ),
    "atomic to code": (
        [("lui", "a5", 0x10000), ("lr.w", "a4", "a5"), ("amoadd.w", "a4", "a4", "a5")],
        "test.elf: a store to 0x10000 (_start+0x0), which may only be read, at 0x10008 (_start+0x8), instruction 0x00e7a72f "
        "`amoadd.w a4, a4, (a5)`, with a4 = 0x107b7, a5 = 0x10000, ra = 0x0, after 2 instructions.",
    ),
    "breakpoint": (
        [("ebreak",)],
        "test.elf: a breakpoint at 0x10000 (_start+0x0), instruction 0x00100073 `ebreak`, with ra = 0x0, "
        "after 0 instructions.",
    ),
    "vector without a type": (
        [("vadd.vv", 1, 2, 3)],
        "test.elf: an illegal instruction at 0x10000 (_start+0x0), instruction 0x022180d7 `vadd.vv v1, v2, v3`, "
        "with vl = 0, vtype = illegal, ra = 0x0, after 0 instructions.",
    ),
    "unaligned register group": (
        [("vsetivli", 0, 4, 2), ("vadd.vv", 1, 4, 8)],
        "test.elf: an illegal instruction at 0x10004 (_start+0x4), instruction 0x024400d7 `vadd.vv v1, v4, v8`, "
        "with vl = 4, vtype = e8, m4, tu, mu, ra = 0x0, after 1 instructions.",
    ),
    "vector load": (
        [("vsetivli", 0, 4, 0), ("vle8.v", 1, 0)],
        "test.elf: a load from 0x0, outside of the program's memory, at 0x10004 (_start+0x4), instruction 0x02000087 "
        "`vle8.v v1, (zero)`, with vl = 4, vtype = e8, m1, tu, mu, ra = 0x0, after 1 instructions.",
    ),
}


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_fault_says_what_and_where(name):
    lines, sentence = FAULTS[name]
    with pytest.raises(ExecutionFault) as caught:
        run_program(program(*lines), None)
    assert str(caught.value) == sentence


def test_a_fault_in_a_compressed_instruction_names_symbols_and_values():
    code = assemble(("lui", "s0", 0x7000000), ("jal", "ra", 8), ("addi", 0, 0, 0)) + b"\x40\x44"  # c.lw s0, 12(s0)
    symbols = (Symbol("_start", 0x10000, 12, True), Symbol("leaf", 0x1000C, 2, True), Symbol("far", 0x7000000, 64, False))
    with pytest.raises(ExecutionFault) as caught:
        run_program(Program("p.elf", 0x10000, (Segment(0x10000, code, len(code), 5),), symbols), None, space_bytes=32 << 20)
    assert str(caught.value) == (
        "p.elf: a load from 0x700000c (far+0xc), outside of the program's memory, at 0x1000c (leaf+0x0), instruction 0x4440 "
        "`lw s0, 12(s0)`, with s0 = 0x7000000, ra = 0x10008 (_start+0x8), after 2 instructions."
    )
    assert caught.value.signal == 11


def test_a_stack_that_grows_without_end_is_a_fault():
    lines = [("lui", "t0", 0x1000), ("sub", "sp", "sp", "t0"), ("sd", "ra", 0, "sp"), ("jal", 0, -8)]
    sentence = r"a stack of \d+ MiB, more than its 8 MiB, at 0x100.. \(_start\+0x.\), with sp = 0x\w+, after \d"
    with pytest.raises(ExecutionFault, match=sentence):
        run_program(program(*lines), None, max_instructions=400_000)


def test_ctrl_c_keeps_the_figures():
    machine = Machine(program(("jal", 0, 0)), None)
    with machine:
        machine.run_slice(1000)
        machine.stop(" by Ctrl-C", 130)
    result = machine.result()
    assert (result.exit_code, result.instructions) == (130, 1000)
    assert result.notes == ("Stopped by Ctrl-C after 1,000 instructions, before the program's end.",)


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(InputError) as caught:
        Machine(program(*EXIT), None, argv=("x" * (3 << 20),))
    assert str(caught.value) == ("arguments: found 3,146,793 bytes, expected at most 2,097,152; pass them in a file.")


def test_an_unknown_word_is_shown_as_such():
    bad = program(("addi", 0, 0, 0))
    bad = replace(bad, segments=(Segment(0x10000, b"\xff\xff\xff\xff", 4, 5),))
    with pytest.raises(ExecutionFault, match=r"instruction 0xffffffff `.word 0xffffffff`"):
        run_program(bad, None)


def test_a_core_without_vectors_refuses_them():
    core = load_core("thead_c906").model_copy(update={"vector": None, "npu": None})
    with pytest.raises(ExecutionFault, match=r"an illegal instruction \(thead_c906 has no vector unit\)"):
        run_program(program(("vsetivli", 0, 4, 0), *EXIT), core, timed=False)


def test_the_limit_on_instructions_stops_and_says_so():
    result = run_program(program(("jal", 0, 0)), None, max_instructions=1000)
    assert (result.exit_code, result.instructions) == (124, 1000)
    assert result.notes == ("Stopped after 1,000 instructions, before the program's end.",)


def test_an_odd_vlen_is_refused():
    with pytest.raises(InputError, match="vlen_bits: found 100, expected a power of two from 128 to 65536; correct it."):
        run_program(program(*EXIT), None, vlen_bits=100)


def test_instructions_are_attributed_to_functions():
    lines = [("jal", "ra", 16), ("jal", "ra", 12), *EXIT, ("addi", "t0", 0, 1), ("jalr", 0, 0, "ra")]
    code = assemble(*lines)
    symbols = (Symbol("_start", 0x10000, 16, True), Symbol("leaf", 0x10010, 8, True))
    run = run_program(Program("p", 0x10000, (Segment(0x10000, code, len(code), 5),), symbols), None)
    assert {r.name: r.instructions for r in run.regions} == {"_start": 4, "leaf": 4}


def test_a_bare_metal_program_ends_through_tohost():
    lines = [
        ("csrrs", "t0", 0xF14, 0),
        ("lui", "a1", DATA),
        ("addi", "a0", 0, 3 << 1 | 1),
        ("sd", "a0", 0, "a1"),
        ("jal", 0, 0),
    ]
    bare = replace(program(*lines), tohost_address=DATA)
    result = run_program(bare, None)
    assert (result.exit_code, result.instructions) == (3, 4)


def test_code_that_was_made_writable_can_be_written():
    lines = [
        ("lui", "a0", 0x10000), ("lui", "a1", 4096), ("addi", "a2", 0, 7), ("addi", "a7", 0, 226), ("ecall",),
        ("lui", "a5", 0x10000), ("sw", 0, 0, "a5"), *EXIT,
    ]  # fmt: skip
    assert run_program(program(*lines), None).exit_code == 0
    with pytest.raises(ExecutionFault, match="a store to 0x10000"):
        run_program(program(*lines[-4:]), None)


TRAPS = [  # start-up code and a trap handler, as programs for instruction tests have them
    ("lui", "t0", 0x10000), ("addi", "t0", "t0", 64), ("csrrw", 0, 0x305, "t0"),  # mtvec = 0x10040
    ("addi", "t0", "t0", -28), ("csrrw", 0, 0x341, "t0"), ("csrrs", "t1", 0xF14, 0), ("mret",),  # to 0x10024 in user mode
    ("addi", 0, 0, 0), ("addi", 0, 0, 0), ("addi", "a0", 0, 1),  # at 0x10024
]  # fmt: skip
HANDLER = [  # tohost = mcause << 1 | 1
    ("csrrs", "a0", 0x342, 0), ("slli", "a0", "a0", 1), ("ori", "a0", "a0", 1), ("lui", "a1", DATA), ("sd", "a0", 0, "a1"),
    ("jal", 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    "line,cause",
    [
        (("ecall",), 8),
        (("ebreak",), 3),
        (("csrrs", "t1", 0xF14, 0), 2),  # of machine mode, in user mode
        (("ld", "a0", 0, 0), 5),
        (("sd", "a0", 0, 0), 7),
        (("jalr", 0, 0, 0), 1),
    ],
)
def test_bare_metal_programs_handle_their_traps(line, cause):
    filler = [("addi", 0, 0, 0)] * (16 - len(TRAPS) - 1)
    bare = replace(program(*TRAPS, line, *filler, *HANDLER), tohost_address=DATA)
    assert run_program(bare, None, max_instructions=100).exit_code == cause


def test_timing_changes_no_result_and_its_parts_add_up():
    core = load_core("xiangshan_kunminghu_v2")
    lines = [("lui", "s1", 4096), ("addi", "t0", "t0", 3), ("addi", "s1", "s1", -1), ("bne", "s1", 0, -8), *ECHO]
    functional = run_program(program(*lines), core, timed=False, stdin=b"abc")
    timed = run_program(program(*lines), core, stdin=b"abc")
    assert (timed.stdout, timed.exit_code, timed.instructions) == (
        functional.stdout,
        functional.exit_code,
        functional.instructions,
    )
    assert timed.cycles == sum(timed.cpi_stack.values()) > 0
    assert sum(r.instructions for r in timed.regions) == timed.instructions
    assert timed.activity.instructions == timed.instructions
    assert timed.latency_ms == pytest.approx(timed.cycles / core.frequency_mhz / 1e3)


def test_every_instruction_after_a_floating_one_is_timed():
    core = load_core("thead_c906")
    lines = [("fadd.d", 1, 2, 3, 7), ("fcvt.w.d", "a0", 1, 1), *[("addi", "a0", "a0", 1)] * 50, *EXIT]
    result = run_program(program(*lines), core)
    assert result.activity.instructions == result.instructions == len(lines)


def test_compressed_and_full_size_instructions_mix():
    code = (
        b"\x05\x45"
        + encode("addi", 10, 10, 4).to_bytes(4, "little")
        + b"\x0d\x05"
        + assemble(("addi", "a7", 0, 93), ("ecall",))
    )
    result = run_program(Program("rvc", 0x10000, (Segment(0x10000, code, len(code), 5),)), None)
    assert result.exit_code == 1 + 4 + 3


def test_a_timed_run_has_its_cores_vlen():
    core = load_core("thead_c906")
    sentence = "vlen_bits: found 512, expected thead_c906's 128; leave it out in a timed run."
    with pytest.raises(InputError) as caught:
        run_program(program(*EXIT), core, vlen_bits=512)
    assert str(caught.value) == sentence
