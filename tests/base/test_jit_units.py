"""Units: kernels that are called by their address."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from workbench.base.jit import kernel
from workbench.base.jit_units import Unit, unit, unit_call

PAIR = np.dtype([("count", np.int64), ("step", np.int32)], align=True)
_add = unit_call(PAIR, int, PAIR)


@unit(PAIR, int, PAIR)
def add(total, times, other):
    """Adds."""
    total.count += times * other.step
    return total.count


@kernel(cache=False)
def sum_up(pairs, address):
    total = 0
    for times in range(3):
        total += _add(address, (pairs[0], times, pairs[1]))
    return total


def test_a_unit_changes_its_caller_s_records_and_answers() -> None:
    pairs = np.array([(10, 1), (0, 7)], PAIR)
    assert isinstance(add, Unit)
    assert sum_up(pairs, add.address()) == 10 + 17 + 31
    assert pairs["count"].tolist() == [31, 0]
    assert add.is_compiled() and add.address() == add.address()


def test_an_error_in_a_unit_reaches_python_in_a_checked_run(tmp_path: Path) -> None:
    script = tmp_path / "checked.py"
    script.write_text(
        "import numpy as np\n"
        "from workbench.base.jit import kernel\n"
        "from workbench.base.jit_units import unit, unit_call\n"
        "ROOM = np.dtype([('places', np.int64, 4)])\n"
        "call = unit_call(ROOM, int)\n"
        "@unit(ROOM, int)\n"
        "def place(room, k):\n"
        "    return room.places[k]\n"
        "@kernel(cache=False)\n"
        "def ask(rooms, address, k):\n"
        "    return call(address, (rooms[0], k))\n"
        "rooms = np.zeros(1, ROOM)\n"
        "print(ask(rooms, place.address(), 3))\n"
        "try:\n"
        "    ask(rooms, place.address(), 4)\n"
        "except IndexError:\n"
        "    print('out of bounds')\n"
    )
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "WORKBENCH_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment)
    assert done.stdout.split("\n")[:2] == ["0", "out of bounds"], done.stderr
