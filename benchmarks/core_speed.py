"""Speed of the simulated core: instructions and multiply-accumulates a second on this machine, without compilation.

    python benchmarks/core_speed.py [--timed CORE] [--rounds N]

Programs: a generated scalar loop (loads, stores, arithmetic, branches); `programs/mixed.c` where a RISC-V gcc is
installed; generated vector loops (fp32 vfmacc.vf at LMUL 4 and a load-multiply-store stream) at several VLEN.
Prints one line a program: MIPS, for the vector ones millions of fp32 multiply-accumulates a second, and, where
qemu-riscv64 is installed, our speed as a share of QEMU's on the same file, run right after (up to VLEN 1024, its limit).

--rounds N: instead, each program N times in slices, of which the least processor time counts; runs are the same to the
instruction, so what other work on the machine adds to one run is left out. Timed, vector micro-operations a second, too.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from workbench.core.config import CoreConfig, load_core
from workbench.core.run import Machine, run_program
from workbench.isa.elf import read_elf, write_elf
from workbench.isa.encode import assemble, vtype
from workbench.isa.program import Program, Segment, Symbol

Line = tuple[int | str, ...]
SLICE_INSTRUCTIONS = 10_000  # of --rounds: a millisecond or a few
_EXIT: list[Line] = [("addi", "a0", 0, 0), ("addi", "a7", 0, 93), ("ecall",)]


def looped(name: str, setup: list[Line], body: list[Line], rounds: int) -> Program:
    """A program that executes `body` `rounds` times (a multiple of 4096); s0 points to 64 KiB of random singles."""
    start: list[Line] = [("lui", "s0", 0x100000), ("lui", "s1", rounds), *setup]
    loop: list[Line] = [*body, ("addi", "s1", "s1", -1), ("bne", "s1", 0, -4 * (len(body) + 1))]
    code = assemble(*start, *loop, *_EXIT)
    data = np.random.default_rng(1).standard_normal(1 << 14).astype("<f4").tobytes()
    segments = (Segment(0x10000, code, len(code), 5), Segment(0x100000, data, 1 << 16, 6))
    return Program(name, 0x10000, segments, (Symbol("_start", 0x10000, len(code), True),))


def scalar_loop(rounds: int = 4096 * 1000) -> Program:
    """Integer work in the proportions of compiled code: a quarter loads and stores, a sixth branches."""
    body: list[Line] = [
        ("ld", "a0", 0, "s0"), ("add", "a1", "a1", "a0"), ("lw", "a2", 8, "s0"), ("xor", "a3", "a1", "a2"),
        ("slli", "a4", "a3", 3), ("sd", "a4", 16, "s0"), ("andi", "a5", "s1", 7), ("beq", "a5", 0, 8),
        ("addiw", "a6", "a6", 1), ("sltu", "t0", "a3", "a4"), ("mul", "t1", "a1", "a2"), ("sw", "t1", 24, "s0"),
        ("sub", "t2", "t1", "a0"), ("srai", "t3", "t2", 5), ("or", "t4", "t3", "t0"), ("bge", "t4", "a6", 8),
        ("addi", "t5", "t5", 1),
    ]  # fmt: skip
    return looped("scalar-loop", [], body, rounds)


def multiply_accumulate(rounds: int = 4096 * 50) -> Program:
    """Seven accumulator groups at LMUL 4 fed by one vector load and seven scalars, as in a matrix kernel."""
    setup: list[Line] = [("vsetvli", "t0", 0, vtype(32, 4))]
    body: list[Line] = [("vle32.v", "v0", "s0")]
    for group in range(4, 32, 4):
        body += [("flw", f"f{group}", group, "s0"), ("vfmacc.vf", f"v{group}", f"f{group}", "v0")]
    return looped("vfmacc", setup, body, rounds)


def stream(rounds: int = 4096 * 50) -> Program:
    """Load, multiply, add, maximum, store at LMUL 4: an elementwise layer."""
    setup: list[Line] = [("vsetvli", "t0", 0, vtype(32, 4)), ("addi", "s2", "s0", 1024)]
    setup += [("flw", "f1", 4, "s0"), ("flw", "f2", 8, "s0")]
    body: list[Line] = [
        ("vle32.v", "v0", "s0"), ("vfmul.vf", "v4", "v0", "f1"), ("vfadd.vv", "v4", "v4", "v0"),
        ("vfmax.vf", "v4", "v4", "f2"), ("vse32.v", "v4", "s2"),
    ]  # fmt: skip
    return looped("stream", setup, body, rounds)


def mixed(folder: Path) -> Iterator[Program]:
    """`programs/mixed.c` compiled, if a RISC-V gcc is installed."""
    compiler = shutil.which("riscv64-linux-gnu-gcc")
    if compiler is not None:
        source, path = Path(__file__).parent / "programs" / "mixed.c", folder / "mixed"
        subprocess.run([compiler, "-static", "-O2", str(source), "-o", str(path)], check=True)
        yield read_elf(path)


def measure(
    program: Program, core: CoreConfig | None, vlen_bits: int, macs_per_instruction: float = 0.0, **options: object
) -> None:
    """Run once to compile, once to measure; print a line."""
    run_program(program, core, vlen_bits=vlen_bits, max_instructions=1000)
    result = run_program(program, core, vlen_bits=vlen_bits, **options)  # type: ignore[arg-type]
    mips = result.instructions / result.host_seconds / 1e6
    macs = f"{mips * macs_per_instruction:8.0f} M fp32 MAC/s" if macs_per_instruction else ""
    baseline = qemu_seconds(program, vlen_bits, options.get("argv", ()))
    ratio = f"{baseline / result.host_seconds:6.2f} x QEMU" if baseline else ""
    print(f"{program.name:<12} VLEN {vlen_bits:<6} {result.instructions:>12,} instructions {mips:8.1f} MIPS {macs} {ratio}")


def measure_undisturbed(
    program: Program, core: CoreConfig | None, vlen_bits: int, rounds: int, argv: Sequence[str] = ()
) -> None:
    """Run several times; print a line from the least processor seconds of each slice."""
    run_program(program, core, vlen_bits=vlen_bits, max_instructions=1000)
    least: list[float] = []
    for _ in range(rounds):
        machine = Machine(program, core, argv, timed=core is not None, vlen_bits=vlen_bits)
        seconds = list(slice_seconds(machine))
        least = [min(pair) for pair in zip(seconds, least or seconds, strict=True)]
    million_a_second = 1e-6 / sum(least)
    uops = f"{int(machine.timing[0]['vector_uops']) * million_a_second:8.1f} M vector uops/s" if core else ""
    mips = machine.instructions * million_a_second
    print(f"{program.name:<12} VLEN {vlen_bits:<6} {machine.instructions:>12,} instructions {mips:8.1f} MIPS {uops}")


def slice_seconds(machine: Machine) -> Iterator[float]:
    """Processor seconds of each slice of a program, without those of its system calls."""
    with machine:
        while machine.linux.exit_code is None:
            began = time.process_time()
            status = machine.run_slice(SLICE_INSTRUCTIONS)
            yield time.process_time() - began
            machine.react(status)


def qemu_seconds(program: Program, vlen_bits: int, argv: object) -> float | None:
    """Wall time of the same program under qemu-riscv64; None if it is not installed or has no such VLEN."""
    qemu = shutil.which("qemu-riscv64")
    if qemu is None or vlen_bits > 1024:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program"
        write_elf(path, program)
        began = time.perf_counter()
        command = [qemu, "-cpu", f"rv64,v=true,vlen={vlen_bits},elen=64", str(path), *argv]  # type: ignore[misc]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timed", metavar="CORE", help="with the timing engine, on this core")
    parser.add_argument("--rounds", type=int, default=0, help="runs of which the least processor times count")
    options = parser.parse_args()
    core = load_core(options.timed) if options.timed else None
    vlens = (core.vlen_bits,) if core else (128, 512, 1024, 4096)
    shorter = 10 if core else 1
    with tempfile.TemporaryDirectory() as folder:
        for program in mixed(Path(folder)):
            _line(program, core, vlens[0], options.rounds, argv=(str(1000 // shorter),))
    _line(scalar_loop(4096 * 1000 // shorter), core, vlens[0], options.rounds)
    for vlen in vlens:
        _line(
            multiply_accumulate(4096 * 50 // shorter),
            core,
            vlen,
            options.rounds,
            macs_per_instruction=7 * vlen * 4 / 32 / 17,
        )
        _line(stream(4096 * 50 // shorter), core, vlen, options.rounds)


def _line(
    program: Program, core: CoreConfig | None, vlen_bits: int, rounds: int, macs_per_instruction: float = 0.0,
    argv: Sequence[str] = (),
) -> None:  # fmt: skip
    if rounds:
        measure_undisturbed(program, core, vlen_bits, rounds, argv)
    else:
        measure(program, core, vlen_bits, macs_per_instruction, argv=argv)


if __name__ == "__main__":
    main()
