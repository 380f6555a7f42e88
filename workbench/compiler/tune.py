"""Schedules decided by simulation: every layer alone, with the best few estimates, on the core that they are for.

A layer over images is simulated between pools of single elements, which bring its input into the order in which it lies
within a network and take its result in that order; only the layer's own cycles count. What is found is kept on disk by
shape, type and core as soon as it is known, so an interrupted search goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text, write_json
from workbench.base.places import cache_folder
from workbench.base.progress import Progress
from workbench.compiler.cache import compiler_sources
from workbench.compiler.compile import compile_graph
from workbench.compiler.lowering import Lowering
from workbench.compiler.passes import optimise
from workbench.compiler.planner import Planner, Schedule, schedule_of
from workbench.compiler.schedule import Choice
from workbench.compiler.schedule_files import parse_schedule
from workbench.graph.graph import Graph, Node
from workbench.graph.reference import random_inputs

if TYPE_CHECKING:
    from workbench.core.config import CoreConfig

CANDIDATES = 4
_WORTH_TRYING = 1.5  # times the best estimate
_SINGLE = {"kernel": (1, 1), "strides": (1, 1), "dilations": (1, 1), "pads": (0, 0, 0, 0)}


@dataclass(frozen=True)
class Tuned:
    """A planner with the schedules found (and the user's pins), and what went wrong on the way, as sentences."""

    planner: Planner
    notes: tuple[str, ...]


def tune_schedules(graph: Graph, core: CoreConfig, planner: Planner, progress: Progress | None = None) -> Tuned:
    """Simulate candidates of every layer that is not pinned; the fastest are pinned. InputError for impossible pins."""
    import workbench.compiler.operators  # noqa: F401

    optimised = optimise(graph)
    lowering = Lowering(optimised, core.target(), planner)
    lowering.run()
    planner.finish()
    found, notes, simulated = dict(planner.pins), [], 0
    for draft in lowering.layers:
        name = draft.node.name
        choices = candidates(planner.offered.get(name, []))
        if name in planner.pins or len(choices) < 2:
            continue
        names = (*draft.node.inputs, *draft.node.outputs)
        alone = isolate(optimised, draft.node, {n for n in names if n in optimised.tensors and lowering.layouts.order(n)})
        entry = cache_folder() / "schedules" / f"{_key(alone, core)}.json"
        known, note = _read(entry)
        notes += [note] if note else []
        if known is None:
            known = _fastest(alone, core, choices)
            write_json(entry, {"layer": draft.node.operator, "core": core.name, "schedule": asdict(known)})
            simulated += len(choices)
        if progress is not None:
            progress.update(simulated, name)
        found[name] = known
    return Tuned(Planner(found, planner.source), tuple(notes))


def candidates(choices: list[Choice]) -> list[Choice]:
    """The best few: first the best of every algorithm and vector dimension, then the next best."""
    ranked = sorted((choice for choice in choices if choice.is_default), key=lambda choice: choice.cycles)
    ranked = [choice for choice in ranked if choice.cycles <= _WORTH_TRYING * ranked[0].cycles]
    firsts: dict[tuple[str, str, int], Choice] = {}
    for choice in ranked:
        firsts.setdefault((choice.algorithm, choice.kernel.role, choice.kernel.lmul), choice)
    chosen = list(firsts.values())[:CANDIDATES]
    others = [choice for choice in ranked if not any(choice is other for other in chosen)]
    return [*chosen, *others[: CANDIDATES - len(chosen)]]


def isolate(graph: Graph, node: Node, images: set[str]) -> Graph:
    """A network of one layer; tensors of `images` lie in the order of images, which pools of single elements make."""
    names = [name for name in dict.fromkeys((*node.inputs, *node.outputs)) if name]
    tensors = {name: graph.tensors[name] for name in names}
    constants = {name: graph.constants[name] for name in names if name in graph.constants}
    computed = [name for name in dict.fromkeys(node.inputs) if name and name not in constants]
    nodes: dict[bool, list[Node]] = {True: [], False: []}

    def outside(name: str, is_input: bool) -> str:
        if name not in images:
            return name
        other = f"{name}~outside"
        tensors[other] = replace(graph.tensors[name], name=other)
        source, target = (other, name) if is_input else (name, other)
        nodes[is_input].append(Node(f"{source}~{target}", "MaxPool", (source,), (target,), _SINGLE))
        return other

    inputs = tuple(outside(name, True) for name in computed)
    outputs = tuple(outside(name, False) for name in node.outputs)
    return Graph(node.name, tensors, constants, (*nodes[True], node, *nodes[False]), inputs, outputs)


def _fastest(alone: Graph, core: CoreConfig, choices: list[Choice]) -> Schedule:
    schedules = [schedule_of(choice.algorithm, choice.kernel) for choice in choices]
    cycles = [simulate_layer(alone, core, schedule) for schedule in schedules]
    return schedules[int(np.argmin(cycles))]


def simulate_layer(alone: Graph, core: CoreConfig, schedule: Schedule) -> int:
    """Cycles of the layer of `isolate` with a schedule."""
    from workbench.core.run import run_program

    network = compile_graph(alone, core.target(), planner=Planner({alone.name: schedule}, "a candidate"))
    result = run_program(network.program, core, stdin=network.pack_inputs(random_inputs(alone, 0)))
    symbol = next(layer.symbol for layer in network.layers if layer.name == alone.name)
    return next(region.cycles for region in result.regions if region.name == symbol)


def _read(path: Path) -> tuple[Schedule | None, str]:
    """What is known of a layer, and a note where the entry cannot be used."""
    if not path.is_file():
        return None, ""
    try:
        table: Any = json.loads(read_text(path))
        return parse_schedule(str(path), table.get("schedule") if isinstance(table, dict) else None), ""
    except (InputError, ValueError):
        return None, f"{path}: not a schedule; the layer was simulated again."


def _key(alone: Graph, core: CoreConfig) -> str:
    """Hash of shapes, types, operator, attributes, core and compiler; not of names and values."""
    digest = hashlib.sha256(compiler_sources() + repr(core).encode())
    for part in _description(alone):
        digest.update(hashlib.sha256(part.encode()).digest())
    return digest.hexdigest()[:32]


def _description(alone: Graph) -> Iterator[str]:
    places: dict[str, int] = {}
    for node in alone.nodes:
        attributes = sorted((key, repr(value)) for key, value in node.attributes.items() if key != "fused")
        yield f"{node.operator} {attributes}"
        for name in (*node.inputs, *node.outputs):
            tensor = alone.tensors.get(name)
            number = places.setdefault(name, len(places))
            yield f"{number} {name in alone.constants} " + (f"{tensor.shape} {tensor.dtype}" if tensor else "")
