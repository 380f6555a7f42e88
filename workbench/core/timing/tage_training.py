"""Training of the tables of TAGE, of its statistical corrector and of the base table, from a ring of predictions.

Source
------
A. Seznec, P. Michaud, "A case for (partially) tagged geometric history length branch prediction", JILP 2006;
A. Seznec, "A new case for the TAGE branch predictor", MICRO 2011 (statistical corrector). With the base table as the
alternate (`base_alternate`): XiangShan kunminghu-v2 8dde746d7 and nanhu 997cd5b35, Tage.scala (useAltOnNaCtrs, bankTickCtrs)
and SC.scala (SCThreshold): sizes and limits of counters.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.limits import LESSONS, PREDICTOR_ENTRIES, TAGE_TABLES, USE_ALTERNATE

_LESSON = LESSONS - 1
_ALLOCATION_TICKS = 127  # entries that were wanted and not free, less those that were, before all count as free


@inner_kernel(forceinline=True)
def bank_mask(banks: int, table: int, index: int) -> int:
    """Bit of a table's bank in a word of those that are written: the lowest bits of an index tell its bank.

    Tables whose reads never meet a write have no banks, and no bit.
    """
    return 1 << (table * banks + (index & (banks - 1))) if banks > 0 else 0


@inner_kernel(forceinline=True)
def is_free(written: int, banks: int, index: int) -> bool:
    """Whether the bank of an index is not among those `written` of its table, which are none where tables have no banks."""
    return (written >> (index & (banks - 1) & 63)) & 1 == 0


@inner_kernel
def learn_due(s: Any) -> None:
    """Train with the branches whose outcome has reached the tables when the block at hand is predicted."""
    first = s.lesson_first
    if s.written_cycle != s.bpu_time:
        s.written_cycle = s.bpu_time
        s.tage_written, s.base_written, s.sc_written = 0, 0, 0
    while first < s.lesson_next and (s.lesson_time[first & _LESSON] <= s.bpu_time or s.lesson_next - first >= LESSONS):
        if s.lesson_time[first & _LESSON] < s.bpu_time:
            s.tage_written, s.base_written, s.sc_written = 0, 0, 0
        learn(s, first & _LESSON)
        first += 1
    s.lesson_first = first


@inner_kernel
def learn(s: Any, e: int) -> None:
    """Train TAGE and the corrector with entry `e` of the ring of predictions."""
    outcome = s.lesson_outcome[e]
    taken, tage_taken, other = outcome & 1, (outcome >> 1) & 1, (outcome >> 2) & 1
    provider = s.lesson_provider[e]
    if s.base_alternate:
        _learn_beside_base(s, e, provider)
        return
    if s.sc_tables > 0:
        _train_corrector(s, e, tage_taken > 0, taken > 0)
    _train_tage(s, provider, e * TAGE_TABLES, s.lesson_base[e], other > 0, taken > 0)
    if tage_taken != taken:
        _allocate(s, provider, e * TAGE_TABLES, taken > 0)


@inner_kernel
def _learn_beside_base(s: Any, e: int, provider: int) -> None:
    """Train tables whose alternate is always the base table, with entry `e` of the ring of predictions."""
    outcome = s.lesson_outcome[e]
    taken, tage_taken, other = outcome & 1 > 0, outcome & 2 > 0, outcome & 4 > 0
    used, predicted = outcome & 8 > 0, outcome & 16 > 0
    row, base_index = e * TAGE_TABLES, s.lesson_base[e]
    if used:
        train_base(s, base_index, taken)
        s.base_written |= bank_mask(s.base_banks, 0, base_index)
    from_table = False
    if provider >= 0:
        slot = s.table_index[row + provider]
        counter = s.tage[slot].counter
        from_table = counter >= 0
        if from_table != other:
            s.tage[slot].useful = from_table == taken
            if counter == 0 or counter == -1:
                _judge_alternate(s, base_index & (USE_ALTERNATE - 1), other == taken)
        if counter != (3 if taken else -4):
            _note_written(s, provider, slot)
        _train_counter(s, slot, taken)
        if s.sc_tables > 0:
            _train_corrector(s, e, tage_taken, taken)
    if predicted != taken and not (used and provider >= 0 and from_table == taken):
        _allocate_at_random(s, provider, row, taken)


@inner_kernel
def _note_written(s: Any, table: int, slot: int) -> None:
    s.tage_written |= bank_mask(s.tage_banks, table, slot)


@inner_kernel
def _judge_alternate(s: Any, place: int, right: bool) -> None:
    trust = s.use_alternate[place] + (1 if right else -1)
    if -8 <= trust < 8:
        s.use_alternate[place] = trust


@inner_kernel
def _train_counter(s: Any, slot: int, taken: bool) -> None:
    counter = s.tage[slot].counter
    s.tage[slot].counter = counter + (counter < 3) if taken else counter - (counter > -4)


@inner_kernel
def _allocate_at_random(s: Any, provider: int, row: int, taken: bool) -> None:
    """Enter the branch in any table of longer history whose entry is not useful; too few of these too often make all so."""
    s.allocation = (s.allocation * 5 + 3) & 0xFFFF
    chosen, free, wanted = -1, 0, s.allocation >> 8
    for k in range(provider + 1, s.tables):
        if s.tage[s.table_index[row + k]].useful == 0:
            free += 1
            if chosen < 0 or (not (wanted >> chosen) & 1 and (wanted >> k) & 1):
                chosen = k
    s.allocation_ticks = max(s.allocation_ticks + s.tables - provider - 1 - 2 * free, 0)
    if chosen >= 0:
        slot = s.table_index[row + chosen]
        s.tage[slot].tag = s.table_tag[row + chosen] + 1
        s.tage[slot].counter = 0 if taken else -1
        _note_written(s, chosen, slot)
    if s.allocation_ticks >= _ALLOCATION_TICKS:
        s.allocation_ticks = 0
        for k in range(s.tables):  # what is in use of each table: half a megabyte in all would empty the host's cache
            for slot in range(k * PREDICTOR_ENTRIES, k * PREDICTOR_ENTRIES + s.table_mask[k] + 1):
                s.tage[slot].useful = 0


@inner_kernel
def _train_tage(s: Any, provider: int, row: int, base_index: int, other: bool, taken: bool) -> None:
    if provider < 0:
        train_base(s, base_index, taken)
        return
    slot = s.table_index[row + provider]
    counter = s.tage[slot].counter
    if (counter >= 0) != other:
        if (counter >= 0) == taken:
            if s.tage[slot].useful < 3:
                s.tage[slot].useful += 1
        elif s.tage[slot].useful > 0:
            s.tage[slot].useful -= 1
    if s.tage[slot].useful == 0:
        train_base(s, base_index, taken)
    _train_counter(s, slot, taken)


@inner_kernel
def _allocate(s: Any, provider: int, row: int, taken: bool) -> None:
    """Enter the branch in a table of longer history: the first not useful one, now and then skipping one."""
    s.allocation = (s.allocation * 5 + 3) & 0xFFFF
    first = provider + 1
    if first + 1 < s.tables and (s.allocation >> 8) & 3 == 0:
        first += 1
    for k in range(first, s.tables):
        slot = s.table_index[row + k]
        if s.tage[slot].useful == 0:
            s.tage[slot].tag = s.table_tag[row + k] + 1
            s.tage[slot].counter = 0 if taken else -1
            return
        s.tage[slot].useful -= 1


@inner_kernel
def train_base(s: Any, index: int, taken: bool) -> None:
    """Move the two-bit counter of the base table towards what a branch did."""
    counter = s.base_counters[index]
    s.base_counters[index] = counter + (counter < 1) if taken else counter - (counter > -2)


@inner_kernel
def _train_corrector(s: Any, e: int, predicted: bool, taken: bool) -> None:
    total = s.lesson_total[e]
    least = 8 * s.sc_threshold + 22 if s.base_alternate else 2 * s.sc_threshold
    if (total >= 0) != taken or abs(total) < least:
        for k in range(s.sc_tables):
            index = s.sc_index[e * 4 + k]
            s.sc_written |= bank_mask(s.sc_banks, k, index)
            counter = s.sc_counters[index]
            s.sc_counters[index] = counter + (counter < 31) if taken else counter - (counter > -32)
    if (total >= 0) == predicted:
        return
    most, limit = 31, 80
    if s.base_alternate:
        most, limit = 14, 32
        if not s.sc_threshold - 4 <= abs(total) <= s.sc_threshold - 2:
            return
    s.sc_tune += 1 if (total >= 0) != taken else -1
    if s.sc_tune > most or s.sc_tune < -most:
        s.sc_threshold = min(max(s.sc_threshold + (2 if s.sc_tune > 0 else -2), 6 - 2 * s.base_alternate), limit)
        s.sc_tune = 0
