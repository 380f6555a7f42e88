"""`workbench score`: the proxy cost of a placement and its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    netlist: Annotated[str, typer.Argument(help="Name in netlists/, folder or file (.pb.txt[.gz], .v, netlist.toml).")],
    placement: Annotated[Path, typer.Argument(help="Placement of it, a .plc file.")],
    picture: Annotated[Path | None, typer.Option(help="Also draw the floorplan into this PNG.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Proxy cost of a placement and its components: wirelength + density / 2 + congestion / 2."""
    from workbench.cli.output import show
    from workbench.netlist.load import load_design
    from workbench.place.cost import evaluate

    design = load_design(netlist, placement)
    assert design.floorplan is not None  # a placement was given
    costs = evaluate(design.floorplan)
    if picture is not None:
        from workbench.place.picture import draw_floorplan

        draw_floorplan(design.floorplan, costs, picture)
    show(costs.report(), json)
