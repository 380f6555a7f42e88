"""Study files: names, files beside them, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.base.errors import InputError
from workbench.study.study import Study, read_study, slug_of

TEXT = """
name = "lanes"
networks = ["light_squeezenet", "mine.onnx"]

[[designs]]
name = "core alone"
core = "xiangshan_kunminghu_v2"

[[designs]]
name = "NPU, 4 lanes"
core = "xiangshan_kunminghu_v2_npu4"
netlist = "rvv_npu"
parameters = { LANES = 4, VLEN = 1024 }
placement = { agent = "annealing", seconds = 20 }
technology = "nangate45"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


def message(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as error:
        read_study(write(folder, text))
    return str(error.value).replace(str(folder), "F")


def test_names_stay_names_and_files_become_paths_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"x")
    study = read_study(write(tmp_path, TEXT))
    assert study.networks == ("light_squeezenet", str(tmp_path / "mine.onnx"))
    assert study.designs[1].parameters == {"LANES": 4, "VLEN": 1024}
    assert study.designs[1].placement is not None and study.designs[1].placement.label == "annealing"
    assert study.designs[0].technology == "asap7"
    assert [design.slug for design in study.designs] == ["core-alone", "npu-4-lanes"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert message(tmp_path, TEXT) == (
        "F/study.toml, networks: found no file 'mine.onnx', expected a file in the study's folder; check its name."
    )


def test_a_file_outside_the_studys_folder_is_refused(tmp_path: Path) -> None:
    text = TEXT.replace('"mine.onnx"', '"../other.onnx"')
    assert message(tmp_path, text) == (
        "F/study.toml, networks: found '../other.onnx', expected a file in the study's folder; move or link it there."
    )


def test_two_designs_of_one_name_are_refused(tmp_path: Path) -> None:
    text = TEXT.replace('"NPU, 4 lanes"', '"core  alone"').replace(', "mine.onnx"', "")
    assert message(tmp_path, text).startswith("F/study.toml, the file: found ")
    assert message(tmp_path, text).endswith("expected designs with different names; correct the value.")


def test_a_placement_needs_a_file_or_an_agent_but_not_both(tmp_path: Path) -> None:
    both = TEXT.replace('agent = "annealing"', 'agent = "annealing", file = "a.plc"').replace(', "mine.onnx"', "")
    assert "expected either a file or an agent; correct the value." in message(tmp_path, both)


def test_parameters_without_a_netlist_are_refused(tmp_path: Path) -> None:
    text = TEXT.replace('netlist = "rvv_npu"\n', "").replace(', "mine.onnx"', "")
    assert "expected a netlist with parameters or a placement; correct the value." in message(tmp_path, text)


def test_several_threads_and_a_netlist_are_refused(tmp_path: Path) -> None:
    text = TEXT.replace('netlist = "rvv_npu"\n', 'netlist = "rvv_npu"\nthreads = 4\n').replace(', "mine.onnx"', "")
    assert "expected one thread with a netlist, which is that of one core; correct the value." in message(tmp_path, text)


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    text = TEXT.replace("technology =", "tecnology =").replace(', "mine.onnx"', "")
    assert message(tmp_path, text) == (
        "F/study.toml, designs.1.tecnology: found an unknown field, expected a known field; correct its name or remove it."
    )


@pytest.mark.parametrize(
    ("name", "slug"), [("NPU, 4 lanes", "npu-4-lanes"), ("a/b.onnx", "b"), ("...", "x"), ("A+B", "a-b")]
)
def test_slugs_are_one_plain_part_of_a_path(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_studys_values_survive_their_own_json(maker) -> None:  # noqa: ANN001
    study = maker.small_study()
    assert Study.model_validate_json(study.model_dump_json(), strict=False) == study
