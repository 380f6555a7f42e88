"""Configurations of cores with published area or power, made from a shipped core by changing what their sources state."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.core.config import CoreConfig, HistoryTable, IssueQueue, load_core


def _with(part: Any, **changes: Any) -> Any:
    return part.model_copy(update=changes)


def _queues(*queues: tuple[str, int, tuple[tuple[str, ...], ...]]) -> tuple[IssueQueue, ...]:
    return tuple(IssueQueue.model_validate({"name": n, "size": s, "ports": p}) for n, s, p in queues)


@pytest.fixture(scope="session")
def c910() -> CoreConfig:
    """XuanTie C910 with a 2 x 128-bit vector unit (openc910 user manual; ISCA 2020), without its L2."""
    base = load_core("xiangshan_kunminghu_v2")
    memory = base.memory
    return _with(
        base,
        frequency_mhz=2000.0,
        frontend=_with(base.frontend, fetch_bytes=16, decode_width=3, ftq_entries=16, instruction_buffer_entries=32),
        predictor=_with(
            base.predictor, direction="gshare", base_entries=32768, tage_tables=(), sc_history_bits=(), ittage_tables=(),
            ubtb_entries=16, ftb_entries=1024, ras_entries=12,
        ),
        backend=_with(
            base.backend, rename_width=4, commit_width=3, rob_size=64, phys_regs_int=96, phys_regs_fp=64,
            phys_regs_vec=64,
        ),
        issue_queues=_queues(
            ("aiq0", 8, (("alu", "div", "csr"),)), ("aiq1", 8, (("alu", "mul", "bit"),)), ("biq", 12, (("branch", "jump"),)),
            ("lsiq", 12, (("load",), ("store",))), ("viq0", 8, (("fp_add", "fp_fma", "v_fma", "v_alu"),)),
            ("viq1", 8, (("fp_add", "fp_fma", "v_fma", "fp_div"),)),
        ),
        memory=_with(
            memory, load_queue=16, store_queue=12, store_buffer_lines=8, l1i=_with(memory.l1i, size_kib=64, ways=2),
            l1d=_with(memory.l1d, size_kib=64, ways=2, mshrs=8), l2=None, l3=None,
            tlb=_with(memory.tlb, instruction_entries=32, data_entries=17, second_level_entries=1024),
            prefetch=_with(memory.prefetch, streams=8, stride_entries=8),
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def yanqihu() -> CoreConfig:
    """XiangShan Yanqihu as taped out at 28 nm: L1I and L1+ together 144 KiB, L2 1 MiB (MICRO 2022 table III)."""
    base = load_core("xiangshan_kunminghu_v2")
    memory = base.memory
    tables = ((2048, 2, 7), (2048, 4, 7), (4096, 8, 8), (4096, 16, 8), (2048, 32, 9), (2048, 64, 9))
    ports = [("alu",)] * 4 + [("mul", "div")] * 2 + [("branch", "jump", "csr")]
    ports += [("fp_fma", "fp_add")] * 4 + [("fp_div", "fp_convert")] * 2 + [("load",)] * 2 + [("store",)] * 2
    return _with(
        base,
        vector=None,
        predictor=_with(
            base.predictor, ittage_tables=(),
            tage_tables=tuple(HistoryTable(entries=e, history_bits=h, tag_bits=t) for e, h, t in tables),
        ),
        backend=_with(base.backend, commit_width=6, rob_size=192, phys_regs_int=160, phys_regs_fp=160, phys_regs_vec=33),
        issue_queues=_queues(*((f"q{i}", 16, (port,)) for i, port in enumerate(ports))),
        memory=_with(
            memory, load_queue=64, store_queue=48, l1i=_with(memory.l1i, size_kib=144),
            l1d=_with(memory.l1d, size_kib=32, ways=8), l3=None,
            tlb=_with(memory.tlb, instruction_entries=40, data_entries=40, second_level_entries=4096),
        ),
    )  # fmt: skip
