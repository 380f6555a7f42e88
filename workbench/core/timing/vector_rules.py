"""Which cost rule (`classes.RULES`) a vector arithmetic instruction follows, and how many registers it works through."""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.timing.classes import CHAIN, RULE
from workbench.core.timing.state import LMUL_STEPS, RULE_MEMOS
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass

_WIDENING = int(Flag.WIDENING)
_V_INT_ALU, _V_MASK, _V_SLIDE = int(TimingClass.V_INT_ALU), int(TimingClass.V_MASK), int(TimingClass.V_SLIDE)
_V_GATHER, _V_MOVE, _V_COMPARE = int(TimingClass.V_GATHER), int(TimingClass.V_MOVE), int(TimingClass.V_COMPARE)
_V_FP_ADD, _V_FP_CONVERT, _V_FP_MISC = int(TimingClass.V_FP_ADD), int(TimingClass.V_FP_CONVERT), int(TimingClass.V_FP_MISC)
_V_INT_MUL, _V_INT_MAC, _V_FP_MUL = int(TimingClass.V_INT_MUL), int(TimingClass.V_INT_MAC), int(TimingClass.V_FP_MUL)
_V_FP_FMA, _V_SCALAR_MOVE = int(TimingClass.V_FP_FMA), int(TimingClass.V_SCALAR_MOVE)
_V_REDUCE_INT, _V_REDUCE_FP = int(TimingClass.V_REDUCE_INT), int(TimingClass.V_REDUCE_FP)
_INT_ALU, _LOGIC, _SHIFT = RULE["int_alu"], RULE["logic"], RULE["shift"]
_EXTEND, _INT_MUL_WIDE, _INT_MAC_WIDE = RULE["extend"], RULE["int_mul_wide"], RULE["int_mac_wide"]
_FP_FMA_WIDE, _NARROW, _NARROW_FP = RULE["fp_fma_wide"], RULE["narrow"], RULE["narrow_fp"]
_FP_ADD, _FP_SIGN, _FP_ADD_WIDE = RULE["fp_add"], RULE["fp_sign"], RULE["fp_add_wide"]
_FP_CONVERT, _FP_ESTIMATE, _COMPARE = RULE["fp_convert"], RULE["fp_estimate"], RULE["compare"]
_CARRY_OUT = RULE["carry_out"]
_FP_COMPARE, _MASK, _MASK_LOGIC = RULE["fp_compare"], RULE["mask"], RULE["mask_logic"]
_MASK_COUNT, _MASK_FIRST, _FP_SCALAR = RULE["mask_count"], RULE["mask_first"], RULE["fp_scalar_move"]
_IOTA, _MOVE, _MERGE = RULE["iota"], RULE["move"], RULE["merge"]
_FP_MOVE, _WHOLE, _SCALAR = RULE["fp_move"], RULE["whole_move"], RULE["scalar_move"]
_SCALAR_READ = RULE["scalar_read"]
_SLIDE, _SLIDE_DOWN, _SLIDE1 = RULE["slide"], RULE["slide_down"], RULE["slide1"]
_SLIDE1_DOWN, _GATHER, _GATHER_ONE = RULE["slide1_down"], RULE["gather"], RULE["gather_one"]
_REDUCE_INT_WIDE, _REDUCE_FP, _REDUCE_FP_ORDERED = RULE["reduce_int_wide"], RULE["reduce_fp"], RULE["reduce_fp_ordered"]
_REDUCE_FP_WIDE, _REDUCE_FP_EXTREME = RULE["reduce_fp_wide"], RULE["reduce_fp_extreme"]
_REGISTERS = CHAIN["registers"]
SMALLEST, LARGEST = -3, LMUL_STEPS - 4  # log2 of the registers of one operation


@inner_kernel
def known_rule(s: Any, kind: int, word: int) -> int:
    """`cost_rule`, which is remembered for the instructions that were met last."""
    slot = (word >> 7 ^ word >> 19 ^ kind) & (RULE_MEMOS - 1)
    key = word << 16 | kind << 8
    if s.rule_memo[slot] & ~255 != key:
        s.rule_memo[slot] = key | cost_rule(s, kind, word)
    return s.rule_memo[slot] & 255  # type: ignore[no-any-return]


