"""Branch prediction with real tables: TAGE with a statistical corrector or gshare, ITTAGE, return stack, target buffers.

Tables are read in program order: no wrong path pollutes them and histories are never repaired. New targets are known
only after their branch commits (`training`). TAGE learns at once, or late: what a branch did waits in a ring until the
cycle at which the hardware would write it, so that branches predicted before that see the older counters.

Source
------
A. Seznec, P. Michaud, "A case for (partially) tagged geometric history length branch prediction", JILP 2006;
A. Seznec, "A new case for the TAGE branch predictor", MICRO 2011 (statistical corrector);
S. McFarling, "Combining branch predictors", 1993 (gshare). Index hashes: ours. Training: `tage_training`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.limits import LESSONS, PREDICTOR_ENTRIES, TAGE_TABLES, USE_ALTERNATE
from workbench.core.timing.classes import AT_ONCE, AT_RESOLUTION, FTB_ARRAY
from workbench.core.timing.first_level import find_first, insert_first
from workbench.core.timing.tables import STAMP_SHIFT, find, insert
from workbench.core.timing.tage_training import is_free, learn, learn_due, train_base

_MIX_A, _MIX_B, _MIX_C = 0x1E3779B97F4A7C15, 0x42B2AE3D27D4EB4F, 0x165667B19E3779F9
_HIT, _BUBBLE, _MISS = 0, 1, 2
_LESSON = LESSONS - 1
_BIASED, _WEAK_TAKEN, _STRONG_TAKEN = 1, 2, 3  # stamps of target buffers: always taken so far; two-bit counters


@inner_kernel(forceinline=True)
def predict_branch(s: Any, pc: int, key: int, taken: bool) -> bool:
    """Predict the conditional branch at `pc` as the front end does, its direction by `key`; whether it was wrong.

    Where the target buffer must know a branch before it is fetched (`known` tells whether it does), an unknown one counts as
    not taken, and one that was always taken so far is taken whatever the other tables say, which are not trained by it.
    """
    s.overruled, s.known = 0, 0
    if s.decode_finds_taken or not s.has_ftb:
        return predict_direction(s, key, taken)
    slot = find(s, FTB_ARRAY, pc >> 1)
    if slot < 0 or s.entries[slot].stamp >> STAMP_SHIFT > s.bpu_time:
        if taken and s.keeps_bias:
            _shift_history(s, taken)
        elif taken:
            predict_direction(s, key, taken)
        return taken
    s.known = 1
    if s.keeps_bias and s.entries[slot].stamp & _BIASED:
        if not taken:
            s.entries[slot].stamp &= ~_BIASED
            predict_direction(s, key, taken)
            return True
        _shift_history(s, taken)
        return False
    return predict_direction(s, key, taken)


@inner_kernel(forceinline=True)
def first_guess(s: Any, pc: int, taken: bool) -> int:
    """What the first-level buffer's counters say by themselves: 1 taken, 0 not taken, -1 if there is no such guess."""
    if not s.first_counters:
        return -1
    slot = find_first(s, pc >> 1)
    if slot < 0 or s.entries[slot].stamp >> STAMP_SHIFT > s.bpu_time:
        return -1
    counter = s.entries[slot].stamp & 3
    s.entries[slot].stamp += np.int64(counter < _STRONG_TAKEN) if taken else -np.int64(counter > 0)
    return counter >> 1


@inner_kernel(forceinline=True)
def predict_direction(s: Any, pc: int, taken: bool) -> bool:
    """Predict the conditional branch at `pc`, train with what it did; whether the prediction was wrong."""
    wrong = _tage(s, pc, taken) if s.is_tage else _gshare(s, pc, taken)
    _shift_history(s, taken)
    return wrong


@inner_kernel
def _shift_history(s: Any, taken: bool) -> None:
    """Enter the outcome of a conditional branch in the direction history."""
    if s.path_directions:
        return
    s.older_history = (s.older_history << 1) | ((s.history >> 63) & 1)
    s.history = (s.history << 1) | taken


@inner_kernel
def _gshare(s: Any, pc: int, taken: bool) -> bool:
    index = ((pc >> 1) ^ (s.history & s.gshare_mask)) & s.base_mask
    counter = s.base_counters[index]
    train_base(s, index, taken)
    return (counter >= 0) != taken


