"""How the tables of a comparison are shown, the same in the terminal, in Markdown, in HTML and on the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column: its title, the row's field, and how a number is written (empty for words)."""

    title: str
    field: str
    form: str = ""

    def text(self, row: Row) -> str:
        """The cell of a row; a dash where there is nothing."""
        value = row[self.field]
        return "–" if value is None or value == "" else format(value, self.form) if self.form else str(value)


OVERALL = (
    Column("agent", "agent"), Column("netlists", "netlists", "d"), Column("legal", "legal", "d"),
    Column("jobs", "jobs", "d"), Column("mean rank", "mean_rank", ".2f"),
    Column("proxy vs baseline, %", "percent", "+.2f"), Column("wins", "wins", "d"), Column("ties", "ties", "d"),
    Column("losses", "losses", "d"), Column("at least as good", "at_least_as_good", ".0%"),
    Column("p, all netlists", "p_value", ".2g"),
)  # fmt: skip
COSTS = (
    Column("netlist", "netlist"), Column("agent", "agent"), Column("rank", "rank", "g"), Column("legal", "legal", "d"),
    Column("jobs", "jobs", "d"), Column("proxy mean", "proxy_mean", ".5f"), Column("std", "proxy_std", ".5f"),
    Column("min", "proxy_min", ".5f"), Column("median", "proxy_median", ".5f"),
    Column("wirelength", "wirelength_mean", ".5f"), Column("density", "density_mean", ".5f"),
    Column("congestion", "congestion_mean", ".5f"), Column("evaluations/s", "evaluations_per_second", ",.0f"),
    Column("seconds", "seconds", ".1f"), Column("wall s", "wall_seconds", ".1f"), Column("core share", "cpu_share", ".2f"),
)  # fmt: skip
PAIRS = (
    Column("netlist", "netlist"), Column("agent", "agent"), Column("against", "baseline"),
    Column("difference", "difference", "+.5f"), Column("95 % from", "low", "+.5f"), Column("to", "high", "+.5f"),
    Column("%", "percent", "+.2f"), Column("chance of lower cost", "chance", ".2f"), Column("p", "p_value", ".3g"),
    Column("p, Holm", "p_holm", ".3g"), Column("verdict", "verdict"),
)  # fmt: skip
JOBS = (
    Column("netlist", "netlist"), Column("agent", "agent"), Column("seed", "seed", "d"), Column("status", "status"),
    Column("why", "error"),
)  # fmt: skip

MEANING = (
    "Costs are those of the placements read again from their files; smaller is better. Means, deviations, minima and "
    "medians are over the legal results of all seeds; a result that failed or is illegal counts as the worst in ranks "
    "and tests. p: two-sided Mann-Whitney test against the baseline, exact; wins and losses are at p < 0.05 on a netlist, "
    "“p, Holm” corrects for the number of tests, “p, all netlists” adds up the ranks of all netlists. The 95 % interval "
    "is Welch's. Seconds are the agent's own clock; wall s and core share (processor time by wall time) are measured "
    "around it."
)


def text_table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Aligned plain text."""
    lines = [[column.title for column in columns]] + [[column.text(row) for column in columns] for row in rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(columns))]
    shown = [
        "  ".join(
            f"{cell:{'>' if column.form else '<'}{width}}" for cell, column, width in zip(line, columns, widths, strict=True)
        )
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in shown)


def markdown_table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    lines = [[column.title for column in columns], ["---:" if column.form else "---" for column in columns]]
    lines += [[column.text(row).replace("|", "\\|") for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
