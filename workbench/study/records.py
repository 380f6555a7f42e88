"""`PointRecord`: everything known of one design on one network, as it is written to `result.json` and to the table."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import read_text, write_json

SCHEMA = 1


@dataclass(frozen=True)
class PointRecord:
    """One point of a study.

    Attributes
    ----------
    design, network: what was run, as the study names them.
    slug: its folder under `points/`.
    key: content key (`workbench.study.keys`).
    status: ``done`` or ``failed``; `error` says why, in one sentence.
    core, netlist, parameters, placement, technology, dtype, threads: what the design is.
    ppa: `Ppa.report()`.
    simulation: instructions, cycles, ipc, cpi_stack, mpki, activity, host_seconds, notes, ...
    layers: per layer: name, operator, macs, instructions, cycles, latency_ms.
    placement_costs: costs of the floorplan under their command-line names; empty without one.
    """

    design: str
    network: str
    slug: str
    key: str
    status: str
    core: str
    netlist: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    placement: str = ""
    technology: str = ""
    dtype: str = "fp32"
    threads: int = 1
    error: str = ""
    ppa: dict[str, Any] = field(default_factory=dict)
    simulation: dict[str, Any] = field(default_factory=dict)
    layers: list[dict[str, Any]] = field(default_factory=list)
    placement_costs: dict[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The point as one flat row of the comparison table; figures are None where it failed."""
        ppa, run, costs = self.ppa, self.simulation, self.placement_costs
        cycles, macs = ppa.get("cycles"), run.get("macs")
        return {
            "design": self.design, "network": self.network, "core": self.core, "netlist": self.netlist,
            "parameters": ", ".join(f"{k}={v}" for k, v in self.parameters.items()), "placement": self.placement,
            "technology": self.technology, "dtype": self.dtype, "threads": self.threads, "status": self.status,
            "error": self.error,
            "latency_ms": ppa.get("latency_ms"), "energy_mj": ppa.get("total_energy_mj"),
            "area_mm2": _million(ppa.get("total_area_um2")), "frequency_mhz": ppa.get("frequency_mhz"),
            "average_power_mw": ppa.get("average_power_mw"), "dynamic_power_mw": ppa.get("dynamic_power_mw"),
            "leakage_power_mw": ppa.get("leakage_power_mw"), "cycles": cycles, "instructions": run.get("instructions"),
            "ipc": run.get("ipc"), "macs": macs, "macs_per_cycle": macs / cycles if macs and cycles else None,
            "npu_area_mm2": _million(ppa.get("area_um2", {}).get("npu")), "longest_wire_um": ppa.get("longest_wire_um"),
            "proxy_cost": costs.get("proxy_cost"), "wirelength_cost": costs.get("wirelength_cost"),
            "density_cost": costs.get("density_cost"), "congestion_cost": costs.get("congestion_cost"),
            "output_error": run.get("output_error"), "host_seconds": run.get("host_seconds"),
        }  # fmt: skip


def _million(value: float | None) -> float | None:
    return None if value is None else value / 1e6


def write_point(folder: Path, point: PointRecord) -> Path:
    """Write `points/<slug>/result.json` of a run's folder."""
    return write_json(folder / "points" / point.slug / "result.json", {"schema": SCHEMA, **dataclasses.asdict(point)})


def read_point(path: str | Path) -> PointRecord:
    """Read a `result.json`; InputError if it is not one of this schema."""
    try:
        values = json.loads(read_text(path))
        if values.pop("schema", None) != SCHEMA:
            raise InputError(path, "another schema", f"schema {SCHEMA}", "run the study again with --fresh")
        return PointRecord(**values)
    except (ValueError, TypeError, AttributeError):
        raise InputError(path, "no point of a study", "a result.json", "run the study again with --fresh") from None


TABLE_TEXTS = ("design", "network", "core", "netlist", "parameters", "placement", "technology", "dtype", "status", "error")


def write_table(path: Path, points: list[PointRecord]) -> Path:
    """The comparison table as Parquet: texts as strings, everything else as doubles."""
    import io

    import pyarrow as pa
    import pyarrow.parquet

    from workbench.base.files import write_bytes

    rows = [point.row() for point in points]
    names = list(PointRecord("", "", "", "", "", "").row())
    columns = {}
    for name in names:
        values = [row[name] for row in rows]
        if name in TABLE_TEXTS:
            columns[name] = pa.array(values, pa.string())
        else:
            columns[name] = pa.array([None if v is None else float(v) for v in values], pa.float64())
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), buffer)
    return write_bytes(path, buffer.getvalue())
