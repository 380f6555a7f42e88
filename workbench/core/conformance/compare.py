"""Run the same random program here and under qemu-riscv64 and compare every byte that it records and leaves."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from workbench.base.errors import WorkbenchError
from workbench.core.conformance.generate import Generator
from workbench.core.conformance.program import Layout, program_of
from workbench.core.conformance.record import Item, describe
from workbench.core.run import run_program
from workbench.isa.disassemble import disassemble
from workbench.isa.elf import write_elf
from workbench.isa.program import Program

VLENS = (128, 256, 512, 1024)  # those that QEMU 7.2 has
_QEMU_ABORTS = b"insn_start"  # see `DEVIATIONS`
_CPU = "rv64,v=true,elen=64,Zfh=true,zbc=false,vlen="


@dataclass(frozen=True)
class Difference:
    """A program that behaves differently: its seed, the item that shows it, and what differs."""

    seed: int
    item: Item | None
    text: str


def run_under_qemu(program: Program, vlen_bits: int, folder: Path) -> bytes:
    """Standard output under qemu-riscv64; WorkbenchError with its message if it fails, or if it is not installed."""
    if shutil.which("qemu-riscv64") is None:
        raise WorkbenchError("qemu-riscv64 is not installed: install it (Debian: qemu-user), then run this again")
    path = write_elf(folder / program.name, program)
    command = ["qemu-riscv64", "-cpu", f"{_CPU}{vlen_bits}", str(path)]
    done = subprocess.run(command, capture_output=True, timeout=300)
    if done.returncode:
        raise WorkbenchError(f"QEMU ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _ours(program: Program, vlen_bits: int) -> bytes:
    return run_program(program, None, vlen_bits=vlen_bits, space_bytes=16 << 20).stdout


def _or_message(run: Callable[[], bytes]) -> bytes:
    try:
        return run()
    except WorkbenchError as error:
        return str(error).encode()


@dataclass
class _Check:
    """One random program and its prefixes."""

    seed: int
    items: list[Item]
    vlen_bits: int
    rounds: int
    folder: Path

    def outputs(self, length: int) -> tuple[bytes, bytes, Layout]:
        """What both write of the first `length` items."""
        for shift in range(8):
            rng = np.random.default_rng(self.seed + 1)
            program, layout = program_of(self.items[:length], rng, self.vlen_bits, self.rounds, shift)
            theirs = _or_message(partial(run_under_qemu, program, self.vlen_bits, self.folder))
            if _QEMU_ABORTS not in theirs:
                break
        return _or_message(partial(_ours, program, self.vlen_bits)), theirs, layout

    def difference(self) -> Difference | None:
        """What differs, None if nothing does."""
        ours, theirs, layout = self.outputs(len(self.items))
        if ours == theirs:
            return None
        if len(ours) != len(theirs) or len(ours) < layout.final_at:
            return self._of_an_end()
        at = next(n for n in range(len(ours)) if ours[n] != theirs[n])
        if at >= layout.final_at:
            return Difference(self.seed, None, f"after the last item: {layout.name(at)}")
        return self._of_a_record(ours, theirs, at, layout)

    def _of_a_record(self, ours: bytes, theirs: bytes, at: int, layout: Layout) -> Difference:
        round_, within = divmod(at, layout.record_bytes)
        place = round_ * layout.record_bytes
        for item in self.items:
            size = item.record_bytes(layout.vlenb)
            if within < size:
                break
            within, place = within - size, place + size
        text = describe(item, ours[place : place + size], theirs[place : place + size], layout.vlenb)
        where = f"VLEN {self.vlen_bits}, round {round_}, item {self.items.index(item)}"
        return Difference(self.seed, item, f"{item.mnemonic}: {_listing(item.code)}\n  {where}, {text}")

    def _of_an_end(self) -> Difference:
        """One of the two ends early: the first item with which it does."""
        low, high = 0, len(self.items)
        while high - low > 1:
            middle = (low + high) // 2
            ours, theirs, _ = self.outputs(middle)
            low, high = (middle, high) if len(ours) == len(theirs) else (low, middle)
        item = self.items[high - 1]
        ours, theirs, _ = self.outputs(high)
        ends = "\n  ".join(f"{name}: {text[:300]!r}" for name, text in (("ours", ours), ("QEMU's", theirs)))
        return Difference(self.seed, item, f"{item.mnemonic}: {_listing(item.code)}\n  {ends}")


def _listing(code: bytes) -> str:
    lines, at = [], 0
    while at < len(code):
        word = int.from_bytes(code[at : at + 4], "little")
        lines.append(disassemble(word, at))
        at += 4 if word & 3 == 3 else 2
    return "; ".join(lines)


def check_seed(seed: int, count: int, vlen_bits: int, rounds: int, folder: Path) -> tuple[list[Item], Difference | None]:
    """One random program of `count` items; None if all is equal."""
    items = Generator(np.random.default_rng(seed)).items(count)
    check = _Check(seed, items, vlen_bits, rounds, folder)
    return items, check.difference()


def check_many(
    first_seed: int, instructions: int, items_per_program: int = 1000, rounds: int = 4,
    report: Callable[[int, int], None] = lambda done, different: None,
) -> tuple[Counter[str], list[Difference]]:  # fmt: skip
    """Random programs at changing VLEN until `instructions` have been compared; hits by row, what differed."""
    hits: Counter[str] = Counter()
    differences = []
    done, seed = 0, first_seed
    with tempfile.TemporaryDirectory() as folder:
        while done < instructions:
            items, difference = check_seed(seed, items_per_program, VLENS[seed % len(VLENS)], rounds, Path(folder))
            for item in items:
                hits[item.mnemonic] += rounds
            done, seed = done + rounds * len(items), seed + 1
            if difference is not None:
                differences.append(difference)
            report(done, len(differences))
    return hits, differences
