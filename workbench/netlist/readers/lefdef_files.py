"""Which files make up a LEF/DEF design: the DEF file, and the LEF files named in its `netlist.toml` or lying beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, Field

from workbench.base.config import StrictModel, read_toml
from workbench.base.errors import InputError


class DefConfig(StrictModel):
    """A `netlist.toml` of a LEF/DEF design: ``def = "x.def"`` and ``lef = ["tech.lef", "cells.lef"]``."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = ""
    design: str = Field(alias="def", min_length=1)
    lef: list[str] = Field(min_length=1)


@dataclass(frozen=True)
class DefFiles:
    """The DEF file and the LEF files that may have its macros, in the order in which they are looked at."""

    design: Path
    lef: list[Path]


def lef_files(path: Path) -> DefFiles:
    """Files of a design named by its DEF file or its `netlist.toml`.

    Raises
    ------
    InputError: a listed file outside of the folder, or a `netlist.toml` that is not one of a DEF design.
    """
    toml = path if path.suffix == ".toml" else path.parent / "netlist.toml"
    if path == toml or (toml.is_file() and names_def(toml)):
        config = read_toml(toml, DefConfig)
        design = inside(toml, config.design)
        if path == toml or path.resolve() == design.resolve():
            return DefFiles(design, [inside(toml, name) for name in config.lef])
    return DefFiles(path, lef_beside(path))


def names_def(toml: Path) -> bool:
    """Whether a `netlist.toml` is that of a LEF/DEF design."""
    try:
        lines = toml.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.split("=")[0].strip() == "def" for line in lines)


def lef_beside(path: Path) -> list[Path]:
    """LEF files in the folder of a file and in `lef/` below it: first the one of its name, then technology (.tlef, or tech
    in the name)."""
    found = [
        file for place in (path.parent, path.parent / "lef") if place.is_dir() for file in place.iterdir()
        if file.name.lower().removesuffix(".gz").endswith((".lef", ".tlef")) and file.is_file()
    ]  # fmt: skip
    return sorted(found, key=lambda file: (not _is_own(file, path), not _is_technology(file), file.name))


def _is_own(lef: Path, path: Path) -> bool:
    return lef.name.split(".")[0] == path.name.split(".")[0]


def _is_technology(lef: Path) -> bool:
    return "tlef" in lef.name.lower() or "tech" in lef.name.lower()


def inside(toml: Path, name: str) -> Path:
    """A file that a `netlist.toml` names; InputError if it is outside of the folder."""
    folder = toml.parent.resolve()
    if not (folder / name).resolve().is_relative_to(folder):
        raise InputError(f"{toml}, {name!r}", "a path out of the folder", "a file in the design's folder", "copy it there")
    return toml.parent / name
