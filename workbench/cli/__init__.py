"""The `workbench` command: one file a command, imported only when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: run the command; errors meant for the user become one sentence and exit code 2."""
    try:
        from workbench.base.errors import WorkbenchError
        from workbench.cli.app import UsageError, app, usage_sentence

        code = app(standalone_mode=False, prog_name="workbench")
    except KeyboardInterrupt:  # before or after the command itself, which `app` looks after
        sys.exit(130)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        sys.exit(2)
    except UsageError as error:
        print(f"workbench: {usage_sentence(error)}", file=sys.stderr)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
