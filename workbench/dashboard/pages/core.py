"""Core: where cycles and energy go, and how caches and predictors do."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.dashboard.data import RunData
from workbench.dashboard.figures import stacked_bars


def draw(run: RunData) -> None:
    """CPI stacks, misses and energy of all designs on one network."""
    if not run.networks:
        st.info("No point of this run has finished yet.")
        return
    left, right = st.columns([3, 2])
    network = left.selectbox("Network", run.networks)
    unit = right.segmented_control("Cycles per", ["inference", "instruction"], default="inference") or "inference"
    points = [point for point in run.done if point.network == network]
    names = [point.design for point in points]
    st.subheader(f"Cycles per {unit}, by cause")
    st.caption("at the clock that was simulated; a design's final clock only changes the cycles that wait for DRAM")
    stacks = []
    for point in points:
        per = 1e6 if unit == "inference" else point.simulation["instructions"] or 1
        stacks.append({cause: cycles / per for cause, cycles in point.simulation["cpi_stack"].items() if cycles})
    label = "million cycles" if unit == "inference" else "cycles per instruction"
    st.plotly_chart(stacked_bars(names, stacks, label), width="stretch", key="cpi")
    st.subheader("Misses and mispredictions per thousand instructions")
    st.dataframe(_mpki(points), width="stretch", hide_index=True)
    st.subheader("Energy per inference, by cause")
    energy = [point.ppa["energy_mj"] for point in points]
    st.plotly_chart(stacked_bars(names, energy, "mJ", others_below=0.01), width="stretch", key="energy")
    notes = dict.fromkeys(note for point in points for note in (*point.simulation["notes"], *point.ppa["notes"]))
    if notes:
        with st.expander("What the models leave out here"):
            st.markdown("\n".join(f"- {note}" for note in notes))


def _mpki(points: list) -> pd.DataFrame:
    rows = []
    for point in points:
        run, activity = point.simulation, point.simulation["activity"]
        rows.append(
            {
                "design": point.design,
                "instructions, million": round(run["instructions"] / 1e6, 2),
                "vector, %": round(100 * activity["vector_instructions"] / max(run["instructions"], 1), 1),
                "IPC": round(run["ipc"], 3),
                **{name: round(value, 3) for name, value in run["mpki"].items()},
                "DRAM, MB": round((activity["dram_read_bytes"] + activity["dram_write_bytes"]) / 1e6, 2),
            }
        )
    return pd.DataFrame(rows)
