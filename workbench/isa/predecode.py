"""Predecode: a program's executable segments as an array of `INSTRUCTION_DTYPE`, one entry per 2-byte parcel."""

from __future__ import annotations

from workbench.isa.code import F0, INSTRUCTION_DTYPE, NO_REGISTER, V0, X0, Flag

__all__ = ["F0", "INSTRUCTION_DTYPE", "NO_REGISTER", "V0", "X0", "Flag"]
