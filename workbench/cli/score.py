"""`workbench score`: the proxy cost of a placement and its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    netlist: Annotated[str, typer.Argument(help="Name in netlists/, folder or file of a known format.")],
    placement: Annotated[Path, typer.Argument(help="Placement of it: .plc or .pl.")],
    param: Annotated[list[str] | None, typer.Option(help="Parameter of the RTL, NAME=VALUE; may be repeated.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw the floorplan into this PNG.")] = None,
    maps: Annotated[Path | None, typer.Option(help="Also write the density and congestion maps into this folder.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Proxy cost of a placement and its components: wirelength + density / 2 + congestion / 2."""
    from workbench.cli.output import show
    from workbench.cli.ppa import parse_parameters
    from workbench.netlist.load import load_design
    from workbench.place.cost import evaluate
    from workbench.place.legality import check

    design = load_design(netlist, placement, parse_parameters(param or []))
    assert design.floorplan is not None  # a placement was given
    costs = evaluate(design.floorplan)
    if picture is not None:
        from workbench.place.picture import draw_floorplan

        draw_floorplan(design.floorplan, costs, picture)
    if maps is not None:
        from workbench.place.picture import write_maps

        write_maps(design.floorplan, maps)
    show(costs.report(), json)
    if wrong := check(design.floorplan):
        first = f"{' and '.join(wrong[0].objects)} ({wrong[0].kind})"
        typer.echo(
            f"workbench: this placement is not legal: {first}{f', {len(wrong)} in all' if wrong[1:] else ''}.", err=True
        )
