"""Random atomic instructions of threads: each word ends as the values give it in any order, on any number of harts."""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.core.config import load_core
from workbench.core.run import Machine

_WORDS = 1024  # offset of the words that all threads change
_BITS = (1 << 64) - 1


def _signed(value: int) -> int:
    return (value & _BITS) - (1 << 64) if value >> 63 & 1 else value & _BITS


OPERATIONS = {
    "amoadd.d": lambda a, b: (a + b) & _BITS,
    "amoxor.d": lambda a, b: a ^ b,
    "amoor.d": lambda a, b: a | b,
    "amoand.d": lambda a, b: a & b,
    "amomax.d": lambda a, b: max(a, b, key=_signed),
    "amomin.d": lambda a, b: min(a, b, key=_signed),
    "amomaxu.d": max,
    "amominu.d": min,
}


@pytest.fixture(scope="module")
def threaded(root: Path) -> ModuleType:
    """`tests/core/threaded_programs.py`."""
    spec = importlib.util.spec_from_file_location("threaded_programs", root / "tests" / "core" / "threaded_programs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


steps = st.lists(st.tuples(st.integers(0, 7), st.integers(-2048, 2047)), min_size=1, max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=2, max_size=4), st.integers(1, 4), st.booleans(), st.integers(3, 6))
def test_atomic_instructions_of_all_threads_take_effect_once(threaded, of_threads, harts, timed, spacing_log2):
    """Words lie in one line of the caches or in several, as `spacing_log2` says; operation k belongs to word k."""
    names, work = list(OPERATIONS), []
    expected = [0] * len(names)
    for number, done in enumerate(of_threads):
        work += [("addi", "t0", 0, number), ("bne", "s1", "t0", f"not {number}")]
        for word, value in done:
            work += [("addi", "t1", "s0", _WORDS + (word << spacing_log2)), ("addi", "t2", 0, value)]
            work += [(names[word], "t3", "t2", "t1")]
            expected[word] = OPERATIONS[names[word]](expected[word], value & _BITS)
        work += [f"not {number}"]
    machine = Machine(
        threaded.threaded(len(of_threads), work), load_core("xiangshan_kunminghu_v2"), timed=timed, harts=harts
    )
    machine.run()
    found = [
        struct.unpack("<Q", machine.memory.read(threaded.DATA + _WORDS + (word << spacing_log2), 8) or b"")[0]
        for word in range(len(names))
    ]
    assert found == expected


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 5), st.integers(1, 5), st.booleans(), st.integers(1, 60))
def test_a_lock_made_of_reservations_keeps_threads_apart(threaded, threads, harts, timed, rounds):
    """Plain loads and stores of a counter between taking a lock with LR/SC and giving it back, with some work inside."""
    lock = [
        ("addi", "s5", "s0", 1024), ("addi", "s6", 0, 1), "take", ("lr.w", "t0", "s5"), ("bne", "t0", 0, "take"),
        ("sc.w", "t0", "s6", "s5"), ("bne", "t0", 0, "take"), ("fence",),
    ]  # fmt: skip
    inside = [("ld", "t1", threaded.RESULT, "s0"), *[("mul", "t2", "t1", "t1")] * 5, ("addi", "t1", "t1", 1)]
    inside += [("sd", "t1", threaded.RESULT, "s0"), ("fence",), ("sw", 0, 0, "s5")]
    program = threaded.threaded(threads, threaded.repeated(rounds, [*lock, *inside]))
    machine = Machine(program, load_core("sifive_u74"), timed=timed, harts=harts)
    machine.run()
    assert struct.unpack("<q", machine.memory.read(threaded.DATA + threaded.RESULT, 8) or b"") == (threads * rounds,)
