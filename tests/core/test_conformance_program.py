"""The random programs of the conformance check, without QEMU: they run to their end and record what they say."""

from __future__ import annotations

import numpy as np

from workbench.core.conformance.generate import EXCLUDED, Generator
from workbench.core.conformance.program import DATA_BYTES, program_of
from workbench.core.conformance.record import describe
from workbench.core.run import run_program
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import COMPRESSED

VLEN, ROUNDS = 256, 2


def test_a_program_of_every_row_runs_to_its_end_and_leaves_vstart_at_zero():
    count = len(TABLE) - len(EXCLUDED) + len(COMPRESSED)
    items = Generator(np.random.default_rng(5)).items(count)
    assert len({item.mnemonic for item in items}) == count
    program, layout = program_of(items, np.random.default_rng(6), VLEN, ROUNDS)
    output = run_program(program, None, vlen_bits=VLEN, space_bytes=16 << 20).stdout
    assert len(output) == layout.final_at + 64 * 8 + 32 * layout.vlenb + DATA_BYTES
    place = 0
    for item in items * ROUNDS:
        size = item.record_bytes(layout.vlenb)
        fields = dict(item.fields(output[place : place + size], layout.vlenb))
        assert fields["vstart"] == bytes(8), item.mnemonic
        assert int.from_bytes(fields["fcsr"], "little") >> 5 <= 4
        place += size
    assert place == layout.final_at


def test_a_difference_is_told_with_the_register_and_both_values():
    item = next(item for item in Generator(np.random.default_rng(5)).items(891) if item.mnemonic == "addw")
    ours, theirs = bytearray(item.record_bytes(16)), bytearray(item.record_bytes(16))
    ours[32:40] = (5).to_bytes(8, "little")
    text = describe(item, bytes(ours), bytes(theirs), 16)
    assert text.endswith(f"x{item.written[0]} byte 0: ours 0000000000000005, QEMU's 0000000000000000")
