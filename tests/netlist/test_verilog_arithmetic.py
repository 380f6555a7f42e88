"""The arithmetic of the RTL, evaluated by slang, against exact rational arithmetic and numpy."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyslang
import pytest


class Functions:
    """Verilog functions of a file, called through slang; a new session now and then, since one may take 1e6 steps only."""

    def __init__(self, path: Path) -> None:
        self.functions = re.findall(r"^function .*?^endfunction", path.read_text(), re.DOTALL | re.MULTILINE)
        self.calls = 0

    def __call__(self, expression: str) -> int:
        if self.calls % 50 == 0:
            self.session = pyslang.ast.ScriptSession()
            for function in self.functions:
                self.session.eval(function)
        self.calls += 1
        value = self.session.eval(expression).value
        assert value is not None, expression
        return int(value)


@pytest.fixture(scope="module")
def fma(root: Path) -> Functions:
    return Functions(root / "netlists/rvv_npu/rtl/fma_functions.vh")


@pytest.fixture(scope="module")
def simd(root: Path) -> Functions:
    return Functions(root / "netlists/rvv_npu/rtl/simd_functions.vh")


def exact(word: int) -> Fraction:
    exponent, fraction = word >> 23 & 255, word & 0x7FFFFF
    return (-1) ** (word >> 31) * Fraction(fraction + (0x800000 if exponent else 0)) * Fraction(2) ** ((exponent or 1) - 150)


def rounded(value: Fraction, zero_sign: int) -> int:
    """The nearest single-precision word, ties to even, by rational arithmetic."""
    if value == 0:
        return zero_sign << 31
    sign, value = int(value < 0), abs(value)
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    exponent -= Fraction(2) ** exponent > value
    unit = max(exponent, -126) - 23
    significand = round(value / Fraction(2) ** unit)
    if significand == 1 << 24:
        significand, unit = 1 << 23, unit + 1
    if significand < 1 << 23:
        return sign << 31 | significand
    if unit + 150 >= 255:
        return sign << 31 | 0x7F800000
    return sign << 31 | (unit + 150) << 23 | significand & 0x7FFFFF


def fused(a: int, b: int, c: int) -> int:
    """a * b + c of single-precision words by the rules of IEEE 754, with the canonical NaN."""
    infinity, sign = 0x7F800000, (a ^ b) >> 31
    magnitudes = [word & 0x7FFFFFFF for word in (a, b, c)]
    infinite_product = infinity in magnitudes[:2]
    if max(magnitudes) > infinity or (infinite_product and 0 in magnitudes[:2]):
        return 0x7FC00000
    if infinite_product:
        return 0x7FC00000 if magnitudes[2] == infinity and c >> 31 != sign else sign << 31 | infinity
    if magnitudes[2] == infinity:
        return c
    product, addend = exact(a) * exact(b), exact(c)
    return rounded(product + addend, sign & c >> 31 if product == addend == 0 else 0)


SPECIAL = [
    0, 0x80000000, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x3F800000, 0xBF800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000,
    0x7FC00000, 0x7F800001,
]  # fmt: skip


def random_words(rng: np.random.Generator) -> tuple[int, int, int]:
    """Operands that hit specials, subnormals, nearby exponents and cancellation."""

    def word() -> int:
        kind = rng.random()
        if kind < 0.1:
            return int(rng.choice(SPECIAL))
        if kind < 0.5:
            return int(rng.integers(1 << 32))
        if kind < 0.6:
            return int(rng.integers(2)) << 31 | int(rng.integers(1 << int(rng.integers(1, 24))))
        mask = int(rng.choice([0x7FFFFF, 0x7FF000, 0x7F0000, 0]))
        return int(rng.integers(2)) << 31 | int(rng.integers(110, 146)) << 23 | int(rng.integers(1 << 23)) & mask

    a, b, c = word(), word(), word()
    if rng.random() < 0.2:
        c = (fused(a, b, 0) ^ 0x80000000) + int(rng.integers(-2, 3)) & 0xFFFFFFFF
    return a, b, c


def test_the_fused_multiply_add_rounds_every_case_exactly(fma: Functions) -> None:
    rng = np.random.default_rng(5)
    for a, b, c in [random_words(rng) for _ in range(1500)] + [(a, b, 0x3F800000) for a in SPECIAL for b in SPECIAL]:
        call = f"fma_round(fma_normalise(fma_add(fma_multiply(32'h{a:08x}, 32'h{b:08x}, 32'h{c:08x}))))"
        assert fma(call) == fused(a, b, c), f"{a:08x} {b:08x} {c:08x}"


def elements(word: int, dtype: str) -> np.ndarray:
    return np.frombuffer(word.to_bytes(8, "little"), dtype)


def as_word(values: np.ndarray) -> int:
    return int.from_bytes(values.tobytes(), "little")


ALU = {
    0: lambda a, b, n: a + b, 1: lambda a, b, n: a - b, 2: lambda a, b, n: a & b, 3: lambda a, b, n: a | b,
    4: lambda a, b, n: a ^ b, 5: lambda a, b, n: np.minimum(a, b), 6: lambda a, b, n: np.maximum(a, b),
    7: lambda a, b, n: a << (b & (n - 1)), 9: lambda a, b, n: a >> (b & (n - 1)),
    8: lambda a, b, n: (a.view(f"u{n // 8}") >> (b & (n - 1)).view(f"u{n // 8}")).view(a.dtype),
    10: lambda a, b, n: np.where(a == b, -1, 0).astype(a.dtype), 11: lambda a, b, n: np.where(a < b, -1, 0).astype(a.dtype),
}  # fmt: skip


@pytest.mark.parametrize("sew", [0, 1, 2, 3])
def test_the_integer_alu_agrees_with_numpy(simd: Functions, sew: int) -> None:
    rng = np.random.default_rng(sew)
    for op, reference in ALU.items():
        for _ in range(6):
            a, b = (int(x) for x in rng.integers(0, 1 << 64, 2, dtype=np.uint64))
            b = a if rng.random() < 0.2 else b
            left, right = (elements(word, f"<i{1 << sew}") for word in (a, b))
            got = simd(f"simd_alu(4'd{op}, 2'd{sew}, 64'h{a:016x}, 64'h{b:016x})")
            assert got == as_word(reference(left, right, 8 << sew)), (op, hex(a), hex(b))


@pytest.mark.parametrize(("name", "dtype", "group"), [("dot8", "<i1", 4), ("dot16", "<i2", 2), ("multiply32", "<i4", 1)])
def test_the_multipliers_agree_with_numpy(simd: Functions, name: str, dtype: str, group: int) -> None:
    rng = np.random.default_rng(group)
    words = [int(x) for x in rng.integers(0, 1 << 64, 60, dtype=np.uint64)] + [0x8080808080808080, 0x8000800080008000] * 2
    for a, b in zip(words[::2], words[1::2], strict=True):
        products = elements(a, dtype).astype(np.int64) * elements(b, dtype).astype(np.int64)
        sums = products.reshape(2, group).sum(axis=1).astype("<i4")
        assert simd(f"{name}(64'h{a:016x}, 64'h{b:016x})") == as_word(sums), (hex(a), hex(b))
