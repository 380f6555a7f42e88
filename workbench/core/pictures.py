"""Pictures of a run, drawn without a display: the CPI stack, the run over time, the functions that took longest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.base.figures import new_figure, save_figure
from workbench.core.phases import Phase
from workbench.core.profile import FunctionProfile
from workbench.core.result import SimResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (
    "#4c9f70", "#f2b134", "#e4572e", "#4059ad", "#8fb8de", "#6b9ac4", "#97a7b3", "#7a4988", "#c98bb9", "#5f0f40", "#9a8c98",
    "#22223b",
)  # fmt: skip
_FUNCTIONS = 15
_SMALLEST_SHARE = 0.005  # of the CPI; less is drawn, and not named


def draw_cpi_stack(result: SimResult, title: str, path: Path) -> Path:
    """Cycles per instruction by cause as one stacked bar, each part with its figure; PNG or SVG by the path's ending."""
    figure, axes = _figure(6.5, 4.5)
    per = max(result.instructions, 1)
    whole = result.cycles / per
    _stack(axes, [(cause, cycles / per) for cause, cycles in result.cpi_stack.items()], whole)
    axes.set_xlim(-0.5, 1.6)
    axes.set_ylim(0, whole * 1.05 or 1)
    axes.set_xticks([])
    axes.set_ylabel("cycles per instruction")
    axes.set_title(f"{title}\nCPI {whole:.3f}, IPC {result.ipc:.2f}", fontsize=10)
    return save_figure(figure, path)


def _stack(axes: Axes, parts: Sequence[tuple[str, float]], whole: float) -> None:
    """A bar of parts, and their names beside it, moved apart where parts are thin."""
    below, lowest = 0.0, 0.0
    for (cause, height), colour in zip(parts, _COLOURS * 2, strict=False):
        axes.bar([0], [height], 0.5, below, color=colour, edgecolor="white", linewidth=0.5)
        middle, below = below + height / 2, below + height
        if height > _SMALLEST_SHARE * whole:
            place = max(middle, lowest)
            lowest = place + 0.055 * whole
            axes.plot([0.25, 0.38], [middle, place], color=colour, linewidth=1)
            axes.text(0.4, place, f"{cause}  {height:.3f}  ({height / whole:.0%})", va="center", fontsize=9)


def draw_phases(phases: Sequence[Phase], title: str, path: Path) -> Path:
    """IPC over the run's instructions, and the CPI stack of every interval below it."""
    figure = new_figure((9, 5.5), "constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    edges = [p.first_instruction / 1e6 for p in phases] + [(phases[-1].first_instruction + phases[-1].instructions) / 1e6]
    upper.stairs([p.ipc for p in phases], edges, color=_COLOURS[3], baseline=None)
    upper.set_ylabel("IPC")
    upper.set_ylim(bottom=0)
    upper.set_title(title, fontsize=10)
    below = [0.0] * len(phases)
    for cause, colour in zip(phases[0].cpi_stack, _COLOURS * 2, strict=False):
        above = [b + p.cpi_stack[cause] for b, p in zip(below, phases, strict=True)]
        if above != below:
            lower.stairs(above, edges, baseline=below, fill=True, color=colour, label=cause)
        below = above
    lower.set_ylabel("cycles per instruction")
    lower.set_xlabel("instructions (millions)")
    lower.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    return save_figure(figure, path)


def draw_functions(functions: Sequence[FunctionProfile], title: str, path: Path) -> Path:
    """The functions that took longest: share alone, and with what they called."""
    shown = [f for f in functions if max(f.share, f.inclusive_share / 10) > _SMALLEST_SHARE][:_FUNCTIONS][::-1]
    figure, axes = _figure(8, 0.32 * len(shown) + 1.4)
    places = range(len(shown))
    axes.barh(places, [100 * f.inclusive_share for f in shown], 0.7, color="#c9d6e8", label="with what it calls")
    axes.barh(places, [100 * f.share for f in shown], 0.7, color=_COLOURS[3], label="alone")
    for place, f in zip(places, shown, strict=True):
        figures = f"{f.share:.1%}" + (f", IPC {f.ipc:.2f}" if f.cycles else "")
        axes.text(100 * max(f.inclusive_share, f.share) + 1, place, figures, va="center", fontsize=8)
    axes.set_yticks(places, [f.name[:40] for f in shown], fontsize=8)
    axes.set_xlim(0, 122)
    axes.set_xlabel("% of the run")
    axes.legend(fontsize=8, loc="lower right", frameon=False)
    axes.set_title(title, fontsize=10)
    return save_figure(figure, path)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = new_figure((width, height), "constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
