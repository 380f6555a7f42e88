"""The `workbench` command: one file a command, imported only when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: run the command; errors meant for the user become one sentence and exit code 2."""
    from workbench.base.errors import WorkbenchError
    from workbench.cli.app import app

    try:
        app(standalone_mode=True)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("workbench: stopped; what was finished is kept.", file=sys.stderr)
        sys.exit(130)
