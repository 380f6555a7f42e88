"""The two pieces of work of a study, as functions that any worker process can run: place a netlist, run a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.core.result import SimResult
from workbench.graph.dtype import Dtype, load_network
from workbench.netlist.design import Design
from workbench.study.study import DesignSpec, PlacementSpec

if TYPE_CHECKING:
    from workbench.compiler.execute import LayerResult


@dataclass(frozen=True)
class Placed:
    """A placed design: its costs under their command-line names, its cost maps, and how it was found."""

    design: Design
    costs: dict[str, float]
    density: list[list[float]]
    congestion: list[list[float]]
    history: list[tuple[float, float]]
    evaluations: int


@dataclass(frozen=True)
class Simulated:
    """A network's run: its result, its layers as plain records, and how far the outputs are from the reference."""

    result: SimResult
    layers: list[dict[str, Any]]
    macs: int
    output_error: float | None


def load_netlist(spec: DesignSpec) -> Design:
    """The netlist of a design with the placement file that the study names, or the one that comes with it."""
    from workbench.netlist.load import load_design

    file = spec.placement.file if spec.placement else None
    return load_design(spec.netlist or "", placement=file, params=spec.parameters or None)


def place_design(spec: DesignSpec) -> Placed:
    """Load the netlist of a design and place it as the study says (or keep the placement that came with it)."""
    design, placement = load_netlist(spec), spec.placement
    history: list[tuple[float, float]] = []
    evaluations = 0
    if placement and placement.agent:
        design, history, evaluations = _with_agent(design, placement)
    return dataclasses.replace(describe_placed(design), history=history, evaluations=evaluations)


def describe_placed(design: Design) -> Placed:
    """A design with the costs and maps of its floorplan, if it has one."""
    from workbench.place.cost import IncrementalCost

    if design.floorplan is None:
        return Placed(design, {}, [], [], [], 0)
    cost = IncrementalCost(design.floorplan)
    maps = cost.maps()
    congestion = np.maximum(maps.horizontal, maps.vertical)
    return Placed(design, cost.costs().report(), maps.density.tolist(), congestion.tolist(), [], 0)


def _with_agent(design: Design, placement: PlacementSpec) -> tuple[Design, list[tuple[float, float]], int]:
    from workbench.base.progress import Progress
    from workbench.place.agents.base import PlacementOptions, make_agent

    options = PlacementOptions(
        init=design.floorplan, on_grid=placement.on_grid, soft=placement.soft, steps=placement.steps, params=placement.params
    )
    with Progress("placing", quiet=True) as progress:
        found = make_agent(placement.agent or "").place(
            design, seconds=placement.seconds, seed=placement.seed, progress=progress, options=options
        )
    history = [(float(seconds), float(cost)) for seconds, _, cost in found.history]
    placed = dataclasses.replace(design, netlist=found.floorplan.netlist, floorplan=found.floorplan)
    return placed, history, int(found.evaluations)


def simulate_network(core_name: str, network: str, dtype: Dtype, frequency_mhz: float, threads: int = 1) -> Simulated:
    """Compile a network in a type for a core and run it there at that clock, on a core for each of the threads."""
    from workbench.compiler.execute import run_network
    from workbench.core.config import load_core

    core = load_core(core_name).model_copy(update={"frequency_mhz": frequency_mhz})
    run = run_network(load_network(network, dtype=dtype), core, threads=threads)
    result = dataclasses.replace(run.result, stdout=b"", stderr=b"", regions=())
    return Simulated(result, layer_records(run.layers, result.frequency_mhz), run.network.macs, run.relative_error)


def layer_records(layers: Sequence[LayerResult], frequency_mhz: float) -> list[dict[str, Any]]:
    """One record a layer, in execution order, with its latency at the simulated clock."""
    return [dataclasses.asdict(layer) | {"latency_ms": layer.cycles / (frequency_mhz * 1e3)} for layer in layers]