@inner_kernel
def cost_rule(s: Any, kind: int, word: int) -> int:
    """Number of the cost rule of a vector arithmetic instruction, from its class and its encoding."""
    major, form, select = (word >> 26) & 63, (word >> 12) & 7, (word >> 15) & 31
    is_integer_form = form == 0 or form == 3 or form == 4
    if kind == _V_INT_ALU:
        if is_integer_form:
            if 9 <= major <= 11:
                return _LOGIC
            if major == 37 or 40 <= major <= 43:
                return _SHIFT
            return _NARROW if 44 <= major <= 47 else _INT_ALU
        return _EXTEND if form == 2 and major == 18 else _INT_ALU
    if kind == _V_COMPARE:
        if form == 1 or form == 5:
            return _FP_COMPARE
        return _CARRY_OUT if (major == 17 or major == 19) and (word >> 25) & 1 == 0 else _COMPARE
    if kind == _V_MASK:
        if form == 2 and 24 <= major <= 31:
            return _MASK_LOGIC
        if form == 2 and major == 16:
            return _MASK_COUNT if select == 16 else _MASK_FIRST
        return _IOTA if form == 2 and major == 20 and 16 <= select <= 17 else _MASK
    if kind == _V_SCALAR_MOVE:
        return _FP_SCALAR if form == 5 else _SCALAR_READ if form == 2 else _SCALAR
    if kind == _V_SLIDE:
        if form == 5 or form == 6:
            return _SLIDE1 if major == 14 else _SLIDE1_DOWN
        return _SLIDE_DOWN if major == 15 else _SLIDE
    if kind == _V_GATHER:
        return _GATHER_ONE if form == 3 or form == 4 else _GATHER
    if kind == _V_MOVE:
        if form == 3 and major == 39:
            return _WHOLE
        if form == 5:
            return _FP_MOVE
        return _MERGE if word != 0 and (word >> 25) & 1 == 0 else _MOVE
    return _arithmetic_rule(s, kind, major, select)


@inner_kernel
def _arithmetic_rule(s: Any, kind: int, major: int, select: int) -> int:
    if major >= 48:
        if kind == _V_INT_MUL:
            return _INT_MUL_WIDE
        if kind == _V_INT_MAC:
            return _INT_MAC_WIDE
        if kind == _V_FP_MUL or kind == _V_FP_FMA:
            return _FP_FMA_WIDE
    if kind == _V_FP_MISC:
        if major == 19:
            return _FP_ESTIMATE if 4 <= select <= 5 else _FP_CONVERT  # the other one classifies
        return _FP_SIGN if 8 <= major <= 10 else _FP_ADD
    if kind == _V_FP_CONVERT and major == 18 and 16 <= select <= 23:
        return _NARROW_FP
    if kind == _V_FP_ADD and (major == 52 or major == 54):
        return _FP_ADD_WIDE
    if kind == _V_REDUCE_INT and major >= 48:
        return _REDUCE_INT_WIDE
    if kind == _V_REDUCE_FP and major > 0:
        if major == 3 or major == 51:
            return _REDUCE_FP_ORDERED
        return _REDUCE_FP_WIDE if major == 49 else _REDUCE_FP if major == 1 else _REDUCE_FP_EXTREME
    return s.rule_of_class[kind]


@inner_kernel
def registers_log2(s: Any, rule: int, word: int, flags: int, lmul_log2: int) -> int:
    """Log2 of the registers that an operation works through (its result's, or a reduction's wide operand)."""
    if rule == _MASK or rule == _MASK_FIRST or rule == _MASK_LOGIC or _SCALAR <= rule <= _FP_SCALAR:
        return 0
    if rule == _MASK_COUNT and s.rule_chain[rule] != _REGISTERS:
        return 0
    if rule == _WHOLE:
        count = ((word >> 15) & 7) + 1
        return 3 if count > 4 else 2 if count > 2 else 1 if count > 1 else 0
    if flags & _WIDENING:
        lmul_log2 += 1
    return min(max(lmul_log2, SMALLEST), LARGEST)
