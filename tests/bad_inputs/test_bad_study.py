"""Studies with names that nothing has: refused before any work, each in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.place.agents.base import AGENTS

TEXT = """
name = "s"
networks = ["squeezenet"]
[[designs]]
name = "a"
core = "thead_c906"
netlist = "rvv_npu"
placement = { agent = "annealing" }
technology = "asap7"
"""
CORES = ", ".join(sorted(path.stem for path in (Path(__file__).parents[2] / "cores").glob("*.toml")))
CHANGES = {
    ('"squeezenet"', '"squeezenot"'): "s.toml, networks: found 'squeezenot', expected one of squeezenet; correct the name.",
    ('["squeezenet"]', "[]"): "s.toml, networks: found 0, expected at least 1; add one.",
    ('"thead_c906"', '"z80"'): f"core: found 'z80', expected one of {CORES}; see `workbench list cores`.",
    ('"rvv_npu"', '"rvv"'): "s.toml, designs.0.netlist: found 'rvv', expected one of rvv_npu; correct the name.",
    ('"annealing"', '"luck"'): "s.toml, designs.0.placement.agent: found 'luck', expected one of "
    + f"{', '.join(sorted(AGENTS))}; correct the name.",
    ('"asap7"', '"n2"'): "technology: found 'n2', expected one of asap7, nangate45; see `workbench list technologies`.",
    ('agent = "annealing"', 'agent = "annealing", seconds = nan'): "s.toml, designs.0.placement.seconds: found nan, "
    "expected a finite number; correct the value.",
    ('name = "s"', 'name = "s'): "s.toml: found invalid TOML (Illegal character '\\n' (at line 2, column 10)), "
    "expected TOML; correct the file there.",
    ('name = "s"', 'name = "s"\nresimulate = "yes"'): "s.toml, resimulate: found 'yes', expected a valid boolean; "
    "correct the value.",
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_mistake_has_its_sentence(tmp_path: Path, monkeypatch, capsys, change) -> None:
    path = tmp_path / "s.toml"
    path.write_text(TEXT.replace(*change))
    monkeypatch.setattr(sys, "argv", ["workbench", "compare", str(path), "--out", str(tmp_path / "runs")])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    assert (left.value.code, out) == (2, "")
    assert err.replace(f"{tmp_path}/", "") == f"workbench: {CHANGES[change]}\n"
    assert not (tmp_path / "runs").exists()
