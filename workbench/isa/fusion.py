"""Pairs of neighbouring instructions that a decoder may fuse into one operation, and the mark of the first of a pair.

A pair writes one register: the second instruction reads what the first wrote and overwrites it. Which groups a core
fuses is in its file (`backend.fusion`).

Source
------
XiangShan, backend/decode/FusionDecoder.scala (kunminghu-v2): the list of fused pairs, here by group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.isa.table import op

FUSION_GROUPS = ("immediate", "zero_extend", "shift_add", "mask_add", "narrow", "logic", "multiply")
_ANY: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Pair:
    """First and second mnemonics with their immediates (any if empty); `commutes` if either source may be the link."""

    group: str
    first: str
    first_imm: tuple[int, ...]
    second: str
    second_imm: tuple[int, ...]
    commutes: bool = False


_PAIRS = (
    _Pair("immediate", "lui", _ANY, "addi addiw", _ANY),
    _Pair("zero_extend", "slli", (32,), "srli", (29, 30, 31, 32)),
    _Pair("zero_extend", "slli", (48,), "srli", (48,)),
    _Pair("zero_extend", "slliw", (16,), "srliw sraiw", (16,)),
    _Pair("shift_add", "slli", (1, 2, 3, 4), "add", _ANY, commutes=True),
    _Pair("shift_add", "srli", (29, 30, 31, 32), "add", _ANY, commutes=True),
    _Pair("mask_add", "andi", (1,), "add addw", _ANY, commutes=True),
    _Pair("narrow", "addw addiw", _ANY, "andi", (1, 255)),
    _Pair("narrow", "addw addiw", _ANY, "zext.h sext.h", _ANY),
    _Pair("logic", "srli", (8,), "andi", (255,)),
    _Pair("logic", "andi and ori or xori xor orc.b", _ANY, "andi", (1,)),
    _Pair("logic", "andi and ori or xori xor orc.b", _ANY, "zext.h", _ANY),
    _Pair("logic", "andi", (-256,), "or", _ANY, commutes=True),
    _Pair("multiply", "andi", (127,), "mulw", _ANY, commutes=True),
)


def fusion_mask(groups: tuple[str, ...]) -> int:
    """Bits of groups by name."""
    return sum(1 << FUSION_GROUPS.index(group) for group in set(groups))


def mark_fusion(entries: np.ndarray, addresses: np.ndarray | None = None) -> None:
    """Set `fusion` of every instruction that may fuse with the one right after it to the bit of the pair's group.

    Without `addresses` the entries are parcels of 2 bytes in order.
    """
    places = np.arange(len(entries))
    following = places + entries["length"] // 2 if addresses is None else _following(entries, addresses)
    first = places[(following < len(entries)) & (entries["rd"] > 0) & (entries["rd"] < 32)]
    first = first[entries["rd"][first] == entries["rd"][following[first]]]
    second = following[first]
    link = entries["rd"][first]
    to_first = entries["rs1"][second] == link
    either = (to_first | (entries["rs2"][second] == link)) & (entries["rs1"][second] != entries["rs2"][second])
    for pair in _PAIRS:
        chosen = _is(entries, first, pair.first, pair.first_imm) & _is(entries, second, pair.second, pair.second_imm)
        chosen &= either if pair.commutes else to_first
        entries["fusion"][first[chosen]] = fusion_mask((pair.group,))


def _following(entries: np.ndarray, addresses: np.ndarray) -> np.ndarray:
    """Place of the entry right behind each entry (the last of several at one address), the number of entries if unknown."""
    order = np.argsort(addresses, kind="stable")
    wanted = addresses + entries["length"]
    at = np.searchsorted(addresses[order], wanted, side="right") - 1
    found = order[np.maximum(at, 0)]
    return np.where((at >= 0) & (addresses[found] == wanted), found, len(entries))


def _is(entries: np.ndarray, places: np.ndarray, mnemonics: str, immediates: tuple[int, ...]) -> np.ndarray:
    chosen = np.isin(entries["op"][places], [op(name) for name in mnemonics.split()])
    if immediates:
        chosen &= np.isin(entries["imm"][places], immediates)
    return chosen
