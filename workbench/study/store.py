"""The run store: one folder a run, and a SQLite index that can be made again from the folders at any time.

    <store>/index.sqlite
    <store>/<run>/study.json            what was asked, status, times, versions
    <store>/<run>/table.parquet         one row a point
    <store>/<run>/comparison.png        Pareto charts
    <store>/<run>/points/<slug>/result.json
    <store>/<run>/designs/<slug>/floorplan.{plc,json,png}

The folders are the truth. The index only makes them quick to list and finished points quick to find.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError, WorkbenchError
from workbench.base.files import read_text, write_json
from workbench.base.places import runs_folder
from workbench.study.records import PointRecord, read_point

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, name TEXT, status TEXT, started TEXT, finished TEXT,
                                 points INTEGER, done INTEGER, failed INTEGER);
CREATE TABLE IF NOT EXISTS points (run TEXT, slug TEXT, key TEXT, status TEXT, PRIMARY KEY (run, slug));
CREATE INDEX IF NOT EXISTS points_by_key ON points (key);
"""


@dataclass(frozen=True)
class RunInfo:
    """One run as the index lists it. `status`: running, done, stopped (Ctrl-C or killed), or failed (no point finished)."""

    run: str
    name: str
    status: str
    started: str
    finished: str
    points: int
    done: int
    failed: int


class RunStore:
    """The runs under one folder."""

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = Path(root) if root is not None else runs_folder()

    def folder(self, run: str) -> Path:
        """Folder of a run, existing or not; InputError if the name is not one folder's name."""
        if not run or Path(run).name != run or run.startswith("."):
            raise InputError("run", repr(run), "a run's name", "see the dashboard's list of runs")
        return self.root / run

    def runs(self) -> list[RunInfo]:
        """All runs, newest first; rebuilds a damaged or missing index."""
        if not self.root.is_dir():
            return []
        rows = self._query("SELECT * FROM runs ORDER BY started DESC, run")
        return [RunInfo(*row) for row in rows if (self.root / row[0] / "study.json").is_file()]

    def study(self, run: str) -> dict[str, Any]:
        """Content of a run's `study.json`."""
        path = self.folder(run) / "study.json"
        try:
            value = json.loads(read_text(path))
        except ValueError:
            raise InputError(path, "a damaged file", "JSON", "run the study again") from None
        if not isinstance(value, dict) or "name" not in value:
            raise InputError(path, "no study", "a run's study.json", "run the study again")
        return value

    def points(self, run: str) -> list[PointRecord]:
        """All points of a run in the study's order; unreadable ones are left out."""
        folder = self.folder(run) / "points"
        order = {slug: index for index, slug in enumerate(self.study(run).get("points", []))}
        found = []
        for path in sorted(
            folder.glob("*/result.json"), key=lambda p: (order.get(p.parent.name, len(order)), p.parent.name)
        ):
            try:
                found.append(read_point(path))
            except InputError:
                continue
        return found

    def find_done(self, key: str, likely: tuple[str, str] | None = None) -> tuple[str, PointRecord] | None:
        """A finished point with that content key and the run it is from; looks at `likely` (run, slug) first.

        A killed run may have written a point that it could not enter in the index any more: `likely` finds that one.
        """
        if not self.root.is_dir():
            return None
        entered = self._query("SELECT run, slug FROM points WHERE key = ? AND status = 'done'", (key,))
        for run, slug in ([likely] if likely else []) + entered:
            try:
                point = read_point(self.root / run / "points" / slug / "result.json")
            except WorkbenchError:
                continue
            if point.key == key and point.status == "done":
                return run, point
        return None

    def write_study(self, run: str, values: dict[str, Any]) -> None:
        """Write `study.json` and enter the run in the index."""
        write_json(self.folder(run) / "study.json", values)
        self._execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _run_row(run, values))

    def enter_point(self, run: str, point: PointRecord) -> None:
        """Enter a written point in the index."""
        self._execute("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?)", (run, point.slug, point.key, point.status))

    def rebuild(self) -> int:
        """Make the index again from the folders, in place of the old one; returns the number of runs."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self.root, prefix=".index.")
        os.close(descriptor)
        runs = 0
        with closing(sqlite3.connect(temporary)) as connection, connection:
            connection.executescript(_TABLES)
            for path in sorted(self.root.glob("*/study.json")):
                try:
                    values = self.study(path.parent.name)
                except InputError:
                    continue
                connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _run_row(path.parent.name, values))
                rows = [(path.parent.name, p.slug, p.key, p.status) for p in self.points(path.parent.name)]
                connection.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?)", rows)
                runs += 1
        os.replace(temporary, self.root / "index.sqlite")
        return runs

    def _query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        index = self.root / "index.sqlite"
        for attempt in range(2):
            if attempt or not index.is_file():
                self.rebuild()
            try:
                with closing(sqlite3.connect(f"file:{index.resolve()}?mode=ro", uri=True, timeout=30)) as connection:
                    return connection.execute(sql, values).fetchall()
            except sqlite3.DatabaseError:
                continue
        return []

    def _execute(self, sql: str, values: tuple[Any, ...]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if not (self.root / "index.sqlite").is_file():
            self.rebuild()
        try:
            with closing(sqlite3.connect(self.root / "index.sqlite", timeout=30)) as connection, connection:
                connection.executescript(_TABLES)
                connection.execute(sql, values)
        except sqlite3.DatabaseError:
            self.rebuild()  # the folders already hold what was to be entered


def _run_row(run: str, values: dict[str, Any]) -> tuple[Any, ...]:
    texts = (str(values.get(field, "")) for field in ("name", "status", "started", "finished"))
    counts = (len(values.get("points", [])), int(values.get("done", 0)), int(values.get("failed", 0)))
    return (run, *texts, *counts)
