"""One row of the instruction table, and the description of a vector instruction's semantics."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.isa.code import Flag
from workbench.isa.operands import Operand, operands_of
from workbench.isa.timing_class import TimingClass


@dataclass(frozen=True)
class VectorForm:
    """What the vector unit does for an instruction.

    Attributes
    ----------
    group: the kernel family (int, float, convert, mask, ...).
    function: operation within the group.
    source: first operand: v (vs1), x, f (scalar registers), i (immediate), "" (none).
    dest, wide2, wide1: log2 of the element width of vd, vs2, vs1 relative to SEW.
    signs: sign or zero extension of vs2 and vs1 ("ss", "uu", "su").
    reads_vd: the destination is also a source.
    uses_v0: v0 is an operand (carry, merge), not a mask.
    """

    group: str
    function: str
    source: str = ""
    dest: int = 0
    wide2: int = 0
    wide1: int = 0
    signs: str = "ss"
    reads_vd: bool = False
    uses_v0: bool = False


@dataclass(frozen=True)
class Row:
    """An instruction: encoding, assembly syntax, timing, properties, and for vectors the semantics' parameters.

    Attributes
    ----------
    mnemonic: the standard's spelling.
    syntax: operands as written in assembly; their names are fields of `operands.OPERANDS`.
    match, mask: a word is this instruction if ``word & mask == match``.
    mem_bytes: scalar access size, or bytes of the encoded element width.
    fields: segments of vector segment accesses (1 for others).
    """

    mnemonic: str
    syntax: str
    match: int
    mask: int
    extension: str
    timing: TimingClass
    flags: Flag = Flag(0)
    mem_bytes: int = 0
    fields: int = 1
    vector: VectorForm | None = None

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The encoded operands, in assembly order."""
        return operands_of(self.syntax)
