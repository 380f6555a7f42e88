"""The call profile against call trees that are known, and the pictures drawn from figures that are known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.core.interpreter.state import VISIT_DTYPE
from workbench.core.phases import Phase
from workbench.core.pictures import draw_cpi_stack, draw_functions, draw_phases
from workbench.core.profile import CallProfile, FunctionProfile, first_addresses
from workbench.core.result import Activity, SimResult
from workbench.core.run import run_program
from workbench.isa.encode import assemble
from workbench.isa.program import Program, Segment, Symbol

NAMES = ("main", "sort", "compare", "print")
START = 0x1000


class Watched:
    """As much of a machine as a profile looks at: four functions of 16 instructions."""

    def __init__(self):
        self.code = self
        self.base, self.regions = START, NAMES
        self.entries = np.zeros(64, [("region", np.int64)])
        self.entries["region"] = np.repeat(np.arange(4), 16)
        self.state = np.zeros(1, [("pc", np.int64), ("visit_pointer", np.int64), ("visits_left", np.int64)])
        self.state["pc"] = START


def profile_of(*visits, end):
    """The profile of visits (function, in its middle?, instructions before), at two cycles an instruction."""
    profile, machine = CallProfile(), Watched()
    profile.begin(machine)
    for name, is_inside, instructions in visits:
        region = NAMES.index(name)
        row = (region, instructions, 2 * instructions, START + 32 * region + 8 * is_inside)
        at = len(profile._rows) - int(machine.state["visits_left"][0])
        profile._rows[at] = row
        machine.state["visits_left"] -= 1
        if instructions % 3 == 0:  # slices end anywhere
            profile.after_slice(machine, 0)
    profile.after_slice(machine, 0)
    profile.finish(end, 2 * end)
    return profile


def alone(profile):
    return {f.name: f.instructions for f in profile.functions()}


def inclusive(profile):
    return {f.name: (f.calls, f.inclusive_instructions) for f in profile.functions()}


def test_rows_are_those_of_the_interpreter():
    assert VISIT_DTYPE.names == ("region", "instructions", "cycle", "pc")


def test_calls_and_returns():
    profile = profile_of(
        ("sort", 0, 10), ("compare", 0, 20), ("sort", 1, 25), ("compare", 0, 30), ("sort", 1, 35), ("main", 1, 40),
        ("print", 0, 45), ("main", 1, 65), end=70,
    )  # fmt: skip
    assert alone(profile) == {"main": 20, "sort": 20, "compare": 10, "print": 20}
    assert inclusive(profile) == {"main": (1, 70), "sort": (1, 30), "compare": (2, 10), "print": (1, 20)}
    assert profile.folded() == "main 40\nmain;sort 40\nmain;sort;compare 20\nmain;print 40\n"
    first = profile.functions()[0]
    assert first.share == pytest.approx(20 / 70) and first.ipc == 0.5
    assert sum(f.cycles for f in profile.functions()) == 140


def test_a_tail_call_returns_to_its_callers_caller():
    profile = profile_of(("sort", 0, 10), ("print", 0, 20), ("main", 1, 30), end=40)
    assert inclusive(profile) == {"main": (1, 40), "sort": (1, 20), "print": (1, 10)}


def test_functions_that_call_each_other_count_once():
    profile = profile_of(
        ("sort", 0, 10), ("compare", 0, 20), ("sort", 0, 30), ("compare", 0, 40), ("sort", 1, 50), ("compare", 1, 60),
        ("sort", 1, 70), ("main", 1, 80), end=90,
    )  # fmt: skip
    assert inclusive(profile) == {"main": (1, 90), "sort": (2, 70), "compare": (2, 50)}


def test_paths_without_room_count_with_their_caller(monkeypatch):
    monkeypatch.setattr("workbench.core.profile.MOST_PATHS", 2)
    profile = profile_of(("sort", 0, 10), ("compare", 0, 20), ("sort", 1, 30), ("main", 1, 40), end=50)
    assert alone(profile) == {"main": 20, "sort": 30} and not profile.is_complete


def test_a_region_begins_where_its_code_does():
    assert first_addresses(np.array([0, 0, 2, 2, 1]), 100, 4).tolist() == [100, 108, 104, -1]


def test_pictures_are_written(tmp_path):
    stack = {"base": 500, "branch": 300, "dram": 1200, "vector": 0}
    result = SimResult(0, b"", b"", 1000, 2000, 1000.0, stack, {}, Activity())
    phases = [Phase(1000 * k, 2000 * k, 1000, 2000 + k, {"base": 1.0, "dram": 1 + k / 1000}, {}) for k in range(5)]
    functions = [FunctionProfile(f"f{k}", 1, 10, 20, 30, 60, 0.1, 0.3) for k in range(20)]
    for path in (
        draw_cpi_stack(result, "p on c", tmp_path / "a.png"), draw_phases(phases, "p on c", tmp_path / "b.png"),
        draw_functions(functions, "p on c", tmp_path / "c.svg"),
    ):  # fmt: skip
        assert path.stat().st_size > 4000
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_a_run_is_profiled_with_its_calls():
    lines = [
        ("jal", "ra", 16),
        ("jal", "ra", 12),
        ("addi", "a7", 0, 93),
        ("ecall",),
        ("addi", "t0", 0, 1),
        ("jalr", 0, 0, "ra"),
    ]
    code = assemble(*lines)
    symbols = (Symbol("_start", 0x10000, 16, True), Symbol("leaf", 0x10010, 8, True))
    profile = CallProfile()
    run_program(Program("p", 0x10000, (Segment(0x10000, code, len(code), 5),), symbols), None, observers=[profile])
    profile.finish(8, 0)
    assert inclusive(profile) == {"_start": (1, 8), "leaf": (2, 4)} and alone(profile) == {"_start": 4, "leaf": 4}
    assert profile.folded() == "_start 4\n_start;leaf 4\n"
