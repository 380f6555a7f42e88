"""``sweep.png``: latency and IPC of a sweep, a panel a workload, over the field with most values or by core."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from workbench.base.files import write_bytes

_LARGEST_PANELS = 12


def draw_sweep(rows: list[dict[str, Any]], path: Path) -> Path:
    """Draw all finished points and write the PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [row for row in rows if not row["error"]]
    fields = list(rows[0])[2 : list(rows[0]).index("error")]
    along = max(fields, key=lambda field: len({row[field] for row in rows}), default=None)
    workloads = list(dict.fromkeys(row["workload"] for row in rows))[:_LARGEST_PANELS]
    figure, axes = pyplot.subplots(
        len(workloads), 2, figsize=(12, 1.2 + 3.4 * len(workloads)), layout="constrained", squeeze=False
    )
    for workload, line in zip(workloads, axes, strict=True):
        found = [row for row in rows if row["workload"] == workload]
        for axis, figure_name, label in zip(line, ("latency_ms", "ipc"), ("latency, ms", "IPC"), strict=True):
            if along is None:
                _bars(axis, found, figure_name)
            else:
                _lines(axis, found, figure_name, along, [field for field in fields if field != along])
            axis.set_ylabel(label)
            axis.set_title(workload, fontsize=10)
    handles, labels = axes[0][0].get_legend_handles_labels()
    if along is not None:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    pyplot.close(figure)
    return write_bytes(path, buffer.getvalue())


def _bars(axis: Any, rows: list[dict[str, Any]], name: str) -> None:
    cores = [row["core"] for row in rows]
    axis.barh(cores, [row[name] for row in rows], color=[f"C{k % 10}" for k in range(len(rows))])
    axis.invert_yaxis()
    axis.grid(visible=True, axis="x", color="0.92")
    axis.set_axisbelow(True)
    axis.set_xlabel(axis.get_ylabel())


def _lines(axis: Any, rows: list[dict[str, Any]], name: str, along: str, others: list[str]) -> None:
    """A line for each core and combination of the other fields."""
    series: dict[tuple[Any, ...], list[tuple[Any, float]]] = {}
    for row in rows:
        series.setdefault((row["core"], *(row[field] for field in others)), []).append((row[along], row[name]))
    for (core, *values), points in series.items():
        label = ", ".join([core, *(f"{field.split('.')[-1]} {value}" for field, value in zip(others, values, strict=True))])
        xs, ys = zip(*points, strict=True)
        axis.plot([str(x) for x in xs], ys, marker="o", label=label)
    axis.set_xlabel(along)
    axis.set_ylim(bottom=0)
    axis.grid(visible=True, color="0.92")
    axis.set_axisbelow(True)
