"""The vector rows of the instruction table as a NumPy record array, indexed by semantic number, for the vector kernels."""

from __future__ import annotations

from functools import cache

import numpy as np

from workbench.isa.table import TABLE

SOURCE_NONE, SOURCE_VECTOR, SOURCE_X, SOURCE_F, SOURCE_IMMEDIATE = range(5)
_SOURCES = {"": SOURCE_NONE, "v": SOURCE_VECTOR, "x": SOURCE_X, "f": SOURCE_F, "i": SOURCE_IMMEDIATE}

FORM_DTYPE = np.dtype(
    [
        ("group", np.int16),
        ("function", np.int16),
        ("source", np.int8),
        ("dest", np.int8),  # log2 of the width of vd, vs2, vs1 relative to SEW
        ("wide2", np.int8),
        ("wide1", np.int8),
        ("signed2", np.int8),
        ("signed1", np.int8),
        ("reads_vd", np.int8),
        ("uses_v0", np.int8),
    ]
)


@cache
def _names() -> dict[str, dict[str, int]]:
    groups: dict[str, dict[str, int]] = {}
    for row in TABLE:
        if row.vector is not None:
            functions = groups.setdefault(row.vector.group, {})
            functions.setdefault(row.vector.function, len(functions))
    return groups


def group_number(name: str) -> int:
    """Number of a kernel family."""
    return list(_names()).index(name)


def function_number(group: str, name: str) -> int:
    """Number of an operation within its family."""
    return _names()[group][name]


@cache
def vector_forms() -> np.ndarray:
    """`FORM_DTYPE` records of all semantic numbers; rows of scalar instructions are zero."""
    forms = np.zeros(len(TABLE) + 1, FORM_DTYPE)
    for number, row in enumerate(TABLE, 1):
        if (v := row.vector) is not None:
            forms[number] = (
                group_number(v.group), function_number(v.group, v.function), _SOURCES[v.source], v.dest, v.wide2, v.wide1,
                v.signs[0] == "s", v.signs[1] == "s", v.reads_vd, v.uses_v0,
            )  # fmt: skip
    return forms
