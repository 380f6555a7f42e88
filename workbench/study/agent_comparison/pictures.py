"""The pictures of a comparison: cost over time, cost of every seed, and all netlists at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.base.figures import new_figure, save_figure
from workbench.place.picture import PALETTE
from workbench.study.agent_comparison.records import COSTS, JobRecord
from workbench.study.agent_comparison.table import Tables
from workbench.study.placing import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TIMES = 240
_VISIBLE_RISE = 0.25
"""A curve is shown from where its median is within this share above the worst final cost."""


def colour_of(agents: Sequence[str]) -> dict[str, str]:
    """A colour for each agent."""
    return {agent: PALETTE[k % len(PALETTE)] for k, agent in enumerate(agents)}


def sample_histories(histories: Sequence[History], times: np.ndarray) -> np.ndarray:
    """Best cost so far of each run at each time (runs, times): NaN before a run's first one."""
    table = np.full((len(histories), len(times)), np.nan)
    for row, history in zip(table, histories, strict=True):
        seconds, costs = np.array([h[0] for h in history]), np.array([h[2] for h in history])
        index = np.searchsorted(seconds, times, side="right") - 1
        row[index >= 0] = costs[index[index >= 0]]
    return table


def curves(records: Sequence[JobRecord]) -> dict[str, np.ndarray]:
    """Per agent: times on a logarithmic grid, median, least and greatest cost over seeds, (4, times), NaN-free.

    A curve begins when every seed has a placement.
    """
    found = {}
    for agent in dict.fromkeys(record.agent for record in records):
        histories = [r.history for r in records if r.agent == agent and r.status == "done" and r.history]
        if not histories:
            continue
        first = max(0.02, max(history[0][0] for history in histories))
        last = max(first * 1.01, max(history[-1][0] for history in histories))
        times = np.geomspace(first, last, _TIMES)
        table = sample_histories(histories, times)
        found[agent] = np.stack([times, np.median(table, axis=0), table.min(axis=0), table.max(axis=0)])
    return found


def cost_limits(found: dict[str, np.ndarray]) -> tuple[float, float]:
    """Range of costs to show: all final ones, and as much of the way there as does not flatten them."""
    low = min(curve[2, -1] for curve in found.values())
    final = max(curve[3, -1] for curve in found.values())
    start = max(curve[1, 0] for curve in found.values())
    high = max(final, min(start, final * (1 + _VISIBLE_RISE)))
    room = 0.04 * (high - low) or 0.01 * high
    return low - room, high + room


def draw_curves(records: Sequence[JobRecord], colour: dict[str, str], path: Path, netlist: str) -> Path:
    """Median cost over time of each agent with its range over seeds."""
    figure = new_figure((8.0, 4.8))
    axes = figure.add_axes((0.095, 0.125, 0.88, 0.785))
    found = curves(records)
    for agent, (times, median, low, high) in found.items():
        axes.fill_between(times, low, high, color=colour[agent], alpha=0.16, linewidth=0, step="post")
        axes.step(times, median, where="post", color=colour[agent], linewidth=1.9, label=f"{agent}  {median[-1]:.4f}")
    axes.set_xscale("log")
    if found:
        low, high = cost_limits(found)
        seen = [times[median <= high] for times, median, _, _ in found.values()]
        axes.set_ylim(low, high)
        axes.set_xlim(0.85 * min(times[0] for times in seen), 1.15 * max(times[-1] for times in seen))
        axes.legend(loc="upper right", frameon=False, title="median at the end", alignment="left")
    axes.set_xlabel("seconds")
    axes.set_ylabel("best proxy cost so far")
    axes.set_title(f"{netlist}: median and range over seeds", loc="left", fontsize=11, fontweight="bold")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    _plain(axes)
    return save_figure(figure, path)


