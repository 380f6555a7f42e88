"""What a simulation returns: `SimResult`, the per-region table, and the `Activity` counts that energy is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

STOPPED_EXIT_CODE = 124  # as timeout(1): the limit on instructions ended the run


@dataclass(frozen=True)
class Activity:
    """Counts of energy-relevant events over a run. Elements are per SEW-wide element, active ones only.

    Attributes
    ----------
    instructions: retired instructions; vector_instructions of them are vector.
    int_operations, int_multiplies, int_divides: scalar integer.
    fp_adds, fp_multiplies, fp_fmas, fp_divides: scalar floating-point operations (also sqrt among divides).
    vector_uops: register-wide vector micro-operations.
    vector_int{8,16,32,64}_elements, vector_int{8,16,32,64}_multiply_elements: element operations of integer ALU and
    multiplier, by SEW: of a widening operation that of its factors.
    matrix_products: multiply-adds of two bytes in instructions for products of small matrices.
    vector_fp{16,32,64}_add_elements, _multiply_elements, _fma_elements, _divide_elements: likewise, floating point.
    vector_element_bytes: bytes of all element operands read and written in vector registers.
    branches, branch_mispredicts: conditional and indirect.
    loads, stores: scalar and vector memory accesses (one per access of the data cache).
    l1i_accesses, l1i_misses, l1d_accesses, l1d_misses, l2_accesses, l2_misses, l3_accesses, l3_misses: lines.
    scratchpad_bytes: bytes moved between an NPU and its local memory.
    dram_read_bytes, dram_write_bytes: traffic at the memory controller.
    """

    instructions: int = 0
    vector_instructions: int = 0
    int_operations: int = 0
    int_multiplies: int = 0
    int_divides: int = 0
    fp_adds: int = 0
    fp_multiplies: int = 0
    fp_fmas: int = 0
    fp_divides: int = 0
    vector_uops: int = 0
    vector_int8_elements: int = 0
    vector_int16_elements: int = 0
    vector_int32_elements: int = 0
    vector_int64_elements: int = 0
    vector_int8_multiply_elements: int = 0
    vector_int16_multiply_elements: int = 0
    vector_int32_multiply_elements: int = 0
    vector_int64_multiply_elements: int = 0
    matrix_products: int = 0
    vector_fp16_add_elements: int = 0
    vector_fp32_add_elements: int = 0
    vector_fp64_add_elements: int = 0
    vector_fp16_multiply_elements: int = 0
    vector_fp32_multiply_elements: int = 0
    vector_fp64_multiply_elements: int = 0
    vector_fp16_fma_elements: int = 0
    vector_fp32_fma_elements: int = 0
    vector_fp64_fma_elements: int = 0
    vector_fp16_divide_elements: int = 0
    vector_fp32_divide_elements: int = 0
    vector_fp64_divide_elements: int = 0
    vector_element_bytes: int = 0
    branches: int = 0
    branch_mispredicts: int = 0
    loads: int = 0
    stores: int = 0
    l1i_accesses: int = 0
    l1i_misses: int = 0
    l1d_accesses: int = 0
    l1d_misses: int = 0
    l2_accesses: int = 0
    l2_misses: int = 0
    l3_accesses: int = 0
    l3_misses: int = 0
    scratchpad_bytes: int = 0
    dram_read_bytes: int = 0
    dram_write_bytes: int = 0


@dataclass(frozen=True)
class Region:
    """Instructions and cycles of one function symbol (for a compiled network: one layer)."""

    name: str
    instructions: int
    cycles: int


@dataclass(frozen=True)
class HartResult:
    """What one of several harts did.

    Attributes
    ----------
    number: from 0 on. threads: that were started on it. instructions: retired.
    cycles: that it had a thread to run, 0 for a functional run; they are the sum of its `cpi_stack`.
    idle_cycles: that it had none, of those until the program's end (functional runs: one instruction a cycle).
    mpki, counters: as those of `SimResult`; `invalidations`: copies of lines that its writes took out of other harts'
    caches; `transfers`: lines that it got from another hart, which had written them.
    """

    number: int
    threads: int
    instructions: int
    cycles: int
    idle_cycles: int
    cpi_stack: dict[str, int] = field(default_factory=dict)
    mpki: dict[str, float] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)

    @property
    def ipc(self) -> float:
        """Instructions per cycle that it had something to run; 0 for a functional run."""
        return self.instructions / self.cycles if self.cycles else 0.0


@dataclass(frozen=True)
class SimResult:
    """The outcome of one run.

    Attributes
    ----------
    exit_code: status of the program.
    stdout, stderr: bytes that it wrote.
    instructions: retired. cycles: 0 for a purely functional run.
    frequency_mhz: the core's clock.
    cpi_stack: cycles per cause (base, frontend, branch, core, l1, l2, l3, dram, vector, ...); they sum to `cycles`.
    mpki: misses per thousand instructions per structure (branch, l1i, l1d, l2, l3, ...).
    top_down: share of the cycles retiring, frontend_bound, bad_speculation, memory_bound, core_bound.
    counters: event counts, mean occupancy of queues, DRAM traffic; the names say the unit.
    activity: event counts.
    regions: per function symbol, largest first.
    host_seconds: wall time of the simulation without compilation.
    notes: what the run left out or approximated, one sentence each.
    harts: by number, empty for a program of one thread on one hart. Of several, `cycles` is the clock of the hart that
    ended the program; `cpi_stack`, `mpki`, `activity` and `regions` are sums over all harts, without their idle cycles.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    instructions: int
    cycles: int
    frequency_mhz: float
    cpi_stack: dict[str, int]
    mpki: dict[str, float]
    activity: Activity
    regions: tuple[Region, ...] = ()
    host_seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
    top_down: dict[str, float] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)
    harts: tuple[HartResult, ...] = ()

    @property
    def ipc(self) -> float:
        """Instructions per cycle; 0 for a functional run."""
        return self.instructions / self.cycles if self.cycles else 0.0

    @property
    def latency_ms(self) -> float:
        """Simulated time at `frequency_mhz`."""
        return self.cycles / (self.frequency_mhz * 1e3)
