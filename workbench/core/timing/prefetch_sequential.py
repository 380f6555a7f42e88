"""A prefetcher that follows the addresses of all loads in their order: it knows one stride at a time.

Loads of one array are a row, and of a loop that reads two arrays by turns none. It asks for lines ahead from the first
miss after the row was recognised on, and again from the first miss in each page.

Source
------
XUANTIE-RV/openc906: aq_lsu_pfb.v, aq_lsu_pfb_top.v (the global entry: 15 hits, three bits of confidence, distance of 2 to
16 lines; start-up code sets 16). That RTL has four entries by program counter besides, of which tinymembench shows no effect
on the Allwinner D1: copies of blocks of 64 bytes from the end, whose loads have one stride each, wait for every line.
model: ours (tests/claims/test_claims_simple_memory.py).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.timing.classes import L1D_ARRAY
from workbench.core.timing.hierarchy import claim_mshr
from workbench.core.timing.prefetch import prefetch_near

_BEAT = 8  # bytes that one access of a vector load reads
_FARTHEST_STRIDE, _TRUST = 1024, 7


@inner_kernel(is_called=True)
def follow_loads(s: Any, address: int, size: int, time: int) -> None:
    """Enter a load of `size` bytes (a vector load reads eight at a time); `s.found` is the level that it found."""
    missed = s.found > L1D_ARRAY
    _enter(s, address)
    beats = (size + _BEAT - 1) // _BEAT - 1
    if beats > 0:
        s.load_address = address + _BEAT
        if s.load_stride == _BEAT or s.load_hits < s.sequential_loads:
            s.load_hits = beats + (s.load_hits if s.load_stride == _BEAT else 0)
            s.load_stride = _BEAT
        s.load_address = address + beats * _BEAT
    if s.load_hits < s.sequential_loads:
        s.loads_ahead = 0
    elif s.loads_ahead > 0 or missed:
        _ask_ahead(s, time)


@inner_kernel
def _enter(s: Any, address: int) -> None:
    """Compare the stride with the one that is known."""
    stride = address - s.load_address
    s.load_address = address
    if stride == s.load_stride and stride != 0:
        s.load_hits = min(s.load_hits + 1, s.sequential_loads)
        s.load_trust = min(s.load_trust + 1, _TRUST)
        return
    if s.load_hits >= s.sequential_loads and s.load_trust > 0:
        s.load_trust -= 1
        return
    s.load_hits, s.loads_ahead, s.load_trust = 0, 0, _TRUST
    s.load_stride = stride if -_FARTHEST_STRIDE <= stride < _FARTHEST_STRIDE else 0


@inner_kernel
def _ask_ahead(s: Any, time: int) -> None:
    """Ask for lines while miss registers are free, up to the distance or the end of the page."""
    line = s.load_address >> s.line_shift
    if s.loads_ahead == 0:
        s.loads_ahead, s.load_ahead = 1, line
    lines = abs(s.load_stride) >> s.line_shift
    step = max(lines, 1) if s.load_stride > 0 else -max(lines, 1)
    if (s.load_ahead - line) * step < 0:
        s.load_ahead = line
    page = s.page_shift - s.line_shift
    while (s.load_ahead - line) * step < s.stream_distance * step * step:
        ahead = s.load_ahead + step
        if ahead >> page != line >> page:
            s.loads_ahead = 0
            return
        if s.mshr_free[claim_mshr(s, L1D_ARRAY, time)] > time:
            return
        prefetch_near(s, ahead, time)
        s.load_ahead = ahead
