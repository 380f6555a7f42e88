"""Every core that ships: it is complete and sourced, and simple streams take a sane number of cycles on it."""

from __future__ import annotations

import pytest

from workbench.core.config import CoreConfig, core_names, load_core
from workbench.core.timing.stream import Stream
from workbench.isa.code import F0
from workbench.isa.timing_class import TimingClass as K

NAMED_IN_THE_PLAN = (
    "xiangshan_yanqihu", "xiangshan_nanhu", "xiangshan_kunminghu_v2", "xiangshan_kunminghu_v3", "thead_c906",
    "thead_c908", "thead_c910", "spacemit_x60", "sifive_u74", "sifive_p550", "sifive_x280", "boom_v4_mega",
    "saturn_v256d128", "ara_16_lanes",
)  # fmt: skip


@pytest.fixture(params=core_names())
def core(request) -> CoreConfig:
    return load_core(request.param)


WITH_VECTORS = [name for name in core_names() if load_core(name).vector or load_core(name).npu]


@pytest.fixture(params=WITH_VECTORS)
def vector_core(request) -> CoreConfig:
    return load_core(request.param)


def _cycles(core: CoreConfig, body, times: int = 60) -> float:
    """Cycles per iteration of a loop, without its start."""
    long, short = (Stream().loop(body, count).run(core).cycles for count in (20 + times, 20))
    return (long - short) / times


@pytest.mark.parametrize("name", NAMED_IN_THE_PLAN)
def test_the_promised_cores_ship(name):
    assert name in core_names()


def test_every_number_has_a_source_and_guesses_say_so(core):
    assert core.name in core_names()
    assert not core.unsourced()
    assert core.description
    estimates = core.estimates()
    assert estimates, "no core of ours is known in every detail"
    assert set(estimates) < set(core.numeric_fields())


def test_independent_additions_reach_the_width_and_no_more(core):
    def body(s, _):
        for k in range(47):
            s.add(K.INT_ALU, 5 + k % 20, 1)

    alus = sum("alu" in port for queue in core.issue_queues for port in queue.ports)
    width = min(core.frontend.decode_width, core.backend.rename_width, core.backend.commit_width, alus)
    if core.kind == "in_order":
        width = min(width, core.backend.issue_width)
    ipc = 47 / _cycles(core, body)
    assert 0.6 * width <= ipc <= width + 1e-9


def test_a_chain_waits_for_the_listed_latency(core):
    def body(s, _):
        for _ in range(16):
            s.add(K.FP_FMA, F0 + 5, F0 + 5, raw=1 << 25)

    cycles = _cycles(core, body) / 16
    assert core.latency.fp_fma[2] <= cycles <= core.latency.fp_fma[2] + 0.1


def test_loads_that_hit_and_loads_that_miss_differ_by_the_memory(core):
    def load(spread):
        def body(s, iteration):
            s.load(5, (1 << 30) + iteration * 2654435761 % (1 << 16) * spread, rs1=5)

        return _cycles(core, body, 200)

    hit, miss = load(0), load(8192)
    assert core.memory.l1d.hit_latency_cycles <= hit <= core.memory.l1d.hit_latency_cycles + 1
    assert 30e-3 * core.frequency_mhz < miss < 400e-3 * core.frequency_mhz  # 30 to 400 ns


def _multiply_adds(core, lmul_log2, sew=32):
    def body(s, _):
        for k in range(8):
            vd = 8 * (k % 2) if lmul_log2 == 3 else 8 + (k << lmul_log2) % 8
            s.vector(K.V_FP_FMA, vd, 16, 24, vd, vl=(core.vlen_bits // sew) << lmul_log2, sew=sew, lmul_log2=lmul_log2)

    return body


def test_vector_multiply_adds_reach_the_stated_width_and_no_more(vector_core):
    core = vector_core
    bits = 8 * core.vlen_bits * 8 / _cycles(core, _multiply_adds(core, 3))
    assert 0.85 * core.vector_bits_per_cycle <= bits <= 1.01 * core.vector_bits_per_cycle


def test_a_vector_copy_moves_what_its_ports_carry(vector_core):
    core = vector_core
    vl = core.vlen_bits // 32

    def body(s, iteration):
        for k in range(4):
            s.vector_load(8 + k, (1 << 28) + k * 4 * vl, vl=vl, sew=32)
            s.vector_store(8 + k, (1 << 29) + k * 4 * vl, vl=vl, sew=32)

    cycles = _cycles(core, body)
    if core.npu:
        least = 4 * vl * 4 / core.npu.memory_port_bytes
    else:
        pipes = sum("v_load" in port for queue in core.issue_queues for port in queue.ports)
        least = 4 * vl * 4 / core.vector.load_port_bytes / pipes
    assert least * 0.99 <= cycles <= 6 * least + 40
