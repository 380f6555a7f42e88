"""Instructions per cycle of whole programs beside published figures, and generations of XiangShan beside their scores.

    python benchmarks/core_accuracy.py [REFERENCE] [--images FOLDER] [--generations]

Compiles `programs/*.c` with riscv64-linux-gnu-gcc (-O2, rv64gc_zba_zbb_zbs) and runs them on Kunminghu V2. REFERENCE is
the folder with `cores/xiangshan_rtl_ipc.csv` (IPC that the XiangShan project posts from RTL simulation); the rows are of
other programs of the same class, except with --images.

--images FOLDER: raw images of XiangShan's ready-to-run repository (`coremark-2-iteration.bin`, `microbench.bin`): bare
metal, loaded at 0x80000000, output through a polled UART. The published CoreMark is that of 10 iterations (nexus-am builds
the application `coremark` that XiangShan's scripts/xiangshan.py runs with ITERATIONS 10; only other numbers get into the
file's name), so the number of iterations in the image is replaced by 10; that of 2 stands beside it, without a published
figure. The figures contain the output: about 830 and 1020 device accesses.

--generations: the same programs on Nanhu, Kunminghu V2 and V3; the ratios of speed at one frequency beside those of the
published SPEC CPU2006 scores per GHz. Four rounds, so that most of the time goes to what the programs are named after and
not to their tables. With --images also Nanhu on the images: RTL simulation of the same (older) images gave 1.937 for
CoreMark on Nanhu (pull request 1811, 2022-10-26) and 1.992 on Kunminghu V2 before the images were compiled anew (3370,
2024-08-13), 1.248 and 1.405 for microbench.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.core.config import load_core
from workbench.core.interpreter.state import Status
from workbench.core.result import SimResult
from workbench.core.run import Machine, run_program
from workbench.isa.elf import read_elf
from workbench.isa.program import Program, Segment, Symbol

PROGRAMS = Path(__file__).parent / "programs"
CORE = "xiangshan_kunminghu_v2"
CASES = (("coremark", "embedded", ("10",)), ("microbench", "small_suite", ("all", "1")))
GENERATIONS = ("xiangshan_nanhu", "xiangshan_kunminghu_v2", "xiangshan_kunminghu_v3")
PUBLISHED_PER_GHZ = (16.94 / 2, 44.66 / 3, 54.22 / 3)  # SPECint2006: Nanhu at 2 GHz, V2 and V3 at 3 GHz
SAME_IMAGE_RATIOS = {"coremark": 1.992 / 1.937, "microbench": 1.405 / 1.248}
SUITE = (
    ("embedded", ("5",)),
    ("generations", ("branches", "4")),
    ("generations", ("pointers", "4")),
    ("generations", ("streams", "4")),
)
IMAGES = (
    ("", "coremark-2-iteration.bin", 2),
    ("coremark", "coremark-2-iteration.bin", 10),
    ("microbench", "microbench.bin", 0),
)
SEEDS = struct.Struct("<3I")  # CoreMark's iterations, its third seed and fifth, as they lie in the image
IMAGE_BASE, DEVICES, MEMORY_BYTES = 0x80000000, 0x38000000, 0x8000000
TRAP, BREAK, STATUS_WRITE, NOTHING = 0x0005006B, 0x00100073, 0x30052073, 0x00000013


def compiled(folder: Path) -> dict[str, Program]:
    """The C programs by name, none without a compiler."""
    compiler = shutil.which("riscv64-linux-gnu-gcc")
    programs = {}
    for source in sorted(PROGRAMS.glob("*.c")) if compiler else ():
        path = folder / source.stem
        options = ["-static", "-O2", "-march=rv64gc_zba_zbb_zbs"]
        subprocess.run([str(compiler), *options, str(source), "-o", str(path)], check=True)
        programs[source.stem] = read_elf(path)
    return programs


def published(reference: Path | None) -> dict[str, float]:
    """The newest IPC of each workload on the kunminghu-v2 branch."""
    if reference is None:
        return {}
    text = (reference / "cores" / "xiangshan_rtl_ipc.csv").read_text()
    rows = [row for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))]
    return {
        name: float(value) for name, value in rows[-1].items() if value and name not in ("date", "pr", "branch_or_commit")
    }


def image(path: Path, iterations: int = 0) -> Program:
    """A raw image as a program: its last instruction becomes a breakpoint, the machine-mode status write nothing.

    `iterations` replaces the 2 of CoreMark; 0 leaves the image as it is.
    """
    code = bytearray(path.read_bytes())
    if iterations:
        SEEDS.pack_into(code, code.index(SEEDS.pack(2, 0x66, 0)), iterations, 0x66, 0)
    for at in range(0, len(code) - 3, 2):
        (word,) = struct.unpack_from("<I", code, at)
        if word in (TRAP, STATUS_WRITE):
            struct.pack_into("<I", code, at, BREAK if word == TRAP else NOTHING)
    end = IMAGE_BASE + -(-len(code) // 4096) * 4096
    segments = (
        Segment(DEVICES, b"", 0x40601000 - DEVICES, 6), Segment(IMAGE_BASE, bytes(code), len(code), 7),
        Segment(end, b"", MEMORY_BYTES, 6),
    )  # fmt: skip
    return Program(path.stem, IMAGE_BASE, segments, (Symbol("image", IMAGE_BASE, len(code), True),), tohost_address=DEVICES)


def run_image(path: Path, iterations: int, core: str = CORE) -> SimResult:
    """Run an image to its end."""
    machine = Machine(image(path, iterations), load_core(core), timed=True, space_bytes=1 << 20)
    while machine.run_slice(1 << 40) != Status.BREAKPOINT:
        pass
    return machine.result()


def _line(name: str, result: SimResult, known: float | None) -> str:
    beside = f"{known:9.3f} {100 * (result.ipc / known - 1):+7.1f} %" if known else ""
    rates = f"{result.mpki['branch']:6.1f} {result.mpki['l1d']:6.1f}"
    return f"{name:<32} {result.instructions:>12,} {result.ipc:7.3f} {beside:<20} {rates}"


def accuracy(programs: dict[str, Program], known: dict[str, float], images: Path | None) -> Iterator[str]:
    """Lines of the table of IPC."""
    core = load_core(CORE)
    yield f"{'on ' + CORE:<32} {'instructions':>12} {'IPC':>7} {'published':>9} {'':>10} {'branch':>6} {'L1D':>6} MPKI"
    for row, name, arguments in CASES:
        if name in programs:
            yield _line(f"{name} ({row} class)", run_program(programs[name], core, argv=arguments), known.get(row))
    for row, file, iterations in IMAGES if images else ():
        name = f"coremark, {iterations} iterations" if iterations else file[:-4]
        yield _line(f"{name} (image)", run_image(images / file, iterations), known.get(row))  # type: ignore[operator]


def same_images(images: Path) -> Iterator[str]:
    """Lines of Kunminghu V2's IPC over Nanhu's on one image, beside that of RTL simulation of one (older) image."""
    for row, file, iterations in IMAGES[1:]:
        nanhu, later = (run_image(images / file, iterations, core).ipc for core in GENERATIONS[:2])
        ratios = f"   ratio {later / nanhu:.2f}, in RTL simulation {SAME_IMAGE_RATIOS[row]:.2f}"
        yield f"{row + ' (image)':<24}{nanhu:16.3f}{later:16.3f}{ratios}"


def generations(programs: dict[str, Program]) -> Iterator[str]:
    """Lines of the table of generations: IPC, and the mean ratio of IPC to the generation before."""
    yield f"{'program':<24}" + "".join(f"{name.removeprefix('xiangshan_'):>16}" for name in GENERATIONS)
    ratios = [1.0, 1.0]
    for name, arguments in SUITE:
        rates = [run_program(programs[name], load_core(core), argv=arguments).ipc for core in GENERATIONS]
        ratios = [
            mean * (later / rate) ** (1 / len(SUITE)) for mean, rate, later in zip(ratios, rates, rates[1:], strict=False)
        ]
        yield f"{' '.join((name, *arguments)):<24}" + "".join(f"{rate:16.3f}" for rate in rates)
    expected = [later / score for score, later in zip(PUBLISHED_PER_GHZ, PUBLISHED_PER_GHZ[1:], strict=False)]
    yield f"{'ratio to the one before':<24}{'':>16}" + "".join(f"{ratio:16.2f}" for ratio in ratios)
    yield f"{'published (SPECint/GHz)':<24}{'':>16}" + "".join(f"{ratio:16.2f}" for ratio in expected)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", nargs="?", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--generations", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        programs = compiled(Path(folder))
        if not programs:
            print("no riscv64-linux-gnu-gcc: the C programs are left out")
        for line in accuracy(programs, published(options.reference), options.images):
            print(line, flush=True)
        for line in generations(programs) if options.generations and programs else ():
            print(line, flush=True)
        for line in same_images(options.images) if options.generations and options.images else ():
            print(line, flush=True)


if __name__ == "__main__":
    main()
