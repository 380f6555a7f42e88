"""What the pages read: runs, points and floorplans, cached by their files' times; never written, never changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from workbench.base.files import read_text
from workbench.base.places import runs_folder
from workbench.study.agent_comparison.plan import PLAN_FILE, read_plan
from workbench.study.agent_comparison.run import Comparison, load_comparison
from workbench.study.records import PointRecord
from workbench.study.store import RunInfo, RunStore


@dataclass(frozen=True)
class RunData:
    """One run as the pages see it."""

    run: str
    folder: Path
    study: dict[str, Any]
    points: tuple[PointRecord, ...]

    @property
    def done(self) -> list[PointRecord]:
        """Points with results."""
        return [point for point in self.points if point.status == "done"]

    @property
    def designs(self) -> list[str]:
        """Designs with results, in the study's order."""
        return list(dict.fromkeys(point.design for point in self.done))

    @property
    def networks(self) -> list[str]:
        """Networks with results, in the study's order."""
        return list(dict.fromkeys(point.network for point in self.done))


def list_runs() -> list[RunInfo]:
    """All runs of the store, newest first."""
    return RunStore(runs_folder().absolute()).runs()


def load_run(run: str) -> RunData:
    """A run's study and points."""
    folder = RunStore(runs_folder().absolute()).folder(run)
    return _load_run(str(folder.parent), run, _stamp(folder / "study.json"))


def load_floorplan(folder: Path, design_slug: str) -> dict[str, Any] | None:
    """A design's floorplan as `write_json_floorplan` wrote it; None if the design has none."""
    path = folder / "designs" / design_slug / "floorplan.json"
    return _load_json(str(path), _stamp(path)) if path.is_file() else None


def choose_comparison() -> Comparison | None:
    """The comparison of agents chosen in the sidebar (the newest at first); None if there are none in the folder of runs."""
    folders = [path.parent for path in runs_folder().absolute().glob(f"*/{PLAN_FILE}")]
    if not folders:
        return None
    about = {folder.name: read_plan(folder)[1] for folder in folders}
    names = sorted(about, key=lambda name: str(about[name].get("started")), reverse=True)
    labels = {name: f"{name} ({about[name].get('status')}, {str(about[name].get('started'))[:16]})" for name in names}
    chosen = st.sidebar.selectbox("Comparison", names, format_func=lambda name: labels[name].replace("T", " "))
    folder = runs_folder().absolute() / chosen
    return _load_comparison(str(folder), tuple(sorted(map(_stamp, [folder / PLAN_FILE, *folder.glob("jobs/*/*.json")]))))


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@st.cache_data(max_entries=20, show_spinner=False)
def _load_run(root: str, run: str, stamp: int) -> RunData:
    store = RunStore(root)
    return RunData(run, store.folder(run), store.study(run), tuple(store.points(run)))


@st.cache_data(max_entries=5, show_spinner=False)
def _load_comparison(folder: str, stamps: tuple[int, ...]) -> Comparison:
    return load_comparison(Path(folder))


@st.cache_data(max_entries=20, show_spinner=False)
def _load_json(path: str, stamp: int) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(read_text(path))
    return value
