"""`workbench netlist`: the group of commands on netlist files; one line and one file a command."""

from __future__ import annotations

import typer

from workbench.cli.app import LazyGroup

COMMANDS = {  # name: (module, one-line help)
    "info": ("netlist_info", "What is in a netlist, and what is wrong with it."),
    "convert": ("netlist_convert", "Write a netlist, with its placement, in another format."),
    "cluster": ("netlist_cluster", "Cluster the cells of a flat netlist into soft macros."),
}


class NetlistGroup(LazyGroup):
    """The group `workbench netlist`."""

    table = COMMANDS


group = typer.Typer(
    cls=NetlistGroup, name="netlist", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)


@group.callback(invoke_without_command=True)
def netlist(context: typer.Context) -> None:
    """Look into, convert or cluster a netlist of any format."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
