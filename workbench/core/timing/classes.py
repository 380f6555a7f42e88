"""Which unit executes each timing class, and the vector cost rules: plain constants shared by state and kernels."""

from __future__ import annotations

from workbench.isa.timing_class import TimingClass as Class

UNIT_OF_CLASS: dict[Class, str] = {
    Class.NOP: "alu", Class.INT_ALU: "alu", Class.INT_MUL: "mul", Class.INT_DIV: "div", Class.BIT_OP: "bit",
    Class.BRANCH: "branch", Class.JUMP: "jump", Class.JUMP_INDIRECT: "jump",
    Class.LOAD: "load", Class.FP_LOAD: "load", Class.STORE: "store", Class.FP_STORE: "store", Class.ATOMIC: "load",
    Class.FP_ADD: "fp_add", Class.FP_MUL: "fp_fma", Class.FP_FMA: "fp_fma", Class.FP_DIV: "fp_div",
    Class.FP_SQRT: "fp_div", Class.FP_CONVERT: "fp_convert", Class.FP_COMPARE: "fp_add", Class.FP_MOVE: "fp_add",
    Class.FP_MISC: "fp_add", Class.MOVE_INT_TO_FP: "int_to_fp", Class.MOVE_FP_TO_INT: "fp_add",
    Class.CSR: "csr", Class.FENCE: "csr", Class.SYSTEM: "csr", Class.VSET: "vset",
    Class.CONVERT_TO_INT: "fp_convert", Class.CONVERT_FROM_INT: "fp_convert", Class.FP_CLASSIFY: "fp_add",
}  # fmt: skip

LATENCY_OF_CLASS: dict[Class, str] = {
    Class.NOP: "int_alu", Class.INT_ALU: "int_alu", Class.INT_MUL: "int_mul", Class.INT_DIV: "int_div",
    Class.BIT_OP: "bit_op", Class.BRANCH: "branch", Class.JUMP: "jump", Class.JUMP_INDIRECT: "jump",
    Class.FP_ADD: "fp_add", Class.FP_MUL: "fp_mul", Class.FP_FMA: "fp_fma", Class.FP_DIV: "fp_div",
    Class.FP_SQRT: "fp_sqrt", Class.FP_CONVERT: "fp_convert", Class.FP_COMPARE: "fp_compare",
    Class.FP_MOVE: "fp_misc", Class.FP_MISC: "fp_misc", Class.MOVE_INT_TO_FP: "int_to_fp",
    Class.MOVE_FP_TO_INT: "fp_to_int", Class.CSR: "csr", Class.FENCE: "csr", Class.SYSTEM: "csr", Class.VSET: "vset",
    Class.STORE: "int_alu", Class.FP_STORE: "int_alu", Class.CONVERT_TO_INT: "convert_to_int",
    Class.CONVERT_FROM_INT: "convert_from_int", Class.FP_CLASSIFY: "fp_classify",
}  # fmt: skip

