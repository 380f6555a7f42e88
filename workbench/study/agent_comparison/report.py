"""Writes what people read of a comparison: tables (CSV, Parquet, Markdown), pictures, best floorplans and one HTML page.

comparison.html             everything on one page that needs no other file
comparison.md               the same in Markdown, with the pictures beside it
overall, costs, pairs, jobs .csv and .parquet
pictures/                   convergence and costs of every netlist, overview
designs/NETLIST--AGENT/     floorplan.plc, .png and .json of the best result
"""

from __future__ import annotations

import base64
import csv
import dataclasses
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.base.files import write_bytes, write_text
from workbench.netlist.design import Design
from workbench.netlist.plc import read_plc
from workbench.study.agent_comparison import layout
from workbench.study.agent_comparison.pictures import colour_of, draw_costs, draw_curves, draw_overview
from workbench.study.agent_comparison.plan import ComparisonPlan, file_name
from workbench.study.agent_comparison.records import JobRecord
from workbench.study.agent_comparison.table import Row, Tables, job_rows
from workbench.study.floorplans import write_floorplan
from workbench.study.work import describe_placed

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { margin-bottom: 0.2rem; } h2 { margin-top: 2.4rem; border-bottom: 1px solid #ccc; } p.about { color: #555; }
table { border-collapse: collapse; font-size: 13px; margin: 0.8rem 0; display: block; overflow-x: auto; }
th, td { padding: 0.22rem 0.6rem; border-bottom: 1px solid #e3e3e3; text-align: left; white-space: nowrap; }
th { background: #f4f4f1; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; }
.floorplans { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-size: 13px; color: #444; }
pre { background: #f4f4f1; padding: 0.7rem; overflow-x: auto; font-size: 12.5px; white-space: pre-wrap; }
"""


def write_report(
    folder: Path, plan: ComparisonPlan, designs: dict[str, Design], records: Sequence[JobRecord], tables: Tables,
    about: dict[str, Any],
) -> None:  # fmt: skip
    """Write everything."""
    for name, rows in (
        ("overall", tables.overall), ("costs", tables.costs), ("pairs", tables.pairs), ("jobs", job_rows(records))
    ):  # fmt: skip
        write_rows(folder / name, rows)
    sections = [_draw_netlist(folder, plan, netlist, designs[netlist], records) for netlist in _netlists(records, plan)]
    overview = draw_overview(tables, plan.agents, plan.baseline, folder / "pictures" / "overview.png")
    write_text(folder / "comparison.md", _markdown(folder, plan, records, tables, about, overview, sections))
    write_text(folder / "comparison.html", _page(folder, plan, records, tables, about, overview, sections))


def _netlists(records: Sequence[JobRecord], plan: ComparisonPlan) -> list[str]:
    there = {record.netlist for record in records}
    return [netlist for netlist in plan.netlists if netlist in there]


@dataclasses.dataclass(frozen=True)
class _Section:
    netlist: str
    pictures: tuple[Path, ...]
    floorplans: tuple[tuple[str, Path], ...]  # caption, picture


def _draw_netlist(
    folder: Path, plan: ComparisonPlan, netlist: str, design: Design, records: Sequence[JobRecord]
) -> _Section:
    own = [record for record in records if record.netlist == netlist]
    colour, name = colour_of(plan.agents), file_name(netlist)
    own.sort(key=lambda record: (plan.agents.index(record.agent), record.seed))
    pictures = (
        draw_curves(own, colour, folder / "pictures" / f"convergence-{name}.png", netlist),
        draw_costs(own, colour, folder / "pictures" / f"costs-{name}.png", netlist),
    )
    floorplans = []
    for agent in plan.agents:
        legal = [record for record in own if record.agent == agent and record.status == "done"]
        if legal:
            best = min(legal, key=lambda record: (record.cost("proxy"), record.seed))
            picture = _draw_best(folder, best, design)
            floorplans.append((f"{agent}, seed {best.seed}: {best.cost('proxy'):.5f}", picture))
    return _Section(netlist, pictures, tuple(floorplans))


def best_folder(netlist: str, agent: str) -> str:
    """Name of the folder in `designs/` of an agent's best floorplan of a netlist."""
    return f"{file_name(netlist)}--{file_name(agent)}"


def _draw_best(folder: Path, best: JobRecord, design: Design) -> Path:
    """The files of a floorplan, drawn anew only if it is another one than those are of."""
    to, plc = folder / "designs" / best_folder(best.netlist, best.agent), folder / f"{best.name.path}.plc"
    source = to / "job.txt"
    if not (source.is_file() and source.read_text(encoding="utf-8") == best.name.path and (to / "floorplan.png").is_file()):
        (to / "floorplan.json").unlink(missing_ok=True)
        floorplan, _ = read_plc(plc, design.netlist)
        placed = describe_placed(dataclasses.replace(design, netlist=floorplan.netlist, floorplan=floorplan))
        history = [(seconds, cost) for seconds, _, cost in best.history]
        placed = dataclasses.replace(placed, history=history, evaluations=best.evaluations)
        write_floorplan(to, placed, f"{best.netlist}, {best.agent}")
        write_text(source, best.name.path)
    return to / "floorplan.png"


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Rows as `.csv` (UTF-8, empty where there is nothing) and `.parquet`."""
    import pyarrow
    import pyarrow.parquet

    names = list(rows[0]) if rows else []
    text, table = io.StringIO(), io.BytesIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path.with_suffix(".csv"), text.getvalue())
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), table)
    write_bytes(path.with_suffix(".parquet"), table.getvalue())


def _facts(plan: ComparisonPlan, about: dict[str, Any], records: Sequence[JobRecord]) -> list[str]:
    """What was compared, how and where, as sentences; also what makes the results less comparable."""
    machines = list(dict.fromkeys(r.machine for r in records if r.machine)) or [about["machine"]["processor"]]
    codes = {record.code for record in records}
    shares = [r.cpu_seconds / r.wall_seconds for r in records if r.status == "done" and r.wall_seconds > 0]
    facts = [
        f"{len(plan.agents)} agents × {len(plan.netlists)} netlists × {len(plan.seeds)} seeds "
        f"({', '.join(map(str, plan.seeds))}): {len(records)} of {len(plan.jobs())} jobs finished, in random order.",
        f"Conditions: {plan.conditions.text()}; one thread a job; baseline {plan.baseline}.",
        f"Run on {' and '.join(machines)} from {about['started']} to {about['finished']}.",
    ]
    if len(machines) > 1:
        facts.append("Careful: several kinds of processors took part, so that equal time is not equal work.")
    if len(codes) > 1:
        facts.append("Careful: the jobs were done by different versions of the program.")
    if shares and not 0.9 <= min(shares) <= max(shares) <= 1.15:
        facts.append(
            f"Careful: jobs had between {min(shares):.2f} and {max(shares):.2f} of a core; on a quiet machine it is 1."
        )
    return facts


def _reproduction(about: dict[str, Any]) -> str:
    lines = [f"command    {about['command']}", f"code       {about['code']} (hash of the program's sources)"]
    lines += [f"{name:<10} {value}" for name, value in about["machine"].items()]
    return "\n".join(lines + [f"{name:<18} {value}" for name, value in about["versions"].items()])


def _failed(records: Sequence[JobRecord]) -> list[Row]:
    return [row for row in job_rows(records) if row["status"] != "done"]


def _markdown(
    folder: Path, plan: ComparisonPlan, records: Sequence[JobRecord], tables: Tables, about: dict[str, Any], overview: Path,
    sections: Sequence[_Section],
) -> str:  # fmt: skip
    parts = ["# Placement agents compared", *_facts(plan, about, records), "## Overall"]
    parts += [layout.markdown_table(layout.OVERALL, tables.overall), f"![overview]({_relative(folder, overview)})"]
    parts += ["## Costs", layout.markdown_table(layout.COSTS, tables.costs)]
    if tables.pairs:
        parts += [f"## Against {plan.baseline}", layout.markdown_table(layout.PAIRS, tables.pairs)]
    parts += [layout.MEANING]
    if failed := _failed(records):
        parts += ["## Jobs without a legal placement", layout.markdown_table(layout.JOBS, failed)]
    for section in sections:
        parts += [f"## {section.netlist}", *(f"![{p.stem}]({_relative(folder, p)})" for p in section.pictures)]
        parts += [f"![{caption}]({_relative(folder, picture)})" for caption, picture in section.floorplans]
    parts += ["## To do it again", f"```\n{_reproduction(about)}\n```"]
    return "\n\n".join(parts) + "\n"


def _relative(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix().replace(" ", "%20")


def _page(
    folder: Path, plan: ComparisonPlan, records: Sequence[JobRecord], tables: Tables, about: dict[str, Any], overview: Path,
    sections: Sequence[_Section],
) -> str:  # fmt: skip
    parts = ["<h1>Placement agents compared</h1>"]
    parts += [f'<p class="about">{"<br>".join(html.escape(fact) for fact in _facts(plan, about, records))}</p>']
    parts += ["<h2>Overall</h2>", _html_table(layout.OVERALL, tables.overall), _image(overview, "overview")]
    parts += ["<h2>Costs</h2>", _html_table(layout.COSTS, tables.costs)]
    if tables.pairs:
        parts += [f"<h2>Against {html.escape(plan.baseline)}</h2>", _html_table(layout.PAIRS, tables.pairs)]
    parts += [f'<p class="about">{html.escape(layout.MEANING)}</p>']
    if failed := _failed(records):
        parts += ["<h2>Jobs without a legal placement</h2>", _html_table(layout.JOBS, failed)]
    for section in sections:
        parts += [f"<h2>{html.escape(section.netlist)}</h2>", *(_image(path, path.stem) for path in section.pictures)]
        figures = [
            f"<figure>{_image(picture, caption)}<figcaption>{html.escape(caption)}</figcaption></figure>"
            for caption, picture in section.floorplans
        ]
        parts += [f'<div class="floorplans">{"".join(figures)}</div>']
    parts += ["<h2>To do it again</h2>", f"<pre>{html.escape(_reproduction(about))}</pre>"]
    head = f'<meta charset="utf-8"><title>Placement agents compared</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _html_table(columns: Sequence[layout.Column], rows: Sequence[Row]) -> str:
    kinds = [' class="number"' if column.form else "" for column in columns]
    head = "".join(f"<th{kind}>{html.escape(column.title)}</th>" for kind, column in zip(kinds, columns, strict=True))
    lines = [
        "".join(f"<td{kind}>{html.escape(column.text(row))}</td>" for kind, column in zip(kinds, columns, strict=True))
        for row in rows
    ]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _image(path: Path, caption: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{html.escape(caption, quote=True)}" src="data:image/png;base64,{data}">'
