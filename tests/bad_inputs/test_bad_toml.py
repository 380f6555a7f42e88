"""Technologies and cores with impossible values: each ends in one sentence that names the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.base.errors import InputError
from workbench.base.places import data_folder
from workbench.core.config import load_core
from workbench.ppa import technology

SHIPPED = Path(technology.__file__).parent / "technologies" / "asap7.toml"


def complaint(folder: Path, source: Path, field: str, value: str) -> str:
    """What the file ends in with `field = value`, its folder cut off."""
    lines = source.read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith(f"{field} ="))
    lines[number] = f"{field} = {value}"
    path = folder / "t.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError) as caught:
        (technology.load_technology if source == SHIPPED else load_core)(str(path))
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("node_nm", "0", "t.toml, node_nm: found 0, expected greater than or equal to 1"),
        ("voltage_v", "-1", "t.toml, voltage_v: found -1, expected greater than 0"),
        ("fo4_ps", "0", "t.toml, logic.fo4_ps: found 0, expected greater than 0"),
        ("fo4_ps", "nan", "t.toml, logic.fo4_ps: found nan, expected a finite number"),
        ("fo4_ps", "1e300", "t.toml, logic.fo4_ps: found 1e+300, expected less than or equal to 1000000"),
        ("utilization", "0", "t.toml, logic.utilization: found 0, expected greater than 0"),
        ("clock_uncertainty", "1.0", "t.toml, logic.clock_uncertainty: found 1.0, expected less than 1"),
        ("core_cycle_fo4", '"20"', "t.toml, logic.core_cycle_fo4: found '20', expected a valid number"),
    ],
)
def test_impossible_technologies(tmp_path: Path, field: str, value: str, sentence: str) -> None:
    assert complaint(tmp_path, SHIPPED, field, value) == f"{sentence}; correct the value."


@pytest.mark.parametrize(
    ("value", "found"), [("true", "True"), ('"160"', "'160'"), ("[]", "[]"), ("1e3", "1000.0"), ("160.5", "160.5")]
)
def test_nothing_is_taken_for_a_whole_number(tmp_path: Path, value: str, found: str) -> None:
    core = data_folder("cores") / "xiangshan_kunminghu_v2.toml"
    message = complaint(tmp_path, core, "rob_size", value)
    assert message.startswith(f"t.toml, backend.rob_size: found {found}, expected a valid integer")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        (
            "trap_cycles",
            "9223372036854775808",
            "backend.trap_cycles: found 9223372036854775808, expected less than or equal to",
        ),
        ("walk_latency_cycles", "1000001", "memory.tlb.walk_latency_cycles: found 1000001, expected less than or equal to"),
        ("frequency_mhz", "1e-300", "frequency_mhz: found 1e-300, expected greater than or equal to 1"),
        ("rob_size", "-1", "backend.rob_size: found -1, expected greater than or equal to 1"),
    ],
)
def test_impossible_cores(tmp_path: Path, field: str, value: str, sentence: str) -> None:
    core = data_folder("cores") / "xiangshan_kunminghu_v2.toml"
    assert complaint(tmp_path, core, field, value).startswith(f"t.toml, {sentence}")
