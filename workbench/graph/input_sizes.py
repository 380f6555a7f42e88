"""Numbers for the open dimensions of a network's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.base.errors import InputError

Sizes = Mapping[str, int]
BATCH = "batch"


def real_inputs(model: Any) -> list[Any]:
    """The inputs that are not constants with a default value."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def fix_sizes(model: Any, where: str, sizes: Sizes) -> None:
    """Give every open dimension its number, and forget the shapes that depended on it; InputError for one without."""
    changed, open_names = False, []
    used: set[str] = set()
    for value in real_inputs(model):
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            place = f"{where}, input {value.name}"
            raise InputError(place, "no tensor shape", "a tensor with a shape", "export it with fixed sizes")
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            keys = [f"{value.name}.{axis}", *([dimension.dim_param] if dimension.dim_param else [])]
            keys += [BATCH] if axis == 0 else []
            if dimension.dim_value > 0:
                _check_fixed(where, value.name, axis, dimension.dim_value, sizes, keys, used)
                continue
            open_names.append(dimension.dim_param or keys[0])
            dimension.dim_value = _size(where, value.name, axis, dimension.dim_param, sizes, keys, used)
            changed = True
    unknown = sorted(set(sizes) - used)
    if unknown:
        known = ", ".join(dict.fromkeys(open_names)) or "none: all sizes of this network are fixed"
        raise InputError(
            where, f"no open dimension {unknown[0]!r}", f"one of {known}", "leave the option out or export anew"
        )
    if changed:
        del model.graph.value_info[:]
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")


def _size(where: str, name: str, axis: int, label: str, sizes: Sizes, keys: list[str], used: set[str]) -> int:
    key = next((key for key in keys if key in sizes), None)
    if key is None and axis == 0:
        return 1
    if key is None:
        found, option = f"an open size ({label or '?'}) of dimension {axis}", label or keys[0]
        raise InputError(f"{where}, input {name}", found, "a number", f"give it with --dim {option}=N")
    used.add(key)
    if sizes[key] < 0:
        raise InputError(f"--dim {key}", str(sizes[key]), "a size of 0 or more", "give another number")
    return sizes[key]


def _check_fixed(where: str, name: str, axis: int, size: int, sizes: Sizes, keys: list[str], used: set[str]) -> None:
    """A size that the model fixes cannot be another one."""
    for key in keys:
        if key not in sizes:
            continue
        used.add(key)
        if sizes[key] != size:
            place = f"{where}, input {name}"
            raise InputError(
                place, f"a fixed size of {size} in dimension {axis}", str(sizes[key]), "export it with an open one"
            )
