"""`netlist.toml`: what a Verilog design does not say itself - leaves and their sizes, parameters, routing supply."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from workbench.base.config import SourcedModel, StrictModel
from workbench.base.errors import InputError
from workbench.netlist.leaf import GENERIC_CELLS


class Parameter(StrictModel):
    """A parameter of the top module: its default and the values it may take (empty: any)."""

    default: int
    choices: list[int] = []


class Routes(StrictModel):
    """Routing tracks per µm in both directions, and those that a hard macro takes."""

    horizontal_per_um: float = Field(default=12.279, gt=0)
    vertical_per_um: float = Field(default=13.591, gt=0)
    macro_horizontal_per_um: float = Field(default=9.824, ge=0)
    macro_vertical_per_um: float = Field(default=8.133, ge=0)
    smooth_range: int = Field(default=2, ge=0, le=100)


class Leaf(StrictModel):
    """A logic leaf: counts of generic cells as expressions of its parameters, or an area.

    Attributes
    ----------
    part: part of the chip.
    depth_fo4: longest register-to-register path.
    cells: expression by generic cell.
    area_um2: area of a leaf that is a library cell.
    outputs: output ports of a leaf without Verilog text.
    """

    part: str = "logic"
    depth_fo4: float = Field(default=0.0, ge=0)
    cells: dict[str, str] = {}
    area_um2: float | None = Field(default=None, gt=0)
    outputs: list[str] = []

    @field_validator("cells")
    @classmethod
    def _known(cls, cells: dict[str, str]) -> dict[str, str]:
        for name in cells:
            if name not in GENERIC_CELLS:
                raise ValueError(f"generic cells ({', '.join(GENERIC_CELLS)})")
        return cells


class MacroCell(StrictModel):
    """An SRAM macro: its size, its capacity, its output ports if it has no Verilog text."""

    part: str = "memory"
    width_um: float = Field(gt=0)
    height_um: float = Field(gt=0)
    bits: int = Field(default=0, ge=0)
    outputs: list[str] = []


class Expected(StrictModel):
    """Counts that a set of parameters must give."""

    parameters: dict[str, int] = {}
    macros: int
    leaves: int


class ExpectedTable(StrictModel):
    """The sets of parameters that the tests check."""

    sets: list[Expected] = []


class VerilogConfig(SourcedModel):
    """A whole `netlist.toml`; the designs in `netlists/` also name the source of every number.

    Attributes
    ----------
    name, top: name of the design and of its top module.
    files: Verilog files, relative to the folder of this file.
    technology: technology of the areas, a name in `cells.toml`.
    target_utilization: share of the canvas that macros and cells fill.
    ideal_nets: ports of the top module whose nets are not routed (clock, reset).
    requires: expressions of the parameters that must be at least 1 (``VLEN // (64 * LANES)``).
    """

    may_omit_sources = True
    sources: dict[str, str] = {}
    name: str = Field(min_length=1)
    top: str = Field(min_length=1)
    files: list[str] = Field(min_length=1)
    technology: str = "NanGate45"
    target_utilization: float = Field(default=0.6, gt=0.05, le=0.95)
    ideal_nets: list[str] = []
    requires: list[str] = []
    parameters: dict[str, Parameter] = {}
    routes: Routes = Routes()
    leaves: dict[str, Leaf] = {}
    macros: dict[str, MacroCell] = {}
    expected: ExpectedTable = ExpectedTable()

    def numeric_fields(self) -> list[str]:
        """Numeric fields that need a source: lists of names need none."""
        return [
            f for f in super().numeric_fields() if f.rsplit(".", 1)[-1] not in ("files", "ideal_nets", "requires", "outputs")
        ]

    def values(self, given: Mapping[str, Any], where: Path) -> dict[str, int]:
        """Values of all parameters, those given in place of the defaults."""
        result = {name: parameter.default for name, parameter in self.parameters.items()}
        for name, value in given.items():
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise InputError(f"parameter {name}", f"no such parameter in {where}", f"one of {known}", "correct its name")
            try:
                number = int(value)
            except (TypeError, ValueError):
                raise InputError(f"parameter {name}", repr(value), "a whole number", "correct it") from None
            choices = self.parameters[name].choices
            if choices and number not in choices:
                shown = ", ".join(map(str, choices))
                raise InputError(f"parameter {name}", str(number), f"one of {shown}", "choose one of them")
            result[name] = number
        for text in self.requires:
            if count(text, result, f"{where}, requires") < 1:
                shown = ", ".join(f"{name} = {result[name]}" for name in result if re.search(rf"\b{name}\b", text))
                raise InputError("parameters", shown, f"{text} of at least 1", "change one of them")
        return result


_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "clog2": lambda value: math.ceil(math.log2(max(1, value))), "min": min, "max": max, "ceil": math.ceil,
}  # fmt: skip


def count(text: str, parameters: Mapping[str, int], where: str) -> float:
    """Value of an expression of numbers, parameters, + - * / // and clog2, min, max, ceil.

    Raises
    ------
    InputError: any other text.
    """
    try:
        value = _count(ast.parse(text, mode="eval").body, parameters)
    except (SyntaxError, KeyError, ValueError, TypeError, ZeroDivisionError, OverflowError, RecursionError):
        known = ", ".join(parameters) or "no parameters"
        raise InputError(where, repr(text), f"a count by numbers and {known}", "correct the expression") from None
    if not 0 <= value < 1e12:
        raise InputError(where, f"{text!r} = {value:g}", "a count between 0 and 1e12", "correct the expression")
    return float(value)


def _count(node: ast.expr, parameters: Mapping[str, int]) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name):
            return parameters[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_count(left, parameters), _count(right, parameters))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _FUNCTIONS[name](*(_count(argument, parameters) for argument in arguments))
    raise ValueError
