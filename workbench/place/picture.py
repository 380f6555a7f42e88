"""Draws floorplans and convergence curves into PNG or SVG files with matplotlib, without a display."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.figures import new_figure, save_figure
from workbench.base.files import make_folder, write_bytes
from workbench.netlist.netlist import ORIENTATIONS, Floorplan, ObjectKind
from workbench.place.cost import CostMaps, Costs, IncrementalCost
from workbench.place.obstacles import turned_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = (
    "#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#EE8866", "#44BB99", "#77AADD", "#997700",
    "#DDAA99", "#555588",
)  # fmt: skip
"""Colours of macro families, told apart by colour-blind readers too. Source: Paul Tol's qualitative schemes."""
SOFT_COLOUR = "#777777"
PORT_COLOUR = "#222222"
_TICK = {"N": (-1, -1), "FN": (1, -1), "S": (1, 1), "FS": (-1, 1), "E": (-1, 1), "FE": (-1, -1), "W": (1, -1), "FW": (1, 1)}
"""The corner at which the macro's lower left corner lies when it is turned."""


def draw_floorplan(floorplan: Floorplan, costs: Costs, path: str | Path) -> Path:
    """Draw hard macros by family, soft macros, ports, and the density and congestion maps; returns the path.

    Without maps where the canvas has no routing supply, as only wirelength counts there.

    Parameters
    ----------
    costs: written into the title.
    path: a .png or .svg file.
    """
    if costs.counts_wires_only:
        return _draw_outline(floorplan, costs, path)
    figure = new_figure((11.2, 9.0))
    main = figure.add_axes((0.055, 0.125, 0.625, 0.755))
    _draw_objects(main, floorplan)
    for k, (title, values, colours) in enumerate(_panels(IncrementalCost(floorplan).maps())):
        _draw_map(figure, (0.72, 0.645 - 0.26 * k, 0.245, 0.235), floorplan, title, values, colours)
    parts = f"wirelength {costs.wirelength:.4f}   density {costs.density:.4f}   congestion {costs.congestion:.4f}"
    _write_title(figure, floorplan, f"proxy cost {costs.proxy:.4f}", f"{parts}   {_overlap(costs)}")
    return save_figure(figure, path)


def _draw_outline(floorplan: Floorplan, costs: Costs, path: str | Path) -> Path:
    """The floorplan alone, with its wirelength and white space."""
    figure = new_figure((9.0, 9.6))
    _draw_objects(figure.add_axes((0.07, 0.1, 0.88, 0.8)), floorplan)
    netlist, canvas = floorplan.netlist, floorplan.canvas
    area = float(netlist.width_um @ netlist.height_um)
    white = f"white space {canvas.width_um * canvas.height_um / area - 1:.1%} of the blocks' area"
    _write_title(figure, floorplan, f"wirelength {costs.wirelength_um:,.0f} µm", f"{white}   {_overlap(costs)}")
    return save_figure(figure, path)


def _overlap(costs: Costs) -> str:
    return "legal, no overlap" if costs.overlap_um2 == 0 else f"overlap {costs.overlap_um2:,.1f} µm²"


def _write_title(figure: Figure, floorplan: Floorplan, headline: str, parts: str) -> None:
    """The design and its size at the left, a headline and its parts at the right."""
    counts = [int((floorplan.netlist.kind == kind).sum()) for kind in ObjectKind]
    soft = f"{counts[1]} soft macros, " if floorplan.canvas.has_routing else ""
    figure.text(0.055, 0.955, floorplan.netlist.name, fontsize=15, fontweight="bold")
    figure.text(
        0.055, 0.918,
        f"{counts[0]} macros, {soft}{counts[2]} ports, {floorplan.netlist.nets:,} nets on "
        f"{floorplan.canvas.width_um:,.0f} × {floorplan.canvas.height_um:,.0f} µm", fontsize=9, color="#444444",
    )  # fmt: skip
    figure.text(0.96, 0.955, headline, fontsize=15, fontweight="bold", ha="right")
    figure.text(0.96, 0.918, parts, fontsize=9, color="#444444", ha="right")


