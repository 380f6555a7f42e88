"""Chrome trace JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

One cycle is shown as one microsecond. Three processes: functions (of a network: layers) over the whole run, the pipeline
with one row per instruction in flight and its stages inside, and the decoupled vector engine. Of a sampled run of a network,
layers alone, one after the other.

Source: "Trace Event Format", Google, complete ("X") and metadata ("M") events.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.core.interpreter.state import VISIT_DTYPE
from workbench.core.logs.capture import StageTable
from workbench.core.logs.text import Described

_FUNCTIONS, _PIPELINE, _ENGINE = 1, 2, 3
_STAGES = ("fetch", "decode", "rename", "wait to issue", "execute", "wait to commit")
_HEAD = '{"displayTimeUnit":"ns","otherData":%s,"traceEvents":[\n'


@dataclass(frozen=True)
class Timeline:
    """When which region ran: `visits` (`VISIT_DTYPE`) in order, up to `end_cycle`; `names` by region number."""

    title: str
    visits: np.ndarray
    names: tuple[str, ...]
    end_cycle: int


def visits_of_rows(table: StageTable) -> np.ndarray:
    """Visits of the logged instructions alone, where nobody watched the whole run."""
    region = table.entries["region"][table.rows["entry"]]
    enters = np.flatnonzero(np.append(True, region[1:] != region[:-1])) if len(region) else np.zeros(0, np.int64)
    visits = np.zeros(len(enters), VISIT_DTYPE)
    commits = table.rows["commit"]
    visits["region"], visits["instructions"] = region[enters], table.first + enters
    visits["cycle"] = np.append(0, commits)[enters] if table.first == 0 else commits[np.maximum(enters - 1, 0)]
    return visits


def chrome_trace(timeline: Timeline, table: StageTable | None, about: dict[str, Any]) -> Iterator[str]:
    """The text of a trace, in pieces; `about` says what was run."""
    yield from _document(_events(timeline, table), about)


@dataclass(frozen=True)
class Step:
    """A part of a run that takes some cycles at once; `arguments` are shown with it."""

    name: str
    cycles: int
    arguments: Mapping[str, Any] = field(default_factory=dict)


def chrome_steps(title: str, steps: Sequence[Step], about: dict[str, Any]) -> Iterator[str]:
    """The text of a trace of steps in a row."""
    yield from _document(_steps(title, steps), about)


def _steps(title: str, steps: Sequence[Step]) -> Iterator[dict[str, Any]]:
    yield _name("process_name", _FUNCTIONS, 0, title)
    begin = 0
    for step in steps:
        yield _slice(_FUNCTIONS, 0, step.name, begin, begin + step.cycles, **step.arguments)
        begin += step.cycles


def _document(events: Iterator[dict[str, Any]], about: dict[str, Any]) -> Iterator[str]:
    yield _HEAD % json.dumps({**about, "time": "one cycle is one microsecond"})
    separator = ""
    for event in events:
        yield separator + json.dumps(event, separators=(",", ":"))
        separator = ",\n"
    yield "\n]}\n"


def _events(timeline: Timeline, table: StageTable | None) -> Iterator[dict[str, Any]]:
    yield _name("process_name", _FUNCTIONS, 0, timeline.title)
    yield from _visits(timeline)
    if table is not None and len(table.rows):
        rows = Described(table)
        yield _name("process_name", _PIPELINE, 0, "pipeline, a row per instruction in flight")
        yield from _pipeline(rows)
        if rows.rows["engine_start"].any():
            yield _name("process_name", _ENGINE, 0, "vector engine")
            yield from _engine(rows)


def _name(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}


def _slice(process: int, thread: int, name: str, begin: int, end: int, **arguments: Any) -> dict[str, Any]:
    event = {"ph": "X", "pid": process, "tid": thread, "name": name, "ts": begin, "dur": end - begin}
    return event | {"args": arguments} if arguments else event


def _visits(timeline: Timeline) -> Iterator[dict[str, Any]]:
    visits = timeline.visits
    ends = np.append(visits["cycle"][1:], timeline.end_cycle).tolist()
    for (region, instructions, begin, _), end in zip(visits.tolist(), ends, strict=True):
        if end > begin:
            name = timeline.names[region] or "(no symbol)"
            yield _slice(_FUNCTIONS, 0, name, begin, end, first_instruction=instructions + 1)


def _pipeline(rows: Described) -> Iterator[dict[str, Any]]:
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    slots = 0
    for k, (row, begins) in enumerate(zip(rows.rows.tolist(), rows.begins.tolist(), strict=True)):
        entry, pc, commit = row[0], row[1], row[6]
        while busy and busy[0][0] <= begins[0]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            slot = heapq.heappop(free)
        else:
            slots += 1
            slot = slots
        heapq.heappush(busy, (commit, slot))
        number, function = rows.table.first + k + 1, rows.function(entry)
        yield _slice(_PIPELINE, slot, rows.text(entry, pc), begins[0], commit, pc=hex(pc), number=number, function=function)
        for name, begin, end in zip(_STAGES, begins, [*begins[1:], commit], strict=True):
            if end > begin:
                yield _slice(_PIPELINE, slot, name, begin, end)


def _engine(rows: Described) -> Iterator[dict[str, Any]]:
    """Instructions of the engine, each in the first thread that is free."""
    ends: list[int] = []
    for row in rows.rows[rows.rows["engine_start"] > 0]:
        begin, end = int(row["engine_start"]), int(row["engine_done"])
        slot = next((slot for slot, until in enumerate(ends) if until <= begin), len(ends))
        if slot == len(ends):
            ends.append(0)
        ends[slot] = max(end, begin + 1)
        text = rows.text(int(row["entry"]), int(row["pc"]))
        yield _slice(_ENGINE, slot + 1, text, begin, ends[slot], pc=hex(int(row["pc"])))
