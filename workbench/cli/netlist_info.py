"""`workbench netlist info`: what is in a netlist, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    netlist: Annotated[str, typer.Argument(help="Name in netlists/, folder or file of any format that is read.")],
    placement: Annotated[Path | None, typer.Option(help="Placement of it, for its canvas and whether it is inside.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="Parameter of the RTL, NAME=VALUE; may be repeated.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Counts, areas, canvas, grid and pins per net of a netlist, and problems such as unconnected macros."""
    from workbench.cli.output import show
    from workbench.cli.ppa import parse_parameters
    from workbench.netlist.describe import describe
    from workbench.netlist.load import format_at, load_design

    kind = format_at(netlist)
    design = load_design(netlist, placement, parse_parameters(param or []))
    figures = {"format": f"{kind.name}: {kind.title}", "file": str(design.origin), **describe(design)}
    if not json:
        figures["problems"] = figures["problems"] or "none"
    show(figures, json)
