"""`Target`: what a compiler must know of a core, and nothing of its timing engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """The machine to generate code for; cores make one from their configuration.

    Attributes
    ----------
    name: the core's name.
    vlen_bits: bits of one vector register (128 ... 65536).
    vector_bits_per_cycle: floating multiply-accumulate width per cycle over all vector pipes, in bits.
    has_fp16: Zvfh is present.
    l1d_bytes, l2_bytes: capacities that tiles should fit; 0 where the level is absent. l1d_ways: of the first.
    instructions_per_cycle: what the core sustains in loops of loads and dependent operations, without misses.
    renames_vectors: a vector register can be loaded again while instructions still read its old value.
    renamed_registers: results of vector instructions in flight, at most, where it can.
    scalar_operand_cycles: between vector instructions that take a scalar.
    engine_entries: instructions in flight in a decoupled vector engine; 0 for a unit in the core's own pipeline.
    fma_latency_cycles: of a vector multiply-add, to a dependent.
    integer_bits_per_cycle: as `vector_bits_per_cycle`, of products of integers; 0 where they are as fast.
    integer_latency_cycles: of a vector multiply-add of 16-bit integers, to a dependent.
    load_latency_cycles: from the start of a vector load that hits the nearest memory to its first data.
    has_matrix: the matrix instructions of `isa.table_matrix` are present.
    load_bytes_per_cycle: of vector loads that hit it; 0 for the width of the multiply-add.
    threads: of the program, each on a core of its own of this kind.
    dram_bytes_per_cycle: that all cores together can read.
    """

    name: str
    vlen_bits: int
    vector_bits_per_cycle: int
    has_fp16: bool
    l1d_bytes: int
    l2_bytes: int
    l1d_ways: int = 4
    instructions_per_cycle: float = 4.0
    renames_vectors: bool = True
    renamed_registers: int = 96
    scalar_operand_cycles: float = 0.0
    engine_entries: int = 0
    fma_latency_cycles: int = 4
    integer_bits_per_cycle: int = 0
    integer_latency_cycles: int = 4
    load_latency_cycles: int = 4
    load_bytes_per_cycle: int = 0
    has_matrix: bool = False
    threads: int = 1
    dram_bytes_per_cycle: float = 16.0
