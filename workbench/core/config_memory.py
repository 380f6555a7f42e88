"""The memory of a core's file: caches, translation, prefetch, the load/store unit and DRAM."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from workbench.base.config import StrictModel
from workbench.core.config_vector import Latency, Natural, PowerOfTwo
from workbench.core.limits import (
    CACHE_ENTRIES,
    DRAM_BANKS,
    KEPT_LINES,
    L1D_BANKS,
    MSHRS,
    OFFSETS,
    ROB_ENTRIES,
    SPATIAL_REGIONS,
    STREAMS,
)  # fmt: skip


class Cache(StrictModel):
    """One cache level; `hit_latency_cycles` is the load-to-use latency of a hit there, seen from the core."""

    size_kib: Annotated[int, Field(ge=1, le=32768)]
    ways: Annotated[int, Field(ge=1, le=32)]
    line_bytes: Literal[32, 64, 128]
    hit_latency_cycles: Annotated[int, Field(ge=1, le=1000)]
    mshrs: Annotated[int, Field(ge=1, le=MSHRS)]

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size_kib * 1024 // self.line_bytes // self.ways

    @model_validator(mode="after")
    def _check(self) -> Cache:
        lines = self.size_kib * 1024 // self.line_bytes
        if lines % self.ways or not self.sets:
            raise ValueError(f"ways that divide its {lines} lines")
        if self.sets & (self.sets - 1):
            raise ValueError(f"a power of two of sets (size / line / ways = {self.sets})")
        return self


class Tlb(StrictModel):
    """Two levels of address translation and the cost of a page walk.

    With `walk_reads_caches` the walk also waits for its page-table entries, which are read through the L2.
    """

    page_bytes: Literal[4096, 65536, 2097152]
    instruction_entries: Annotated[int, Field(ge=4, le=1024)]
    data_entries: Annotated[int, Field(ge=4, le=1024)]
    second_level_entries: Annotated[int, Field(ge=4, le=65536)]
    second_level_latency_cycles: Natural
    walk_latency_cycles: Natural
    walk_reads_caches: bool = False


class Prefetch(StrictModel):
    """Prefetch: streams of lines and constant strides by program counter into the L1D; into the L2 the far end of the
    streams, one learned offset in lines (`best_offsets` are tried) and patterns of lines of `spatial_regions` of 16 lines.
    `trained_by_stores`: stores train the prefetchers of the L1D too (that of the best offset sees all misses).
    `fetch_directed`: lines of instructions are brought into the L1I when their block is predicted; otherwise into the L2
    then, and into the L1I when the block is fetched. `sequential_loads`: in place of streams at misses, one that follows the
    addresses of all loads; after so many in a row with one stride of less than 1 KiB, from the next miss on, lines at that
    stride are brought up to `stream_distance_lines` ahead, within the page; 0 for none.
    """

    streams: Annotated[int, Field(ge=0, le=STREAMS)]
    stream_distance_lines: Annotated[int, Field(ge=0, le=64)]
    stride_entries: Annotated[int, Field(ge=0, le=1024)]
    stride_degree: Annotated[int, Field(ge=0, le=16)]
    next_line_instruction: bool
    stream_l2_distance_lines: Annotated[int, Field(ge=0, le=256)] = 0
    best_offsets: Annotated[tuple[Annotated[int, Field(ge=-256, le=256)], ...], Field(max_length=OFFSETS)] = ()
    spatial_regions: Annotated[int, Field(ge=0, le=SPATIAL_REGIONS)] = 0
    trained_by_stores: bool = True
    fetch_directed: bool = True
    sequential_loads: Natural = 0


_BANK_BYTES = 8


class Memory(StrictModel):
    """Load/store unit and cache hierarchy; absent levels are left out.

    `dependence_entries`: loads that the memory-dependence predictor tells apart, 0 for loads that always know the stores
    they depend on; its marks last `dependence_reset_cycles`. `l1d_banks` of 8 bytes: two loads of different lines in one
    bank and cycle conflict and the later is delayed by `bank_conflict_cycles`; 0 for none. With `store_buffer_threshold`
    the store buffer writes the least recently used of its lines when it holds so many: loads conflict with that, and with
    lines that come from the next level; 0 for a buffer whose writes are in nobody's way. `store_buffer_words`: its entries
    hold eight bytes each instead of a line, until the line is in the L1D; with them, after `write_stream_lines` written from
    one end to the other, lines that are not in the L1D go to memory without being fetched; 0 for never.
    `bank_conflicts` "any": loads of one line conflict, too, and a write takes all banks and not only those that it
    changes. `refill_bytes_per_cycle` of the link into the L1D, 0 for no limit. `replay_cycles`: a load that finds an
    older store to its bytes without its data, or that waits for a store's address, gives up and issues again so many
    cycles later at the earliest, and `replay_wakeup_cycles` after that data or address came; 0 for loads that wait in
    place. `uncached_cycles`: an access to a device (programs without an operating system), made when the instruction is
    the oldest; 0 treats devices as memory.
    """

    load_queue: Annotated[int, Field(ge=1, le=ROB_ENTRIES)]
    store_queue: Annotated[int, Field(ge=1, le=ROB_ENTRIES)]
    store_buffer_lines: Annotated[int, Field(ge=1, le=MSHRS)]
    store_forward_cycles: Latency
    dependence_entries: Annotated[int, Field(ge=0, le=4096), PowerOfTwo] = 0
    dependence_reset_cycles: Natural = 65536
    l1d_banks: Annotated[int, Field(ge=0, le=L1D_BANKS), PowerOfTwo] = 0
    bank_conflict_cycles: Natural = 1
    bank_conflicts: Literal["lines", "any"] = "lines"
    store_buffer_threshold: Annotated[int, Field(ge=0, le=KEPT_LINES)] = 0
    store_buffer_words: bool = False
    write_stream_lines: Natural = 0
    refill_bytes_per_cycle: Annotated[int, Field(ge=0, le=128), PowerOfTwo] = 0
    replay_cycles: Natural = 0
    replay_wakeup_cycles: Natural = 0
    uncached_cycles: Natural = 0
    l1i: Cache
    l1d: Cache
    l2: Cache | None = None
    l3: Cache | None = None
    tlb: Tlb
    prefetch: Prefetch

    @model_validator(mode="after")
    def _check(self) -> Memory:
        levels = [level for level in (self.l1d, self.l2, self.l3) if level]
        if self.l3 and not self.l2:
            raise ValueError("an l2 below an l3")
        if len({level.line_bytes for level in [self.l1i, *levels]}) > 1:
            raise ValueError("the same line_bytes in all levels")
        if self.store_buffer_threshold and self.l1d_banks * _BANK_BYTES != self.l1d.line_bytes:
            raise ValueError("l1d_banks for all 8 bytes of a line with store_buffer_threshold")
        if self.store_buffer_threshold and self.store_buffer_words:
            raise ValueError("store_buffer_words without store_buffer_threshold, which counts lines")
        if self.write_stream_lines and not (self.store_buffer_words and not self.l2):
            raise ValueError("write_stream_lines with store_buffer_words and without an l2")
        if self.store_buffer_threshold > self.store_buffer_lines:
            raise ValueError("store_buffer_lines for store_buffer_threshold")
        for inner, outer in zip(levels, levels[1:], strict=False):
            if outer.hit_latency_cycles <= inner.hit_latency_cycles:
                raise ValueError("hit_latency_cycles that grow from level to level")
        if sum(level.sets * level.ways for level in [self.l1i, *levels]) > CACHE_ENTRIES // 2:
            raise ValueError(f"at most {CACHE_ENTRIES // 2} cache lines over all levels")
        return self


class Dram(StrictModel):
    """Open-page DRAM: channels, banks, row timing and burst time; `controller_ns` is the fixed path to and from it.

    With `write_recovery_ns` a write of a single hart that finds the channel idle opens its row, and keeps it so long after
    its burst; 0 for a controller that gathers writes by row.
    """

    channels: Annotated[int, Field(ge=1, le=16), PowerOfTwo]
    banks_per_channel: Annotated[int, Field(ge=1, le=64), PowerOfTwo]
    row_bytes: Annotated[int, Field(ge=64), PowerOfTwo]
    cas_ns: Annotated[float, Field(gt=0, le=1000)]
    activate_ns: Annotated[float, Field(gt=0, le=1000)]
    precharge_ns: Annotated[float, Field(gt=0, le=1000)]
    burst_ns: Annotated[float, Field(gt=0, le=1000)]
    controller_ns: Annotated[float, Field(ge=0, le=1000)]
    write_recovery_ns: Annotated[float, Field(ge=0, le=1000)] = 0.0

    @model_validator(mode="after")
    def _check(self) -> Dram:
        if self.channels * self.banks_per_channel > DRAM_BANKS:
            raise ValueError(f"at most {DRAM_BANKS} banks over all channels")
        return self
