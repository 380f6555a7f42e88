"""``python -m workbench.core.conformance [INSTRUCTIONS] [--seed S]``: compare with QEMU, print what differs.

Exit code 1 if anything differs or a row of the table was never drawn.
"""

from __future__ import annotations

import argparse
import sys
import time

from workbench.base.errors import WorkbenchError
from workbench.core.conformance.compare import check_many
from workbench.core.conformance.generate import DEVIATIONS, EXCLUDED
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import COMPRESSED

REPORT_SECONDS = 30.0  # between lines of progress where there is no terminal


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.core.conformance", description="Random instructions against QEMU."
    )
    parser.add_argument(
        "instructions", nargs="?", type=int, default=10_000_000, help="at least so many (default: ten million)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first program; each program has the next one")
    options = parser.parse_args(arguments)
    if options.instructions < 1:
        parser.error(f"INSTRUCTIONS is {options.instructions}: give at least 1")
    return options


def main(options: argparse.Namespace) -> int:
    """Run and report."""
    instructions, seed = options.instructions, options.seed
    started = time.monotonic()
    next_line = REPORT_SECONDS

    def report(done: int, different: int) -> None:
        nonlocal next_line
        seconds = time.monotonic() - started
        left = seconds * (instructions - done) / max(done, 1)
        text = f"{done:,} of {instructions:,} instructions, {different} differences, {max(left, 0) / 60:.0f} min left"
        if sys.stderr.isatty():
            print(f"\r{text}", end="", file=sys.stderr)
        elif seconds >= next_line:
            next_line = seconds + REPORT_SECONDS
            print(text, file=sys.stderr, flush=True)

    hits, differences = check_many(seed, instructions, report=report)
    for difference in differences:
        print(f"seed {difference.seed}: {difference.text}")
    rows = {row.mnemonic for row in TABLE} | {row.name for row in COMPRESSED}
    missed = rows - set(hits) - set(EXCLUDED)
    seconds = time.monotonic() - started
    print(f"{hits.total():,} random instructions, {len(differences)} differences, {seconds:.0f} s")
    print(f"{len(hits)} of {len(rows)} rows of the table hit, the rarest {min(hits.values())} times")
    for name, reason in EXCLUDED.items():
        print(f"left out: {name}: {reason}")
    for name, reason in DEVIATIONS.items():
        print(f"QEMU differs from the manual: {name}: {reason}")
    if missed:
        print(f"never drawn: {', '.join(sorted(missed))}")
    return 1 if differences or missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(parse()))
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
