from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path


def test_imports_respect_the_floors(root: Path) -> None:
    done = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, workbench.cli.app\n"
        "heavy = {'numba', 'torch', 'onnx', 'streamlit', 'pandas', 'matplotlib', 'numpy'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    assert time.monotonic() - started < 30
