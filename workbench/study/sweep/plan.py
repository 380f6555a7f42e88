"""`SweepPlan`: workloads × cores × values of the cores' fields, checked before any work starts.

A workload is a program (ELF), a trace file or a network. A field is dotted as in the core's TOML
(``memory.l2.size_kib``, ``issue_queues.0.size``, ``frequency_mhz``). ``threads`` is one of the run: of a network, each on a
core of its own.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from workbench.base.errors import InputError
from workbench.base.files import read_bytes
from workbench.compiler.threads import MOST_THREADS
from workbench.core.config import CoreConfig, load_core
from workbench.study.keys import key_of
from workbench.study.study import slug_of

LARGEST_SWEEP = 100_000
THREADS = "threads"
Setting = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Workload:
    """What is run: its name, kind and file (of a network also a name of the zoo), and a hash of its content."""

    name: str
    kind: Literal["program", "trace", "network"]
    source: str
    content: str


@dataclass(frozen=True)
class SweepPoint:
    """A workload on a core whose fields have been set."""

    workload: Workload
    core_name: str
    setting: Setting
    core: CoreConfig = field(repr=False, compare=False)
    key: str
    threads: int = 1

    @property
    def slug(self) -> str:
        """Name of the point's file."""
        parts = [self.workload.name, self.core_name, *(f"{name.split('.')[-1]}-{value}" for name, value in self.setting)]
        return f"{'--'.join(slug_of(str(part)) for part in parts)[:120]}--{self.key[:8]}"


def make_plan(
    workloads: Sequence[str], cores: Sequence[str], settings: Sequence[str], max_instructions: int | None
) -> list[SweepPoint]:
    """All points, workloads first; equal ones once.

    Raises
    ------
    InputError: a name, file, field or value that cannot be used.
    """
    runs = [read_workload(name) for name in dict.fromkeys(workloads)]
    configs = {name: load_core(name) for name in dict.fromkeys(cores)}
    grid = [parse_setting(text) for text in settings]
    names = [name for name, _ in grid]
    if len(set(names)) < len(names):
        raise InputError("--set", "the same field twice", "each field once", "give all of its values in one --set")
    combinations: list[Setting] = [
        tuple(zip(names, values, strict=True)) for values in itertools.product(*(values for _, values in grid))
    ]
    count = len(runs) * len(configs) * len(combinations)
    if count > LARGEST_SWEEP:
        raise InputError("the sweep", f"{count:,} points", f"at most {LARGEST_SWEEP:,}", "sweep fewer values at a time")
    points = []
    for run in runs:
        for (core_name, core), setting in itertools.product(configs.items(), combinations):
            changed = with_setting(core, tuple(pair for pair in setting if pair[0] != THREADS))
            threads = _threads(run, dict(setting))
            _check_workload(run, changed)
            values = changed.model_dump(mode="json", exclude={"sources", "description", "notes"})
            key = key_of("sweep", run.content, values, threads, max_instructions)
            points.append(SweepPoint(run, Path(core_name).stem, setting, changed, key, threads))
    return points


def read_workload(name: str) -> Workload:
    """What a name or file on the command line stands for; InputError if nothing can be run of it."""
    from workbench.graph.zoo import MODELS

    if name in MODELS:
        return Workload(name, "network", name, name)
    path = Path(name)
    data = read_bytes(path) if not _is_trace(path) else b""
    if name.endswith(".onnx"):
        return Workload(path.stem, "network", str(path), hashlib.sha256(data).hexdigest())
    if data[:4] == b"\x7fELF":
        from workbench.isa.elf import parse_elf

        parse_elf(data, name)
        return Workload(path.name, "program", str(path), hashlib.sha256(data).hexdigest())
    from workbench.core.trace.file import TraceReader

    TraceReader(path)
    with path.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return Workload(path.name, "trace", str(path), content)


def _is_trace(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PAR1"
    except OSError:
        return False


def parse_setting(text: str) -> tuple[str, list[Any]]:
    """``field=value,value`` as the field and its values; InputError if it is not of that form."""
    name, equals, values = text.partition("=")
    if not name or not equals or not all(values.split(",")):
        raise InputError("--set", repr(text), "FIELD=VALUE,VALUE", "write it like memory.l2.size_kib=256,512")
    return name, [_value(value) for value in values.split(",")]


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text


def with_setting(core: CoreConfig, setting: Setting) -> CoreConfig:
    """The core with fields set; InputError if it has no such field or cannot be built like that."""
    table = core.model_dump(mode="json")
    for name, value in setting:
        _assign(table, name, value, core.name)
    if not setting:
        return core
    try:
        return CoreConfig.model_validate_json(json.dumps(table))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the core"
        expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        shown = ", ".join(f"{name}={value}" for name, value in setting)
        raise InputError(f"--set {shown}, {core.name}", f"an impossible {place}", expected, "set another value") from None


def _assign(table: Any, name: str, value: Any, core: str) -> None:
    *parents, last = name.split(".")
    place = table
    for part in parents:
        place = _member(place, part)
    if _member(place, last) is None:
        raise InputError(f"--set {name}", "no such field", f"a field of {core} that has a value", "see its file in cores/")
    if isinstance(_member(place, last), dict | list):
        raise InputError(f"--set {name}", "a whole table", "a field with one value", "name a field in it")
    place[int(last) if isinstance(place, list) else last] = value


def _member(place: Any, part: str) -> Any:
    if isinstance(place, dict):
        return place.get(part)
    if isinstance(place, list) and part.isdecimal() and int(part) < len(place):
        return place[int(part)]
    return None


def _threads(run: Workload, setting: dict[str, Any]) -> int:
    """Threads of a run; InputError for a number that cannot be, or several for what is no network."""
    threads = setting.get(THREADS, 1)
    where, allowed = f"--set {THREADS}={threads}", f"1 to {MOST_THREADS}"
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MOST_THREADS:
        raise InputError(where, "an impossible number", allowed, "set another value")
    if threads > 1 and run.kind != "network":
        raise InputError(where, f"a {run.kind}, {run.name}", "networks, whose layers threads share", "sweep it on its own")
    return threads


def _check_workload(run: Workload, core: CoreConfig) -> None:
    """A trace must fit every core of the sweep."""
    if run.kind == "trace":
        from workbench.core.trace.file import TraceReader
        from workbench.core.trace.simulate import check_fits

        check_fits(TraceReader(run.source).about, core, run.source)
