"""Plotly figures of the pages, made from plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from workbench.study.charts import pareto

COLORS = ("#0068c9", "#f58518", "#29b09d", "#d1495b", "#7d5ba6", "#8c6d31", "#e377c2", "#5f7f95", "#b5bd00", "#17a2b8")
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "x", "pentagon", "hexagon", "hourglass")
KIND_COLORS = {"macro": "#d1495b", "soft_macro": "#7fa7d9", "port": "#333333"}
KIND_TITLES = {"macro": "hard macros", "soft_macro": "soft macros", "port": "ports"}
_MARGIN = {"l": 10, "r": 10, "t": 30, "b": 10}


def pareto_figure(rows: Sequence[dict[str, Any]], field: str, label: str) -> go.Figure:
    """Latency against another figure: a colour a design, a symbol a network, the Pareto front of each network as a line."""
    designs = list(dict.fromkeys(row["design"] for row in rows))
    networks = list(dict.fromkeys(row["network"] for row in rows))
    figure = go.Figure()
    for network in networks:
        found = [row for row in rows if row["network"] == network]
        front = [found[i] for i in pareto([(row["latency_ms"], row[field]) for row in found])]
        figure.add_scatter(
            x=[row["latency_ms"] for row in front], y=[row[field] for row in front], mode="lines", hoverinfo="skip",
            line={"color": "rgba(130,130,130,0.55)", "shape": "hv", "width": 1.5}, showlegend=False,
        )  # fmt: skip
    for row in rows:
        figure.add_scatter(
            x=[row["latency_ms"]], y=[row[field]], mode="markers", showlegend=False,
            marker={
                "size": 13, "color": COLORS[designs.index(row["design"]) % len(COLORS)],
                "symbol": SYMBOLS[networks.index(row["network"]) % len(SYMBOLS)], "line": {"color": "white", "width": 1},
            },
            hovertemplate=f"<b>{row['design']}</b><br>{row['network']}<br>%{{x:.4g}} ms, %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
    _legend_entries(figure, designs, networks)
    figure.update_xaxes(title="latency per inference, ms", **_axis([row["latency_ms"] for row in rows]))
    figure.update_yaxes(title=label, **_axis([row[field] for row in rows]))
    figure.update_layout(height=430, margin=_MARGIN, legend={"orientation": "h", "y": -0.22, "x": 0})
    return figure


def _legend_entries(figure: go.Figure, designs: list[str], networks: list[str]) -> None:
    for index, design in enumerate(designs):
        marker = {"size": 11, "color": COLORS[index % len(COLORS)], "symbol": "circle"}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=design, marker=marker)
    for index, network in enumerate(networks if len(networks) > 1 else []):
        marker = {"size": 10, "color": "#777777", "symbol": SYMBOLS[index % len(SYMBOLS)]}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=network, marker=marker)


def _axis(values: Sequence[float]) -> dict[str, Any]:
    """Logarithmic with plain numbers where values differ by more than ten times, else from zero."""
    if max(values) > 10 * min(values) > 0:
        return {"type": "log", "dtick": "D2" if max(values) < 100 * min(values) else 1, "tickformat": "~g"}
    return {"type": "linear", "rangemode": "tozero"}


def stacked_bars(
    names: Sequence[str], parts: Sequence[dict[str, float]], label: str, horizontal: bool = True, others_below: float = 0.004
) -> go.Figure:
    """One bar a name, one colour a part; parts that are small in every bar are drawn together as ``other``."""
    totals = [sum(values.values()) or 1.0 for values in parts]
    keys = list(dict.fromkeys(key for values in parts for key in values))
    large = [k for k in keys if any(v.get(k, 0.0) / t >= others_below for v, t in zip(parts, totals, strict=True))]
    columns = {key: [values.get(key, 0.0) for values in parts] for key in large}
    if small := [key for key in keys if key not in large]:
        columns["other"] = [sum(values.get(key, 0.0) for key in small) for values in parts]
    figure = go.Figure()
    palette = (*COLORS, "#9aa5b1", "#c7a76c", "#6b8e23", "#4b5563")
    for index, (key, values) in enumerate(columns.items()):
        figure.add_bar(
            name=key, marker_color=palette[index % len(palette)], orientation="h" if horizontal else "v",
            x=values if horizontal else list(names), y=list(names) if horizontal else values,
            hovertemplate=f"{key}: %{{{'x' if horizontal else 'y'}:.4g}}<extra>%{{{'y' if horizontal else 'x'}}}</extra>",
        )  # fmt: skip
    figure.update_layout(
        barmode="stack", height=150 + 42 * len(names), margin=_MARGIN,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    )  # fmt: skip
    figure.update_xaxes(title=label)
    figure.update_yaxes(autorange="reversed")
    return figure


def floorplan_figure(plan: dict[str, Any], background: str | None) -> go.Figure:
    """Objects by kind (one trace each) over nothing or over a map (``density`` or ``congestion``)."""
    figure = go.Figure()
    if background and plan[background]:
        width, height = plan["width_um"] / plan["columns"], plan["height_um"] / plan["rows"]
        figure.add_heatmap(
            z=plan[background], x=[(i + 0.5) * width for i in range(plan["columns"])],
            y=[(i + 0.5) * height for i in range(plan["rows"])], colorscale="YlOrRd", zmin=0,
            colorbar={"title": background, "thickness": 14}, hovertemplate=f"{background} %{{z:.3f}}<extra></extra>",
        )  # fmt: skip
    for index, kind in reversed(list(enumerate(plan["kinds"]))):
        members = [i for i, value in enumerate(plan["kind"]) if value == index]
        if members:
            _add_kind(figure, plan, kind, members, filled=not background)
    figure.add_shape(
        type="rect", x0=0, y0=0, x1=plan["width_um"], y1=plan["height_um"], line={"color": "#888888", "width": 1}
    )
    figure.update_xaxes(title="µm", showgrid=False, zeroline=False, constrain="domain")
    figure.update_yaxes(title="µm", showgrid=False, zeroline=False, scaleanchor="x", constrain="domain")
    figure.update_layout(height=680, margin=_MARGIN, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return figure


def _add_kind(figure: go.Figure, plan: dict[str, Any], kind: str, members: list[int], filled: bool) -> None:
    x, y = plan["x_um"], plan["y_um"]
    names = [plan["objects"][i] for i in members]
    size = max(plan["width_um"], plan["height_um"]) / 130
    outline_x, outline_y = [], []
    for i in members:
        w, h = (plan["object_width_um"][i] or size) / 2, (plan["object_height_um"][i] or size) / 2
        outline_x += [x[i] - w, x[i] + w, x[i] + w, x[i] - w, x[i] - w, None]
        outline_y += [y[i] - h, y[i] - h, y[i] + h, y[i] + h, y[i] - h, None]
    color = KIND_COLORS[kind]
    figure.add_scatter(
        x=outline_x, y=outline_y, mode="lines", fill="toself", name=f"{KIND_TITLES[kind]} ({len(members)})",
        fillcolor=_faint(color, 0.55 if filled else 0.08), line={"color": color, "width": 1}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=[x[i] for i in members], y=[y[i] for i in members], mode="markers", text=names, showlegend=False,
        marker={"size": 8, "opacity": 0}, hovertemplate="%{text}<br>%{x:.1f}, %{y:.1f} µm<extra></extra>",
    )  # fmt: skip


def _faint(color: str, opacity: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def layer_figure(layers: Sequence[dict[str, Any]]) -> go.Figure:
    """Latency of each layer in execution order, coloured by operator."""
    operators = list(dict.fromkeys(layer["operator"] for layer in layers))
    names = [f"{index}: {layer['name']}" for index, layer in enumerate(layers)]
    figure = go.Figure()
    for index, operator in enumerate(operators):
        members = [i for i, layer in enumerate(layers) if layer["operator"] == operator]
        figure.add_bar(
            x=[layers[i]["latency_ms"] for i in members], y=[names[i] for i in members], orientation="h", name=operator,
            marker_color=COLORS[index % len(COLORS)], hovertemplate="%{y}<br>%{x:.4f} ms<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(
        autorange="reversed", categoryorder="array", categoryarray=names, tickfont={"size": 11},
        ticktext=[_short(name) for name in names], tickvals=names,
    )  # fmt: skip
    figure.update_xaxes(title="latency, ms", side="top")
    figure.update_layout(
        height=140 + 19 * len(layers), margin=_MARGIN, barmode="overlay",
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0},
    )  # fmt: skip
    return figure


def _short(name: str, length: int = 34) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def history_figure(history: Sequence[Sequence[float]]) -> go.Figure:
    """Best cost over time of a placement's search."""
    figure = go.Figure()
    figure.add_scatter(
        x=[point[0] for point in history], y=[point[1] for point in history], mode="lines", line={"shape": "hv"}
    )
    figure.update_xaxes(title="seconds", rangemode="tozero")
    figure.update_yaxes(title="best proxy cost")
    figure.update_layout(height=280, margin=_MARGIN)
    return figure


