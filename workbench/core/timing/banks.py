"""Banks of the L1D, with one port each: loads that meet another access in their bank issue again.

Loads of different lines in one bank and cycle conflict (with `bank_conflicts` "any" those of one line, too), and so do
loads with the writing of a line, which the book of taken banks tells (`workbench.core.timing.store_buffer`).

Source
------
OpenXiangShan/XiangShan, BankedDataArray.scala: kunminghu-v2 8dde746d7 (rr_bank_conflict, wr_bank_conflict,
rrl_bank_conflict), nanhu 997cd5b35 (rr_bank_conflict without a comparison of sets, rwhazard of all banks).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel

BOOKED_BANKS, BOOKED_CYCLES = 8, 256  # of the book; a word has the cycle above a bit for each bank
ALL_BANKS = (1 << BOOKED_BANKS) - 1
REFILL_STAGES = 5  # from the first half of a line, which loads wait for, to its way through the pipe that writes it


@inner_kernel(forceinline=True)
def bank_time(s: Any, address: int, line: int, issue: int) -> int:
    """Issue cycle of a load that reads a bank, after a conflict there if it meets one at `issue`."""
    bank = (address >> 3) & (s.l1d_banks - 1)
    taken = s.bank_book[issue & (BOOKED_CYCLES - 1)]
    is_taken = taken >> BOOKED_BANKS == issue and (taken >> bank) & 1 != 0
    if is_taken or (s.bank_cycle[bank] == issue and (s.bank_line[bank] != line or s.banks_share_port != 0)):
        s.bank_conflicts += 1
        issue += s.bank_conflict_cycles
    s.bank_cycle[bank] = issue
    s.bank_line[bank] = line
    return issue


@inner_kernel
def take_banks(s: Any, time: int, banks: int) -> None:
    """Enter in the book that a line is written to `banks`, or read from them, in a cycle."""
    slot = time & (BOOKED_CYCLES - 1)
    word = s.bank_book[slot]
    s.bank_book[slot] = (time << BOOKED_BANKS) | banks | (word & ALL_BANKS if word >> BOOKED_BANKS == time else 0)
