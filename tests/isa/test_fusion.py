"""Marks of the pairs that decode may fuse, on assembled code."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.isa.encode import assemble
from workbench.isa.fusion import FUSION_GROUPS, fusion_mask
from workbench.isa.predecode import decode_parcels


def _marks(*lines):
    """The group of each 4-byte instruction, an empty string for none."""
    code = assemble(*lines, ("addi", "zero", "zero", 0)) + bytes(2)
    marks = decode_parcels(np.frombuffer(code, "<u2"))["fusion"][: 2 * len(lines) : 2]
    names = {fusion_mask((group,)): group for group in FUSION_GROUPS} | {0: ""}
    return [names[int(mark)] for mark in marks]


@pytest.mark.parametrize(
    ("first", "second", "group"),
    [
        (("lui", "a0", 4096), ("addi", "a0", "a0", 5), "immediate"),
        (("slli", "a0", "a1", 32), ("srli", "a0", "a0", 32), "zero_extend"),
        (("slliw", "a0", "a1", 16), ("sraiw", "a0", "a0", 16), "zero_extend"),
        (("slli", "a0", "a1", 3), ("add", "a0", "a2", "a0"), "shift_add"),
        (("srli", "a0", "a1", 32), ("add", "a0", "a0", "a2"), "shift_add"),
        (("andi", "a0", "a1", 1), ("addw", "a0", "a0", "a2"), "mask_add"),
        (("addw", "a0", "a1", "a2"), ("andi", "a0", "a0", 255), "narrow"),
        (("addiw", "a0", "a1", 1), ("sext.h", "a0", "a0"), "narrow"),
        (("xor", "a0", "a1", "a2"), ("andi", "a0", "a0", 1), "logic"),
        (("andi", "a0", "a1", 127), ("mulw", "a0", "a0", "a2"), "multiply"),
    ],
)
def test_listed_pairs_are_marked_on_their_first_instruction(first, second, group):
    assert _marks(first, second) == [group, ""]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("slli", "a0", "a1", 5), ("add", "a0", "a0", "a2")),  # shifted too far
        (("slli", "a0", "a1", 3), ("add", "a3", "a0", "a2")),  # the first result lives on
        (("slli", "a0", "a1", 3), ("add", "a0", "a1", "a2")),  # not linked
        (("slli", "a0", "a1", 3), ("add", "a0", "a0", "a0")),  # both sources linked
        (("slli", "a0", "a1", 32), ("srli", "a0", "a1", 32)),
        (("lui", "zero", 4096), ("addi", "zero", "zero", 5)),
    ],
)
def test_other_pairs_are_not(first, second):
    assert _marks(first, second) == ["", ""]
