"""`CoreConfig`: one core, its memory and its vector engines, read from one strict TOML file in `cores/`.

The engine in `workbench.core.timing` is the same for all cores; everything that tells one core from another is here.
Sizes are checked against what the engine can hold (`workbench.core.limits`): an impossible file ends in one sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from workbench.base.config import SourcedModel, StrictModel, read_toml
from workbench.base.places import data_folder
from workbench.base.registry import unknown_name
from workbench.core.config_memory import Dram, Memory
from workbench.core.config_vector import FpLatency, IntLatency, Latency, Natural, Npu, PowerOfTwo, Vector, VectorCost
from workbench.core.limits import (
    DISPATCH_ENTRIES,
    FIRST_LEVEL_ENTRIES,
    FTQ_ENTRIES,
    INSTRUCTION_BUFFER,
    PORTS,
    PREDICTOR_ENTRIES,
    QUEUES,
    RAS_ENTRIES,
    ROB_ENTRIES,
    TAGE_TABLES,
    TOLD_CYCLES,
)
from workbench.isa.target import Target

Unit = Literal[
    "alu", "bit", "mul", "div", "branch", "jump", "csr", "load", "store", "int_to_fp",
    "fp_add", "fp_fma", "fp_div", "fp_convert", "vset",
    "v_alu", "v_mul", "v_div", "v_fp_add", "v_fma", "v_convert", "v_mask", "v_permute", "v_load", "v_store",
    "v_logic", "v_shift", "v_compare", "v_fp_misc", "v_reduce", "v_fp_reduce", "v_matrix", "v_masked", "v_scalar",
]  # fmt: skip
Fusion = Literal["immediate", "zero_extend", "shift_add", "mask_add", "narrow", "logic", "multiply"]


class Frontend(StrictModel):
    """Fetch and decode. Depths are pipeline stages; widths are instructions a cycle.

    `redirect_cycles` pass from the resolution of a mispredicted branch to the fetch of what follows it;
    `decode_redirect_cycles` are lost between the fetch of a jump whose target only decode finds and that of the target.
    """

    fetch_bytes: Annotated[int, Field(ge=4, le=64)]
    decode_width: Annotated[int, Field(ge=1, le=16)]
    decode_vector_per_cycle: Annotated[int, Field(ge=1, le=16)]
    decode_simple_vector_per_cycle: Annotated[int, Field(ge=1, le=16)]
    ftq_entries: Annotated[int, Field(ge=1, le=FTQ_ENTRIES)]
    instruction_buffer_entries: Annotated[int, Field(ge=1, le=INSTRUCTION_BUFFER)]
    fetch_to_rename_cycles: Annotated[int, Field(ge=1, le=50)]
    redirect_cycles: Annotated[int, Field(ge=0, le=50)]
    decode_redirect_cycles: Annotated[int, Field(ge=0, le=50)]


Banks = Annotated[int, Field(ge=0, le=8), PowerOfTwo]


class HistoryTable(StrictModel):
    """One tagged predictor table."""

    entries: Annotated[int, Field(ge=16, le=PREDICTOR_ENTRIES), PowerOfTwo]
    history_bits: Annotated[int, Field(ge=1, le=127)]
    tag_bits: Annotated[int, Field(ge=4, le=20)]


class Predictor(StrictModel):
    """Direction predictor (TAGE with statistical corrector, or gshare), branch targets, returns and indirect jumps.

    `training_cycles` pass from the commit of a branch to the first use of its new target. With `first_level_counters`
    the first-level buffer predicts directions by itself and is overridden at the price of `ftb_bubble_cycles`; the
    statistical corrector and the indirect predictor override later, for `late_bubble_cycles`. With `always_taken_bit` a
    branch counts as taken, without use of the direction tables, until it was not taken once. Histories hold the outcomes
    of conditional branches (`direction`) or the targets of all taken transfers (`path`). `direction_training`: the tables of
    tage_sc learn at once, or `training_cycles` after the branch resolves or commits. `branches_per_block`: an entry of the
    target buffer describes a fetch block with so many branches: directions are looked up by the start of the block and the
    place of the branch among those known, and one more that is known begins a block; 0 for entries of one branch each.
    `tage_alternate`: what predicts where the table of the longest matching history is weak and its branch does better
    without it: the table of the next shorter one, or the base table as in XiangShan, where the corrector only judges
    branches that a table knows. `tage_banks`, `base_banks`, `sc_banks`: the tables have one port for each of so many banks,
    and a prediction that reads a bank while it is written does without that table (without the base table it takes the
    first level's); 0 for tables that are read and written at once.
    """

    direction: Literal["tage_sc", "gshare"]
    base_entries: Annotated[int, Field(ge=16, le=PREDICTOR_ENTRIES), PowerOfTwo]
    gshare_history_bits: Annotated[int, Field(ge=0, le=24)] = 0
    tage_tables: Annotated[tuple[HistoryTable, ...], Field(max_length=TAGE_TABLES)] = ()
    sc_history_bits: Annotated[tuple[Annotated[int, Field(ge=0, le=63)], ...], Field(max_length=4)] = ()
    sc_entries: Annotated[int, Field(ge=0, le=PREDICTOR_ENTRIES), PowerOfTwo] = 0
    ittage_tables: Annotated[tuple[HistoryTable, ...], Field(max_length=TAGE_TABLES)] = ()
    ubtb_entries: Annotated[int, Field(ge=1, le=FIRST_LEVEL_ENTRIES)]
    ftb_entries: Annotated[int, Field(ge=0, le=65536)]
    ftb_ways: Annotated[int, Field(ge=1, le=16)] = 4
    ftb_bubble_cycles: Annotated[int, Field(ge=0, le=20)]
    decode_finds_taken_branches: bool
    ras_entries: Annotated[int, Field(ge=1, le=RAS_ENTRIES)]
    training_cycles: Natural = 0
    first_level_counters: bool = False
    late_bubble_cycles: Natural = 0
    always_taken_bit: bool = False
    tage_banks: Banks = 0
    base_banks: Banks = 0
    sc_banks: Banks = 0
    branches_per_block: Annotated[int, Field(ge=0, le=2)] = 0
    direction_training: Literal["at_once", "resolution", "commit"] = "at_once"
    tage_alternate: Literal["table", "base"] = "table"
    direction_history: Literal["direction", "path"] = "direction"
    indirect_history: Literal["direction", "path"] = "path"

    @model_validator(mode="after")
    def _check(self) -> Predictor:
        if self.direction == "tage_sc" and not self.tage_tables:
            raise ValueError("at least one of tage_tables for direction tage_sc")
        if self.direction != "tage_sc" and self.direction_training != "at_once":
            raise ValueError("direction_training at_once for gshare")
        if self.sc_history_bits and not self.sc_entries:
            raise ValueError("sc_entries with sc_history_bits")
        return self


class Backend(StrictModel):
    """Rename, in-flight window and commit.

    `rob_compression`: neighbours renamed in one cycle that cannot fault share a reorder-buffer entry.
    `rob_instructions_per_entry` is for cores where only the average number of instructions in an entry is known.
    `issue_width` matters for in-order cores, where it is the number of instructions issued a cycle. `fusion`: groups of
    pairs that decode makes one operation of (`workbench.isa.fusion`). `rename_groups`: what is decoded in one cycle goes on
    together, the next group only when all of it has found room; the second of a fused pair keeps its place in the group,
    and a group starts only while the reorder buffer has room for a full one. `entry_wakeup_cycles`: what an instruction
    loses whose last operand becomes ready in the very cycle in which it enters its issue queue. `shared_write_ports`:
    integer units of one issue port share a register write port, so that nothing of one cycle issues as a product ends.
    `dispatch_queue_entries`: renamed instructions wait for their issue queue in one of three queues of this size (integer,
    floating point, memory), each of which `dispatch_width` leave a cycle; 0 for none. A group is renamed only while each
    has room for a full one. `dispatch_turns`: units whose instructions leave the integer queue only from the first place of
    a cycle and the third of the next, in turn. `walk_width`: after a redirect the rename tables are restored by undoing what
    was renamed since, so many instructions a cycle, and nothing is renamed meanwhile; 0 where they are restored at once.
    `dispatch_count_cycles`: a group's instructions with the same choice of queues are spread over these by how many were
    in each so many cycles before (`workbench.core.timing.dispatch`); 0 where each goes to the emptier of the next two in
    turn.
    """

    rename_width: Annotated[int, Field(ge=1, le=16)]
    issue_width: Annotated[int, Field(ge=1, le=32)]
    commit_width: Annotated[int, Field(ge=1, le=32)]
    rob_size: Annotated[int, Field(ge=1, le=ROB_ENTRIES)]
    rob_instructions_per_entry: Annotated[float, Field(ge=1, le=8)]
    rename_to_issue_cycles: Annotated[int, Field(ge=1, le=20)]
    phys_regs_int: Annotated[int, Field(ge=33, le=ROB_ENTRIES)]
    phys_regs_fp: Annotated[int, Field(ge=33, le=ROB_ENTRIES)]
    phys_regs_vec: Annotated[int, Field(ge=33, le=ROB_ENTRIES)]
    move_elimination: bool
    trap_cycles: Natural
    rob_compression: bool = False
    rename_groups: bool = False
    entry_wakeup_cycles: Natural = 0
    shared_write_ports: bool = False
    slow_wakeup_cycles: Natural = 0
    dispatch_count_cycles: Annotated[int, Field(ge=0, le=TOLD_CYCLES - 4)] = 0
    dispatch_queue_entries: Annotated[int, Field(ge=0, le=DISPATCH_ENTRIES), PowerOfTwo] = 0
    dispatch_width: Annotated[int, Field(ge=1, le=16)] = 16
    dispatch_turns: tuple[Unit, ...] = ()
    walk_width: Annotated[int, Field(ge=0, le=16)] = 0
    fusion: tuple[Fusion, ...] = ()

    @property
    def window(self) -> int:
        """Instructions in flight at most."""
        return int(self.rob_size * self.rob_instructions_per_entry)

    @model_validator(mode="after")
    def _check(self) -> Backend:
        if self.dispatch_queue_entries and not (self.rename_groups and self.dispatch_queue_entries >= self.rename_width):
            raise ValueError("rename_groups with dispatch_queue_entries, which hold at least a group of rename_width")
        if self.dispatch_count_cycles and not self.rename_groups:
            raise ValueError("rename_groups with dispatch_count_cycles")
        if self.window > ROB_ENTRIES:
            raise ValueError(f"at most {ROB_ENTRIES} instructions in flight (rob_size x rob_instructions_per_entry)")
        return self


class IssueQueue(StrictModel):
    """Entries that wait for operands, and the ports that they issue to; each port lists its units.

    A unit may be in several queues: an instruction goes to the emptier of the next two in turn and issues from there
    (with `dispatch_count_cycles` of the back end dispatch chooses otherwise).
    `entries_per_cycle`: as many may enter in a cycle, and any only while there was room for all of them; 0 for no limit.
    `entry_cycles`: stages on the way to this queue beyond `rename_to_issue_cycles` of the back end.
    `wakes`: names of the queues that learn of a result as it is issued; the others see it written, `slow_wakeup_cycles` of
    the back end later. Without it all learn at once.
    """

    name: str
    size: Annotated[int, Field(ge=1, le=255)]
    entries_per_cycle: Annotated[int, Field(ge=0, le=16)] = 0
    entry_cycles: Natural = 0
    wakes: tuple[str, ...] | None = None
    ports: Annotated[tuple[tuple[Unit, ...], ...], Field(min_length=1)]


class Latencies(StrictModel):
    """Cycles from issue to the issue of a dependent; lists are (word, double) or (half, single, double).

    Conversions between floating formats are `fp_convert`; those to and from integers take as long unless they are given.
    """

    int_alu: Latency
    bit_op: Latency
    int_mul: IntLatency
    int_div: IntLatency
    branch: Latency
    jump: Latency
    csr: Latency
    fp_add: FpLatency
    fp_mul: FpLatency
    fp_fma: FpLatency
    fp_div: FpLatency
    fp_sqrt: FpLatency
    fp_convert: Latency
    fp_compare: Latency
    fp_misc: Latency
    int_to_fp: Latency
    fp_to_int: Latency
    vset: Latency
    convert_to_int: Latency | None = None
    convert_from_int: Latency | None = None
    fp_classify: Latency | None = None


class CoreConfig(SourcedModel):
    """A whole core as read from `cores/<name>.toml`."""

    name: str
    description: str
    notes: tuple[str, ...] = ()
    kind: Literal["out_of_order", "in_order"]
    frequency_mhz: Annotated[float, Field(ge=1, le=20000)]
    has_fp16: bool
    frontend: Frontend
    predictor: Predictor
    backend: Backend
    issue_queues: Annotated[tuple[IssueQueue, ...], Field(min_length=1, max_length=QUEUES)]
    latency: Latencies
    memory: Memory
    dram: Dram
    vector: Vector | None = None
    npu: Npu | None = None

    @model_validator(mode="after")
    def _check(self) -> CoreConfig:
        if sum(len(queue.ports) for queue in self.issue_queues) > PORTS:
            raise ValueError(f"at most {PORTS} ports over all issue_queues")
        names = {queue.name for queue in self.issue_queues}
        if unknown := sorted({name for queue in self.issue_queues for name in queue.wakes or ()} - names):
            raise ValueError(f"an issue queue called {unknown[0]!r}, which another one wakes")
        needed = set(_SCALAR_UNITS) | (set(_VECTOR_UNITS) if self.vector and not self.npu else set())
        needed |= {"vset"} if self.vector or self.npu else set()
        if missing := sorted(needed - {unit for queue in self.issue_queues for port in queue.ports for unit in port}):
            raise ValueError(f"a port in issue_queues for the unit {missing[0]!r}")
        if self.npu and self.npu.memory_level != "dram" and getattr(self.memory, self.npu.memory_level) is None:
            raise ValueError(f"a memory.{self.npu.memory_level} for npu.memory_level")
        return self

    @property
    def vlen_bits(self) -> int:
        """Bits of one vector register as programs see it (the NPU's where there is one; 128 without any vector unit)."""
        return self.npu.vlen_bits if self.npu else self.vector.vlen_bits if self.vector else 128

    @property
    def has_matrix(self) -> bool:
        """Whether there are instructions for products of small matrices (`isa.table_matrix`)."""
        return self.npu is None and self.vector is not None and self.vector.matrix is not None

    def without_matrix(self) -> CoreConfig:
        """The same core without those: its programs run on every core with vectors."""
        if self.vector is None or not self.has_matrix:
            return self
        return self.model_copy(update={"vector": self.vector.model_copy(update={"matrix": None})})

    @property
    def vector_bits_per_cycle(self) -> int:
        """Floating multiply-accumulate width per cycle, in bits."""
        if self.npu:
            return self.npu.lanes * self.npu.lane_bits
        return self.vector.fma_bits_per_cycle if self.vector else 64

    def numeric_fields(self) -> list[str]:
        """Dotted names of all numeric fields; the notes are prose."""
        return [field for field in super().numeric_fields() if field != "notes"]

    @property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes of a cycle in which all DRAM channels are busy."""
        burst_cycles = max(round(self.dram.burst_ns * self.frequency_mhz / 1000), 1)
        return self.dram.channels * self.memory.l1d.line_bytes / burst_cycles

    def target(self) -> Target:
        """What a compiler must know of this core."""
        l2 = self.memory.l2
        return Target(
            name=self.name, vlen_bits=self.vlen_bits, vector_bits_per_cycle=self.vector_bits_per_cycle,
            has_fp16=self.has_fp16, l1d_bytes=self.memory.l1d.size_kib * 1024, l1d_ways=self.memory.l1d.ways,
            l2_bytes=l2.size_kib * 1024 if l2 else 0,
            instructions_per_cycle=0.3 if self.kind == "in_order" else 4.0,  # a load waits for its use
            renames_vectors=self.kind == "out_of_order" and self.npu is None, has_matrix=self.has_matrix,
            dram_bytes_per_cycle=self.dram_bytes_per_cycle, **self._vector_memory(),
        )  # fmt: skip

    def _vector_memory(self) -> dict[str, Any]:
        """How fast the vector unit, or the engine in its place, is and waits for memory: fields of a `Target`."""
        if self.npu is None:
            pipes = sum("v_load" in port for queue in self.issue_queues for port in queue.ports)
            memory = {"load_latency_cycles": self.memory.l1d.hit_latency_cycles}
            if self.vector is None:
                return memory | {"load_bytes_per_cycle": 0}
            products = self.vector.int_mac or self.vector.int_mul
            multipliers = sum("v_mul" in port for queue in self.issue_queues for port in queue.ports)
            return memory | {
                "load_bytes_per_cycle": self.vector.load_port_bytes * pipes,
                "fma_latency_cycles": _latency(self.vector.fp_fma, 32),
                "integer_bits_per_cycle": int(multipliers * self.vlen_bits / products.linear),
                "integer_latency_cycles": _latency(products, 16),
                "renamed_registers": self.backend.phys_regs_vec - 32,
                "scalar_operand_cycles": self.vector.scalar_operand_interval_cycles,
            }
        nearest = self.memory.l2 if self.npu.memory_level == "l2" else self.memory.l3
        behind = nearest.hit_latency_cycles if nearest else self.memory.l1d.hit_latency_cycles
        return {
            "engine_entries": self.npu.queue_entries, "fma_latency_cycles": self.npu.fma_startup_cycles,
            "load_latency_cycles": self.npu.memory_startup_cycles + behind,
            "load_bytes_per_cycle": self.npu.memory_port_bytes,
        }  # fmt: skip


def _latency(cost: VectorCost, bits: int) -> int:
    """Latency of an operation on elements of 16, 32 or 64 bits."""
    return cost.latency if isinstance(cost.latency, int) else cost.latency[bits.bit_length() - 5]


_SCALAR_UNITS: tuple[Unit, ...] = (
    "alu", "bit", "mul", "div", "branch", "jump", "csr", "load", "store", "int_to_fp",
    "fp_add", "fp_fma", "fp_div", "fp_convert",
)  # fmt: skip
_VECTOR_UNITS: tuple[Unit, ...] = (
    "v_alu", "v_mul", "v_div", "v_fp_add", "v_fma", "v_convert", "v_mask", "v_permute", "v_load", "v_store",
)  # fmt: skip


def core_names() -> list[str]:
    """Names of the cores that the product ships."""
    return sorted(path.stem for path in data_folder("cores").glob("*.toml"))


def load_core(name_or_path: str | Path) -> CoreConfig:
    """The core called so in `cores/`, or read from a TOML file; InputError if there is none or it is impossible."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return read_toml(path, CoreConfig)
    if str(name_or_path) not in core_names():
        raise unknown_name("core", str(name_or_path), core_names())
    return read_toml(data_folder("cores") / f"{name_or_path}.toml", CoreConfig)
