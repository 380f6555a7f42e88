"""Random legal instruction sequences, each a short list of words ("item") that exercises one row of the table.

x28 to x31 and sp (in the data area) are reserved for addresses. Vector instructions are made legal by a vsetvli in front
where the present type does not suit them; the overlaps that the manual reserves are avoided. Rounding modes, flags, vxrm
and vstart change along the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from workbench.core.conformance.compressed import compressed_item
from workbench.core.conformance.record import ADDRESS, DATA, LOG, TEMPORARY, Item, written_registers
from workbench.isa.code import Flag
from workbench.isa.encode import encode, vtype
from workbench.isa.operands import Operand
from workbench.isa.row import Row
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import COMPRESSED
from workbench.isa.table_matrix import matrix_rows

EXCLUDED = {
    "ecall": "ends the program",
    "ebreak": "ends the program",
    "mret": "needs machine mode",
    "wfi": "needs machine mode",
    "czero.eqz": "Zicond came with QEMU 8",
    "czero.nez": "Zicond came with QEMU 8",
    **{row.mnemonic: "SpacemiT's matrix instructions are unknown to QEMU" for row in matrix_rows()},
}
"""Rows that are not compared, with the reason."""
ROWS = tuple(row for row in TABLE if row.mnemonic not in EXCLUDED)
DEVIATIONS = {
    "ctzw": "QEMU 7.2 looks into the upper half where the lower one is zero: given sign-extended words only",
    "rtz": "QEMU 7.2 aborts on a vector conversion of static rounding that begins a block: a float comes first",
    "vstart": "QEMU 7.2 does not reset one that is >= vl, nor after slides up, scalar and whole-register moves: left out",
    "vm = 0": "QEMU 7.2 executes vcompress.vm and vmand.mm and the like so, which the manual reserves: illegal here",
    "vill": "QEMU 7.2 moves whole registers without a vector type, on which these depend: illegal here",
    "vxrm, vxsat": "QEMU 7.2 keeps bits that are no part of them: written with legal values only",
}
"""Where QEMU 7.2 differs from the manual, which wins, and what the random programs do about it."""
_VL = 0xC20
_READ_ONLY = (_VL, 0xC21, 0xC22)  # with vtype and vlenb
_FFLAGS, _FRM, _FCSR, _VSTART, _VXSAT, _VXRM, _VCSR = 0x001, 0x002, 0x003, 0x008, 0x009, 0x00A, 0x00F
_WRITABLE = {_FFLAGS: 31, _FRM: 4, _FCSR: 0x9F, _VXSAT: 1, _VXRM: 3, _VCSR: 7}  # with the largest value that is written
_LMULS = {-3: 0.125, -2: 0.25, -1: 0.5, 0: 1, 1: 2, 2: 4, 3: 8}
_NO_OVERLAP = {"slideup", "slide1up", "gather", "gather16", "gather_one", "compress", "iota", "msbf", "msof", "msif"}
_TRAPS_LATER = {"cpop", "first", "msbf", "msof", "msif", "iota", "compress"}  # where vstart is not 0
_KEEPS_VSTART = {"slideup", "mv_f_s", "mv_s_x", "mv_x_s", "move_whole", "whole"}  # in QEMU 7.2
_MOST_STRIDE = 28  # bytes: 1,024 elements stay within half of the data area, from its middle on
_FLOAT_EXTENSIONS = ("F", "D", "Zfh")


@dataclass
class Generator:
    """Draws items; the present vector type is followed statically."""

    rng: np.random.Generator
    sew: int = 3  # log2 of bits
    lmul: int = 0
    _order: list[int] = field(default_factory=list)

    def items(self, count: int) -> list[Item]:
        """`count` items; every row comes once before any comes twice."""
        return [self.next_item() for _ in range(count)]

    def next_item(self) -> Item:
        """One item of the next row in a shuffled order."""
        if not self._order:
            self._order = list(self.rng.permutation(len(ROWS) + len(COMPRESSED)))
        number = self._order.pop()
        if number >= len(ROWS):
            short = COMPRESSED[number - len(ROWS)]
            return Item(short.name, *compressed_item(short, self.rng))
        words = self._words(row := ROWS[number])
        last = next(word for word in reversed(words) if word & row.mask == row.match)
        code = b"".join(word.to_bytes(4, "little") for word in words)
        return Item(row.mnemonic, code, written_registers(row, last, self._registers(row)))

    def _registers(self, row: Row) -> int:
        """Vector registers of the destination, at most."""
        form = row.vector
        if form is None or row.flags & Flag.REDUCTION or row.flags & Flag.WRITES_MASK:
            return 1
        if form.group == "load":
            group = self.lmul if form.function == "indexed" else self._encoded_lmul(row)
            return row.fields * (1 if form.function == "whole" else 1 << max(group, 0))
        if form.function == "move_whole":
            return (row.match >> 15 & 7) + 1
        return 1 << max(self.lmul + form.dest, 0)

    def _words(self, row: Row) -> list[int]:
        if row.vector is not None:
            return self._vector(row)
        if row.flags & Flag.VSET:
            return self._configure(row)
        if row.flags & Flag.ATOMIC:
            return self._atomic(row)
        if row.flags & (Flag.LOAD | Flag.STORE):
            return [self._fill(row, rs1=DATA)]
        if row.flags & Flag.BRANCH:
            return [self._fill(row, b=8), self._filler()]
        if row.mnemonic == "jal":
            return [self._fill(row, j=8), self._filler()]
        if row.mnemonic == "jalr":
            return [encode("auipc", TEMPORARY, 0), self._fill(row, rs1=TEMPORARY, i=12), self._filler()]
        if row.mnemonic == "auipc":  # the value depends on the place, which is the same everywhere
            return [self._fill(row)]
        if row.extension == "Zicsr":
            return self._csr(row)
        if row.extension in _FLOAT_EXTENSIONS:
            return [*self._clear_flags(), self._fill(row)]
        if row.mnemonic == "ctzw":  # QEMU 7.2 looks into the upper half where the lower one is zero
            return [encode("addiw", TEMPORARY, self._x(), 0), self._fill(row, rs1=TEMPORARY)]
        return [self._fill(row)]

    def _clear_flags(self) -> list[int]:
        """Now and then, as flags stay set."""
        return [encode("csrrwi", 0, _FFLAGS, 0)] if self.rng.random() < 0.5 else []

    def _filler(self) -> int:
        return encode("addi", self._x(), self._x(), self._integer(-2048, 2048))

    def _integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def _x(self) -> int:
        register = self._integer(0, LOG)
        return 0 if register == 2 else register

    def _fill(self, row: Row, **given: int) -> int:
        """The row's word with random operands, those in `given` as they say."""
        word = row.match
        for operand in row.operands:
            value = given[operand.name] if operand.name in given else self._scalar_operand(row, operand)
            word |= operand.place(value)
        return word

    def _scalar_operand(self, row: Row, operand: Operand) -> int:
        if operand.kind == "x":
            return self._x()
        if operand.kind in "fv":
            return self._integer(0, 32)
        if operand.kind == "rm":
            return int(self.rng.choice([0, 1, 2, 3, 4, 7, 7, 7]))
        if operand.kind == "vm":
            return self._integer(0, 2)
        bits = operand.bits
        if operand.name == "u":
            return self._integer(-(1 << 19), 1 << 19) << 12
        return self._integer(-(1 << bits - 1), 1 << bits - 1) if operand.is_signed else self._integer(0, 1 << bits)

    def _csr(self, row: Row) -> list[int]:
        """Reads of the state of vectors and floats, and writes of legal values to it."""
        number, value = int(self.rng.choice([*_READ_ONLY, *_WRITABLE])), 0
        if row.mnemonic in ("csrrw", "csrrwi") or self.rng.random() < 0.5:
            number = int(self.rng.choice(list(_WRITABLE)))
            value = self._integer(0, _WRITABLE[number] + 1)
            if number in (_FRM, _FCSR) and (self.rng.random() < 0.5 or row.mnemonic in ("csrrs", "csrrsi")):
                value = 0
        given = {"csr": number, "rs1": TEMPORARY if value else 0, "zimm": value & 31}
        return [encode("addi", TEMPORARY, 0, value), self._fill(row, **given)]

    def _atomic(self, row: Row) -> list[int]:
        address = encode("addi", ADDRESS, DATA, self._integer(-256, 256) * 8)
        words = [address]
        if row.mnemonic.startswith("sc."):
            words.append(encode("lr" + row.mnemonic[2:], self._x(), ADDRESS))
        return [*words, self._fill(row, rs1=ADDRESS)]

    def _configure(self, row: Row) -> list[int]:
        """A vset of each kind, now and then with an illegal type, then a legal vsetivli to go on with."""
        self._choose_type(None)
        value = self._type_value() if self.rng.random() < 0.8 else self._integer(0, 1 << 10)
        if row.mnemonic == "vsetvl":
            words = [encode("addi", TEMPORARY, 0, value), self._fill(row, rs2=TEMPORARY)]
        else:
            words = [self._fill(row, vtype11=value, vtype10=value)]
        return [*words, self._set_length()]

    def _type_value(self) -> int:
        agnostic = self._integer(0, 4)
        return vtype(1 << self.sew, _LMULS[self.lmul], tail_agnostic=bool(agnostic & 1), mask_agnostic=bool(agnostic & 2))

    def _set_length(self) -> int:
        if self.rng.random() < 0.5:
            return encode("vsetivli", self._x(), self._integer(0, 32), self._type_value())
        return encode("vsetvli", self._x(), self._x(), self._type_value())

    def _choose_type(self, row: Row | None) -> None:
        while True:
            self.sew, self.lmul = self._integer(3, 7), self._integer(-3, 4)
            if self.sew <= 6 + min(self.lmul, 0) and (row is None or self._suits(row)):
                return

    def _suits(self, row: Row) -> bool:
        assert row.vector is not None
        form = row.vector
        if form.group in ("load", "store"):
            return self._memory_suits(row)
        shifts = (form.dest, form.wide2, form.wide1)
        if not all(3 <= self.sew + s <= 6 and -3 <= self.lmul + s <= 3 for s in shifts):
            return False
        if form.function == "gather16" and not -3 <= self.lmul + 4 - self.sew <= 3:
            return False
        floats = form.group in ("float", "float_compare", "reduce_float") or form.source == "f" or form.function == "mv_f_s"
        if floats or form.function == "class":
            return self.sew >= 4
        if form.group == "convert":
            takes, gives = form.function[0] == "f", "_f" in form.function
            return not (takes and self.sew + form.wide2 < 4 or gives and self.sew + form.dest < 4)
        return True

    def _memory_suits(self, row: Row) -> bool:
        assert row.vector is not None
        if row.vector.function in ("mask", "whole"):
            return True
        encoded = self._encoded_lmul(row)
        data = self.lmul if row.vector.function == "indexed" else encoded
        return -3 <= encoded <= 3 and row.fields * (1 << max(data, 0)) <= 8

    def _encoded_lmul(self, row: Row) -> int:
        return row.mem_bytes.bit_length() + 2 - self.sew + self.lmul

    def _vector(self, row: Row) -> list[int]:
        words = []
        if not self._suits(row) or self.rng.random() < 0.4:
            self._choose_type(row)
            words.append(self._set_length())
        assert row.vector is not None
        if row.vector.group in ("load", "store"):
            later, access = self._start_later(row), self._access(row)
            if row.flags & Flag.INDEXED:  # the indices are cut by vector instructions
                return [*words, *access[:-1], *later, access[-1]]
            return [*words, *later, *access]
        if ".rtz." not in row.mnemonic and ".rod." not in row.mnemonic:
            words += self._start_later(row)
        given: dict[str, int] = {}
        if row.vector.function in ("slideup", "slidedown", "gather_one") and row.vector.source == "x":
            words.append(encode("addi", TEMPORARY, 0, self._integer(0, 40)))
            given["rs1"] = TEMPORARY if self.rng.random() < 0.8 else self._x()
        if ".rtz." in row.mnemonic or ".rod." in row.mnemonic:
            registers = [self._integer(0, 32) for _ in range(3)]
            return [*words, *self._clear_flags(), encode("fadd.s", *registers), self._arithmetic(row, given)]
        return [*words, *self._clear_flags(), self._arithmetic(row, given)]

    def _start_later(self, row: Row) -> list[int]:
        """Now and then a vstart, where that does not trap."""
        assert row.vector is not None
        excluded = row.flags & Flag.REDUCTION or row.vector.function in _TRAPS_LATER | _KEEPS_VSTART
        if excluded or self.rng.random() < 0.93:
            return []
        return [
            encode("csrrs", TEMPORARY, _VL, 0),
            encode("srli", TEMPORARY, TEMPORARY, self._integer(1, 4)),
            encode("csrrw", 0, _VSTART, TEMPORARY),
        ]

    def _arithmetic(self, row: Row, given: dict[str, int]) -> int:
        form = row.vector
        assert form is not None
        masks = form.group == "mask" or row.flags & Flag.WRITES_MASK
        single_vd = row.flags & Flag.REDUCTION or masks and form.function not in ("iota", "id")
        lmul = {
            "vd": 0 if single_vd or form.function == "mv_s_x" else self.lmul + form.dest,
            "vs2": 0 if form.group == "mask" or form.function in ("mv_x_s", "mv_f_s") else self.lmul + form.wide2,
            "vs1": self.lmul + form.wide1,
        }
        if row.flags & Flag.REDUCTION or form.group == "mask" or form.function == "compress":
            lmul["vs1"] = 0
        if form.function == "gather16":
            lmul["vs1"] = self.lmul + 4 - self.sew
        if form.function == "move_whole":
            lmul = dict.fromkeys(lmul, {0: 0, 1: 1, 3: 2, 7: 3}[row.match >> 15 & 7])
        names = [operand.name for operand in row.operands]
        for _ in range(1000):
            chosen = {name: self._group(lmul[name]) for name in names if name in lmul}
            if "vm" in names:
                chosen["vm"] = self._integer(0, 2)
            if self._is_legal(row, chosen, lmul, bool(single_vd)):
                return self._fill(row, **chosen, **given)
        raise AssertionError(f"no legal registers for {row.mnemonic}")

    def _group(self, lmul: int) -> int:
        size = 1 << max(lmul, 0)
        return self._integer(0, 32 // size) * size

    def _is_legal(self, row: Row, chosen: dict[str, int], lmul: dict[str, int], single_vd: bool) -> bool:
        form = row.vector
        assert form is not None
        if "vd" not in chosen:
            return True
        target = _span(chosen["vd"], lmul["vd"])
        reads_mask = chosen.get("vm") == 0 or form.uses_v0
        mask_to_mask = form.group == "mask" and form.function not in ("iota", "id", "msbf", "msof", "msif")
        if reads_mask and 0 in target and not (row.flags & (Flag.WRITES_MASK | Flag.REDUCTION) and not form.group == "mask"):
            return False
        if row.flags & Flag.REDUCTION or mask_to_mask or form.function in ("mv_s_x", "move_whole"):
            return True
        for name, shift in (("vs2", form.wide2), ("vs1", form.wide1)):
            if name not in chosen:
                continue
            same_width = shift == form.dest and not row.flags & Flag.WRITES_MASK and form.function != "gather16"
            if same_width and form.function not in _NO_OVERLAP:
                continue
            if target & _span(chosen[name], lmul[name]):
                return False
        return True

    def _access(self, row: Row) -> list[int]:
        form = row.vector
        assert form is not None
        function, fields = form.function, row.fields
        encoded = self._encoded_lmul(row)
        data_lmul = self.lmul if function == "indexed" else encoded
        if function == "whole":
            data_lmul, fields = {1: 0, 2: 1, 4: 2, 8: 3}[fields], 1
        elif function == "mask":
            data_lmul = 0
        vm = self._integer(0, 2)
        data_name = "vs3" if form.group == "store" else "vd"
        while True:
            given = {data_name: self._group(data_lmul)}
            span = set().union(*(_span(given[data_name] + f * (1 << max(data_lmul, 0)), data_lmul) for f in range(fields)))
            if max(span) > 31 or (vm == 0 and 0 in span):
                continue
            if function == "indexed":
                given["vs2"] = self._group(encoded)
                if span & _span(given["vs2"], encoded):
                    continue
            break
        words = [encode("addi", ADDRESS, DATA, self._integer(-2048, 2048))]
        if function == "strided":
            words.append(encode("addi", TEMPORARY, 0, self._integer(-_MOST_STRIDE, _MOST_STRIDE + 1)))
            given["rs2"] = TEMPORARY if self.rng.random() < 0.9 else 0
        if function == "indexed" and row.mem_bytes > 1:
            words += self._bound_indices(given["vs2"], row.mem_bytes * 8, encoded)
        given |= {"rs1": ADDRESS, "vm": vm}
        return [*words, self._fill(row, **given)]

    def _bound_indices(self, register: int, bits: int, lmul: int) -> list[int]:
        """Cut indices to 10 bits, with the vector type changed for it (the ratio and so vl stay) and restored."""
        before = self._type_value()
        return [
            encode("addi", TEMPORARY, 0, 1023),
            encode("vsetvli", 0, 0, vtype(bits, _LMULS[lmul])),
            encode("vand.vx", register, register, TEMPORARY),
            encode("vsetvli", 0, 0, before),
        ]


def _span(register: int, lmul: int) -> set[int]:
    return set(range(register, register + (1 << max(lmul, 0))))
