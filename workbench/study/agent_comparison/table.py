"""The tables of a comparison: one row a netlist and agent, one row a pair of agent and baseline, one row an agent.

A job without a legal placement counts as infinitely expensive in ranks and tests; means, deviations, minima and medians are
those of the legal ones, and their number is in the row. An agent with more legal placements ranks before one with fewer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.study.agent_comparison.plan import ComparisonPlan
from workbench.study.agent_comparison.records import COSTS, JobRecord
from workbench.study.agent_comparison.statistics import Difference, difference, doubled_midranks, holm, pooled_p_value

Row = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """Rows with named fields; None where there is no figure.

    Attributes
    ----------
    costs: netlist, agent, jobs, legal, rank; of proxy, wirelength, density and congestion the mean, std, min and median;
        evaluations_per_second, seconds (the agent's own clock), wall_seconds and cpu_share (measured around it).
    pairs: netlist, agent, baseline; difference of the means and its Welch interval (low, high), percent of the baseline's
        mean, chance of the lower cost, p_value (Mann-Whitney), p_holm, verdict.
    overall: agent, netlists, legal, mean_rank, percent (geometric mean over netlists against the baseline), wins, ties,
        losses (at the 5 % level), at_least_as_good (share of netlists), p_value (all netlists together).
    """

    costs: tuple[Row, ...]
    pairs: tuple[Row, ...]
    overall: tuple[Row, ...]


def make_tables(plan: ComparisonPlan, records: Sequence[JobRecord]) -> Tables:
    """All tables of the finished jobs; netlists without any are left out."""
    groups = {
        (netlist, agent): [record for record in records if (record.netlist, record.agent) == (netlist, agent)]
        for netlist in plan.netlists for agent in plan.agents
    }  # fmt: skip
    netlists = [n for n in plan.netlists if any(groups[n, agent] for agent in plan.agents)]
    costs = [row for netlist in netlists for row in _rank([_costs(netlist, a, groups[netlist, a]) for a in plan.agents])]
    differences = {
        (netlist, agent): difference(_proxies(groups[netlist, agent]), _proxies(groups[netlist, plan.baseline]))
        for netlist in netlists for agent in plan.agents
        if agent != plan.baseline and groups[netlist, agent] and groups[netlist, plan.baseline]
    }  # fmt: skip
    pairs = _pairs(plan.baseline, differences, costs)
    overall = [_overall(plan, agent, costs, differences) for agent in plan.agents]
    overall.sort(key=lambda row: row["mean_rank"] if row["mean_rank"] is not None else math.inf)
    return Tables(tuple(costs), tuple(pairs), tuple(overall))


def _proxies(records: Sequence[JobRecord]) -> list[float]:
    return [record.cost("proxy") for record in records]


def _costs(netlist: str, agent: str, records: Sequence[JobRecord]) -> Row:
    legal = [record for record in records if record.status == "done"]
    row: Row = {"netlist": netlist, "agent": agent, "jobs": len(records), "legal": len(legal), "rank": None}
    for which in COSTS:
        values = np.array([cost for record in legal if not math.isnan(cost := record.cost(which))])
        row[f"{which}_mean"] = float(values.mean()) if len(values) else None
        row[f"{which}_std"] = float(values.std(ddof=1)) if len(values) > 1 else None
        row[f"{which}_min"] = float(values.min()) if len(values) else None
        row[f"{which}_median"] = float(np.median(values)) if len(values) else None
    row["evaluations_per_second"] = _mean([r.evaluations / r.seconds for r in legal if r.seconds > 0])
    row["seconds"] = _mean([r.seconds for r in legal])
    row["wall_seconds"] = _mean([r.wall_seconds for r in legal])
    row["cpu_share"] = _mean([r.cpu_seconds / r.wall_seconds for r in legal if r.wall_seconds > 0])
    return row


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _rank(rows: list[Row]) -> list[Row]:
    """The rows of one netlist with their ranks, 1 the best, ties sharing the mean."""
    best = max(row["legal"] for row in rows)
    keys = [(best - row["legal"], row["proxy_mean"] if row["legal"] else math.inf) for row in rows]
    order = np.array([sorted(set(keys)).index(key) for key in keys])
    for row, rank in zip(rows, doubled_midranks(order) / 2, strict=True):
        row["rank"] = float(rank)
    return rows


def _pairs(baseline: str, differences: dict[tuple[str, str], Difference], costs: Sequence[Row]) -> list[Row]:
    corrected = holm([item.p_value for item in differences.values()])
    mean = {(row["netlist"], row["agent"]): row["proxy_mean"] for row in costs}
    rows = []
    for ((netlist, agent), item), p_holm in zip(differences.items(), corrected, strict=True):
        base = mean[netlist, baseline]
        known = math.isfinite(item.mean) and base
        rows.append({
            "netlist": netlist, "agent": agent, "baseline": baseline, "difference": _finite(item.mean),
            "low": _finite(item.low), "high": _finite(item.high), "percent": 100 * item.mean / base if known else None,
            "chance": _finite(item.chance), "p_value": item.p_value, "p_holm": p_holm, "verdict": item.verdict,
        })  # fmt: skip
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _overall(plan: ComparisonPlan, agent: str, costs: Sequence[Row], differences: dict[tuple[str, str], Difference]) -> Row:
    rows = {row["netlist"]: row for row in costs if row["agent"] == agent}
    base = {row["netlist"]: row for row in costs if row["agent"] == plan.baseline}
    own = [item for (_, name), item in differences.items() if name == agent]
    verdicts = [item.verdict for item in own]
    both = [n for n, row in rows.items() if row["legal"] and base[n]["legal"]]
    ratios = [math.log(rows[n]["proxy_mean"] / base[n]["proxy_mean"]) for n in both]
    good = [
        rows[n]["legal"] >= base[n]["legal"] and (n not in both or rows[n]["proxy_mean"] <= base[n]["proxy_mean"])
        for n in rows if rows[n]["jobs"]
    ]  # fmt: skip
    is_baseline = agent == plan.baseline
    return {
        "agent": agent, "netlists": len(good), "jobs": sum(row["jobs"] for row in rows.values()),
        "legal": sum(row["legal"] for row in rows.values()), "mean_rank": _mean([row["rank"] for row in rows.values()]),
        "percent": 100 * (math.exp(float(np.mean(ratios))) - 1) if ratios else None,
        "wins": None if is_baseline else verdicts.count("better"), "ties": None if is_baseline else verdicts.count("tie"),
        "losses": None if is_baseline else verdicts.count("worse"),
        "at_least_as_good": None if is_baseline or not good else sum(good) / len(good),
        "p_value": None if is_baseline else pooled_p_value(own),
    }  # fmt: skip


def job_rows(records: Sequence[JobRecord]) -> list[Row]:
    """One flat row a job."""
    return [
        {
            "netlist": r.netlist, "agent": r.agent, "seed": r.seed, "status": r.status, "error": r.error,
            **{f"{which}_cost": r.costs.get(f"{which}_cost") for which in COSTS},
            "wirelength_um": r.costs.get("wirelength_um"), "evaluations": r.evaluations, "seconds": r.seconds,
            "wall_seconds": r.wall_seconds, "cpu_seconds": r.cpu_seconds, "machine": r.machine, "code": r.code,
        }
        for r in records
    ]  # fmt: skip
