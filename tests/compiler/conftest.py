"""How the compiler's tests run and judge small networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workbench.compiler.compile import compile_graph
from workbench.compiler.planner import Planner
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.isa.target import Target

TOLERANCE = 1e-5


def make_target(vlen_bits: int) -> Target:
    """A machine of a vector length: below 512 bits a core's own unit, above a decoupled engine."""
    own = vlen_bits < 512
    width, entries = (256, 0) if own else (vlen_bits // 4, 8)
    return Target("test", vlen_bits, width, False, 65536, 1 << 20, renames_vectors=own, engine_entries=entries)


def error_of(
    graph: Graph, vlen_bits: int = 128, tuned_for: int | None = None, seed: int = 0, planner: Planner | None = None
) -> float:
    """Relative error of the compiled program on our simulator against onnxruntime."""
    compiled = compile_graph(graph, make_target(tuned_for or vlen_bits), planner=planner)
    inputs = random_inputs(graph, seed)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False, vlen_bits=vlen_bits)
    assert result.exit_code == 0
    return relative_error(compiled.unpack_outputs(result.stdout), run_reference(graph, inputs))


@pytest.fixture
def network_error() -> Callable[..., float]:
    """The function `error_of`."""
    return error_of
