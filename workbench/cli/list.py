"""`workbench list`: names of the parts that come with the product."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from workbench.cli.output import show


class Kind(StrEnum):
    """What can be listed."""

    CORES = "cores"
    NETLISTS = "netlists"
    MODELS = "models"
    OPERATORS = "operators"
    AGENTS = "agents"
    TECHNOLOGIES = "technologies"


def command(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    estimates: Annotated[bool, typer.Option("--estimates", help="Show which numbers are estimates, and why.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the cores, netlists, models, ONNX operators, placement agents or technologies that have a name."""
    found = _READERS[kind](estimates)
    show(found, as_json) if found else typer.echo(f"no {kind}", err=True)


def _cores(estimates: bool) -> dict[str, Any]:
    from workbench.core.config import core_names, load_core

    cores = {name: load_core(name) for name in core_names()}
    return {name: _reasons(core) if estimates else core.description for name, core in cores.items()}


def _technologies(estimates: bool) -> dict[str, Any]:
    from workbench.ppa.technology import load_technology, technology_names

    found = {name: load_technology(name) for name in technology_names()}
    return {
        name: _reasons(item) if estimates else f"{item.name}, {item.node_nm} nm, {item.voltage_v} V"
        for name, item in found.items()
    }


def _reasons(config: Any) -> dict[str, str]:
    return {field: config.source_of(field) or "" for field in config.estimates()}


def _netlists(estimates: bool) -> dict[str, Any]:
    from workbench.netlist.load import netlist_folders, netlist_names

    folders = netlist_folders()
    return {name: str(next(f / name for f in folders if (f / name).is_dir())) for name in netlist_names()}


def _models(estimates: bool) -> dict[str, Any]:
    from workbench.graph.zoo import describe_models

    return describe_models()


def _operators(estimates: bool) -> dict[str, Any]:
    from workbench.graph.canonical import supported_operators

    return {name: ", ".join(types) for name, types in supported_operators().items()}


def _agents(estimates: bool) -> dict[str, Any]:
    from workbench.place.agents.base import describe_agents

    return describe_agents()


_READERS = {
    Kind.CORES: _cores,
    Kind.NETLISTS: _netlists,
    Kind.MODELS: _models,
    Kind.OPERATORS: _operators,
    Kind.AGENTS: _agents,
    Kind.TECHNOLOGIES: _technologies,
}