def convergence_figure(curves: dict[str, Any], agents: Sequence[str], cost_limits: tuple[float, float]) -> go.Figure:
    """Median cost over time of each agent with its range over seeds; `curves` are rows of times, median, low and high."""
    figure = go.Figure()
    for agent, (times, median, low, high) in curves.items():
        color = COLORS[list(agents).index(agent) % len(COLORS)]
        figure.add_scatter(
            x=[*times, *times[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=_faint(color, 0.14), mode="lines",
            line={"width": 0}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=times, y=median, mode="lines", name=agent, line={"color": color, "width": 2, "shape": "hv"},
            hovertemplate=f"{agent}<br>%{{x:.3g}} s: %{{y:.5f}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="seconds", type="log", tickformat="~g", dtick=1)
    figure.update_yaxes(title="best proxy cost so far, median and range", range=list(cost_limits))
    figure.update_layout(height=430, margin=_MARGIN, legend={"orientation": "h", "y": -0.2, "x": 0})
    return figure


def seeds_figure(results: Sequence[tuple[str, int, float]], agents: Sequence[str]) -> go.Figure:
    """The cost of every seed, a box and its dots an agent; `results` are of agent, seed and cost."""
    figure = go.Figure()
    for index, agent in enumerate(agents):
        own = [(seed, cost) for name, seed, cost in results if name == agent]
        if own:
            figure.add_box(
                y=[cost for _, cost in own], name=agent, boxpoints="all", pointpos=0, jitter=0.4,
                marker={"color": COLORS[index % len(COLORS)], "size": 7}, text=[f"seed {seed}" for seed, _ in own],
                hovertemplate="%{text}: %{y:.5f}<extra></extra>", showlegend=False,
            )  # fmt: skip
    figure.update_yaxes(title="proxy cost")
    figure.update_layout(height=430, margin=_MARGIN)
    return figure
