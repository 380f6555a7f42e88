"""The vector engines of a core's file: the in-core vector unit and the decoupled one (`npu`), with their cost rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from workbench.base.config import StrictModel
from workbench.core.limits import MSHRS, NPU_QUEUE

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0, le=1_000_000)]
Latency = Annotated[int, Field(ge=1, le=1000)]
IntLatency = tuple[Latency, Latency]
FpLatency = tuple[Latency, Latency, Latency]


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        raise ValueError("a power of two")
    return value


PowerOfTwo = AfterValidator(_power_of_two)


Cycles = Annotated[float, Field(ge=-1000, le=1000)]
Count = Annotated[float, Field(ge=0, le=1000)]
Scale = Annotated[float, Field(gt=0, le=100)]


class VectorCost(StrictModel):
    """Port cycles and latency of one vector operation over n registers and vl elements.

    Cycles are ``fixed + linear*n + pairs*n*n + doublings*log2(n)``, times `half` for elements of at most 16 bits or
    `double` for 64, plus ``elements*vl + element_pairs*vl*vl + tree_steps*log2(elements of one register)``, and at least
    `minimum` and ``cubes*n*n*n``. n counts the registers of the wider operand, and fractions of one where the unit's work
    follows vl. `pairs` stands for operations whose every destination register depends on every source register, `elements`
    for units that take one element after the other, `tree_steps` and `doublings` for reductions. `cubes` and
    `element_pairs` stand for micro-operations that wait for one another in a queue: the longer such chains are (n registers,
    vl elements), the fewer of them it holds. Where n is at most 1, `single` replaces the first sum.
    `latency` is from the first beat to a dependent's first beat, one figure or one each for elements of up to 16, 32 and
    64 bits; `accumulate_latency` is to the addend of a multiply-add that follows. `chain` says how many micro-operations
    one after the other a result takes, each of that latency: one, at most two (``pair``), one a register (``registers``), or
    the steps of a tree over registers and elements (``tree``). `reads_destination`: the first of them waits for what the
    result's register held before, even where none of it is kept.
    """

    latency: Latency | FpLatency
    linear: Cycles = 1.0
    pairs: Count = 0.0
    fixed: Cycles = 0.0
    minimum: Count = 1.0
    half: Scale = 1.0
    double: Scale = 1.0
    single: Count | None = None
    elements: Count = 0.0
    tree_steps: Count = 0.0
    doublings: Count = 0.0
    cubes: Count = 0.0
    element_pairs: Count = 0.0
    chain: Literal["one", "pair", "registers", "tree"] = "one"
    reads_destination: bool = False
    accumulate_latency: Latency | FpLatency | None = None


class VectorAccess(StrictModel):
    """Port cycles of a vector load or store.

    Unit-stride: ``fixed + bytes / port width``. Strided and indexed: `element_cycles` each; structures of up to
    `parallel_fields` fields go as one, with `element_byte_cycles` for each of their bytes. Segments of up to
    `parallel_fields` fields: the larger of ``segment_fixed + segment_field_cycles * fields`` and
    ``segment_register_cycles`` a register, the fields rounded up to a multiple of `field_slots`; others go element by
    element. `masked` and `first_fault` add to an access, `serial_fault_cycles` to an element of a serial segment access.
    """

    fixed: Cycles = 0.0
    minimum: Count = 1.0
    masked: Count = 0.0
    masked_minimum: Count = 0.0
    first_fault: Count = 0.0
    element_cycles: Annotated[float, Field(gt=0, le=1000)] = 1.0
    element_byte_cycles: Count = 0.0
    serial_fault_cycles: Count = 0.0
    parallel_fields: Annotated[int, Field(ge=1, le=8)] = 1
    field_slots: Annotated[int, Field(ge=1, le=8)] = 1
    segment_fixed: Count = 0.0
    segment_field_cycles: Count = 0.0
    segment_register_cycles: Count = 0.0


class Vector(StrictModel):
    """The in-core vector unit; its pipes are the ports with `v_` units.

    Units beyond the ten basic ones are optional: `v_logic`, `v_shift`, `v_compare`, `v_fp_misc`, `v_reduce`, `v_fp_reduce`
    and `v_matrix` take their operations away from the basic units, `v_masked` names the ports that can read a mask (all, if
    none does, and for masks that fill their register), `v_scalar` those that bring in a scalar operand.

    has_chaining: a dependent starts on the first results, not after the last register of the group.
    queue_entries: instructions that an in-order core hands to the unit ahead of their execution; 0 where they issue with
    the scalar ones. binds_pipes: operations take the unit's pipes in turn, not the first that is free.
    work_follows_vl: elements beyond vl cost nothing. widening_source_rate: a widening operation takes the cycles of its
    narrow operands. masked_reads_destination: a masked operation waits for the old result
    (vector 0.7.1, where masked-off elements always keep their values). overwrite_waits: an operation with one result
    register waits for the instruction that wrote it before (in-order cores). matrix: cost of a product of small matrices
    (`isa.table_matrix`; n counts the two registers of the sums); without it the core has no such instructions.
    """

    vlen_bits: Annotated[int, Field(ge=128, le=65536), PowerOfTwo]
    fma_bits_per_cycle: Positive
    load_port_bytes: Annotated[int, Field(ge=4, le=512)]
    store_port_bytes: Annotated[int, Field(ge=4, le=512)]
    scalar_operand_cycles: Natural
    scalar_operand_interval_cycles: Count = 0.0
    queue_entries: Annotated[int, Field(ge=0, le=NPU_QUEUE)] = 0
    has_chaining: bool = True
    binds_pipes: bool = False
    work_follows_vl: bool = False
    widening_source_rate: bool = False
    masked_reads_destination: bool = False
    overwrite_waits: bool = False
    load: VectorAccess = VectorAccess()
    store: VectorAccess = VectorAccess()
    int_alu: VectorCost
    logic: VectorCost | None = None
    shift: VectorCost | None = None
    extend: VectorCost | None = None
    int_mul: VectorCost
    int_mac: VectorCost | None = None
    int_mul_wide: VectorCost | None = None
    int_mac_wide: VectorCost | None = None
    int_div: VectorCost
    fp_add: VectorCost
    fp_sign: VectorCost | None = None
    fp_add_wide: VectorCost | None = None
    fp_fma: VectorCost
    fp_fma_wide: VectorCost | None = None
    fp_div: VectorCost
    fp_sqrt: VectorCost
    fp_convert: VectorCost
    fp_estimate: VectorCost | None = None
    narrow: VectorCost
    narrow_fp: VectorCost
    compare: VectorCost
    carry_out: VectorCost | None = None
    fp_compare: VectorCost | None = None
    mask: VectorCost
    mask_count: VectorCost | None = None
    mask_first: VectorCost | None = None
    mask_logic: VectorCost | None = None
    iota: VectorCost
    move: VectorCost
    merge: VectorCost | None = None
    fp_move: VectorCost | None = None
    whole_move: VectorCost
    scalar_move: VectorCost
    scalar_read: VectorCost | None = None
    fp_scalar_move: VectorCost | None = None
    slide: VectorCost
    slide_down: VectorCost | None = None
    slide1: VectorCost
    slide1_down: VectorCost | None = None
    gather: VectorCost
    gather_one: VectorCost | None = None
    compress: VectorCost | None = None
    reduce_int: VectorCost
    reduce_int_wide: VectorCost | None = None
    reduce_fp: VectorCost
    reduce_fp_ordered: VectorCost | None = None
    reduce_fp_wide: VectorCost | None = None
    reduce_fp_extreme: VectorCost | None = None
    matrix: VectorCost | None = None


class Npu(StrictModel):
    """A decoupled RVV engine: lanes of `lane_bits`, an in-order queue, chaining, a port into the memory hierarchy."""

    lanes: Annotated[int, Field(ge=1, le=256), PowerOfTwo]
    lane_bits: Literal[32, 64]
    vlen_bits: Annotated[int, Field(ge=128, le=65536), PowerOfTwo]
    queue_entries: Annotated[int, Field(ge=1, le=NPU_QUEUE)]
    has_chaining: bool
    memory_level: Literal["l2", "l3", "dram"]
    memory_port_bytes: Annotated[int, Field(ge=4, le=1024)]
    outstanding_lines: Annotated[int, Field(ge=1, le=MSHRS)]
    prefetch_lines: Annotated[int, Field(ge=0, le=64)]
    dispatch_cycles: Natural
    result_cycles: Natural
    alu_startup_cycles: Latency
    multiply_startup_cycles: Latency
    fma_startup_cycles: Latency
    convert_startup_cycles: Latency
    divide_cycles_per_element: Latency
    slide_startup_cycles: Latency
    mask_startup_cycles: Latency
    reduce_step_cycles: Latency
    memory_startup_cycles: Latency

    @model_validator(mode="after")
    def _check(self) -> Npu:
        if self.lanes * self.lane_bits > self.vlen_bits:
            raise ValueError(f"lanes x lane_bits (= {self.lanes * self.lane_bits}) of at most vlen_bits")
        return self
