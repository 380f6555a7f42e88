"""`comparison.png`: latency against energy and against area; a colour a design, a marker a network, Pareto fronts drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.base.files import write_bytes
from workbench.study.records import PointRecord

_MARKERS = "osD^vPX*<>"
_MARKER_AREA, _INSIDE = 85.0, 0.35  # points²; and the part of it that a point has which lies on another one


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of points that no other point beats in both coordinates (smaller is better), by the first coordinate."""
    order = sorted(range(len(points)), key=lambda i: points[i])
    front: list[int] = []
    for index in order:
        if not front or points[index][1] < points[front[-1]][1]:
            front.append(index)
    return front


def draw_comparison(points: Sequence[PointRecord], path: Path, title: str) -> Path:
    """Draw all finished points and write the PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [point.row() for point in points if point.status == "done"]
    designs = list(dict.fromkeys(row["design"] for row in rows))
    networks = list(dict.fromkeys(row["network"] for row in rows))
    figure, axes = pyplot.subplots(1, 2, figsize=(12.5, 5.6 + 0.22 * max(0, len(designs) - 4)), layout="constrained")
    for axis, (field, label) in zip(
        axes, (("energy_mj", "energy per inference, mJ"), ("area_mm2", "area, mm²")), strict=True
    ):
        _panel(axis, rows, designs, networks, field, label)
    figure.suptitle(f"{title}: smaller is better on every axis", fontsize=13)
    handles, labels = _legend(designs, networks)
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    pyplot.close(figure)
    return write_bytes(path, buffer.getvalue())


def _covered(places: Sequence[tuple[float, float]], index: int) -> int:
    """Earlier points that this one would hide: no further away than a hundredth of either value."""
    x, y = places[index]
    return sum(abs(a - x) <= 0.01 * x and abs(b - y) <= 0.01 * y for a, b in places[:index])


def _panel(axis: Any, rows: list[dict[str, Any]], designs: list[str], networks: list[str], field: str, label: str) -> None:
    for network_index, network in enumerate(networks):
        found = [row for row in rows if row["network"] == network]
        places = [(row["latency_ms"], row[field]) for row in found]
        front = [places[index] for index in pareto(places)]
        axis.plot(*zip(*front, strict=True), color="0.7", linewidth=1.2, zorder=1, drawstyle="steps-post")
        marker = _MARKERS[network_index % len(_MARKERS)]
        for index, (row, (x, y)) in enumerate(zip(found, places, strict=True)):
            color, area = f"C{designs.index(row['design']) % 10}", _MARKER_AREA * _INSIDE ** _covered(places, index)
            axis.scatter(x, y, s=area, color=color, marker=marker, edgecolor="white", linewidth=0.8, zorder=2)
    _scale(axis.xaxis, axis.set_xscale, [row["latency_ms"] for row in rows])
    _scale(axis.yaxis, axis.set_yscale, [row[field] for row in rows])
    axis.set_xlabel("latency per inference, ms")
    axis.set_ylabel(label)
    axis.grid(visible=True, which="both", color="0.92")
    axis.set_axisbelow(True)
    axis.margins(0.12)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _scale(axis: Any, set_scale: Any, values: list[float]) -> None:
    """Logarithmic with plain numbers where the values differ by more than ten times, else from zero."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    if not max(values) > 10 * min(values) > 0:
        axis.axes.set(**{f"{axis.axis_name}lim": (0, 1.08 * max(values) or 1)})
    else:
        set_scale("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if max(values) < 100 * min(values) else (1,)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend(designs: list[str], networks: list[str]) -> tuple[list[Any], list[str]]:
    """Designs by colour, then networks by marker."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], marker="s", linestyle="", markersize=9, color=f"C{i % 10}") for i in range(len(designs))]
    handles += [
        Line2D([], [], marker=_MARKERS[i % len(_MARKERS)], linestyle="", markersize=8, markeredgecolor="0.3", color="white")
        for i in range(len(networks))
    ]
    return handles, [*designs, *networks]
