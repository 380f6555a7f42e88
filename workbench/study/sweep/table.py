"""The table of a sweep: one row a point, as CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.base.files import write_bytes, write_text

_FIGURES = ("instructions", "cycles", "ipc", "frequency_mhz", "latency_ms")


def rows_of(records: Mapping[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    """Flat rows with the same columns: workload, core, the swept fields, figures, CPI stack and MPKI; None for failures."""
    causes = list(dict.fromkeys(cause for record in records.values() for cause in record.get("cpi_stack", ())))
    structures = list(dict.fromkeys(name for record in records.values() for name in record.get("mpki", ())))
    rows = []
    for record in records.values():
        row = {"workload": record["workload"], "core": record["core"], **record["setting"], "error": record["error"]}
        row |= {name: record.get(name) for name in _FIGURES}
        count = record.get("instructions") or None
        stack, mpki = record.get("cpi_stack", {}), record.get("mpki", {})
        row |= {f"cpi_{cause}": stack[cause] / count if count and cause in stack else None for cause in causes}
        row |= {f"mpki_{name}": mpki.get(name) for name in structures}
        rows.append(row | {"host_seconds": record.get("host_seconds")})
    return rows


def write_tables(folder: Path, rows: list[dict[str, Any]]) -> None:
    """``sweep.csv`` and ``sweep.parquet``."""
    import pyarrow as pa
    import pyarrow.parquet

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / "sweep.csv", text.getvalue())
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    table = pa.table({name: _array(values) for name, values in columns.items()})
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    write_bytes(folder / "sweep.parquet", buffer.getvalue())


def _array(values: list[Any]) -> Any:
    """Integers, real numbers or, where any value is neither, text."""
    import pyarrow as pa

    given = [value for value in values if value is not None]
    if all(isinstance(value, int) and not isinstance(value, bool) for value in given):
        return pa.array(values, pa.int64())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())
