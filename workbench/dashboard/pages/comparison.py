"""Comparison: Pareto charts, the table, downloads."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from workbench.dashboard.data import RunData
from workbench.dashboard.figures import pareto_figure, stacked_bars

_COLUMNS = {  # field: (title, format)
    "design": ("design", None),
    "network": ("network", None),
    "latency_ms": ("latency, ms", "%.3f"),
    "energy_mj": ("energy, mJ", "%.3f"),
    "area_mm2": ("area, mm²", "%.3f"),
    "frequency_mhz": ("clock, MHz", "%.0f"),
    "average_power_mw": ("power, mW", "%.1f"),
    "leakage_power_mw": ("leakage, mW", "%.2f"),
    "ipc": ("IPC", "%.2f"),
    "macs_per_cycle": ("MACs per cycle", "%.2f"),
    "proxy_cost": ("placement cost", "%.4f"),
    "longest_wire_um": ("longest wire, µm", "%.0f"),
    "technology": ("technology", None),
    "dtype": ("type", None),
    "threads": ("threads", "%d"),
    "placement": ("placement", None),
    "core": ("core", None),
}


def draw(run: RunData) -> None:
    """Latency against energy and area, all figures, and files to take away."""
    if run.study.get("description"):
        st.caption(run.study["description"])
    for point in run.points:
        if point.status != "done":
            st.warning(f"**{point.design}** on **{point.network}** failed: {point.error}", icon=":material/warning:")
    if not run.done:
        st.info("No point of this run has finished yet.")
        return
    rows = [point.row() for point in run.done]
    left, right = st.columns(2)
    with left:
        st.subheader("Latency and energy")
        st.plotly_chart(pareto_figure(rows, "energy_mj", "energy per inference, mJ"), width="stretch", key="energy")
    with right:
        st.subheader("Latency and area")
        st.plotly_chart(pareto_figure(rows, "area_mm2", "area, mm²"), width="stretch", key="area")
    st.caption("Smaller is better on every axis; the grey line joins the points of a network that no other beats.")
    _table(rows)
    _downloads(run, rows)
    _area(run)


def _table(rows: list[dict]) -> None:
    frame = pd.DataFrame(rows)[list(_COLUMNS)]
    config = {
        field: st.column_config.NumberColumn(title, format=pattern) if pattern else st.column_config.TextColumn(title)
        for field, (title, pattern) in _COLUMNS.items()
    }
    st.subheader("All figures")
    st.dataframe(frame, column_config=config, hide_index=True, width="stretch")


def _downloads(run: RunData, rows: list[dict]) -> None:
    table = run.folder / "table.parquet"
    files = {
        "CSV": (pd.DataFrame(rows).to_csv(index=False).encode(), "text/csv"),
        "JSON": (json.dumps(rows, indent=2).encode(), "application/json"),
        "Parquet": (table.read_bytes() if table.is_file() else b"", "application/vnd.apache.parquet"),
    }
    columns = st.columns([1, 1, 1, 5])
    for column, (name, (data, kind)) in zip(columns, files.items(), strict=False):
        column.download_button(
            name, data, f"{run.run}.{name.lower()}", kind, icon=":material/download:", width="stretch", disabled=not data
        )


def _area(run: RunData) -> None:
    first = {point.design: point for point in reversed(run.done)}
    parts = [{name: value / 1e6 for name, value in first[design].ppa["area_um2"].items()} for design in run.designs]
    st.subheader("Where the area goes")
    st.plotly_chart(stacked_bars(run.designs, parts, "mm²"), width="stretch", key="parts")
