"""`workbench dashboard`: serve the dashboard on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.base.places import runs_folder

SETTINGS = {
    "server.address": "127.0.0.1",
    "server.enableXsrfProtection": "true",
    "server.enableCORS": "true",
    "server.maxUploadSize": "1",
    "server.fileWatcherType": "none",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "browser.gatherUsageStats": "false",
    "runner.magicEnabled": "false",
}
"""Streamlit's settings: this machine only, protected against other sites, no uploads, no internals in error messages."""


def command(
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Port on this machine.")] = 8501,
    runs: Annotated[Path | None, typer.Option(help="Folder of the run store (default: runs, or WORKBENCH_RUNS).")] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the comparison of designs, floorplans, cores and layers in the browser; Ctrl-C ends it."""
    environment = os.environ | {"WORKBENCH_RUNS": str((runs or runs_folder()).absolute())}
    typer.echo(f"http://127.0.0.1:{port} shows the runs in {environment['WORKBENCH_RUNS']} (Ctrl-C ends it)", err=True)
    raise typer.Exit(subprocess.run(server_command(port, browser), env=environment, check=False).returncode)


def server_command(port: int, browser: bool) -> list[str]:
    """The command line of the server."""
    script = Path(__file__).resolve().parents[1] / "dashboard" / "main.py"
    settings = SETTINGS | {"server.port": str(port), "server.headless": "false" if browser else "true"}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "streamlit", "run", str(script), *flags]
