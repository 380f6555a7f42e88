"""Agents: a comparison of placement agents: who is better and how surely, curves, every seed, the best floorplans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from workbench.dashboard.data import choose_comparison, load_floorplan
from workbench.dashboard.figures import convergence_figure, floorplan_figure, seeds_figure
from workbench.study.agent_comparison import layout
from workbench.study.agent_comparison.pictures import cost_limits, curves
from workbench.study.agent_comparison.report import best_folder
from workbench.study.agent_comparison.run import Comparison

EMPTY = (
    "There is no comparison of agents yet. Make one with `workbench compare-agents NETLIST... --agents annealing ppo`, then "
    "reload this page."
)
choose = choose_comparison


def draw(comparison: Comparison) -> None:
    """One comparison."""
    plan, tables = comparison.plan, comparison.tables
    done, asked = len(comparison.records), len(plan.jobs())
    st.caption(f"{plan.conditions.text()}; {len(plan.seeds)} seeds; {done} of {asked} jobs finished; in {comparison.folder}")
    if comparison.failed:
        st.warning(f"{len(comparison.failed)} jobs have no legal placement; the page of the comparison names them.")
    if not comparison.records:
        st.info("No job of this comparison has finished yet.")
        return
    _table(layout.OVERALL, tables.overall, "overall")
    netlist = st.selectbox("Netlist", list(dict.fromkeys(row["netlist"] for row in tables.costs)))
    own = [record for record in comparison.records if record.netlist == netlist]
    legal = [record for record in own if record.status == "done"]
    if legal:
        left, right = st.columns(2)
        found = curves(own)
        left.subheader("Cost over time")
        left.plotly_chart(convergence_figure(found, plan.agents, cost_limits(found)), width="stretch", key="convergence")
        right.subheader("Every seed")
        right.plotly_chart(
            seeds_figure([(r.agent, r.seed, r.cost("proxy")) for r in legal], plan.agents), width="stretch", key="seeds"
        )
    _table(layout.COSTS, [row for row in tables.costs if row["netlist"] == netlist], "costs")
    if pairs := [row for row in tables.pairs if row["netlist"] == netlist]:
        st.subheader(f"Against {plan.baseline}")
        _table(layout.PAIRS, pairs, "pairs")
    st.caption(layout.MEANING)
    _floorplan(comparison, netlist)
    page = comparison.folder / "comparison.html"
    if page.is_file():
        st.download_button("All on one page (HTML)", page.read_bytes(), "comparison.html", "text/html")


def _floorplan(comparison: Comparison, netlist: str) -> None:
    plans = {
        agent: plan for agent in comparison.plan.agents
        if (plan := load_floorplan(comparison.folder, best_folder(netlist, agent))) is not None
    }  # fmt: skip
    if not plans:
        return
    st.subheader("Best floorplans")
    left, right = st.columns([3, 2])
    agent = left.selectbox("Agent", list(plans))
    view = right.segmented_control("Background", ["objects", "density", "congestion"], default="objects") or "objects"
    st.plotly_chart(floorplan_figure(plans[agent], None if view == "objects" else view), width="stretch", key="best")


def _table(columns: Sequence[layout.Column], rows: Sequence[dict[str, Any]], key: str) -> None:
    frame = pd.DataFrame(rows)[[column.field for column in columns]]
    config = {
        column.field: st.column_config.NumberColumn(column.title, format=_FORMATS.get(column.form, f"%{column.form}"))
        if column.form else st.column_config.TextColumn(column.title)
        for column in columns
    }  # fmt: skip
    st.dataframe(frame, column_config=config, hide_index=True, width="stretch", key=key)


_FORMATS = {",.0f": "localized", ".0%": "percent"}
