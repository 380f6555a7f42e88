"""`JobRecord`: what is known of one finished job, as it is written beside its placement."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text, write_json, write_text
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.netlist.plc import read_plc
from workbench.place.cost import evaluate
from workbench.place.legality import check
from workbench.study.agent_comparison.plan import JobName
from workbench.study.placing import History, PlacedJob

SCHEMA = 1
COSTS = ("proxy", "wirelength", "density", "congestion")
"""The costs that are compared; their key in `JobRecord.costs` has `_cost` after it."""
_SAME = 1e-6
_ON_GRID = 1e-6


@dataclass(frozen=True)
class JobRecord:
    """One job.

    Attributes
    ----------
    status: ``done``, ``illegal`` (there is a placement, but it is not legal) or ``failed`` (there is none).
    error: why it is not ``done``.
    costs: of the written placement, read again from its file; under their command-line names.
    history, evaluations, seconds, wall_seconds, cpu_seconds, machine, notes: as in `PlacedJob`.
    code: hash of the program that made it.
    """

    netlist: str
    agent: str
    seed: int
    status: str
    error: str = ""
    costs: dict[str, float] = field(default_factory=dict)
    history: History = ()
    evaluations: int = 0
    seconds: float = 0.0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    machine: str = ""
    code: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> JobName:
        """Which job it is."""
        return JobName(self.netlist, self.agent, self.seed)

    def cost(self, which: str) -> float:
        """One of `COSTS`; infinite without a legal placement, NaN where the design knows only wires."""
        return self.costs.get(f"{which}_cost", float("nan")) if self.status == "done" else float("inf")


def keep_job(folder: Path, name: JobName, value: PlacedJob | str, design: Design, on_grid: bool, code: str) -> JobRecord:
    """Write a job's placement, read and check it again, and write its record last: that it is there says that all is."""
    path = folder / name.path
    if isinstance(value, str):
        record = JobRecord(name.netlist, name.agent, name.seed, "failed", value, code=code)
    else:
        plc = write_text(path.with_name(path.name + ".plc"), value.plc)
        status, error, costs = _judge(plc, value, design, on_grid)
        record = JobRecord(
            name.netlist, name.agent, name.seed, status, error, costs, value.history, value.evaluations, value.seconds,
            value.wall_seconds, value.cpu_seconds, value.machine, code, value.notes,
        )  # fmt: skip
    write_json(path.with_name(path.name + ".json"), {"schema": SCHEMA, **dataclasses.asdict(record)})
    return record


def _judge(plc: Path, value: PlacedJob, design: Design, on_grid: bool) -> tuple[str, str, dict[str, float]]:
    """Status, error and costs of a written placement."""
    floorplan, _ = read_plc(plc, design.netlist)
    costs = evaluate(floorplan).report()
    wrong = [f"{item.kind} of {' and '.join(item.objects)}" for item in check(floorplan)]
    if on_grid and (off := _off_grid(floorplan)):
        wrong.append(f"{off} off the grid's centres")
    if wrong:
        return "illegal", f"{wrong[0]}" + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""), costs
    if not abs(costs["proxy_cost"] - value.costs["proxy_cost"]) <= _SAME:
        said, found = value.costs["proxy_cost"], costs["proxy_cost"]
        return "illegal", f"the agent reports a proxy cost of {said:.6f}, but its placement has {found:.6f}", costs
    return "done", "", costs


def _off_grid(floorplan: Floorplan) -> str:
    """Name of a movable hard macro whose centre is not that of a grid cell."""
    netlist, canvas = floorplan.netlist, floorplan.canvas
    movable = np.flatnonzero((netlist.kind == ObjectKind.MACRO) & ~netlist.is_fixed)
    across = floorplan.x_um[movable] / canvas.cell_width_um - 0.5
    up = floorplan.y_um[movable] / canvas.cell_height_um - 0.5
    off = np.maximum(abs(across - np.round(across)), abs(up - np.round(up))) > _ON_GRID
    return netlist.object_names[movable[np.argmax(off)]] if off.any() else ""


def read_job(folder: Path, name: JobName) -> JobRecord | None:
    """A job's record, None if it has not finished; InputError if the file is damaged."""
    path = folder / f"{name.path}.json"
    if not path.is_file():
        return None
    try:
        values = json.loads(read_text(path))
        if values.pop("schema", None) != SCHEMA:
            raise InputError(path, "another schema", f"schema {SCHEMA}", "delete it and compare again with --resume")
        values["history"] = tuple((float(s), int(n), float(c)) for s, n, c in values["history"])
        values["notes"] = tuple(values["notes"])
        record = JobRecord(**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            path, "no result of a job", "the file as it was written", "delete it and compare again with --resume"
        ) from None
    if record.name != name:
        raise InputError(path, f"the result of {record.name.path}", f"that of {name.path}", "delete it")
    return record
