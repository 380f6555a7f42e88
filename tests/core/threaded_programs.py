"""Programs of several threads, made without a compiler: raw clone, AMOs and futexes, assembled with labels."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.isa.encode import assemble
from workbench.isa.program import Program, Segment, Symbol

Line = str | tuple[int | str, ...]
DATA = 0x100000
RESULT, AREAS = 64, 1 << 16  # offsets in the data: what is printed (8 bytes); a MiB for each thread from here on
AREA_BYTES = 1 << 20
_EXIT, _EXIT_GROUP, _WRITE, _FUTEX, _CLONE = 93, 94, 64, 98, 220
_WAIT, _WAKE = 0, 1


def with_labels(lines: Sequence[Line]) -> list[tuple[int | str, ...]]:
    """Instructions with offsets for the labels that end branches and jumps; a line that is a string is a label."""
    places: dict[str, int] = {}
    count = 0
    for line in lines:
        if isinstance(line, str):
            places[line] = count
        else:
            count += 1
    real = [line for line in lines if not isinstance(line, str)]
    return [
        (*line[:-1], 4 * (places[line[-1]] - k)) if line[0] in _JUMPS and line[-1] in places else line
        for k, line in enumerate(real)
    ]  # fmt: skip


_JUMPS = ("beq", "bne", "blt", "bge", "jal")


def call(number: int, *arguments: int | str) -> list[Line]:
    """A system call; arguments are small numbers or registers that no earlier argument overwrites."""
    lines: list[Line] = [
        ("addi", f"a{k}", value, 0) if isinstance(value, str) else ("addi", f"a{k}", 0, value)
        for k, value in enumerate(arguments)
    ]
    return [*lines, ("addi", "a7", 0, number), ("ecall",)]


def program_of(lines: Sequence[Line], data_bytes: int = AREAS) -> Program:
    code = assemble(*with_labels(lines))
    segments = (Segment(0x10000, code, len(code), 5), Segment(DATA, bytes(4096), data_bytes, 6))
    return Program("threads.elf", 0x10000, segments, (Symbol("_start", 0x10000, len(code), True),))


def threaded(threads: int, work: Sequence[Line], before: Sequence[Line] = ()) -> Program:
    """Every thread executes `work` once with s0 = DATA, s1 = its number, s2 = its own MiB, after all have been started.

    `before` is what the first does alone. When all are done, the first prints the 8 bytes at RESULT and exits with 7.
    """
    lines: list[Line] = [("lui", "s0", DATA), ("lui", "s2", DATA + AREAS), ("lui", "s3", AREA_BYTES), *before]
    for number in range(1, threads):
        lines += [("addi", "s1", 0, number), ("add", "s2", "s2", "s3"), ("lui", "a0", 0x51000), ("addi", "a0", "a0", -0x100)]
        lines += [*[("addi", f"a{k}", 0, 0) for k in range(1, 5)], ("addi", "a7", 0, _CLONE), ("ecall",)]
        lines += [("beq", "a0", 0, "work")]
    lines += [("addi", "s1", 0, 0), ("lui", "s2", DATA + AREAS), "work"]
    lines += [*_meet("together", 4, threads), *work, *_meet("done", 0, threads)]
    lines += [("beq", "s1", 0, "last"), *call(_EXIT, 0), "last"]
    lines += [("addi", "a1", "s0", RESULT), ("addi", "a2", 0, 8), *call(_WRITE, 1), *call(_EXIT_GROUP, 7)]
    return program_of(lines, AREAS + threads * AREA_BYTES)


def _meet(name: str, offset: int, threads: int) -> list[Line]:
    """A barrier on the word at DATA + offset: the last one wakes the others."""
    return [
        ("addi", "t0", 0, 1), ("addi", "s11", "s0", offset), ("amoadd.w", "t1", "t0", "s11"), ("addi", "t2", 0, threads),
        f"{name} wait", ("lw", "t1", 0, "s11"), ("beq", "t1", "t2", f"{name} over"),
        ("addi", "a0", "s11", 0), ("addi", "a2", "t1", 0), ("addi", "a1", 0, _WAIT), ("addi", "a3", 0, 0),
        ("addi", "a7", 0, _FUTEX), ("ecall",), ("jal", 0, f"{name} wait"),
        f"{name} over", ("addi", "a0", "s11", 0), ("addi", "a1", 0, _WAKE), ("addi", "a2", 0, 1000),
        ("addi", "a7", 0, _FUTEX), ("ecall",),
    ]  # fmt: skip


def repeated(times: int, body: Sequence[Line], name: str = "again", register: str = "s4") -> list[Line]:
    """A loop; `times` is up to 2047 or a multiple of 4096."""
    count = ("addi", register, 0, times) if times < 2048 else ("lui", register, times)
    return [count, name, *body, ("addi", register, register, -1), ("bne", register, 0, name)]


ATOMIC_ADDS = repeated(500, [("addi", "t0", "s0", RESULT), ("addi", "t1", "s1", 1), ("amoadd.d", 0, "t1", "t0")])
RESERVED_ADDS = repeated(
    500,
    [
        ("addi", "t0", "s0", RESULT), "retry", ("lr.d", "t1", "t0"), ("add", "t1", "t1", "s1"), ("addi", "t1", "t1", 1),
        ("sc.d", "t2", "t1", "t0"), ("bne", "t2", 0, "retry"),
    ],
)  # fmt: skip
