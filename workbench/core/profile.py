"""A call profile: instructions and cycles of every function, alone and with what it calls, and of every call path.

The interpreter logs each time that execution enters another function. Entering one at its first instruction is a call;
entering one in its middle is a return to the nearest caller of that name, which also follows tail calls and longjmp.
Recursion inside one function is not told apart. Cycles are those between the commits of the last instructions of two
functions: what overlaps is counted once, where it commits.

model: ours, tested against programs whose call tree is known (tests/core/test_profile.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.base.jit import kernel
from workbench.core.interpreter.state import VISIT_DTYPE, Status

if TYPE_CHECKING:
    from workbench.core.run import Machine

MOST_PATHS = 1 << 16
_ROWS = 1 << 18  # a slice executes no more instructions than there is room for
_NOTHING = -1
NODE_DTYPE = np.dtype(
    [
        ("region", np.int64),
        ("parent", np.int64),
        ("child", np.int64),  # the first
        ("sibling", np.int64),
        ("calls", np.int64),
        ("instructions", np.int64),
        ("cycles", np.int64),
    ]
)
"""A call path: a function as it was called by the path `parent`, without what it calls in turn."""
FOLD_DTYPE = np.dtype([("node", np.int64), ("used", np.int64), ("instructions", np.int64), ("cycle", np.int64)])


@kernel
def fold_visits(visits: Any, starts: Any, nodes: Any, state: Any) -> None:
    """Walk the call tree along visits and give each path the instructions and cycles between them."""
    s = state[0]
    for k in range(len(visits)):
        v = visits[k]
        node = s.node
        nodes[node].instructions += v.instructions - s.instructions
        nodes[node].cycles += v.cycle - s.cycle
        s.instructions, s.cycle = v.instructions, v.cycle
        if v.region == nodes[node].region:
            continue  # the machine enters its first function
        if v.pc != starts[v.region]:
            above = nodes[node].parent
            while above >= 0 and nodes[above].region != v.region:
                above = nodes[above].parent
            if above >= 0:
                s.node = above
                continue
        child = nodes[node].child
        while child >= 0 and nodes[child].region != v.region:
            child = nodes[child].sibling
        if child < 0:
            if s.used >= len(nodes):
                continue  # no room: counted with its caller
            child = s.used
            s.used += 1
            nodes[child].region, nodes[child].parent = v.region, node
            nodes[child].child, nodes[child].sibling = -1, nodes[node].child
            nodes[node].child = child
        nodes[child].calls += 1
        s.node = child


@dataclass(frozen=True)
class FunctionProfile:
    """One function: what it took alone, and with all that it called."""

    name: str
    calls: int
    instructions: int
    cycles: int
    inclusive_instructions: int
    inclusive_cycles: int
    share: float  # of the run's cycles, of its instructions in a functional run; alone
    inclusive_share: float

    @property
    def ipc(self) -> float:
        """Instructions per cycle, alone; 0 in a functional run."""
        return self.instructions / self.cycles if self.cycles else 0.0


class CallProfile:
    """Watches a machine (`workbench.core.run.Observer`) and builds its call tree."""

    def __init__(self) -> None:
        self._rows = np.zeros(_ROWS, VISIT_DTYPE)
        self._nodes = np.zeros(MOST_PATHS, NODE_DTYPE)
        self._state = np.zeros(1, FOLD_DTYPE)
        self._names: tuple[str, ...] = ()
        self._starts = np.zeros(0, np.int64)

    def begin(self, machine: Machine) -> None:
        """Take the machine's first function as the root of the tree."""
        code, state = machine.code, machine.state[0]
        self._names = tuple(name or "(no symbol)" for name in code.regions)
        self._starts = first_addresses(code.entries["region"], code.base, len(code.regions))
        entry = (int(state["pc"]) - code.base) >> 1
        self._nodes[0] = (code.entries["region"][entry], _NOTHING, _NOTHING, _NOTHING, 1, 0, 0)
        self._state["used"] = 1
        self._empty(machine)

    def room(self, instructions: int) -> int:
        """As many instructions as rows: each may enter a function."""
        return _ROWS

    def after_slice(self, machine: Machine, status: Status) -> None:
        """Fold the visits of the slice into the tree."""
        count = _ROWS - int(machine.state["visits_left"][0])
        fold_visits(self._rows[:count], self._starts, self._nodes, self._state)
        self._empty(machine)

    def _empty(self, machine: Machine) -> None:
        machine.state["visit_pointer"], machine.state["visits_left"] = self._rows.ctypes.data, _ROWS

    def finish(self, instructions: int, cycles: int) -> None:
        """Give the last function what came after it was entered; `cycles` is 0 in a functional run."""
        node = self._nodes[int(self._state["node"][0])]
        node["instructions"] += instructions - int(self._state["instructions"][0])
        node["cycles"] += max(cycles - int(self._state["cycle"][0]), 0)
        self._state["instructions"], self._state["cycle"] = instructions, cycles

    @property
    def is_complete(self) -> bool:
        """Whether every call path had room."""
        return int(self._state["used"][0]) < MOST_PATHS

    def functions(self) -> list[FunctionProfile]:
        """All functions that ran, those with most cycles (or instructions) alone first."""
        nodes = self._used()
        regions = len(self._names)
        with_callees = _inclusive(nodes)
        outermost = _outermost(nodes)

        def total(values: np.ndarray, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
            return np.bincount(nodes["region"][chosen], values[chosen], regions).astype(np.int64)

        calls, instructions, cycles = (total(nodes[name]) for name in ("calls", "instructions", "cycles"))
        inclusive = {name: total(values, outermost) for name, values in with_callees.items()}
        measure = "cycles" if cycles.sum() else "instructions"
        alone = {"cycles": cycles, "instructions": instructions}[measure]
        whole = max(int(alone.sum()), 1)
        found = [
            FunctionProfile(
                self._names[k], int(calls[k]), int(instructions[k]), int(cycles[k]), int(inclusive["instructions"][k]),
                int(inclusive["cycles"][k]), int(alone[k]) / whole, int(inclusive[measure][k]) / whole,
            )
            for k in np.flatnonzero(inclusive["instructions"])
        ]  # fmt: skip
        return sorted(found, key=lambda f: (-f.share, -f.inclusive_share, f.name))

    def folded(self) -> str:
        """One line a call path, ``main;work;leaf 123`` (cycles, or instructions of a functional run), for flame graphs.

        Source: the input format of Brendan Gregg's flamegraph.pl, which speedscope and Perfetto's readers take too.
        """
        nodes = self._used()
        values = nodes["cycles"] if nodes["cycles"].sum() else nodes["instructions"]
        paths: list[str] = []
        for node in nodes:  # a path comes after its caller's
            name = self._names[node["region"]].replace(";", ":")
            paths.append(f"{paths[node['parent']]};{name}" if node["parent"] >= 0 else name)
        return "".join(f"{path} {value}\n" for path, value in zip(paths, values, strict=True) if value)

    def _used(self) -> np.ndarray:
        return self._nodes[: int(self._state["used"][0])]


def first_addresses(regions: np.ndarray, base: int, count: int) -> np.ndarray:
    """Address of the first instruction of every region; -1 of one without code."""
    numbers, places = np.unique(regions, return_index=True)
    starts = np.full(count, _NOTHING, np.int64)
    starts[numbers] = base + 2 * places
    return starts


def _inclusive(nodes: np.ndarray) -> dict[str, np.ndarray]:
    """Instructions and cycles of each path with all below it."""
    sums = {name: nodes[name].copy() for name in ("instructions", "cycles")}
    for values in sums.values():
        for k in range(len(nodes) - 1, 0, -1):
            values[nodes["parent"][k]] += values[k]
    return sums


def _outermost(nodes: np.ndarray) -> np.ndarray:
    """Paths whose function does not appear above: in a recursion only these count once."""
    chosen = np.ones(len(nodes), bool)
    for k, node in enumerate(nodes):
        above = node["parent"]
        while above >= 0 and chosen[k]:
            chosen[k] = nodes["region"][above] != node["region"]
            above = nodes["parent"][above]
    return chosen
