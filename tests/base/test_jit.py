"""The proof that an edit in a called module never returns stale machine code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import workbench
from workbench.base.jit import inner_kernel, kernel, reachable_modules


def run(tree: Path, code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(tree), "WORKBENCH_CACHE": str(tree / "cache")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tree)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_an_edit_in_a_called_module_recompiles_the_caller(tmp_path: Path) -> None:
    package = tmp_path / "workbench"
    shutil.copytree(Path(workbench.__file__).parent / "base", package / "base")
    (package / "__init__.py").write_text("")
    (package / "place").mkdir()
    (package / "place" / "__init__.py").write_text("")
    called, caller = package / "place" / "called.py", package / "place" / "caller.py"
    called.write_text("from workbench.base.jit import kernel\n@kernel\ndef step(x):\n    return x + 1\n")
    caller.write_text(
        "from workbench.base.jit import kernel\nfrom workbench.place.called import step\n"
        "@kernel\ndef twice(x):\n    return step(step(x))\n"
    )
    code = "from workbench.place.caller import twice\nvalue = twice(40)\nprint(value, sum(twice.stats.cache_hits.values()))"
    assert run(tmp_path, code) == "42 0"
    assert run(tmp_path, code) == "42 1", "the second run must come from the cache"
    stamp = caller.stat().st_mtime
    called.write_text(called.read_text().replace("x + 1", "x + 2"))
    os.utime(caller, (stamp, stamp))
    assert run(tmp_path, code) == "44 0"


def test_a_kernel_depends_on_what_its_module_imports_and_on_nothing_else() -> None:
    reached = reachable_modules("workbench.place.annealing")
    assert {"workbench.place.cost_kernels", "workbench.place.routing_kernels", "workbench.base.jit"} <= set(reached)
    assert not any(name.startswith(("workbench.place.agents", "workbench.cli", "workbench.core")) for name in reached)


def test_an_inner_kernel_is_compiled_once_whatever_constants_it_is_given():
    @inner_kernel
    def add(x, amount):
        return x + amount

    @kernel(cache=False)
    def total(x):
        return add(x, 1) + add(x, 2) + add(x, x)

    assert total(5) == 6 + 7 + 10
    assert len(add.overloads) == 1


def _function(is_called: bool):
    @inner_kernel(is_called=is_called)
    def tripled(x):
        if x < 0:
            raise ValueError("negative")
        return 3 * x

    @kernel(cache=False)
    def total(x):
        return tripled(x) + tripled(x + 1)

    return total


@pytest.mark.parametrize("is_called", [False, True])
def test_an_inner_kernel_stays_a_function_only_where_that_is_asked_for(is_called):
    total = _function(is_called)
    assert total(5) == 33
    with pytest.raises(ValueError, match="negative"):
        total(-5)
    assembly = next(iter(total.inspect_asm().values()))
    assert (re.search(r"\.type\s\S*tripled\S*,@function", assembly) is not None) == is_called


def test_quick_lookups_see_flags_that_are_set_and_flags_that_are_not():
    from numba.core.compiler import Flags

    from workbench.base.jit_speed import use_quick_lookups

    use_quick_lookups()
    plain, same, other = Flags(), Flags(), Flags()
    same.nrt, other.nrt = plain.nrt, not plain.nrt
    for flags in (plain, same, other):
        assert flags.values() == {name: getattr(flags, name) for name in flags.options}
    assert plain == same and hash(plain) == hash(same)
    assert plain != other
    same.discard("nrt")
    assert plain == same
