"""A few rounds of `benchmarks/fuzz_readers.py` over every registered reader: a design or one sentence, nothing else."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from workbench.netlist.formats import READERS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from fuzz_readers import damage, fuzz  # noqa: E402


@pytest.mark.parametrize("kind", READERS, ids=lambda kind: kind.name)
def test_damaged_samples_are_read_or_refused_in_a_sentence(kind, tmp_path):
    outcomes = {fuzz(kind.name, random.Random(f"{kind.name} {seed}"), tmp_path / str(seed)) for seed in range(12)}
    assert outcomes <= {"read", "refused"} and "refused" in outcomes


def test_the_damage_is_the_same_for_the_same_seed():
    data = bytes(range(32, 127)) * 3
    assert damage(data, random.Random(5)) == damage(data, random.Random(5)) != data
