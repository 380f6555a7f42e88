"""Data prefetchers: streams and strides into the L1D, best offset and spatial patterns into the L2.

All are trained by misses of the L1D and by the first use of a prefetched line. A prefetch is dropped where no miss
register is free.

Source
------
P. Michaud, "Best-offset hardware prefetching", HPCA 2016; S. Somogyi et al., "Spatial memory streaming", ISCA 2006.
Streams and strides: model: ours, after XiangShan's L1 engines (tests/claims/test_claims_prefetch.py).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import record_at
from workbench.core.limits import PATTERNS, RECENT_REQUESTS
from workbench.core.timing.classes import L1D_ARRAY, L2_ARRAY
from workbench.core.timing.coherence import level_home
from workbench.core.timing.hierarchy import claim_mshr, fill, next_level, outer_access, refill
from workbench.core.timing.tables import PREFETCHED, probe

_REQUEST, _PATTERN = RECENT_REQUESTS - 1, PATTERNS - 1
_REGION_BITS = 4  # lines of a spatial region: 16 (1 KiB with lines of 64 bytes)
_PAGE_BITS = 6  # lines of a page: 64


@inner_kernel
def prefetch_near(s: Any, line: int, time: int) -> None:
    """Bring a line into the L1D if it is not there and a miss register is free."""
    if line < 0 or probe(s, L1D_ARRAY, line) >= 0:
        return
    mshr = claim_mshr(s, L1D_ARRAY, time)
    if s.mshr_free[mshr] > time:
        return
    s.prefetches += 1
    s.demand = 0
    ready = refill(s, outer_access(s, next_level(s), line, time))
    s.demand = 1
    s.mshr_free[mshr] = ready
    fill(s, L1D_ARRAY, line, ready, s.found, PREFETCHED)


@inner_kernel
def prefetch_far(s: Any, line: int, time: int) -> int:
    """Bring a line into the L2 likewise; the cycle at which it arrives, -1 if it was there or is dropped."""
    h = record_at(level_home(s, L2_ARRAY), s)
    if line < 0 or not s.has_l2 or probe(h, L2_ARRAY, line) >= 0:
        return -1
    if s.mshr_free[claim_mshr(s, L2_ARRAY, time)] > time:
        return -1
    s.prefetches += 1
    s.demand = 0
    ready = outer_access(s, L2_ARRAY, line, time)
    s.demand = 1
    slot = probe(h, L2_ARRAY, line)
    h.entries[slot].stamp |= PREFETCHED
    return ready


@inner_kernel(is_rare=True)
def train(s: Any, line: int, pc: int, address: int, time: int, arrival: int, is_store: bool, l2_event: bool) -> None:
    """Train all prefetchers with an access at `time` whose line arrives at `arrival`.

    `l2_event` tells that the L2 missed too or gave a line that was prefetched into it.
    """
    if l2_event and s.offsets > 0:
        _train_offset(s, line, time, arrival)
    if is_store and not s.stores_train:
        return
    if s.sms_regions > 0:
        _train_patterns(s, line, pc, time)
    known = _find_stream(s, line)
    if known >= 0:
        distance = line - s.stream_line[known]
        if distance == 0 or _advance_stream(s, known, line, 1 if distance > 0 else -1, time):
            return
    if s.stride_entries > 0 and _train_stride(s, pc, address, time):
        return
    if known < 0 and s.streams > 0:
        oldest = s.stream_next
        s.stream_next = oldest + 1 if oldest + 1 < s.streams else 0
        s.stream_line[oldest] = line
        s.stream_trust[oldest] = 0


@inner_kernel
def _find_stream(s: Any, line: int) -> int:
    """Number of the stream that the line is near to, -1 if there is none."""
    for k in range(s.streams):
        if -3 < line - s.stream_line[k] < 3:
            return k
    return -1


@inner_kernel
def _advance_stream(s: Any, k: int, line: int, step: int, time: int) -> bool:
    """Move a stream on to the line; whether it is trusted (then the lines ahead are prefetched)."""
    s.stream_trust[k] = s.stream_trust[k] + 1 if step == s.stream_step[k] else 1
    s.stream_step[k] = step
    s.stream_line[k] = line
    if s.stream_trust[k] < 2:
        s.stream_ahead[k] = line
        s.stream_far[k] = line
        return False
    ahead = s.stream_ahead[k]
    if (ahead - line) * step < 0:
        ahead = line
    issued = 0
    while issued < 4 and (ahead - line) * step < s.stream_distance:
        ahead += step
        prefetch_near(s, ahead, time)
        issued += 1
    s.stream_ahead[k] = ahead
    far = s.stream_far[k]
    if (far - ahead) * step < 0:
        far = ahead
    issued = 0
    while issued < 4 and (far - line) * step < s.stream_l2_distance:
        far += step
        prefetch_far(s, far, time)
        issued += 1
    s.stream_far[k] = far
    return True


@inner_kernel
def _train_stride(s: Any, pc: int, address: int, time: int) -> bool:
    """Whether the access continues a known stride of more than a line (then its successors are prefetched)."""
    slot = (pc >> 1) % s.stride_entries
    if s.stride_pc[slot] != pc:
        s.stride_pc[slot] = pc
        s.stride_trust[slot] = 0
        s.stride_address[slot] = address
        return False
    step = address - s.stride_address[slot]
    s.stride_address[slot] = address
    s.stride_trust[slot] = s.stride_trust[slot] + 1 if step == s.stride_step[slot] else 0
    s.stride_step[slot] = step
    if s.stride_trust[slot] < 2 or abs(step) <= 1 << s.line_shift:
        return False
    for k in range(1, s.stride_degree + 1):
        prefetch_near(s, (address + k * step) >> s.line_shift, time)
    return True


@inner_kernel
def _train_patterns(s: Any, line: int, pc: int, time: int) -> None:
    """Note the line in its region's pattern; the first access of a region fetches the pattern known for its trigger."""
    region, place = line >> _REGION_BITS, line & ((1 << _REGION_BITS) - 1)
    for k in range(s.sms_regions):
        if s.sms_region[k] == region:
            s.sms_lines[k] |= 1 << place
            return
    k = s.sms_next
    s.sms_next = k + 1 if k + 1 < s.sms_regions else 0
    if s.sms_region[k] >= 0:
        entry = s.sms_trigger[k] & _PATTERN
        s.pattern_trigger[entry] = s.sms_trigger[k]
        s.pattern_lines[entry] = s.sms_lines[k]
    trigger = (pc >> 1) << _REGION_BITS | place
    s.sms_region[k], s.sms_trigger[k], s.sms_lines[k] = region, trigger, 1 << place
    if s.pattern_trigger[trigger & _PATTERN] != trigger:
        return
    lines = s.pattern_lines[trigger & _PATTERN]
    for other in range(1 << _REGION_BITS):
        if other != place and (lines >> other) & 1:
            prefetch_far(s, (region << _REGION_BITS) + other, time)


