"""Run the same random program here and under qemu-riscv64 and compare every byte of state that it leaves."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.base.errors import WorkbenchError
from workbench.core.conformance.generate import DATA, TEMPORARY, Generator, Item
from workbench.core.run import run_program
from workbench.isa.disassemble import disassemble
from workbench.isa.elf import write_elf
from workbench.isa.encode import assemble
from workbench.isa.program import Program, Segment

_CODE, _START, _DATA_AREA, _DUMP = 0x10000, 0x200000, 0x400000, 0x600000
DATA_BYTES = 1 << 18
_SCALARS = 64 * 8 + 4 * 8  # x, f, then vl vtype vxsat vxrm
_VECTORS_AT = 1024
_SPECIAL_32 = (0, 1 << 31, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 1, 0x80000001, 0x3F800000, 0xBF800000, 0x4F000000)


@dataclass(frozen=True)
class Difference:
    """A program that ends differently: the item that causes it, and what differs."""

    seed: int
    item: Item
    text: str


def random_image(rng: np.random.Generator, count: int) -> bytes:
    """Bytes that are interesting as integers and as floats of both widths."""
    words = rng.integers(0, 1 << 64, count // 8, dtype=np.uint64)
    kind = rng.integers(0, 8, len(words))
    small = rng.integers(-100, 100, len(words))
    singles = (rng.standard_normal(len(words)) * 2.0 ** rng.integers(-20, 40, len(words))).astype(np.float32).view(np.uint32)
    doubles = (rng.standard_normal(len(words)) * 2.0 ** rng.integers(-40, 80, len(words))).view(np.uint64)
    special = rng.choice(np.array(_SPECIAL_32, np.uint64), len(words))
    boxed = np.uint64(0xFFFFFFFF00000000)
    words = np.where(kind == 0, small.view(np.uint64), words)
    words = np.where((kind == 1) | (kind == 2), singles.astype(np.uint64) | boxed, words)
    words = np.where((kind == 3) | (kind == 4), doubles, words)
    words = np.where(kind == 5, special | np.where(small > 0, boxed, special << np.uint64(32)), words)
    words = np.where(kind == 6, singles.astype(np.uint64) | np.roll(singles, 1).astype(np.uint64) << np.uint64(32), words)
    return words.astype("<u8").tobytes()


def program_of(items: list[Item], rng: np.random.Generator, vlen_bits: int, name: str = "random.elf") -> Program:
    """Load all registers, run the items, write all state to standard output, exit."""
    vlenb = vlen_bits // 8
    start = random_image(rng, 64 * 8 + 32 * vlenb)
    data = random_image(rng, DATA_BYTES)
    code = _prologue(vlenb) + b"".join(item.code for item in items)
    code += b"\x01\x00" if len(code) % 4 else b""  # c.nop
    code += _epilogue(vlenb)
    return Program(
        name, _CODE,
        (
            Segment(_CODE, code, len(code), 5), Segment(_START, start, len(start), 4),
            Segment(_DATA_AREA, data, len(data), 6), Segment(_DUMP, b"", _VECTORS_AT + 32 * vlenb, 6),
        ),
    )  # fmt: skip


def _prologue(vlenb: int) -> bytes:
    loads = [("fld", n, (32 + n) * 8, TEMPORARY) for n in range(32)]
    loads += [("ld", n, n * 8, TEMPORARY) for n in range(1, TEMPORARY)]
    vectors: list[tuple[int | str, ...]] = [("addi", 31, TEMPORARY, 512), ("addi", 1, 0, vlenb), ("slli", 1, 1, 3)]
    for group in range(0, 32, 8):
        vectors += [("vl8re8.v", group, 31), ("add", 31, 31, 1)]
    return assemble(
        ("lui", TEMPORARY, _START), *vectors, *loads, ("lui", DATA, _DATA_AREA + DATA_BYTES // 2), ("addi", 2, DATA, 0),
        ("vsetivli", 0, 4, 0),
    )  # fmt: skip


def _epilogue(vlenb: int) -> bytes:
    stores: list[tuple[int | str, ...]] = [("sd", n, n * 8, TEMPORARY) for n in range(1, TEMPORARY)]
    stores += [("fsd", n, (32 + n) * 8, TEMPORARY) for n in range(32)]
    for place, number in enumerate((0xC20, 0xC21, 0x009, 0x00A)):
        stores += [("csrrs", 1, number, 0), ("sd", 1, 512 + place * 8, TEMPORARY)]
    stores += [("addi", 31, TEMPORARY, _VECTORS_AT), ("addi", 1, 0, vlenb), ("slli", 1, 1, 3)]
    for group in range(0, 32, 8):
        stores += [("vs8r.v", group, 31), ("add", 31, 31, 1)]
    return assemble(
        ("lui", TEMPORARY, _DUMP), *stores,
        *_write(_DUMP, _VECTORS_AT + 32 * vlenb), *_write(_DATA_AREA, DATA_BYTES),
        ("addi", 10, 0, 0), ("addi", 17, 0, 93), ("ecall",),
    )  # fmt: skip


def _write(address: int, count: int) -> list[tuple[int | str, ...]]:
    low = (count & 0xFFF) - (0x1000 if count & 0x800 else 0)
    return [
        ("addi", 10, 0, 1), ("lui", 11, address), ("lui", 12, count - low), ("addi", 12, 12, low),
        ("addi", 17, 0, 64), ("ecall",),
    ]  # fmt: skip


def run_under_qemu(program: Program, vlen_bits: int, folder: Path) -> bytes:
    """Standard output under qemu-riscv64; WorkbenchError with its message if it fails."""
    path = write_elf(folder / program.name, program)
    path.chmod(0o755)
    command = ["qemu-riscv64", "-cpu", f"rv64,v=true,vlen={vlen_bits},elen=64", str(path)]
    done = subprocess.run(command, capture_output=True, timeout=120)
    if done.returncode:
        raise WorkbenchError(f"QEMU ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _qemu_aborts(program: Program, vlen_bits: int, folder: Path) -> bool:
    """QEMU 7.2's own failed assertion (static rounding of a vector conversion at the start of a translation block)."""
    try:
        run_under_qemu(program, vlen_bits, folder)
    except WorkbenchError as error:
        return "insn_start" in str(error)
    return False


