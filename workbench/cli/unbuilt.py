"""Commands that the product names but does not have yet."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.base.errors import NotBuiltError


def command(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(help="Anything; the command ends before it looks.")] = None,
) -> None:
    """Not built yet: traces are not recorded or replayed; `workbench run` simulates a program directly."""
    raise NotBuiltError(f"`workbench {context.info_name}` is not built yet: traces can be neither recorded nor replayed; "
                        "use `workbench run` to simulate a program directly.")  # fmt: skip
