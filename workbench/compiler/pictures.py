"""Pictures of a network's run, drawn without a display: latency of each layer, and the layers under the core's roofs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.base.figures import new_figure, save_figure
from workbench.compiler.execute import NetworkResult
from workbench.compiler.layer_results import LayerResult, Roofline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#4059ad", "#4c9f70", "#f2b134", "#e4572e", "#7a4988", "#8fb8de", "#97a7b3", "#5f0f40")
_INCHES_A_LAYER = 0.17
_NAMED = 8  # layers with their names in the roofline picture: those that take longest
_LEAST_INTENSITY = 1e-2


def draw_latency(run: NetworkResult, title: str, path: Path) -> Path:
    """One bar a layer, in order of execution: milliseconds, the bound on their error, the part of the vector peak."""
    layers, frequency = run.layers, run.result.frequency_mhz
    figure = new_figure((10, max(3.0, 1.6 + _INCHES_A_LAYER * len(layers))), "constrained")
    axes = figure.add_subplot()
    rows = range(len(layers))
    times = [layer.cycles / (frequency * 1e3) for layer in layers]
    errors = [layer.error_cycles / (frequency * 1e3) for layer in layers]
    colours = _colour_of_kind(layers)
    axes.barh(
        rows, times, 0.8, color=[colours[_kind(layer)] for layer in layers], xerr=errors,
        error_kw={"elinewidth": 0.8, "ecolor": "#22223b"},
    )  # fmt: skip
    furthest = max((time + error for time, error in zip(times, errors, strict=True)), default=1.0) or 1.0
    for row, layer, time, error in zip(rows, layers, times, errors, strict=True):
        peak = f", {layer.utilization:.0%} of peak" if layer.macs else ""
        text = f" {layer.share:.1%}{peak}"
        axes.text(time + error + 0.005 * furthest, row, text, va="center", fontsize=6, color="#444444")
    axes.set_yticks(rows, [_shortened(layer.name) for layer in layers], fontsize=6)
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.set_xlim(0, 1.17 * furthest)
    axes.set_xlabel("milliseconds")
    axes.grid(axis="x", linewidth=0.4, alpha=0.5)
    _legend(figure, colours, "outside lower center")
    bound = f" ± {run.latency_error:.1%}, sampled" if run.latency_error else ""
    axes.set_title(f"{title}\n{run.latency_ms:.3f} ms at {frequency:,.0f} MHz{bound}", fontsize=10)
    return save_figure(figure, path)


def draw_roofline(run: NetworkResult, roof: Roofline, title: str, path: Path) -> Path:
    """Each layer's throughput over its arithmetic intensity, under the roofs; areas are shares of the time."""
    layers = [layer for layer in run.layers if layer.macs and layer.cycles]
    figure = new_figure((10, 6), "constrained")
    axes = figure.add_subplot()
    colours = _colour_of_kind(layers)
    ridge = roof.macs_per_cycle / roof.dram_bytes_per_cycle
    known = [layer.macs_per_dram_byte for layer in layers if layer.macs_per_dram_byte]
    most = 4 * max([ridge, *known])
    places = [layer.macs_per_dram_byte or most for layer in layers]
    least = min([ridge, *places]) / 4
    for layer, place in zip(layers, places, strict=True):
        axes.scatter(
            [place], [layer.macs_per_cycle], 10 + 2500 * layer.share, color=colours[_kind(layer)], alpha=0.65, linewidth=0.4,
            edgecolor="white",
        )  # fmt: skip
    axes.plot([least, ridge, 1.6 * most], [roof.limit(least), roof.macs_per_cycle, roof.macs_per_cycle], color="#22223b")
    axes.set_xscale("log")
    axes.set_yscale("log", base=2)
    axes.set_xlim(max(least, _LEAST_INTENSITY), 1.6 * most)
    lowest = min([layer.macs_per_cycle for layer in layers], default=roof.macs_per_cycle / 10)
    highest = max([layer.macs_per_cycle for layer in layers], default=0.0)  # Winograd saves products: above the roof
    axes.set_ylim(lowest / 2, max(highest, roof.macs_per_cycle) * 2)
    axes.text(
        1.5 * most, roof.macs_per_cycle * 1.08, f"vector unit: {roof.macs_per_cycle:g} MAC/cycle", ha="right", fontsize=8
    )
    axes.text(
        0.02, 0.97, f"sloped roof: DRAM, {roof.dram_bytes_per_cycle:g} bytes/cycle", transform=axes.transAxes, fontsize=8,
        va="top",
    )  # fmt: skip
    _name_slowest(figure, axes, layers, places)
    axes.set_xlabel("multiply-accumulates per byte from or to DRAM (at the right edge: no such traffic)")
    axes.set_ylabel("multiply-accumulates per cycle")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(which="major", linewidth=0.4, alpha=0.5)
    _legend(figure, colours, "outside lower center")
    bound = f", sampled, latency ± {run.latency_error:.1%}" if run.latency_error else ""
    axes.set_title(f"{title}\narea: share of the time{bound}", fontsize=10)
    return save_figure(figure, path)


def _name_slowest(figure: Any, axes: Axes, layers: list[LayerResult], places: list[float]) -> None:
    """Numbers on the layers that take longest, and their names beside the picture."""
    from matplotlib.patches import Patch

    order = sorted(range(len(layers)), key=lambda index: -layers[index].cycles)[:_NAMED]
    handles = []
    for number, index in enumerate(order, 1):
        layer = layers[index]
        axes.annotate(str(number), (places[index], layer.macs_per_cycle), ha="center", va="center", fontsize=7)
        label = f"{number}  {_shortened(layer.name)}\n    {layer.share:.1%}, {layer.utilization:.0%} of peak"
        handles.append(Patch(color="none", label=label))
    figure.legend(
        handles=handles, loc="outside right upper", fontsize=7, handlelength=0, handletextpad=0, title="slowest layers",
        title_fontsize=8,
    )  # fmt: skip


def _kind(layer: LayerResult) -> str:
    """The first operator of a fused layer."""
    return layer.operator.split("+")[0]


def _colour_of_kind(layers: Any) -> dict[str, str]:
    """Colours for the operators that take longest; the others share the last one."""
    times: dict[str, int] = {}
    for layer in layers:
        times[_kind(layer)] = times.get(_kind(layer), 0) + layer.cycles
    order = sorted(times, key=lambda kind: -times[kind])
    return {kind: _COLOURS[min(place, len(_COLOURS) - 1)] for place, kind in enumerate(order)}


def _legend(figure: Any, colours: dict[str, str], place: str) -> None:
    from matplotlib.patches import Patch

    shown = list(colours.items())[: len(_COLOURS) - 1]
    handles = [Patch(color=colour, label=kind) for kind, colour in shown]
    if len(colours) > len(shown):
        handles.append(Patch(color=_COLOURS[-1], label="others"))
    figure.legend(handles=handles, fontsize=7, loc=place, ncols=len(handles))


def _shortened(name: str) -> str:
    return name if len(name) <= 36 else f"{name[:16]}...{name[-17:]}"
