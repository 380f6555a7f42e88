"""The instruction table: every instruction once; decoder, encoder, disassembler and both engines are derived from it."""

from __future__ import annotations

from functools import cache

from workbench.isa.row import Row
from workbench.isa.table_float import float_rows
from workbench.isa.table_integer import integer_rows
from workbench.isa.table_matrix import matrix_rows
from workbench.isa.table_vector import vector_rows
from workbench.isa.table_vector_float import vector_float_rows
from workbench.isa.table_vector_memory import vector_memory_rows

ILLEGAL = 0  # semantic number of words that are no instruction

TABLE: tuple[Row, ...] = (
    *integer_rows(),
    *float_rows(),
    *vector_rows(),
    *vector_float_rows(),
    *vector_memory_rows(),
    *matrix_rows(),
)
"""All rows; the semantic number (`op`) of ``TABLE[i]`` is ``i + 1``."""


@cache
def numbers() -> dict[str, int]:
    """Semantic number of each mnemonic."""
    return {row.mnemonic: number for number, row in enumerate(TABLE, 1)}


def op(mnemonic: str) -> int:
    """Semantic number of a mnemonic; KeyError if the table has no such row."""
    return numbers()[mnemonic]


def row_of(number: int) -> Row:
    """The row of a semantic number (not of ILLEGAL)."""
    return TABLE[number - 1]


FIRST_VECTOR = op("vsetvl") + 1  # all numbers from here on are vector arithmetic, moves, loads and stores
