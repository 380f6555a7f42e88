"""`Study`: which designs are compared on which networks, read from a strict TOML file.

    name = "lanes"
    networks = ["light_squeezenet", "mine.onnx"]

    [[designs]]
    name = "4 lanes, annealed"
    core = "xiangshan_kunminghu_v2_npu4"
    netlist = "rvv_npu"
    parameters = { LANES = 4, VLEN = 1024 }
    placement = { agent = "annealing", seconds = 20 }
    technology = "asap7"
    dtype = "fp16"

    [[designs]]
    name = "four cores"
    core = "spacemit_x60"
    threads = 4

A core, netlist, placement or network is a name that the product knows, or a file in the study's own folder.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workbench.base.config import StrictModel, read_toml
from workbench.base.errors import InputError
from workbench.compiler.threads import MOST_THREADS
from workbench.graph.dtype import Dtype

_FILES = (".onnx", ".toml", ".plc", ".v", ".sv", ".txt", ".gz")
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w .,+()-]+$")]


class PlacementSpec(StrictModel):
    """Where the netlist's objects go: a .plc `file`, or what an `agent` finds in `seconds` (or `steps`) from `seed`.

    `on_grid`, `soft`, `steps` and `params` are those of `workbench.place.agents.base.PlacementOptions`.
    """

    file: str | None = None
    agent: str | None = None
    seconds: Annotated[float, Field(gt=0, le=86400)] = 20.0
    seed: Annotated[int, Field(ge=0)] = 0
    steps: Annotated[int, Field(ge=1)] | None = None
    on_grid: bool = False
    soft: Literal["free", "fd"] = "free"
    params: dict[str, float] = {}

    @model_validator(mode="after")
    def _check(self) -> PlacementSpec:
        if (self.file is None) == (self.agent is None):
            raise ValueError("either a file or an agent")
        return self

    @property
    def label(self) -> str:
        """Short name for tables."""
        return self.agent or PurePosixPath(self.file or "").name


class DesignSpec(StrictModel):
    """One design: a core, and for an NPU its netlist, the netlist's parameters and its placement; in a technology.

    `dtype`: the type in which networks of float32 are computed. `threads`: that share a network's layers, each on a core of
    its own; the cores share the last cache and DRAM. A netlist is that of one core, so it goes with one thread.
    """

    name: Name
    core: str
    netlist: str | None = None
    parameters: dict[str, int] = {}
    placement: PlacementSpec | None = None
    technology: str = "asap7"
    dtype: Dtype = Dtype.FP32
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] = 1

    @model_validator(mode="after")
    def _check(self) -> DesignSpec:
        if self.netlist is None and (self.parameters or self.placement):
            raise ValueError("a netlist with parameters or a placement")
        if self.netlist is not None and self.threads > 1:
            raise ValueError("one thread with a netlist, which is that of one core")
        return self

    @property
    def slug(self) -> str:
        """The name as part of a path."""
        return slug_of(self.name)


class Study(StrictModel):
    """Designs x networks.

    `resimulate` runs each network at each floorplan's own clock, after it is placed. Without it, networks run while
    netlists are being placed, at the clock that the design has without wires, and cycles that wait for DRAM are scaled
    to the final clock; floorplans of one design then share their runs.
    """

    name: Name
    description: str = ""
    networks: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
    designs: Annotated[tuple[DesignSpec, ...], Field(min_length=1, max_length=10000)]
    resimulate: bool = False

    @model_validator(mode="after")
    def _check(self) -> Study:
        for what, slugs in (("designs", [d.slug for d in self.designs]), ("networks", [slug_of(n) for n in self.networks])):
            if len(set(slugs)) != len(slugs):
                raise ValueError(f"{what} with different names")
        return self


def slug_of(name: str) -> str:
    """A name as one part of a path: lower-case letters, digits and dashes."""
    stem = PurePosixPath(name).stem if name.endswith(".onnx") else name
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "x"


def read_study(path: str | Path) -> Study:
    """Read a study; its files are found beside it.

    Raises
    ------
    InputError: the file is not a study, or it names a file outside its folder.
    """
    path = Path(path)
    study = read_toml(path, Study)
    return resolve_files(study, path)


def resolve_files(study: Study, path: Path) -> Study:
    """The study with every file it names as an absolute path; `path` is the study's own file."""

    def resolve(value: str | None, field: str) -> str | None:
        if value is None or not _is_file(value):
            return value
        inside = (path.parent / value).resolve()
        if not inside.is_relative_to(path.parent.resolve()):
            raise InputError(f"{path}, {field}", repr(value), "a file in the study's folder", "move or link it there")
        if not inside.exists():
            raise InputError(f"{path}, {field}", f"no file {value!r}", "a file in the study's folder", "check its name")
        return str(inside)

    designs = []
    for index, design in enumerate(study.designs):
        where = f"designs.{index}"
        placement = design.placement
        if placement and placement.file:
            placement = placement.model_copy(update={"file": resolve(placement.file, f"{where}.placement.file")})
        found = {field: resolve(getattr(design, field), f"{where}.{field}") for field in ("core", "netlist", "technology")}
        designs.append(design.model_copy(update={**found, "placement": placement}))
    networks = tuple(resolve(network, "networks") or network for network in study.networks)
    return study.model_copy(update={"designs": tuple(designs), "networks": networks})


def check_names(study: Study, path: Path) -> None:
    """Refuse names that the product does not know, and wrong parameters, before any work starts; `path` is the study's file.

    Raises
    ------
    InputError: naming the field and what it may be.
    """
    from workbench.core.config import load_core
    from workbench.graph.zoo import MODELS
    from workbench.netlist.load import netlist_names
    from workbench.place.agents.base import AGENTS
    from workbench.ppa.technology import load_technology

    def check(field: str, value: str, known: Collection[str]) -> None:
        if not _is_file(value) and value not in known:
            near = difflib.get_close_matches(value, known, n=3) or sorted(known)
            raise InputError(f"{path}, {field}", repr(value), f"one of {', '.join(near)}", "correct the name")

    for network in study.networks:
        check("networks", network, MODELS)
    for index, design in enumerate(study.designs):
        load_core(design.core)
        load_technology(design.technology)
        if design.netlist is not None:
            check(f"designs.{index}.netlist", design.netlist, netlist_names())
        if design.placement is not None and design.placement.agent is not None:
            check(f"designs.{index}.placement.agent", design.placement.agent, AGENTS)


def _is_file(value: str) -> bool:
    return "/" in value or value.endswith(_FILES)
