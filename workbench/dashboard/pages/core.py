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
    network = st.selectbox("Network", run.networks)
    points = [point for point in run.done if point.network == network]
    names = [point.design for point in points]
    st.subheader("Cycles per instruction, by cause")
    st.caption("at the clock that was simulated; a design's own clock only changes the cycles that wait for DRAM")
    stacks = []
    for point in points:
        instructions = point.simulation["instructions"] or 1
        stacks.append({cause: cycles / instructions for cause, cycles in point.simulation["cpi_stack"].items() if cycles})
    st.plotly_chart(stacked_bars(names, stacks, "cycles per instruction"), width="stretch", key="cpi")
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
