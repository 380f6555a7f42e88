"""Compiled networks kept on disk, under the hash of everything that they depend on."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import read_bytes, write_bytes
from workbench.base.places import cache_folder
from workbench.compiler.compile import compile_graph
from workbench.compiler.network import CompiledNetwork, Layer
from workbench.compiler.planner import Planner, Schedule
from workbench.graph.graph import Graph
from workbench.isa.elf import format_elf, parse_elf
from workbench.isa.target import Target


def compile_cached(graph: Graph, target: Target, planner: Planner | None = None) -> CompiledNetwork:
    """`compile_graph`, or its earlier result for the same model, target, pins and compiler; a damaged one is made again."""
    folder = cache_folder() / "networks"
    key = _key(graph, target, planner.pins if planner else {})
    program, facts = folder / f"{key}.elf", folder / f"{key}.json"
    if program.is_file() and facts.is_file():
        try:
            return _load(program, facts)
        except (InputError, ValueError, KeyError, TypeError):
            pass
    network = compile_graph(graph, target, planner=planner)
    write_bytes(program, format_elf(network.program))
    write_bytes(facts, json.dumps(_facts(network, program)).encode())
    return network


def _key(graph: Graph, target: Target, pins: Mapping[str, Schedule]) -> str:
    parts = [
        graph.model,
        graph.name.encode(),
        repr(target).encode(),
        compiler_sources(),
        repr(sorted(pins.items())).encode(),
    ]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:32]


@functools.cache
def compiler_sources() -> bytes:
    """Hash of the compiler's and the reader's sources and of LLVM's version."""
    import llvmlite

    digest = hashlib.sha256(llvmlite.__version__.encode())
    package = Path(__file__).resolve().parents[1]
    for folder in ("compiler", "graph", "isa"):
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()


def _facts(network: CompiledNetwork, program: Path) -> dict[str, object]:
    return {
        "elf_sha256": hashlib.sha256(program.read_bytes()).hexdigest(),
        "name": network.name,
        "layers": [asdict(layer) for layer in network.layers],
        "inputs": [[name, list(shape)] for name, shape in network.inputs.items()],
        "outputs": [[name, list(shape)] for name, shape in network.outputs.items()],
        "dtypes": network.dtypes,
        "notes": list(network.notes),
        "arena_bytes": network.arena_bytes,
        "weight_bytes": network.weight_bytes,
        "threads": network.threads,
    }


def _schedule(values: dict[str, Any] | None) -> Schedule | None:
    return None if values is None else Schedule(**values)


def _load(program: Path, facts: Path) -> CompiledNetwork:
    data, table = read_bytes(program), json.loads(read_bytes(facts))
    if hashlib.sha256(data).hexdigest() != table["elf_sha256"]:
        raise ValueError("the program is not the one that the facts describe")
    inputs, outputs = ({name: tuple(shape) for name, shape in table[part]} for part in ("inputs", "outputs"))
    layers = tuple(Layer(**{**layer, "schedule": _schedule(layer["schedule"])}) for layer in table["layers"])
    code = replace(parse_elf(data, str(program)), name=table["name"])
    return CompiledNetwork(
        table["name"], code, layers, inputs, outputs, dict(table["dtypes"]), tuple(table["notes"]), table["arena_bytes"],
        table["weight_bytes"], table["threads"],
    )  # fmt: skip