# Vector cost rules (fields of `config_vector.Vector`): the units that may execute them, of which the first that a core has
# does, and the rule that stands in where the core's file leaves one out. The position is the rule's number.
RULES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("int_alu", ("v_alu",), ""), ("logic", ("v_logic", "v_alu"), "int_alu"),
    ("shift", ("v_shift", "v_logic", "v_alu"), "logic"), ("extend", ("v_logic", "v_alu"), "logic"),
    ("int_mul", ("v_mul",), ""), ("int_mac", ("v_mul",), "int_mul"), ("int_mul_wide", ("v_mul",), "int_mul"),
    ("int_mac_wide", ("v_mul",), "int_mac"), ("int_div", ("v_div",), ""), ("fp_add", ("v_fp_add",), ""),
    ("fp_sign", ("v_fp_misc", "v_fp_add"), "fp_add"), ("fp_add_wide", ("v_fp_add",), "fp_add"),
    ("fp_fma", ("v_fma",), ""), ("fp_fma_wide", ("v_fma",), "fp_fma"), ("fp_div", ("v_div",), ""),
    ("fp_sqrt", ("v_div",), ""), ("fp_convert", ("v_convert",), ""), ("fp_estimate", ("v_convert",), "fp_convert"),
    ("narrow", ("v_permute",), ""), ("narrow_fp", ("v_convert",), ""), ("compare", ("v_compare", "v_alu"), ""),
    ("carry_out", ("v_compare", "v_alu"), "compare"), ("fp_compare", ("v_compare", "v_alu"), "compare"),
    ("mask", ("v_mask",), ""), ("mask_count", ("v_mask",), "mask"), ("mask_first", ("v_mask",), "mask"),
    ("mask_logic", ("v_logic", "v_alu"), "int_alu"), ("iota", ("v_mask",), ""), ("move", ("v_logic", "v_alu"), ""),
    ("merge", ("v_logic", "v_alu"), "move"), ("fp_move", ("v_fp_misc", "v_fp_add"), "fp_add"),
    ("whole_move", ("v_logic", "v_alu"), ""), ("scalar_move", ("v_alu",), ""),
    ("scalar_read", ("v_alu",), "scalar_move"), ("fp_scalar_move", ("v_alu",), "scalar_move"),
    ("slide", ("v_permute",), ""), ("slide_down", ("v_permute",), "slide"), ("slide1", ("v_permute",), ""),
    ("slide1_down", ("v_permute",), "slide1"), ("gather", ("v_permute",), ""),
    ("gather_one", ("v_permute",), "slide1"), ("compress", ("v_permute",), "gather"),
    ("reduce_int", ("v_reduce", "v_permute"), ""), ("reduce_int_wide", ("v_reduce", "v_permute"), "reduce_int"),
    ("reduce_fp", ("v_fp_reduce", "v_fp_add"), ""), ("reduce_fp_ordered", ("v_fp_reduce", "v_fp_add"), "reduce_fp"),
    ("reduce_fp_wide", ("v_fp_reduce", "v_fp_add"), "reduce_fp"),
    ("reduce_fp_extreme", ("v_fp_reduce", "v_fp_add"), "reduce_fp"), ("matrix", ("v_matrix", "v_mul"), "int_mac"),
)  # fmt: skip
RULE = {name: number for number, (name, _, _) in enumerate(RULES)}
PARENT_RULE = {name: parent for name, _, parent in RULES if parent}

RULE_OF_CLASS: dict[Class, str] = {
    Class.V_INT_ALU: "int_alu", Class.V_INT_MUL: "int_mul", Class.V_INT_MAC: "int_mac", Class.V_INT_DIV: "int_div",
    Class.V_FP_ADD: "fp_add", Class.V_FP_MUL: "fp_fma", Class.V_FP_FMA: "fp_fma", Class.V_FP_DIV: "fp_div",
    Class.V_FP_SQRT: "fp_sqrt", Class.V_FP_CONVERT: "fp_convert", Class.V_FP_MISC: "fp_add",
    Class.V_COMPARE: "compare", Class.V_MASK: "mask", Class.V_MOVE: "move", Class.V_SCALAR_MOVE: "scalar_move",
    Class.V_PERMUTE: "compress", Class.V_SLIDE: "slide", Class.V_GATHER: "gather", Class.V_REDUCE_INT: "reduce_int",
    Class.V_REDUCE_FP: "reduce_fp", Class.V_MATRIX: "matrix",
}  # fmt: skip

# What a result's chain of micro-operations counts (`config_vector.VectorCost.chain`).
CHAIN = {"one": 0, "pair": 1, "registers": 2, "tree": 3}

