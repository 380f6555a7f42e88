"""Random programs under QEMU and here record and leave the same bytes: every row of the table, VLEN 128 to 1024."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from workbench.core.conformance.compare import check_many
from workbench.core.conformance.generate import EXCLUDED
from workbench.core.conformance.legality import compare_legality, is_excused, random_candidates
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import COMPRESSED

INSTRUCTIONS = 200_000


@pytest.mark.slow
def test_every_instruction_behaves_as_under_qemu(capsys):
    hits, differences = check_many(1, INSTRUCTIONS)
    with capsys.disabled():
        print(f"\n{hits.total():,} random instructions, {len(hits)} kinds compared with QEMU")
    assert [difference.text for difference in differences] == []
    expected = {row.mnemonic for row in TABLE if row.mnemonic not in EXCLUDED} | {row.name for row in COMPRESSED}
    assert set(hits) == expected
    assert min(hits.values()) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("vlen_bits", [128, 512])
def test_the_same_words_are_illegal_as_under_qemu(vlen_bits, tmp_path):
    candidates = random_candidates(np.random.default_rng(vlen_bits), 6000)
    different = compare_legality(candidates, vlen_bits, tmp_path)
    assert [candidate.describe() for candidate, _ in different if not is_excused(candidate)] == []


@pytest.mark.slow
def test_the_kernels_stay_inside_their_arrays():
    """Numba's bounds checks on everything that a random program reaches."""
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1"}
    command = [sys.executable, "-m", "workbench.core.conformance", "20000", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
