"""`workbench doctor`: what is installed and what is missing, all at once."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.base.places import cache_folder, data_folder, runs_folder
from workbench.cli.output import show

_DISTRIBUTION = "chip-workbench"
_MINIMUM_MEMORY_GIB = 3.5
_OPTIONAL = {
    "qemu-riscv64": "a second judge for compiled programs (tests)",
    "riscv64-linux-gnu-gcc": "C test programs (tests)",
    "chromium": "browser tests of the dashboard",
    "iverilog": "not needed: Verilog is read in process",
}


def command(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check this installation; exit code 1 if something needed is missing, with every problem listed."""
    problems: list[str] = []
    report: dict[str, Any] = {
        "system": _system(problems),
        "packages": _packages(problems),
        "folders": _folders(problems),
        "optional tools": {name: shutil.which(name) or f"not found ({use})" for name, use in _OPTIONAL.items()},
    }
    report["problems"] = problems
    show({name: value for name, value in report.items() if name != "problems" or as_json}, as_json)
    if not as_json:
        typer.echo("\n" + ("everything needed is here" if not problems else "\n".join(f"problem: {p}" for p in problems)))
    if problems:
        raise typer.Exit(1)


def _system(problems: list[str]) -> dict[str, Any]:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    if 0 < memory_gib < _MINIMUM_MEMORY_GIB:
        problems.append(f"{memory_gib:.1f} GiB of memory: {_MINIMUM_MEMORY_GIB} GiB are needed to simulate networks")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "python": platform.python_version(), "platform": platform.platform(), "cpu cores": cores,
        "memory GiB": round(memory_gib, 1),
    }  # fmt: skip


def _packages(problems: list[str]) -> dict[str, str]:
    from importlib import metadata

    from packaging.requirements import Requirement

    found = {}
    try:
        needed = [Requirement(text) for text in metadata.requires(_DISTRIBUTION) or []]
    except metadata.PackageNotFoundError:
        problems.append("the product itself is not installed: run `pip install -e .`")
        return {}
    for requirement in needed:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found[requirement.name] = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found[requirement.name] = "missing"
            problems.append(f"the package {requirement.name} is missing: run `pip install {requirement.name}`")
            continue
        if not requirement.specifier.contains(found[requirement.name], prereleases=True):
            problems.append(f"{requirement.name} {found[requirement.name]} is not {requirement.specifier}")
    return found


def _folders(problems: list[str]) -> dict[str, str]:
    folders: dict[str, tuple[Path, Callable[[Path], str | None]]] = {
        "cores": (data_folder("cores"), _unreadable),
        "netlists": (data_folder("netlists"), _unreadable),
        "cache": (cache_folder(), _unwritable),
        "runs": (runs_folder(), _unwritable),
    }
    for name, (path, check) in folders.items():
        if problem := check(path):
            problems.append(f"the folder for {name}, {path}, {problem}")
    return {name: str(path) for name, (path, _) in folders.items()}


def _unreadable(path: Path) -> str | None:
    return None if path.is_dir() and any(path.iterdir()) else "is not there or empty: install the product again"


def _unwritable(path: Path) -> str | None:
    """Why a folder (or the nearest one above it that exists) cannot be written to."""
    existing = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return f"cannot be written to ({error.strerror}): choose another with WORKBENCH_CACHE or WORKBENCH_RUNS"
