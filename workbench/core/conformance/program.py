"""A random program as an ELF: it loads all registers, runs its items with their records, and does that for some rounds.

Every round begins with registers from another part of a random image; memory stays as the round before left it. In the end
the program writes its record, all registers and the data area to standard output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.core.conformance.record import DATA, LOG, TEMPORARY, Item
from workbench.isa.encode import assemble
from workbench.isa.program import Program, Segment

_CODE, _POINTER, _IMAGE, _DATA_AREA, _FINAL, _RECORD = 0x10000, 0xF00000, 0x1000000, 0x2000000, 0x3000000, 0x4000000
DATA_BYTES = 1 << 16
_SCALARS = 64 * 8
_SPECIAL_16 = (0, 0x8000, 0x7C00, 0xFC00, 0x7E00, 0x7D01, 1, 0x8001, 0x3C00, 0xBC00, 0x7BFF, 0x0400)
_SPECIAL_32 = (
    0, 1 << 31, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 1, 0x80000001, 0x3F800000, 0xBF800000, 0x4F000000,
    0x7F7FFFFF, 0x00800000, 0x807FFFFF,
)  # fmt: skip
_SPECIAL_64 = (1, 1 << 63, 0x7FF << 52, 0xFFF << 52, 0x7FF1 << 48, 0x3FF << 52, 0x3CA << 52, 0x7FEF << 48, (1 << 52) - 1)
Lines = list[tuple[int | str, ...]]


def random_image(rng: np.random.Generator, count: int) -> bytes:
    """Bytes that are interesting as integers and as floats of three widths."""
    size = count // 8
    words = rng.integers(0, 1 << 64, size, dtype=np.uint64)
    boxed = np.uint64(0xFFFFFFFF00000000)
    kind = rng.integers(0, 12, size)
    small = rng.integers(-100, 100, size)
    singles = (rng.standard_normal(size) * 2.0 ** rng.integers(-20, 40, size)).astype(np.float32).view(np.uint32)
    doubles = (rng.standard_normal(size) * 2.0 ** rng.integers(-40, 80, size)).view(np.uint64)
    halves = (rng.standard_normal(size * 4) * 2.0 ** rng.integers(-12, 10, size * 4)).astype(np.float16).view(np.uint64)
    special16 = rng.choice(np.array(_SPECIAL_16, np.uint16), size * 4).view(np.uint64)
    special32 = rng.choice(np.array(_SPECIAL_32, np.uint64), size)
    special64 = rng.choice(np.array(_SPECIAL_64, np.uint64), size) ^ (small > 0).astype(np.uint64) << np.uint64(63)
    pairs = singles.astype(np.uint64) | np.roll(singles, 1).astype(np.uint64) << np.uint64(32)
    box16 = np.uint64(0xFFFFFFFFFFFF0000)
    for number, values in enumerate((
        small.view(np.uint64), singles.astype(np.uint64) | boxed, doubles, doubles, special32 | boxed,
        special32 | np.roll(special32, 1) << np.uint64(32), pairs, halves, halves | box16, special16, special64,
    )):  # fmt: skip
        words = np.where(kind == number, values, words)
    return words.astype("<u8").tobytes()


@dataclass(frozen=True)
class Layout:
    """Where the parts of a program's output lie."""

    record_bytes: int  # of one round
    rounds: int
    vlenb: int

    @property
    def final_at(self) -> int:
        """Offset of the registers."""
        return self.record_bytes * self.rounds

    def name(self, at: int) -> str:
        """What an offset behind the record holds."""
        at -= self.final_at
        if at < _SCALARS:
            return f"x{at // 8}" if at < 256 else f"f{at // 8 - 32}"
        at -= _SCALARS
        if at < 32 * self.vlenb:
            return f"v{at // self.vlenb} byte {at % self.vlenb}"
        return f"data {at - 32 * self.vlenb - DATA_BYTES // 2:+d}"


