"""Floorplan: the placed netlist of a design, its maps, costs, wires and the search that found it."""

from __future__ import annotations

import streamlit as st

from workbench.dashboard.data import RunData, load_floorplan
from workbench.dashboard.figures import floorplan_figure, history_figure


def draw(run: RunData) -> None:
    """One design's floorplan."""
    slugs = {point.design: point.slug.split("--")[0] for point in run.done}
    plans = {design: plan for design, slug in slugs.items() if (plan := load_floorplan(run.folder, slug)) is not None}
    if not plans:
        st.info("No design of this run has a placed netlist.")
        return
    left, right = st.columns([3, 2])
    design = left.selectbox("Design", list(plans))
    view = right.segmented_control("Background", ["objects", "density", "congestion"], default="objects") or "objects"
    plan = plans[design]
    _figures(plan, run, design)
    st.plotly_chart(floorplan_figure(plan, None if view == "objects" else view), width="stretch", key="floorplan")
    if len(plan["history"]) > 1:
        st.subheader("The search")
        st.plotly_chart(history_figure(plan["history"]), width="stretch", key="history")


def _figures(plan: dict, run: RunData, design: str) -> None:
    costs, ppa = plan["costs"], next(point.ppa for point in run.done if point.design == design)
    limits = ppa["frequency_limits_mhz"]
    values = {
        "proxy cost": f"{costs['proxy_cost']:.4f}",
        "wirelength": f"{costs['wirelength_cost']:.4f}",
        "density": f"{costs['density_cost']:.4f}",
        "congestion": f"{costs['congestion_cost']:.4f}",
        "longest wire, µm": f"{ppa['longest_wire_um']:,.0f}",
        "clock it allows, MHz": f"{limits.get('accelerator logic and longest wire', 0):,.0f}",
    }
    for column, (name, value) in zip(st.columns(len(values)), values.items(), strict=True):
        column.metric(name, value)
    if any(ppa["longest_wire"]):
        st.caption(f"longest wire: {ppa['longest_wire'][0]} to {ppa['longest_wire'][1]}")
