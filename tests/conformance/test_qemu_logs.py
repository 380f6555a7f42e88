"""Logs that the real QEMU writes, imported: the same instructions and branches as in our own run of the program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.core.trace.build import write_trace
from workbench.core.trace.qemu import open_qemu_log
from workbench.core.trace.simulate import simulate_trace
from workbench.isa.elf import write_elf

QEMU = shutil.which("qemu-riscv64") or shutil.which("qemu-riscv64-static")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(QEMU is None, reason="qemu-riscv64 is not installed")]


@pytest.mark.parametrize("which", ["scalar", "vector"])
def test_a_log_of_blocks_has_the_instructions_of_the_run(programs: ModuleType, tmp_path: Path, which: str) -> None:
    program, core = getattr(programs, which)(), load_core("thead_c906")
    write_elf(tmp_path / "p.elf", program)
    command = [str(QEMU), "-cpu", "rv64,v=true,vlen=128", "-d", "in_asm,exec,nochain", "-D", "log", "./p.elf"]
    assert subprocess.run(command, cwd=tmp_path).returncode == 3
    source, instructions = open_qemu_log(tmp_path / "log")
    write_trace(source, instructions, tmp_path / "t", vlen_bits=128, program=program)
    simulated, run = simulate_trace(tmp_path / "t", core)[0], run_program(program, core)
    assert simulated.instructions == run.instructions
    for name in ("branches", "branch_mispredicts", "vector_instructions", "int_operations", "vector_element_bytes"):
        assert getattr(simulated.activity, name) == getattr(run.activity, name)
    counts = [{region.name: region.instructions for region in result.regions} for result in (simulated, run)]
    assert counts[0] == counts[1]