def draw_costs(records: Sequence[JobRecord], colour: dict[str, str], path: Path, netlist: str) -> Path:
    """Every seed's proxy cost and components, a row an agent: dots, a box from quartile to quartile, the median."""
    agents = list(dict.fromkeys(record.agent for record in records))
    figure = new_figure((11.0, 1.35 + 0.42 * len(agents)))
    grid = figure.add_gridspec(
        1, len(COSTS), left=min(0.3, 0.03 + 0.0085 * max(map(len, agents))), right=0.985, wspace=0.12,
        bottom=0.42 / (1.35 + 0.42 * len(agents)), top=1 - 0.62 / (1.35 + 0.42 * len(agents)), width_ratios=(1.5, 1, 1, 1),
    )  # fmt: skip
    for column, which in enumerate(COSTS):
        axes = figure.add_subplot(grid[0, column])
        for row, agent in enumerate(agents):
            values = np.array([r.cost(which) for r in records if r.agent == agent and r.status == "done"])
            if len(values) and not np.isnan(values).any():
                _strip(axes, row, values, colour[agent])
        axes.set_ylim(len(agents) - 0.4, -0.6)
        axes.set_yticks(range(len(agents)), agents if column == 0 else [""] * len(agents), fontsize=9)
        axes.set_title(which if column else "proxy cost", fontsize=9, loc="left")
        axes.locator_params(axis="x", nbins=5 if column == 0 else 4)
        axes.tick_params(axis="x", labelsize=8)
        axes.margins(x=0.08)
        _plain(axes)
    figure.text(0.01, 1 - 0.26 / (1.35 + 0.42 * len(agents)), f"{netlist}: every seed", fontsize=11, fontweight="bold")
    return save_figure(figure, path)


def _strip(axes: Axes, row: int, values: np.ndarray, colour: str) -> None:
    low, middle, high = np.percentile(values, (25, 50, 75))
    axes.barh(row, high - low, left=low, height=0.5, color=colour, alpha=0.22, linewidth=0)
    axes.plot([middle, middle], [row - 0.25, row + 0.25], color=colour, linewidth=2)
    offsets = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else np.zeros(1)
    axes.scatter(values, row + offsets, s=16, color=colour, edgecolor="white", linewidth=0.5, zorder=3)


def draw_overview(tables: Tables, agents: Sequence[str], baseline: str, path: Path) -> Path:
    """Mean proxy cost of every agent on every netlist, coloured by the difference from the baseline in percent."""
    netlists = list(dict.fromkeys(row["netlist"] for row in tables.costs))
    mean = {(row["netlist"], row["agent"]): row for row in tables.costs}
    pair = {(row["netlist"], row["agent"]): row for row in tables.pairs}
    percent = np.array([
        [p if (p := pair.get((n, a), {}).get("percent")) is not None else 0.0 if a == baseline else np.nan for a in agents]
        for n in netlists
    ])  # fmt: skip
    left, width, height = 0.6 + 0.085 * max(map(len, netlists)), 1.55 * len(agents), 0.52 * len(netlists)
    figure = new_figure((left + width + 0.3, height + 1.35))
    size = (figure.get_figwidth(), figure.get_figheight())
    axes = figure.add_axes((left / size[0], 0.55 / size[1], width / size[0], height / size[1]))
    reach = max(1.0, float(np.nanmax(np.abs(np.clip(percent, -20, 20)), initial=0.0)))
    axes.imshow(percent, cmap="RdBu_r", vmin=-1.6 * reach, vmax=1.6 * reach, aspect="auto")
    for i, netlist in enumerate(netlists):
        for j, agent in enumerate(agents):
            axes.text(j, i, _overview_cell(mean[netlist, agent], pair.get((netlist, agent))), ha="center", va="center",
                      fontsize=9, linespacing=1.25)  # fmt: skip
    axes.set_xticks(range(len(agents)), agents, fontsize=9)
    axes.set_yticks(range(len(netlists)), netlists, fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.text(0.015, 1 - 0.3 / size[1], f"mean proxy cost, and against {baseline}", fontsize=11, fontweight="bold")
    figure.text(0.015, 0.18 / size[1], "* p < 0.05 (Mann-Whitney); blue is better", fontsize=8, color="#444444")
    return save_figure(figure, path)


def _overview_cell(row: dict[str, Any], pair: dict[str, Any] | None) -> str:
    if not row["legal"]:
        return "no legal result" if row["jobs"] else "not run"
    star = " *" if pair and pair["verdict"] != "tie" else ""
    against = f"\n{pair['percent']:+.2f} %{star}" if pair and pair["percent"] is not None else ""
    return f"{row['proxy_mean']:.4f}{against}"


def _plain(axes: Axes) -> None:
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
