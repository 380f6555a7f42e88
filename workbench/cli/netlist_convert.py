"""`workbench netlist convert`: write a netlist, with its placement, in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    netlist: Annotated[str, typer.Argument(help="Name in netlists/, folder or file of any format that is read.")],
    out: Annotated[Path, typer.Argument(help="File to write; its ending says the format.")],
    placement: Annotated[Path | None, typer.Option(help="Placement of it to write along.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Format to write, where the ending does not say it.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="Parameter of the RTL, NAME=VALUE; may be repeated.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write any netlist that can be read, with its placement, in any format that can be written."""
    from workbench.cli.output import show
    from workbench.cli.ppa import parse_parameters
    from workbench.netlist.formats import writer_of
    from workbench.netlist.load import load_design

    kind = writer_of(out, to)
    design = load_design(netlist, placement, parse_parameters(param or []))
    written = kind.load()(out, design)
    for note in written.notes:
        typer.echo(f"workbench: {note}", err=True)
    show({"netlist": design.name, "format": kind.name, "files": [str(file) for file in written.files]}, json)
