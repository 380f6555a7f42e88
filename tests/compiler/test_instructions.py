"""What networks execute is about what their kernels are said to execute."""

from __future__ import annotations

import pytest

from workbench.compiler.compile import compile_graph
from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.graph.dtype import Dtype, load_network
from workbench.graph.reference import random_inputs


@pytest.mark.parametrize(
    ("core", "model", "dtype"),
    [
        ("xiangshan_kunminghu_v2_npu16", "mobilenet_v2_0.35_96", Dtype.FP32),
        ("xiangshan_kunminghu_v2", "mobilenet_v2_0.35_96", Dtype.FP32),
        ("spacemit_x60", "mlperf_tiny_kws", Dtype.INT8),
        ("thead_c906", "mlperf_tiny_kws", Dtype.FP16),
        pytest.param("xiangshan_kunminghu_v2_npu16", "shufflenet_v2", Dtype.FP32, marks=pytest.mark.slow),
        pytest.param("spacemit_x60", "squeezenet", Dtype.FP32, marks=pytest.mark.slow),
    ],
)
def test_the_instructions_of_layers_are_about_as_many_as_they_execute(core: str, model: str, dtype: Dtype) -> None:
    graph = load_network(model, dtype=dtype)
    network = compile_graph(graph, load_core(core).target())
    run = run_program(network.program, load_core(core), stdin=network.pack_inputs(random_inputs(graph, 0)), timed=False)
    executed = {region.name: region.instructions for region in run.regions}
    expected = sum(executed.get(layer.symbol, 0) for layer in network.layers)
    assert sum(layer.instructions for layer in network.layers) == pytest.approx(expected, rel=0.25)
