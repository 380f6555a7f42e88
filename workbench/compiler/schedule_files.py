"""Files of schedules: what `--schedules` writes and `--pin` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import read_text, write_json
from workbench.compiler.planner import Schedule, as_table

_TYPES: dict[str, type] = {
    "algorithm": str, "vectors": str, "lmul": int, "block": int, "loads": int, "ahead": bool, "outside": bool,
}  # fmt: skip
_NEEDED = ("algorithm", "vectors", "lmul", "block")


def write_schedules(path: Path, network: str, core: str, schedules: Mapping[str, Schedule]) -> Path:
    """Write the schedules of a network's layers."""
    return write_json(path, {"network": network, "core": core, "layers": as_table(schedules)})


def read_schedules(path: Path) -> dict[str, Schedule]:
    """Schedules by layer; InputError for what is no such file."""
    try:
        table = json.loads(read_text(path))
    except ValueError:
        raise InputError(path, "text that is not JSON", "a file of --schedules", "write one with --schedules") from None
    layers = table.get("layers") if isinstance(table, dict) else None
    if not isinstance(layers, dict):
        raise InputError(path, "no table 'layers'", "schedules by layer", "write a file with --schedules")
    return {layer: parse_schedule(f"{path}, layer {layer}", values) for layer, values in layers.items()}


def parse_schedule(where: str, values: Any) -> Schedule:
    """One schedule from JSON."""
    if not isinstance(values, dict):
        raise InputError(where, repr(values)[:60], "a table of fields", "write a file with --schedules")
    names = [item.name for item in fields(Schedule)]
    for name, value in values.items():
        if name not in names:
            raise InputError(where, f"field {name!r}"[:80], f"one of {', '.join(names)}", "remove it")
        if type(value) is not _TYPES[name]:
            raise InputError(f"{where}, {name}", repr(value)[:60], f"a value of type {_TYPES[name].__name__}", "change it")
    for name in _NEEDED:
        if name not in values:
            raise InputError(where, f"no {name}", f"fields {', '.join(_NEEDED)}", "add it")
    return Schedule(**values)
