"""The RTL designs run programs: simulated by Icarus Verilog, their results compared with numpy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from workbench.base.config import read_toml
from workbench.netlist.readers.verilog_config import VerilogConfig

pytestmark = pytest.mark.slow
BENCHES = Path(__file__).parent / "rtl"


def simulate(root: Path, name: str, folder: Path, memory: bytes, program: list[str], **parameters: int) -> list[str]:
    """Lines of result.hex after the program has run on a design."""
    rtl = root / "netlists" / name
    files = [rtl / f for f in read_toml(rtl / "netlist.toml", VerilogConfig).files if "sram_macros" not in f]
    words = np.frombuffer(memory.ljust(4096 * 8, b"\0"), "<u8")
    (folder / "memory.hex").write_text("\n".join(f"{word:016x}" for word in words))
    (folder / "program.hex").write_text("\n".join(program))
    values = [f"-Pbench.{key}={value}" for key, value in (parameters | {"LENGTH": len(program)}).items()]
    sources = [*files, BENCHES / "sram.v", BENCHES / f"{name}_bench.v"]
    command = ["iverilog", "-g2005", "-s", "bench", "-I", rtl / "rtl", "-o", folder / "bench", *values, *sources]
    subprocess.run(command, check=True, cwd=folder)
    subprocess.run(["vvp", "-n", folder / "bench"], check=True, cwd=folder, timeout=300)
    return [line for line in (folder / "result.hex").read_text().splitlines() if not line.startswith("//")]


class VectorProgram:
    """Builds a program for rvv_npu: data in, operations, each with its expected result, data out."""

    def __init__(self, vlen_bits: int, data: list[np.ndarray]) -> None:
        self.words_per_register = vlen_bits // 64
        self.memory = b"".join(values.tobytes() for values in data)
        self.results = len(self.memory) // 8
        self.entries: list[str] = []
        self.expected: list[bytes] = []
        self.transfer(0, 0, self.results, to_memory=False)
        self.configure(2, vlen_bits // 32)
        for register in range(len(data)):
            self.add(0b0000111 | 1 << 25 | (register + 1) << 7, 0, register * self.words_per_register | 1 << 16)

    def add(self, instruction: int, operand1: int = 0, operand2: int = 0) -> None:
        self.entries.append(f"{operand2:016x}{operand1:016x}{instruction:08x}")

    def configure(self, sew: int, length: int) -> None:
        self.add(0b1010111 | 7 << 12 | sew << 23, length)

    def transfer(self, memory_word: int, scratchpad_word: int, words: int, to_memory: bool) -> None:
        self.add(0b0001011 | to_memory << 12, 8 * memory_word, scratchpad_word | words // 2 << 48)

    def operate(
        self,
        function6: int,
        function3: int,
        vd: int,
        vs2: int,
        vs1: int,
        expected: np.ndarray,
        scalar: int = 0,
        masked: int = 0,
    ) -> None:
        """One arithmetic instruction; its destination is stored and expected to hold these values."""
        fields = function6 << 26 | (1 - masked) << 25 | vs2 << 20 | vs1 << 15 | function3 << 12 | vd << 7
        self.add(0b1010111 | fields, scalar)
        place = self.results + len(self.expected) * self.words_per_register
        self.add(0b0100111 | 1 << 25 | vd << 7, 0, place | 1 << 16)
        self.expected.append(np.ascontiguousarray(expected).tobytes())

    def finish(self) -> None:
        self.transfer(self.results, self.results, len(self.expected) * self.words_per_register, to_memory=True)


def vector_program(lanes: int, vlen_bits: int) -> VectorProgram:
    rng = np.random.default_rng(vlen_bits)
    floats = [rng.standard_normal(vlen_bits // 32).astype("<f4") for _ in range(3)]
    words = [rng.integers(-(2**31), 2**31, vlen_bits // 32).astype("<i4") for _ in range(2)]
    octets = [rng.integers(-128, 128, vlen_bits // 8).astype("<i1") for _ in range(2)]
    halves = [rng.integers(-(2**15), 2**15, vlen_bits // 16).astype("<i2") for _ in range(2)]
    program = VectorProgram(vlen_bits, [*floats, *words, *octets, *halves])  # v1 to v9
    wide = [f.astype(np.float64) for f in floats]  # a product is exact there, so the sum is rounded almost as if fused
    pi = int(np.float32(3.1415927).view("<u4"))
    less = words[0] < words[1]
    program.operate(0b101100, 1, 3, 2, 1, (wide[0] * wide[1] + wide[2]).astype("<f4"))
    program.operate(0b101100, 5, 1, 2, 0, (float(np.float32(3.1415927)) * wide[1] + wide[0]).astype("<f4"), pi << 32 | pi)
    total = words[0] + words[1]
    program.operate(0b000000, 0, 20, 4, 5, total)
    program.operate(0b000010, 0, 21, 4, 5, words[0] - words[1])
    program.operate(0b000111, 0, 22, 4, 5, np.maximum(words[0], words[1]))
    program.operate(0b011011, 0, 23, 4, 5, np.where(less, -1, 0).astype("<i4"))  # the comparison also sets the mask
    program.operate(0b000000, 0, 22, 4, 4, np.where(less, 2 * words[0], np.maximum(*words)).astype("<i4"), masked=1)
    beats = words[0].view("<u1").reshape(-1, 8 * lanes)
    program.operate(0b001111, 4, 24, 4, 0, np.roll(beats, -(8 * (1 % lanes) + 3), axis=1), 1 << 3 | 3)
    total = total + words[0] * words[1]
    program.operate(0b101101, 2, 20, 4, 5, total)
    program.configure(0, vlen_bits // 8)
    program.operate(0b000000, 0, 25, 6, 7, octets[0] + octets[1])
    total = total + (octets[0].astype("<i4") * octets[1]).reshape(-1, 4).sum(axis=1).astype("<i4")
    program.operate(0b101101, 2, 20, 6, 7, total)
    program.configure(1, vlen_bits // 16)
    program.operate(0b000111, 0, 26, 8, 9, np.maximum(halves[0], halves[1]))
    total = total + (halves[0].astype("<i8") * halves[1]).reshape(-1, 2).sum(axis=1).astype("<i4")
    program.operate(0b101101, 2, 20, 8, 9, total)
    program.finish()
    return program


@pytest.mark.parametrize(("lanes", "vlen_bits"), [(1, 256), (4, 1024), (16, 1024)])
def test_the_vector_engine_computes_what_numpy_does(root: Path, tmp_path: Path, lanes: int, vlen_bits: int) -> None:
    program = vector_program(lanes, vlen_bits)
    lines = simulate(root, "rvv_npu", tmp_path, program.memory, program.entries, LANES=lanes, VLEN=vlen_bits)
    assert len(lines) == 4096
    for number, expected in enumerate(program.expected):
        first = program.results + number * program.words_per_register
        got = lines[first : first + program.words_per_register]
        assert got == [f"{word:016x}" for word in np.frombuffer(expected, "<u8")], f"operation {number}"


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (16, 16), (8, 24), (24, 8)])
def test_the_systolic_array_multiplies_matrices(root: Path, tmp_path: Path, rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows + columns)
    weights = rng.integers(-128, 128, (rows, columns)).astype(np.int8)
    activations = rng.integers(-128, 128, (12, rows)).astype(np.int8)
    groups = max(rows, columns) // 8  # buffers are filled in turn, those that a side lacks get words that nobody reads

    def padded(values: np.ndarray) -> np.ndarray:
        return np.pad(values, ((0, 0), (0, 8 * groups - values.shape[1])))

    memory = padded(weights[::-1]).tobytes() + padded(activations).tobytes()  # the last row of weights goes in first

    def command(number: int, count: int = 0, base: int = 0, first: int = 0, bank: int = 0) -> str:
        return f"{bank << 60 | first << 59 | base << 19 | count << 3 | number:016x}"

    program = [
        command(3, rows * groups), command(4, 12 * groups, 8 * rows * groups, bank=1), command(0),
        command(1, 12, first=1), command(1, 12), command(2, 12),
    ]  # fmt: skip
    lines = simulate(root, "systolic", tmp_path, memory, program, ROWS=rows, COLS=columns)
    sums = 2 * (activations.astype(np.int64) @ weights.astype(np.int64))  # streamed twice, added up
    expected = np.clip(sums * 3 >> 9, -128, 127).astype(np.int8)
    assert [line.zfill(2 * columns) for line in lines] == [row[::-1].tobytes().hex() for row in expected]
