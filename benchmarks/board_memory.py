"""Memory of boards as measured on them, and of our cores, for the same patterns of accesses.

    python benchmarks/board_memory.py

For the Allwinner D1 (C906, 1 GHz, DDR3) latencies of random reads (ramlat: nanoseconds a step, of one to eight chains at a
time) and rates of copies and fills (tinymembench: MB/s of what is written); for boards of other cores the latency of one
chain within each level. No network is in it: those of the boards (`boards.py`, `vendor_networks.py`) are judged with the
memory that these give.

Source of the measurements: github.com/ThomasKaiser/sbc-bench, results/4knR.txt (Nezha board, tinymembench 0.4.9 and
ramlat, of which the median from 64 KiB to 1 MiB is taken: sizes beyond the L1D and within the TLB), 8to7qX.txt (K1),
fUCnrY.txt (TH1520), 4xOY.txt (JH7110), Xyfg.txt (EIC7700).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from workbench.core.config import CoreConfig, load_core
from workbench.core.timing.stream import Stream

FROM, TO, LINE = 1 << 28, (1 << 28) + (5 << 20), 64
Body = Callable[[Stream, int], object]


def chase(chains: int, bytes_read: int = 256 << 10) -> Body:
    """Reads of random lines, each of a chain with the address that the one before has read."""
    lines = list(range(bytes_read // LINE))
    random.Random(1).shuffle(lines)

    def body(s: Stream, step: int) -> None:
        for k in range(chains):
            place = (step + k * len(lines) // chains) % len(lines)
            s.load(5 + k, FROM + lines[place] * LINE, rs1=5 + k)

    return body


def copy(block: int, backwards: bool) -> Body:
    """A line copied in blocks of words, four loads before four stores; blocks and lines may come from the end."""

    def body(s: Stream, step: int) -> None:
        words = [start + k for start in range(0, 8, block) for k in range(block)]
        if backwards:
            words = [start + k for start in range(8 - block, -1, -block) for k in range(block)]
        line = (-step if backwards else step) * LINE
        for group in (words[:4], words[4:]):
            for k, word in enumerate(group):
                s.load(5 + k, FROM + (4 << 20) * backwards + line + word * 8)
            for k, word in enumerate(group):
                s.store(5 + k, TO + (4 << 20) * backwards + line + word * 8)

    return body


def fill(order: tuple[int, ...]) -> Body:
    """A line written word by word in some order."""

    def body(s: Stream, step: int) -> None:
        for word in order:
            s.store(5, TO + step * LINE + word * 8)

    return body


@dataclass(frozen=True)
class Pattern:
    """A pattern, what the board does with it, and whether that is a latency (else MB/s)."""

    name: str
    body: Body
    measured: float
    is_latency: bool = False


PATTERNS = (
    Pattern("random reads, 1 chain (ns)", chase(1), 155.3, is_latency=True),
    Pattern("2 chains", chase(2), 156.5, is_latency=True),
    Pattern("8 chains", chase(8), 217.6, is_latency=True),
    Pattern("copy (MB/s)", copy(1, False), 1282.7),
    Pattern("copy backwards", copy(1, True), 1247.5),
    Pattern("copy backwards, blocks of 32 bytes", copy(4, True), 295.4),
    Pattern("copy backwards, blocks of 64 bytes", copy(8, True), 195.5),
    Pattern("fill", fill((0, 1, 2, 3, 4, 5, 6, 7)), 2796.0),
    Pattern("fill, words of 16 bytes shuffled", fill((1, 0, 3, 2, 5, 4, 7, 6)), 353.8),
)


LEVELS = (
    ("spacemit_x60", 1597, {16: 1.257, 128: 24.49, 2048: 214.6}),
    ("thead_c910", 1485, {16: 2.021, 256: 36.54, 4096: 147.1}),
    ("sifive_u74", 1498, {16: 2.002, 256: 13.35, 8192: 156.6}),
    ("sifive_p550", 1397, {16: 2.155, 128: 9.308, 1024: 33.93, 8192: 177.8}),
)
"""Cores, the clock of their board in MHz, and nanoseconds of a dependent random read by the KiB that are read."""


def simulate(core: CoreConfig, pattern: Pattern, first: int = 2000, lines: int = 4000) -> float:
    """What our core does, in the unit of the pattern; so many `first` lines are not counted."""
    long, short = (Stream().loop(pattern.body, count).run(core).cycles for count in (first + lines, first))
    each_ns = (long - short) / lines / core.frequency_mhz * 1000
    return each_ns if pattern.is_latency else LINE / each_ns * 1000


def show(pattern: Pattern, ours: float) -> None:
    """Print a pattern's figure beside the board's."""
    print(
        f"{pattern.name:36} measured {pattern.measured:7.1f}  ours {ours:7.1f} ({ours / pattern.measured - 1:+.0%})",
        flush=True,
    )


def main() -> None:
    """The D1's patterns, then the levels of the others."""
    core = load_core("thead_c906")
    for pattern in PATTERNS:
        show(pattern, simulate(core, pattern))
    for name, clock_mhz, levels in LEVELS:
        core = load_core(name).model_copy(update={"frequency_mhz": float(clock_mhz)})
        for kib, measured in levels.items():
            pattern = Pattern(f"{name}, random reads of {kib} KiB", chase(1, kib << 10), measured, is_latency=True)
            show(pattern, simulate(core, pattern, first=(kib << 10) // LINE))


if __name__ == "__main__":
    main()
