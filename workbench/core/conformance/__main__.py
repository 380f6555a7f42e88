"""``python -m workbench.core.conformance [INSTRUCTIONS [SEED]]``: compare with QEMU, print what differs.

INSTRUCTIONS is ten million if left out. Exit code 1 if anything differs or a row of the table was never drawn.
"""

from __future__ import annotations

import sys
import time

from workbench.core.conformance.compare import check_many
from workbench.core.conformance.generate import DEVIATIONS, EXCLUDED
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import COMPRESSED


def main(arguments: list[str]) -> int:
    """Run and report."""
    instructions = int(arguments[0]) if arguments else 10_000_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    started = time.monotonic()

    def report(done: int, different: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:,} of {instructions:,} instructions, {different} differences", end="", file=sys.stderr)

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
    sys.exit(main(sys.argv[1:]))
