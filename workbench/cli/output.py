"""How commands print: an aligned table for people, one JSON object with `--json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SHOWN = 5  # names in a sentence


def show(values: dict[str, Any], as_json: bool) -> None:
    """Print named values: as JSON, or one aligned line each (nested tables indented)."""
    if as_json:
        print(json.dumps(values, indent=2, default=str))
    else:
        _lines(values, "")


def by_reason(what: str, reasons: Mapping[str, str]) -> list[str]:
    """One sentence for each reason, with the first few names that have it."""
    sentences = []
    for reason in dict.fromkeys(reasons.values()):
        names = [name for name, why in reasons.items() if why == reason]
        more = " ..." if len(names) > _SHOWN else ""
        sentences.append(f"{what} ({reason}): {', '.join(names[:_SHOWN])}{more}.")
    return sentences


def _lines(values: dict[str, Any], indent: str) -> None:
    width = max((len(key) for key in values), default=0)
    for key, value in values.items():
        if isinstance(value, dict):
            print(f"{indent}{key}")
            _lines(value, indent + "  ")
        elif isinstance(value, list | tuple):
            items = [str(item) for item in value]
            between = " " if all(item.endswith(".") for item in items) else ", "  # sentences end themselves
            print(f"{indent}{key:<{width}}  {between.join(items)}".rstrip())
        elif isinstance(value, float):
            digits = ".0f" if 1e5 <= abs(value) < 1e15 else ".6g"  # no exponent where whole units are short enough
            print(f"{indent}{key:<{width}}  {value:{digits}}")
        else:
            print(f"{indent}{key:<{width}}  {value}")
