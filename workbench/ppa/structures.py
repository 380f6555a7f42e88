"""What hardware is made of: bits of SRAM, flip-flops, and counts of generic cells.

A `Structure` has no size until a technology gives one. Register files and queues are flip-flops with AND-OR ports, as
synthesised cores have them; arithmetic is counted in full adders and multiplexers.

Source: cell counts are those of the textbook circuits (radix-4 Booth multiplier, barrel shifter, carry-select adder; Weste
and Harris, CMOS VLSI Design, 4th ed., ch. 11). Accuracy: `tests/ppa/test_area.py` compares with published areas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2

Cells = dict[str, float]


@dataclass(frozen=True)
class Structure:
    """A block of a core or accelerator.

    Attributes
    ----------
    name: what it is.
    part: the part of the design it counts to (``frontend``, ``backend``, ``execution``, ``vector``, ``l1``, ...).
    sram_bits: bits in SRAM macros.
    flip_flops: single-bit registers.
    cells: other generic cells (names of `workbench.netlist.leaf.GENERIC_CELLS`).
    """

    name: str
    part: str
    sram_bits: float = 0.0
    flip_flops: float = 0.0
    cells: Cells = field(default_factory=dict)

    def times(self, count: float) -> Structure:
        """`count` of it."""
        cells = {name: value * count for name, value in self.cells.items()}
        return Structure(self.name, self.part, self.sram_bits * count, self.flip_flops * count, cells)


def add_cells(*bags: Cells) -> Cells:
    """The sum of bags of cells."""
    total: Cells = {}
    for bag in bags:
        for name, count in bag.items():
            total[name] = total.get(name, 0.0) + count
    return total


def sram(name: str, part: str, bits: float) -> Structure:
    """A memory array in SRAM macros."""
    return Structure(name, part, sram_bits=bits)


def register_file(name: str, part: str, entries: int, bits: int, reads: int, writes: int) -> Structure:
    """Registers of `bits` with that many ports: a flip-flop a bit, an AND-OR gate a bit and port after the first write."""
    stored = entries * bits
    return Structure(name, part, flip_flops=stored, cells={"aoi21": stored * (reads + writes - 1)})


def queue(name: str, part: str, entries: int, bits: int, ports: int, tag_bits: int = 0, matches: int = 0) -> Structure:
    """A queue with random access: storage, `ports` read and write ports together, and tag comparators."""
    stored = entries * bits
    compare = entries * tag_bits * matches
    cells = {"aoi21": float(stored * max(ports - 1, 1)), "xor2": float(compare), "nand2": float(compare)}
    return Structure(name, part, flip_flops=stored, cells=cells)


def shifter(bits: int) -> Cells:
    """A barrel shifter."""
    return {"mux2": bits * ceil(log2(bits))}


def adder(bits: int) -> Cells:
    """A carry-select adder: half as many full adders again as a ripple adder, and the selecting multiplexers."""
    return {"full_adder": 1.5 * bits, "mux2": 0.5 * bits}


def multiplier(bits: int) -> Cells:
    """A radix-4 Booth multiplier: bits/2 partial products of `bits` selected and added, and the final adder."""
    products = bits * bits / 2
    return add_cells({"full_adder": products, "mux2": products}, adder(2 * bits))


def alu(bits: int = 64) -> Cells:
    """Adder, shifter in both directions, bitwise logic and the result multiplexer."""
    return add_cells(adder(bits), shifter(bits), shifter(bits), {"nand2": 4 * bits, "mux2": 3 * bits})


def divider(bits: int = 64) -> Structure:
    """A radix-4 iterative divider (two subtract stages, quotient selection, three registers)."""
    return Structure(
        "divider", "execution", flip_flops=3 * bits, cells=add_cells(adder(bits), adder(bits), {"mux2": 3 * bits})
    )


def fused_multiply_add(mantissa_bits: int, stages: int = 4) -> Structure:
    """A floating multiply-add: mantissa multiplier, alignment and normalisation shifts, wide adder, pipeline registers."""
    wide = 3 * mantissa_bits
    cells = add_cells(multiplier(mantissa_bits), shifter(wide), adder(wide), shifter(wide), adder(mantissa_bits))
    return Structure("multiply-add", "execution", flip_flops=stages * (wide + mantissa_bits), cells=cells)


def matrix_unit(products: float, sum_bits: int) -> Structure:
    """Products of bytes, that many a cycle, summed eight by eight into `sum_bits` bits of sums of 32 bits.

    Operands (each byte feeds four products), products and sums are registered: three stages.
    """
    tree = {name: count / 8 for name, count in add_cells(*[adder(18)] * 7, adder(32)).items()}
    cells = {name: count * products for name, count in add_cells(multiplier(8), tree).items()}
    return Structure("matrix unit", "vector", flip_flops=products * (2 * 8 / 4 + 16) + sum_bits, cells=cells)


def logic(name: str, part: str, cells: Cells, flip_flops: float = 0.0) -> Structure:
    """Combinational cells with their output registers."""
    return Structure(name, part, flip_flops=flip_flops, cells=cells)
