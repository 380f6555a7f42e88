"""Strict TOML configuration: every field typed, units in the names, a source for every number, one-sentence errors.

A configuration file may hold a table ``[sources]`` that maps a field or a prefix of fields (``"backend.rob_size"``,
``"backend"``) to where its value was read. A source that begins with ``estimate`` marks a guess.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits


class StrictModel(BaseModel):
    """A frozen table of a configuration file: unknown fields, wrong types, NaN are errors, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SourcedModel(StrictModel):
    """A whole configuration file: every numeric field must be covered by an entry of `sources`.

    A model with `may_omit_sources` takes a file without the table, as people write it for a design of their own.
    """

    may_omit_sources: ClassVar[bool] = False
    sources: dict[str, str]

    def source_of(self, field: str) -> str | None:
        """The source of a dotted field: its own entry or that of its longest covering prefix."""
        parts = field.split(".")
        for length in range(len(parts), 0, -1):
            if (source := self.sources.get(".".join(parts[:length]))) is not None:
                return source
        return None

    def numeric_fields(self) -> list[str]:
        """Dotted names of all numeric fields given in the file or by default, lists counted as one field."""
        return sorted(set(_numeric_fields("", self.model_dump(exclude={"sources"}))))

    def unsourced(self) -> list[str]:
        """Numeric fields that no entry of `sources` covers."""
        return [field for field in self.numeric_fields() if self.source_of(field) is None]

    def estimates(self) -> list[str]:
        """Numeric fields whose source says that the value is an estimate."""
        return [f for f in self.numeric_fields() if (self.source_of(f) or "").lower().startswith("estimate")]


def _numeric_fields(prefix: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f for key, item in value.items() for f in _numeric_fields(f"{prefix}.{key}".lstrip("."), item)]
    if isinstance(value, list | tuple):
        return [prefix] if value else []
    return [prefix] if isinstance(value, int | float) and not isinstance(value, bool) else []


M = TypeVar("M", bound=StrictModel)


def read_toml(path: str | Path, model: type[M], limits: Limits = DEFAULT_LIMITS) -> M:
    """Read a TOML file into a model; InputError names file, field, what was found and what was expected."""
    return parse_toml(read_text(path, limits), model, str(path))


def parse_toml(text: str, model: type[M], where: str) -> M:
    """Parse TOML text into a model; `where` names its origin in errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(where, f"invalid TOML ({error})", "TOML", "correct the file there") from None
    try:
        value = model.model_validate_json(json.dumps(table, default=str))  # strict, but lists may become tuples
    except ValidationError as error:
        raise _first_error(where, error) from None
    is_checked = isinstance(value, SourcedModel) and (value.sources or not value.may_omit_sources)
    if isinstance(value, SourcedModel) and is_checked and (missing := value.unsourced()):
        raise InputError(
            f"{where}, table [sources]", f"no source for {missing[0]}", "one for every number",
            f'add "{missing[0]}" with where it was read, or "estimate: why"',
        )  # fmt: skip
    return value


def _first_error(where: str, error: ValidationError) -> InputError:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        return InputError(f"{where}, {field}", "an unknown field", "a known field", "correct its name or remove it")
    if first["type"] == "missing":
        return InputError(f"{where}, {field}", "nothing", "a value", "add the field")
    if first["type"] == "too_short":
        least = first["ctx"]["min_length"]
        return InputError(f"{where}, {field}", f"{first['ctx']['actual_length']}", f"at least {least}", "add one")
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return InputError(f"{where}, {field}", repr(first["input"])[:80], message, "correct the value")