def _ours(program: Program, vlen_bits: int) -> bytes:
    return run_program(program, None, vlen_bits=vlen_bits, space_bytes=16 << 20).stdout


def check_seed(seed: int, count: int, vlen_bits: int, folder: Path) -> tuple[list[Item], Difference | None]:
    """One random program of `count` items; None if all state is equal."""
    items = Generator(np.random.default_rng(seed)).items(count)
    if _qemu_aborts(program_of(items, np.random.default_rng(seed + 1), vlen_bits), vlen_bits, folder):
        items = [Item("", item.code[:-8]) if ".rtz." in item.mnemonic else item for item in items]

    def outputs(length: int) -> tuple[bytes, bytes]:
        program = program_of(items[:length], np.random.default_rng(seed + 1), vlen_bits)
        try:
            ours = _ours(program, vlen_bits)
        except WorkbenchError as error:
            ours = str(error).encode()
        try:
            theirs = run_under_qemu(program, vlen_bits, folder)
        except WorkbenchError as error:
            theirs = str(error).encode()
        return ours, theirs

    ours, theirs = outputs(count)
    if ours == theirs:
        return items, None
    low, high = 0, count  # equal after `low` items, different after `high`
    while high - low > 1:
        middle = (low + high) // 2
        same = len(set(outputs(middle))) == 1
        low, high = (middle, high) if same else (low, middle)
    ours, theirs = outputs(high)
    return items, Difference(
        seed, items[high - 1], _describe(items[high - 1], ours, theirs, vlen_bits // 8, outputs(low)[1])
    )


def _listing(code: bytes) -> str:
    lines, at = [], 0
    while at < len(code):
        word = int.from_bytes(code[at : at + 4], "little")
        lines.append(disassemble(word, at))
        at += 4 if word & 3 == 3 else 2
    return "; ".join(lines)


def _describe(item: Item, ours: bytes, theirs: bytes, vlenb: int, before: bytes) -> str:
    text = [f"{item.mnemonic}: {_listing(item.code)}"]
    if len(ours) != len(theirs):
        return "\n  ".join([*text, f"ours:   {ours[:300]!r}", f"QEMU's: {theirs[:300]!r}"])
    vl, vtype = struct.unpack_from("<QQ", theirs, 512)
    text.append(f"vl {vl}, vtype 0x{vtype:x}")
    shown = 0
    for at in range(0, len(ours), 8):
        if ours[at : at + 8] != theirs[at : at + 8] and shown < 6:
            shown += 1
            old, a, b = (part[at : at + 8][::-1].hex() for part in (before, ours, theirs))
            text.append(f"{_name(at, vlenb)}: before {old}, ours {a}, QEMU's {b}")
    return "\n  ".join(text)


def _name(at: int, vlenb: int) -> str:
    if at < _SCALARS:
        number = at // 8
        return (
            f"x{number}"
            if number < 32
            else f"f{number - 32}"
            if number < 64
            else ("vl", "vtype", "vxsat", "vxrm")[number - 64]
        )
    if at < _VECTORS_AT + 32 * vlenb:
        return f"v{(at - _VECTORS_AT) // vlenb} byte {(at - _VECTORS_AT) % vlenb}"
    return f"data {at - _VECTORS_AT - 32 * vlenb - DATA_BYTES // 2:+d}"


def check_many(first_seed: int, instructions: int, items_per_program: int = 500) -> tuple[dict[str, int], list[Difference]]:
    """Random programs at changing VLEN until `instructions` items have run; hits by row, what differed."""
    hits: dict[str, int] = {}
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(-(-instructions // items_per_program)):
            vlen_bits = (128, 256, 512, 1024)[number % 4]
            items, difference = check_seed(first_seed + number, items_per_program, vlen_bits, Path(folder))
            for item in items:
                if not item.mnemonic:  # left out
                    continue
                hits[item.mnemonic] = hits.get(item.mnemonic, 0) + 1
            if difference is not None:
                differences.append(difference)
    return hits, differences
