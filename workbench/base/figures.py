"""Figures of matplotlib without pyplot: nothing global, no display, and files that are the same for the same content."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.base.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(size: tuple[float, float], layout: str | None = None) -> Figure:
    """An empty white figure of `size` (width, height) in inches; `layout`: one of matplotlib's, such as ``constrained``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, facecolor="white", layout=layout)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as .svg or else as .png, the same bytes for the same content; returns the path."""
    kind = "svg" if Path(path).suffix == ".svg" else "png"
    data = io.BytesIO()
    stamp = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(data, format=kind, dpi=130, metadata=stamp)
    return write_bytes(path, data.getvalue())
