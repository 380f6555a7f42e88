"""The command table: names, order, help texts. Each command's file is imported when the command is used or helped."""

from __future__ import annotations

import importlib
import re
from typing import Annotated, Any

import typer
import typer.core
import typer.main

COMMANDS = {  # name: (module, one-line help)
    "doctor": ("doctor", "What is installed and what is missing, all at once."),
    "demo": ("demo", "The whole loop on a small real case, with pictures."),
    "list": ("list", "Names of cores, netlists, models, agents, technologies."),
    "score": ("score", "Proxy cost of a placement and its components."),
    "place": ("place", "Floorplan a netlist with an agent."),
    "train": ("train", "Train a placement policy."),
    "compare-agents": ("compare_agents", "Compare placement agents at equal wall time, over seeds and netlists."),
    "quantize": ("quantize", "Quantise a float network to int8 with your calibration data."),
    "prune": ("prune", "Remove the smallest weights or channels of a network."),
    "compile": ("compile", "Compile an ONNX network to an RV64GCV program."),
    "run": ("run", "Run a program or a network on a simulated core."),
    "trace": ("trace", "Record a trace of a program, or import a log of Spike or QEMU."),
    "simulate": ("simulate", "Time a recorded trace on a core."),
    "sweep": ("sweep", "Simulate programs, traces or networks on many cores and parameters."),
    "netlist": ("netlist", "Look into, convert or cluster a netlist."),
    "ppa": ("ppa", "Power, performance and area of a design."),
    "compare": ("compare", "Run a study of designs and networks."),
    "dashboard": ("dashboard", "Open the dashboard in the browser."),
}


_KEEPERS = ("train", "compare", "compare-agents", "demo", "sweep")
"""Commands that write results while they run; `place` says itself what it keeps."""

UsageError: Any = typer.BadParameter.__base__
"""What typer raises for wrong options and arguments; it has no public name there."""


class LazyGroup(typer.core.TyperGroup):
    """A group that imports a command's module when the command is asked for; sub-groups have their own `table`."""

    table = COMMANDS

    def list_commands(self, ctx: Any) -> list[str]:
        """All command names, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name: a typer function called `command` in its module, or a typer app called `group`."""
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(f"workbench.cli.{self.table[cmd_name][0]}")
        if hasattr(module, "group"):
            return typer.main.get_command(module.group)
        local = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        local.command(name=cmd_name, cls=getattr(module, "Command", None))(module.command)
        return typer.main.get_command(local)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; Ctrl-C ends every one with a line and exit code 130."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            kept = "; what was finished is kept" if ctx.invoked_subcommand in _KEEPERS else ""
            typer.echo(f"workbench: stopped{kept}.", err=True)
            raise typer.Exit(130) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])


typer_app = typer.Typer(cls=LazyGroup, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(value: bool) -> None:
    if value:
        from workbench import __version__

        typer.echo(__version__)
        raise typer.Exit


@typer_app.callback(invoke_without_command=True)
def workbench(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Floorplan an accelerator, run networks on a simulated RISC-V core, compare designs."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


_NOISE = re.compile(r"Value error, |Input should be |, unable to parse string as an? \w+")


def usage_sentence(error: Any) -> str:
    """One sentence for a wrong option or argument of the command line."""
    text = _NOISE.sub("", " ".join(error.format_message().split())).rstrip(".")
    text = re.sub(r"^Invalid value for (.+?): (?=a |greater|less|at )", r"Invalid value for \1, expected ", text)
    command = error.ctx.command_path if error.ctx is not None else "workbench"
    return f"{text[:1].lower()}{text[1:]}; see `{command} --help`."


app = typer.main.get_command(typer_app)
