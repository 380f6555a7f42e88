"""What the tests of programs with several threads share: the schedules of one thread for many, and runs under QEMU."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.compiler.compile import compile_graph
from workbench.compiler.network import CompiledNetwork
from workbench.compiler.planner import Planner
from workbench.compiler.schedule import Choice
from workbench.graph.graph import Graph
from workbench.isa.elf import write_elf
from workbench.isa.program import Program
from workbench.isa.target import Target

QEMU = shutil.which("qemu-riscv64") or shutil.which("qemu-riscv64-static")
needs_qemu = pytest.mark.skipif(QEMU is None, reason="qemu-riscv64 is not installed")


class Recorder(Planner):
    """A planner that remembers which of the choices it took, in order."""

    def __init__(self, planner: Planner | None = None) -> None:
        super().__init__(planner.pins if planner else {})
        self.taken: list[int] = []

    def choose(self, layer: str, choices: Iterable[Choice]) -> Choice:
        known = list(choices)
        choice = super().choose(layer, known)
        alike = [place for place, other in enumerate(known) if other is choice]
        self.taken.append(alike[0] if alike else -1)
        return choice


class Player(Planner):
    """A planner that takes the same again, whatever it costs; pins are followed."""

    def __init__(self, record: Recorder) -> None:
        super().__init__(record.pins)
        self._taken = iter(record.taken)

    def choose(self, layer: str, choices: Iterable[Choice]) -> Choice:
        known, place = list(choices), next(self._taken)
        return known[place] if place >= 0 else super().choose(layer, known)


def pair(
    graph: Graph, target: Target, threads: int, planner: Planner | None = None
) -> tuple[CompiledNetwork, CompiledNetwork]:
    """The program of one thread and one of several with the same schedules."""
    record = Recorder(planner)
    one = compile_graph(graph, target, planner=record)
    return one, compile_graph(graph, replace(target, threads=threads), planner=Player(record))


def run_qemu(program: Program, stdin: bytes, vlen_bits: int = 128, *options: str) -> subprocess.CompletedProcess[bytes]:
    """A run under QEMU, which has as many cores as threads want."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_elf(Path(folder) / "network.elf", program)
        machine = f"rv64,v=true,vlen={vlen_bits},elen=64,Zfh=true"
        command = [str(QEMU), *options, "-cpu", machine, str(path)]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=600)
