"""Random legal instruction sequences, each a short list of words ("item") that exercises one row of the table.

x29, x30 (middle of the data area), x31 and sp (also there) are reserved for addresses. Vector instructions are made
legal by a vsetvli in front where the present type does not suit them; the overlaps that the manual reserves are avoided.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from workbench.core.conformance.compressed import compressed_item
from workbench.isa.code import Flag
from workbench.isa.encode import encode, vtype
from workbench.isa.operands import Operand
from workbench.isa.row import Row
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import COMPRESSED

TEMPORARY, DATA, ADDRESS = 29, 30, 31
EXCLUDED = {
    "ecall": "ends the program",
    "ebreak": "ends the program",
    "mret": "needs machine mode",
    "wfi": "needs machine mode",
    "czero.eqz": "Zicond came with QEMU 8",
    "czero.nez": "Zicond came with QEMU 8",
}
"""Rows that are not compared, with the reason."""
ROWS = tuple(row for row in TABLE if row.mnemonic not in EXCLUDED)
_CSRS = (0xC20, 0xC21, 0xC22, 0x009, 0x00A)  # vl vtype vlenb vxsat vxrm
_LMULS = {-3: 0.125, -2: 0.25, -1: 0.5, 0: 1, 1: 2, 2: 4, 3: 8}
_NO_OVERLAP = {"slideup", "slide1up", "gather", "gather16", "gather_one", "compress", "iota", "msbf", "msof", "msif"}
_INTEGER_TO_FLOAT = {"fcvt.s.l", "fcvt.s.lu", "fcvt.d.l", "fcvt.d.lu", "fcvt.s.w", "fcvt.s.wu", "fcvt.d.w", "fcvt.d.wu"}


@dataclass(frozen=True)
class Item:
    """What was generated for one row: its mnemonic and machine code."""

    mnemonic: str
    code: bytes


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
            row = COMPRESSED[number - len(ROWS)]
            return Item(row.name, compressed_item(row, self.rng))
        words = self._words(ROWS[number])
        return Item(ROWS[number].mnemonic, b"".join(word.to_bytes(4, "little") for word in words))

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
        if row.mnemonic == "ctzw":  # QEMU 7.2 looks into the upper half where the lower one is zero
            return [encode("addiw", TEMPORARY, self._x(), 0), self._fill(row, rs1=TEMPORARY)]
        return [self._fill(row)]

    def _filler(self) -> int:
        return encode("addi", self._x(), self._x(), self._integer(-2048, 2048))

    def _integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def _x(self) -> int:
        register = self._integer(0, TEMPORARY)
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
            free = row.mnemonic.startswith("fcvt") and row.mnemonic not in _INTEGER_TO_FLOAT
            return self._integer(0, 5) if free else int(self.rng.choice([0, 7]))
        if operand.kind == "vm":
            return self._integer(0, 2)
        bits = operand.bits
        if operand.name == "u":
            return self._integer(-(1 << 19), 1 << 19) << 12
        return self._integer(-(1 << bits - 1), 1 << bits - 1) if operand.is_signed else self._integer(0, 1 << bits)

    def _csr(self, row: Row) -> list[int]:
        """Reads of vector state, and writes of vxrm and vxsat that are legal values (QEMU 7.2 keeps any bits)."""
        number, is_write = int(self.rng.choice(_CSRS)), self.rng.random() < 0.5
        if is_write or row.mnemonic in ("csrrw", "csrrwi"):
            number = int(self.rng.choice([0x009, 0x00A]))
        value = self._integer(0, 4 if number == 0x00A else 2) if number in (0x009, 0x00A) else 0
        given = {"csr": number, "rs1": TEMPORARY if value else 0, "zimm": value}
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
            return self.sew >= 5
        if form.group == "convert":
            takes, gives = form.function[0] == "f", "_f" in form.function
            return not (takes and self.sew + form.wide2 < 5 or gives and self.sew + form.dest < 5)
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
            return words + self._access(row)
        given: dict[str, int] = {}
        if row.vector.function in ("slideup", "slidedown", "gather_one") and row.vector.source == "x":
            words.append(encode("addi", TEMPORARY, 0, self._integer(0, 40)))
            given["rs1"] = TEMPORARY if self.rng.random() < 0.8 else self._x()
        if ".rtz." in row.mnemonic:  # QEMU 7.2 aborts unless the translation block already uses the dynamic mode
            words.append(encode("fadd.s", self._integer(0, 32), self._integer(0, 32), self._integer(0, 32)))
        return [*words, self._arithmetic(row, given)]

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
            words.append(encode("addi", TEMPORARY, 0, self._integer(-64, 65)))
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
