"""Fuzzes every registered reader of netlists and placements: damaged samples are read or refused in one sentence.

    python benchmarks/fuzz_readers.py --minutes 10 [--format bookshelf] [--seed 1]

Each round damages one file of a format's sample (tests/samples) and loads the design. Anything but a design or an
`InputError` is a bug: the damaged folder is kept and named. Exit code 1 if there was one.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from workbench.base.errors import InputError
from workbench.netlist.formats import PLACEMENTS, READERS, WRITERS
from workbench.netlist.load import load_design

SAMPLES = Path(__file__).resolve().parents[1] / "tests" / "samples"
SLOW_SECONDS = 20.0
"""A sample damaged in one place that takes longer than this is a bug as well."""
_WORDS = (
    b"", b"0", b"-1", b"1e308", b"nan", b"inf", b"99999999999999999999", b"\x00", b"\xff", b"\n", b"#", b'"', b"{", b"}",
    b":", b"/", b"../x", b"(", b")", b";", b"\t", b"1.5", b"terminal", b"N",
)  # fmt: skip


def damage(data: bytes, rng: random.Random) -> bytes:
    """The data with one to three small changes: a cut, a copy, a swapped, removed or foreign word, a flipped byte."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at, length = rng.randrange(len(data) + 1), rng.choice((1, 2, 5, 20, 200))
        kind = rng.randrange(6)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + data[at + length :]
        elif kind == 2:
            data = data[:at] + data[at : at + length] * rng.choice((2, 3, 50)) + data[at + length :]
        elif kind == 3:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        else:
            words = data.split(b" ") if kind == 4 else data.split(b"\n")
            i, j = rng.randrange(len(words)), rng.randrange(len(words))
            words[i] = rng.choice((*_WORDS, words[j], words[j]))
            data = (b" " if kind == 4 else b"\n").join(words)
    return data


def fuzz(name: str, rng: random.Random, folder: Path) -> str:
    """Damage a file of a sample in `folder` and load the design; "read" or "refused", any other exception passes."""
    shutil.copytree(SAMPLES / name, folder)
    placements = placements_of(folder, name)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    file = rng.choice(files)
    file.write_bytes(damage(file.read_bytes(), rng))
    chosen = rng.choice((None, *placements))
    try:
        load_design(folder, chosen)
    except InputError as error:
        if "\n" in str(error) or len(str(error)) > 2000:
            raise ValueError(f"not one sentence: {error}") from None
        return "refused"
    return "read"


def placements_of(folder: Path, name: str) -> list[Path]:
    """Placement files of a sample: one in each format that is both written and read, made from the sample itself."""
    written = {kind.name: kind for kind in WRITERS}
    paths = []
    for kind in PLACEMENTS:
        if kind.name in written:
            path = folder / "placements" / f"placed{kind.endings[0]}"
            written[kind.name].load()(path, load_design(SAMPLES / name))
            paths.append(path)
    return paths


def main() -> None:
    """Fuzz until the time is over; print what happened by format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--format", choices=[kind.name for kind in READERS], action="append")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = options.format or [kind.name for kind in READERS]
    outcomes: dict[str, Counter[str]] = {name: Counter() for name in names}
    until, seed = time.monotonic() + 60 * options.minutes, options.seed
    root = Path(tempfile.mkdtemp(prefix="fuzz-"))
    while time.monotonic() < until:
        for name in names:
            folder, started = root / f"{name}-{seed}", time.monotonic()
            try:
                outcome = fuzz(name, random.Random(f"{name} {seed}"), folder)
                if time.monotonic() - started > SLOW_SECONDS:
                    raise TimeoutError(f"took {time.monotonic() - started:.0f} s")
                shutil.rmtree(folder)
            except Exception:
                outcome = "failed"
                print(f"{folder}\n{traceback.format_exc(limit=-3)}", flush=True)
            outcomes[name][outcome] += 1
        seed += 1
    for name, counts in outcomes.items():
        print(f"{name:12} {sum(counts.values()):7} files  " + "  ".join(f"{key} {n}" for key, n in sorted(counts.items())))
    if any(counts["failed"] for counts in outcomes.values()):
        raise SystemExit(1)
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