def write_maps(floorplan: Floorplan, folder: str | Path) -> Path:
    """Write the density and congestion maps: ``maps.npz`` (arrays of rows × columns, row 0 at the bottom) and one PNG each.

    In the .npz: `density`, `horizontal`, `vertical` as in `CostMaps`, and `cell_um`, width and height of a cell. Returns
    the folder; InputError if the canvas has no routing supply, as its congestion means nothing.
    """
    if not floorplan.canvas.has_routing:
        raise InputError(
            floorplan.netlist.name, "a canvas without routing supply", "routes per micron for congestion maps",
            "leave out --maps",
        )  # fmt: skip
    folder = make_folder(folder)
    maps, canvas = IncrementalCost(floorplan).maps(), floorplan.canvas
    content = io.BytesIO()
    cell = np.array([canvas.cell_width_um, canvas.cell_height_um])
    np.savez(content, density=maps.density, horizontal=maps.horizontal, vertical=maps.vertical, cell_um=cell)
    write_bytes(folder / "maps.npz", content.getvalue())
    for name, (title, values, colours) in zip(("density", "horizontal", "vertical"), _panels(maps), strict=True):
        figure = new_figure((6.4, 6.0))
        _draw_map(figure, (0.03, 0.03, 0.86, 0.89), floorplan, f"{floorplan.netlist.name}: {title}", values, colours)
        save_figure(figure, folder / f"{name}.png")
    return folder


def _panels(maps: CostMaps) -> tuple[tuple[str, np.ndarray, str], ...]:
    """Title, values and colours of each map."""
    return (
        ("density (covered share)", maps.density, "viridis"),
        ("horizontal congestion (use of tracks)", maps.horizontal, "inferno"),
        ("vertical congestion (use of tracks)", maps.vertical, "inferno"),
    )


def draw_convergence(histories: Mapping[str, Sequence[tuple[float, int, float]]], path: str | Path, title: str = "") -> Path:
    """Draw the best proxy cost over time of one or several runs; each history is of (seconds, evaluations, cost)."""
    figure = new_figure((8.0, 4.6))
    axes = figure.add_axes((0.09, 0.13, 0.87, 0.77))
    for (name, history), colour in zip(histories.items(), PALETTE * len(histories), strict=False):
        if not len(history):
            continue
        table = np.array(history, np.float64)
        axes.step(table[:, 0], table[:, 2], where="post", label=name, color=colour, linewidth=1.8)
        axes.annotate(
            f"{table[-1, 2]:.4f}", (table[-1, 0], table[-1, 2]), (-4, 7), textcoords="offset points", ha="right",
            fontsize=9, color=colour,
        )  # fmt: skip
    axes.set_xlabel("seconds")
    axes.set_ylabel("best cost so far")
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if any(len(history) for history in histories.values()):
        axes.legend(frameon=False)
    return save_figure(figure, path)


def macro_families(names: Sequence[str]) -> list[str]:
    """A family per macro: its path without numbers (banks of a memory are alike) and without what all share."""
    paths = [re.split(r"[/.]", re.sub(r"\[?\d+\]?", "", name)) for name in names]
    shortest = min((len(path) for path in paths), default=1) - 1
    head = next((k for k in range(shortest) if len({path[k] for path in paths}) > 1), 0)
    tail = next((k for k in range(shortest) if len({path[-1 - k] for path in paths}) > 1), 0)
    kept = [path[head : len(path) - tail] or path for path in paths]
    return [".".join(part.strip("_") for part in path).strip("._") or "macro" for path in kept]


