"""A scalar and a vector program of a few hundred instructions for tests of logs and traces."""

from __future__ import annotations

from workbench.isa.encode import assemble
from workbench.isa.program import Program, Segment, Symbol

DATA = 0x100000
EXIT = (("addi", "a0", 0, 3), ("addi", "a7", 0, 93), ("ecall",))


def program_of(name: str, *instructions: tuple[int | str, ...]) -> Program:
    """The instructions, then an exit with status 3 in a function of its own."""
    body, end = assemble(*instructions), assemble(*EXIT)
    code = body + end
    segments = (Segment(0x10000, code, len(code), 5), Segment(DATA, bytes(range(256)) * 256, 65536, 6))
    symbols = (
        Symbol("_start", 0x10000, len(body), True),
        Symbol("leave", 0x10000 + len(body), len(end), True),
    )
    return Program(name, 0x10000, segments, symbols)


def scalar(rounds: int = 20) -> Program:
    """Stores and loads that forward, a branch that is taken three times in four, addresses with two steps."""
    return program_of(
        "scalar.elf",
        ("lui", "s0", DATA),
        ("addi", "t0", 0, rounds),
        ("sd", "t0", 0, "s0"),
        ("ld", "t1", 0, "s0"),
        ("mul", "t3", "t1", "t1"),
        ("addi", "s0", "s0", 8),
        ("andi", "t2", "t0", 3),
        ("bne", "t2", 0, 8),
        ("addi", "s0", "s0", 64),
        ("addi", "t0", "t0", -1),
        ("bne", "t0", 0, -32),
    )


def vector(rounds: int = 6) -> Program:
    """Unit-stride, strided, indexed, masked and segment accesses, two vector lengths, a reduction."""
    return program_of(
        "vector.elf",
        ("lui", "s0", DATA),
        ("addi", "t0", 0, rounds),
        ("addi", "t1", 0, 24),
        ("vsetivli", "t2", 4, 0xD0),
        ("vle32.v", "v2", "s0"),
        ("vadd.vv", "v4", "v2", "v2"),
        ("vlse32.v", "v5", "s0", "t1"),
        ("vand.vi", "v6", "v2", 12),
        ("vluxei32.v", "v7", "s0", "v6"),
        ("vsetvli", "t2", 0, 0xC9),
        ("vlseg2e16.v", "v8", "s0"),
        ("vredsum.vs", "v12", "v8", "v10"),
        ("vse16.v", "v8", "s0"),
        ("addi", "s0", "s0", 80),
        ("addi", "t0", "t0", -1),
        ("bne", "t0", 0, -48),
    )