def program_of(
    items: list[Item], rng: np.random.Generator, vlen_bits: int, rounds: int, shift: int = 0
) -> tuple[Program, Layout]:
    """The program, its code moved by `shift` instructions, and the layout of its output."""
    vlenb = vlen_bits // 8
    layout = Layout(sum(item.record_bytes(vlenb) for item in items), rounds, vlenb)
    image_bytes = _SCALARS + 32 * vlenb
    image, data = random_image(rng, image_bytes * rounds), random_image(rng, DATA_BYTES)
    body = b"".join(item.code + item.recording(vlenb) for item in items)
    body += b"\x01\x00" if len(body) % 4 else b""  # c.nop
    start = assemble(*[("addi", 0, 0, 0)] * shift, ("lui", LOG, _RECORD))
    loop = _load_registers(vlenb, image_bytes) + body + assemble(*_next_pointer())
    back = assemble(("bge", TEMPORARY, 31, 8), ("jal", 0, -len(loop) - 4))
    code = start + loop + back + _finish(vlenb, layout)
    record = max(layout.final_at, 8)
    segments = (
        Segment(_CODE, code, len(code), 5), Segment(_POINTER, _pointer(image_bytes * rounds), 16, 6),
        Segment(_IMAGE, image, len(image), 4), Segment(_DATA_AREA, data, len(data), 6),
        Segment(_FINAL, b"", _SCALARS + 32 * vlenb, 6), Segment(_RECORD, b"", record, 6),
    )  # fmt: skip
    return Program("random.elf", _CODE, segments), layout


def _pointer(total: int) -> bytes:
    return _IMAGE.to_bytes(8, "little") + (_IMAGE + total).to_bytes(8, "little")


def _load_registers(vlenb: int, image_bytes: int) -> bytes:
    low = (image_bytes & 0xFFF) - (0x1000 if image_bytes & 0x800 else 0)
    lines: Lines = [
        ("lui", 31, _POINTER), ("ld", TEMPORARY, 0, 31), ("lui", 1, image_bytes - low), ("addi", 1, 1, low),
        ("add", 1, TEMPORARY, 1), ("sd", 1, 0, 31), ("addi", 31, TEMPORARY, _SCALARS),
        ("addi", 1, 0, vlenb), ("slli", 1, 1, 3),
    ]  # fmt: skip
    for group in range(0, 32, 8):
        lines += [("vl8re8.v", group, 31), ("add", 31, 31, 1)]
    lines += [("fld", n, (32 + n) * 8, TEMPORARY) for n in range(32)]
    lines += [("ld", n, n * 8, TEMPORARY) for n in range(1, LOG)]
    lines += [("lui", DATA, _DATA_AREA + DATA_BYTES // 2), ("addi", 2, DATA, 0), ("vsetivli", 0, 4, 0)]
    return assemble(*lines)


def _next_pointer() -> Lines:
    return [("lui", 31, _POINTER), ("ld", TEMPORARY, 0, 31), ("ld", 31, 8, 31)]


def _finish(vlenb: int, layout: Layout) -> bytes:
    lines: Lines = [("lui", TEMPORARY, _FINAL)]
    lines += [("sd", n, n * 8, TEMPORARY) for n in range(1, LOG)]
    lines += [("fsd", n, (32 + n) * 8, TEMPORARY) for n in range(32)]
    lines += [("addi", 31, TEMPORARY, _SCALARS), ("addi", 1, 0, vlenb), ("slli", 1, 1, 3)]
    for group in range(0, 32, 8):
        lines += [("vs8r.v", group, 31), ("add", 31, 31, 1)]
    for address, count in ((_RECORD, layout.final_at), (_FINAL, _SCALARS + 32 * vlenb), (_DATA_AREA, DATA_BYTES)):
        lines += _write(address, count)
    return assemble(*lines, ("addi", 10, 0, 0), ("addi", 17, 0, 93), ("ecall",))


def _write(address: int, count: int) -> Lines:
    low = (count & 0xFFF) - (0x1000 if count & 0x800 else 0)
    return [
        ("addi", 10, 0, 1), ("lui", 11, address), ("lui", 12, count - low), ("addi", 12, 12, low),
        ("addi", 17, 0, 64), ("ecall",),
    ]  # fmt: skip
