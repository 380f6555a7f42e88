"""Hand-made instruction streams for the timing engine: no program, no values, only what timing sees.

Used by the tests of claims about hardware and by the benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.core.config import CoreConfig
from workbench.core.timing.initial import make_state
from workbench.core.timing.readout import TimingResult, read_result
from workbench.core.timing.replay import ROW_DTYPE, replay
from workbench.isa.code import INSTRUCTION_DTYPE, NO_REGISTER, V0, Flag
from workbench.isa.fusion import fusion_mask
from workbench.isa.timing_class import TimingClass

BASE = 0x10000


class Stream:
    """Dynamic instructions in order; instructions at the same address must be the same."""

    def __init__(self) -> None:
        self.pc = BASE
        self._code: dict[int, tuple[Any, ...]] = {}
        self._rows: list[tuple[int, ...]] = []

    def add(
        self,
        kind: TimingClass,
        rd: int = NO_REGISTER,
        rs1: int = NO_REGISTER,
        rs2: int = NO_REGISTER,
        rs3: int = NO_REGISTER,
        *,
        flags: int = 0,
        raw: int = 0,
        imm: int = 1,
        mem_bytes: int = 8,
        address: int = 0,
        target: int | None = None,
        region: int = 0,
        vector: tuple[int, int, int] = (0, 3, 0),
        stride: int = 0,
        fuses: str = "",
    ) -> Stream:
        """Append an instruction at `pc`, going on to `target` or the next word; `vector` is (vl, log2 SEW, log2 LMUL).

        `fuses` names the group of the pair that it may form with the next instruction.
        """
        fusion = fusion_mask((fuses,)) if fuses else 0
        self._code[self.pc] = (imm, 1, kind, rd, rs1, rs2, rs3, flags, region, raw, mem_bytes, 4, 0, fusion)
        following = self.pc + 4 if target is None else target
        self._rows.append((self.pc - BASE >> 1, self.pc, following, address, stride, *vector, 0))
        self.pc = following
        return self

    def load(self, rd: int, address: int, rs1: int = NO_REGISTER) -> Stream:
        """An 8-byte integer load."""
        return self.add(TimingClass.LOAD, rd, rs1, flags=Flag.LOAD, address=address)

    def store(self, rs2: int, address: int, rs1: int = NO_REGISTER) -> Stream:
        """An 8-byte integer store."""
        return self.add(TimingClass.STORE, rs1=rs1, rs2=rs2, flags=Flag.STORE, address=address)

    def branch(self, taken: bool, target: int, rs1: int = NO_REGISTER) -> Stream:
        """A conditional branch to `target`."""
        return self.add(TimingClass.BRANCH, rs1=rs1, flags=Flag.BRANCH, target=target if taken else None)

    def loop(self, body: Callable[[Stream, int], object], times: int) -> Stream:
        """Run `body(stream, iteration)` at the same addresses `times` times, each closed by a branch back."""
        start = self.pc
        for iteration in range(times):
            self.pc = start
            body(self, iteration)
            self.branch(iteration < times - 1, start)
        return self

    def vector(
        self,
        kind: TimingClass,
        vd: int,
        vs2: int = NO_REGISTER,
        vs1: int = NO_REGISTER,
        vs3: int = NO_REGISTER,
        *,
        vl: int,
        sew: int,
        lmul_log2: int = 0,
        flags: int = 0,
        raw: int = 0,
        scalar: int = NO_REGISTER,
    ) -> Stream:
        """A vector operation on vector register numbers; `scalar` is a unified register number."""
        numbers = [NO_REGISTER if v == NO_REGISTER else V0 + v for v in (vd, vs2, vs1, vs3)]
        rs1 = scalar if scalar != NO_REGISTER else numbers[2]
        extra = Flag.READS_SCALAR if scalar != NO_REGISTER else 0
        return self.add(
            kind, numbers[0], rs1, numbers[1], numbers[3], flags=Flag.VECTOR | flags | extra, raw=raw,
            vector=(vl, sew.bit_length() - 1, lmul_log2),
        )  # fmt: skip

    def vector_load(self, vd: int, address: int, *, vl: int, sew: int, lmul_log2: int = 0, stride: int = 0) -> Stream:
        """A unit-stride load, or a strided one where `stride` is not 0."""
        kind = TimingClass.V_LOAD_STRIDED if stride else TimingClass.V_LOAD
        flags = Flag.VECTOR | Flag.LOAD | (Flag.STRIDED if stride else 0)
        return self.add(
            kind, V0 + vd, flags=flags, mem_bytes=sew // 8, address=address, raw=(2 << 26) if stride else 0,
            vector=(vl, sew.bit_length() - 1, lmul_log2), stride=stride,
        )  # fmt: skip

    def vector_store(self, vs: int, address: int, *, vl: int, sew: int, lmul_log2: int = 0) -> Stream:
        """A unit-stride store."""
        return self.add(
            TimingClass.V_STORE, rs3=V0 + vs, flags=Flag.VECTOR | Flag.STORE, mem_bytes=sew // 8, address=address,
            vector=(vl, sew.bit_length() - 1, lmul_log2),
        )  # fmt: skip

    def arrays(self) -> tuple[Any, Any]:
        """The predecoded code and the rows (`ROW_DTYPE`)."""
        code = np.zeros((max(self._code) - BASE >> 1) + 1, INSTRUCTION_DTYPE)
        for pc, (imm, op, *rest) in self._code.items():
            code[(pc - BASE) >> 1] = (imm, op, *rest)
        return code, np.array(self._rows, ROW_DTYPE)

    def run(self, core: CoreConfig) -> TimingResult:
        """Time the stream on a fresh core."""
        return read_result(self.run_state(core))

    def run_state(self, core: CoreConfig, device_end: int | None = None) -> Any:
        """The engine's state after the stream; `device_end` as in `make_state`."""
        state = make_state(core, device_end=device_end)
        code, rows = self.arrays()
        replay(state, code, rows, np.zeros(1, np.int64), len(rows))
        return state
