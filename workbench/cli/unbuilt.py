"""Commands that the product names but does not have yet."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.base.errors import NotBuiltError

_TRACES = "traces can be neither recorded nor replayed; use `workbench run` to simulate a program directly."
_REASONS = {"trace": _TRACES, "simulate": _TRACES, "cluster": "flat netlists are placed as they are."}


def command(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(help="Anything; the command ends before it looks.")] = None,
) -> None:
    """Not built yet."""
    raise NotBuiltError(f"`{context.command_path}` is not built yet: {_REASONS[str(context.info_name)]}")
