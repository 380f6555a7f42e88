"""``python -m workbench.core.conformance [INSTRUCTIONS [SEED]]``: compare with QEMU, print what differs."""

from __future__ import annotations

import sys
import time

from workbench.core.conformance.compare import check_many


def main(arguments: list[str]) -> int:
    """Run and report; 1 if anything differs."""
    instructions = int(arguments[0]) if arguments else 50_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    started = time.monotonic()
    hits, differences = check_many(seed, instructions)
    for difference in differences:
        print(f"seed {difference.seed}: {difference.text}")
    total, seconds = sum(hits.values()), time.monotonic() - started
    print(f"{total:,} random instructions, {len(hits)} kinds, {len(differences)} differences, {seconds:.0f} s")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