def _draw_objects(axes: Axes, floorplan: Floorplan) -> None:
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Patch, Rectangle

    netlist, canvas = floorplan.netlist, floorplan.canvas
    width, height = turned_size(floorplan)
    soft, hard = netlist.indices(ObjectKind.SOFT_MACRO), netlist.indices(ObjectKind.MACRO)
    corners = {int(i): (floorplan.x_um[i] - width[i] / 2, floorplan.y_um[i] - height[i] / 2) for i in (*soft, *hard)}
    canvas_line = dict(facecolor="#fbfbf8", edgecolor="#222222", linewidth=1.0)
    axes.add_patch(Rectangle((0, 0), canvas.width_um, canvas.height_um, zorder=0, **canvas_line))  # type: ignore[arg-type]
    for left, bottom, right, top, _ in canvas.blockages:
        axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, hatch="////", fill=False, ec="#bbbbbb"))
    axes.add_collection(PatchCollection(
        [Rectangle(corners[int(i)], width[i], height[i]) for i in soft], facecolor=SOFT_COLOUR, alpha=0.28,
        edgecolor="#555555", linewidth=0.25, zorder=1,
    ))  # fmt: skip
    families = macro_families([netlist.object_names[i] for i in hard])
    ranked = sorted(set(families), key=lambda family: (-families.count(family), family))
    colour = {family: PALETTE[min(k, len(PALETTE) - 1)] for k, family in enumerate(ranked)}
    axes.add_collection(PatchCollection(
        [Rectangle(corners[int(i)], width[i], height[i]) for i in hard], zorder=2, alpha=0.82, linewidth=0.7,
        facecolor=[colour[family] for family in families], edgecolor="#1a1a1a",
    ))  # fmt: skip
    axes.add_collection(LineCollection(_ticks(floorplan, hard, width, height), colors="#1a1a1a", linewidths=0.8, zorder=3))
    ports = netlist.indices(ObjectKind.PORT)
    axes.plot(
        floorplan.x_um[ports], floorplan.y_um[ports], linestyle="", marker="s", color=PORT_COLOUR, zorder=4,
        markersize=max(1.6, min(5.0, 60 / max(1, len(ports)) ** 0.5)), clip_on=False,
    )  # fmt: skip
    if len(hard) <= 40:
        _name_macros(axes, floorplan, hard, width, height)
    reach = 0.015 * max(canvas.width_um, canvas.height_um)
    axes.set_xlim(-reach, canvas.width_um + reach)
    axes.set_ylim(-reach, canvas.height_um + reach)
    axes.set_aspect("equal")
    axes.set_anchor("NW")
    axes.tick_params(labelsize=8)
    axes.set_ylabel("µm", fontsize=8, labelpad=0)
    axes.spines[:].set_visible(False)
    shown = [Patch(facecolor=colour[f], edgecolor="#1a1a1a", label=f"{_short(f)} ({families.count(f)})") for f in ranked[:8]]
    if len(ranked) > 8:
        others = sum(families.count(family) for family in ranked[8:])
        shown.append(Patch(facecolor=PALETTE[-1], edgecolor="#1a1a1a", label=f"{len(ranked) - 8} other kinds ({others})"))
    if len(soft):
        shown.append(Patch(facecolor=SOFT_COLOUR, alpha=0.28, edgecolor="#555555", label=f"soft macros ({len(soft)})"))
    axes.legend(
        handles=shown, loc="upper left", bbox_to_anchor=(0.0, 0.0), ncols=3, fontsize=7, frameon=False,
        borderaxespad=3.2,
    )  # fmt: skip


def _ticks(floorplan: Floorplan, hard: np.ndarray, width: np.ndarray, height: np.ndarray) -> list[Any]:
    """A line across the corner where each macro's own lower left corner is, as layout viewers draw it."""
    lines = []
    for i in hard:
        across, up = _TICK[ORIENTATIONS[floorplan.orientation[i]]]
        x, y = floorplan.x_um[i] + across * width[i] / 2, floorplan.y_um[i] + up * height[i] / 2
        cut = 0.3 * min(width[i], height[i])
        lines.append([(x - across * cut, y), (x, y - up * cut)])
    return lines


def _name_macros(axes: Axes, floorplan: Floorplan, hard: np.ndarray, width: np.ndarray, height: np.ndarray) -> None:
    for i in hard:
        name = ".".join(re.split(r"[/.]", floorplan.netlist.object_names[i])[:2])
        axes.text(
            floorplan.x_um[i], floorplan.y_um[i], _short(name, 22), ha="center", va="center", fontsize=5.5, zorder=5,
            rotation=90 if height[i] > 1.3 * width[i] else 0, clip_on=True,
        )  # fmt: skip


def _draw_map(
    figure: Figure, place: tuple[float, float, float, float], floorplan: Floorplan, title: str, values: np.ndarray,
    colours: str,
) -> None:  # fmt: skip
    axes = figure.add_axes(place)
    canvas = floorplan.canvas
    image = axes.imshow(
        values, origin="lower", extent=(0, canvas.width_um, 0, canvas.height_um), cmap=colours, vmin=0.0,
        vmax=max(1.0, float(values.max(initial=0.0))), interpolation="nearest",
    )  # fmt: skip
    axes.set_title(title, fontsize=9, loc="left", pad=4)
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)  # type: ignore[operator]


def _short(name: str, most: int = 34) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
