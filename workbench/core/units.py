"""The parts of the simulator that are compiled only when a program needs them, side by side in two processes the first time.

What executes scalar instructions and times them is one kernel (`interpreter.loop.run_slice`). Scalar floating point, the
vector unit and the timing of vector instructions are units that it calls by their addresses.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np

from workbench.base.jit_units import Unit
from workbench.core.interpreter.state import Status
from workbench.isa.code import Flag
from workbench.isa.predecode import Code

_PLACES = {
    "scalar_float": "workbench.core.interpreter.scalar_float",
    "execute_vector": "workbench.core.vector.execute",
    "step_vector": "workbench.core.timing.vector_step",
}
_VECTOR = int(Flag.VECTOR)
_helper: subprocess.Popen[bytes] | None = None
_helps_with: tuple[str, ...] = ()


def _unit(name: str) -> Unit:
    found: Unit = getattr(import_module(_PLACES[name]), name)
    return found


def _address(name: str) -> int:
    """Address of a unit, which may first have to be compiled, here or in the process that is at it."""
    unit = _unit(name)
    while name in _helps_with and _helper is not None and _helper.poll() is None and not unit.is_compiled():
        time.sleep(0.1)
    return unit.address()


def add_units(state: Any, status: Status, timed: bool) -> None:
    """Enter in a machine's state the addresses that a slice ended for (`Status.NEEDS_FLOAT`, `Status.NEEDS_VECTOR`)."""
    names = ["scalar_float"] if status == Status.NEEDS_FLOAT else ["step_vector"] * timed + ["execute_vector"]
    for name in names:
        state[name] = _address(name)


def executes_vectors(code: Code) -> bool:
    """Vector instructions are among those that are met from the beginning of the code on, one after the other."""
    lengths, vectors = code.entries["length"], code.entries["flags"] & _VECTOR
    place, end = 0, len(lengths)
    if not np.any(vectors):
        return False
    while place < end:
        if vectors[place]:
            return True
        place += int(lengths[place]) >> 1
    return False


def compile_beside(code: Code) -> None:
    """Let a second process compile the vector unit while this one compiles the rest, if a program is likely to need it."""
    global _helper, _helps_with
    if (
        _helper is None
        and (os.cpu_count() or 1) > 1
        and not _unit("execute_vector").is_compiled()
        and executes_vectors(code)
    ):
        _helps_with = ("execute_vector", "scalar_float")
        command = [sys.executable, "-m", "workbench.core.units", *_helps_with]
        _helper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        _unit(wanted).address()
