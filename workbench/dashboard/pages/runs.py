"""Runs: every run in the store."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.dashboard.data import RunData, list_runs


def draw(run: RunData) -> None:
    """The list of runs, and what the chosen one was asked."""
    frame = pd.DataFrame(
        {
            "run": info.run, "study": info.name, "status": info.status, "started": info.started.replace("T", " ")[:19],
            "finished": info.finished.replace("T", " ")[:19], "points": info.points,
            "done": info.done, "failed": info.failed,
        }
        for info in list_runs()
    )  # fmt: skip
    st.dataframe(frame, width="stretch", hide_index=True)
    st.subheader(f"Study “{run.study['name']}”")
    st.caption(f"in {run.folder}; workbench {run.study.get('versions', {}).get('workbench', '')}")
    with st.expander("What was asked"):
        st.json(run.study.get("study", {}))
