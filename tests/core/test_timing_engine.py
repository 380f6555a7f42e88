"""Properties that hold for any stream: sums, order, determinism, and that more hardware is never much slower."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest

from workbench.core.config import load_core
from workbench.core.timing.classes import CPI_CAUSES
from workbench.core.timing.initial import make_state
from workbench.core.timing.stream import BASE, Stream
from workbench.isa.code import F0, Flag
from workbench.isa.timing_class import TimingClass as K

CORES = ("xiangshan_kunminghu_v2", "thead_c906", "xiangshan_kunminghu_v2_npu4")


def mixed_stream(seed: int, count: int = 3000) -> Stream:
    """A loop of random instructions of all kinds: same code each time round, addresses and outcomes that change."""
    generator = random.Random(seed)
    template = [(generator.choice("iiiiimfflssbv"), generator.randrange(20), generator.randrange(20)) for _ in range(60)]
    s = Stream()
    for iteration in range(count // len(template)):
        s.pc = BASE
        for what, a, b in template:
            _append(s, generator, what, a, b, iteration)
        s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
    return s


def _append(s, generator, what, a, b, iteration):
    address = (1 << 28) + (iteration * 8 if a < 12 else generator.randrange(1 << 20) * 8)
    if what == "i":
        s.add(K.INT_ALU, 5 + a, 5 + b)
    elif what == "m":
        s.add(K.INT_MUL, 5 + a, 5 + b)
    elif what == "f":
        s.add(K.FP_FMA, F0 + a, F0 + b, F0 + a)
    elif what == "l":
        s.load(5 + a, address, rs1=5 + b)
    elif what == "s":
        s.store(5 + a, address, rs1=5 + b)
    elif what == "b":
        s.branch(generator.random() < 0.2, s.pc + 4, rs1=5 + b)
    else:
        s.vector(K.V_FP_FMA, 8, 16, 24, 8, vl=4, sew=32)


@pytest.mark.parametrize("name", CORES)
def test_the_stack_sums_to_the_cycles(name):
    result = mixed_stream(1).run(load_core(name))
    assert tuple(result.cpi_stack) == CPI_CAUSES
    assert sum(result.cpi_stack.values()) == result.cycles
    assert min(result.cpi_stack.values()) >= 0
    assert result.activity.instructions == result.instructions


@pytest.mark.parametrize("name", CORES)
def test_a_run_repeats_exactly(name):
    first, second = (mixed_stream(2).run_state(load_core(name)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("name", CORES)
def test_no_core_commits_more_than_its_width(name):
    core = load_core(name)
    result = mixed_stream(3).run(core)
    assert result.cycles >= result.instructions / core.backend.commit_width
    assert result.cycles >= result.instructions / core.backend.rename_width


def _with(core, **fields):
    for name, value in fields.items():
        parts = name.split("__")
        models = [core]
        for part in parts[:-1]:
            models.append(getattr(models[-1], part))
        for model, part in zip(reversed(models), reversed(parts), strict=True):
            value = model.model_copy(update={part: value})
        core = value
    return core


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "more",
    [
        {"backend__rob_size": 320},
        {"backend__phys_regs_int": 400},
        {"backend__commit_width": 12},
        {"frontend__ftq_entries": 128},
        {"memory__l1d__size_kib": 256},
        {"memory__l2__size_kib": 4096},
        {"memory__l1d__mshrs": 64},
        {"memory__store_queue": 112},
        {"memory__l2__hit_latency_cycles": 12},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_more_hardware_is_never_much_slower(seed, more):
    core = load_core("xiangshan_kunminghu_v2")
    stream = mixed_stream(seed)
    assert stream.run(_with(core, **more)).cycles <= 1.02 * stream.run(core).cycles


def test_region_numbers_beyond_the_table_are_counted_as_none():
    s = Stream().add(K.INT_ALU, 5, 5, region=10**6)
    assert s.run(load_core("thead_c906")).region_instructions[0] == 1


def test_activity_counts_what_was_executed():
    def body(s, _):
        s.add(K.FP_FMA, F0, F0)
        s.load(5, 1 << 28)
        s.store(5, 1 << 29)
        s.vector(K.V_FP_FMA, 8, 16, 24, 8, vl=3, sew=32)

    activity = Stream().loop(body, 10).run(load_core("xiangshan_kunminghu_v2")).activity
    assert (activity.instructions, activity.vector_instructions, activity.fp_fmas) == (50, 10, 10)
    assert (activity.loads, activity.stores, activity.branches) == (10, 10, 10)
    assert activity.vector_fp32_fma_elements == 30
    assert activity.vector_element_bytes == 10 * 3 * 4 * 4
    assert activity.l1d_accesses >= 10


def test_elements_are_counted_by_their_width():
    stream = Stream()
    for sew, vl in ((8, 5), (16, 7), (32, 11), (64, 2)):
        stream.vector(K.V_INT_MAC, 8, 16, 24, 8, vl=vl, sew=sew)
    for sew, vl in ((16, 3), (64, 1)):
        stream.vector(K.V_FP_FMA, 8, 16, 24, 8, vl=vl, sew=sew)
    counts = dataclasses.asdict(stream.run(load_core("xiangshan_kunminghu_v2")).activity)
    of_kind = {name: count for name, count in counts.items() if name.startswith("vector_") and name.endswith("_elements")}
    assert {name: count for name, count in of_kind.items() if count} == {
        "vector_int8_multiply_elements": 5, "vector_int16_multiply_elements": 7, "vector_int32_multiply_elements": 11,
        "vector_int64_multiply_elements": 2, "vector_fp16_fma_elements": 3, "vector_fp64_fma_elements": 1,
    }  # fmt: skip


def test_dram_traffic_is_a_line_per_miss():
    result = Stream().loop(lambda s, k: s.load(5, (1 << 28) + k * 1000003 * 64), 100).run(load_core("thead_c906"))
    assert result.activity.dram_read_bytes >= 100 * 64
    assert result.activity.dram_read_bytes <= 110 * 64


def _kinds(dtype: np.dtype) -> set[str]:
    """Kinds of the numbers in a type, in records within it, too."""
    return set().union(*(_kinds(dtype[name].base) for name in dtype.names)) if dtype.names else {dtype.kind}


def test_a_state_is_one_record_of_integers():
    state = make_state(load_core("thead_c906"))
    assert state.shape == (1,)
    assert _kinds(state.dtype) == {"i", "u"}
    assert np.all(state["region_cycles"] == 0)
