"""Claims about the prefetchers: streams, strides, the best offset and spatial patterns."""

from __future__ import annotations

import random

import pytest

from workbench.core.timing.stream import Stream

HOME = 1 << 28


@pytest.fixture(scope="module")
def alone(xiangshan, change):
    """Kunminghu with the named prefetcher only."""

    def only(name):
        prefetch = xiangshan.memory.prefetch
        fields = {"streams": 0, "stride_entries": 0, "best_offsets": (), "spatial_regions": 0}
        if name:
            fields[name] = getattr(prefetch, name)
        return change(xiangshan, **{f"memory__prefetch__{key}": value for key, value in fields.items()})

    return only


def _walk(core, lines):
    """Loads of the lines, one after the other, all by the same instruction."""
    s = Stream()
    start = s.pc
    for line in lines:
        s.pc = start
        s.load(5, HOME + line * 64, rs1=5)
        s.branch(True, start)
    return s.run(core)


def test_one_offset_is_learned_whichever_instruction_asks(alone):
    lines = [3 * k for k in range(6000)]
    without, with_offset = _walk(alone(None), lines), _walk(alone("best_offsets"), lines)
    assert with_offset.activity.l2_misses < 0.35 * without.activity.l2_misses
    assert with_offset.cycles < 0.7 * without.cycles


def test_no_offset_is_used_where_none_repeats(alone):
    generator = random.Random(3)
    lines = [generator.randrange(1 << 20) for _ in range(5000)]
    assert _walk(alone("best_offsets"), lines).counters["prefetches"] < 500


def _regions(pattern, count=600):
    generator = random.Random(4)
    regions = [generator.randrange(1 << 14) * 16 for _ in range(count)]
    return [region + place for region in regions for place in pattern]


def test_the_pattern_of_a_region_is_fetched_with_its_first_line(alone):
    lines = _regions((2, 7, 11, 14))
    without, with_patterns = _walk(alone(None), lines), _walk(alone("spatial_regions"), lines)
    assert with_patterns.activity.l2_misses < 0.5 * without.activity.l2_misses


def test_a_pattern_is_not_fetched_beyond_its_region(alone):
    assert _walk(alone("spatial_regions"), _regions((5,))).counters["prefetches"] == 0


def test_descending_streams_are_followed_like_ascending_ones(alone):
    up, down = _walk(alone("streams"), range(3000)), _walk(alone("streams"), range(3000, 0, -1))
    assert down.cycles == pytest.approx(up.cycles, rel=0.1)


def test_several_streams_are_followed_at_once(alone):
    lines = [k // 4 + k % 4 * 100_000 for k in range(8000)]
    assert _walk(alone("streams"), lines).cycles < 0.35 * _walk(alone(None), lines).cycles


def test_the_far_end_of_a_stream_waits_in_the_l2(alone, change):
    near = change(alone("streams"), memory__prefetch__stream_l2_distance_lines=0)
    assert _walk(alone("streams"), range(5000)).cycles < 0.9 * _walk(near, range(5000)).cycles


def test_prefetches_are_not_counted_as_misses_of_the_program(alone):
    result = _walk(alone("streams"), range(5000))
    assert result.activity.l2_misses < 500
    assert result.activity.dram_read_bytes >= 5000 * 64


def test_most_prefetches_of_a_stream_are_used(alone):
    counters = _walk(alone("streams"), range(5000)).counters
    assert counters["useful_prefetches"] > 0.9 * 5000


def test_prefetches_are_dropped_where_no_miss_register_is_free(alone, change):
    one = change(alone("streams"), memory__l1d__mshrs=1, memory__prefetch__stream_l2_distance_lines=0)
    many = _walk(alone("streams"), range(2000)).counters["prefetches"]
    assert _walk(one, range(2000)).counters["prefetches"] < 0.7 * many