@inner_kernel(is_called=True)
def _tage(s: Any, pc: int, taken: bool) -> bool:
    if s.learns != AT_ONCE:
        learn_due(s)
    e = s.lesson_next & _LESSON
    row = e * TAGE_TABLES
    written = s.tage_written if s.written_cycle == s.bpu_time else 0
    provider, alternate = -1, -1
    for k in range(s.tables):
        mixed = (s.history & s.table_history[k]) * _MIX_A ^ (s.older_history & s.table_older[k]) * _MIX_B
        mixed = (mixed ^ (pc >> 1)) * _MIX_C
        index = k * PREDICTOR_ENTRIES + ((mixed >> 36) & s.table_mask[k])
        tag = (mixed >> 20) & s.table_tag_mask[k]
        s.table_index[row + k] = index
        s.table_tag[row + k] = tag
        has_entry = (s.tage[index].tag == tag + 1) & is_free(written, s.tage_banks, index)
        written >>= s.tage_banks
        alternate = provider if has_entry else alternate
        provider = k if has_entry else provider
    base_index = (pc >> 1) & s.base_mask
    base_taken = s.base_counters[base_index] >= 0
    if s.written_cycle == s.bpu_time and not is_free(s.base_written, s.base_banks, base_index):
        base_taken = s.guess > 0
    other = base_taken
    if not s.base_alternate and alternate >= 0:
        other = s.tage[s.table_index[row + alternate]].counter >= 0
    predicted = base_taken
    weight = 2 * s.base_counters[base_index] + 1
    used = True
    if provider >= 0:
        slot = s.table_index[row + provider]
        counter = s.tage[slot].counter
        weight = 2 * counter + 1
        weak = counter == 0 or counter == -1
        if s.base_alternate:
            used = weak and s.use_alternate[(pc >> 1) & (USE_ALTERNATE - 1)] >= 0
        else:
            used = weak and s.tage[slot].useful == 0
        predicted = other if used else counter >= 0
    s.lesson_provider[e], s.lesson_base[e] = provider, base_index
    s.lesson_outcome[e] = taken | predicted << 1 | other << 2 | used << 3
    if s.sc_tables > 0 and (provider >= 0 or not s.base_alternate):
        tage_taken = predicted
        predicted = _correct(s, e, pc, tage_taken, weight)
        s.overruled = predicted != tage_taken
    s.lesson_outcome[e] |= predicted << 4
    if s.learns == AT_ONCE:
        learn(s, e)
    else:
        s.lesson_time[e] = s.training + (s.resolved if s.learns == AT_RESOLUTION else s.last_commit)
        s.lesson_next += 1
    return predicted != taken


@inner_kernel
def _correct(s: Any, e: int, pc: int, predicted: bool, weight: int) -> bool:
    """The statistical corrector: a perceptron-like sum over counters indexed with short histories may overrule TAGE."""
    total = weight * 8
    written = s.sc_written if s.written_cycle == s.bpu_time else 0
    for k in range(s.sc_tables):
        mixed = ((s.history & s.sc_history[k]) * _MIX_B ^ (pc >> 1)) * _MIX_A
        index = k * PREDICTOR_ENTRIES + (((mixed >> 36) ^ predicted) & s.sc_mask)
        s.sc_index[e * 4 + k] = index
        total += 2 * s.sc_counters[index] * np.int64(is_free(written, s.sc_banks, index)) + 1
        written >>= s.sc_banks
    s.lesson_total[e] = total
    overruled = (total >= 0) != predicted and abs(total) >= s.sc_threshold + s.base_alternate
    return (total >= 0) if overruled else predicted


@inner_kernel(is_called=True)
def predict_indirect(s: Any, pc: int, target: int) -> bool:
    """Predict the target of an indirect jump by history, train; whether the prediction was wrong."""
    provider = -1
    context = s.path if s.path_indirect else s.history
    for k in range(s.indirect_tables):
        mixed = ((context & s.indirect_history[k]) * _MIX_A ^ (pc >> 1)) * _MIX_C
        index = k * PREDICTOR_ENTRIES + ((mixed >> 36) & s.indirect_mask[k])
        tag = ((mixed >> 20) & s.indirect_tag_mask[k]) + 1
        s.indirect_index[k] = index
        s.indirect_tag[k] = tag
        if s.indirect_tags[index] == tag:
            provider = k
    base = (pc >> 1) & 4095
    predicted = s.last_targets[base] if provider < 0 else s.indirect_targets[s.indirect_index[provider]]
    s.last_targets[base] = target
    if provider >= 0:
        s.indirect_targets[s.indirect_index[provider]] = target
    if predicted == target:
        return False
    if provider + 1 < s.indirect_tables:
        index = s.indirect_index[provider + 1]
        s.indirect_tags[index] = s.indirect_tag[provider + 1]
        s.indirect_targets[index] = target
    return True


@inner_kernel
def push_return(s: Any, address: int) -> None:
    """Remember a return address; the oldest is forgotten when the stack is full."""
    s.ras_top += 1
    if s.ras_top >= s.ras_entries:
        s.ras_top = 0
    s.ras[s.ras_top] = address


@inner_kernel
def pop_return(s: Any, target: int) -> bool:
    """Predict a return; whether the prediction was wrong."""
    predicted = s.ras[s.ras_top]
    s.ras_top -= 1
    if s.ras_top < 0:
        s.ras_top = s.ras_entries - 1
    return predicted != target


@inner_kernel(forceinline=True)
def look_up_target(s: Any, pc: int) -> int:
    """Where the target of the taken branch at `pc` is found: 0 first-level buffer, 1 second level, 2 nowhere; enters it.

    A new entry is of use to predictions `training` cycles after the branch commits.
    """
    key = pc >> 1
    stamp = (s.last_commit + s.training) << STAMP_SHIFT if s.training > 0 else 0
    slot = find_first(s, key)
    if slot >= 0:
        if s.entries[slot].stamp >> STAMP_SHIFT <= s.bpu_time:
            return _HIT
    else:
        insert_first(s, key, stamp | _WEAK_TAKEN)
    if not s.has_ftb:
        return _MISS
    slot = find(s, FTB_ARRAY, key)
    if slot < 0:
        insert(s, FTB_ARRAY, key, stamp | _BIASED)
        return _MISS
    return _BUBBLE if s.entries[slot].stamp >> STAMP_SHIFT <= s.bpu_time else _MISS


@inner_kernel
def follow_path(s: Any, target: int) -> None:
    """Enter a taken control transfer in the path history; with `path_directions` that is what directions are told by."""
    s.path = (s.path << 2) ^ (target >> 1)
    if s.path_directions:
        s.older_history = (s.older_history << 2) | ((s.history >> 62) & 3)
        s.history = (s.history << 2) ^ (((target >> 1) ^ (target >> 5)) & 15)
