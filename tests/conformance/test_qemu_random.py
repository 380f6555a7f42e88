"""Random programs under QEMU and here leave the same bytes: every row of the table, VLEN 128 to 1024."""

from __future__ import annotations

import pytest

from workbench.core.conformance.compare import check_many
from workbench.core.conformance.generate import EXCLUDED
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import COMPRESSED

INSTRUCTIONS = 52_000


@pytest.mark.slow
def test_every_instruction_behaves_as_under_qemu(capsys):
    hits, differences = check_many(1, INSTRUCTIONS, items_per_program=1000)
    with capsys.disabled():
        print(f"\n{sum(hits.values()):,} random instructions, {len(hits)} kinds compared with QEMU")
    assert [difference.text for difference in differences] == []
    expected = {row.mnemonic for row in TABLE if row.mnemonic not in EXCLUDED} | {row.name for row in COMPRESSED}
    assert set(hits) == expected
    assert min(hits.values()) >= 20
