"""Layers: the latency of each layer of a network on a design."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.dashboard.data import RunData
from workbench.dashboard.figures import layer_figure


def draw(run: RunData) -> None:
    """A bar a layer, and the table behind it."""
    points = {(point.design, point.network): point for point in run.done if point.layers}
    if not points:
        st.info("No point of this run has layers.")
        return
    left, right = st.columns(2)
    design = left.selectbox("Design", list(dict.fromkeys(key[0] for key in points)))
    network = right.selectbox("Network", [key[1] for key in points if key[0] == design])
    point = points[design, network]
    total = sum(layer["latency_ms"] for layer in point.layers)
    slowest = max(point.layers, key=lambda layer: layer["latency_ms"])
    columns = st.columns(4)
    columns[0].metric("layers", len(point.layers))
    columns[1].metric("all layers", f"{total:.3f} ms")
    columns[2].metric("MACs", f"{sum(layer['macs'] for layer in point.layers) / 1e6:,.1f} M")
    columns[3].metric("slowest layer", f"{100 * slowest['latency_ms'] / total if total else 0:.1f} %")
    clock = f"{point.simulation['simulated_frequency_mhz']:,.0f} MHz, the clock that was simulated"
    st.caption(f"at {clock}; the slowest layer is {slowest['name']} ({slowest['operator']})")
    st.plotly_chart(layer_figure(point.layers), width="stretch", key="layers")
    st.dataframe(_table(point.layers, total), width="stretch", hide_index=True)


def _table(layers: list[dict], total: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "layer": layer["name"],
            "operator": layer["operator"],
            "algorithm": layer["algorithm"],
            "latency, ms": round(layer["latency_ms"], 4),
            "share, %": round(100 * layer["latency_ms"] / total, 1) if total else 0.0,
            "cycles": layer["cycles"],
            "instructions": layer["instructions"],
            "MACs": layer["macs"],
            "MACs per cycle": round(layer["macs"] / layer["cycles"], 2) if layer["cycles"] else 0.0,
            "weights, kB": round(layer["weight_bytes"] / 1e3, 1),
        }
        for layer in layers
    )