@inner_kernel
def _train_offset(s: Any, line: int, time: int, arrival: int) -> None:
    """One learning step of the best-offset prefetcher, and the prefetch of this line plus the offset in use."""
    base = line - s.offset[s.offset_index]
    slot = (base ^ (base >> 8)) & _REQUEST
    if s.request_line[slot] == base and s.request_time[slot] <= time:
        s.offset_score[s.offset_index] += 1
        if s.offset_score[s.offset_index] >= s.offset_most:
            s.offset_round = s.offset_rounds
    s.offset_index += 1
    if s.offset_index >= s.offsets:
        s.offset_index = 0
        s.offset_round += 1
    if s.offset_round >= s.offset_rounds:
        _choose_offset(s)
    ready = arrival
    if s.offset_best != 0:
        target = line + s.offset_best
        ready = prefetch_far(s, target, time) if target >> _PAGE_BITS == line >> _PAGE_BITS else -1
    if ready >= 0:
        slot = (line ^ (line >> 8)) & _REQUEST
        s.request_line[slot] = line
        s.request_time[slot] = ready


@inner_kernel
def _choose_offset(s: Any) -> None:
    """End of a learning phase: the offset of the highest score is used, none if it is too low."""
    best = 0
    for k in range(s.offsets):
        if s.offset_score[k] > s.offset_score[best]:
            best = k
    s.offset_best = s.offset[best] if s.offset_score[best] > s.offset_least else 0
    for k in range(s.offsets):
        s.offset_score[k] = 0
    s.offset_index = 0
    s.offset_round = 0
