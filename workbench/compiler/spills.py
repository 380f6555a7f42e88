"""Vector registers that LLVM spilled, found in the machine code, so that the layer can be scheduled smaller.

Our generators never move whole registers through memory, so a whole-register load or store is a spill.

Source: RISC-V "V" extension 1.0, section 7.9 (vector load/store whole register instructions).
"""

from __future__ import annotations

from workbench.compiler.object_file import instructions, read_elf

_LOAD_FP, _STORE_FP = 0x07, 0x27
_WHOLE_REGISTER = 0b01000


def count_spills(data: bytes) -> dict[str, int]:
    """Whole-register loads and stores of every function of an object file that has some."""
    elf = read_elf(data)
    text = elf.get_section_by_name(".text").data()
    counts = {}
    for symbol in elf.get_section_by_name(".symtab").iter_symbols():
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_size"]:
            start = symbol["st_value"]
            if count := sum(_is_whole_register(word) for _, word in instructions(text[start : start + symbol["st_size"]])):
                counts[symbol.name] = count
    return counts


def _is_whole_register(word: int) -> bool:
    is_vector = word & 0x7F in (_LOAD_FP, _STORE_FP) and word >> 12 & 7 in (0, 5, 6, 7)
    return is_vector and word >> 26 & 3 == 0 and word >> 20 & 31 == _WHOLE_REGISTER
