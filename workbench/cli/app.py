"""The command table: names, order, help texts. Each command's file is imported when the command is used or helped."""

from __future__ import annotations

import importlib
from typing import Any

import click
import typer
import typer.main

COMMANDS = {  # name: (module, one-line help)
    "doctor": ("doctor", "What is installed and what is missing, all at once."),
    "demo": ("demo", "The whole loop on a small real case, with pictures."),
    "list": ("list", "Names of cores, netlists, models, agents, technologies."),
    "score": ("score", "Proxy cost of a placement and its components."),
    "place": ("place", "Floorplan a netlist with an agent."),
    "train": ("train", "Train a placement policy."),
    "compile": ("compile", "Compile an ONNX network to an RV64GCV program."),
    "run": ("run", "Run a program or a network on a simulated core."),
    "trace": ("unbuilt", "Record a trace (not built yet)."),
    "simulate": ("unbuilt", "Simulate a recorded trace (not built yet)."),
    "ppa": ("ppa", "Power, performance and area of a design."),
    "compare": ("compare", "Run a study of designs and networks."),
    "dashboard": ("dashboard", "Open the dashboard in the browser."),
}


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All command names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name: a typer function called `command` in its module."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"workbench.cli.{COMMANDS[name][0]}")
        local = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        local.command(name=name, help=None)(module.command)
        return typer.main.get_command(local)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value:
        from workbench import __version__

        click.echo(__version__)
        context.exit()


app = LazyGroup(
    name="workbench",
    help="Floorplan an accelerator, run networks on a simulated RISC-V core, compare designs.",
    params=[click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version)],
)
