"""What a program does not need is not compiled or loaded for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.core.config import load_core
from workbench.core.run import Machine
from workbench.core.units import executes_vectors
from workbench.isa.code import Flag
from workbench.isa.encode import assemble, vtype
from workbench.isa.predecode import predecode
from workbench.isa.program import Program, Segment, Symbol

EXIT = [("addi", "a0", 0, 0), ("addi", "a7", 0, 93), ("ecall",)]


def program(*lines: tuple[int | str, ...]) -> Program:
    code = assemble(*lines, *EXIT)
    return Program("units", 0x10000, (Segment(0x10000, code, len(code), 5),), (Symbol("_start", 0x10000, len(code), True),))


def units(code: Program, timed: bool) -> dict[str, bool]:
    with Machine(code, load_core("xiangshan_kunminghu_v2"), timed=timed) as machine:
        machine.run()
        assert machine.result().instructions == len(code.segments[0].data) // 4
        return {name: bool(machine.state[name][0]) for name in ("scalar_float", "execute_vector", "step_vector")}


def test_a_program_gets_the_units_that_its_instructions_need() -> None:
    scalar = program(("addi", "a1", 0, 1))
    single = program(("fadd.s", "f1", "f2", "f3"))
    vector = program(("vsetvli", "t0", 0, vtype(32, 1)), ("vadd.vv", "v1", "v2", "v3"))
    none = {"scalar_float": False, "execute_vector": False, "step_vector": False}
    assert units(scalar, timed=True) == none
    assert units(single, timed=True) == none | {"scalar_float": True}
    assert units(vector, timed=False) == none | {"execute_vector": True}
    assert units(vector, timed=True) == none | {"execute_vector": True, "step_vector": True}


def test_vector_instructions_are_found_where_instructions_begin() -> None:
    vector = program(("vsetvli", "t0", 0, vtype(32, 1)), ("vadd.vv", "v1", "v2", "v3"))
    hidden = program(("lui", "a0", 0x57 << 16), ("lui", "a0", 0x8000))  # the halves in the middle read as one, a vsadd.vv
    assert executes_vectors(predecode(vector))
    assert (predecode(hidden).entries["flags"] & int(Flag.VECTOR)).any()
    assert not executes_vectors(predecode(hidden))


@pytest.mark.slow
def test_a_second_process_fills_the_cache(tmp_path: Path) -> None:
    environment = {**os.environ, "WORKBENCH_CACHE": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "workbench.core.units", "scalar_float"], env=environment, check=True)
    ask = "from workbench.core.units import _unit; print([_unit(n).is_compiled() for n in ('scalar_float', 'step_vector')])"
    done = subprocess.run([sys.executable, "-c", ask], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[True, False]"
