"""`workbench ppa`: power, performance and area of a core, an accelerator, or both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.base.errors import InputError
from workbench.cli.output import show


def command(
    design: Annotated[str, typer.Argument(help="A core or a netlist: its name or its file.")],
    core: Annotated[str | None, typer.Option(help="The core beside a netlist.")] = None,
    netlist: Annotated[str | None, typer.Option(help="The netlist of a core's NPU.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="Parameter of the netlist, NAME=VALUE; may be repeated.")] = None,
    placement: Annotated[Path | None, typer.Option(help="Placement of the netlist (.plc).")] = None,
    technology: Annotated[str, typer.Option(help="Technology: a name or a TOML file.")] = "asap7",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Area by part, clock and its limits, and leakage of a design; `compare` adds the energy of networks."""
    from workbench.core.config import load_core
    from workbench.netlist.load import load_design
    from workbench.ppa.evaluate import evaluate_design
    from workbench.ppa.technology import load_technology

    if _is_core(design):
        if core is not None:
            raise InputError("--core", repr(core), "nothing beside a core", "leave it out or name a netlist first")
        core = design
    else:
        if netlist is not None:
            raise InputError("--netlist", repr(netlist), "nothing beside a netlist", "leave it out or name a core first")
        netlist = design
    if netlist is None and (param or placement):
        raise InputError("--param or --placement", "a core alone", "a netlist to apply it to", "give --netlist")
    placed = load_design(netlist, placement=placement, params=parse_parameters(param or [])) if netlist else None
    ppa = evaluate_design(load_core(core) if core else None, placed, load_technology(technology))
    show(ppa.report() if as_json else _readable(ppa.report()), as_json)


def _is_core(name: str) -> bool:
    from workbench.core.config import core_names

    return name in core_names() or (name.endswith(".toml") and Path(name).name != "netlist.toml")


def parse_parameters(texts: list[str]) -> dict[str, int]:
    """``["LANES=4"]`` as a dictionary; InputError for anything else."""
    values = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name.isidentifier() or not re.fullmatch("-?[0-9]{1,18}", value):
            raise InputError("--param", repr(text), "NAME=INTEGER", "write it like LANES=4")
        values[name] = int(value)
    return values


def _readable(report: dict[str, Any]) -> dict[str, Any]:
    """Without the figures that only a run has."""
    runs = ("cycles", "latency_ms", "energy_mj", "total_energy_mj", "dynamic_power_mw", "average_power_mw")
    return {name: value for name, value in report.items() if name not in runs and value not in ("", [], ["", ""])}
