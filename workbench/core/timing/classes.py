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
}  # fmt: skip

LATENCY_OF_CLASS: dict[Class, str] = {
    Class.NOP: "int_alu", Class.INT_ALU: "int_alu", Class.INT_MUL: "int_mul", Class.INT_DIV: "int_div",
    Class.BIT_OP: "bit_op", Class.BRANCH: "branch", Class.JUMP: "jump", Class.JUMP_INDIRECT: "jump",
    Class.FP_ADD: "fp_add", Class.FP_MUL: "fp_mul", Class.FP_FMA: "fp_fma", Class.FP_DIV: "fp_div",
    Class.FP_SQRT: "fp_sqrt", Class.FP_CONVERT: "fp_convert", Class.FP_COMPARE: "fp_compare",
    Class.FP_MOVE: "fp_misc", Class.FP_MISC: "fp_misc", Class.MOVE_INT_TO_FP: "int_to_fp",
    Class.MOVE_FP_TO_INT: "fp_to_int", Class.CSR: "csr", Class.FENCE: "csr", Class.SYSTEM: "csr", Class.VSET: "vset",
    Class.STORE: "int_alu", Class.FP_STORE: "int_alu",
}  # fmt: skip

# Vector cost rules (fields of config.Vector) with the unit whose ports they occupy; the position is the rule's number.
RULES: tuple[tuple[str, str], ...] = (
    ("int_alu", "v_alu"), ("int_mul", "v_mul"), ("int_div", "v_div"), ("fp_add", "v_fp_add"), ("fp_fma", "v_fma"),
    ("fp_div", "v_div"), ("fp_sqrt", "v_div"), ("fp_convert", "v_convert"), ("narrow", "v_permute"),
    ("narrow_fp", "v_convert"), ("compare", "v_alu"), ("mask", "v_mask"), ("iota", "v_mask"), ("move", "v_alu"),
    ("whole_move", "v_alu"), ("scalar_move", "v_alu"), ("slide", "v_permute"), ("slide1", "v_permute"),
    ("slide1_down", "v_permute"), ("gather", "v_permute"), ("reduce_int", "v_permute"), ("reduce_fp", "v_fp_add"),
)  # fmt: skip
RULE = {name: number for number, (name, _) in enumerate(RULES)}

RULE_OF_CLASS: dict[Class, str] = {
    Class.V_INT_ALU: "int_alu", Class.V_INT_MUL: "int_mul", Class.V_INT_MAC: "int_mul", Class.V_INT_DIV: "int_div",
    Class.V_FP_ADD: "fp_add", Class.V_FP_MUL: "fp_fma", Class.V_FP_FMA: "fp_fma", Class.V_FP_DIV: "fp_div",
    Class.V_FP_SQRT: "fp_sqrt", Class.V_FP_CONVERT: "fp_convert", Class.V_FP_MISC: "fp_add",
    Class.V_COMPARE: "compare", Class.V_MASK: "mask", Class.V_MOVE: "move", Class.V_SCALAR_MOVE: "scalar_move",
    Class.V_PERMUTE: "gather", Class.V_SLIDE: "slide", Class.V_GATHER: "gather", Class.V_REDUCE_INT: "reduce_int",
    Class.V_REDUCE_FP: "reduce_fp",
}  # fmt: skip

# Units of the decoupled engine; the position is the unit's number.
NPU_UNITS = ("alu", "multiply", "load", "store", "slide", "mask")
NPU_UNIT_OF_RULE: dict[str, str] = {
    "int_mul": "multiply", "fp_add": "multiply", "fp_fma": "multiply", "fp_div": "multiply", "fp_sqrt": "multiply",
    "int_div": "multiply", "fp_convert": "multiply", "narrow_fp": "multiply", "compare": "mask", "mask": "mask",
    "iota": "mask", "slide": "slide", "slide1": "slide", "slide1_down": "slide", "gather": "mask",
    "scalar_move": "alu", "reduce_fp": "multiply",
}  # fmt: skip

CPI_CAUSES = ("base", "frontend", "branch", "core", "l1", "l2", "l3", "dram", "vector")
BASE, FRONTEND, MISPREDICT, CORE, L1, L2, L3, DRAM, VECTOR = range(len(CPI_CAUSES))

# Set-associative arrays that share one tag store.
L1I_ARRAY, L1D_ARRAY, L2_ARRAY, L3_ARRAY, ITLB_ARRAY, DTLB_ARRAY, STLB_ARRAY, UBTB_ARRAY, FTB_ARRAY = range(9)
ARRAYS = 9

INT_REGISTERS, FP_REGISTERS, VEC_REGISTERS = range(3)
MASK_RULE = RULE["mask"]
