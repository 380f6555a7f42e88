"""Scalar arithmetic in all rounding modes against exact fractions: results and flags, halves, singles and doubles."""

from __future__ import annotations

import random
import sys
from fractions import Fraction
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from exact_floats import EXPONENT_AND_FRACTION_BITS, bias, root, rounded, value  # noqa: E402

COUNT = 25
LETTER = {"h": "h", "s": "w", "d": "d"}


def pattern(rng: random.Random, kind: str) -> int:
    """Of numbers near 1, near the limits, and with few bits, so that ties, cancellation and tiny results happen."""
    exponent_bits, fraction_bits = EXPONENT_AND_FRACTION_BITS[kind]
    largest = (1 << exponent_bits) - 2
    near = min(max(bias(kind) + rng.randrange(-fraction_bits - 2, fraction_bits + 2), 0), largest)
    exponent = rng.choice([near, near, near, 0, 1, 2, largest, bias(kind) // 2])
    fraction = rng.getrandbits(fraction_bits) & -(1 << rng.randrange(fraction_bits + 1))
    return rng.getrandbits(1) << exponent_bits + fraction_bits | exponent << fraction_bits | fraction


OPERATIONS = {
    "fadd": (2, lambda a, b: a + b),
    "fsub": (2, lambda a, b: a - b),
    "fmul": (2, lambda a, b: a * b),
    "fdiv": (2, lambda a, b: a / b if b else None),
    "fsqrt": (1, lambda a: root(a) if a > 0 else None),
    "fmadd": (3, lambda a, b, c: a * b + c),
    "fnmsub": (3, lambda a, b, c: c - a * b),
}


def cases(kind: str, seed: int) -> list[tuple[str, tuple[int, ...], int, Fraction]]:
    """(operation, operands, rounding mode, exact result)."""
    rng = random.Random(seed)
    found = []
    for name, (operands, function) in OPERATIONS.items():
        done = 0
        while done < COUNT:
            patterns = tuple(pattern(rng, kind) for _ in range(operands))
            exact = function(*(value(p, kind) for p in patterns))
            if exact:
                found.append((name, patterns, done % 5, exact))
                done += 1
    return found


@pytest.mark.parametrize("kind", ["h", "s", "d"])
def test_arithmetic_is_rounded_once_in_the_mode_asked_for_and_raises_its_flags(execute, kind):
    wanted, lines, data = [], [("lui", "s2", 0x200000)], b""
    move = f"fmv.{LETTER[kind]}.x"
    for name, patterns, mode, exact in cases(kind, 7):
        data += b"".join(p.to_bytes(8, "little") for p in (*patterns, 0, 0)[:3])
        for register in range(3):
            lines += [("ld", "t0", 8 * register, "s0"), (move, f"f{1 + register}", "t0")]
        operands = ["f1", "f2", "f3"][: len(patterns)]
        lines += [("csrrwi", 0, 1, 0), (f"{name}.{kind}", "f4", *operands, mode), ("csrrs", "t1", 1, 0)]
        lines += [(f"fmv.x.{LETTER[kind]}", "t2", "f4"), ("sd", "t2", 0, "s2"), ("sd", "t1", 8, "s2")]
        lines += [("addi", "s0", "s0", 24), ("addi", "s2", "s2", 16)]
        wanted.append((name, patterns, mode, *rounded(exact, kind, mode)))
    machine = execute(lines, data=data + bytes((1 << 21) - len(data)))
    mask = (1 << sum(EXPONENT_AND_FRACTION_BITS[kind]) + 1) - 1
    for place, case in enumerate(wanted):
        content = machine.memory.read(0x200000 + 16 * place, 16)
        got = int.from_bytes(content[:8], "little") & mask, int.from_bytes(content[8:], "little")
        assert got == case[3:], case
