"""Claims about the memory of a simple core (the C906): words in its store buffer, rows of stores and of loads."""

from __future__ import annotations

import pytest

from workbench.core.timing.stream import Stream

FROM, TO = 1 << 28, (1 << 28) + (5 << 20)
SHUFFLED, IN_ORDER = (1, 0, 3, 2, 5, 4, 7, 6), range(8)


def _writes(words, whole_lines=1):
    def body(s, iteration):
        for word in words:
            s.store(5, TO + iteration * whole_lines * 64 + word * 8)

    return body


def _reads(*arrays):
    def body(s, iteration):
        for word in range(8):
            for number, array in enumerate(arrays):
                s.load(5 + number, array + iteration * 64 + word * 8)

    return body


def test_a_line_of_words_fills_the_store_buffer_until_it_has_come(c906, steady, change):
    lines = change(c906, memory__store_buffer_words=False, memory__write_stream_lines=0)
    assert steady(c906, _writes(SHUFFLED), 1000) > 140
    assert steady(lines, _writes(SHUFFLED), 1000) < 0.8 * steady(c906, _writes(SHUFFLED), 1000)


def test_lines_written_from_end_to_end_are_not_fetched(c906, steady, change):
    fetching = change(c906, memory__write_stream_lines=0)
    assert steady(c906, _writes(IN_ORDER), 1000) < 30
    assert steady(fetching, _writes(IN_ORDER), 1000) > 140


@pytest.mark.parametrize("words", [IN_ORDER, tuple(reversed(IN_ORDER))])
def test_the_row_is_known_after_its_first_lines(c906, change, words):
    step = 1 if words[0] == 0 else -1

    def fetched(lines):
        core = change(c906, memory__write_stream_lines=lines)
        return Stream().loop(_writes(words, step), 200).run(core).activity.l1d_misses

    assert fetched(16) - fetched(4) == 12


def test_a_gap_in_every_line_ends_the_row(c906):
    result = Stream().loop(_writes(range(7)), 200).run(c906)
    assert result.activity.l1d_misses == 200


def test_loads_of_one_array_are_a_row_and_of_two_by_turns_none(c906, steady):
    one, two = steady(c906, _reads(FROM), 1000), steady(c906, _reads(FROM, TO), 1000)
    assert one < 40
    assert two > 4 * one


def test_a_row_of_loads_begins_anew_in_each_page(c906, change):
    farther = change(c906, memory__tlb__page_bytes=65536)

    def missed(core):
        result = Stream().loop(_reads(FROM), 64 * 64).run(core)
        return result.activity.l1d_misses

    assert 64 <= missed(c906) <= 64 * 2 + 4
    assert missed(farther) < missed(c906) / 8


def test_a_lone_write_back_closes_the_row_of_the_next_read(c906, steady, change):
    gathered = change(c906, dram__write_recovery_ns=0)
    alone, batched = (steady(core, _writes(SHUFFLED), 1000, 1000) for core in (c906, gathered))
    assert alone > batched + 20