# Cost figures of a vector load or store, in sixteenths of a port cycle (fields of config.VectorAccess).
ACCESS_FIELDS = (
    "fixed", "minimum", "masked", "masked_minimum", "first_fault", "element_cycles", "element_byte_cycles",
    "serial_fault_cycles", "segment_fixed", "segment_field_cycles", "segment_register_cycles",
)  # fmt: skip
ACCESS = {name: number for number, name in enumerate(ACCESS_FIELDS)}

# Units of the decoupled engine; the position is the unit's number.
NPU_UNITS = ("alu", "multiply", "load", "store", "slide", "mask")
NPU_UNIT_OF_RULE: dict[str, str] = {
    "int_mul": "multiply", "int_mac": "multiply", "int_mul_wide": "multiply", "int_mac_wide": "multiply",
    "fp_add": "multiply", "fp_sign": "multiply", "fp_add_wide": "multiply", "fp_fma": "multiply",
    "fp_fma_wide": "multiply", "fp_div": "multiply", "fp_sqrt": "multiply", "fp_estimate": "multiply",
    "fp_move": "multiply", "int_div": "multiply", "fp_convert": "multiply", "narrow_fp": "multiply",
    "compare": "mask", "carry_out": "mask", "fp_compare": "mask", "mask": "mask", "mask_count": "mask",
    "mask_first": "mask", "iota": "mask",
    "slide": "slide", "slide_down": "slide", "slide1": "slide", "slide1_down": "slide",
    "gather": "mask", "gather_one": "slide", "compress": "mask",
    "scalar_move": "alu", "scalar_read": "alu", "fp_scalar_move": "alu",
    "reduce_fp": "multiply", "reduce_fp_ordered": "multiply", "reduce_fp_wide": "multiply",
    "reduce_fp_extreme": "multiply",
}  # fmt: skip

# Why the oldest instruction does not commit; `target` is a taken branch that the front end did not know.
CPI_CAUSES = (
    "base", "frontend", "icache", "itlb", "branch", "target", "violation", "core", "l1", "dtlb", "l2", "l3", "dram",
    "store", "serialize", "vector",
)  # fmt: skip
(
    BASE, FRONTEND, ICACHE, ITLB, MISPREDICT, TARGET, VIOLATION, CORE, L1, DTLB, L2, L3, DRAM, STORE, SERIALIZE, VECTOR,
) = range(len(CPI_CAUSES))  # fmt: skip

# The top-down tree: groups of causes, which together hold every cause once.
TOP_DOWN: dict[str, tuple[str, ...]] = {
    "retiring": ("base",),
    "frontend_bound": ("frontend", "icache", "itlb"),
    "bad_speculation": ("branch", "target", "violation"),
    "memory_bound": ("l1", "dtlb", "l2", "l3", "dram", "store"),
    "core_bound": ("core", "serialize", "vector"),
}

# Classes that cannot fault and are not control transfers: neighbours may share a reorder-buffer entry.
SIMPLE_CLASSES = (
    Class.INT_ALU, Class.BIT_OP, Class.INT_MUL, Class.INT_DIV, Class.FP_ADD, Class.FP_MUL, Class.FP_FMA, Class.FP_DIV,
    Class.FP_SQRT, Class.FP_CONVERT, Class.FP_COMPARE, Class.FP_MOVE, Class.FP_MISC, Class.MOVE_INT_TO_FP,
    Class.MOVE_FP_TO_INT,
)  # fmt: skip

# Set-associative arrays that share one tag store.
L1I_ARRAY, L1D_ARRAY, L2_ARRAY, L3_ARRAY, ITLB_ARRAY, DTLB_ARRAY, STLB_ARRAY, UBTB_ARRAY, FTB_ARRAY = range(9)
ARRAYS = 9

INT_REGISTERS, FP_REGISTERS, VEC_REGISTERS = range(3)

# When direction tables learn: the values of `direction_training` of a core's file.
TRAINING_TIMES = ("at_once", "resolution", "commit")
AT_ONCE, AT_RESOLUTION, AT_COMMIT = range(len(TRAINING_TIMES))
